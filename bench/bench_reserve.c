/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reserve: reserve and release of a stride by one process; reserve-2: the same
 * while a second participant does so on another core, in its own line of
 * registers. Baseline: two uncontended compare-and-swaps by the same process.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ae_atomic.h"
#include "bench.h"

#define TURNS 200000
#define SWAP_TURNS (2 * TURNS) /* so that both kinds of batches take as long */

/* What keeps the second process busy, and lets it end. */
struct company {
	struct aether_word32 ready;
	struct aether_word32 over;
};

static double swap_batch(struct aether_word64 *word)
{
	double start = bench_now();

	for (uint64_t i = 0; i < SWAP_TURNS; i++) {
		ae_cas64_seq_cst(word, 0, 1);
		ae_cas64_seq_cst(word, 1, 0);
	}
	return (bench_now() - start) / SWAP_TURNS;
}

static double reserve_batch(struct aether_participant *me, int *err)
{
	double start = bench_now();
	uint64_t handle;

	for (int i = 0; i < TURNS && *err == 0; i++) {
		*err = aether_stride_reserve(me, &handle);
		if (*err == 0)
			*err = aether_stride_release(me, handle);
	}
	return (bench_now() - start) / TURNS;
}

static int measure(struct aether_participant *me, struct bench_row *row)
{
	static double values[BENCH_ROUNDS], baselines[BENCH_ROUNDS];
	static _Alignas(64) struct aether_word64 word;
	int rounds = bench_rounds();
	int err = 0;

	for (int round = 0; err == 0 && round < rounds; round++) {
		baselines[round] = swap_batch(&word);
		values[round] = reserve_batch(me, &err);
	}
	if (err < 0)
		return err;
	bench_compare(row, values, baselines, (size_t)rounds);
	row->p50 = row->value;
	return 0;
}

/* The second process: reserves and releases until told to end. */
static void keep_company(struct company *c, int fd)
{
	struct aether_participant *me = NULL;
	struct aether_plane *plane = NULL;
	int err = bench_pin(1);

	if (err == 0)
		err = aether_plane_attach_fd(fd, 0, NULL, &plane);
	if (err == 0)
		err = aether_participant_join(plane, NULL, NULL, &me);
	ae_store32_seq_cst(&c->ready, err == 0 ? 1 : 2);
	while (err == 0 && !ae_load32_relaxed(&c->over))
		reserve_batch(me, &err);
	aether_participant_leave(me);
	aether_plane_detach(plane);
	_exit(err < 0);
}

static pid_t start_company(struct company *c, int fd)
{
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		keep_company(c, fd);
	}
	while (child > 0 && !ae_load32_acquire(&c->ready))
		usleep(1000);
	return child;
}

static int run(struct bench_row *row, int together)
{
	struct aether_plane_options options = { .tier = AETHER_TIER_HEAVY };
	struct aether_participant *me = NULL;
	struct aether_plane *plane;
	struct company *c;
	pid_t child = 0;
	int status = 0;
	int err = aether_plane_create(NULL, &options, NULL, &plane);

	if (err < 0)
		return bench_fail("cannot create a plane", err);
	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	err = c == MAP_FAILED ? AETHER_ENOMEM : 0;
	if (err == 0)
		err = aether_participant_join(plane, NULL, NULL, &me);
	if (err == 0 && together)
		child = start_company(c, aether_plane_fd(plane));
	if (err == 0)
		err = bench_pin(0);
	if (err == 0 && child >= 0)
		err = measure(me, row);
	if (child > 0) {
		ae_store32_seq_cst(&c->over, 1);
		waitpid(child, &status, 0);
	}
	if (err == 0 && (child < 0 || status))
		err = AETHER_ESTAGE;
	aether_participant_leave(me);
	aether_plane_detach(plane);
	if (c != MAP_FAILED)
		munmap(c, sizeof(*c));
	return err < 0 ? bench_fail(row->name, err) : 0;
}

int bench_reserve(struct bench_row *row)
{
	return run(row, 0);
}

int bench_reserve_2(struct bench_row *row)
{
	return run(row, 1);
}
