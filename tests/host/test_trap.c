/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap mode of guards: stores outside of an acquire fault, those within do not.
 * Each store is made by a child of its own that attaches, for a fault ends it.
 */
#include <pthread.h>
#include "../core/guards.h"

#define STATE AETHER_INOS_GUARD_BIRD_STATE         /* a page; kernel, module */
#define MATRIX AETHER_INOS_GUARD_MATRIX_BUFFER_B   /* 5 MiB; module */
#define BLOOM AETHER_INOS_GUARD_BLOOM_FILTER       /* no whole pages */
#define REGISTRY AETHER_INOS_GUARD_MODULE_REGISTRY /* no whole pages */
#define TURNS (RIG_SLOW ? 100 : 1000)

static struct aether_word64 *reached; /* 1: a child is at its last store */

/* In a child: the plane attached anew, and two that joined through it. */
struct own {
	struct aether_plane *plane;
	struct aether_participant *kernel, *other;
};

static struct own attach(int trap)
{
	struct own own = { .plane = rig_again(plane) };

	ae_posix_watch_free(own.plane);
	rig_expect_fault();
	own.kernel = guards_join(own.plane, AETHER_ROLE_KERNEL);
	own.other = guards_join(own.plane, AETHER_ROLE_KERNEL);
	if (trap)
		need(aether_guard_trap(own.plane, 1) == 0);
	return own;
}

/* Stores into the first and the last byte of a region. */
static void store(const struct own *own, uint32_t guard)
{
	const struct aether_layout_guard *g =
		&own->plane->layout->guards[guard];

	rig_touch(own->plane->base + g->offset, 1);
	rig_touch(own->plane->base + g->offset + g->size - 1, 1);
}

/* The last thing that a child does, where it is to fault: all before it did
 * not. */
static int store_last(const struct own *own, uint32_t guard)
{
	rig_tell(reached, 1);
	store(own, guard);
	return 0;
}

static int stray(void *unused)
{
	struct own own = attach(1);

	(void)unused;
	return store_last(&own, HISTORY);
}

static int stray_at_the_end(void *unused)
{
	struct own own = attach(1);
	const struct aether_layout_guard *g =
		&own.plane->layout->guards[MATRIX];

	(void)unused;
	rig_touch(own.plane->base + g->offset + g->size, 1); /* not its */
	rig_tell(reached, 1);
	rig_touch(own.plane->base + g->offset + g->size - 1, 1);
	return 0;
}

static int untrapped(void *unused)
{
	struct own own = attach(0);

	(void)unused;
	for (uint32_t i = 0; i < AETHER_INOS_GUARD_PLANE_HEADER; i++)
		store(&own, i);
	return 0;
}

static int reads(void *unused)
{
	struct own own = attach(1);

	(void)unused;
	for (uint32_t i = 0; i < own.plane->layout->guard_count; i++)
		rig_touch(own.plane->base + own.plane->layout->guards[i].offset,
			  0);
	return 0;
}

static int acquired(void *unused)
{
	struct own own = attach(1);

	(void)unused;
	need(aether_guard_acquire(own.kernel, HISTORY) == 0);
	store(&own, HISTORY);
	need(aether_guard_release(own.kernel, HISTORY) == 0);
	need(aether_guard_acquire(own.kernel, HISTORY) == 0);
	store(&own, HISTORY);
	return 0;
}

static int released(void *unused)
{
	struct own own = attach(1);

	(void)unused;
	need(aether_guard_acquire(own.kernel, HISTORY) == 0);
	store(&own, HISTORY);
	need(aether_guard_release(own.kernel, HISTORY) == 0);
	return store_last(&own, HISTORY);
}

static int refused(void *unused)
{
	struct own own = attach(1);

	(void)unused;
	need(aether_guard_acquire(own.kernel, HISTORY) == AETHER_ETAKEN);
	return store_last(&own, HISTORY);
}

/* Another region than the one that is held. */
static int next_door(void *unused)
{
	struct own own = attach(1);

	(void)unused;
	need(aether_guard_acquire(own.kernel, HISTORY) == 0);
	return store_last(&own, PATTERNS);
}

/* Several writers through one attachment: the last one closes it. */
static int last_but_one(void *unused)
{
	struct own own = attach(1);

	(void)unused;
	need(aether_guard_acquire(own.kernel, PATTERNS) == 0);
	need(aether_guard_acquire(own.other, PATTERNS) == 0);
	need(aether_guard_abandon(own.kernel, PATTERNS) == 0);
	store(&own, PATTERNS);
	return 0;
}

static int last(void *unused)
{
	struct own own = attach(1);

	(void)unused;
	need(aether_guard_acquire(own.kernel, PATTERNS) == 0);
	need(aether_guard_acquire(own.other, PATTERNS) == 0);
	need(aether_guard_abandon(own.kernel, PATTERNS) == 0);
	need(aether_guard_abandon(own.other, PATTERNS) == 0);
	return store_last(&own, PATTERNS);
}

static int left(void *unused)
{
	struct own own = attach(1);

	(void)unused;
	need(aether_guard_acquire(own.other, HISTORY) == 0);
	aether_participant_leave(own.other);
	return store_last(&own, HISTORY);
}

/* Switched on while one holds a region, and off. */
static int on_while_held(void *unused)
{
	struct own own = attach(0);

	(void)unused;
	need(aether_guard_acquire(own.kernel, HISTORY) == 0);
	need(aether_guard_trap(own.plane, 1) == 0);
	need(aether_guard_trap(own.plane, 1) == 0);
	store(&own, HISTORY);
	return 0;
}

static int off_again(void *unused)
{
	struct own own = attach(1);

	(void)unused;
	need(aether_guard_acquire(own.kernel, HISTORY) == 0);
	need(aether_guard_trap(own.plane, 0) == 0);
	need(aether_guard_release(own.kernel, HISTORY) == 0);
	for (uint32_t i = 0; i < AETHER_INOS_GUARD_PLANE_HEADER; i++)
		store(&own, i);
	aether_participant_leave(own.kernel);
	aether_participant_leave(own.other);
	return aether_plane_detach(own.plane);
}

/* What the library writes itself goes on: epochs, leases, guards, mail. */
static int works_on(void *unused)
{
	struct own own = attach(1);
	uint64_t handle = rig_reserve(own.kernel);

	(void)unused;
	need(aether_epoch_signal(own.kernel, 1) == 0);
	need(aether_route(own.kernel, handle,
			  aether_participant_tenancy(own.other)) == 0);
	need(aether_route_take(own.other, &handle) == 0);
	need(aether_stride_release(own.other, handle) == 0);
	store(&own, BLOOM);
	store(&own, REGISTRY);
	aether_participant_leave(own.other);
	aether_participant_leave(own.kernel);
	return aether_plane_detach(own.plane);
}

/* A child of one who traps attaches for itself. */
static int writes_freely(void *unused)
{
	struct own own = attach(0);

	(void)unused;
	store(&own, HISTORY);
	return 0;
}

static int forks(void *unused)
{
	struct own own = attach(1);
	int status = rig_wait(rig_fork(writes_freely, NULL));

	(void)unused;
	need(status == 0);
	return store_last(&own, HISTORY);
}

static void *switches(void *argument)
{
	struct own *own = argument;

	for (int i = 0; i < TURNS; i++)
		need(aether_guard_trap(own->plane, i % 2) == 0);
	need(aether_guard_trap(own->plane, 1) == 0);
	return NULL;
}

static void *writes(void *argument)
{
	struct own *own = argument;

	for (int i = 0; i < TURNS; i++) {
		need(aether_guard_acquire(own->other, PATTERNS) == 0);
		store(own, PATTERNS);
		need(aether_guard_abandon(own->other, PATTERNS) == 0);
	}
	return NULL;
}

/* Two threads that hold one region in turn and at once, and a third that
 * switches: no store within an acquire faults, the one after them does. */
static int at_once(void *unused)
{
	struct own own = attach(1);
	pthread_t one, two;

	(void)unused;
	need(pthread_create(&one, NULL, switches, &own) == 0);
	need(pthread_create(&two, NULL, writes, &own) == 0);
	for (int i = 0; i < TURNS; i++) {
		need(aether_guard_acquire(own.kernel, PATTERNS) == 0);
		store(&own, PATTERNS);
		need(aether_guard_abandon(own.kernel, PATTERNS) == 0);
	}
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	return store_last(&own, PATTERNS);
}

/* What cannot be opened, because a page of it is not mapped any more, is not
 * acquired, and is nobody's as it was, or as a dead one leaves it. */
static void stays(struct own *own, uint64_t word, uint64_t left,
		  const char *what)
{
	struct aether_guard_info before = look(HISTORY), after;

	ae_store64_relaxed(&record(HISTORY)->writer, word);
	is_int(aether_guard_acquire(own->kernel, HISTORY), AETHER_ESYS,
	       "%s, cannot be opened", what);
	after = look(HISTORY);
	ok(ae_load64_relaxed(&record(HISTORY)->writer) == left,
	   "its word is as it was, or as the dead leave it");
	ok(after.recovered == before.recovered &&
		   after.acquires == before.acquires,
	   "and nothing is counted");
	is_int(aether_guard_release(own->kernel, HISTORY), AETHER_ENOTHELD,
	       "it is not held");
}

static void cannot_be_opened(void)
{
	const struct aether_layout_guard *g = &plane->layout->guards[HISTORY];
	struct own own = { .plane = rig_again(plane) };
	uint32_t recovered = look(HISTORY).recovered;

	own.kernel = guards_join(own.plane, AETHER_ROLE_KERNEL);
	need(aether_guard_trap(own.plane, 1) == 0);
	need(munmap(own.plane->base + g->offset, 4096) == 0);
	stays(&own, AETHER_HOLDER_MAKE(0, 0, 0, 7, 0),
	      AETHER_HOLDER_MAKE(0, 0, 0, 7, 0), "nobody's");
	stays(&own, AETHER_HOLDER_MAKE(1, 9, 5, 8, 0),
	      AETHER_HOLDER_MAKE(0, 0, 0, 9, 1), "a dead one's");
	is_int(aether_guard_acquire(kernel, HISTORY), 0,
	       "another takes it over");
	is_int(look(HISTORY).recovered, recovered + 1, "which is counted once");
	need(aether_guard_release(kernel, HISTORY) == 0);
	aether_participant_leave(own.kernel);
	need(aether_plane_detach(own.plane) == 0);
}

static const struct {
	int (*run)(void *);
	int fault;
	const char *what;
} cases[] = {
	{ stray, 1, "a stray store" },
	{ stray_at_the_end, 1, "the last byte of a region, not the next one" },
	{ untrapped, 0, "without trap mode: nothing" },
	{ reads, 0, "loads" },
	{ acquired, 0, "stores within an acquire" },
	{ released, 1, "a store after the release" },
	{ next_door, 1, "a store into another region than the one held" },
	{ last_but_one, 0, "one of two writers has let go" },
	{ last, 1, "both have" },
	{ left, 1, "the writer has left" },
	{ on_while_held, 0, "switched on while it is held" },
	{ off_again, 0, "switched off while it is held" },
	{ works_on, 0, "what the library writes, and what shares pages" },
	{ forks, 1, "the child of one who traps is free, its parent is not" },
	{ at_once, 1, "threads that write, and one that switches" },
};

static void faults(int (*run)(void *), int fault, const char *where,
		   const char *what)
{
	int status;

	rig_tell(reached, 0);
	status = rig_wait(rig_fork(run, NULL));
	is_int(status, fault ? FAULT : 0, "%s%s: %s", where, what,
	       fault ? "SIGSEGV where it happens" : "goes on");
	if (status == FAULT)
		is_int((int)rig_told(reached), 1, "and not before");
}

static void stores(const char *where)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		faults(cases[i].run, cases[i].fault, where, cases[i].what);
}

static void others(void)
{
	need(aether_guard_acquire(kernel, HISTORY) == 0);
	faults(refused, 1, "", "another process has acquired it");
	need(aether_guard_release(kernel, HISTORY) == 0);
}

static void what_is_trapped(void)
{
	struct aether_plane *observer = NULL;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	int wrong = 0;

	ok(!look(STATE).trapped, "off at first");
	need(aether_guard_trap(plane, 1) == 0);
	ok(look(STATE).trapped && look(MATRIX).trapped, "whole pages are");
	ok(!look(BLOOM).trapped && !look(REGISTRY).trapped &&
		   !look(AETHER_INOS_GUARD_PLANE_HEADER).trapped,
	   "what shares pages is left alone, and said so");
	for (uint32_t i = 0; i < plane->layout->guard_count; i++)
		wrong += look(i).trapped != (look(i).offset % page == 0 &&
					     look(i).size % page == 0);
	is_int(wrong, 0, "those of whole pages are, no others");
	need(aether_guard_trap(plane, 0) == 0);
	ok(!look(STATE).trapped, "off again");
	need(aether_plane_attach_fd(aether_plane_fd(plane),
				    AETHER_ATTACH_OBSERVE, NULL,
				    &observer) == 0);
	is_int(aether_guard_trap(observer, 1), AETHER_EREADONLY,
	       "an observer traps nothing");
	need(aether_plane_detach(observer) == 0);
}

/* A layout whose regions lie otherwise than those of the map. */
static void other_layouts(void)
{
	struct aether_layout_guard guards[] = {
		{ .region = "pages", .offset = 0x20000, .size = 0x2000 },
		{ .region = "ends within", .offset = 0x24000, .size = 0x1040 },
		{ .region = "begins within",
		  .offset = 0x28040,
		  .size = 0x1000 },
		{ .region = "nothing", .offset = 0x2A000, .size = 0 },
		{ .region = "epochs, header",
		  .offset = 0x1000,
		  .size = 0x1000 },
		{ .region = "guards", .offset = 0x15E000, .size = 0x2000 },
		{ .region = "pairs", .offset = 0x161000, .size = 0x1000 },
		{ .region = "pins", .offset = 0x153000, .size = 0x1000 },
		{ .region = "epoch records",
		  .offset = 0x152000,
		  .size = 0x1000 },
	};
	const uint32_t count = sizeof(guards) / sizeof(guards[0]);
	const struct aether_layout *inos = plane->layout;
	struct aether_layout layout = *inos;

	for (uint32_t i = 0; i < count; i++)
		guards[i].mode = AETHER_GUARD_MODE_MULTI;
	layout.guards = guards;
	layout.guard_count = count;
	plane->layout = &layout;
	is_int(aether_guard_trap(plane, 1), 0, "regions of another layout");
	ok(look(0).trapped, "%s: trapped", guards[0].region);
	for (uint32_t i = 1; i < count; i++)
		ok(!look(i).trapped, "%s: left alone", guards[i].region);
	for (uint32_t i = 1; i < count; i++)
		rig_touch(plane->base + guards[i].offset + guards[i].size, 1);
	need(aether_guard_trap(plane, 0) == 0);
	plane->layout = inos;
}

static void tests(void)
{
	reached = rig_shared(sizeof(*reached));
	guards_begin();
	what_is_trapped();
	other_layouts();
	others();
	cannot_be_opened();
	stores("");
	guards_end();
	plane = guards_plane(AETHER_FLAG_HUGE | AETHER_FLAG_LOCK);
	stores("huge and locked: ");
	need(aether_plane_detach(plane) == 0);
}

int main(void)
{
	return rig_run(tests);
}
