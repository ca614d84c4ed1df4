/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes: order, handles, depth with each policy and its counters, deadlines,
 * and who wakes whom. Places and laps of the box are in test_mailbox.c.
 */
#include "pair.h"

#define STRIDES 8

static uint64_t take(struct aether_participant *who)
{
	uint64_t handle = 0;

	need(aether_route_take(who, &handle) == 0);
	return handle;
}

static void order(void)
{
	uint64_t handles[STRIDES];
	uint64_t handle = 7;
	int same = 1;

	begin(STRIDES);
	is_int(aether_route_take(you, &handle), AETHER_EEMPTY, "empty box");
	is_int(handle, 7, "the result is left alone");
	for (int i = 0; i < STRIDES; i++) {
		handles[i] = rig_reserve(me);
		need(aether_route(me, handles[i], to) == 0);
	}
	is_int(rig_count(plane, AETHER_STATE_ROUTED), STRIDES, "all routed");
	is_int(aether_participant_held(me), 0, "the sender holds none");
	for (int i = 0; i < STRIDES; i++)
		same &= take(you) == handles[i];
	ok(same, "taken in order, the handles are the sender's");
	is_int(aether_participant_held(you), STRIDES, "the receiver holds all");
	is_int(aether_route_take(you, &handle), AETHER_EEMPTY, "empty again");
	is_int(me->counts.routed, STRIDES, "counted as routed");
	is_int(you->counts.taken, STRIDES, "counted as taken");
	end("order");
}

static void several_senders(void)
{
	struct aether_participant *senders[4];
	uint64_t last[4] = { 0 };
	uint64_t seed = 3;
	int good = 1;

	begin(64);
	for (int i = 0; i < 4; i++)
		senders[i] = rig_join(plane);
	for (uint64_t i = 1; i <= 3000; i++) {
		int s = (int)(rig_random(&seed) % 4);
		uint64_t handle = rig_reserve(senders[s]);
		uint64_t *user;
		void *at;

		need(aether_stride_user(senders[s], handle, &at) == 0);
		user = at;
		user[0] = (uint64_t)s;
		user[1] = i;
		need(aether_route(senders[s], handle, to) == 0);
		if (i % 40)
			continue;
		for (int n = 0; n < 40; n++) {
			handle = take(you);
			need(aether_stride_user(you, handle, &at) == 0);
			user = at;
			good &= user[1] > last[user[0]];
			last[user[0]] = user[1];
			need(aether_stride_release(you, handle) == 0);
		}
	}
	ok(good, "four senders: each one's order is kept");
	for (int i = 0; i < 4; i++)
		aether_participant_leave(senders[i]);
	end("several senders");
}

static void to_self(void)
{
	uint64_t self, handle;

	begin(STRIDES);
	self = aether_participant_tenancy(me);
	handle = rig_reserve(me);
	is_int(aether_route(me, handle, self), 0, "to oneself");
	is_int(aether_stride_release(me, handle), AETHER_EOWNER,
	       "not mine while on its way");
	ok(take(me) == handle, "taken");
	is_int(aether_stride_release(me, handle), 0, "mine again");
	need(aether_route_set(me, self, 1, AETHER_POLICY_BLOCK) == 0);
	for (int i = 0; i < 100; i++) {
		handle = rig_reserve(me);
		need(aether_route(me, handle, self) == 0);
		need(take(me) == handle);
		need(aether_stride_release(me, handle) == 0);
	}
	ok(1, "and with a depth of 1, a hundred times");
	end("to oneself");
}

static void nobody(void)
{
	uint64_t handle, stale, old;
	uint32_t depth;

	begin(STRIDES);
	handle = rig_reserve(me);
	stale = AETHER_TENANCY_MAKE(63, 1);
	is_int(aether_route(me, handle, stale), AETHER_EGONE, "slot 63 of 8");
	is_int(aether_route(me, handle, 0), AETHER_EGONE, "tenancy 0");
	is_int(aether_route(me, handle, UINT64_MAX), AETHER_EGONE, "all ones");
	is_int(aether_route_set(me, stale, 1, 0), AETHER_EGONE, "set");
	is_int(aether_route_depth(me, stale, &depth), AETHER_EGONE, "depth");
	is_int(aether_route_set(me, to, 1, 3), AETHER_EINVAL, "policy 3");
	old = to;
	aether_participant_leave(you);
	is_int(aether_route(me, handle, old), AETHER_EGONE, "it has left");
	you = rig_join(plane);
	to = aether_participant_tenancy(you);
	ok(to != old && AETHER_TENANCY_SLOT(to) == AETHER_TENANCY_SLOT(old),
	   "a newcomer in the same slot has another tenancy");
	is_int(aether_route(me, handle, old), AETHER_EGONE,
	       "what was meant for the last one does not reach it");
	is_int(aether_route_until(me, handle, old, AETHER_FOREVER),
	       AETHER_EGONE, "nor waits for it");
	is_int(aether_stride_release(me, handle), 0, "the lease is still mine");
	end("nobody");
}

static void depth_block(void)
{
	uint64_t handles[4], deadline;
	uint32_t depth = 99;

	begin(STRIDES);
	need(aether_route_set(me, to, 2, AETHER_POLICY_BLOCK) == 0);
	for (int i = 0; i < 3; i++)
		handles[i] = rig_reserve(me);
	need(aether_route(me, handles[0], to) == 0);
	need(aether_route(me, handles[1], to) == 0);
	is_int(aether_route_depth(me, to, &depth), 0, "depth");
	is_int(depth, 2, "two are on their way");
	is_int(aether_route(me, handles[2], to), AETHER_EDEPTH, "the third");
	is_int(me->counts.full, 1, "counted as full");
	deadline = aether_clock_after(20 * MS);
	is_int(aether_route_until(me, handles[2], to, deadline),
	       AETHER_ETIMEDOUT, "waits until the deadline");
	ok(aether_clock_now() >= deadline, "and not less");
	is_int(aether_participant_held(me), 1, "it is still mine");
	need(take(you) == handles[0]);
	is_int(aether_route_depth(me, to, &depth), 0, "depth after a take");
	is_int(depth, 1, "one is on its way");
	is_int(aether_route(me, handles[2], to), 0, "there is room for it");
	need(aether_route_set(me, to, 0, AETHER_POLICY_BLOCK) == 0);
	handles[3] = rig_reserve(me);
	is_int(aether_route(me, handles[3], to), 0, "no depth, no limit");
	ok(take(you) == handles[1] && take(you) == handles[2] &&
		   take(you) == handles[3],
	   "in order");
	end("block");
}

static void drop_new(void)
{
	uint64_t first, second;

	begin(STRIDES);
	need(aether_route_set(me, to, 1, AETHER_POLICY_DROP_NEW) == 0);
	first = rig_reserve(me);
	second = rig_reserve(me);
	need(aether_route(me, first, to) == 0);
	is_int(aether_route(me, second, to), AETHER_EDROPPED, "drop new");
	is_int(aether_stride_release(me, second), AETHER_ESTALE,
	       "its lease has ended");
	is_int(me->counts.dropped, 1, "counted as dropped");
	is_int(me->counts.full, 0,
	       "CONTRACT participant.h: EDROPPED is no answer `full` counts");
	second = rig_reserve(me);
	is_int(aether_route_until(me, second, to, AETHER_FOREVER),
	       AETHER_EDROPPED, "the waiting form drops too");
	ok(take(you) == first, "the first one is there");
	end("drop new");
}

static void drop_oldest(void)
{
	uint64_t handles[6], handle;

	begin(STRIDES);
	need(aether_route_set(me, to, 2, AETHER_POLICY_DROP_OLDEST) == 0);
	for (int i = 0; i < 6; i++) {
		handles[i] = rig_reserve(me);
		need(aether_route(me, handles[i], to) == 0);
	}
	is_int(me->counts.dropped, 4, "four of six were dropped");
	is_int(rig_count(plane, AETHER_STATE_ROUTED), 2,
	       "two are on their way");
	ok(take(you) == handles[4] && take(you) == handles[5],
	   "the last two are taken");
	is_int(aether_route_take(you, &handle), AETHER_EEMPTY, "no more");
	is_int(aether_stride_release(me, handles[0]), AETHER_ESTALE,
	       "the dropped ones' leases have ended");
	end("drop oldest");
}

/* A take that waits for so many ms in vain; how long that took. */
static uint64_t take_in_vain(int ms)
{
	uint64_t handle, start = aether_clock_now();
	uint64_t deadline = ms ? start + (uint64_t)ms * MS : 0;

	need(aether_route_take_until(you, deadline, &handle) ==
	     AETHER_ETIMEDOUT);
	need(aether_clock_now() >= deadline);
	return aether_clock_now() - start;
}

static void deadlines(void)
{
	uint64_t handle, passed;

	begin(STRIDES);
	passed = rig_quickest(take_in_vain, 0, 50 * MS);
	ok(passed < 50 * MS, "deadline 0: does not wait (%llu us)",
	   (unsigned long long)passed / 1000);
	is_int(you->counts.waits, 0, "and does not park");
	passed = rig_quickest(take_in_vain, 30, 500 * MS);
	ok(passed >= 30 * MS && passed < 500 * MS, "wait 30 ms (%llu us)",
	   (unsigned long long)passed / 1000);
	need(aether_route(me, rig_reserve(me), to) == 0);
	is_int(aether_route_take_until(you, 0, &handle), 0,
	       "what is there is taken with a deadline of 0");
	end("deadlines");
}

/* Another process joins, does one thing when it is waited for, and leaves. */
struct later {
	int (*act)(struct aether_participant *him, uint64_t to);
	struct aether_word64 *tenancy; /* shared: told to the parent */
	uint64_t at;                   /* the same, once told */
	uint64_t to;
};

static int later(void *argument)
{
	struct later *l = argument;
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *him = rig_join(again);
	int err;

	rig_tell(l->tenancy, aether_participant_tenancy(him));
	err = l->act(him, l->to);
	aether_participant_leave(him);
	return err != 0 || aether_plane_detach(again) != 0;
}

static pid_t start(struct later *l)
{
	pid_t pid;

	l->tenancy = rig_shared(64);
	pid = rig_fork(later, l);
	l->at = rig_await(l->tenancy, 1);
	return pid;
}

static int act_route(struct aether_participant *him, uint64_t addressee)
{
	rig_await_waits(him->plane, addressee);
	rig_sleep(30 * MS);
	return aether_route(him, rig_reserve(him), addressee);
}

/* Until somebody waits for room on his route to it. */
static void await_router(struct aether_participant *him)
{
	while (!ae_load64_relaxed(&him->seat->drain_waiters))
		rig_sleep(MS / 4);
	rig_sleep(30 * MS);
}

static int act_take(struct aether_participant *him, uint64_t unused)
{
	uint64_t handle;
	int err;

	(void)unused;
	await_router(him);
	err = aether_route_take(him, &handle);
	if (err < 0)
		return err;
	/* who left sooner would not be routed to */
	return aether_route_take_until(him, aether_clock_after(RIG_HANG),
				       &handle);
}

static int act_nothing(struct aether_participant *him, uint64_t unused)
{
	(void)unused;
	await_router(him);
	return 0;
}

/* Whether it was woken or looked by itself, a second later, is told by the
 * time. */
static uint64_t take_once(int unused)
{
	struct later l = { .act = act_route };
	uint64_t handle, took;
	pid_t pid;

	(void)unused;
	begin(STRIDES);
	l.to = to;
	pid = start(&l);
	took = aether_clock_now();
	is_int(aether_route_take_until(you, aether_clock_after(RIG_HANG),
				       &handle),
	       0, "a take is woken by a route in another process");
	took = aether_clock_now() - took;
	is_int(rig_wait(pid), 0, "the other process is content");
	end("woken by a route");
	return took;
}

static void woken(void)
{
	struct later l = { .act = act_take };
	uint64_t handle = 0;
	pid_t pid;

	ok(rig_quickest(take_once, 0, SECOND) < SECOND, "at once");

	begin(STRIDES);
	pid = start(&l);
	need(aether_route_set(me, l.at, 1, AETHER_POLICY_BLOCK) == 0);
	need(aether_route(me, rig_reserve(me), l.at) == 0);
	handle = rig_reserve(me);
	is_int(aether_route_until(me, handle, l.at,
				  aether_clock_after(RIG_HANG)),
	       0, "a route is woken by a take in another process");
	is_int(rig_wait(pid), 0, "the other process is content");

	l = (struct later) { .act = act_nothing };
	pid = start(&l);
	need(aether_route_set(me, l.at, 1, AETHER_POLICY_BLOCK) == 0);
	need(aether_route(me, rig_reserve(me), l.at) == 0);
	handle = rig_reserve(me);
	is_int(aether_route_until(me, handle, l.at,
				  aether_clock_after(RIG_HANG)),
	       AETHER_EGONE, "a waiting route learns that it has left");
	is_int(aether_stride_release(me, handle), 0, "the lease is still mine");
	is_int(rig_wait(pid), 0, "the other process is content");
	end("woken");
}

static void tests(void)
{
	order();
	several_senders();
	to_self();
	nobody();
	depth_block();
	drop_new();
	drop_oldest();
	deadlines();
	woken();
}

int main(void)
{
	return rig_run(tests);
}
