/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ping-pong under load, each participant a thread over one mapping: a writer
 * beside checked and pinned readers; writers that take turns; buffers that
 * move, while others write over where they were. No reading that
 * is said to be sound has words of two commits, or of none, and none goes back.
 */
#include <pthread.h>
#include <sched.h>
#include "pingpong.h"

#define READERS 3
#define COMMITS (RIG_SLOW ? 2000 : 20000)

static struct aether_plane *plane;
static struct aether_layout small;
static struct aether_word32 stop, bad, sound, torn, scribbled;

struct reader {
	pthread_t thread;
	uint32_t pair;
	uint64_t term; /* 0: checked */
	uint64_t last;
	int yields; /* while it reads */
};

/* One reading; how it ended. */
static int read_one(struct reader *self, struct aether_participant *me)
{
	struct aether_pingpong_reading r;
	int64_t value;
	int err = self->term
			  ? aether_pingpong_read_pinned(me, self->pair,
							self->term, &r)
			  : aether_pingpong_read_begin(plane, self->pair, &r);

	if (err < 0)
		return err;
	if (self->yields)
		sched_yield();
	value = pingpong_value(&r);
	err = aether_pingpong_read_end(&r);
	if (err < 0)
		return err;
	if (value != (int64_t)r.sequence || r.sequence < self->last)
		ae_add32_relaxed(&bad, 1);
	self->last = r.sequence;
	return 0;
}

static void *reads(void *argument)
{
	struct reader *self = argument;
	struct aether_participant *me = rig_join(plane);

	while (!ae_load32_acquire(&stop)) {
		int err = read_one(self, me);

		if (err == 0)
			ae_add32_relaxed(&sound, 1);
		else if (err == AETHER_ETORN)
			ae_add32_relaxed(&torn, 1);
		else if (err != AETHER_EAGAIN)
			ae_add32_relaxed(&bad, 1);
	}
	/* nobody writes any more */
	if (read_one(self, me) < 0)
		ae_add32_relaxed(&bad, 1);
	aether_participant_leave(me);
	return NULL;
}

static void clear(void)
{
	ae_store32_relaxed(&stop, 0);
	ae_store32_relaxed(&bad, 0);
	ae_store32_relaxed(&sound, 0);
	ae_store32_relaxed(&torn, 0);
	ae_store32_relaxed(&scribbled, 0);
}

static void load(uint32_t pair, uint64_t term)
{
	struct reader readers[READERS];
	struct aether_pingpong_info info;
	struct aether_participant *me;
	uint32_t refused = 0;

	clear();
	plane = pingpong_plane(8);
	pingpong_small(plane, &small);
	me = rig_join(plane);
	for (int i = 0; i < READERS; i++) {
		readers[i] = (struct reader) { .pair = pair,
					       .term = i ? term : 0 };
		need(pthread_create(&readers[i].thread, NULL, reads,
				    &readers[i]) == 0);
	}
	for (uint64_t i = 1; i <= COMMITS; i++)
		refused += pingpong_fill(me, pair, AETHER_FOREVER, i) != 0;
	ae_add32_release(&stop, 1);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i].thread, NULL);
	need(aether_pingpong_look(plane, pair, &info) == 0);
	ok(!refused && info.sequence == COMMITS && info.pinned == 0,
	   "%s, term %llu us: %d commits", plane->layout->pairs[pair].name,
	   (unsigned long long)(term / 1000), COMMITS);
	is_int(ae_load32_relaxed(&bad), 0,
	       "%u sound readings, all of them right; %u torn, %llu revoked",
	       ae_load32_relaxed(&sound), ae_load32_relaxed(&torn),
	       (unsigned long long)info.revoked);
	aether_participant_leave(me);
	need(aether_plane_detach(plane) == 0);
}

#define STRIDE_ITEMS (131072 / WORD)
#define GROWTHS (RIG_SLOW ? 600 : 6000)
#define READINGS (RIG_SLOW ? 100 : 1000)

/* Takes what a pair lets go, and writes over it. */
static void *scribbles(void *unused)
{
	struct aether_participant *me = rig_join(plane);
	uint64_t handle;
	void *bytes;

	(void)unused;
	while (!ae_load32_acquire(&stop)) {
		sched_yield();
		if (aether_stride_reserve_run(me, 2, &handle) < 0)
			continue;
		ae_add32_relaxed(&scribbled, 1);
		sched_yield();
		need(aether_stride_bytes(me, handle, NULL, &bytes) == 0);
		for (uint32_t i = 0; i < 2 * STRIDE_ITEMS; i += WORDS / 2)
			ae_store64_relaxed(&((struct aether_word64 *)bytes)[i],
					   UINT64_MAX);
		need(aether_stride_release(me, handle) == 0);
	}
	aether_participant_leave(me);
	return NULL;
}

/* Buffers that move at each commit, on a plane that is nearly full. */
static void growing(uint32_t pair, uint64_t term)
{
	struct reader readers[READERS];
	struct aether_participant *me;
	struct aether_pingpong_info info;
	pthread_t scribbler;
	uint64_t handle, commits = 0, full = 0;
	int errors = 0;

	clear();
	plane = pingpong_plane(8);
	pingpong_small(plane, &small);
	me = rig_join(plane);
	need(aether_stride_reserve_run(me, 122, &handle) == 0);
	need(pthread_create(&scribbler, NULL, scribbles, NULL) == 0);
	for (int i = 0; i < READERS; i++) {
		readers[i] = (struct reader) { .pair = pair,
					       .term = i ? term : 0,
					       .yields = 1 };
		need(pthread_create(&readers[i].thread, NULL, reads,
				    &readers[i]) == 0);
	}
	while (commits < GROWTHS || ae_load32_relaxed(&sound) < READINGS ||
	       ae_load32_relaxed(&scribbled) < READINGS ||
	       ae_load32_relaxed(&torn) < READINGS / 20) {
		int err = pingpong_fill_room(
			me, pair, commits % 3 ? WORDS + 1 : WORDS, commits + 1);

		commits += err == 0;
		full += err == AETHER_EFULL || err == AETHER_EAGAIN;
		errors += err && err != AETHER_EFULL && err != AETHER_EAGAIN;
	}
	ae_add32_release(&stop, 1);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i].thread, NULL);
	pthread_join(scribbler, NULL);
	need(aether_pingpong_look(plane, pair, &info) == 0);
	ok(!errors && info.sequence == commits,
	   "%s grows, term %llu us: %llu commits, full %llu times",
	   plane->layout->pairs[pair].name, (unsigned long long)(term / 1000),
	   (unsigned long long)commits, (unsigned long long)full);
	is_int(ae_load32_relaxed(&bad), 0,
	       "%u sound readings, all of them right; %u torn; written over "
	       "%u times",
	       ae_load32_relaxed(&sound), ae_load32_relaxed(&torn),
	       ae_load32_relaxed(&scribbled));
	aether_participant_leave(me);
	is_int(rig_count(plane, AETHER_STATE_DORMANT) + (int)info.strides,
	       (int)plane->geometry.strides,
	       "every stride is free or the pair's");
	need(aether_plane_detach(plane) == 0);
}

#define WRITERS 3
#define TURNS (RIG_SLOW ? 100 : 1000)

static struct aether_word32 inside;

/* Becomes the writer so often, each time for a few commits. */
static void *writes(void *argument)
{
	struct aether_participant *me = rig_join(plane);
	int turns = 0;

	(void)argument;
	while (turns < TURNS) {
		struct aether_pingpong_write w;
		int err = aether_pingpong_begin(me, TWO, 0, &w);

		if (err == AETHER_ETAKEN || err == AETHER_EAGAIN)
			continue;
		if (err < 0 || ae_add32_relaxed(&inside, 1) != 0)
			ae_add32_relaxed(&bad, 1);
		for (int i = 0; err == 0 && i < WORDS; i++)
			ae_store64_relaxed(
				&((struct aether_word64 *)w.bytes)[i],
				w.sequence);
		/* what it wrote is its own until it lets go */
		ae_store32_relaxed(&inside, 0);
		if (aether_pingpong_commit(me, TWO, WORDS) < 0 ||
		    aether_pingpong_resign(me, TWO) < 0)
			ae_add32_relaxed(&bad, 1);
		turns++;
	}
	aether_participant_leave(me);
	return NULL;
}

static void turns(void)
{
	struct reader reader = { .pair = TWO };
	pthread_t threads[WRITERS];
	struct aether_pingpong_info info;

	clear();
	plane = pingpong_plane(8);
	pingpong_small(plane, &small);
	need(pthread_create(&reader.thread, NULL, reads, &reader) == 0);
	for (int i = 0; i < WRITERS; i++)
		need(pthread_create(&threads[i], NULL, writes, NULL) == 0);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	ae_add32_release(&stop, 1);
	pthread_join(reader.thread, NULL);
	need(aether_pingpong_look(plane, TWO, &info) == 0);
	is_int(info.sequence, WRITERS * TURNS,
	       "%d writers take turns: each commit counts", WRITERS);
	is_int(info.active, info.sequence & 1, "parity: the buffer's");
	is_int(pingpong_epoch(plane, TWO), info.sequence, "and the epoch's");
	is_int(ae_load32_relaxed(&bad), 0, "one at a time; %u refusals",
	       info.refused);
	need(aether_plane_detach(plane) == 0);
}

static void tests(void)
{
	load(TWO, 0);
	load(TWO, 2 * MS);
	load(TWO, 1000);
	load(THREE, 0);
	load(THREE, 2 * MS);
	growing(TWO, 0);
	growing(TWO, 2 * MS);
	growing(THREE, 2 * MS);
	turns();
}

int main(void)
{
	return rig_run(tests);
}
