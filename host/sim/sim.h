/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: a few actors run the real core, one at a time, and every
 * interleaving of their steps is tried, up to a bound on preemptions, with
 * deaths at every step. A step is an atomic operation of core or a call of the
 * port. Each execution starts anew from what a scene has set up; afterwards a
 * monitor reaps, everybody leaves, and everything is counted (docs/sim.md).
 *
 * A scene's bodies use the calls of this header, which are those of the
 * library with the checks of a believer: what core says is mine must be
 * nobody else's. They act for the participant of the actor that runs.
 */
#ifndef AE_SIM_H
#define AE_SIM_H

#include <aether/aether.h>

#define AE_SIM_ACTORS 5  /* that run; then there is the monitor */
#define AE_SIM_STRIDES 8 /* at most */
#define AE_SIM_SIZE 4096 /* bytes of a stride */

struct ae_sim_actor {
	const char *name;
	void (*body)(void);
	int joins;  /* begins without a participant: its body joins */
	int mortal; /* may be killed */
	int watch;  /* 1 + the actor whose process and participant it shares */
	int shut;   /* no guarded region opens to it */
	uint64_t hidden;    /* segments of which it sees nothing, a bit each */
	uint64_t read_only; /* whose data it may only read */
};

struct ae_sim_scene {
	const char *name;
	uint32_t strides;
	uint32_t slots;      /* 0: one for each actor and one for the monitor */
	uint32_t flags;      /* of the plane */
	uint32_t segments;   /* 0: undivided; all strides are in segment 0 */
	int unwatched;       /* parked waits look for the dead themselves */
	int reaps;           /* of the monitor, one more than this */
	int epochs;          /* are in play: panic, contexts, owners too */
	void (*setup)(void); /* before each execution, the same each time */
	void (*finish)(void); /* after it, before the monitor reaps */
	struct ae_sim_actor actors[AE_SIM_ACTORS];
};

/* What was tried. */
struct ae_sim_result {
	uint64_t executions;
	uint64_t steps;
	uint64_t kills;
	uint32_t sites;    /* places in core that a mortal actor came by */
	uint32_t killed;   /* of those, where it was killed */
	char failure[512]; /* empty: none */
};

/*
 * Tries all interleavings with at most so many preemptions and deaths, until
 * one fails; its schedule is then printed, each line beginning with '#'.
 * Returns 0; 1: it failed.
 */
int ae_sim_explore(const struct ae_sim_scene *scene, int preemptions, int kills,
		   struct ae_sim_result *result);

/* Tries so many of them at random, which reach deeper; otherwise the same. */
int ae_sim_walk(const struct ae_sim_scene *scene, int preemptions, int kills,
		uint64_t executions, struct ae_sim_result *result);

/*
 * Writes which operations of core actors of the scenes so far came by, and how
 * often they were killed before them, a line each, the last one `end`: what
 * tests/sim/test_cover.py reads. Returns 0, or -1.
 */
int ae_sim_cover(const char *path);

/* Ends this execution as failed. */
__attribute__((noreturn, format(printf, 1, 2))) void
ae_sim_fail(const char *format, ...);

/* For setup and finish: acts as this actor from now on. */
void ae_sim_as(uint32_t actor);

/* The participant of the actor that runs, and of another. */
struct aether_participant *ae_sim_me(void);
struct aether_participant *ae_sim_participant(uint32_t actor);

/* The tenancy of an actor. */
uint64_t ae_sim_to(uint32_t actor);

/* The library's calls, believed and checked. */
int ae_sim_join(void);
void ae_sim_leave(void);
int ae_sim_reserve(uint64_t *handle);
int ae_sim_reserve_run(uint32_t count, uint64_t *handle);
int ae_sim_reserve_until(uint64_t deadline, uint64_t *handle);
int ae_sim_release(uint64_t handle);
int ae_sim_route(uint64_t handle, uint64_t to);
int ae_sim_route_until(uint64_t handle, uint64_t to, uint64_t deadline);
int ae_sim_take(uint64_t *handle);
int ae_sim_take_until(uint64_t deadline, uint64_t *handle);
int ae_sim_accept(uint64_t handle);
int ae_sim_share(uint64_t handle, const uint64_t *to, uint32_t count);
int ae_sim_heir(uint64_t heir);
void ae_sim_reap(void);

/* Returns when somebody has died, or in the end. */
void ae_sim_await_death(void);

/*
 * The payload, in the first bytes of each stride of a lease: must be ordered
 * after whatever others did with it, and be what was written last. 1: the lease
 * is suspect, nothing was touched.
 */
int ae_sim_write(uint64_t handle, uint64_t value);
int ae_sim_read(uint64_t handle, uint64_t *value);

#endif
