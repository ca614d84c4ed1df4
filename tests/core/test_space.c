/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for a free stride: deadlines, who wakes whom, many who wait for few.
 */
#include <pthread.h>
#include <sched.h>
#include "rig.h"

#define SIZE 131072

static struct aether_plane *plane;

static struct aether_participant *waiter;

/* A reserve that waits for so many ms in vain; how long that took. */
static uint64_t reserve_in_vain(int ms)
{
	uint64_t handle, start = aether_clock_now();
	uint64_t deadline = ms ? start + (uint64_t)ms * MS : 0;

	need(aether_stride_reserve_until(waiter, deadline, &handle) ==
	     AETHER_ETIMEDOUT);
	need(aether_clock_now() >= deadline);
	return aether_clock_now() - start;
}

static void deadlines(void)
{
	struct aether_participant *me;
	uint64_t handle = 5, start, passed;

	plane = rig_plane(1, SIZE, 2);
	me = waiter = rig_join(plane);
	need(aether_stride_reserve_until(me, 0, &handle) == 0);
	ok(handle != 5, "a free stride is had with a deadline of 0");
	passed = rig_quickest(reserve_in_vain, 0, 50 * MS);
	ok(passed < 50 * MS, "full, deadline 0: does not wait (%llu us)",
	   (unsigned long long)passed / 1000);
	is_int(me->counts.waits, 0, "and does not park");
	start = aether_clock_now();
	passed = rig_quickest(reserve_in_vain, 30, 500 * MS);
	ok(passed >= 30 * MS && passed < 500 * MS, "waits 30 ms (%llu us)",
	   (unsigned long long)passed / 1000);
	is_int(aether_stride_reserve_until(me, start, &handle),
	       AETHER_ETIMEDOUT, "a deadline that has passed");
	aether_participant_leave(me);
	ok(rig_all_free(plane), "all free");
	is_int((long long)ae_load64_relaxed(&plane->header->space_waiters), 0,
	       "nobody is noted as waiting");
	aether_plane_detach(plane);
}

struct holder {
	int leaves;    /* or releases */
	uint64_t whom; /* who waits for it */
};

/* Takes the only stride, and gives it back when that is waited for: by
 * releasing it, or by leaving. */
static int holder(void *argument)
{
	const struct holder *h = argument;
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *him = rig_join(again);
	uint64_t handle = rig_reserve(him);

	rig_await_waits(again, h->whom);
	rig_sleep(30 * MS);
	if (!h->leaves && aether_stride_release(him, handle) < 0)
		return 1;
	if (!h->leaves)
		rig_sleep(20 * MS);
	aether_participant_leave(him);
	return aether_plane_detach(again) != 0;
}

/* Whether it was woken or looked by itself, a second later, is told by the
 * time. */
static uint64_t woken_once(int leaves)
{
	struct aether_participant *me;
	struct aether_stride_info info = { .state = 0 };
	struct holder h = { .leaves = leaves };
	uint64_t handle, took;
	pid_t pid;

	plane = rig_plane(1, SIZE, 2);
	me = rig_join(plane);
	h.whom = aether_participant_tenancy(me);
	pid = rig_fork(holder, &h);
	while (info.state == AETHER_STATE_DORMANT)
		aether_registry_look(plane, 0, &info);
	took = aether_clock_now();
	is_int(aether_stride_reserve_until(me, aether_clock_after(RIG_HANG),
					   &handle),
	       0, "woken in another process");
	took = aether_clock_now() - took;
	is_int(rig_wait(pid), 0, "the other process is content");
	ok(me->counts.waits > 0, "it was parked");
	aether_participant_leave(me);
	ok(rig_all_free(plane), "all free");
	aether_plane_detach(plane);
	return took;
}

static void woken_by(int leaves, const char *what)
{
	ok(rig_quickest(woken_once, leaves, SECOND) < SECOND,
	   "woken by %s: at once", what);
}

static void *release_later(void *argument)
{
	struct aether_participant *him = argument;

	rig_sleep(30 * MS);
	aether_participant_leave(him);
	return NULL;
}

static void woken_by_thread(void)
{
	struct aether_participant *me, *him;
	pthread_t thread;
	uint64_t handle;

	plane = rig_plane(1, SIZE, 2);
	me = rig_join(plane);
	him = rig_join(plane);
	rig_reserve(him);
	need(pthread_create(&thread, NULL, release_later, him) == 0);
	is_int(aether_stride_reserve_until(me, aether_clock_after(RIG_HANG),
					   &handle),
	       0, "woken by a thread");
	pthread_join(thread, NULL);
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

/* One of many who want one of few strides, again and again. */
#define TURNS (RIG_SLOW ? 300 : 2000)

static int wants(void *unused)
{
	struct aether_plane *again = rig_again(plane);
	struct aether_participant_options options = { .spin = 1 };
	struct aether_participant *him = rig_join_with(again, &options);
	struct aether_word32 *inside;
	uint64_t handle;
	void *at;

	(void)unused;
	for (int i = 0; i < TURNS; i++) {
		if (aether_stride_reserve_until(
			    him, aether_clock_after(RIG_HANG), &handle) < 0)
			return 1;
		if (aether_stride_bytes(him, handle, NULL, &at) < 0)
			return 2;
		inside = at; /* nobody else is in the stride */
		if (ae_add32_relaxed(inside, 1) != 0)
			return 4;
		if (i % 16 == 0)
			rig_sleep(1000);
		ae_store32_relaxed(inside, 0);
		if (aether_stride_release(him, handle) < 0)
			return 5;
	}
	aether_participant_leave(him);
	return aether_plane_detach(again) != 0;
}

static void many_for_few(void)
{
	pid_t pids[6];
	int good = 0;

	plane = rig_plane(2, SIZE, 8);
	for (int i = 0; i < 6; i++)
		pids[i] = rig_fork(wants, NULL);
	for (int i = 0; i < 6; i++)
		good += rig_wait(pids[i]) == 0;
	is_int(good, 6,
	       "six wanted one of two strides %d times each: each "
	       "got it, alone, in time",
	       TURNS);
	ok(rig_all_free(plane), "all free");
	is_int((long long)ae_load64_relaxed(&plane->header->space_waiters), 0,
	       "nobody is noted as waiting");
	aether_plane_detach(plane);
}

/* One holds the only stride and releases it at any moment, also just before,
 * while and after the other lies down to wait for it. For two seconds: how many
 * times that is depends on what else the machine does. */
struct turns {
	struct aether_word64 go, done; /* numbers of rounds; go 0: the end */
};

/* Waits until the word is other than `last`; yields, for others may spin. */
static uint64_t next(const struct aether_word64 *word, uint64_t last)
{
	for (int i = 0; rig_told(word) == last; i++)
		if (i % 256 == 255)
			sched_yield();
		else
			ae_pause();
	return rig_told(word);
}

static int gets(void *argument)
{
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *him = rig_join(again);
	struct turns *turns = argument;
	uint64_t handle, round = 1;

	while ((round = next(&turns->go, round)) != 0) {
		uint64_t end = aether_clock_after(RIG_HANG);
		int err = aether_stride_reserve_until(him, end, &handle);

		if (err == 0)
			err = aether_stride_release(him, handle);
		if (aether_clock_now() >= end)
			err = AETHER_ETIMEDOUT; /* had it only at the end */
		rig_tell(&turns->done, err == 0 ? round : 0);
		if (err < 0)
			return 1;
	}
	aether_participant_leave(him);
	return 0;
}

static void any_moment(void)
{
	struct turns *turns = rig_shared(sizeof(*turns));
	uint64_t seed = 8, end = aether_clock_after(2 * SECOND);
	uint64_t round = 1, done = 1;
	struct aether_participant *me;
	pid_t pid;

	plane = rig_plane(1, SIZE, 2);
	me = rig_join(plane);
	rig_tell(&turns->go, 1);
	rig_tell(&turns->done, 1);
	pid = rig_fork(gets, turns);
	while (done && (round < 100 || aether_clock_now() < end)) {
		uint64_t handle = rig_reserve(me);

		rig_tell(&turns->go, ++round);
		for (uint64_t n = rig_random(&seed) % 64; n; n--)
			ae_pause();
		need(aether_stride_release(me, handle) == 0);
		done = next(&turns->done, done);
	}
	rig_tell(&turns->go, 0);
	is_int(rig_wait(pid), 0,
	       "released at any moment, %llu times: never a "
	       "wait in vain",
	       (unsigned long long)round);
	aether_participant_leave(me);
	ok(rig_all_free(plane), "all free");
	aether_plane_detach(plane);
}

static void tests(void)
{
	deadlines();
	woken_by(0, "a release");
	woken_by(1, "a leave");
	woken_by_thread();
	many_for_few();
	any_moment();
}

int main(void)
{
	return rig_run(tests);
}
