/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ping-pong with deaths at every step: a writer, and another that takes its
 * place; checked and pinned readers. What is called sound is one commit whole;
 * a pin that was not revoked kept the writer away; parity is restored.
 */
#include "pair.h"

static void two(void)
{
	lay_out(2);
}

static void three(void)
{
	lay_out(3);
}

static int write_one(void)
{
	struct aether_pingpong_write w;
	int err = aether_pingpong_begin(ae_sim_me(), 0, AETHER_FOREVER, &w);

	if (err < 0)
		return err;
	fill(&w);
	return 0;
}

static void write_some(void)
{
	for (int i = 0; i < 3; i++)
		if (write_one() < 0)
			return;
}

static void write_once(void)
{
	write_one();
}

static void write_and_resign(void)
{
	if (write_one() == 0)
		aether_pingpong_resign(ae_sim_me(), 0);
}

static void take_over(void)
{
	ae_sim_await_death();
	write_some();
}

/* Told of one that died as the writer, whoever has met its word before. */
static void take_over_told(void)
{
	struct aether_pingpong_write w;
	const struct aether_pair_seg *record = (void *)stride(0);
	uint64_t word;
	int gone;

	ae_sim_await_death();
	word = ae_sim_peek(&record->writer, 64);
	gone = AETHER_HOLDER_HELD(word) || AETHER_HOLDER_GONE(word);
	if (aether_pingpong_begin(ae_sim_me(), 0, AETHER_FOREVER, &w) < 0)
		return;
	if (w.recovered != gone)
		fail("recovered %d, wanted %d", w.recovered, gone);
	aether_pingpong_abandon(ae_sim_me(), 0);
	write_one();
}

static void read_pinned(void)
{
	struct aether_pingpong_info info;
	struct aether_pingpong_reading r;

	for (int i = 0; i < 2; i++) {
		int err = aether_pingpong_read_pinned(ae_sim_me(), 0,
						      AETHER_PIN_TERM_MAX, &r);

		if (err == 0)
			err = check(&r);
		if (err == 0 || err == AETHER_EAGAIN)
			continue;
		aether_pingpong_look(&ae_sim.plane, 0, &info);
		if (!info.revoked)
			fail("overwritten though pinned: %d", err);
	}
}

static void finish(void)
{
	look_at_end();
	set_back();
}

static const struct ae_sim_scene checked = {
	.name = "two buffers, a checked reader, the writer is taken over",
	.strides = 3,
	.setup = two,
	.finish = finish,
	.actors = { { .name = "writer", .body = write_some, .mortal = 1 },
		    { .name = "heir", .body = take_over },
		    { .name = "reader", .body = read_checked } },
};

static const struct ae_sim_scene pinned = {
	.name = "two buffers, a pinned reader; any of them dies",
	.strides = 3,
	.setup = two,
	.finish = finish,
	.actors = { { .name = "writer", .body = write_some, .mortal = 1 },
		    { .name = "heir", .body = take_over },
		    { .name = "reader", .body = read_pinned, .mortal = 1 } },
};

/* Pins a buffer that is not the active one any more, and is being written. */
static const struct ae_sim_scene late_pin = {
	.name = "two buffers, a pin that comes late",
	.strides = 3,
	.setup = two,
	.finish = finish,
	.actors = { { .name = "reader", .body = read_pinned },
		    { .name = "writer", .body = write_some } },
};

static void two_mirrored(void)
{
	lay_out(2);
	pair.mirror = MIRROR;
}

/* Who begins puts right what the dead owed. */
static void finish_mirrored(void)
{
	struct aether_pingpong_info info = { .active = 0 };
	struct aether_pingpong_write w;

	ae_sim_as(AE_SIM_MONITOR);
	aether_pingpong_begin(ae_sim_me(), 0, 0, &w);
	aether_pingpong_abandon(ae_sim_me(), 0);
	aether_pingpong_look(&ae_sim.plane, 0, &info);
	if (ae_sim_peek(word_of(MIRROR), 32) != info.active)
		fail("the flag is wrong in the end");
	finish();
}

/* Keeps its pin for longer than its term. */
static void overstay(void)
{
	struct aether_pingpong_info info;
	struct aether_pingpong_reading r;
	uint64_t handle = 0;
	int err;

	if (aether_pingpong_read_pinned(ae_sim_me(), 0, 1000, &r) < 0)
		return;
	ae_sim_take_until(r.until + 1000, &handle);
	err = check(&r);
	aether_pingpong_look(&ae_sim.plane, 0, &info);
	if (err == 0 && info.revoked)
		fail("revoked, and its reader is not told");
}

static const struct ae_sim_scene revoked = {
	.name = "two buffers, a pin that is revoked",
	.strides = 3,
	.setup = two,
	.finish = finish,
	.actors = { { .name = "writer", .body = write_some, .mortal = 1 },
		    { .name = "reader", .body = overstay, .mortal = 1 } },
};

static void pin_and_leave(void)
{
	struct aether_pingpong_reading r;

	aether_pingpong_read_pinned(ae_sim_me(), 0, AETHER_PIN_TERM_MAX, &r);
	ae_sim_leave();
}

/* Nobody's term is waited for who is not there. */
static void finish_left(void)
{
	struct aether_pingpong_info info = { .revoked = 0 };

	aether_pingpong_look(&ae_sim.plane, 0, &info);
	if (info.revoked)
		fail("revoked, and nobody was there");
	finish();
}

static const struct ae_sim_scene pin_left = {
	.name = "two buffers, who pinned one leaves",
	.strides = 3,
	.setup = two,
	.finish = finish_left,
	.actors = { { .name = "writer", .body = write_some, .mortal = 1 },
		    { .name = "heir", .body = take_over },
		    { .name = "reader", .body = pin_and_leave } },
};

static const struct ae_sim_scene thirds = {
	.name = "three buffers, both kinds of readers",
	.strides = 3,
	.setup = three,
	.finish = finish,
	.actors = { { .name = "writer", .body = write_some, .mortal = 1 },
		    { .name = "reader", .body = read_checked },
		    { .name = "pinner", .body = read_pinned, .mortal = 1 } },
};

static const struct ae_sim_scene turns = {
	.name = "two writers take turns",
	.strides = 3,
	.setup = two_mirrored,
	.finish = finish_mirrored,
	.actors = { { .name = "one", .body = write_and_resign, .mortal = 1 },
		    { .name = "two", .body = write_and_resign, .mortal = 1 },
		    { .name = "reader", .body = read_checked } },
};

/* The reaper ends the dead one's word, or who takes over does, or both try. */
static const struct ae_sim_scene reaped = {
	.name = "three buffers, the writer is reaped and taken over",
	.strides = 3,
	.epochs = 1,
	.setup = three,
	.finish = finish,
	.actors = { { .name = "writer", .body = write_some, .mortal = 1 },
		    { .name = "heir", .body = take_over_told },
		    { .name = "reaper", .body = scene_reap } },
};

/* Who ends the dead one's word dies before that, or half way. */
static const struct ae_sim_scene reaper_dies = {
	.name = "three buffers, the writer dies, and who reaps it",
	.strides = 3,
	.epochs = 1,
	.setup = three,
	.finish = finish,
	.actors = { { .name = "writer", .body = write_once, .mortal = 1 },
		    { .name = "heir", .body = take_over_told },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

static void write_and_leave(void)
{
	write_one();
	ae_sim_leave();
}

static const struct ae_sim_scene writer_leaves = {
	.name = "three buffers, the writer leaves",
	.strides = 3,
	.epochs = 1,
	.setup = three,
	.finish = finish,
	.actors = { { .name = "writer", .body = write_and_leave, .mortal = 1 },
		    { .name = "heir", .body = write_some },
		    { .name = "reaper", .body = scene_reap } },
};

int main(int argc, char **argv)
{
	scene_begin(argc, argv);
	scene_run(&checked, (struct bound) { 1, 1 }, (struct bound) { 1, 1 });
	scene_run(&pinned, (struct bound) { 1, 1 }, (struct bound) { 1, 1 });
	scene_run(&late_pin, (struct bound) { 3, 0 }, (struct bound) { 3, 0 });
	scene_run(&revoked, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&pin_left, (struct bound) { 1, 1 }, (struct bound) { 1, 1 });
	scene_run(&thirds, (struct bound) { 1, 1 }, (struct bound) { 1, 1 });
	scene_run(&reaped, (struct bound) { 1, 1 }, (struct bound) { 1, 1 });
	scene_run(&reaper_dies, (struct bound) { 0, 2 },
		  (struct bound) { 1, 2 });
	scene_run(&writer_leaves, (struct bound) { 0, 1 },
		  (struct bound) { 1, 1 });
	scene_run(&turns, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	return scene_end();
}
