/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaving: with mail in the box, with work in hand, while somebody sends, while
 * a sender withdraws what is on its way, and with an heir.
 */
#include "scene.h"

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

static void take_and_leave(void)
{
	uint64_t handle = 0;

	ae_sim_take(&handle);
	ae_sim_leave();
}

static void join_and_take(void)
{
	if (ae_sim_join() == 0)
		scene_take_some();
}

static const struct ae_sim_scene with_mail = {
	.name = "leaves with mail",
	.strides = 2,
	.actors = { { .name = "sender", .body = send_two, .mortal = 1 },
		    { .name = "leaver", .body = take_and_leave, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

static const struct ae_sim_scene followed = {
	.name = "leaves with mail, and a newcomer sits down there",
	.strides = 2,
	.slots = 3,
	.actors = { { .name = "sender", .body = send_two, .mortal = 1 },
		    { .name = "leaver", .body = take_and_leave, .mortal = 1 },
		    { .name = "newcomer",
		      .body = join_and_take,
		      .joins = 1,
		      .mortal = 1 } },
};

static void name_heir(void)
{
	ae_sim_as(RECEIVER);
	ae_sim_heir(ae_sim_to(THIRD));
}

static const struct ae_sim_scene inherited = {
	.name = "leaves, and its heir gets all",
	.strides = 2,
	.setup = name_heir,
	.actors = { { .name = "sender", .body = send_two, .mortal = 1 },
		    { .name = "leaver", .body = take_and_leave, .mortal = 1 },
		    { .name = "heir", .body = scene_take_all, .mortal = 1 } },
};

static void heirs_in_a_row(void)
{
	name_heir();
	ae_sim_as(THIRD);
	ae_sim_heir(ae_sim_to(FOURTH));
}

static const struct ae_sim_scene both_leave = {
	.name = "leaves while its heir leaves, too",
	.strides = 2,
	.setup = heirs_in_a_row,
	.actors = { { .name = "sender", .body = send_two, .mortal = 1 },
		    { .name = "leaver", .body = take_and_leave, .mortal = 1 },
		    { .name = "heir", .body = take_and_leave, .mortal = 1 },
		    { .name = "last", .body = scene_take_all } },
};

/* The sender's route keeps one on its way and withdraws older ones. */
static void keep_newest(void)
{
	ae_sim_as(SENDER);
	if (aether_route_set(ae_sim_me(), ae_sim_to(RECEIVER), 1,
			     AETHER_POLICY_DROP_OLDEST) < 0)
		ae_sim_fail("the route cannot be set");
}

static const struct ae_sim_scene withdrawn = {
	.name = "what is on its way is withdrawn, while its addressee leaves",
	.strides = 3,
	.setup = keep_newest,
	.actors = { { .name = "sender", .body = send_two, .mortal = 1 },
		    { .name = "leaver", .body = take_and_leave, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

static void take_and_route(uint32_t actor, uint32_t to)
{
	uint64_t handle = 0;

	ae_sim_as(actor);
	if (ae_sim_take(&handle) < 0 || ae_sim_route(handle, ae_sim_to(to)) < 0)
		ae_sim_fail("the setup cannot route");
}

/* The sender still lists what is the third's mail to the receiver by now. */
static void go_round(void)
{
	keep_newest();
	scene_send(RECEIVER, 7);
	take_and_route(RECEIVER, THIRD);
	take_and_route(THIRD, RECEIVER);
}

static void send_one(void)
{
	scene_send(RECEIVER, 8);
}

static const struct ae_sim_scene went_round = {
	.name = "what went round is sent on, while its addressee leaves",
	.strides = 3,
	.setup = go_round,
	.actors = { { .name = "sender", .body = send_one, .mortal = 1 },
		    { .name = "leaver", .body = take_and_leave, .mortal = 1 },
		    { .name = "third" },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

static void go_round_with_heir(void)
{
	name_heir();
	go_round();
}

static const struct ae_sim_scene went_round_heir = {
	.name = "what went round is sent on to one who leaves an heir",
	.strides = 3,
	.setup = go_round_with_heir,
	.actors = { { .name = "sender", .body = send_one, .mortal = 1 },
		    { .name = "leaver", .body = take_and_leave, .mortal = 1 },
		    { .name = "third", .body = scene_take_all, .mortal = 1 } },
};

int main(int argc, char **argv)
{
	scene_begin(argc, argv);
	scene_run(&with_mail, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&followed, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&inherited, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&both_leave, (struct bound) { 1, 0 },
		  (struct bound) { 1, 1 });
	scene_run(&withdrawn, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&went_round, (struct bound) { 1, 1 },
		  (struct bound) { 2, 1 });
	scene_run(&went_round_heir, (struct bound) { 1, 1 },
		  (struct bound) { 2, 1 });
	return scene_end();
}
