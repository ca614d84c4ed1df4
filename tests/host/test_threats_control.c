/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks of docs/threats.md by one who has control and no segment: he writes
 * over the header, over seats, over anything there.
 */
#include <sched.h>
#include "segments.h"

static int is_header(const struct aether_finding *finding, void *count)
{
	*(int *)count += finding->what == AETHER_FINDING_HEADER;
	return 0;
}

/* What was checked at attach is what counts, and what is told. */
static void header(void)
{
	struct aether_plane *plane = create("head");
	struct aether_plane_info before, after;
	struct aether_participant *me = rig_join(plane);
	struct aether_header_seg kept = *plane->header;
	uint64_t handle;
	void *bytes;
	int told = 0;

	aether_plane_look(plane, &before);
	memset(plane->header, 0xee, offsetof(struct aether_header_seg, joins));
	aether_plane_look(plane, &after);
	ok(before.id[0] == after.id[0] && before.id[1] == after.id[1] &&
		   before.created == after.created &&
		   before.flags == after.flags && before.tag == after.tag,
	   "an overwritten header: ID, flags and tag are as they were");
	ok(!strcmp(after.layout, "lean"), "the layout, too");
	handle = rig_reserve(me);
	is_int(aether_stride_bytes(me, handle, NULL, &bytes), 0, "resolved");
	rig_touch(bytes, 1);
	is_int(aether_stride_release(me, handle), 0, "released");
	memcpy(plane->header, &kept, offsetof(struct aether_header_seg, joins));
	plane->header->id[1]++;
	need(aether_doctor_look(plane, is_header, &told) == 0);
	is_int(told, 1, "another ID: told");
	plane->header->id[1]--;
	aether_participant_leave(me);
	ok(rig_all_free(plane), "all are free");
	aether_plane_detach(plane);
	aether_plane_destroy("head", NULL);
}

/* Somebody with control and nothing else: an attachment with no segment. */
static struct aether_plane *control_of(const struct aether_plane *plane)
{
	const struct aether_attach_options nothing = { .hidden = ~UINT64_C(0) };
	struct aether_plane *one = NULL;

	need(aether_plane_reattach(plane, &nothing, NULL, &one) == 0);
	need(digits(one) == 0);
	return one;
}

/*
 * He can make the living seem dead, so that their leases end while they are at
 * work: that is in control, and said. It is an error for them, no more.
 */
static void declared_dead(void)
{
	struct aether_plane *plane = create(NULL);
	struct aether_plane *his = control_of(plane);
	struct aether_participant *me = rig_join(plane),
				  *other = rig_join(plane);
	uint64_t handle = rig_reserve(me), next;
	struct aether_reap_report report;
	void *bytes;

	is_int(aether_stride_bytes(me, handle, NULL, &bytes), 0, "at work");
	ae_store64_release(&his->seats[me->slot].seat,
			   AETHER_SEAT_MAKE(AETHER_SEAT_DEAD, me->stamp));
	is_int(aether_reap(other, &report), 0, "another one reaps");
	is_int(report.freed, 1, "and believes it");
	ok(aether_stride_bytes(me, handle, NULL, &bytes) < 0,
	   "I am told at the next call");
	ok(aether_stride_release(me, handle) < 0, "and at the one after");
	next = rig_reserve(other);
	ok(next != handle, "who has the stride next has another handle");
	aether_stride_release(other, next);
	aether_participant_leave(other);
	aether_participant_leave(me);
	aether_plane_detach(his);
	aether_plane_detach(plane);
}

static int joins_and_dies(void *plane)
{
	rig_reserve(rig_join(rig_again(plane)));
	return 0;
}

/* A dead one's record that names segments which there are not: nobody could
 * ever settle those, and its slot would be taken for ever. */
static void no_such_segment(void)
{
	const struct aether_participant_options alone = { .unwatched = 1 };
	struct aether_plane *plane = create(NULL);
	struct aether_plane *his = control_of(plane);
	struct aether_participant *me = rig_join_with(plane, &alone);
	struct aether_participant_seg *dead = &his->seats[me->slot + 1];
	struct aether_reap_report report;

	is_int(rig_wait(rig_fork(joins_and_dies, plane)), 0, "one has died");
	for (int i = 0; i < 2; i++)
		ae_store64_relaxed(&dead->sight[i],
				   ae_load64_relaxed(&dead->sight[i]) |
					   AETHER_SIGHT_MAKE(~UINT64_C(0), 0));
	is_int(aether_reap(me, &report), 0, "said to have seen 64 segments");
	is_int(report.dead, 1, "its slot is free again");
	is_int(report.unseen, 0, "nothing is left to others");
	ok(rig_all_free(plane), "all are free");
	aether_participant_leave(me);
	aether_plane_detach(his);
	aether_plane_detach(plane);
}

struct spoiled {
	struct aether_plane *plane;
	struct aether_word64 turns, done, taken;
};

/* Some word of control at each turn of those who work, at any moment of it. */
static int forges(void *argument)
{
	struct spoiled *s = argument;
	struct aether_plane *his = control_of(s->plane);
	const struct aether_geometry *g = &his->geometry;
	uint64_t seed = 5;

	for (uint64_t turn = 1;; turn++) {
		/* seldom what is before the tables; no panic and no boot: while
		 * one lasts nobody works */
		uint64_t from = turn % 8 ? g->participants_offset
					 : 4 * AETHER_EPOCHS_LOW;
		uint64_t at = from +
			      rig_random(&seed) % (g->leases_offset - from);
		struct aether_word64 *word = (void *)(his->base + at / 8 * 8);
		uint64_t what = rig_random(&seed);

		while (rig_told(&s->turns) < turn)
			sched_yield();
		if (what % 4 == 0)
			what = 0;
		else if (what % 4 == 1)
			what = ae_load64_relaxed(word) ^
			       UINT64_C(1) << what / 4 % 64;
		ae_store64_relaxed(word, what);
		rig_tell(&s->done, turn);
	}
	return 0;
}

static int forget(const struct aether_finding *finding, void *unused)
{
	(void)finding;
	(void)unused;
	return 0;
}

/* One turn of work: nothing is waited for. Returns what is wrong. */
static int turn(struct spoiled *s, struct aether_participant *a,
		struct aether_participant *b)
{
	unsigned char *bytes;
	uint64_t handle;
	size_t size;

	if (aether_stride_reserve(a, &handle) < 0)
		return 0;
	if (aether_stride_bytes(a, handle, &size, (void **)&bytes) == 0) {
		if (size != SIZE)
			return 1;
		bytes[0] = bytes[SIZE - 1] = 1;
	}
	if (aether_route(a, handle, aether_participant_tenancy(b)) < 0)
		aether_stride_release(a, handle);
	if (aether_route_take(b, &handle) < 0)
		return 0;
	ae_add64_relaxed(&s->taken, 1);
	aether_stride_release(b, handle);
	aether_reap(b, NULL);
	return 0;
}

static int works(void *argument)
{
	const struct aether_participant_options alone = { .unwatched = 1 };
	struct spoiled *s = argument;
	struct aether_plane *plane = rig_again(s->plane);
	struct aether_participant *a = NULL, *b = NULL;
	int wrong = 0;

	for (int i = 1; i < 10000 && !wrong; i++) {
		if (!a && aether_participant_join(plane, &alone, NULL, &a) < 0)
			a = NULL;
		rig_tell(&s->turns, (uint64_t)i);
		while (rig_told(&s->done) + 1 < (uint64_t)i)
			sched_yield();
		if (!b && aether_participant_join(plane, &alone, NULL, &b) < 0)
			b = NULL;
		if (a && b)
			wrong = turn(s, a, b);
		if (i % 16 == 0) {
			aether_participant_leave(a);
			a = NULL;
		}
		if (i % 64 == 0) {
			if (b)
				aether_doctor_repair(b, forget, NULL);
			aether_participant_leave(b);
			b = NULL;
		}
	}
	return wrong;
}

static void forged(void)
{
	struct spoiled *s = rig_shared(sizeof(*s));
	struct aether_plane *plane = s->plane = create(NULL);
	pid_t pid = rig_fork(forges, s);

	is_int(rig_wait(rig_fork(works, s)), 0,
	       "control is written over: who works there ends well");
	printf("# %llu strides went round meanwhile\n",
	       (unsigned long long)rig_told(&s->taken));
	kill(pid, SIGKILL);
	rig_wait(pid);
	aether_plane_detach(plane);
}

static void tests(void)
{
	int before = rig_descriptors();

	header();
	declared_dead();
	no_such_segment();
	forged();
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
