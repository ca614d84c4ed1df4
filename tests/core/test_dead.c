/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the dead must not do to the living even before anybody reaps them: cost
 * every release a system call, answer to their name, keep a flow waiting. And
 * what drop-oldest must not do: end a lease that has gone round and is somebody
 * else's mail by now.
 */
#include "rig.h"

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

	plane = rig_plane(8, SIZE, 4);
	waiters = &plane->header->space_waiters;
	me = rig_join(plane);
	for (int i = 0; i < 8; i++)
		handles[i] = rig_reserve(me);
	pid = rig_fork(wait_for_space, NULL);
	for (int i = 0; i < 500 && !ae_load64_relaxed(waiters); i++)
		rig_sleep(10 * MS);
	ok(ae_load64_relaxed(waiters) != 0, "it waits for a free stride");
	kill(pid, SIGKILL);
	is_int(rig_wait(pid), 128 + SIGKILL, "and is killed");
	need(aether_stride_release(me, handles[0]) == 0);
	is_int(ae_load64_relaxed(waiters), 0, "rung once, then forgotten");
	aether_participant_leave(me);
	aether_plane_detach(plane);
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
	struct aether_participant *me;
	uint64_t found = 0;

	plane = rig_plane(64, SIZE, 4);
	is_int(rig_wait(rig_fork(join_and_die, NULL)), 0, "one dies");
	is_int(aether_participant_find(plane, "decoder", &found), AETHER_ENOENT,
	       "the dead answer to no name");
	me = rig_join_with(plane, &who);
	is_int(aether_participant_find(plane, "decoder", &found), 0,
	       "the living one is found");
	ok(found == aether_participant_tenancy(me), "and not the dead one");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static uint64_t take(struct aether_participant *me)
{
	uint64_t handle = 0;

	need(aether_route_take(me, &handle) == 0);
	return handle;
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
	need(aether_route(b, take(b), aether_participant_tenancy(c)) == 0);
	need(aether_route(c, take(c), to_b) == 0);
	is_int(aether_route(a, y, to_b), 0, "routed at its depth");
	is_int(a->counts.dropped, 0, "nothing of somebody else's was dropped");
	ok(take(b) == x, "the mail of c arrives, in order");
	ok(take(b) == y, "and then that of a");
	aether_participant_leave(a);
	aether_participant_leave(b);
	aether_participant_leave(c);
	ok(rig_all_free(plane), "all free in the end");
	aether_plane_detach(plane);
}

static void tests(void)
{
	test_killed_waiter();
	test_find_the_living();
	test_withdraw_only_ones_own();
}

int main(void)
{
	return rig_run(tests);
}
