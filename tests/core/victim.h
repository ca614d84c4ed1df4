/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that join a plane, do something, say so and wait to be killed, and
 * what the tests of death ask afterwards. On a quiet plane nobody reaps but who
 * is told to: no attachment has a watch, so reports can be compared.
 */
#ifndef VICTIM_H
#define VICTIM_H

#include "rig.h"
#include "watch.h"

#define VICTIM_HANDLES 64

/* What a victim tells; shared memory outside the plane. */
struct told {
	struct aether_word64 tenancy;
	struct aether_word64 ready;
	uint64_t handles[VICTIM_HANDLES];
};

struct victim {
	void (*act)(struct victim *v); /* in the child, once it has joined */
	struct aether_plane *plane;
	struct aether_participant *me; /* in the child */
	struct told *told;
	uint64_t to[8]; /* for act: whom it deals with */
	uint64_t heir;  /* 0: none */
	uint64_t tenancy;
	uint32_t count; /* for act: how many */
	int noisy;      /* it has a watch */
	pid_t pid;
};

static inline struct aether_plane *victim_plane(uint32_t strides, uint64_t size,
						uint32_t participants,
						uint32_t flags)
{
	struct aether_plane_options options = { .strides = strides,
						.stride_size = size,
						.participants = participants,
						.flags = flags };
	struct aether_plane *plane = NULL;

	need(aether_plane_create(NULL, &options, NULL, &plane) == 0);
	return plane;
}

/* A plane on which nobody reaps by himself. */
static inline struct aether_plane *victim_quiet(uint32_t strides, uint64_t size,
						uint32_t participants)
{
	struct aether_plane *plane = victim_plane(strides, size, participants,
						  0);

	ae_posix_watch_free(plane);
	return plane;
}

static inline int victim_live(void *argument)
{
	struct victim *v = argument;

	v->plane = rig_again(v->plane);
	if (!v->noisy)
		ae_posix_watch_free(v->plane);
	v->me = rig_join(v->plane);
	v->tenancy = aether_participant_tenancy(v->me);
	if (v->heir)
		need(aether_participant_heir(v->me, v->heir) == 0);
	rig_tell(&v->told->tenancy, v->tenancy);
	if (v->act)
		v->act(v);
	rig_tell(&v->told->ready, 1);
	for (;;)
		pause();
}

/* Started, and known by its tenancy; it may still be acting. */
static inline void victim_start(struct victim *v)
{
	v->told = rig_shared(sizeof(*v->told));
	v->pid = rig_fork(victim_live, v);
	v->tenancy = rig_await(&v->told->tenancy, 1);
}

/* Started, and done with its act. */
static inline void victim_ready(struct victim *v)
{
	victim_start(v);
	rig_await(&v->told->ready, 1);
}

static inline void victim_kill(struct victim *v)
{
	kill(v->pid, SIGKILL);
	need(rig_wait(v->pid) == 128 + SIGKILL);
}

static inline uint32_t victim_slot(const struct victim *v)
{
	return (uint32_t)AETHER_TENANCY_SLOT(v->tenancy);
}

static inline uint32_t victim_seat_state(const struct aether_plane *plane,
					 uint32_t slot)
{
	return (uint32_t)AETHER_SEAT_STATE(
		ae_load64_relaxed(&plane->seats[slot].seat));
}

static inline uint64_t victim_deaths(const struct aether_plane *plane)
{
	return ae_load64_relaxed(&plane->header->deaths);
}

/* Acts that several tests want. */
static inline void victim_reserves(struct victim *v)
{
	for (uint32_t i = 0; i < v->count; i++)
		v->told->handles[i] = rig_reserve(v->me);
}

static inline void victim_takes(struct victim *v)
{
	for (uint32_t i = 0; i < v->count; i++)
		need(aether_route_take_until(v->me, AETHER_FOREVER,
					     &v->told->handles[i]) == 0);
}

static inline uint64_t victim_take(struct aether_participant *me)
{
	uint64_t handle = 0;

	need(aether_route_take(me, &handle) == 0);
	return handle;
}

/* The state of a stride, suspect ones told apart; -1: it cannot be. */
static inline int victim_state(const struct aether_plane *plane,
			       uint32_t stride)
{
	struct aether_stride_info info;

	if (aether_registry_look(plane, stride, &info) < 0)
		return -1;
	return (int)info.state;
}

/* Strides of a state, whatever the hints say. */
static inline int victim_count(const struct aether_plane *plane, uint32_t state)
{
	struct aether_registry_counts c;

	aether_registry_count(plane, &c);
	return c.corrupt ? -1 : (int)c.states[state];
}

static inline uint32_t victim_stride(uint64_t handle)
{
	return (uint32_t)AETHER_HANDLE_STRIDE(handle);
}

#endif
