/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ping-pong with deaths at every step: a writer, and another that takes its
 * place; checked and pinned readers. What is called sound is one commit whole;
 * a pin that was not revoked kept the writer away; parity is restored. The
 * pair's records and buffers lie in strides that nobody leases, and are set
 * back after each execution. Buffers that grow into runs: every stride is free
 * in the end, or was the pair's when it was looked for.
 */
#include "hook.h"
#include "scene.h"
#include "state.h"

#define SIZE 64 /* of a buffer; its two ends are written */

static struct aether_layout_pair pair;
static struct aether_layout layout;

#define MIRROR 14 /* the flag of the pair that has one */

static unsigned char *stride(uint32_t index)
{
	return ae_sim.plane.base + ae_sim.plane.geometry.data_offset +
	       (uint64_t)index * AE_SIM_SIZE;
}

static uint64_t offset(uint32_t index)
{
	return (uint64_t)(stride(index) - ae_sim.plane.base);
}

static void *word_of(uint32_t epoch)
{
	uint64_t at = 0;

	aether_geometry_epoch(epoch, &at);
	return ae_sim.plane.base + at;
}

static void *epoch_word(void)
{
	return word_of(pair.epoch);
}

static void set_back(void)
{
	for (uint32_t i = 0; i < ae_sim.plane.geometry.strides; i++)
		memset(stride(i), 0, AE_SIM_SIZE);
	memset(epoch_word(), 0, sizeof(uint32_t));
	memset(word_of(MIRROR), 0, sizeof(uint32_t));
}

/* Its schedule is played once more, from the beginning. */
#define fail(...) \
	do { \
		set_back(); \
		ae_sim_fail(__VA_ARGS__); \
	} while (0)

/* Two buffers, or three. */
static void lay_out(uint32_t buffers)
{
	pair = (struct aether_layout_pair) { .name = "pair",
					     .buffers = buffers,
					     .size = SIZE,
					     .epoch = 4,
					     .item_size = 8,
					     .items = SIZE / 8 };
	for (uint32_t i = 0; i < buffers; i++)
		pair.offset[i] = offset(2) + i * SIZE;
	layout = *ae_sim.plane.layout;
	layout.pairs = &pair;
	layout.pair_count = 1;
	layout.pair_records = (struct aether_layout_records) { offset(0), 1 };
	layout.pins_records = (struct aether_layout_records) { offset(1), 1 };
	ae_sim.plane.layout = &layout;
	set_back();
}

static void two(void)
{
	lay_out(2);
}

static void three(void)
{
	lay_out(3);
}

static struct aether_word64 *first(const void *bytes)
{
	return (struct aether_word64 *)(uintptr_t)bytes;
}

static struct aether_word64 *last(const void *bytes, uint64_t size)
{
	return (struct aether_word64 *)((uintptr_t)bytes + size - 8);
}

/* The two ends of what was begun, and a commit of all of it. */
static void fill(const struct aether_pingpong_write *w)
{
	int err;

	ae_store64_relaxed(first(w->bytes), w->sequence);
	ae_store64_relaxed(last(w->bytes, w->size), w->sequence);
	err = aether_pingpong_commit(ae_sim_me(), 0, w->capacity);
	if (err < 0)
		fail("a commit is refused: %d", err);
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

/* Reads both ends; what is called sound must be of the commit it names. */
static int check(struct aether_pingpong_reading *r)
{
	uint64_t one = ae_load64_relaxed(first(r->bytes));
	uint64_t other = ae_load64_relaxed(last(r->bytes, r->size));
	uint64_t named = r->sequence;
	int err = aether_pingpong_read_end(r);

	if (err == 0 && (one != named || other != named))
		fail("commit %llu is called sound: %llu, %llu",
		     (unsigned long long)named, (unsigned long long)one,
		     (unsigned long long)other);
	return err;
}

static void read_checked(void)
{
	struct aether_pingpong_reading r;

	for (int i = 0; i < 2; i++)
		if (aether_pingpong_read_begin(&ae_sim.plane, 0, &r) == 0)
			check(&r);
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

/* Who lives and knows itself to be the writer is it by the word, too. */
static void check_writers(void)
{
	const struct aether_pair_seg *record = (void *)stride(0);
	uint64_t word = ae_sim_peek(&record->writer, 64);

	for (uint32_t i = 0; i < AE_SIM_ACTORS; i++) {
		const struct ae_sim_runner *r = &ae_sim.runners[i];

		if (r->life == AE_SIM_ENDED && r->me && r->me->pairs &&
		    !ae_holder_is(r->me, word))
			fail("%s is the writer no more", ae_sim_name(i));
	}
}

/* Whoever died where: it goes on, and everything is as it should be. */
static void look_at_end(void)
{
	struct aether_pingpong_reading r;
	struct aether_pingpong_write w;
	struct aether_pingpong_info info;
	int err;

	check_writers();
	ae_sim_as(AE_SIM_MONITOR);
	if (aether_pingpong_read_begin(&ae_sim.plane, 0, &r) < 0 ||
	    check(&r) < 0)
		fail("there is nothing to read in the end");
	err = aether_pingpong_begin(ae_sim_me(), 0, 0, &w);
	aether_pingpong_look(&ae_sim.plane, 0, &info);
	if (err < 0 && !(err == AETHER_ETAKEN && info.writer))
		fail("nobody can write any more: %d", err);
	if (pair.buffers == 2 &&
	    (ae_sim_peek(epoch_word(), 32) & 1) != info.active)
		fail("the parity is wrong in the end");
	if (pair.buffers == 3 && ae_sim_peek(epoch_word(), 32) < info.sequence)
		fail("a commit was not signalled in the end");
}

static void finish(void)
{
	look_at_end();
	set_back();
}

/* ---- buffers that grow, and become small again */

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
	/* quick: one or the other; both take too long */
	scene_run(&grown, (struct bound) { 1, 0 }, (struct bound) { 1, 0 });
	scene_run(&grown, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&grown_reaped, (struct bound) { 0, 1 },
		  (struct bound) { 1, 1 });
	return scene_end();
}
