/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handoff: from before a reserve in one process to after the take in another
 * that spins on another core: reserve, write one line, route, take, read the
 * line. The taker answers in the same way and then releases what it took; one
 * way is half a round trip.
 *
 * Baseline: a bare word that two cores pass to and fro, in the same processes
 * on the same cores, in the batch before.
 *
 * handoff-floor: the same by the bare protocol without the library, to see what
 * the library adds to what the machine demands.
 *
 * handoff-segments: the same on a plane of 8 segments; baseline: on one that is
 * not divided, by the same processes, in the batch before.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "ae_atomic.h"
#include "bench.h"

#define CHUNK 16 /* round trips between two looks at the clock */
#define CHUNKS 600
#define TRIPS (CHUNK * CHUNKS)
#define LINE 64
#define BARE_PLACES 8
#define SEGMENTS 8

/* A stride of the bare protocol: its word and its first line, lines apart. */
struct bare_stride {
	_Alignas(128) struct aether_word64 word;
	_Alignas(128) unsigned char bytes[LINE];
};

/* Shared by both: the bare word, where the peer sits, the bare protocol. */
struct meeting {
	_Alignas(128) struct aether_word64 places[2][BARE_PLACES];
	struct bare_stride strides[2][2]; /* two each */
	_Alignas(128) struct aether_word64 word;
	_Alignas(128) struct aether_word64 tenancy[2];
};

struct side {
	struct meeting *meeting;
	const struct way *way;
	int which;
	uint64_t sent, received; /* by the bare protocol */
	struct aether_plane *plane;
	struct aether_participant *me;
	uint64_t peer;
	uint64_t taken;     /* the lease to release after the answer */
	unsigned char seen; /* keeps the reads */
};

/* What is measured: the library, or the bare protocol. */
struct way {
	int (*send)(struct side *s, unsigned char value);
	int (*receive)(struct side *s);
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

static const struct way library = { send, receive };

/*
 * The floor: the protocol's four swaps on a mailbox place and a lease word, one
 * line of data, and nothing else: no checks, no errors, no waiters, no handles,
 * two strides a side. Taking and releasing are one swap here.
 */
static int bare_send(struct side *s, unsigned char value)
{
	uint64_t k = s->sent & 1;
	struct bare_stride *stride = &s->meeting->strides[s->which][k];
	struct aether_word64 *place =
		&s->meeting->places[!s->which][s->sent % BARE_PLACES];

	if (ae_cas64_acquire(&stride->word, 0, 1) != 0)
		return AETHER_EFULL;
	memset(stride->bytes, value, LINE);
	s->sent++;
	if (ae_cas64_seq_cst(place, 0, s->sent << 1 | k) != 0)
		return AETHER_EBOX;
	return ae_cas64_seq_cst(&stride->word, 1, 2) == 1 ? 0 : AETHER_EOWNER;
}

static int bare_receive(struct side *s)
{
	struct aether_word64 *place =
		&s->meeting->places[s->which][s->received++ % BARE_PLACES];
	struct bare_stride *stride;
	uint64_t entry;

	while (!(entry = ae_load64_seq_cst(place)))
		ae_pause();
	stride = &s->meeting->strides[!s->which][entry & 1];
	ae_prefetch_write(&stride->word);
	ae_prefetch_write(stride->bytes);
	s->seen ^= stride->bytes[LINE - 1];
	while (ae_cas64_seq_cst(&stride->word, 2, 0) != 2)
		ae_pause();
	ae_store64_release(place, 0);
	return 0;
}

static const struct way bare = { bare_send, bare_receive };

static int join(struct side *s, int which, const struct aether_plane *plane)
{
	struct aether_participant_options options = {
		.role = AETHER_ROLE_APPLIANCE, .spin = AETHER_FOREVER
	};
	int err = aether_plane_reattach(plane, NULL, NULL, &s->plane);

	s->which = which;
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

static int answer_batch(struct side *s)
{
	int err = 0;

	for (int i = 0; err == 0 && i < TRIPS; i++) {
		err = s->way->receive(s);
		if (err == 0)
			err = s->way->send(s, (unsigned char)i);
	}
	return err;
}

static void leave(struct side *s)
{
	aether_participant_leave(s->me);
	aether_plane_detach(s->plane);
}

/* The one who answers; ends with the process. */
static void answer(struct meeting *m, const struct aether_plane *plane,
		   const struct way *way)
{
	struct side s = { .meeting = m, .way = way };
	int rounds = bench_rounds();
	int err = bench_pin(1);

	if (err == 0)
		err = join(&s, 1, plane);
	for (int round = 0; err == 0 && round < rounds; round++) {
		for (uint64_t i = 0; i < TRIPS; i++) {
			await(&m->word, 2 * i + 1);
			ae_store64_release(&m->word, 2 * i + 2);
		}
		err = answer_batch(&s);
	}
	leave(&s);
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
			*err = s->way->send(s, (unsigned char)i);
			if (*err == 0)
				*err = s->way->receive(s);
		}
		now = bench_now();
		chunks[c] = (now - before) / (2.0 * CHUNK);
		before = now;
	}
	return (before - start) / (2.0 * TRIPS);
}

/* Percentiles of the chunks of all rounds but the first. */
static void spread(struct bench_row *row, double *chunks, int rounds)
{
	size_t all = (size_t)(rounds - 1) * CHUNKS;

	row->p50 = bench_quantile(chunks + CHUNKS, all, 0.5);
	row->p99 = bench_quantile(chunks + CHUNKS, all, 0.99);
	row->p999 = bench_quantile(chunks + CHUNKS, all, 0.999);
}

static int ask(struct meeting *m, const struct aether_plane *plane,
	       const struct way *way, struct bench_row *row)
{
	static double chunks[BENCH_ROUNDS * CHUNKS];
	static double values[BENCH_ROUNDS], baselines[BENCH_ROUNDS];
	struct side s = { .meeting = m, .way = way };
	int rounds = bench_rounds();
	int err = join(&s, 0, plane);

	for (int round = 0; err == 0 && round < rounds; round++) {
		baselines[round] = bare_batch(m);
		values[round] = handoff_batch(&s, chunks + round * CHUNKS,
					      &err);
	}
	leave(&s);
	if (err < 0)
		return err;
	bench_compare(row, values, baselines, (size_t)rounds);
	spread(row, chunks, rounds);
	return 0;
}

static int run(const struct way *way, struct bench_row *row)
{
	struct aether_plane_options options = { .tier = AETHER_TIER_HEAVY };
	struct bench_meeting with;
	struct aether_plane *plane;
	int err = aether_plane_create(NULL, &options, NULL, &plane);

	if (err < 0)
		return bench_fail("cannot create a plane", err);
	err = bench_meet(plane, sizeof(struct meeting), &with);
	if (err < 0)
		return err;
	if (err > 0)
		answer(with.page, plane, way);
	err = bench_pin(0);
	if (err == 0)
		err = ask(with.page, plane, way, row);
	return bench_part(&with, err, row);
}

int bench_handoff(struct bench_row *row)
{
	return run(&library, row);
}

int bench_handoff_floor(struct bench_row *row)
{
	return run(&bare, row);
}

/* Two planes, undivided and divided, and a meeting for each. */
struct pair {
	struct aether_plane *plane[2];
	struct meeting *meeting; /* two */
};

static int join_both(struct side s[2], int which, const struct pair *pair)
{
	int err = 0;

	for (int k = 0; err == 0 && k < 2; k++) {
		s[k].meeting = &pair->meeting[k];
		s[k].way = &library;
		err = join(&s[k], which, pair->plane[k]);
	}
	return err;
}

static void answer_both(const struct pair *pair)
{
	struct side s[2] = { { .which = 1 }, { .which = 1 } };
	int rounds = bench_rounds();
	int err = bench_pin(1);

	if (err == 0)
		err = join_both(s, 1, pair);
	for (int i = 0; err == 0 && i < 2 * rounds; i++)
		err = answer_batch(&s[i % 2]);
	leave(&s[0]);
	leave(&s[1]);
	_exit(err < 0);
}

static int ask_both(const struct pair *pair, struct bench_row *row)
{
	static double chunks[BENCH_ROUNDS * CHUNKS], ignored[CHUNKS];
	static double values[BENCH_ROUNDS], baselines[BENCH_ROUNDS];
	struct side s[2] = { { .which = 0 }, { .which = 0 } };
	int rounds = bench_rounds();
	int err = join_both(s, 0, pair);

	for (int round = 0; err == 0 && round < rounds; round++) {
		baselines[round] = handoff_batch(&s[0], ignored, &err);
		values[round] = handoff_batch(&s[1], chunks + round * CHUNKS,
					      &err);
	}
	leave(&s[0]);
	leave(&s[1]);
	if (err < 0)
		return err;
	bench_compare(row, values, baselines, (size_t)rounds);
	spread(row, chunks, rounds);
	return 0;
}

static int make_pair(struct pair *pair)
{
	struct aether_plane_options options = { .tier = AETHER_TIER_HEAVY };
	int err = 0;

	for (int k = 0; err == 0 && k < 2; k++) {
		options.segments = k ? SEGMENTS : 0;
		err = aether_plane_create(NULL, &options, NULL,
					  &pair->plane[k]);
	}
	if (err < 0)
		aether_plane_detach(pair->plane[0]);
	return err;
}

int bench_handoff_segments(struct bench_row *row)
{
	struct pair pair = { .meeting = NULL };
	struct bench_meeting with;
	int err = make_pair(&pair);

	if (err < 0)
		return bench_fail("cannot create two planes", err);
	err = bench_meet(pair.plane[0], 2 * sizeof(struct meeting), &with);
	if (err >= 0)
		pair.meeting = with.page;
	if (err > 0)
		answer_both(&pair);
	if (err == 0) {
		err = bench_pin(0);
		if (err == 0)
			err = ask_both(&pair, row);
		err = bench_part(&with, err, row);
	}
	aether_plane_detach(pair.plane[1]);
	return err;
}
