/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining: in the place of a dead one, while others send to that one, reap it,
 * or want the same place, and with a newcomer that dies of it.
 */
#include "scene.h"
#include "state.h"

enum {
	SENDER,
	RECEIVER,
	THIRD,
	FOURTH
};

static void send_two(void)
{
	scene_send(RECEIVER, 7);
	scene_send(RECEIVER, 8);
}

/* Keeps what it takes and gets. */
static void hold(void)
{
	uint64_t handle = 0;

	if (ae_sim_take(&handle) == 0)
		ae_sim_write(handle, 4);
	if (ae_sim_reserve(&handle) == 0)
		ae_sim_write(handle, 5);
}

static void join_and_hold(void)
{
	ae_sim_await_death();
	if (ae_sim_join() == 0)
		hold();
}

static void join_and_leave(void)
{
	ae_sim_await_death();
	if (ae_sim_join() == 0) {
		hold();
		ae_sim_leave();
	}
}

static const struct ae_sim_scene taken_over = {
	.name = "a dead one's slot is taken over while one sends to it",
	.strides = 3,
	.slots = 3,
	.actors = { { .name = "sender", .body = send_two, .mortal = 1 },
		    { .name = "receiver", .body = hold, .mortal = 1 },
		    { .name = "newcomer",
		      .body = join_and_hold,
		      .joins = 1,
		      .mortal = 1 } },
};

static const struct ae_sim_scene reaped = {
	.name = "a slot is taken over and reaped at once",
	.strides = 2,
	.slots = 3,
	.actors = { { .name = "reaper", .body = scene_reap, .mortal = 1 },
		    { .name = "receiver", .body = hold, .mortal = 1 },
		    { .name = "newcomer",
		      .body = join_and_hold,
		      .joins = 1,
		      .mortal = 1 } },
};

static const struct ae_sim_scene two_come = {
	.name = "two want the slot of a dead one",
	.strides = 2,
	.slots = 3,
	.actors = { { .name = "sender", .body = send_two },
		    { .name = "receiver", .body = hold, .mortal = 1 },
		    { .name = "newcomer",
		      .body = join_and_leave,
		      .joins = 1,
		      .mortal = 1 },
		    { .name = "second",
		      .body = join_and_hold,
		      .joins = 1,
		      .mortal = 1 } },
};

static void name_heir(void)
{
	ae_sim_as(RECEIVER);
	ae_sim_heir(ae_sim_to(THIRD));
}

/* The newcomer names another heir than the dead one had. */
static void join_and_name(void)
{
	ae_sim_await_death();
	if (ae_sim_join() < 0)
		return;
	ae_sim_heir(ae_sim_to(SENDER));
	hold();
}

static const struct ae_sim_scene heir_waits = {
	.name = "a newcomer names its heir where the dead had named one",
	.strides = 3,
	.slots = 4,
	.setup = name_heir,
	.actors = { { .name = "sender", .body = send_two },
		    { .name = "receiver", .body = hold, .mortal = 1 },
		    { .name = "heir", .body = scene_take_all },
		    { .name = "newcomer",
		      .body = join_and_name,
		      .joins = 1,
		      .mortal = 1 } },
};

static void heir_has_heir(void)
{
	ae_sim_as(RECEIVER);
	ae_sim_heir(ae_sim_to(SENDER));
}

/* Names an heir that is about to leave, and works. */
static void name_and_hold(void)
{
	uint64_t handle = 0;

	ae_sim_heir(ae_sim_to(RECEIVER));
	if (ae_sim_reserve(&handle) == 0)
		ae_sim_write(handle, 6);
}

static void join_and_name_third(void)
{
	if (ae_sim_join() == 0)
		ae_sim_heir(ae_sim_to(THIRD));
}

static const struct ae_sim_scene heir_leaves = {
	.name = "names an heir that leaves, another sits down there",
	.strides = 2,
	.slots = 4,
	.setup = heir_has_heir,
	.actors = { { .name = "last", .body = scene_take_all },
		    { .name = "heir", .body = ae_sim_leave, .mortal = 1 },
		    { .name = "worker", .body = name_and_hold, .mortal = 1 },
		    { .name = "newcomer",
		      .body = join_and_name_third,
		      .joins = 1 } },
};

/* Has an heir, and names another, who may leave just then: it has the one or
 * the other, and was told which. */
static void has_heir(void)
{
	ae_sim_as(RECEIVER);
	ae_sim_heir(ae_sim_to(THIRD));
}

static void name_another(void)
{
	const struct ae_sim_tenant *me = &ae_sim_ghost.tenants[ae_sim_stamp()];
	uint64_t handle = 0;

	if (ae_sim_heir(ae_sim_to(SENDER)) < 0) {
		ae_sim_named();
		if (me->heir != AETHER_TENANCY_STAMP(ae_sim_to(THIRD)))
			ae_sim_fail("who names in vain has no heir any more");
	}
	if (ae_sim_reserve(&handle) == 0)
		ae_sim_write(handle, 6);
}

static const struct ae_sim_scene leaves_named = {
	.name = "an heir leaves while it is named in another's place",
	.strides = 1,
	.setup = has_heir,
	.actors = { { .name = "heir", .body = ae_sim_leave, .mortal = 1 },
		    { .name = "worker", .body = name_another, .mortal = 1 },
		    { .name = "last", .body = scene_take_all } },
};

int main(int argc, char **argv)
{
	scene_begin(argc, argv);
	scene_run(&taken_over, (struct bound) { 1, 1 },
		  (struct bound) { 2, 1 });
	scene_run(&reaped, (struct bound) { 1, 1 }, (struct bound) { 1, 2 });
	scene_run(&two_come, (struct bound) { 0, 1 }, (struct bound) { 0, 2 });
	scene_run(&heir_waits, (struct bound) { 0, 1 },
		  (struct bound) { 1, 1 });
	scene_run(&heir_leaves, (struct bound) { 0, 1 },
		  (struct bound) { 1, 2 });
	scene_run(&leaves_named, (struct bound) { 1, 1 },
		  (struct bound) { 2, 1 });
	return scene_end();
}
