/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline: GB/s of the whole command `aether run --burn xor:5a IN OUT`, from
 * fork to exit, where IN is a file of 1 GiB that cannot be compressed and both
 * lie on one tmpfs. Baseline: `cp IN OUT`, in turns with it. pipeline-raw: the
 * same with --raw --burn none.
 *
 * pipeline-small: strides of 4 KiB, strides a second. Baseline: as many as
 * hand-offs fit into a second, measured just before.
 *
 * flat-file-SIZE: the same as pipeline with a file of that size; baseline: with
 * one of 256 MiB.
 *
 * Each output is removed before the next one is written, so that both find the
 * same free pages. What the first run wrote is compared with what it should
 * be: a pipeline that is wrong must not look fast.
 */
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "child.h"
#include "place.h"

#define MIB ((uint64_t)1 << 20)
#define SIZE (1024 * MIB)
#define SIZE_QUICK (64 * MIB)
#define SIZE_BASE (256 * MIB)
#define SIZE_SMALL (64 * MIB)
#define STRIDE_SMALL 4096
#define ROUNDS 16 /* with the first, which is dropped */
#define ROUNDS_MIN 8
#define ROUNDS_QUICK 3
#define BLOCK ((size_t)1 << 20)
#define KEY 0x5a
#define BURN "xor:5a"
#define WORDS 10

/* A command that writes a file, whole. */
struct command {
	const char *words[WORDS];
	uint64_t bytes;
	char in[BENCH_PATH_MAX];
	char out[BENCH_PATH_MAX];
	int (*own)(const struct command *c); /* instead of the words */
};

static char aether[PATH_MAX];

static int find_aether(struct bench_row *row)
{
	if (bench_beside(aether, sizeof(aether), "aether") == 0)
		return 0;
	return bench_skip(row, "there is no aether beside aether-bench");
}

/* Puts words behind those that are there; `in` and `out` are set. */
static void say(struct command *c, const char *const *more)
{
	int n = 0;

	while (c->words[n])
		n++;
	while (*more && n < WORDS - 3)
		c->words[n++] = *more++;
	c->words[n++] = c->in;
	c->words[n] = c->out;
}

static void say_run(struct command *c, const char *const *options)
{
	bench_place_path(c->out, "out");
	c->words[0] = aether;
	c->words[1] = "run";
	say(c, options);
}

static void say_copy(struct command *c)
{
	bench_place_path(c->out, "copy");
	c->words[0] = "cp";
	say(c, (const char *const[]) { NULL });
}

/* Nanoseconds of the command, from fork to exit; negative if it failed. */
static double command_time(const struct command *c)
{
	double start = bench_now(), end;
	pid_t child = c->own ? fork() : bench_start(c->words, -1, 0);
	int status;

	if (child == 0)
		_exit(c->own(c) < 0);

	if (child < 0)
		return bench_fail(c->words[0], AETHER_ESYS);
	status = bench_wait(child);
	end = bench_now();
	if (status == 0)
		return end - start;
	return bench_complain(AETHER_ESTAGE, "%s ended with status %d; run it",
			      c->words[0], status);
}

/* What one would write without all this: a process that reads a piece, burns
 * it in the cache, and writes it. */
static int loop(const struct command *c)
{
	static unsigned char piece[128 * 1024];
	struct aether_piece p = { .bytes = piece };
	struct aether_burn burn;
	int in = open(c->in, O_RDONLY | O_CLOEXEC);
	int out = open(c->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int err = aether_burn_open(BURN, NULL, &burn);
	ssize_t n = 1;

	while (err == 0 && n > 0) {
		n = read(in, piece, sizeof(piece));
		if (n <= 0)
			break;
		p.length = (size_t)n;
		err = burn.burn(burn.state, &p);
		p.offset += (uint64_t)n;
		if (write(out, piece, (size_t)n) != n)
			err = AETHER_EIO;
	}
	return n < 0 ? AETHER_EIO : err;
}

/* Is the output the input with each byte ^ key? */
static int check(const struct command *c, unsigned char key)
{
	static unsigned char want[BLOCK], had[BLOCK];
	int in = open(c->in, O_RDONLY | O_CLOEXEC);
	int out = open(c->out, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, m = 0;
	uint64_t same = 0;

	while (in >= 0 && out >= 0 && (n = read(in, want, BLOCK)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			want[i] ^= key;
		m = read(out, had, BLOCK);
		if (m != n || memcmp(want, had, (size_t)n) != 0)
			break;
		same += (uint64_t)n;
	}
	m = n == 0 && out >= 0 ? read(out, had, 1) : -1;
	close(in);
	close(out);
	if (m == 0 && same == c->bytes)
		return 0;
	return bench_complain(AETHER_EVERIFY,
			      "the output differs from the input burned; run "
			      "aether run --verify");
}

static int enough(int round, double start, double last)
{
	double seconds = (bench_now() - start) / 1e9;

	if (bench_quick)
		return round >= ROUNDS_QUICK;
	if (round >= ROUNDS || seconds + last / 1e9 > BENCH_SECONDS)
		return 1;
	return round >= ROUNDS_MIN && seconds > BENCH_SECONDS / 2;
}

/*
 * GB/s of both, in turns. `base` NULL: `baselines` stay as they are.
 */
static int take_turns(struct command *c, struct command *base, int key,
		      double *values, double *baselines)
{
	double start = bench_now(), last = 0, t;
	int round = 0;

	for (; !enough(round, start, last); round++) {
		double begin = bench_now();

		t = base ? command_time(base) : 0;
		if (t < 0)
			return (int)t;
		if (base) {
			baselines[round] = (double)base->bytes / t;
			unlink(base->out);
		}
		t = command_time(c);
		if (t < 0)
			return (int)t;
		values[round] = (double)c->bytes / t;
		if (round == 0 && check(c, (unsigned char)key) < 0)
			return AETHER_EVERIFY;
		unlink(c->out);
		if (round)
			last = bench_now() - begin;
	}
	return round;
}

static int compare(struct bench_row *row, struct command *c,
		   struct command *base, int key)
{
	double values[ROUNDS], baselines[ROUNDS];
	int rounds = take_turns(c, base, key, values, baselines);

	if (rounds < 0)
		return rounds;
	if (rounds < ROUNDS_QUICK)
		return bench_skip(row, "this machine is too slow for it");
	bench_compare(row, values, baselines, (size_t)rounds);
	return 0;
}

static int against_copy(struct bench_row *row, const char *const *options,
			int key)
{
	struct command run = { .bytes = bench_quick ? SIZE_QUICK : SIZE };
	struct command copy = { .bytes = run.bytes };
	int err = find_aether(row);

	if (err == 0)
		err = bench_place_input(row, run.bytes, run.bytes, run.in);
	if (err)
		return err;
	strcpy(copy.in, run.in);
	say_run(&run, options);
	say_copy(&copy);
	return compare(row, &run, &copy, key);
}

int bench_pipeline(struct bench_row *row)
{
	static const char *const options[] = { "--burn", BURN, NULL };

	return against_copy(row, options, KEY);
}

int bench_pipeline_raw(struct bench_row *row)
{
	static const char *const options[] = { "--raw", "--burn", "none",
					       NULL };

	return against_copy(row, options, 0);
}

int bench_pipeline_loop(struct bench_row *row)
{
	static const char *const options[] = { "--burn", BURN, NULL };
	struct command run = { .bytes = bench_quick ? SIZE_QUICK : SIZE };
	struct command own = { .bytes = run.bytes, .own = loop };
	int err = find_aether(row);

	if (err == 0)
		err = bench_place_input(row, run.bytes, run.bytes, run.in);
	if (err)
		return err;
	strcpy(own.in, run.in);
	bench_place_path(own.out, "loop");
	say_run(&run, options);
	return compare(row, &run, &own, KEY);
}

int bench_pipeline_small(struct bench_row *row)
{
	static const char *const options[] = { "--stride", "4K", "--burn", BURN,
					       NULL };
	struct command run = { .bytes = SIZE_SMALL };
	double values[ROUNDS], baselines[ROUNDS];
	struct bench_row handoff = { .name = "handoff" };
	cpu_set_t all;
	int err = find_aether(row);

	if (err == 0)
		err = bench_place_input(row, run.bytes, run.bytes, run.in);
	if (err == 0 && sched_getaffinity(0, sizeof(all), &all) < 0)
		err = bench_fail(row->name, AETHER_ESYS);
	if (err == 0)
		err = bench_handoff(&handoff);
	if (err)
		return err;
	sched_setaffinity(0, sizeof(all), &all);
	say_run(&run, options);
	err = take_turns(&run, NULL, KEY, values, NULL);
	if (err < 0)
		return err;
	for (int i = 0; i < err; i++) {
		values[i] *= 1e9 / STRIDE_SMALL;
		baselines[i] = 1e9 / handoff.value;
	}
	bench_compare(row, values, baselines, (size_t)err);
	return 0;
}

/* The size at the end of the row's name, in bytes. */
static uint64_t size_of(const char *name)
{
	const char *digits = strrchr(name, '-') + 1;
	char *unit;
	uint64_t n = strtoull(digits, &unit, 10);

	return n * (*unit == 'G' ? 1024 * MIB : MIB);
}

int bench_flat_file(struct bench_row *row)
{
	static const char *const options[] = { "--burn", BURN, NULL };
	struct command run = { .bytes = size_of(row->name) };
	struct command base = { .bytes = SIZE_BASE };
	int err = find_aether(row);

	if (bench_quick) {
		run.bytes /= 32;
		base.bytes /= 32;
	}
	if (err == 0)
		err = bench_place_input(row, base.bytes, base.bytes, base.in);
	if (err == 0)
		err = bench_place_input(row, run.bytes, run.bytes, run.in);
	if (err)
		return err;
	say_run(&run, options);
	say_run(&base, options);
	err = compare(row, &run, &base, KEY);
	/* the largest is nobody else's */
	if (run.bytes > SIZE)
		unlink(run.in);
	return err;
}
