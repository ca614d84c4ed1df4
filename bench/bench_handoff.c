/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handoff: from before a reserve in one process to after the take in another
 * that spins on another core: reserve, write one line, route, take, read the
 * line. The taker answers in the same way and then releases what it took; one
 * way is half a round trip.
 *
 * Baseline: a bare word that two cores pass to and fro, in the same processes
 * on the same cores, in the batch before.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "ae_atomic.h"
#include "bench.h"

#define CHUNK 16 /* round trips between two looks at the clock */
#define CHUNKS 600
#define TRIPS (CHUNK * CHUNKS)
#define LINE 64

/* Shared by both: the bare word, and where the peer sits. */
struct meeting {
	_Alignas(128) struct aether_word64 word;
	_Alignas(128) struct aether_word64 tenancy[2];
};

struct side {
	struct meeting *meeting;
	struct aether_plane *plane;
	struct aether_participant *me;
	uint64_t peer;
	uint64_t taken;     /* the lease to release after the answer */
	unsigned char seen; /* keeps the reads */
};

static void await(const struct aether_word64 *word, uint64_t value)
{
	while (ae_load64_acquire(word) != value)
		ae_pause();
}

static int send(struct side *s, unsigned char value)
{
	uint64_t handle;
	void *bytes;
	int err = aether_stride_reserve(s->me, &handle);

	if (err == 0)
		err = aether_stride_bytes(s->me, handle, NULL, &bytes);
	if (err < 0)
		return err;
	memset(bytes, value, LINE);
	err = aether_route(s->me, handle, s->peer);
	if (err < 0 || !s->taken)
		return err;
	handle = s->taken;
	s->taken = 0;
	return aether_stride_release(s->me, handle);
}

static int receive(struct side *s)
{
	void *bytes;
	int err = aether_route_take_until(s->me, AETHER_FOREVER, &s->taken);

	if (err == 0)
		err = aether_stride_bytes(s->me, s->taken, NULL, &bytes);
	if (err < 0)
		return err;
	s->seen ^= ((unsigned char *)bytes)[LINE - 1];
	return 0;
}

static int join(struct side *s, int which, int fd)
{
	struct aether_participant_options options = {
		.role = AETHER_ROLE_APPLIANCE, .spin = AETHER_FOREVER
	};
	int err = aether_plane_attach_fd(fd, 0, NULL, &s->plane);

	if (err == 0)
		err = aether_participant_join(s->plane, &options, NULL, &s->me);
	if (err < 0)
		return err;
	ae_store64_release(&s->meeting->tenancy[which],
			   aether_participant_tenancy(s->me));
	while (!s->peer)
		s->peer = ae_load64_acquire(&s->meeting->tenancy[!which]);
	return 0;
}

/* The one who answers; ends with the process. */
static void answer(struct meeting *m, int fd)
{
	struct side s = { .meeting = m };
	int err = bench_pin(1);

	if (err == 0)
		err = join(&s, 1, fd);
	for (int round = 0; err == 0 && round < BENCH_ROUNDS; round++) {
		for (uint64_t i = 0; i < TRIPS; i++) {
			await(&m->word, 2 * i + 1);
			ae_store64_release(&m->word, 2 * i + 2);
		}
		for (int i = 0; err == 0 && i < TRIPS; i++) {
			err = receive(&s);
			if (err == 0)
				err = send(&s, (unsigned char)i);
		}
	}
	aether_participant_leave(s.me);
	aether_plane_detach(s.plane);
	_exit(err < 0);
}

static double bare_batch(struct meeting *m)
{
	double start = bench_now();

	for (uint64_t i = 0; i < TRIPS; i++) {
		ae_store64_release(&m->word, 2 * i + 1);
		await(&m->word, 2 * i + 2);
	}
	return (bench_now() - start) / (2.0 * TRIPS);
}

static double handoff_batch(struct side *s, double *chunks, int *err)
{
	double start = bench_now();
	double before = start;

	for (int c = 0; c < CHUNKS && *err == 0; c++) {
		double now;

		for (int i = 0; i < CHUNK && *err == 0; i++) {
			*err = send(s, (unsigned char)i);
			if (*err == 0)
				*err = receive(s);
		}
		now = bench_now();
		chunks[c] = (now - before) / (2.0 * CHUNK);
		before = now;
	}
	return (before - start) / (2.0 * TRIPS);
}

static int ask(struct meeting *m, int fd, struct bench_row *row)
{
	static double chunks[BENCH_ROUNDS * CHUNKS];
	static double values[BENCH_ROUNDS], baselines[BENCH_ROUNDS];
	struct side s = { .meeting = m };
	int err = join(&s, 0, fd);

	for (int round = 0; err == 0 && round < BENCH_ROUNDS; round++) {
		baselines[round] = bare_batch(m);
		values[round] = handoff_batch(&s, chunks + round * CHUNKS,
					      &err);
	}
	aether_participant_leave(s.me);
	aether_plane_detach(s.plane);
	if (err < 0)
		return err;
	bench_compare(row, values, baselines, BENCH_ROUNDS);
	row->p50 = bench_quantile(chunks + CHUNKS, (BENCH_ROUNDS - 1) * CHUNKS,
				  0.5);
	row->p99 = bench_quantile(chunks + CHUNKS, (BENCH_ROUNDS - 1) * CHUNKS,
				  0.99);
	row->p999 = bench_quantile(chunks + CHUNKS, (BENCH_ROUNDS - 1) * CHUNKS,
				   0.999);
	return 0;
}

int bench_handoff(struct bench_row *row)
{
	struct aether_plane_options options = { .tier = AETHER_TIER_HEAVY };
	struct aether_plane *plane;
	struct meeting *m;
	pid_t child;
	int status;
	int err = aether_plane_create(NULL, &options, NULL, &plane);

	if (err < 0)
		return bench_fail("cannot create a plane", err);
	m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	child = m == MAP_FAILED ? -1 : fork();
	if (child < 0) {
		aether_plane_detach(plane);
		return bench_fail("cannot start a second process", AETHER_ESYS);
	}
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		answer(m, aether_plane_fd(plane));
	}
	err = bench_pin(0);
	if (err == 0)
		err = ask(m, aether_plane_fd(plane), row);
	if (err < 0)
		kill(child, SIGKILL);
	waitpid(child, &status, 0);
	munmap(m, sizeof(*m));
	aether_plane_detach(plane);
	if (err == 0 && status)
		err = AETHER_ESTAGE;
	return err < 0 ? bench_fail("handoff", err) : 0;
}
