/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file-in-..., file-out-...: ways of a file's bytes into strides and out of
 * them, GB/s, by one process, in pieces of a stride, on the folder of place.h.
 * Baselines, in turns with them: read for the ways in, write for the ways out.
 * They are what the choices of the flow stand on (decision 46). "in" ends with
 * the bytes in a piece of the process's own, "out" begins with them there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include "place.h"

#define MIB ((uint64_t)1 << 20)
#define SIZE (512 * MIB)
#define SIZE_QUICK (16 * MIB)
#define PIECE (128 * 1024)
#define PIECES 8 /* of one writev; of room for it */
#define AHEAD (64 * MIB)
#define ROUNDS 16 /* with the first, which is dropped */
#define ROUNDS_MIN 4
#define NANOSECONDS 8e9 /* a row ends itself after so many */

/* Moves `size` bytes between the file and the pieces. Negative: it failed, or
 * moved less than it was asked to, which no tmpfs with room does. */
struct way {
	const char *row;
	int (*move)(int fd, uint64_t size, unsigned char *pieces);
};

static uint64_t size_of_file(void)
{
	return bench_quick ? SIZE_QUICK : SIZE;
}

/* The piece that is next: pieces are used in turn, as strides are. */
static unsigned char *piece_at(unsigned char *pieces, uint64_t done)
{
	return pieces + done % (PIECES * PIECE);
}

static int in_read(int fd, uint64_t size, unsigned char *pieces)
{
	for (uint64_t i = 0; i < size; i += PIECE)
		if (read(fd, piece_at(pieces, i), PIECE) != PIECE)
			return -1;
	return 0;
}

static int in_mapped(int fd, uint64_t size, unsigned char *pieces, int flags)
{
	unsigned char *map = mmap(NULL, size, PROT_READ, MAP_SHARED | flags, fd,
				  0);

	if (map == MAP_FAILED)
		return -1;
	for (uint64_t i = 0; i < size; i += PIECE)
		memcpy(piece_at(pieces, i), map + i, PIECE);
	return munmap(map, size);
}

static int in_map(int fd, uint64_t size, unsigned char *pieces)
{
	return in_mapped(fd, size, pieces, 0);
}

static int in_populate(int fd, uint64_t size, unsigned char *pieces)
{
	return in_mapped(fd, size, pieces, MAP_POPULATE);
}

static int out_write(int fd, uint64_t size, unsigned char *pieces)
{
	for (uint64_t i = 0; i < size; i += PIECE)
		if (write(fd, piece_at(pieces, i), PIECE) != PIECE)
			return -1;
	return 0;
}

static int out_writev(int fd, uint64_t size, unsigned char *pieces)
{
	struct iovec v[PIECES];

	for (int i = 0; i < PIECES; i++)
		v[i] = (struct iovec) { .iov_base = pieces + i * PIECE,
					.iov_len = PIECE };
	for (uint64_t i = 0; i < size; i += PIECES * PIECE)
		if (writev(fd, v, PIECES) != PIECES * PIECE)
			return -1;
	return 0;
}

static int out_ahead(int fd, uint64_t size, unsigned char *pieces)
{
	for (uint64_t i = 0; i < size; i += PIECE) {
		if (i % AHEAD == 0 &&
		    fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)i,
			      (off_t)(size - i < AHEAD ? size - i : AHEAD)) < 0)
			return -1;
		if (write(fd, piece_at(pieces, i), PIECE) != PIECE)
			return -1;
	}
	return 0;
}

/* A piece into the pipe, and all that is in it on to the file. */
static int splice_piece(int fd, const int pipe_ends[2], unsigned char *piece)
{
	struct iovec v = { .iov_base = piece, .iov_len = PIECE };
	ssize_t n, moved;

	while (v.iov_len) {
		n = vmsplice(pipe_ends[1], &v, 1, 0);
		if (n <= 0)
			return -1;
		v.iov_base = (unsigned char *)v.iov_base + n;
		v.iov_len -= (size_t)n;
		for (; n > 0; n -= moved) {
			moved = splice(pipe_ends[0], NULL, fd, NULL, (size_t)n,
				       0);
			if (moved <= 0)
				return -1;
		}
	}
	return 0;
}

static int out_splice(int fd, uint64_t size, unsigned char *pieces)
{
	int ends[2];
	int err = pipe(ends);

	if (err < 0)
		return err;
	fcntl(ends[1], F_SETPIPE_SZ, PIECE);
	for (uint64_t i = 0; err == 0 && i < size; i += PIECE)
		err = splice_piece(fd, ends, piece_at(pieces, i));
	close(ends[0]);
	close(ends[1]);
	return err;
}

static int out_mapped(int fd, uint64_t size, unsigned char *pieces)
{
	unsigned char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_POPULATE, fd, 0);

	if (map == MAP_FAILED)
		return -1;
	for (uint64_t i = 0; i < size; i += PIECE)
		memcpy(map + i, piece_at(pieces, i), PIECE);
	return munmap(map, size);
}

static int out_map(int fd, uint64_t size, unsigned char *pieces)
{
	if (ftruncate(fd, (off_t)size) < 0)
		return -1;
	return out_mapped(fd, size, pieces);
}

static int out_map_ahead(int fd, uint64_t size, unsigned char *pieces)
{
	if (fallocate(fd, 0, 0, (off_t)size) < 0)
		return -1;
	return out_mapped(fd, size, pieces);
}

/* GB/s of one way, once. Negative: it failed, and that was said. */
static double speed(const struct way *way, const char *path, int flags,
		    unsigned char *pieces)
{
	uint64_t size = size_of_file();
	double start;
	int fd, err;

	if (flags & O_CREAT)
		unlink(path);
	fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd < 0)
		return bench_fail(way->row, AETHER_ESYS);
	start = bench_now();
	err = way->move(fd, size, pieces);
	if (close(fd) < 0 || err < 0)
		return bench_fail(way->row, AETHER_ESYS);
	return (double)size / (bench_now() - start);
}

static int enough(int round, double start)
{
	return round >= ROUNDS ||
	       (round >= ROUNDS_MIN && bench_now() - start > NANOSECONDS);
}

/* The row's way and the first of the ways, in turns. */
static int compare(struct bench_row *row, const struct way *ways,
		   const char *path, int flags)
{
	static _Alignas(4096) unsigned char pieces[PIECES * PIECE];
	const struct way *way = ways;
	double values[ROUNDS], baselines[ROUNDS];
	double start = bench_now();
	int round = 0;

	while (way->row && strcmp(way->row, row->name) != 0)
		way++;
	if (!way->row)
		return bench_fail(row->name, AETHER_EINVAL);
	memset(pieces, 1, sizeof(pieces));
	for (; !enough(round, start); round++) {
		baselines[round] = speed(ways, path, flags, pieces);
		values[round] = speed(way, path, flags, pieces);
		if (baselines[round] < 0 || values[round] < 0)
			return AETHER_ESYS;
	}
	bench_compare(row, values, baselines, (size_t)round);
	return 0;
}

int bench_file_in(struct bench_row *row)
{
	static const struct way ways[] = {
		{ "read", in_read },
		{ "file-in-map", in_map },
		{ "file-in-populate", in_populate },
		{ NULL, NULL },
	};
	char path[BENCH_PATH_MAX];
	int err = bench_place_input(row, size_of_file(), 0, path);

	return err ? err : compare(row, ways, path, O_RDONLY);
}

int bench_file_out(struct bench_row *row)
{
	static const struct way ways[] = {
		{ "write", out_write },
		{ "file-out-writev", out_writev },
		{ "file-out-ahead", out_ahead },
		{ "file-out-splice", out_splice },
		{ "file-out-map", out_map },
		{ "file-out-map-ahead", out_map_ahead },
		{ NULL, NULL },
	};
	char path[BENCH_PATH_MAX];
	int err = bench_place_room(row, size_of_file());

	if (err)
		return err;
	bench_place_path(path, "way-out");
	err = compare(row, ways, path, O_RDWR | O_CREAT);
	unlink(path);
	return err;
}
