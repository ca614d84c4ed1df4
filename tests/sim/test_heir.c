/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heirs: what a worker had finished comes to its heir intact, what it was at
 * comes as suspect, and nothing that a living heir should have is lost, whoever
 * dies and however many reap.
 */
#include "scene.h"

enum {
	WORKER,
	BOSS,
	THIRD,
	FOURTH
};
#define PIECES 2

static void name_heir(void)
{
	ae_sim_as(WORKER);
	ae_sim_heir(ae_sim_to(BOSS));
}

/* Each piece that comes is worked on and sent back. */
static void work(void)
{
	uint64_t handle = 0, value = 0;

	while (ae_sim_take_until(AETHER_FOREVER, &handle) == 0) {
		if (ae_sim_read(handle, &value))
			ae_sim_fail("the boss sends what is suspect");
		ae_sim_write(handle, value + 100);
		if (ae_sim_route(handle, ae_sim_to(BOSS)) < 0)
			ae_sim_release(handle);
	}
}

/* Sends the pieces out and gets each of them back, or keeps it: a piece that is
 * not suspect is untouched or done. */
static void boss(void)
{
	uint64_t handle = 0, value = 0;
	int have = 0;

	for (int i = 0; i < PIECES; i++) {
		if (ae_sim_reserve(&handle) < 0)
			ae_sim_fail("no stride for a piece");
		ae_sim_write(handle, (uint64_t)i + 1);
		have += ae_sim_route(handle, ae_sim_to(WORKER)) < 0;
	}
	while (have < PIECES) {
		if (ae_sim_take_until(AETHER_FOREVER, &handle) < 0)
			ae_sim_fail("the boss has lost a piece");
		if (ae_sim_read(handle, &value)) {
			ae_sim_accept(handle);
			ae_sim_write(handle, 9);
		} else if (value > PIECES && value <= 100) {
			ae_sim_fail("a piece is neither done nor untouched");
		}
		have++;
	}
}

static const struct ae_sim_scene worker_dies = {
	.name = "a worker dies, its boss gets all pieces back",
	.strides = PIECES,
	.setup = name_heir,
	.actors = { { .name = "worker", .body = work, .mortal = 1 },
		    { .name = "boss", .body = boss } },
};

static const struct ae_sim_scene alone = {
	.name = "a worker dies, and nobody but its boss looks",
	.strides = PIECES,
	.unwatched = 1,
	.setup = name_heir,
	.actors = { { .name = "worker", .body = work, .mortal = 1 },
		    { .name = "boss", .body = boss } },
};

static const struct ae_sim_scene reaper_dies = {
	.name = "a worker dies, and who reaps it dies half way",
	.strides = PIECES,
	.setup = name_heir,
	.actors = { { .name = "worker", .body = work, .mortal = 1 },
		    { .name = "boss", .body = boss },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 },
		    { .name = "second", .body = scene_reap } },
};

static const struct ae_sim_scene own_watch = {
	.name = "a worker dies, and the boss's own watch reaps it",
	.strides = PIECES,
	.setup = name_heir,
	.actors = { { .name = "worker", .body = work, .mortal = 1 },
		    { .name = "boss", .body = boss },
		    { .name = "watch", .body = scene_reap, .watch = 1 + BOSS },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

static void heirs_in_a_row(void)
{
	name_heir();
	ae_sim_as(BOSS);
	ae_sim_heir(ae_sim_to(THIRD));
}

static void send_worker_two(void)
{
	scene_send(WORKER, 7);
	scene_send(WORKER, 8);
}

static void work_two(void)
{
	uint64_t handle = 0;

	for (int i = 0; i < 2; i++)
		if (ae_sim_take(&handle) == 0 && !ae_sim_write(handle, 5))
			ae_sim_route(handle, ae_sim_to(BOSS));
}

static const struct ae_sim_scene in_a_row = {
	.name = "an heir dies, too, and its heir gets all",
	.strides = 2,
	.setup = heirs_in_a_row,
	.actors = { { .name = "worker", .body = work_two, .mortal = 1 },
		    { .name = "heir", .body = scene_take_some, .mortal = 1 },
		    { .name = "last", .body = scene_take_all },
		    { .name = "sender", .body = send_worker_two } },
};

/* The heir's box is full of what was withdrawn; work is in hand. */
static void fill_box(void)
{
	uint64_t handle = 0;

	name_heir();
	ae_sim_as(THIRD);
	aether_route_set(ae_sim_me(), ae_sim_to(BOSS), 1,
			 AETHER_POLICY_DROP_OLDEST);
	for (int i = 0; i < 8; i++)
		scene_send(BOSS, (uint64_t)i + 1);
	ae_sim_as(WORKER);
	if (ae_sim_reserve(&handle) < 0)
		ae_sim_fail("no stride for the setup");
	ae_sim_write(handle, 3);
}

static void reserve_one(void)
{
	uint64_t handle = 0;

	if (ae_sim_reserve(&handle) == 0)
		ae_sim_write(handle, 4);
}

static const struct ae_sim_scene box_full = {
	.name = "the heir's box is full",
	.strides = 3,
	.reaps = 2,
	.setup = fill_box,
	.actors = { { .name = "worker", .body = reserve_one, .mortal = 1 },
		    { .name = "heir", .body = scene_take_all, .mortal = 1 },
		    { .name = "third" },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

static void join_and_leave(void)
{
	ae_sim_await_death();
	if (ae_sim_join() == 0)
		ae_sim_leave();
}

static const struct ae_sim_scene box_full_over = {
	.name = "the heir's box is full, a newcomer takes over and leaves",
	.strides = 3,
	.slots = 4,
	.reaps = 2,
	.setup = fill_box,
	.actors = { { .name = "worker", .body = reserve_one, .mortal = 1 },
		    { .name = "heir", .body = scene_take_all },
		    { .name = "third" },
		    { .name = "newcomer",
		      .body = join_and_leave,
		      .joins = 1,
		      .mortal = 1 } },
};

static const struct ae_sim_scene box_full_left = {
	.name = "who has work in hand leaves, its heir's box is full",
	.strides = 3,
	.reaps = 2,
	.setup = fill_box,
	.actors = { { .name = "worker", .body = ae_sim_leave, .mortal = 1 },
		    { .name = "heir", .body = scene_take_all, .mortal = 1 },
		    { .name = "third" },
		    { .name = "reaper", .body = ae_sim_reap, .mortal = 1 } },
};

int main(int argc, char **argv)
{
	scene_begin(argc, argv);
	scene_run(&worker_dies, (struct bound) { 1, 1 },
		  (struct bound) { 3, 1 });
	scene_run(&alone, (struct bound) { 0, 1 }, (struct bound) { 2, 1 });
	scene_run(&reaper_dies, (struct bound) { 0, 1 },
		  (struct bound) { 0, 2 });
	scene_run(&own_watch, (struct bound) { 0, 1 }, (struct bound) { 0, 2 });
	scene_run(&in_a_row, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&box_full, (struct bound) { 0, 2 }, (struct bound) { 1, 2 });
	scene_run(&box_full_over, (struct bound) { 0, 2 },
		  (struct bound) { 1, 2 });
	scene_run(&box_full_left, (struct bound) { 0, 1 },
		  (struct bound) { 1, 1 });
	return scene_end();
}
