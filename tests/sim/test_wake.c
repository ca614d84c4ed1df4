/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owed wakes: one who defers them gives several things, and then pays, reaches
 * its limit, waits, leaves, or is killed at any step: whoever sleeps for what
 * it gave is rung, by it or by whoever reaps it. Sleepers want so much and no
 * more: then they are done, and nothing wakes them by chance.
 */
#include "scene.h"

enum {
	OWING,
	FIRST,
	SECOND
};

static void take(int count)
{
	uint64_t handle = 0;

	while (count-- && ae_sim_take_until(AETHER_FOREVER, &handle) == 0)
		scene_use(handle);
}

static void take_two(void)
{
	take(2);
}

static void send_two(uint32_t limit)
{
	aether_wake_defer(ae_sim_me(), limit);
	scene_send(FIRST, 7);
	scene_send(FIRST, 8);
}

static void send_and_pay(void)
{
	send_two(3);
	aether_wake_pay(ae_sim_me());
}

static const struct ae_sim_scene pays = {
	.name = "mail: who owes pays",
	.strides = 2,
	.actors = { { .name = "sender", .body = send_and_pay, .mortal = 1 },
		    { .name = "receiver", .body = take_two },
		    { .name = "reaper", .body = scene_reap } },
};

static void send_to_the_limit(void)
{
	send_two(2);
}

static const struct ae_sim_scene limits = {
	.name = "mail: who owes reaches its limit",
	.strides = 2,
	.actors = { { .name = "sender",
		      .body = send_to_the_limit,
		      .mortal = 1 },
		    { .name = "receiver", .body = take_two },
		    { .name = "reaper", .body = scene_reap } },
};

static void send_and_leave(void)
{
	send_two(3);
	ae_sim_leave();
}

static const struct ae_sim_scene leaves = {
	.name = "mail: who owes leaves",
	.strides = 2,
	.actors = { { .name = "sender", .body = send_and_leave, .mortal = 1 },
		    { .name = "receiver", .body = take_two },
		    { .name = "reaper", .body = scene_reap } },
};

/* Asks, and waits for the answer. */
static void ask(void)
{
	aether_wake_defer(ae_sim_me(), 3);
	scene_send(FIRST, 7);
	take(1);
}

/* Answers, and owes that, too. */
static void answer(void)
{
	uint64_t handle = 0;

	aether_wake_defer(ae_sim_me(), 3);
	if (ae_sim_take_until(AETHER_FOREVER, &handle) < 0)
		return;
	ae_sim_write(handle, 9);
	if (ae_sim_route(handle, ae_sim_to(OWING)) < 0)
		ae_sim_release(handle);
	take(1); /* which never comes */
}

static const struct ae_sim_scene waits = {
	.name = "mail: both owe, and wait for each other",
	.strides = 1,
	.actors = { { .name = "asks", .body = ask, .mortal = 1 },
		    { .name = "answers", .body = answer, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap } },
};

/* Has all strides, and gives them back. */
static void hold_all(void)
{
	uint64_t handle = 0;

	ae_sim_as(OWING);
	for (int i = 0; i < 2; i++) {
		if (ae_sim_reserve(&handle) < 0)
			ae_sim_fail("no stride for the setup");
		ae_sim_write(handle, 1);
	}
}

static void release_and_wait(void)
{
	aether_wake_defer(ae_sim_me(), 3);
	/* the first leases of the plane */
	for (uint64_t i = 0; i < 2; i++)
		ae_sim_release(AETHER_HANDLE_MAKE(i, 1, 0));
	scene_take_all();
}

static void want_one(void)
{
	uint64_t handle = 0;

	if (ae_sim_reserve_until(AETHER_FOREVER, &handle) == 0)
		ae_sim_write(handle, 5);
}

static const struct ae_sim_scene space = {
	.name = "space: two wait for it, who owes waits",
	.strides = 2,
	.setup = hold_all,
	.actors = { { .name = "holder", .body = release_and_wait, .mortal = 1 },
		    { .name = "first", .body = want_one },
		    { .name = "second", .body = want_one },
		    { .name = "reaper", .body = scene_reap } },
};

/* One at a time; waits for room, and for space. */
static void send_slowly(void)
{
	uint64_t handle = 0;

	aether_wake_defer(ae_sim_me(), 2);
	for (int i = 0; i < 2; i++) {
		if (ae_sim_reserve_until(AETHER_FOREVER, &handle) < 0)
			return;
		ae_sim_write(handle, 7);
		if (ae_sim_route_until(handle, ae_sim_to(OWING),
				       AETHER_FOREVER) < 0)
			ae_sim_release(handle);
	}
	aether_wake_pay(ae_sim_me());
}

static void set_depth(void)
{
	ae_sim_as(FIRST);
	aether_route_set(ae_sim_me(), ae_sim_to(OWING), 1, AETHER_POLICY_BLOCK);
}

/* Two calls for each: the take, and the release. */
static void take_and_owe(void)
{
	aether_wake_defer(ae_sim_me(), 4);
	take(2);
}

static const struct ae_sim_scene room = {
	.name = "room: who owes takes and releases",
	.strides = 2,
	.setup = set_depth,
	.actors = { { .name = "receiver", .body = take_and_owe, .mortal = 1 },
		    { .name = "sender", .body = send_slowly, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap } },
};

static const struct ae_sim_scene only_space = {
	.name = "room and space: one stride, who owes takes and releases",
	.strides = 1,
	.setup = set_depth,
	.actors = { { .name = "receiver", .body = take_and_owe, .mortal = 1 },
		    { .name = "sender", .body = send_slowly, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap } },
};

int main(int argc, char **argv)
{
	scene_begin(argc, argv);
	scene_run(&pays, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&limits, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&leaves, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&waits, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&space, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&room, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&only_space, (struct bound) { 1, 1 },
		  (struct bound) { 2, 1 });
	return scene_end();
}
