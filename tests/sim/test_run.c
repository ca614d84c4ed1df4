/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs, and planes that zero what ends: reserved, routed, released, with deaths
 * between any two of their strides, while another wants the same ones.
 */
#include "scene.h"

enum {
	SENDER,
	RECEIVER,
	WANTER,
	REAPER
};

static void send_run(void)
{
	uint64_t handle = 0;

	if (ae_sim_reserve_run(2, &handle) < 0)
		return;
	ae_sim_write(handle, 7);
	if (ae_sim_route(handle, ae_sim_to(RECEIVER)) < 0)
		ae_sim_release(handle);
}

static void want_run(void)
{
	uint64_t handle = 0;

	if (ae_sim_reserve_run(2, &handle) < 0)
		return;
	ae_sim_write(handle, 8);
	ae_sim_release(handle);
}

static void want_singles(void)
{
	uint64_t handle = 0;

	for (int i = 0; i < 2; i++)
		if (ae_sim_reserve(&handle) == 0)
			ae_sim_write(handle, 9);
}

static const struct ae_sim_scene overlapping = {
	.name = "two want runs of two out of three",
	.strides = 3,
	.actors = { { .name = "sender", .body = send_run, .mortal = 1 },
		    { .name = "receiver", .body = scene_take_all, .mortal = 1 },
		    { .name = "wanter", .body = want_run, .mortal = 1 } },
};

static const struct ae_sim_scene reaped = {
	.name = "a run is sent, its strides are wanted, one reaps",
	.strides = 2,
	.actors = { { .name = "sender", .body = send_run, .mortal = 1 },
		    { .name = "receiver",
		      .body = scene_take_some,
		      .mortal = 1 },
		    { .name = "wanter", .body = want_singles, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

static void name_heir(void)
{
	ae_sim_as(SENDER);
	ae_sim_heir(ae_sim_to(RECEIVER));
}

/* Accepts what comes, as it is. */
static void inherit(void)
{
	uint64_t handle = 0;

	while (ae_sim_take_until(AETHER_FOREVER, &handle) == 0) {
		ae_sim_accept(handle);
		ae_sim_write(handle, 6);
		ae_sim_release(handle);
	}
}

static const struct ae_sim_scene inherited = {
	.name = "a run is inherited, half made or half ended",
	.strides = 3,
	.setup = name_heir,
	.actors = { { .name = "sender", .body = want_run, .mortal = 1 },
		    { .name = "heir", .body = inherit },
		    { .name = "wanter", .body = want_singles },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

static uint64_t run_had;

static void have_run(void)
{
	ae_sim_as(RECEIVER);
	if (ae_sim_reserve_run(2, &run_had) < 0)
		ae_sim_fail("no run for the setup");
	ae_sim_as(SENDER);
}

static void free_and_want_run(void)
{
	ae_sim_release(run_had);
	want_run();
}

/* Who leaves looks at all words, at a run half made or half freed too. */
static const struct ae_sim_scene passed_by = {
	.name = "a run is freed and had again while another leaves",
	.strides = 2,
	.setup = have_run,
	.actors = { { .name = "leaver", .body = ae_sim_leave, .mortal = 1 },
		    { .name = "holder",
		      .body = free_and_want_run,
		      .mortal = 1 } },
};

static void send_one(void)
{
	scene_send(RECEIVER, 7);
}

/* Nobody sees what another wrote. */
static void look_at_bytes(void)
{
	uint64_t handle = 0;
	unsigned char *at = NULL;
	void *bytes = NULL;

	if (ae_sim_reserve_until(AETHER_FOREVER, &handle) < 0)
		return;
	if (aether_stride_bytes(ae_sim_me(), handle, NULL, &bytes) < 0)
		ae_sim_fail("its bytes are refused");
	at = bytes;
	for (size_t i = 0; i < sizeof(uint64_t); i++)
		if (at[i])
			ae_sim_fail("a new stride is not zero");
	ae_sim_write(handle, 3);
	ae_sim_release(handle);
}

static const struct ae_sim_scene zeroed = {
	.name = "what ends is zeroed before another has it",
	.strides = 1,
	.flags = AETHER_FLAG_ZERO,
	.actors = { { .name = "sender", .body = send_one, .mortal = 1 },
		    { .name = "receiver", .body = scene_take_all, .mortal = 1 },
		    { .name = "wanter", .body = look_at_bytes },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

static const struct ae_sim_scene zeroed_run = {
	.name = "a run is zeroed, two reap",
	.strides = 2,
	.flags = AETHER_FLAG_ZERO,
	.actors = { { .name = "sender", .body = want_run, .mortal = 1 },
		    { .name = "second", .body = scene_reap, .mortal = 1 },
		    { .name = "wanter", .body = look_at_bytes },
		    { .name = "reaper", .body = scene_reap } },
};

int main(int argc, char **argv)
{
	scene_begin(argc, argv);
	scene_run(&overlapping, (struct bound) { 1, 1 },
		  (struct bound) { 2, 1 });
	scene_run(&reaped, (struct bound) { 0, 1 }, (struct bound) { 0, 2 });
	scene_run(&inherited, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&passed_by, (struct bound) { 1, 1 }, (struct bound) { 3, 1 });
	scene_run(&zeroed, (struct bound) { 0, 1 }, (struct bound) { 0, 2 });
	scene_run(&zeroed_run, (struct bound) { 0, 1 },
		  (struct bound) { 1, 1 });
	return scene_end();
}
