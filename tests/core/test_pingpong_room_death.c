/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers that grow and shrink in processes that are killed at any instant:
 * what was committed is whole, the next writer goes on, and every stride is
 * free or the pair's.
 */
#include "pingpong.h"
#include "victim.h"

#define STRIDE 131072       /* bytes */
#define FIT (STRIDE / WORD) /* items of a small pair in a stride */
#define MOST 12             /* strides of a buffer */

static struct aether_layout small, childs;
static struct aether_plane *plane;
static struct aether_participant *me;
static uint32_t pair;

/* The first word and the last of each of so many commits; few bytes, so that
 * most of the time goes into making room. */
static int write_one(struct aether_participant *who, uint32_t items)
{
	struct aether_pingpong_write w;
	struct aether_word64 *words;
	int err = aether_pingpong_begin(who, pair, AETHER_FOREVER, &w);

	if (err == 0)
		err = aether_pingpong_room(who, pair, items, &w);
	if (err < 0)
		return err;
	words = w.bytes;
	ae_store64_relaxed(&words[0], w.sequence);
	ae_store64_relaxed(&words[w.capacity - 1], w.sequence);
	return aether_pingpong_commit(who, pair, w.capacity);
}

/* For ever; every other buffer becomes its region again, so that there is room
 * to be made each time. */
static void writes(struct victim *v)
{
	uint64_t seed = v->count;

	pingpong_small(v->plane, &childs);
	rig_tell(&v->told->ready, 1);
	for (;;) {
		uint64_t dice = rig_random(&seed);
		uint32_t items = (uint32_t)(dice >> 8) % (MOST * FIT);

		need(write_one(v->me, dice & 1 ? items : 0) == 0);
	}
}

/* What the dead writer left: whole, and not older than what was there. */
static int is_whole(uint64_t *sequence)
{
	struct aether_pingpong_reading r;
	const struct aether_word64 *words;
	int good;

	need(aether_pingpong_read_begin(plane, pair, &r) == 0);
	words = r.bytes;
	good = !r.items ||
	       (ae_load64_relaxed(&words[0]) == r.sequence &&
		ae_load64_relaxed(&words[r.items - 1]) == r.sequence);
	good &= r.sequence >= *sequence;
	*sequence = r.sequence;
	return aether_pingpong_read_end(&r) == 0 && good;
}

/* Is every stride free, or the pair's, which knows of it? */
static int is_settled(void)
{
	struct aether_pingpong_info info;

	need(aether_pingpong_look(plane, pair, &info) == 0);
	return rig_count(plane, AETHER_STATE_DORMANT) >= 0 &&
	       (uint32_t)rig_count(plane, AETHER_STATE_DORMANT) +
			       info.strides ==
		       plane->geometry.strides &&
	       (uint32_t)rig_count(plane, AETHER_STATE_KEPT) +
			       (uint32_t)rig_count(plane, AETHER_STATE_CONT) ==
		       info.strides;
}

static void killing(uint32_t which)
{
	uint64_t stop = aether_clock_after(1800 * MS);
	uint64_t seed = 7, sequence = 0, freed = 0, commits = 0;
	int kills = 0, torn = 0, lost = 0, stuck = 0;
	struct aether_reap_report report;

	pair = which;
	plane = pingpong_plane(8);
	ae_posix_watch_free(plane);
	pingpong_small(plane, &small);
	me = rig_join(plane);
	while (kills < 20 || (!freed && kills < 3000) ||
	       (aether_clock_now() < stop && kills < 3000)) {
		struct victim v = { .act = writes,
				    .plane = plane,
				    .count = (uint32_t)kills };

		victim_ready(&v);
		rig_sleep(rig_random(&seed) % 300000);
		victim_kill(&v);
		munmap(v.told, sizeof(*v.told));
		torn += !is_whole(&sequence);
		need(aether_reap(me, &report) == 0);
		freed += report.freed;
		torn += !is_whole(&sequence);
		lost += !is_settled();
		stuck += write_one(me, WORDS + 1) != 0;
		need(aether_pingpong_resign(me, pair) == 0);
		lost += !is_settled();
		commits = ++sequence;
		kills++;
	}
	is_int(lost, 0,
	       "%s: %d killed, %llu commits; none is lost, %llu were freed",
	       plane->layout->pairs[pair].name, kills,
	       (unsigned long long)commits, (unsigned long long)freed);
	ok(freed > 0, "some held a run that the pair had not yet");
	is_int(torn, 0, "what is left is whole");
	is_int(stuck, 0, "and the next one makes room, and writes");
	for (uint32_t i = 0; i < plane->layout->pairs[pair].buffers; i++)
		need(write_one(me, 0) == 0);
	ok(rig_all_free(plane), "at last all is let go");
	aether_participant_leave(me);
	need(aether_plane_detach(plane) == 0);
}

static void tests(void)
{
	killing(TWO);
	killing(THREE);
}

int main(void)
{
	return rig_run(tests);
}
