/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the dead must not do to the living, reaped or not yet: cost every
 * release a system call, answer to their name, keep who waits for them waiting.
 * And what drop-oldest must not do: end a lease that has gone round and is
 * somebody else's mail by now.
 */
#include "victim.h"

#define SIZE 65536

static struct aether_plane *plane;

static int wait_for_space(void *argument)
{
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *me = rig_join(again);
	uint64_t handle;

	(void)argument;
	return aether_stride_reserve_until(me, AETHER_FOREVER, &handle);
}

static void test_killed_waiter(void)
{
	struct aether_participant *me;
	struct aether_word64 *waiters;
	uint64_t handles[8];
	pid_t pid;

	plane = victim_quiet(8, SIZE, 4);
	waiters = &plane->header->space_waiters;
	me = rig_join(plane);
	for (int i = 0; i < 8; i++)
		handles[i] = rig_reserve(me);
	pid = rig_fork(wait_for_space, NULL);
	while (!ae_load64_relaxed(waiters)) /* or the test hangs, and fails */
		rig_sleep(10 * MS);
	ok(1, "it waits for a free stride");
	kill(pid, SIGKILL);
	is_int(rig_wait(pid), 128 + SIGKILL, "and is killed");
	need(aether_stride_release(me, handles[0]) == 0);
	is_int(ae_load64_relaxed(waiters), 0, "rung once, then forgotten");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static int wait_for_depth(void *argument)
{
	struct victim *v = argument;
	struct aether_participant *me = rig_join(rig_again(plane));
	uint64_t handle = rig_reserve(me);
	int err;

	need(aether_route_set(me, v->tenancy, 1, AETHER_POLICY_BLOCK) == 0);
	need(aether_route(me, handle, v->tenancy) == 0);
	handle = rig_reserve(me);
	rig_tell(&v->told->ready, 2);
	err = aether_route_until(me, handle, v->tenancy,
				 aether_clock_after(RIG_HANG));
	if (err != AETHER_EGONE || aether_stride_release(me, handle) < 0)
		return 1;
	aether_participant_leave(me);
	return 0;
}

/* Who waits until a dead one takes is told that it has gone. */
static uint64_t killed_addressee(int unused)
{
	struct aether_word64 *waiters;
	struct victim v = { .act = NULL };
	uint64_t took;
	pid_t pid;

	(void)unused;
	plane = rig_plane(64, SIZE, 4);
	v.plane = plane;
	victim_ready(&v);
	waiters = &plane->seats[victim_slot(&v)].drain_waiters;
	pid = rig_fork(wait_for_depth, &v);
	rig_await(&v.told->ready, 2);
	while (!ae_load64_relaxed(waiters))
		rig_sleep(10 * MS);
	took = aether_clock_now();
	victim_kill(&v);
	is_int(rig_wait(pid), 0, "a route that waits for a dead one: EGONE");
	took = aether_clock_now() - took;
	ok(rig_all_free(plane), "what was on its way is free");
	aether_plane_detach(plane);
	return took;
}

static void test_killed_addressee(void)
{
	uint64_t took = rig_quickest(killed_addressee, 0, 2 * SECOND);

	ok(took < 2 * SECOND, "soon (%llu ms)",
	   (unsigned long long)(took / MS));
}

static int join_and_die(void *argument)
{
	struct aether_participant_options who = { .name = "decoder" };

	(void)argument;
	rig_join_with(rig_again(plane), &who);
	return 0;
}

static void test_find_the_living(void)
{
	struct aether_participant_options who = { .name = "decoder" };
	struct aether_participant_info info;
	struct aether_participant *me;
	uint64_t found = 0;

	plane = victim_quiet(64, SIZE, 4);
	is_int(rig_wait(rig_fork(join_and_die, NULL)), 0, "one dies");
	need(aether_participant_look(plane, 0, &info) == 0);
	ok(info.state == AETHER_SEAT_ACTIVE && !info.alive,
	   "nobody has reaped it");
	is_int(aether_participant_find(plane, "decoder", &found), AETHER_ENOENT,
	       "the dead answer to no name");
	me = rig_join_with(plane, &who);
	is_int(aether_participant_find(plane, "decoder", &found), 0,
	       "the living one is found");
	ok(found == aether_participant_tenancy(me), "and not the dead one");
	need(aether_participant_look(plane, 0, &info) == 0);
	ok(info.tenancy == 0 && victim_deaths(plane) == 1,
	   "whom the newcomer's join has reaped");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

/* a -> b -> c -> b: then a routes another to b, at its depth of 1. */
static void test_withdraw_only_ones_own(void)
{
	struct aether_participant *a, *b, *c;
	uint64_t x, y, to_b;

	plane = rig_plane(64, SIZE, 4);
	a = rig_join(plane);
	b = rig_join(plane);
	c = rig_join(plane);
	to_b = aether_participant_tenancy(b);
	need(aether_route_set(a, to_b, 1, AETHER_POLICY_DROP_OLDEST) == 0);
	x = rig_reserve(a);
	y = rig_reserve(a);
	need(aether_route(a, x, to_b) == 0);
	need(aether_route(b, victim_take(b), aether_participant_tenancy(c)) ==
	     0);
	need(aether_route(c, victim_take(c), to_b) == 0);
	is_int(aether_route(a, y, to_b), 0, "routed at its depth");
	is_int(a->counts.dropped, 0, "nothing of somebody else's was dropped");
	ok(victim_take(b) == x, "the mail of c arrives, in order");
	ok(victim_take(b) == y, "and then that of a");
	aether_participant_leave(a);
	aether_participant_leave(b);
	aether_participant_leave(c);
	ok(rig_all_free(plane), "all free in the end");
	aether_plane_detach(plane);
}

static void tests(void)
{
	test_killed_waiter();
	test_killed_addressee();
	test_find_the_living();
	test_withdraw_only_ones_own();
}

int main(void)
{
	return rig_run(tests);
}
