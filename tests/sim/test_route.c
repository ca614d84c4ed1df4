/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail, with deaths at every step: nothing that was sent is lost, nothing has
 * two owners, what was written arrives as it was written, in order.
 */
#include "scene.h"

enum {
	SENDER,
	RECEIVER,
	THIRD,
	FOURTH
};

static void send_one(void)
{
	scene_send(RECEIVER, 7);
}

static void send_two(void)
{
	scene_send(RECEIVER, 7);
	scene_send(RECEIVER, 8);
}

static const struct ae_sim_scene one = {
	.name = "one sends, one waits for mail",
	.strides = 2,
	.actors = { { .name = "sender", .body = send_one, .mortal = 1 },
		    { .name = "receiver",
		      .body = scene_take_all,
		      .mortal = 1 } },
};

static const struct ae_sim_scene reaped = {
	.name = "one sends two, one waits, one reaps",
	.strides = 2,
	.actors = { { .name = "sender", .body = send_two, .mortal = 1 },
		    { .name = "receiver", .body = scene_take_all, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

static const struct ae_sim_scene both_reap = {
	.name = "one sends, one waits, two reap",
	.strides = 2,
	.actors = { { .name = "sender", .body = send_one, .mortal = 1 },
		    { .name = "receiver", .body = scene_take_all, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 },
		    { .name = "second", .body = scene_reap, .mortal = 1 } },
};

static const struct ae_sim_scene two_send = {
	.name = "two send to one that takes what there is",
	.strides = 3,
	.actors = { { .name = "sender", .body = send_two, .mortal = 1 },
		    { .name = "receiver",
		      .body = scene_take_some,
		      .mortal = 1 },
		    { .name = "third", .body = send_two, .mortal = 1 } },
};

/* Sends to the third what it got; keeps what it cannot send. */
static void pass_on(void)
{
	uint64_t handle = 0;

	if (ae_sim_take_until(AETHER_FOREVER, &handle) < 0)
		return;
	ae_sim_write(handle, 9);
	ae_sim_route(handle, ae_sim_to(THIRD));
}

static const struct ae_sim_scene passed_on = {
	.name = "passed on, and reaped in the sender's name",
	.strides = 1,
	.actors = { { .name = "sender", .body = send_one, .mortal = 1 },
		    { .name = "receiver", .body = pass_on, .mortal = 1 },
		    { .name = "third", .body = scene_take_all, .mortal = 1 },
		    { .name = "watch", .body = scene_reap, .watch = 1 } },
};

/* Its stride is wanted by another as soon as it is free. */
static void reserve_and_wait(void)
{
	uint64_t handle = 0;

	if (ae_sim_reserve_until(AETHER_FOREVER, &handle) == 0)
		ae_sim_write(handle, 5);
}

static const struct ae_sim_scene wanted = {
	.name = "a dead one's stride is wanted by another",
	.strides = 1,
	.actors = { { .name = "sender", .body = send_one, .mortal = 1 },
		    { .name = "receiver", .body = scene_take_all, .mortal = 1 },
		    { .name = "wanter", .body = reserve_and_wait },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

/* Seven of the eight places of the box were filled and emptied; the third's
 * cursor is still at the second. */
static void turn_box(void)
{
	uint64_t handle = 0;

	for (int i = 0; i < 7; i++) {
		ae_sim_as(i == 0 ? THIRD : SENDER);
		scene_send(RECEIVER, 3);
		ae_sim_as(RECEIVER);
		if (ae_sim_take(&handle) < 0)
			ae_sim_fail("the setup cannot take");
		ae_sim_release(handle);
	}
}

static const struct ae_sim_scene next_lap = {
	.name = "two send over the end of a lap",
	.strides = 2,
	.setup = turn_box,
	.actors = { { .name = "sender", .body = send_two, .mortal = 1 },
		    { .name = "receiver",
		      .body = scene_take_some,
		      .mortal = 1 },
		    { .name = "third", .body = send_two, .mortal = 1 } },
};

/* The sender's route keeps one on its way, and one is; the sender has an heir,
 * who is not to get that one. */
static void keep_newest(void)
{
	ae_sim_as(SENDER);
	if (aether_route_set(ae_sim_me(), ae_sim_to(RECEIVER), 1,
			     AETHER_POLICY_DROP_OLDEST) < 0)
		ae_sim_fail("the route cannot be set");
	ae_sim_heir(ae_sim_to(FOURTH));
	scene_send(RECEIVER, 7);
}

static void send_newest(void)
{
	scene_send(RECEIVER, 8);
}

static void send_back(void)
{
	uint64_t handle = 0;

	if (ae_sim_take_until(AETHER_FOREVER, &handle) == 0 &&
	    ae_sim_route(handle, ae_sim_to(RECEIVER)) < 0)
		ae_sim_fail("the receiver is gone");
}

/* What it sends round comes back to it whole, whoever dies. */
static void send_round(void)
{
	uint64_t handle = 0, value = 0;
	int away = 0;

	if (ae_sim_take(&handle) == 0 && !ae_sim_read(handle, &value) &&
	    ae_sim_route(handle, ae_sim_to(THIRD)) == 0)
		away = 1;
	while (ae_sim_take_until(AETHER_FOREVER, &handle) == 0) {
		uint64_t got = 0;

		if (ae_sim_read(handle, &got))
			ae_sim_fail("mail is suspect");
		away -= got == value && away;
		ae_sim_release(handle);
	}
	if (away)
		ae_sim_fail("what went round has not come back");
}

static const struct ae_sim_scene went_round = {
	.name = "a sender dies while it withdraws what went round",
	.strides = 2,
	.setup = keep_newest,
	.actors = { { .name = "sender", .body = send_newest, .mortal = 1 },
		    { .name = "receiver", .body = send_round },
		    { .name = "third", .body = send_back },
		    { .name = "heir" } },
};

static void send_to_oneself(void)
{
	uint64_t handle = 0;

	if (ae_sim_take(&handle) == 0)
		ae_sim_route(handle, ae_sim_to(RECEIVER));
}

static const struct ae_sim_scene withdrawer_reaped = {
	.name = "a sender dies while it withdraws, and who reaps it dies",
	.strides = 2,
	.setup = keep_newest,
	.actors = { { .name = "sender", .body = send_newest, .mortal = 1 },
		    { .name = "receiver", .body = send_to_oneself },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 },
		    { .name = "heir" } },
};

static void keep_newest_heirs(void)
{
	keep_newest();
	ae_sim_as(RECEIVER);
	ae_sim_heir(ae_sim_to(THIRD));
}

static const struct ae_sim_scene both_die = {
	.name = "a sender dies while it withdraws, and so does the addressee",
	.strides = 2,
	.setup = keep_newest_heirs,
	.actors = { { .name = "sender", .body = send_newest, .mortal = 1 },
		    { .name = "receiver",
		      .body = send_to_oneself,
		      .mortal = 1 },
		    { .name = "third" },
		    { .name = "heir" } },
};

int main(int argc, char **argv)
{
	scene_begin(argc, argv);
	scene_run(&one, (struct bound) { 2, 1 }, (struct bound) { 5, 2 });
	scene_run(&reaped, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&both_reap, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&two_send, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&passed_on, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&wanted, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&next_lap, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&went_round, (struct bound) { 1, 1 },
		  (struct bound) { 2, 1 });
	scene_run(&withdrawer_reaped, (struct bound) { 0, 2 },
		  (struct bound) { 1, 2 });
	scene_run(&both_die, (struct bound) { 1, 2 }, (struct bound) { 2, 2 });
	return scene_end();
}
