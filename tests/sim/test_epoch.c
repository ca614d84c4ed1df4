/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epochs: who signals, sets, owns or frees one is killed at every step; who
 * waits for it is woken, by it or by whoever reaps it, and nobody sleeps though
 * what he waits for has changed. Owners' epochs come back, and no name is ever
 * given twice.
 */
#include "scene.h"
#include "state.h"

enum {
	ACTOR,
	FIRST,
	SECOND
};

#define ONE 200
#define OTHER 201

/* The judge of sleepers counts what a participant has done. */
static void progress(void)
{
	ae_sim_me()->counts.taken++;
}

/* Waits until it has seen the value, or somebody says that it is over. */
static void wait_until(uint32_t value)
{
	uint32_t seen = 0;

	while (seen != value && aether_epoch_wait(ae_sim_me(), ONE, seen,
						  AETHER_FOREVER, &seen) == 0)
		progress();
}

static void wait_one(void)
{
	wait_until(1);
}

static void wait_two(void)
{
	wait_until(2);
}

static void signal_two(void)
{
	aether_epoch_signal(ae_sim_me(), ONE);
	aether_epoch_signal(ae_sim_me(), ONE);
}

static void signal_one(void)
{
	aether_epoch_signal(ae_sim_me(), ONE);
}

static void set_one(void)
{
	aether_epoch_set(ae_sim_me(), ONE, 1);
}

static const struct ae_sim_scene two_signals = {
	.name = "epoch: one signals twice, one waits",
	.strides = 1,
	.epochs = 1,
	.actors = { { .name = "signals", .body = signal_two, .mortal = 1 },
		    { .name = "waits", .body = wait_two, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

static const struct ae_sim_scene two_wait = {
	.name = "epoch: two signal, two wait",
	.strides = 1,
	.epochs = 1,
	.actors = { { .name = "signals", .body = signal_one, .mortal = 1 },
		    { .name = "waits", .body = wait_two },
		    { .name = "waits too", .body = wait_two },
		    { .name = "signals too", .body = signal_one },
		    { .name = "reaper", .body = scene_reap } },
};

static const struct ae_sim_scene a_set = {
	.name = "epoch: one sets a flag",
	.strides = 1,
	.epochs = 1,
	.actors = { { .name = "sets", .body = set_one, .mortal = 1 },
		    { .name = "waits", .body = wait_one, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap } },
};

static void join_and_wait(void)
{
	ae_sim_await_death();
	if (ae_sim_join() == 0)
		wait_one();
}

/* Who sits there and does not wait is in no set, and parks nowhere, whoever was
 * parked in its place: each signal would cost a call for it. */
static void none_is_inherited(void)
{
	uint64_t set = ae_sim_peek(&ae_sim.plane.epochs[ONE].waiters, 64);

	for (uint32_t i = 0; i < AE_SIM_ACTORS; i++) {
		struct ae_sim_runner *r = &ae_sim.runners[i];

		if (r->life != AE_SIM_ENDED || !r->joined)
			continue;
		if (set >> r->me->slot & 1 ||
		    ae_sim_peek(&r->me->seat->epoch, 32))
			ae_sim_fail("%s waits for nothing, and is in the set",
				    ae_sim_name(i));
	}
}

static const struct ae_sim_scene inherited = {
	.name = "epoch: another sits down where one parked and died",
	.strides = 1,
	.slots = 3,
	.epochs = 1,
	.finish = none_is_inherited,
	.actors = { { .name = "signals", .body = signal_two },
		    { .name = "waits", .body = wait_two, .mortal = 1 },
		    { .name = "newcomer",
		      .body = join_and_wait,
		      .joins = 1,
		      .mortal = 1 } },
};

/* Waits for either, until each has changed. */
static void wait_both(void)
{
	struct aether_epoch_watch w[2] = { { ONE, 0, 0 }, { OTHER, 0, 0 } };
	uint32_t which = 0;

	while (!(w[0].seen && w[1].seen) &&
	       aether_epoch_wait_any(ae_sim_me(), w, 2, AETHER_FOREVER,
				     &which) == 0) {
		w[0].seen = w[0].value;
		w[1].seen = w[1].value;
		progress();
	}
}

static void signal_other(void)
{
	aether_epoch_signal(ae_sim_me(), OTHER);
}

static const struct ae_sim_scene several = {
	.name = "several: two signal, one waits for both",
	.strides = 1,
	.epochs = 1,
	.actors = { { .name = "signals", .body = signal_one, .mortal = 1 },
		    { .name = "signals the other",
		      .body = signal_other,
		      .mortal = 1 },
		    { .name = "waits", .body = wait_both, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap } },
};

/* An epoch of the pool, of the first actor. */
static uint64_t owned;
static uint64_t given[16]; /* in this execution, and before it */
static int gifts, before;
static uint32_t run;

/* No name is given twice. */
static void allocate(uint64_t *epoch)
{
	if (aether_epoch_allocate(ae_sim_me(), epoch) < 0)
		ae_sim_fail("no epoch is free");
	if (run != ae_sim.run)
		gifts = before;
	run = ae_sim.run;
	for (int i = 0; i < gifts; i++)
		if (given[i] == *epoch)
			ae_sim_fail("an epoch is given twice");
	given[gifts++] = *epoch;
}

static void own_one(void)
{
	gifts = before = 0;
	ae_sim_as(ACTOR);
	allocate(&owned);
	before = 1;
}

static void free_it(void)
{
	aether_epoch_free(ae_sim_me(), owned);
}

static void await_end(void)
{
	uint32_t value = 0;
	int err = aether_epoch_wait(ae_sim_me(), owned, 0, AETHER_FOREVER,
				    &value);

	if (err == 0)
		ae_sim_fail("woken by another's signal");
}

static const struct ae_sim_scene freed = {
	.name = "pool: who owns it frees it, one waits",
	.strides = 1,
	.epochs = 1,
	.setup = own_one,
	.actors = { { .name = "owner", .body = free_it, .mortal = 1 },
		    { .name = "waits", .body = await_end, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

static const struct ae_sim_scene left = {
	.name = "pool: who owns it leaves, one waits",
	.strides = 1,
	.epochs = 1,
	.setup = own_one,
	.actors = { { .name = "owner", .body = ae_sim_leave, .mortal = 1 },
		    { .name = "waits", .body = await_end },
		    { .name = "reaper", .body = scene_reap } },
};

/* Two allocations and a free; all that it has is left to others in the end. */
static void come_and_go(void)
{
	uint64_t epoch = 0, second = 0;

	allocate(&epoch);
	aether_epoch_free(ae_sim_me(), epoch);
	allocate(&second);
}

static const struct ae_sim_scene reused = {
	.name = "pool: freed, and had by others at once",
	.strides = 1,
	.epochs = 1,
	.setup = own_one,
	.actors = { { .name = "owner", .body = free_it, .mortal = 1 },
		    { .name = "waits", .body = await_end },
		    { .name = "allocates", .body = come_and_go, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap } },
};

/* As in the layout INOS, with a table of what is taken; in a stride that nobody
 * leases. */
static void start_of_names(void)
{
	static struct aether_layout layout;
	struct aether_layout_records *table = &layout.supervisor_alloc_records;

	before = 0;
	layout = *ae_sim.plane.layout;
	table->offset = ae_sim.plane.geometry.data_offset;
	table->count = 1;
	ae_sim.plane.layout = &layout;
}

static const struct ae_sim_scene two_own = {
	.name = "pool: two allocate at once",
	.strides = 1,
	.epochs = 1,
	.setup = start_of_names,
	.actors = { { .name = "one", .body = come_and_go, .mortal = 1 },
		    { .name = "two", .body = come_and_go, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap, .mortal = 1 } },
};

static void start_panic(void)
{
	aether_epoch_panic(ae_sim_me(), 1);
}

static void await_panic(void)
{
	uint32_t value = 0;

	while (aether_epoch_wait(ae_sim_me(), ONE, 0, AETHER_FOREVER, &value) ==
	       AETHER_ETIMEDOUT)
		;
}

static void await_panic_on_bell(void)
{
	struct aether_epoch_watch w[2] = { { ONE, 0, 0 }, { OTHER, 0, 0 } };
	uint32_t which = 0;

	aether_epoch_wait_any(ae_sim_me(), w, 2, AETHER_FOREVER, &which);
}

static const struct ae_sim_scene panics = {
	.name = "panic: on a doorbell and for mail",
	.strides = 1,
	.epochs = 1,
	.actors = { { .name = "panics", .body = start_panic, .mortal = 1 },
		    { .name = "waits for several",
		      .body = await_panic_on_bell },
		    { .name = "waits for mail", .body = scene_take_all },
		    { .name = "reaper", .body = scene_reap } },
};

static const struct ae_sim_scene panics_alone = {
	.name = "panic: on an epoch's word, and nobody watches",
	.strides = 1,
	.epochs = 1,
	.unwatched = 1,
	.actors = { { .name = "panics", .body = start_panic, .mortal = 1 },
		    { .name = "waits", .body = await_panic } },
};

static void join_late(void)
{
	ae_sim_await_death();
	if (ae_sim_join() == 0)
		wait_one();
}

/* Two changes, of which one will come: it sleeps until it dies of it. */
static const struct ae_sim_scene slept = {
	.name = "epoch: who waits dies asleep, and a newcomer sits down there",
	.strides = 1,
	.slots = 3,
	.epochs = 1,
	.actors = { { .name = "signals", .body = signal_one },
		    { .name = "waits", .body = wait_two, .mortal = 1 },
		    { .name = "newcomer",
		      .body = join_late,
		      .joins = 1,
		      .mortal = 1 } },
};

/* Everybody is of a boot, and another begins. */
static void boot(void)
{
	for (uint32_t i = ACTOR; i <= SECOND; i++) {
		ae_sim_as(i);
		if (i == ACTOR)
			aether_context_begin(ae_sim_me(), 7);
		if (aether_context_check(ae_sim_me()) < 0)
			ae_sim_fail("not of the boot that it has met");
	}
}

static void boot_again(void)
{
	aether_context_begin(ae_sim_me(), 8);
}

/* Who still waits in the end waits in the boot that is. */
static void await_boot(int err)
{
	const void *word = ae_epoch_word(&ae_sim.plane,
					 AETHER_IDX_CONTEXT_ID_HASH);

	if (err != AETHER_ECONTEXT &&
	    (err != AETHER_EINTR || ae_sim_peek(word, 32) != 7))
		ae_sim_fail("what waits is not told of the boot: %d", err);
}

static void await_boot_on_word(void)
{
	uint32_t value = 0;

	await_boot(
		aether_epoch_wait(ae_sim_me(), ONE, 0, AETHER_FOREVER, &value));
}

static void await_boot_on_bell(void)
{
	struct aether_epoch_watch w[2] = { { ONE, 0, 0 }, { OTHER, 0, 0 } };
	uint32_t which = 0;

	await_boot(aether_epoch_wait_any(ae_sim_me(), w, 2, AETHER_FOREVER,
					 &which));
}

static const struct ae_sim_scene boots = {
	.name = "context: another boot begins, on a doorbell",
	.strides = 1,
	.epochs = 1,
	.setup = boot,
	.actors = { { .name = "boots", .body = boot_again, .mortal = 1 },
		    { .name = "waits",
		      .body = await_boot_on_bell,
		      .mortal = 1 },
		    { .name = "waits too", .body = await_boot_on_bell },
		    { .name = "reaper", .body = scene_reap } },
};

static const struct ae_sim_scene boots_alone = {
	.name = "context: on an epoch's word, and nobody watches",
	.strides = 1,
	.epochs = 1,
	.unwatched = 1,
	.setup = boot,
	.actors = { { .name = "boots", .body = boot_again, .mortal = 1 },
		    { .name = "waits", .body = await_boot_on_word },
		    { .name = "waits too", .body = await_boot_on_word } },
};

int main(int argc, char **argv)
{
	scene_begin(argc, argv);
	scene_run(&two_signals, (struct bound) { 1, 1 },
		  (struct bound) { 2, 1 });
	scene_run(&two_wait, (struct bound) { 0, 1 }, (struct bound) { 0, 1 });
	scene_run(&a_set, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&inherited, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&several, (struct bound) { 1, 1 }, (struct bound) { 1, 1 });
	scene_run(&freed, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&left, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&reused, (struct bound) { 1, 1 }, (struct bound) { 1, 1 });
	scene_run(&two_own, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	/* quick: one or the other; both take too long */
	scene_run(&panics, (struct bound) { 1, 0 }, (struct bound) { 1, 0 });
	scene_run(&panics, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&slept, (struct bound) { 0, 2 }, (struct bound) { 1, 2 });
	scene_run(&boots, (struct bound) { 0, 1 }, (struct bound) { 1, 1 });
	scene_run(&boots_alone, (struct bound) { 1, 1 },
		  (struct bound) { 2, 1 });
	scene_run(&panics_alone, (struct bound) { 1, 1 },
		  (struct bound) { 3, 1 });
	return scene_end();
}
