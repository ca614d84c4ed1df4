/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder in memory for the files of rows that stream: aether-bench.XXXXXX on
 * a tmpfs ($TMPDIR if it is one, else /dev/shm). The bench holds a lock on it
 * while it lives; a folder that nobody has locked was left by a bench that was
 * killed, and the next one removes it.
 */
#ifndef BENCH_PLACE_H
#define BENCH_PLACE_H

#include "bench.h"

#define BENCH_PATH_MAX 256

/* Makes the folder, if there is none yet. Negative: there is no tmpfs that
 * takes it; said by bench_place_room. Before the row is started, so that rows
 * share files. */
int bench_place_open(void);

/* Removes the folder and what is in it. Safe in the process that opened it
 * only. */
void bench_place_close(void);

/* Has it room for so many bytes more, the memory too? 0, or the row is
 * skipped. */
int bench_place_room(struct bench_row *row, uint64_t bytes);

/* The path of a file in it. */
void bench_place_path(char path[BENCH_PATH_MAX], const char *name);

/*
 * The path of a file of so many bytes that cannot be compressed; written if it
 * is not there. BENCH_SKIPPED if there is no room for it and for `more` bytes.
 */
int bench_place_input(struct bench_row *row, uint64_t bytes, uint64_t more,
		      char path[BENCH_PATH_MAX]);

#endif
