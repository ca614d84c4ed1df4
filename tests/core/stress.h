/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The specification's high-density stress, for participants that are processes
 * or threads: all strides in use, in phases: reserve-only until full,
 * route-only, mixed, drain. Whoever gets a stride checks that it is alone in it
 * and, if it came by a route, that the bytes are those its sender wrote.
 */
#ifndef STRESS_H
#define STRESS_H

#include <sched.h>
#include "rig.h"

#define STRESS_STRIDES 1024
#define STRESS_SIZE 8192
#define STRESS_MAX 8

/* Shared by all workers, outside the plane. */
struct stress {
	struct aether_word32 inside[STRESS_STRIDES]; /* who has it: 0 or 1 */
	struct aether_word32 arrived;
	struct aether_word32 failed;
	struct aether_word32 held; /* sum, for one check */
	struct aether_word64 tenancies[STRESS_MAX];
	struct aether_word64 dropped; /* answers EDROPPED */
	char failure[200];
	uint32_t workers;
	uint64_t spin;
	uint64_t end;   /* clock */
	uint32_t turns; /* of one phase */
	struct aether_word64 cycles, routed;
};

struct worker {
	struct stress *s;
	struct aether_plane *plane;
	struct aether_participant *me;
	uint32_t self;
	uint32_t met; /* barriers */
	uint64_t seed;
	uint64_t sequence;
	uint32_t count;
	uint64_t held[STRESS_STRIDES];
};

/* What is written at both ends of a stride and into its user data. */
struct stamp {
	uint64_t handle, sender, sequence, check;
};

static int stress_fail(struct worker *w, const char *what, long long number)
{
	/* relaxed: only the first one writes. */
	if (ae_add32_relaxed(&w->s->failed, 1) == 0)
		snprintf(w->s->failure, sizeof(w->s->failure),
			 "worker %u, sequence %llu: %s: %lld", w->self,
			 (unsigned long long)w->sequence, what, number);
	return -1;
}

static int stress_meet(struct worker *w)
{
	uint64_t end = aether_clock_after(RIG_HANG);
	uint32_t all = ++w->met * w->s->workers;

	/* release: what I did. pairs: acquire in stress_meet */
	ae_add32_release(&w->s->arrived, 1);
	/* acquire: what the others did. pairs: release in stress_meet */
	while ((int32_t)(ae_load32_acquire(&w->s->arrived) - all) < 0) {
		if (ae_load32_relaxed(&w->s->failed))
			return -1;
		if (aether_clock_now() > end)
			return stress_fail(w, "waited in vain at barrier",
					   w->met);
		rig_sleep(50000);
	}
	return ae_load32_relaxed(&w->s->failed) ? -1 : 0;
}

static struct stamp *stress_ends(struct worker *w, uint64_t handle, void **user)
{
	size_t size = 0;
	void *at = NULL;

	if (aether_stride_bytes(w->me, handle, &size, &at) < 0 ||
	    aether_stride_user(w->me, handle, user) < 0) {
		stress_fail(w, "a stride of mine is refused", 0);
		return NULL;
	}
	return at;
}

static uint64_t stress_check(const struct stamp *stamp)
{
	uint64_t seed = stamp->handle ^ stamp->sender << 50 ^ stamp->sequence;

	return rig_random(&seed);
}

/* Writes my stamp at both ends of the stride and into its user data. */
static int stress_write(struct worker *w, uint64_t handle)
{
	struct stamp stamp = { .handle = handle,
			       .sender = w->self,
			       .sequence = ++w->sequence };
	void *user;
	struct stamp *at = stress_ends(w, handle, &user);

	if (!at)
		return -1;
	stamp.check = stress_check(&stamp);
	at[0] = stamp;
	at[STRESS_SIZE / sizeof(stamp) - 1] = stamp;
	memcpy(user, &stamp, sizeof(stamp));
	return 0;
}

static int stress_read(struct worker *w, uint64_t handle)
{
	void *user;
	struct stamp *at = stress_ends(w, handle, &user);
	const struct stamp *last;

	if (!at)
		return -1;
	last = &at[STRESS_SIZE / sizeof(*at) - 1];
	if (at->handle != handle || at->check != stress_check(at))
		return stress_fail(w, "wrong bytes in stride",
				   (long long)AETHER_HANDLE_STRIDE(handle));
	if (memcmp(at, last, sizeof(*at)) || memcmp(at, user, sizeof(*at)))
		return stress_fail(w, "torn bytes in stride",
				   (long long)AETHER_HANDLE_STRIDE(handle));
	return 0;
}

/* I have it: alone? */
static int stress_enter(struct worker *w, uint64_t handle)
{
	uint32_t index = (uint32_t)AETHER_HANDLE_STRIDE(handle);

	if (ae_add32_relaxed(&w->s->inside[index], 1) != 0)
		return stress_fail(w, "two owners of stride", index);
	if (w->count >= STRESS_STRIDES)
		return stress_fail(w, "holds too many", w->count);
	w->held[w->count++] = handle;
	return 0;
}

/* Picks one to give away, and is out of it. */
static uint64_t stress_pick(struct worker *w)
{
	uint32_t at = (uint32_t)(rig_random(&w->seed) % w->count);
	uint64_t handle = w->held[at];

	w->held[at] = w->held[--w->count];
	ae_add32_relaxed(&w->s->inside[AETHER_HANDLE_STRIDE(handle)],
			 UINT32_MAX);
	return handle;
}

static int stress_reserve(struct worker *w, int *err)
{
	uint64_t handle;

	*err = aether_stride_reserve(w->me, &handle);
	if (*err < 0)
		return *err == AETHER_EFULL || *err == AETHER_EAGAIN
			       ? 0
			       : stress_fail(w, "reserve answers", *err);
	return stress_enter(w, handle) < 0 ? -1 : stress_write(w, handle);
}

static int stress_release(struct worker *w)
{
	int err;

	if (!w->count)
		return 0;
	err = aether_stride_release(w->me, stress_pick(w));
	return err < 0 ? stress_fail(w, "release answers", err) : 0;
}

/* Takes one; waits for it if told to. */
static int stress_take(struct worker *w, uint64_t wait, int *err)
{
	uint64_t handle;

	*err = wait ? aether_route_take_until(w->me, aether_clock_after(wait),
					      &handle)
		    : aether_route_take(w->me, &handle);
	if (*err == AETHER_EEMPTY || *err == AETHER_ETIMEDOUT)
		return 0;
	if (*err < 0)
		return stress_fail(w, "take answers", *err);
	return stress_enter(w, handle) < 0 ? -1 : stress_read(w, handle);
}

static int stress_take_all(struct worker *w)
{
	int err = 0;

	while (err == 0)
		if (stress_take(w, 0, &err) < 0)
			return -1;
	return 0;
}

/* Routes one somewhere; `policies`: a full route or box is no surprise. */
static int stress_route(struct worker *w, int policies)
{
	uint32_t whom = (uint32_t)(rig_random(&w->seed) % w->s->workers);
	uint64_t to = ae_load64_relaxed(&w->s->tenancies[whom]);
	uint64_t handle;
	int err;

	if (!w->count)
		return 0;
	handle = w->held[rig_random(&w->seed) % w->count];
	if (stress_write(w, handle) < 0)
		return -1;
	handle = stress_pick(w);
	if (stress_read(w, handle) < 0)
		return -1;
	err = rig_random(&w->seed) % 64 || !policies
		      ? aether_route(w->me, handle, to)
		      : aether_route_until(w->me, handle, to,
					   aether_clock_after(MS));
	if (err == 0)
		return 0;
	if (policies && err == AETHER_EDROPPED) {
		ae_add64_relaxed(&w->s->dropped, 1);
		return 0;
	}
	if (policies && (err == AETHER_EDEPTH || err == AETHER_EBOX ||
			 err == AETHER_ETIMEDOUT))
		return stress_enter(w, handle);
	return stress_fail(w, "route answers", err);
}

static int stress_policies(struct worker *w)
{
	for (uint32_t i = 0; i < w->s->workers; i++) {
		uint64_t to = ae_load64_relaxed(&w->s->tenancies[i]);
		uint32_t depth = (uint32_t)(rig_random(&w->seed) % 24);
		uint32_t policy = (uint32_t)(rig_random(&w->seed) % 3);
		int err = aether_route_set(w->me, to, depth < 8 ? 0 : depth,
					   policy);

		if (err < 0)
			return stress_fail(w, "route_set answers", err);
	}
	return 0;
}

/* Everybody's sum of held strides; checked by worker 0 alone. */
static int stress_all_held(struct worker *w, const char *phase)
{
	struct aether_registry_counts counts;

	if (w->count != aether_participant_held(w->me))
		return stress_fail(w, "held differs", w->count);
	ae_add32_relaxed(&w->s->held, w->count);
	if (stress_meet(w) < 0)
		return -1;
	if (w->self == 0) {
		aether_registry_count(w->plane, &counts);
		if (counts.states[AETHER_STATE_BUSY] != STRESS_STRIDES ||
		    ae_load32_relaxed(&w->s->held) != STRESS_STRIDES)
			stress_fail(w, phase, counts.states[AETHER_STATE_BUSY]);
		ae_store32_relaxed(&w->s->held, 0);
	}
	return stress_meet(w);
}

static int phase_reserve(struct worker *w)
{
	int err = 0;

	while (err == 0)
		if (stress_reserve(w, &err) < 0)
			return -1;
	if (stress_meet(w) < 0)
		return -1;
	return stress_all_held(w, "reserve-only: busy strides");
}

static int phase_route(struct worker *w)
{
	int err;

	for (uint32_t i = 0; i < w->s->turns; i++) {
		if (stress_route(w, 0) < 0)
			return -1;
		if (stress_take(w, w->count ? 0 : MS / 10, &err) < 0)
			return -1;
	}
	if (stress_meet(w) < 0 || stress_take_all(w) < 0 || stress_meet(w) < 0)
		return -1;
	return stress_all_held(w, "route-only: busy strides");
}

static int phase_mixed(struct worker *w)
{
	for (uint32_t i = 0; i < w->s->turns; i++) {
		uint64_t what = rig_random(&w->seed) % 100;
		int err = 0;

		if (i % 1024 == 0 && stress_policies(w) < 0)
			return -1;
		if (what < 25)
			err = stress_reserve(w, &(int) { 0 });
		else if (what < 45)
			err = stress_release(w);
		else if (what < 73)
			err = stress_route(w, 1);
		else
			err = stress_take(w, what == 99 ? MS / 10 : 0,
					  &(int) { 0 });
		if (err < 0)
			return -1;
	}
	return stress_meet(w);
}

/* Worker 0: the counters of all agree, nothing is held or on its way. */
static int stress_sums(struct worker *w)
{
	struct aether_participant_counts sum = { .reserved = 0 };
	struct aether_registry_counts counts;
	uint64_t dropped = ae_load64_relaxed(&w->s->dropped);

	for (uint32_t i = 0; i < w->plane->geometry.participants; i++) {
		struct aether_participant_info info;

		need(aether_participant_look(w->plane, i, &info) == 0);
		sum.reserved += info.counts.reserved;
		sum.released += info.counts.released;
		sum.routed += info.counts.routed;
		sum.taken += info.counts.taken;
		sum.dropped += info.counts.dropped;
		sum.refused += info.counts.refused;
	}
	aether_registry_count(w->plane, &counts);
	if (counts.states[AETHER_STATE_DORMANT] != STRESS_STRIDES)
		return stress_fail(w, "drain: dormant strides",
				   counts.states[AETHER_STATE_DORMANT]);
	if (counts.corrupt || counts.stale_clear ||
	    counts.stale_set > w->s->workers)
		return stress_fail(w, "drain: stale bits", counts.stale_set);
	if (sum.reserved != sum.released || sum.refused)
		return stress_fail(w, "reserved - released",
				   (long long)(sum.reserved - sum.released));
	if (sum.routed - sum.taken != sum.dropped - dropped)
		return stress_fail(w, "routed - taken - withdrawn",
				   (long long)(sum.routed - sum.taken -
					       sum.dropped + dropped));
	ae_add64_relaxed(&w->s->routed, sum.routed);
	ae_store64_relaxed(&w->s->dropped, 0);
	return 0;
}

static int phase_drain(struct worker *w)
{
	if (stress_take_all(w) < 0)
		return -1;
	while (w->count)
		if (stress_release(w) < 0)
			return -1;
	if (stress_meet(w) < 0 || (w->self == 0 && stress_sums(w) < 0))
		return -1;
	return stress_meet(w);
}

/* One whole stay: join, all phases, leave. */
static int stress_cycle(struct worker *w)
{
	struct aether_participant_options options = { .spin = w->s->spin };
	int err;

	w->me = rig_join_with(w->plane, &options);
	ae_store64_relaxed(&w->s->tenancies[w->self],
			   aether_participant_tenancy(w->me));
	err = stress_meet(w);
	if (err == 0)
		err = phase_reserve(w);
	if (err == 0)
		err = phase_route(w);
	if (err == 0)
		err = phase_mixed(w);
	if (err == 0)
		err = phase_drain(w);
	aether_participant_leave(w->me);
	if (err < 0 || stress_meet(w) < 0)
		return -1;
	if (w->self == 0 && !rig_all_free(w->plane))
		return stress_fail(w, "registers differ from words", 0);
	if (w->self == 0)
		ae_add64_relaxed(&w->s->cycles, 1);
	return stress_meet(w);
}

/* One cycle at least, and more until the time is over; worker 0 decides, so
 * that all agree. */
static int stress_work(struct worker *w)
{
	struct aether_word32 *go = &w->s->held;

	for (;;) {
		if (w->self == 0)
			ae_store32_relaxed(
				go, !ae_load64_relaxed(&w->s->cycles) ||
					    aether_clock_now() < w->s->end);
		if (stress_meet(w) < 0)
			return -1;
		if (!ae_load32_relaxed(go))
			return 0;
		if (stress_meet(w) < 0)
			return -1;
		if (w->self == 0)
			ae_store32_relaxed(go, 0);
		if (stress_meet(w) < 0 || stress_cycle(w) < 0)
			return -1;
	}
}

static inline int stress_seconds(int normal)
{
	const char *soak = getenv("SOAK");

	return soak && *soak ? 100 : RIG_SLOW ? 3 * normal : normal;
}

#endif
