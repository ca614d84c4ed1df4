/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting: no wake-up is lost between two who always park, signals end a wait,
 * waiting for ever works, the policy of spinning too.
 */
#include <pthread.h>
#include "rig.h"

#define SIZE 131072
#define TURNS (RIG_SLOW ? 4000 : 20000)
#define STALL RIG_HANG

static struct aether_plane *plane;

struct side {
	uint64_t spin;
	int turns;
	int first;      /* has the ball */
	uint64_t delay; /* at most so many turns of nothing before a route */
	uint64_t end;   /* clock: then stop, though turns are left; 0: never */
	struct aether_word64 *tenancies; /* shared: of both; [2]: it is over */
};

static void idle(uint64_t turns)
{
	while (turns--)
		ae_pause();
}

/* Passes the ball to and fro. Its result: the turn where it stalled, or 0. */
static int play(struct side *s, struct aether_participant *me)
{
	uint64_t to, stall, handle = 0, seed = s->delay;

	ae_store64_release(&s->tenancies[s->first],
			   aether_participant_tenancy(me));
	while (!ae_load64_acquire(&s->tenancies[!s->first]))
		rig_sleep(100000);
	to = ae_load64_acquire(&s->tenancies[!s->first]);
	if (s->first)
		handle = rig_reserve(me);
	for (int i = 0; i < s->turns; i++) {
		if (i && rig_told(&s->tenancies[2]))
			break;
		if (s->first && s->end && aether_clock_now() > s->end)
			rig_tell(&s->tenancies[2], 1);
		if (s->delay)
			idle(rig_random(&seed) % s->delay);
		if ((s->first || i) && aether_route(me, handle, to) < 0)
			return i + 1;
		stall = aether_clock_after(STALL);
		if (aether_route_take_until(me, stall, &handle) < 0 ||
		    aether_clock_now() >= stall) /* it may come at the end */
			return i + 1;
	}
	if (!s->first)
		return aether_route(me, handle, to) < 0;
	return aether_stride_release(me, handle) < 0;
}

static int side_process(void *argument)
{
	struct side *s = argument;
	struct aether_participant_options options = { .spin = s->spin };
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *me = rig_join_with(again, &options);
	int err = play(s, me);

	if (s->spin == 1 && s->turns == TURNS && me->counts.waits < 100)
		err = 100; /* it was to park */
	/* the last ball is on its way: wait until the other has it */
	if (!s->first)
		rig_sleep(100 * MS);
	aether_participant_leave(me);
	return err ? 1 : 0;
}

static void ping_pong(uint64_t spin, int turns, const char *what)
{
	/* who never parks may have to wait for a processor */
	uint64_t end = spin == UINT64_MAX ? aether_clock_after(SECOND) : 0;
	struct aether_word64 *tenancies = rig_shared(64);
	struct side sides[2] = { { spin, turns, 0, 0, 0, tenancies },
				 { spin, turns, 1, 0, end, tenancies } };
	pid_t pids[2];
	int good = 0;

	plane = rig_plane(8, SIZE, 4);
	for (int i = 0; i < 2; i++)
		pids[i] = rig_fork(side_process, &sides[i]);
	for (int i = 0; i < 2; i++)
		good += rig_wait(pids[i]) == 0;
	is_int(good, 2, "%s: %d turns without a stall", what, turns);
	ok(rig_all_free(plane), "%s: all free", what);
	aether_plane_detach(plane);
}

/* One always parks; the other never does and answers at any moment, also just
 * before, while and after the first one lies down. */
static void any_moment(int turns)
{
	uint64_t end = aether_clock_after(2 * SECOND);
	struct aether_word64 *tenancies = rig_shared(64);
	struct side parks = { 1, turns, 1, 0, end, tenancies };
	struct side spins = { UINT64_MAX, turns, 0, 150, 0, tenancies };
	pid_t pids[2];

	plane = rig_plane(8, SIZE, 4);
	pids[0] = rig_fork(side_process, &parks);
	pids[1] = rig_fork(side_process, &spins);
	is_int(rig_wait(pids[0]) + rig_wait(pids[1]), 0,
	       "one parks, one answers at any moment, %d times: no stall",
	       turns);
	ok(rig_all_free(plane), "at any moment: all free");
	aether_plane_detach(plane);
}

static void *side_thread(void *argument)
{
	struct side *s = argument;
	struct aether_participant_options options = { .spin = s->spin };
	struct aether_participant *me = rig_join_with(plane, &options);

	if (play(s, me))
		return argument;
	if (!s->first)
		rig_sleep(100 * MS);
	aether_participant_leave(me);
	return NULL;
}

static void ping_pong_threads(void)
{
	struct aether_word64 tenancies[3] = { { 0 }, { 0 }, { 0 } };
	struct side sides[2] = { { 1, TURNS / 4, 0, 0, 0, tenancies },
				 { 1, TURNS / 4, 1, 0, 0, tenancies } };
	pthread_t threads[2];
	int bad = 0;

	plane = rig_plane(8, SIZE, 4);
	for (int i = 0; i < 2; i++)
		need(pthread_create(&threads[i], NULL, side_thread,
				    &sides[i]) == 0);
	for (int i = 0; i < 2; i++) {
		void *result;

		pthread_join(threads[i], &result);
		bad += result != NULL;
	}
	is_int(bad, 0, "two threads: %d turns without a stall", TURNS / 4);
	ok(rig_all_free(plane), "two threads: all free");
	aether_plane_detach(plane);
}

static void heard(int number)
{
	(void)number;
}

static void wait_for(struct aether_participant *me, int kind, int *err)
{
	uint64_t self = aether_participant_tenancy(me);
	uint64_t handle = 0;

	if (kind == 0)
		*err = aether_route_take_until(me, AETHER_FOREVER, &handle);
	if (kind == 1)
		*err = aether_stride_reserve_until(me, AETHER_FOREVER, &handle);
	if (kind != 2)
		return;
	need(aether_stride_release(me, AETHER_HANDLE_MAKE(0, plane->tag, 0)) ==
	     0);
	need(aether_route_set(me, self, 1, AETHER_POLICY_BLOCK) == 0);
	need(aether_route(me, rig_reserve(me), self) == 0);
	handle = AETHER_HANDLE_MAKE(1, plane->tag, 0);
	*err = aether_route_until(me, handle, self, AETHER_FOREVER);
	need(aether_stride_describe(me, handle, 1, 0, 0) == 0);
}

static void interrupted(int kind, const char *what)
{
	struct sigaction action = { .sa_handler = heard };
	struct aether_participant_options options = { .spin = 1 };
	struct aether_participant *me;
	pid_t parent = getpid();
	int err = 1;
	pid_t pid;

	plane = rig_plane(2, SIZE, 2);
	me = rig_join_with(plane, &options);
	rig_reserve(me);
	rig_reserve(me);
	sigaction(SIGUSR1, &action, NULL);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		while (getppid() == parent && kill(parent, SIGUSR1) == 0)
			rig_sleep(10 * MS);
		_exit(0);
	}
	wait_for(me, kind, &err);
	kill(pid, SIGKILL);
	rig_wait(pid);
	is_int(err, AETHER_EINTR, "a signal ends %s", what);
	aether_participant_leave(me);
	ok(rig_all_free(plane), "%s: all free", what);
	aether_plane_detach(plane);
}

enum {
	POKES, /* told by who pokes: it does */
	OVER,  /* told to it: enough */
	WORDS
};

static int poke(void *argument)
{
	struct aether_plane *again = rig_again(plane);
	struct aether_word64 *told = argument;
	uint64_t to;

	need(aether_participant_find(again, "sleeper", &to) == 0);
	/* rings for nothing: spurious wake-ups end no wait */
	while (!rig_told(&told[OVER])) {
		ae_wait_ring(again, (uint32_t)AETHER_TENANCY_SLOT(to));
		rig_tell(&told[POKES], 1);
		rig_sleep(MS);
	}
	return 0;
}

static void for_nothing(void)
{
	struct aether_participant_options options = { .name = "sleeper",
						      .spin = 1 };
	struct aether_word64 *told = rig_shared(WORDS * sizeof(*told));
	struct aether_participant *me;
	uint64_t handle, deadline, woken;
	pid_t pid;
	int tries = 0;

	plane = rig_plane(2, SIZE, 2);
	me = rig_join_with(plane, &options);
	pid = rig_fork(poke, told);
	rig_await(&told[POKES], 1);
	do { /* again, if the other one was stopped all the time */
		woken = me->counts.waits;
		deadline = aether_clock_after(100 * MS);
		is_int(aether_route_take_until(me, deadline, &handle),
		       AETHER_ETIMEDOUT, "rung for nothing: goes on waiting");
		ok(aether_clock_now() >= deadline, "until the deadline");
		woken = me->counts.waits - woken;
	} while (woken < 2 && ++tries < RIG_TRIES);
	ok(woken > 1, "it was woken (%llu times)", (unsigned long long)woken);
	rig_tell(&told[OVER], 1);
	is_int(rig_wait(pid), 0, "the other is content");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static void clocks(void)
{
	uint64_t now = aether_clock_now();

	ok(aether_clock_after(0) >= now, "after 0 is now");
	ok(aether_clock_after(SECOND) >= now + SECOND, "after a second");
	ok(aether_clock_after(UINT64_MAX) == AETHER_FOREVER, "for ever");
	ok(aether_clock_after(UINT64_MAX - 1) == AETHER_FOREVER,
	   "nearly for ever does not wrap");
}

static void tests(void)
{
	clocks();
	ping_pong(1, TURNS, "parked");
	ping_pong(10000, TURNS / 2, "spinning, then parked");
	ping_pong(UINT64_MAX, TURNS / 20, "never parked");
	any_moment(TURNS * 10);
	ping_pong_threads();
	interrupted(0, "a take");
	interrupted(1, "a reserve");
	interrupted(2, "a route");
	for_nothing();
}

int main(void)
{
	return rig_run(tests);
}
