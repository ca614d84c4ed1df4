/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards with deaths at every step of acquire, signal and release: never two
 * living writers, nobody's region is lost or taken from him, who died holding
 * it is counted, and what went wrong is counted as what it was. The guard's
 * record lies in a stride that nobody leases, and is set back after each
 * execution.
 */
#include "hook.h"
#include "scene.h"
#include "state.h"

#define NOBODY AE_SIM_ALL
#define EPOCH 4

/* How far a writer has come: where it was if it was killed. */
enum at {
	OUTSIDE,
	ACQUIRES,
	INSIDE,
	RELEASES,
	REAPS
};

static struct aether_layout_guard guard;
static struct aether_layout layout;
static enum at at[AE_SIM_ALL];
static uint32_t inside; /* the actor that writes */
static uint32_t refused, forgot;
static uint32_t run; /* the execution that these are of */

static struct aether_guard_seg *record(void)
{
	return (void *)(ae_sim.plane.base + ae_sim.plane.geometry.data_offset);
}

static void set_back(void)
{
	memset(record(), 0, sizeof(*record()));
}

/* Its schedule is played once more, from the beginning. */
#define fail(...) \
	do { \
		set_back(); \
		ae_sim_fail(__VA_ARGS__); \
	} while (0)

static void lay_out(void)
{
	guard = (struct aether_layout_guard) {
		.region = "region",
		.offset = ae_sim.plane.geometry.data_offset + AE_SIM_SIZE,
		.size = 64,
		.mode = AETHER_GUARD_MODE_SINGLE,
		.writers = UINT32_MAX,
		.epoch = EPOCH
	};
	layout = *ae_sim.plane.layout;
	layout.guards = &guard;
	layout.guard_count = 1;
	layout.guard_records = (struct aether_layout_records) {
		ae_sim.plane.geometry.data_offset, 1
	};
	ae_sim.plane.layout = &layout;
	ae_epoch_kinds(&ae_sim.plane);
	set_back();
	run = 0;
}

/* What is known of an execution begins with it. */
static void begin(void)
{
	if (run == ae_sim.run)
		return;
	run = ae_sim.run;
	memset(at, 0, sizeof(at));
	inside = NOBODY;
	refused = forgot = 0;
}

static int lives(uint32_t actor)
{
	return actor != NOBODY && ae_sim.runners[actor].life != AE_SIM_KILLED;
}

/* 1: it is mine, and no living one's. */
static int enter(void)
{
	uint32_t me = ae_sim.current;
	int err;

	begin();
	at[me] = ACQUIRES;
	err = aether_guard_acquire(ae_sim_me(), 0);
	if (err < 0) {
		at[me] = OUTSIDE;
		refused += err == AETHER_ETAKEN;
		if (err != AETHER_ETAKEN && err != AETHER_EAGAIN)
			fail("an acquire says %d", err);
		return 0;
	}
	if (lives(inside))
		fail("%s and %s write at once", ae_sim_name(inside),
		     ae_sim_name(me));
	inside = me;
	at[me] = INSIDE;
	return 1;
}

static void let_go(int wanted)
{
	uint32_t me = ae_sim.current;
	int err;

	if (inside != me)
		fail("%s is not the writer any more", ae_sim_name(me));
	inside = NOBODY;
	at[me] = RELEASES;
	err = aether_guard_release(ae_sim_me(), 0);
	if (err != wanted)
		fail("a release says %d", err);
	at[me] = OUTSIDE;
}

static void write_one(void)
{
	if (!enter())
		return;
	if (aether_guard_signal(ae_sim_me(), 0) < 0)
		fail("a signal is refused");
	let_go(0);
}

static void write_some(void)
{
	write_one();
	write_one();
}

/* Not once signalled. */
static void forget(void)
{
	if (!enter())
		return;
	let_go(AETHER_EORDER);
	forgot++;
}

static void write_and_leave(void)
{
	if (enter()) {
		inside = NOBODY;
		at[ae_sim.current] = RELEASES;
	}
	ae_sim_leave();
	at[ae_sim.current] = OUTSIDE;
}

/* The region does not open to it: it never had it. */
static void try_in_vain(void)
{
	for (int i = 0; i < 2; i++) {
		int err;

		begin();
		at[ae_sim.current] = ACQUIRES;
		err = aether_guard_acquire(ae_sim_me(), 0);
		at[ae_sim.current] = OUTSIDE;
		refused += err == AETHER_ETAKEN;
		if (err != AETHER_ENOMEM && err != AETHER_ETAKEN &&
		    err != AETHER_EAGAIN)
			fail("an acquire in vain says %d", err);
	}
}

static void reap(void)
{
	ae_sim_await_death();
	begin();
	at[ae_sim.current] = REAPS;
	ae_sim_reap();
	at[ae_sim.current] = OUTSIDE;
}

static uint32_t killed_while(enum at where)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < AE_SIM_ACTORS; i++)
		n += ae_sim.runners[i].life == AE_SIM_KILLED && at[i] == where;
	return n;
}

/* One that is killed may have counted and not said so, or died over counting
 * another's death. */
static void check_counts(const struct aether_guard_info *info)
{
	const uint32_t *v = info->violations;
	uint32_t taking = killed_while(ACQUIRES), reaping = killed_while(REAPS);
	uint32_t giving = killed_while(RELEASES), held = killed_while(INSIDE);
	uint32_t contention = v[AETHER_GUARD_VIOLATION_CONTENTION];
	uint32_t order = v[AETHER_GUARD_VIOLATION_EPOCH];

	if (info->recovered + taking + reaping < held ||
	    info->recovered > held + taking + giving)
		fail("%u recovered: %u died holding it", info->recovered, held);
	if (contention < refused || contention > refused + taking)
		fail("%u contentions, %u refused", contention, refused);
	if (order < forgot || order > forgot + giving)
		fail("%u without a signal, %u forgot", order, forgot);
	if (v[AETHER_GUARD_VIOLATION_WRITER] ||
	    v[AETHER_GUARD_VIOLATION_READER] ||
	    v[AETHER_GUARD_VIOLATION_READ_ONLY] ||
	    v[AETHER_GUARD_VIOLATION_RELEASE])
		fail("what nobody did was counted");
}

/* Whoever died where: the next one has it at once. */
static void finish(void)
{
	struct aether_guard_info info;
	int err;

	begin();
	ae_sim_as(AE_SIM_MONITOR);
	err = aether_guard_acquire(ae_sim_me(), 0);
	if (err < 0)
		fail("nobody can write any more: %d", err);
	aether_guard_look(&ae_sim.plane, 0, &info);
	check_counts(&info);
	aether_guard_abandon(ae_sim_me(), 0);
	set_back();
}

#define SCENE(what, one, other) \
	{ \
		.name = what, .strides = 2, .epochs = 1, .setup = lay_out, \
		.finish = finish, .actors = { \
			{ .name = "one", .body = one, .mortal = 1 }, \
			{ .name = "two", .body = other, .mortal = 1 }, \
			{ .name = "reaper", .body = scene_reap } \
		} \
	}

static const struct ae_sim_scene two_write = SCENE("two write one region",
						   write_some, write_some);
static const struct ae_sim_scene one_forgets = SCENE("one forgets to signal",
						     forget, write_some);
static const struct ae_sim_scene one_leaves = SCENE(
	"one leaves while it writes", write_and_leave, write_some);

/* Who takes over from the dead or reaps them dies of it as well. */
static const struct ae_sim_scene both_die = {
	.name = "a writer dies, and so does who takes over or reaps",
	.strides = 2,
	.epochs = 1,
	.setup = lay_out,
	.finish = finish,
	.actors = { { .name = "one", .body = write_one, .mortal = 1 },
		    { .name = "two", .body = write_one, .mortal = 1 },
		    { .name = "reaper", .body = reap, .mortal = 1 } },
};

static const struct ae_sim_scene one_in_vain = {
	.name = "to one the region does not open",
	.strides = 2,
	.epochs = 1,
	.setup = lay_out,
	.finish = finish,
	.actors = { { .name = "one",
		      .body = try_in_vain,
		      .mortal = 1,
		      .shut = 1 },
		    { .name = "two", .body = write_one, .mortal = 1 },
		    { .name = "reaper", .body = scene_reap } },
};

int main(int argc, char **argv)
{
	scene_begin(argc, argv);
	scene_run(&two_write, (struct bound) { 1, 1 }, (struct bound) { 2, 1 });
	scene_run(&one_forgets, (struct bound) { 1, 1 },
		  (struct bound) { 1, 2 });
	scene_run(&one_leaves, (struct bound) { 1, 1 },
		  (struct bound) { 1, 1 });
	scene_run(&both_die, (struct bound) { 0, 2 }, (struct bound) { 1, 2 });
	scene_run(&one_in_vain, (struct bound) { 1, 1 },
		  (struct bound) { 2, 1 });
	return scene_end();
}
