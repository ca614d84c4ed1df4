/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows are measured in a process each, and programs that rows start are theirs.
 */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <sys/types.h>
#include "bench.h"

/*
 * Measures the row in a child, in a group of its own, which is ended after
 * BENCH_SECONDS_KILLED or when a signal asks this process to end. A row that
 * names an instruction set is measured by this program executed anew, for the
 * set is chosen when the library is loaded. 0, BENCH_SKIPPED, or an error.
 */
int bench_child(const struct bench *bench, struct bench_row *row);

/* What that new program does: measures here, writes the row to `fd`. Does not
 * return. */
void bench_child_here(const struct bench *bench, int fd)
	__attribute__((noreturn));

/* From now on SIGINT, SIGTERM, SIGHUP and SIGPIPE end rows; and which one
 * came, or 0. */
void bench_stop_on(void);
int bench_stopped(void);

/*
 * Starts a program of the PATH, or of a path, in the caller's group; its
 * standard output goes to `out`, or nowhere if that is negative; its standard
 * error too goes nowhere if it is one that talks. It dies with the caller.
 * Negative: no process can be had.
 */
pid_t bench_start(const char *const *argv, int out, int talks);

/* Waits for it; its exit status, 127 if there is no such program, 128 and more
 * if a signal ended it. */
int bench_wait(pid_t pid);

/* Whether the PATH has a program of this name. */
int bench_has(const char *program);

/* The path of a program that is built and installed with this one. */
int bench_beside(char *path, size_t size, const char *program);

#endif
