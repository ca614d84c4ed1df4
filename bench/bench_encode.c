/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode: GB/s that the whole command `aether encode -k 10 -m 4 IN -o DIR`
 * writes, from fork to exit, where IN is a file of 1 GiB that cannot be
 * compressed and all lies on one tmpfs. Baseline: `cp` of as many bytes as
 * there are in the shards, in turns with it; two files, of which one is IN.
 *
 * decode: the same for `aether decode` of all but four of the shards that hold
 * the file. Baseline: `cp IN OUT`.
 *
 * Outputs are removed before the next are written. What the first run made is
 * decoded and compared.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "child.h"
#include "place.h"

#define MIB ((uint64_t)1 << 20)
#define SIZE (1024 * MIB)
#define SIZE_QUICK (64 * MIB)
#define K 10
#define M 4
#define LOST "0123" /* shards that are removed to be decoded */
#define ROUNDS 16   /* with the first, which is dropped */
#define ROUNDS_MIN 4

struct files {
	uint64_t size;
	char aether[PATH_MAX];
	char in[BENCH_PATH_MAX];
	char more[BENCH_PATH_MAX]; /* as large as the parities */
	char shards[BENCH_PATH_MAX];
	char copies[BENCH_PATH_MAX];
	char out[BENCH_PATH_MAX];
};

/* Seconds of a command, from fork to exit; negative: it failed. */
static double run(const char *const *words)
{
	double start = bench_now();
	pid_t child = bench_start(words, -1, 0);
	int status;

	if (child < 0)
		return bench_fail(words[0], AETHER_ESYS);
	status = bench_wait(child);
	if (status == 0)
		return (bench_now() - start) / 1e9;
	fprintf(stderr, "aether bench: %s %s ended with status %d; run it\n",
		words[0], words[1], status);
	return AETHER_ESTAGE;
}

static double encode(const struct files *f)
{
	const char *words[] = { f->aether, "encode", "-k", "10",      "-m",
				"4",       f->in,    "-o", f->shards, NULL };

	return run(words);
}

static double decode(const struct files *f)
{
	const char *words[] = { f->aether, "decode", f->shards,
				"-o",      f->out,   NULL };

	return run(words);
}

/* As many bytes as there are in the shards, or as in the file. */
static double copy(const struct files *f, int all)
{
	const char *words[] = {
		"cp", "-t", f->copies, f->in, all ? f->more : NULL, NULL
	};

	return mkdir(f->copies, 0700) < 0 ? bench_fail("mkdir", AETHER_ESYS)
					  : run(words);
}

static double remove_all(const char *path)
{
	const char *words[] = { "rm", "-rf", path, NULL };

	return run(words);
}

/* Four shards that hold the file, so that all of it is computed or moved. */
static int lose(const struct files *f)
{
	char path[BENCH_PATH_MAX + 32];

	for (const char *c = LOST; *c; c++) {
		snprintf(path, sizeof(path), "%s/shard-00%c-of-014", f->shards,
			 *c);
		if (remove(path) < 0)
			return bench_fail("remove", AETHER_ESYS);
	}
	return 0;
}

/* What comes out is what went in. */
static int check(const struct files *f)
{
	const char *words[] = { "cmp", f->in, f->out, NULL };
	double t = decode(f);

	if (t >= 0)
		t = run(words);
	if (t >= 0)
		t = remove_all(f->out);
	return t < 0 ? (int)t : 0;
}

static int enough(int round, double start, double last)
{
	double seconds = (bench_now() - start) / 1e9;

	if (bench_quick)
		return round >= 2;
	return round >= ROUNDS || seconds + last > BENCH_SECONDS ||
	       (round >= ROUNDS_MIN && seconds > BENCH_SECONDS / 2);
}

static int prepare(struct bench_row *row, struct files *f)
{
	uint64_t parities;
	int err;

	f->size = bench_quick ? SIZE_QUICK : SIZE;
	parities = f->size / K * M;
	if (bench_beside(f->aether, sizeof(f->aether), "aether") < 0)
		return bench_skip(row,
				  "there is no aether beside aether-bench");
	bench_place_path(f->shards, "shards");
	bench_place_path(f->copies, "copies");
	bench_place_path(f->out, "decoded");
	err = bench_place_input(row, f->size, 2 * f->size, f->in);
	return err ? err : bench_place_input(row, parities, 0, f->more);
}

/* Both in turns; `first` begins a turn, `all`: the parities count, too. */
static int take_turns(struct bench_row *row, const struct files *f,
		      double (*one)(const struct files *), int all)
{
	double values[ROUNDS], baselines[ROUNDS], start = bench_now(), last = 0;
	double bytes = (double)f->size * (all ? K + M : K) / K / 1e9, t;
	int round = 0;

	for (; !enough(round, start, last); round++) {
		double begin = bench_now();

		t = copy(f, all);
		baselines[round] = bytes / t;
		if (t >= 0)
			t = remove_all(f->copies);
		if (t >= 0)
			t = one(f);
		values[round] = bytes / t;
		if (t >= 0 && all && round == 0)
			t = check(f);
		if (t >= 0)
			t = remove_all(all ? f->shards : f->out);
		if (t < 0)
			return (int)t;
		last = (bench_now() - begin) / 1e9;
	}
	if (round < 2)
		return bench_skip(row, "this machine is too slow for it");
	bench_compare(row, values, baselines, (size_t)round);
	return 0;
}

int bench_encode(struct bench_row *row)
{
	struct files f;
	int err = prepare(row, &f);

	return err ? err : take_turns(row, &f, encode, 1);
}

int bench_decode(struct bench_row *row)
{
	struct files f;
	int err = prepare(row, &f);
	double t = 0;

	if (err)
		return err;
	t = encode(&f);
	err = t < 0 ? (int)t : lose(&f);
	if (err == 0)
		err = check(&f);
	if (err == 0)
		err = take_turns(row, &f, decode, 0);
	remove_all(f.shards);
	return err;
}
