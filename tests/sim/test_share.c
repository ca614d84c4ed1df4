/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shares: two readers, of whom one dies or leaves, before it knows of the
 * share, while it reads, or while it ends it; and a newcomer in its slot, who
 * is not meant.
 */
#include "scene.h"
#include "state.h"

enum {
	SHARER,
	READER,
	OTHER,
	FOURTH
};

static void share_one(void)
{
	uint64_t to[] = { ae_sim_to(READER), ae_sim_to(OTHER) };
	uint64_t handle = 0;

	if (ae_sim_reserve(&handle) < 0)
		return;
	ae_sim_write(handle, 7);
	if (ae_sim_share(handle, to, 2) < 0)
		ae_sim_release(handle);
}

static const struct ae_sim_scene two_read = {
	.name = "one shares with two",
	.strides = 1,
	.actors = { { .name = "sharer", .body = share_one, .mortal = 1 },
		    { .name = "reader", .body = scene_take_all, .mortal = 1 },
		    { .name = "other", .body = scene_take_all, .mortal = 1 } },
};

static const struct ae_sim_scene reaped = {
	.name = "one shares with two, one reaps",
	.strides = 1,
	.actors = { { .name = "sharer", .body = share_one, .mortal = 1 },
		    { .name = "reader", .body = scene_take_all, .mortal = 1 },
		    { .name = "other", .body = scene_take_some, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

/* Still reads what it took when it goes. */
static void read_and_leave(void)
{
	uint64_t handle = 0, value = 0;

	if (ae_sim_take(&handle) == 0)
		ae_sim_read(handle, &value);
	ae_sim_leave();
}

/* Writes into the stride as soon as nobody reads it. */
static void reserve_and_write(void)
{
	uint64_t handle = 0;

	if (ae_sim_reserve_until(AETHER_FOREVER, &handle) == 0)
		ae_sim_write(handle, 5);
}

static const struct ae_sim_scene left = {
	.name = "a reader leaves, another wants the stride",
	.strides = 1,
	.actors = { { .name = "sharer", .body = share_one, .mortal = 1 },
		    { .name = "reader", .body = read_and_leave, .mortal = 1 },
		    { .name = "other", .body = scene_take_all },
		    { .name = "wanter", .body = reserve_and_write } },
};

static void share_with_reader(void)
{
	uint64_t to = ae_sim_to(READER);
	uint64_t handle = 0;

	if (ae_sim_reserve(&handle) == 0 && ae_sim_share(handle, &to, 1) < 0)
		ae_sim_release(handle);
}

static void join_and_take(void)
{
	uint64_t handle = 0;

	if (ae_sim_join() < 0)
		return;
	while (ae_sim_take(&handle) == 0)
		ae_sim_release(handle);
}

static const struct ae_sim_scene followed = {
	.name = "shared with one who leaves, and another sits down there",
	.strides = 1,
	.slots = 3,
	.actors = { { .name = "sharer",
		      .body = share_with_reader,
		      .mortal = 1 },
		    { .name = "reader", .body = ae_sim_leave },
		    { .name = "newcomer", .body = join_and_take, .joins = 1 } },
};

static void share_two(void)
{
	share_one();
	share_one();
}

static const struct ae_sim_scene hands = {
	.name = "shared twice, while the reader's slot changes hands",
	.strides = 1,
	.slots = 4,
	.actors = { { .name = "sharer", .body = share_two, .mortal = 1 },
		    { .name = "reader", .body = read_and_leave, .mortal = 1 },
		    { .name = "other", .body = scene_take_some, .mortal = 1 },
		    { .name = "newcomer",
		      .body = join_and_take,
		      .joins = 1,
		      .mortal = 1 } },
};

/* One share at a time for the reader, who misses what comes too early; the
 * other gets all. */
static void set_depth(void)
{
	ae_sim_as(SHARER);
	if (aether_route_set(ae_sim_me(), ae_sim_to(READER), 1,
			     AETHER_POLICY_DROP_NEW) < 0)
		ae_sim_fail("the route cannot be set");
}

/* To how many shares the reader is counted. */
static int shares_of_reader(void)
{
	const struct aether_plane *p = &ae_sim.plane;
	uint64_t bit = UINT64_C(1) << READER / 2;
	int shares = 0;

	for (uint32_t i = 0; i < p->geometry.strides; i++)
		if (AETHER_LEASE_STATE(ae_sim_peek(&p->leases[i].word, 64)) ==
		    AETHER_STATE_SHARED)
			shares += (ae_sim_peek(&p->leases[i].readers_odd, 64) &
				   bit) != 0;
	return shares;
}

static void share_within_depth(void)
{
	share_two();
	if (shares_of_reader() > 1)
		ae_sim_fail("shared with one who has no room");
}

static const struct ae_sim_scene dropped = {
	.name = "shared twice, with one who has room for one",
	.strides = 2,
	.setup = set_depth,
	.actors = { { .name = "sharer",
		      .body = share_within_depth,
		      .mortal = 1 },
		    { .name = "reader", .body = scene_take_some, .mortal = 1 },
		    { .name = "other", .body = scene_take_some } },
};

int main(int argc, char **argv)
{
	scene_begin(argc, argv);
	scene_run(&two_read, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&reaped, (struct bound) { 0, 1 }, (struct bound) { 0, 2 });
	scene_run(&left, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&followed, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&dropped, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&hands, (struct bound) { 1, 0 }, (struct bound) { 1, 1 });
	return scene_end();
}
