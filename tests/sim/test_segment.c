/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A divided plane on which not everybody sees all: the dead are settled by
 * several who see a part each, and their slot is free only then; newcomers who
 * want that slot, and die of it; what one who may not write has ended is zeroed
 * by the next. Strides are in segment 0; segment 1 is one that somebody sees
 * and somebody does not.
 */
#include "scene.h"
#include "state.h"

enum {
	WORKER,
	LOW,
	HIGH
};

#define SEGMENT(n) (UINT64_C(1) << (n))

static void send_and_hold(void)
{
	uint64_t handle = 0;

	scene_send(LOW, 7);
	if (ae_sim_reserve(&handle) == 0)
		ae_sim_write(handle, 6);
}

/* The second time there is nothing left for me, whoever else has come. */
static void reap_twice(void)
{
	scene_reap();
	ae_sim_reap();
}

static void take_and_reap(void)
{
	ae_sim_await_death();
	scene_take_some();
	reap_twice();
}

/* Those who see all between them have both reaped, if none of them has died. */
static void finish_parts(void)
{
	uint64_t seat = ae_sim_peek(
		&ae_sim.plane.seats[AETHER_TENANCY_SLOT(ae_sim_to(WORKER))]
			 .seat,
		64);

	if (ae_sim.runners[WORKER].life == AE_SIM_KILLED &&
	    ae_sim.runners[LOW].life != AE_SIM_KILLED &&
	    ae_sim.runners[HIGH].life != AE_SIM_KILLED &&
	    AETHER_SEAT_STATE(seat) != AETHER_SEAT_FREE)
		ae_sim_fail("all is settled, and the slot is not free");
}

static const struct ae_sim_scene in_parts = {
	.name = "a dead one is settled by two who see a part each",
	.finish = finish_parts,
	.strides = 2,
	.segments = 2,
	.actors = { { .name = "worker", .body = send_and_hold, .mortal = 1 },
		    { .name = "low",
		      .body = take_and_reap,
		      .hidden = SEGMENT(1),
		      .mortal = 1 },
		    { .name = "high",
		      .body = reap_twice,
		      .hidden = SEGMENT(0),
		      .mortal = 1 } },
};

static void hold_one(void)
{
	uint64_t handle = 0;

	if (ae_sim_reserve(&handle) == 0)
		ae_sim_write(handle, 5);
}

static void join_and_hold(void)
{
	ae_sim_await_death();
	if (ae_sim_join() == 0)
		hold_one();
}

static const struct ae_sim_scene newcomer = {
	.name = "a newcomer wants the slot of one who is settled in parts",
	.strides = 2,
	.segments = 2,
	.slots = 4,
	.actors = { { .name = "worker", .body = hold_one, .mortal = 1 },
		    { .name = "low",
		      .body = scene_reap,
		      .hidden = SEGMENT(1),
		      .mortal = 1 },
		    { .name = "high",
		      .body = scene_reap,
		      .hidden = SEGMENT(0),
		      .mortal = 1 },
		    { .name = "newcomer",
		      .body = join_and_hold,
		      .joins = 1,
		      .mortal = 1 } },
};

/* A newcomer has written its sight over the dead one's, and has died before it
 * sat down. */
static void write_over(void)
{
	uint32_t slot = (uint32_t)AETHER_TENANCY_SLOT(ae_sim_to(WORKER));

	ae_store64_relaxed(&ae_sim.plane.seats[slot].sight[0],
			   AETHER_SIGHT_MAKE(3, AETHER_SIGHT_STAMP_MASK));
	ae_store64_relaxed(&ae_sim.plane.seats[slot].sight[1],
			   AETHER_SIGHT_MAKE(0, AETHER_SIGHT_STAMP_MASK));
}

static const struct ae_sim_scene newcomer_died = {
	.name = "a newcomer died of the slot of one who is settled in parts",
	.strides = 2,
	.segments = 2,
	.setup = write_over,
	.finish = finish_parts,
	.actors = { { .name = "worker", .body = hold_one, .mortal = 1 },
		    { .name = "low",
		      .body = scene_reap,
		      .hidden = SEGMENT(1),
		      .mortal = 1 },
		    { .name = "high",
		      .body = scene_reap,
		      .hidden = SEGMENT(0),
		      .mortal = 1 } },
};

/* What remains is all that it sees. */
static const struct ae_sim_scene sees_the_rest = {
	.name = "a newcomer sees a part, and wants that slot",
	.strides = 2,
	.segments = 2,
	.slots = 3,
	.actors = { { .name = "worker", .body = hold_one, .mortal = 1 },
		    { .name = "low",
		      .body = scene_reap,
		      .hidden = SEGMENT(1),
		      .mortal = 1 },
		    { .name = "newcomer",
		      .body = join_and_hold,
		      .joins = 1,
		      .hidden = SEGMENT(0),
		      .mortal = 1 } },
};

/* Nobody is sent what he does not see. */
static void send_unseen(void)
{
	uint64_t handle = 0;

	if (ae_sim_reserve(&handle) < 0)
		return;
	ae_sim_write(handle, 4);
	if (ae_sim_route(handle, ae_sim_to(HIGH)) == 0)
		ae_sim_fail("routed to one who does not see it");
	if (ae_sim_share(handle, (uint64_t[]) { ae_sim_to(HIGH) }, 1) == 0)
		ae_sim_fail("shared with one who does not see it");
	ae_sim_release(handle);
}

static void inherit_from_worker(void)
{
	ae_sim_as(WORKER);
	ae_sim_heir(ae_sim_to(HIGH));
}

static void take_some_after(void)
{
	ae_sim_await_death();
	scene_take_some();
}

static const struct ae_sim_scene unseen = {
	.name = "neither mail nor inheritance for one who does not see it",
	.strides = 2,
	.segments = 2,
	.setup = inherit_from_worker,
	.actors = { { .name = "worker", .body = send_unseen, .mortal = 1 },
		    { .name = "low", .body = scene_reap, .mortal = 1 },
		    { .name = "high",
		      .body = take_some_after,
		      .hidden = SEGMENT(0),
		      .mortal = 1 } },
};

static uint64_t had[2];

/* The reader has two that were sent to it. */
static void read_both(void)
{
	ae_sim_as(WORKER);
	ae_sim_heir(ae_sim_to(HIGH));
	scene_send(LOW, 3);
	scene_send(LOW, 2);
	ae_sim_as(LOW);
	if (ae_sim_take(&had[0]) < 0 || ae_sim_take(&had[1]) < 0)
		ae_sim_fail("nothing to read in the setup");
}

static void end_both(void)
{
	ae_sim_release(had[0]);
	ae_sim_release(had[1]);
	take_and_reap();
}

static void want_again(void)
{
	uint64_t handle = 0;

	if (ae_sim_reserve_until(AETHER_FOREVER, &handle) < 0)
		return;
	ae_sim_write(handle, 1);
	ae_sim_release(handle);
	if (ae_sim_reserve_run(2, &handle) < 0)
		return;
	ae_sim_write(handle, 4);
	ae_sim_release(handle);
}

static const struct ae_sim_scene zeroed_late = {
	.name = "what a reader has ended is zeroed by who has it next",
	.strides = 2,
	.segments = 1,
	.flags = AETHER_FLAG_ZERO,
	.setup = read_both,
	.actors = { { .name = "worker", .body = want_again, .mortal = 1 },
		    { .name = "reader",
		      .body = end_both,
		      .read_only = SEGMENT(0),
		      .mortal = 1 },
		    { .name = "heir",
		      .body = take_and_reap,
		      .read_only = SEGMENT(0) } },
};

int main(int argc, char **argv)
{
	scene_begin(argc, argv);
	scene_run(&in_parts, (struct bound) { 0, 2 }, (struct bound) { 1, 2 });
	scene_run(&newcomer, (struct bound) { 0, 2 }, (struct bound) { 1, 2 });
	scene_run(&newcomer_died, (struct bound) { 0, 2 },
		  (struct bound) { 1, 2 });
	scene_run(&sees_the_rest, (struct bound) { 0, 2 },
		  (struct bound) { 2, 2 });
	scene_run(&unseen, (struct bound) { 0, 2 }, (struct bound) { 1, 2 });
	scene_run(&zeroed_late, (struct bound) { 0, 2 },
		  (struct bound) { 1, 2 });
	return scene_end();
}
