/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a participant of chaos does with strides: reserves, routes, shares,
 * takes, releases, with and without waiting. Each answer must be one that the
 * call may give; what is got or given away is accounted for in chaos_lease.c.
 */
#include "chaos.h"

/* A wait that should end by a ring: one that does not is found before. */
#define LONG (3 * CHAOS_PATIENCE)
#define READERS_MOST 4

/* Somebody who lives, and is not me; 0: this time nobody. */
uint64_t chaos_somebody(struct chaos_worker *w)
{
	struct aether_participant_info info;
	uint32_t slot = (uint32_t)chaos_below(&w->seed, w->slots);

	if (aether_participant_look(w->plane, slot, &info) < 0 ||
	    info.tenancy == w->tenancy)
		return 0;
	return info.alive ? info.tenancy : 0;
}

/* How long to wait: mostly shorter than what others take to answer. */
uint64_t chaos_deadline(struct chaos_worker *w)
{
	if (w->patient && chaos_below(&w->seed, 8) == 0)
		return aether_clock_after(LONG);
	return aether_clock_after(chaos_below(&w->seed, CHAOS_MS));
}

/* An answer that is none of those which a call may give. */
void chaos_unheard(struct chaos_worker *w, int err, uint64_t handle,
		   const char *call)
{
	const char *name = aether_error_name(err);

	chaos_found(w, CHAOS_LOST, handle, "%s answers %s", call,
		    name ? name : "nonsense");
}

/* `end`: until when to wait; 0: not at all. */
int chaos_reserve(struct chaos_worker *w, uint64_t end)
{
	uint64_t handle = 0;
	int waits = end != 0, err;

	chaos_begin(w, waits ? CHAOS_RESERVE_UNTIL : CHAOS_RESERVE, end);
	err = waits ? aether_stride_reserve_until(w->me, end, &handle)
		    : aether_stride_reserve(w->me, &handle);
	chaos_over(w, end);
	if (err >= 0)
		chaos_lease_reserved(w, handle);
	else if (err != (waits ? AETHER_ETIMEDOUT : AETHER_EFULL) &&
		 err != (waits ? AETHER_EINTR : AETHER_EAGAIN))
		chaos_unheard(w, err, 0, "reserve");
	return err;
}

void chaos_reserve_run(struct chaos_worker *w)
{
	uint32_t count = 1 + (uint32_t)chaos_below(&w->seed, CHAOS_RUN_MOST);
	uint64_t handle = 0;
	int err;

	if (w->count >= w->greed || count > w->strides)
		return;
	chaos_begin(w, CHAOS_RESERVE_RUN, 0);
	err = aether_stride_reserve_run(w->me, count, &handle);
	chaos_over(w, 0);
	if (err >= 0)
		chaos_lease_reserved(w, handle);
	else if (err != AETHER_EFULL && err != AETHER_EAGAIN)
		chaos_unheard(w, err, 0, "reserve of a run");
}

/* One of those that I hold; of `hold` alone, if there is one near. */
int chaos_pick(struct chaos_worker *w, enum chaos_hold hold, uint32_t *at)
{
	if (!w->count)
		return 0;
	*at = (uint32_t)chaos_below(&w->seed, w->count);
	for (uint32_t i = 0; i < w->count; i++) {
		if (w->held[*at].hold == (uint32_t)hold)
			return 1;
		*at = (*at + 1) % w->count;
	}
	return 0;
}

void chaos_release(struct chaos_worker *w)
{
	if (!w->count)
		return;
	chaos_begin(w, CHAOS_RELEASE, 0);
	chaos_lease_release(w, (uint32_t)chaos_below(&w->seed, w->count));
	chaos_over(w, 0);
}

/* A suspect one: route it on as it is, accept it, or end it. */
static int settle_suspect(struct chaos_worker *w, uint32_t at)
{
	switch (chaos_below(&w->seed, 3)) {
	case 0:
		return 0;
	case 1:
		chaos_lease_accept(w, &w->held[at]);
		return 0;
	default:
		chaos_lease_release(w, at);
		return 1;
	}
}

void chaos_route(struct chaos_worker *w, uint64_t end)
{
	uint64_t to = chaos_somebody(w);
	enum chaos_hold hold = chaos_below(&w->seed, 4) ? CHAOS_OWN
							: CHAOS_SUSPECT;
	struct chaos_lease *lease;
	int waits = end != 0, err;
	uint32_t at;

	if (!to || !chaos_pick(w, hold, &at))
		return;
	chaos_begin(w, waits ? CHAOS_ROUTE_UNTIL : CHAOS_ROUTE, end);
	if (hold == CHAOS_SUSPECT && settle_suspect(w, at)) {
		chaos_over(w, 0);
		return;
	}
	lease = &w->held[at];
	chaos_lease_check(w, lease, chaos_below(&w->seed, 4) == 0);
	chaos_lease_address(w, lease, to);
	err = waits ? aether_route_until(w->me, lease->handle, to, end)
		    : aether_route(w->me, lease->handle, to);
	chaos_over(w, end);
	if (err >= 0 || err == AETHER_EDROPPED) {
		w->record->routed += err >= 0;
		chaos_lease_gone(w, at, err < 0);
	} else if (err != AETHER_EGONE && err != AETHER_EBOX &&
		   err != (waits ? AETHER_ETIMEDOUT : AETHER_EDEPTH) &&
		   !(waits && err == AETHER_EINTR)) {
		chaos_unheard(w, err, lease->handle, "route");
	}
}

void chaos_share(struct chaos_worker *w)
{
	uint64_t to[READERS_MOST], one;
	uint32_t count = 0, at, i, tries;
	int err;

	for (tries = 0; tries < READERS_MOST; tries++) {
		one = chaos_somebody(w);
		for (i = 0; i < count && to[i] != one; i++)
			;
		if (one && i == count)
			to[count++] = one;
	}
	if (!count || !chaos_pick(w, CHAOS_OWN, &at))
		return;
	chaos_begin(w, CHAOS_SHARE, 0);
	chaos_lease_check(w, &w->held[at], 0);
	chaos_lease_address(w, &w->held[at], 0);
	err = aether_share(w->me, w->held[at].handle, to, count, NULL);
	chaos_over(w, 0);
	if (err >= 0 || err == AETHER_EDROPPED) {
		w->record->shared += err >= 0;
		chaos_lease_gone(w, at, err < 0);
	} else if (err != AETHER_EGONE && err != AETHER_EDEPTH &&
		   err != AETHER_EBOX) {
		chaos_unheard(w, err, w->held[at].handle, "share");
	}
}

/* The same. 0: there was mail. */
int chaos_take(struct chaos_worker *w, uint64_t end)
{
	uint64_t handle = 0;
	int waits = end != 0, err;

	chaos_begin(w, waits ? CHAOS_TAKE_UNTIL : CHAOS_TAKE, end);
	err = waits ? aether_route_take_until(w->me, end, &handle)
		    : aether_route_take(w->me, &handle);
	chaos_over(w, end);
	if (err >= 0)
		chaos_lease_taken(w, handle);
	else if (err != (waits ? AETHER_ETIMEDOUT : AETHER_EEMPTY) &&
		 !(waits && err == AETHER_EINTR))
		chaos_unheard(w, err, 0, "take");
	return err;
}

int chaos_take_all(struct chaos_worker *w)
{
	uint32_t left = 4 * w->strides; /* others may send all the while */

	while (left-- && w->count < w->strides)
		if (chaos_take(w, 0) < 0)
			return 1;
	return 0;
}

void chaos_sleep(struct chaos_worker *w, int space)
{
	if (space)
		chaos_reserve(w, aether_clock_after(LONG));
	else
		chaos_take(w, aether_clock_after(LONG));
}

void chaos_hoard(struct chaos_worker *w)
{
	int err = 0;

	while (w->count < w->strides && (err == 0 || err == AETHER_EAGAIN))
		err = chaos_reserve(w, 0);
}

/* One who sleeps for mail, by what it says of itself. */
static uint64_t find_sleeper(struct chaos_worker *w)
{
	uint32_t at = (uint32_t)chaos_below(&w->seed, w->slots);

	for (uint32_t i = 0; i < w->slots; i++) {
		const struct chaos_record *r = &w->shared->records[at];

		if (r->op == CHAOS_TAKE_UNTIL && r->tenancy != w->tenancy)
			return r->tenancy;
		at = (at + 1) % w->slots;
	}
	return 0;
}

/* A free stride for those who sleep for one. If I die, all that I have is
 * free, and not my heir's: but it is the rings that I began which count. */
static void give_space(struct chaos_worker *w, uint32_t at)
{
	int err = aether_participant_heir(w->me, 0);

	chaos_obey(w);
	chaos_begin(w, CHAOS_RELEASE, 0);
	if (err >= 0 || err == AETHER_EBOX)
		err = aether_stride_release(w->me, w->held[at].handle);
	chaos_over(w, 0);
	if (err < 0)
		chaos_unheard(w, err, w->held[at].handle, "release");
	chaos_lease_gone(w, at, 1);
}

static void give_mail(struct chaos_worker *w, uint32_t at, uint64_t to)
{
	uint64_t handle = w->held[at].handle;
	int err;

	chaos_lease_address(w, &w->held[at], to);
	chaos_obey(w);
	chaos_begin(w, CHAOS_ROUTE, 0);
	err = aether_route(w->me, handle, to);
	chaos_over(w, 0);
	if (err >= 0 || err == AETHER_EDROPPED) {
		w->record->routed += err >= 0;
		chaos_lease_gone(w, at, err < 0);
	}
}

void chaos_give(struct chaos_worker *w, int space)
{
	uint64_t number = w->order->number;
	uint64_t to = space ? 0 : find_sleeper(w);
	uint32_t at;

	if (!chaos_pick(w, CHAOS_OWN, &at) &&
	    (space || chaos_reserve(w, 0) < 0 ||
	     !chaos_pick(w, CHAOS_OWN, &at)))
		at = CHAOS_STRIDES_MAX; /* it has nothing to give */
	if (at < CHAOS_STRIDES_MAX && space)
		give_space(w, at);
	else if (at < CHAOS_STRIDES_MAX && to)
		give_mail(w, at, to);
	w->orders = w->record->gave = number;
}
