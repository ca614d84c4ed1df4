/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Participants: slots, names, roles, tenancies, counters, and what leaving
 * gives back. Who lives is in tests/host/test_life.c.
 */
#include "rig.h"

#define SIZE 131072

static struct aether_plane *plane;

static int join(struct aether_plane *at, const char *name, uint32_t role,
		struct aether_participant **me)
{
	struct aether_participant_options options = { .name = name,
						      .role = role };
	struct aether_error error = { .code = 1 };
	int err = aether_participant_join(at, &options, &error, me);

	if (err < 0 && (error.code != err || !error.text[0]))
		return 1;
	return err;
}

static void slots(void)
{
	struct aether_participant *all[64], *more = NULL;
	struct aether_participant_info info;
	int good = 1;

	plane = rig_plane(64, SIZE, 64);
	for (uint32_t i = 0; i < 64; i++) {
		all[i] = rig_join(plane);
		good &= AETHER_TENANCY_SLOT(
				aether_participant_tenancy(all[i])) == i;
	}
	ok(good, "64 participants of one process, in 64 slots");
	is_int(join(plane, "more", 0, &more), AETHER_ESEATS, "the 65th");
	ok(more == NULL, "the result is left alone");
	is_int(aether_plane_detach(plane), AETHER_EBUSY,
	       "nobody detaches below them");
	aether_participant_leave(all[17]);
	is_int(aether_participant_look(plane, 17, &info), 0, "a free slot");
	ok(info.tenancy == 0 && info.slot == 17 &&
		   info.state == AETHER_SEAT_FREE,
	   "is looked at as free");
	is_int(join(plane, "more", 0, &all[17]), 0, "one left, one comes");
	is_int(AETHER_TENANCY_SLOT(aether_participant_tenancy(all[17])), 17,
	       "to its slot");
	is_int(aether_participant_look(plane, 64, &info), AETHER_ERANGE,
	       "slot 64 is not");
	is_int(aether_participant_look(plane, UINT32_MAX, &info), AETHER_ERANGE,
	       "nor the last number");
	for (int i = 0; i < 64; i++)
		aether_participant_leave(all[i]);
	aether_participant_leave(NULL);
	is_int(aether_plane_detach(plane), 0, "all left: detached");
}

/* 64 of them hold and route at once: slots beyond the registers' lines. */
static void all_work(void)
{
	struct aether_participant *all[64];
	uint64_t handle;
	int good = 1;

	plane = rig_plane(64, SIZE, 64);
	for (int i = 0; i < 64; i++)
		all[i] = rig_join(plane);
	for (int i = 0; i < 64; i++) {
		uint64_t to = aether_participant_tenancy(all[(i + 1) % 64]);

		handle = rig_reserve(all[i]);
		good &= aether_route(all[i], handle, to) == 0;
	}
	for (int i = 0; i < 64; i++)
		good &= aether_route_take(all[i], &handle) == 0;
	ok(good, "64 participants pass 64 strides round");
	is_int(rig_count(plane, AETHER_STATE_BUSY), 64, "each has one");
	for (int i = 63; i >= 0; i--)
		aether_participant_leave(all[i]);
	ok(rig_all_free(plane), "all left: all free");
	aether_plane_detach(plane);
}

static void names(void)
{
	struct aether_participant *a, *b, *c, *bad = NULL;
	struct aether_participant_info info;
	char name[64];
	uint64_t found = 1;

	plane = rig_plane(8, SIZE, 8);
	is_int(join(plane, "anna", AETHER_ROLE_INGRESS, &a), 0, "anna");
	is_int(join(plane, "0123456789abcdef0123456789-._AZ", 1, &b), 0,
	       "31 characters");
	is_int(aether_participant_find(plane, "anna", &found), 0, "find");
	ok(found == aether_participant_tenancy(a), "finds her");
	is_int(aether_participant_find(plane, "0123456789abcdef0123456789-._AZ",
				       &found),
	       0, "find the long one");
	ok(found == aether_participant_tenancy(b), "finds it");
	is_int(aether_participant_find(plane, "ann", &found), AETHER_ENOENT,
	       "part of a name");
	is_int(aether_participant_find(plane, "", &found), AETHER_ENOENT,
	       "no name");
	is_int(join(plane, "anna", AETHER_ROLE_EGRESS, &c), 0, "another anna");
	aether_participant_find(plane, "anna", &found);
	ok(found == aether_participant_tenancy(a), "the lowest slot answers");
	aether_participant_leave(a);
	aether_participant_find(plane, "anna", &found);
	ok(found == aether_participant_tenancy(c), "then the other one");
	is_int(join(plane, "", 0, &bad), AETHER_ENAME, "an empty name");
	is_int(join(plane, "0123456789abcdef0123456789-._AZx", 0, &bad),
	       AETHER_ENAME, "32 characters");
	is_int(join(plane, "a b", 0, &bad), AETHER_ENAME, "a space");
	is_int(join(plane, "a/b", 0, &bad), AETHER_ENAME, "a slash");
	is_int(join(plane, "\033[2J", 0, &bad), AETHER_ENAME, "an escape");
	is_int(join(plane, "\xc3\xa4", 0, &bad), AETHER_ENAME, "a high byte");
	is_int(join(plane, NULL, 8, &bad), AETHER_EINVAL, "role 8");
	is_int(join(plane, "x", UINT32_MAX, &bad), AETHER_EINVAL, "no role");
	ok(bad == NULL, "no refused join made anything");
	is_int(join(plane, NULL, AETHER_ROLE_KERNEL, &a), 0, "no name");
	aether_participant_look(plane, a->slot, &info);
	snprintf(name, sizeof(name), "kernel-%d", (int)getpid());
	ok(!strcmp(info.name, name), "is called %s", info.name);
	aether_participant_leave(a);
	aether_participant_leave(b);
	aether_participant_leave(c);
	is_int(aether_participant_find(plane, "anna", &found), AETHER_ENOENT,
	       "gone");
	aether_plane_detach(plane);
}

static void roles(void)
{
	static const uint32_t levels[] = { 0, 2, 3, 4, 3, 0, 4, 1 };
	struct aether_participant_info info;
	struct aether_participant *me;
	uint32_t role = 99;
	int good = 1;

	plane = rig_plane(8, SIZE, 8);
	for (uint32_t i = 0; i < 8; i++) {
		const char *name = aether_participant_role_name(i);

		good &= name && aether_participant_role(name, &role) == 0 &&
			role == i;
		need(join(plane, NULL, i, &me) == 0);
		aether_participant_look(plane, me->slot, &info);
		good &= info.role == i && info.level == levels[i];
		aether_participant_leave(me);
	}
	ok(good, "eight roles, their names and levels");
	ok(aether_participant_role_name(8) == NULL, "role 8 has no name");
	is_int(aether_participant_role("emperor", &role), AETHER_ENOENT,
	       "no such role");
	aether_plane_detach(plane);
}

static void look(void)
{
	struct aether_participant_options options = { .name = "looked-at",
						      .quota = 5 };
	struct aether_participant_info info;
	struct aether_participant *me;
	uint64_t handle;
	struct timespec before, after;

	plane = rig_plane(8, SIZE, 8);
	clock_gettime(CLOCK_REALTIME, &before);
	me = rig_join_with(plane, &options);
	clock_gettime(CLOCK_REALTIME, &after);
	handle = rig_reserve(me);
	rig_reserve(me);
	need(aether_stride_release(me, handle) == 0);
	aether_stride_release(me, handle);
	need(aether_participant_look(plane, 0, &info) == 0);
	ok(info.tenancy == aether_participant_tenancy(me) && info.slot == 0 &&
		   info.state == AETHER_SEAT_ACTIVE && info.alive == 1 &&
		   info.quota == 5 && info.pid == (uint32_t)getpid() &&
		   !strcmp(info.name, "looked-at"),
	   "a look shows who sits there");
	ok(info.start / SECOND >= (uint64_t)before.tv_sec &&
		   info.start / SECOND <= (uint64_t)after.tv_sec,
	   "and since when");
	ok(info.counts.reserved == 2 && info.counts.released == 1 &&
		   info.counts.refused == 1 && info.counts.routed == 0,
	   "and its counters");
	ok(aether_participant_plane(me) == plane, "its plane");
	aether_participant_leave(me);
	me = rig_join(plane);
	need(aether_participant_look(plane, 0, &info) == 0);
	ok(info.counts.reserved == 0 && info.counts.refused == 0 &&
		   info.quota == 0,
	   "a new tenancy counts from nothing");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static void tenancies(void)
{
	struct aether_participant *me;
	uint64_t last = 0;
	int good = 1;

	plane = rig_plane(8, SIZE, 2);
	for (int i = 0; i < 17000; i++) {
		struct aether_plane *at = plane;
		uint64_t tenancy;

		me = rig_join(at);
		tenancy = aether_participant_tenancy(me);
		good &= tenancy != 0 && tenancy > last &&
			AETHER_TENANCY_SLOT(tenancy) == 0;
		last = tenancy;
		if (i % 1000 == 0)
			rig_reserve(me);
		aether_participant_leave(me);
	}
	ok(good, "17000 stays in one slot, more than a lease's stamp holds: "
		 "17000 names");
	ok(rig_all_free(plane), "all free");
	aether_plane_detach(plane);
}

static void leave_with_all(void)
{
	struct aether_participant *me, *you, *third;
	struct aether_participant_info info;
	uint64_t to, handle, kept;

	plane = rig_plane(40, SIZE, 8);
	me = rig_join(plane);
	you = rig_join(plane);
	third = rig_join(plane);
	to = aether_participant_tenancy(you);
	kept = rig_reserve(third);
	for (int i = 0; i < 10; i++)
		need(aether_route(me, rig_reserve(me), to) == 0);
	need(aether_route_take(you, &handle) == 0);
	rig_reserve(you);
	for (int i = 0; i < 3; i++)
		need(aether_route(you, rig_reserve(you),
				  aether_participant_tenancy(third)) == 0);
	aether_participant_leave(you);
	is_int(rig_count(plane, AETHER_STATE_DORMANT), 36,
	       "left with 2 held and 9 in the box: all came back");
	is_int(rig_count(plane, AETHER_STATE_ROUTED), 3,
	       "what it had routed is still on its way");
	is_int(aether_stride_release(me, handle), AETHER_ESTALE,
	       "handles of what it held are stale");
	is_int(aether_route(me, rig_reserve(me), to), AETHER_EGONE, "gone");
	for (int i = 0; i < 3; i++)
		is_int(aether_route_take(third, &handle), 0,
		       "mail of one who left arrives");
	is_int(aether_stride_release(third, kept), 0, "others keep theirs");
	aether_participant_look(plane, AETHER_TENANCY_SLOT(to), &info);
	is_int((long long)info.tenancy, 0, "its slot is free");
	aether_participant_leave(me);
	aether_participant_leave(third);
	ok(rig_all_free(plane), "all left: registers equal words");
	aether_plane_detach(plane);
}

/* A record that nobody of ours wrote: looked at without harm. */
static void hostile_records(void)
{
	struct aether_participant_info info;
	struct aether_participant *me;
	uint64_t seed = 9, found;
	int good = 1;

	plane = rig_plane(8, SIZE, 8);
	me = rig_join(plane);
	for (int i = 0; i < 2000; i++) {
		struct aether_word64 *words = (void *)&plane->seats[1 + i % 7];

		for (size_t w = 0; w < sizeof(plane->seats[0]) / 8; w++)
			ae_store64_relaxed(&words[w], rig_random(&seed));
		good &= aether_participant_look(plane, 1 + (uint32_t)i % 7,
						&info) == 0;
		good &= memchr(info.name, 0, sizeof(info.name)) != NULL;
		aether_participant_find(plane, "x", &found);
		aether_route(me, 0, rig_random(&seed));
	}
	ok(good, "2000 hostile records: names end, nothing breaks");
	ae_store64_relaxed(&plane->header->space_waiters, UINT64_MAX);
	ae_store64_relaxed(&me->seat->drain_waiters, UINT64_MAX);
	is_int(aether_stride_release(me, rig_reserve(me)), 0,
	       "waiters that are not: rung without harm");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static void tests(void)
{
	slots();
	all_work();
	names();
	roles();
	look();
	tenancies();
	leave_with_all();
	hostile_records();
}

int main(void)
{
	return rig_run(tests);
}
