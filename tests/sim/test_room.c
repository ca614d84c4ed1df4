/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers of a pair that grow into runs and become small again, with deaths at
 * every step: what is called sound is one commit whole, and every stride is
 * free in the end, or was the pair's when it was looked for.
 */
#include "pair.h"

/* All in stride 0, which the monitor holds; the others are for runs. */
static void lay_out_room(void)
{
	uint64_t handle = 0;

	lay_out(2);
	for (uint32_t i = 0; i < pair.buffers; i++)
		pair.offset[i] = offset(0) + 2048 + i * SIZE;
	layout.pins_records = (struct aether_layout_records) { offset(0) + 64,
							       1 };
	ae_sim_as(AE_SIM_MONITOR);
	if (ae_sim_reserve(&handle) < 0 || AETHER_HANDLE_STRIDE(handle) != 0)
		ae_sim_fail("stride 0 is not to be had");
	ae_sim_as(0);
}

/* What an execution that the judge ended left is not there any more. */
static void afresh(void)
{
	static uint32_t run;

	if (run != ae_sim.run)
		set_back();
	run = ae_sim.run;
}

/* A commit of so many items, if there is room: what the dead have is taken
 * until somebody reaps. */
static int write_room(uint32_t items)
{
	struct aether_pingpong_write w;
	int err = aether_pingpong_begin(ae_sim_me(), 0, AETHER_FOREVER, &w);

	if (err < 0)
		return err;
	err = aether_pingpong_room(ae_sim_me(), 0, items, &w);
	if (err < 0 && err != AETHER_EFULL && err != AETHER_EAGAIN)
		fail("no room: %d", err);
	if (err == 0 && w.capacity < items)
		fail("room for %u and not for %u", w.capacity, items);
	fill(&w);
	return 0;
}

/* Items of 8 bytes: so many are a stride, and less than two. */
#define STRIDE_ITEMS (AE_SIM_SIZE / 8)

/* Region to run, and run to longer run. */
static void grow(void)
{
	afresh();
	if (write_room(STRIDE_ITEMS) == 0 && write_room(1) == 0 &&
	    write_room(STRIDE_ITEMS + 1) == 0)
		aether_pingpong_resign(ae_sim_me(), 0);
}

/* Both to runs, and back to region. */
static void grow_and_shrink(void)
{
	afresh();
	for (int i = 0; i < 4; i++)
		if (write_room(i < 2 ? STRIDE_ITEMS : 1) < 0)
			return;
	aether_pingpong_resign(ae_sim_me(), 0);
}

/* Whatever the dead left, both to region. */
static void shrink(void)
{
	afresh();
	ae_sim_await_death();
	if (write_room(1) == 0 && write_room(1) == 0)
		aether_pingpong_resign(ae_sim_me(), 0);
}

static void read_grown(void)
{
	afresh();
	read_checked();
}

static void reap_after(void)
{
	afresh();
	scene_reap();
}

/* As above; and nothing that the pair keeps is lost. */
static void finish_room(void)
{
	struct aether_pingpong_write w;

	look_at_end();
	/* it has begun already, unless somebody who lives writes */
	aether_pingpong_abandon(ae_sim_me(), 0);
	for (int i = 0; i < 2; i++) {
		if (aether_pingpong_begin(ae_sim_me(), 0, 0, &w) < 0 ||
		    aether_pingpong_room(ae_sim_me(), 0, 1, &w) < 0)
			fail("no room in the end");
		fill(&w);
	}
}

static const struct ae_sim_scene grown = {
	.name = "buffers that grow, a checked reader, the writer is taken over",
	.strides = 5,
	.setup = lay_out_room,
	.finish = finish_room,
	.actors = { { .name = "writer", .body = grow, .mortal = 1 },
		    { .name = "heir", .body = shrink },
		    { .name = "reader", .body = read_grown } },
};

static const struct ae_sim_scene grown_reaped = {
	.name = "buffers that grow, who writes dies while another reaps",
	.strides = 5,
	.setup = lay_out_room,
	.finish = finish_room,
	.actors = { { .name = "writer", .body = grow, .mortal = 1 },
		    { .name = "heir", .body = shrink, .mortal = 1 },
		    { .name = "reaper", .body = reap_after, .mortal = 1 } },
};

static const struct ae_sim_scene shrunk = {
	.name = "buffers that grow and shrink, the writer is taken over",
	.strides = 5,
	.setup = lay_out_room,
	.finish = finish_room,
	.actors = { { .name = "writer", .body = grow_and_shrink, .mortal = 1 },
		    { .name = "heir", .body = shrink } },
};

int main(int argc, char **argv)
{
	scene_begin(argc, argv);
	/* quick: one or the other; both take too long */
	scene_run(&grown, (struct bound) { 1, 0 }, (struct bound) { 1, 0 });
	scene_run(&grown, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&grown_reaped, (struct bound) { 0, 1 },
		  (struct bound) { 1, 1 });
	scene_run(&shrunk, (struct bound) { 0, 1 }, (struct bound) { 2, 1 });
	return scene_end();
}
