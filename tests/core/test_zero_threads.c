/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zeroing with threads: each a participant of its own over one attachment. They
 * soil single strides and runs, release, route and share them, and leave with
 * what they hold; whoever reserves finds zeros. A thread sanitizer sees all of
 * it here: of participants in processes of their own (chaos --zero) it sees
 * one, and takes what is ordered by way of another for a race.
 */
#include <pthread.h>
#include "rig.h"

#define THREADS 5
#define STRIDES 64
#define SIZE 8192
#define RUN_MAX 4
#define TURNS (RIG_SLOW ? 4000 : 40000)

static struct aether_plane *plane;
static struct aether_word64 tenancies[THREADS];
static struct aether_word64 done[5]; /* of each kind */
static pthread_barrier_t all_here;

enum {
	RESERVED,
	TAKEN,
	RELEASED,
	SHARED,
	LEFT
};

struct soiler {
	struct aether_participant *me;
	uint32_t self;
	uint32_t count;
	uint64_t seed;
	uint64_t held[STRIDES]; /* owned, and what is shared with me */
	long wrong;             /* words that are not what they have to be */
};

static void did(int kind)
{
	/* relaxed: a number for the end. */
	ae_add64_relaxed(&done[kind], 1);
}

/* What whoever owns the lease writes all over it. */
static uint64_t mark_of(uint64_t handle)
{
	return handle * UINT64_C(0x9E3779B97F4A7C15) | 1;
}

static long differing(struct soiler *s, uint64_t handle, uint64_t wanted)
{
	size_t size = 0;
	void *at = NULL;
	const uint64_t *word;
	long wrong = 0;

	if (aether_stride_bytes(s->me, handle, &size, &at) < 0)
		return 1;
	word = at;
	for (size_t i = 0; i < size / sizeof(*word); i++)
		wrong += word[i] != wanted;
	return wrong;
}

static void soil(struct soiler *s, uint64_t handle)
{
	size_t size = 0;
	void *at = NULL;
	uint64_t *word;

	need(aether_stride_bytes(s->me, handle, &size, &at) == 0);
	word = at;
	for (size_t i = 0; i < size / sizeof(*word); i++)
		word[i] = mark_of(handle);
}

static void reserve(struct soiler *s)
{
	uint32_t run = 1 + (uint32_t)(rig_random(&s->seed) % RUN_MAX);
	uint64_t handle = 0;
	int err = run == 1 ? aether_stride_reserve(s->me, &handle)
			   : aether_stride_reserve_run(s->me, run, &handle);

	if (err < 0)
		return;
	s->wrong += differing(s, handle, 0);
	soil(s, handle);
	s->held[s->count++] = handle;
	did(RESERVED);
}

static uint64_t pick(struct soiler *s)
{
	uint32_t at = (uint32_t)(rig_random(&s->seed) % s->count);
	uint64_t handle = s->held[at];

	s->held[at] = s->held[--s->count];
	s->wrong += differing(s, handle, mark_of(handle));
	return handle;
}

/* The name in somebody's place; of one who left meanwhile, too. */
static uint64_t somebody(struct soiler *s)
{
	uint64_t other = rig_random(&s->seed) % (THREADS - 1);

	/* relaxed: a name; a route judges it. */
	return ae_load64_relaxed(&tenancies[(s->self + 1 + other) % THREADS]);
}

static void share(struct soiler *s)
{
	uint64_t to[2] = { somebody(s), somebody(s) };
	uint64_t handle = pick(s);
	uint32_t reached = 0;

	if (aether_share(s->me, handle, to, 1 + (to[0] != to[1]), &reached) < 0)
		aether_stride_release(s->me, handle);
	else
		did(SHARED);
}

static void take(struct soiler *s)
{
	uint64_t handle = 0;

	if (s->count == STRIDES || aether_route_take(s->me, &handle) < 0)
		return;
	s->wrong += differing(s, handle, mark_of(handle));
	s->held[s->count++] = handle;
	did(TAKEN);
}

static void join(struct soiler *s)
{
	s->me = rig_join(plane);
	s->count = 0;
	ae_store64_relaxed(&tenancies[s->self],
			   aether_participant_tenancy(s->me));
}

static void turn(struct soiler *s)
{
	uint64_t what = rig_random(&s->seed) % 64;

	if (what == 0) {
		aether_participant_leave(s->me); /* with all that I hold */
		did(LEFT);
		join(s);
	} else if (what == 1) {
		need(aether_reap(s->me, NULL) == 0);
	} else if (what < 24) {
		take(s);
	} else if (!s->count || (what < 44 && s->count < 6)) {
		reserve(s);
	} else if (what < 52) {
		aether_stride_release(s->me, pick(s));
		did(RELEASED);
	} else if (what < 58) {
		share(s);
	} else {
		uint64_t handle = pick(s);

		if (aether_route(s->me, handle, somebody(s)) < 0)
			aether_stride_release(s->me, handle);
	}
}

static void *work(void *argument)
{
	struct soiler *s = argument;

	join(s);
	pthread_barrier_wait(&all_here);
	for (int i = 0; i < TURNS; i++)
		turn(s);
	aether_participant_leave(s->me);
	return NULL;
}

static long dirt(void)
{
	const unsigned char *at = plane->base + plane->geometry.data_offset;
	long bytes = 0;

	for (size_t i = 0; i < (size_t)STRIDES * SIZE; i++)
		bytes += at[i] != 0;
	return bytes;
}

static void tests(void)
{
	static const char *const kinds[] = { "reserved", "taken", "released",
					     "shared", "left" };
	struct aether_plane_options options = { .strides = STRIDES,
						.stride_size = SIZE,
						.participants = THREADS,
						.flags = AETHER_FLAG_ZERO };
	static struct soiler s[THREADS];
	pthread_t threads[THREADS];
	long wrong = 0;

	need(aether_plane_create(NULL, &options, NULL, &plane) == 0);
	need(pthread_barrier_init(&all_here, NULL, THREADS) == 0);
	for (uint32_t i = 0; i < THREADS; i++) {
		s[i].self = i;
		s[i].seed = i * 104729;
		need(pthread_create(&threads[i], NULL, work, &s[i]) == 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		wrong += s[i].wrong;
	}
	is_int(wrong, 0, "words that are neither zero nor their owner's");
	for (int i = 0; i < 5; i++)
		ok(ae_load64_relaxed(&done[i]) > 0, "%s: %llu", kinds[i],
		   (unsigned long long)ae_load64_relaxed(&done[i]));
	ok(rig_all_free(plane), "all free in the end");
	is_int(dirt(), 0, "and zero");
	need(aether_plane_detach(plane) == 0);
}

int main(void)
{
	return rig_run(tests);
}
