/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a holder says of a stride: length, format and tile travel with the
 * lease, and are not there in the next one. And suspect work: who inherits it
 * accepts it, and may die of that, too.
 */
#include "scene.h"

enum {
	SENDER,
	RECEIVER,
	THIRD
};

/* A length and no format; or nothing yet, as in a new lease. */
static uint64_t said(uint64_t handle)
{
	struct aether_pointer p = { .length = 0 };
	int err = aether_stride_resolve(ae_sim_me(), handle, &p);

	if (err < 0)
		ae_sim_fail("a lease cannot be resolved: %d", err);
	if (p.format != AETHER_FORMAT_RAW || p.tile != AETHER_TILE)
		ae_sim_fail("what nobody said of a lease");
	return p.length;
}

static void say(uint64_t handle, uint64_t length)
{
	if (aether_stride_describe(ae_sim_me(), handle, length,
				   AETHER_FORMAT_RAW, 0) < 0)
		ae_sim_fail("a lease cannot be described");
}

static void describe_and_send(void)
{
	uint64_t handle = 0;

	if (ae_sim_reserve_until(AETHER_FOREVER, &handle) < 0)
		return;
	if (said(handle))
		ae_sim_fail("a new lease is described");
	say(handle, 7);
	if (ae_sim_route(handle, ae_sim_to(RECEIVER)) < 0)
		ae_sim_release(handle);
}

static void send_two(void)
{
	describe_and_send();
	describe_and_send();
}

static void receive_described(void)
{
	uint64_t handle = 0;

	while (ae_sim_take_until(AETHER_FOREVER, &handle) == 0) {
		if (said(handle) != 7)
			ae_sim_fail("a description does not arrive");
		say(handle, 9);
		ae_sim_release(handle);
	}
}

static const struct ae_sim_scene described = {
	.name = "described, sent, described anew, and reserved again",
	.strides = 1,
	.actors = { { .name = "sender", .body = send_two, .mortal = 1 },
		    { .name = "receiver",
		      .body = receive_described,
		      .mortal = 1 },
		    { .name = "reaper", .body = scene_reap } },
};

static void name_heirs(void)
{
	ae_sim_as(SENDER);
	ae_sim_heir(ae_sim_to(RECEIVER));
	ae_sim_as(RECEIVER);
	ae_sim_heir(ae_sim_to(THIRD));
}

static void work_and_leave(void)
{
	uint64_t handle = 0;

	if (ae_sim_reserve(&handle) == 0)
		ae_sim_write(handle, 4);
	ae_sim_leave();
}

/* Suspect until it is accepted, whoever had it in hand. */
static void inherit(void)
{
	uint64_t handle = 0, value = 0;

	while (ae_sim_take_until(AETHER_FOREVER, &handle) == 0) {
		if (!ae_sim_read(handle, &value))
			ae_sim_fail("work in hand comes as if it were done");
		if (ae_sim_accept(handle) < 0 || ae_sim_write(handle, 6))
			ae_sim_fail("what is accepted is still suspect");
		ae_sim_release(handle);
	}
}

static const struct ae_sim_scene accepted = {
	.name = "work in hand is left to an heir, who accepts it",
	.strides = 1,
	.setup = name_heirs,
	.actors = { { .name = "leaver", .body = work_and_leave, .mortal = 1 },
		    { .name = "heir", .body = inherit, .mortal = 1 },
		    { .name = "last", .body = inherit },
		    { .name = "reaper", .body = scene_reap } },
};

int main(int argc, char **argv)
{
	scene_begin(argc, argv);
	scene_run(&described, (struct bound) { 1, 1 }, (struct bound) { 1, 1 });
	scene_run(&accepted, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	return scene_end();
}
