/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting, and the death of whoever was about to ring: between a commit and its
 * ring, between taking a set of waiters and ringing them, between a doorbell
 * and the wake. Whoever sleeps is told by whoever reaps, or looks for himself.
 */
#include "scene.h"

enum {
	HOLDER,
	FIRST,
	SECOND,
	REAPER
};

static void send_one(void)
{
	scene_send(FIRST, 7);
}

static const struct ae_sim_scene unrung = {
	.name = "who sends dies before it rings",
	.strides = 1,
	.actors = { { .name = "sender", .body = send_one, .mortal = 1 },
		    { .name = "receiver", .body = scene_take_all },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 },
		    { .name = "second", .body = scene_reap } },
};

/* Looks for the dead itself, and gives up in the end. */
static const struct ae_sim_scene alone = {
	.name = "nobody watches: who sleeps looks for the dead",
	.strides = 1,
	.unwatched = 1,
	.actors = { { .name = "sender", .body = send_one, .mortal = 1 },
		    { .name = "receiver", .body = scene_take_all } },
};

/* Has all strides, and gives them back. */
static void hold_all(void)
{
	uint64_t handle = 0;

	ae_sim_as(HOLDER);
	for (int i = 0; i < 2; i++) {
		if (ae_sim_reserve(&handle) < 0)
			ae_sim_fail("no stride for the setup");
		ae_sim_write(handle, 1);
	}
}

static void release_all(void)
{
	/* the first leases of the plane */
	for (uint64_t i = 0; i < 2; i++)
		ae_sim_release(AETHER_HANDLE_MAKE(i, 1, 0));
}

static void want_one(void)
{
	uint64_t handle = 0;

	if (ae_sim_reserve_until(AETHER_FOREVER, &handle) == 0)
		ae_sim_write(handle, 5);
}

static const struct ae_sim_scene no_space = {
	.name = "two wait for space, who releases dies",
	.strides = 2,
	.setup = hold_all,
	.actors = { { .name = "holder", .body = release_all, .mortal = 1 },
		    { .name = "first", .body = want_one },
		    { .name = "second", .body = want_one },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

static const struct ae_sim_scene alone_for_space = {
	.name = "nobody watches: who wants space looks for the dead",
	.strides = 2,
	.unwatched = 1,
	.setup = hold_all,
	.actors = { { .name = "holder", .body = release_all, .mortal = 1 },
		    { .name = "first", .body = want_one },
		    { .name = "second", .body = want_one } },
};

/* One at a time: the next when the last was taken. */
static void send_slowly(void)
{
	uint64_t handle = 0;

	for (int i = 0; i < 2; i++) {
		if (ae_sim_reserve_until(AETHER_FOREVER, &handle) < 0)
			return;
		ae_sim_write(handle, 7);
		if (ae_sim_route_until(handle, ae_sim_to(FIRST),
				       AETHER_FOREVER) < 0)
			ae_sim_release(handle);
	}
}

static void set_depth(void)
{
	ae_sim_as(HOLDER);
	aether_route_set(ae_sim_me(), ae_sim_to(FIRST), 1, AETHER_POLICY_BLOCK);
}

static const struct ae_sim_scene no_room = {
	.name = "one waits for room on its route, who takes dies",
	.strides = 2,
	.setup = set_depth,
	.actors = { { .name = "sender", .body = send_slowly, .mortal = 1 },
		    { .name = "receiver", .body = scene_take_all, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

/* The receiver's box is full of what was withdrawn. */
static void fill_box(void)
{
	ae_sim_as(SECOND);
	aether_route_set(ae_sim_me(), ae_sim_to(FIRST), 1,
			 AETHER_POLICY_DROP_OLDEST);
	for (int i = 0; i < 8; i++)
		scene_send(FIRST, 3);
}

static void send_until(void)
{
	uint64_t handle = 0;

	if (ae_sim_reserve(&handle) == 0 &&
	    ae_sim_route_until(handle, ae_sim_to(FIRST), AETHER_FOREVER) < 0)
		ae_sim_release(handle);
}

static void take_one(void)
{
	uint64_t handle = 0;

	if (ae_sim_take(&handle) == 0)
		scene_use(handle);
}

static const struct ae_sim_scene box_of_dead = {
	.name = "nobody watches: who waits at a full box looks for the dead",
	.strides = 3,
	.unwatched = 1,
	.setup = fill_box,
	.actors = { { .name = "sender", .body = send_until },
		    { .name = "receiver", .body = take_one, .mortal = 1 },
		    { .name = "third" } },
};

static void take_one_and_leave(void)
{
	uint64_t handle = 0;

	if (ae_sim_take(&handle) == 0)
		scene_use(handle);
	ae_sim_leave();
}

static const struct ae_sim_scene room_leaves = {
	.name = "one waits for room on its route, who takes leaves",
	.strides = 2,
	.setup = set_depth,
	.actors = { { .name = "sender", .body = send_slowly },
		    { .name = "leaver",
		      .body = take_one_and_leave,
		      .mortal = 1 } },
};

int main(int argc, char **argv)
{
	scene_begin(argc, argv);
	scene_run(&unrung, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&alone, (struct bound) { 2, 1 }, (struct bound) { 4, 1 });
	scene_run(&no_space, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&no_room, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&room_leaves, (struct bound) { 1, 1 },
		  (struct bound) { 3, 1 });
	scene_run(&alone_for_space, (struct bound) { 0, 1 },
		  (struct bound) { 1, 1 });
	scene_run(&box_of_dead, (struct bound) { 0, 1 },
		  (struct bound) { 1, 1 });
	return scene_end();
}
