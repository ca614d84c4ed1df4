/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spinning only while it pays: which of many waits spin is counted by the looks
 * that each takes, with an attempt of the test's own; what that is for is seen
 * by the processor time of one who is fed slowly.
 */
#include <pthread.h>
#include "rig.h"

#define SIZE 131072
#define WAITS 50
#define SPUN 32 /* looks of the shortest spin; a wait without has fewer */

static struct aether_plane *plane;
static struct aether_participant *me;

/* Says that there is nothing, but at the look number `finds`. */
struct looks {
	int count;
	int finds;
	int owes;       /* at this look */
	uint32_t calls; /* owed at the last look */
};

static int look(struct aether_participant *self, void *what)
{
	struct looks *l = what;

	l->calls = self->wakes_calls;
	l->count++;
	if (l->count == l->owes)
		ae_wait_owe_room(self);
	return l->count == l->finds ? 0 : AETHER_EEMPTY;
}

/* How often it looked. */
static int wait_once(int spins, int finds, uint64_t deadline)
{
	struct looks looks = { .finds = finds };
	struct ae_wait wait = { .attempt = look,
				.what = &looks,
				.spins = spins };
	int err = ae_wait_until(me, &wait, deadline);

	need(err == (finds ? 0 : AETHER_ETIMEDOUT));
	return looks.count;
}

static int spun(uint64_t deadline)
{
	return wait_once(1, 0, deadline) > SPUN;
}

static void begin(uint64_t spin)
{
	struct aether_participant_options options = { .spin = spin };

	plane = rig_plane(8, SIZE, 4);
	me = rig_join_with(plane, &options);
}

static void end(void)
{
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static uint64_t soon(void)
{
	return aether_clock_after(MS / 5);
}

/* After a spin in vain come 1, 3, 7, 7 ... waits without one. */
static void in_vain(void)
{
	static const int wanted[] = { 0, 2, 6, 14, 22, 30, 38, 46 };
	int right = 0, count = 0;

	begin(1);
	for (int i = 0; i < WAITS; i++) {
		if (!spun(soon()))
			continue;
		right += count < 8 && i == wanted[count];
		count++;
	}
	is_int(count, 8, "of %d waits in vain few spin", WAITS);
	is_int(right, 8, "after each more do not, seven at last");
	ok(me->counts.waits > 10, "they park");
	end();
}

/* One that was not in vain is followed by the next. */
static void found(void)
{
	int again = 0;

	begin(1);
	for (int i = 0; i < 40; i++)
		spun(soon());
	while (me->spin_rest)
		spun(soon());
	is_int(wait_once(1, 20, AETHER_FOREVER), 20, "a spin finds something");
	for (int i = 0; i < 10; i++)
		again += wait_once(1, 20, AETHER_FOREVER) == 20;
	is_int(again, 10, "then all spin and find it");
	ok(spun(soon()) && !spun(soon()) && spun(soon()),
	   "the rests begin anew");
	end();
}

/* A park that was not much longer than a wake: the next one spins. */
static void short_park(void)
{
	int count = 0;

	begin(5 * SECOND);
	for (int i = 0; i < 20; i++)
		count += spun(aether_clock_after(2 * MS));
	/* who came too late to park counts less; without parks it is 4 */
	ok(count >= 8 && count <= 10, "short parks: every other wait spins");
	end();
}

static void policies(void)
{
	int count = 0;

	begin(UINT64_MAX);
	for (int i = 0; i < 20; i++)
		count += spun(soon());
	is_int(count, 20, "who never parks spins always");
	is_int(me->counts.waits, 0, "and does not park");
	is_int(wait_once(1, 0, 0), 1, "a wait that only looks does not spin");
	end();
	begin(1);
	ok(wait_once(0, 0, soon()) < SPUN, "a wait for space does not spin");
	ok(spun(soon()), "and costs no spin of another");
	end();
}

/* What a look of the wait itself owes is paid before it sleeps. */
static void owed_by_looking(void)
{
	struct looks looks = { .owes = 2 };
	struct ae_wait wait = { .attempt = look, .what = &looks };

	begin(1);
	aether_wake_defer(me, 1000);
	is_int(ae_wait_until(me, &wait, aether_clock_after(5 * MS)),
	       AETHER_ETIMEDOUT, "a wait in vain");
	ok(looks.count > 2, "it looks again");
	is_int(looks.calls, 0, "what looking owed was paid before it slept");
	end();
}

/* ---- the processor's time */

#define MEALS (RIG_SLOW ? 80 : 160)
#define APART (5 * MS)
#define SPIN (2 * MS)

static struct aether_participant *feeder;

static void *feed(void *argument)
{
	uint64_t to = aether_participant_tenancy(me);

	(void)argument;
	for (int i = 0; i < MEALS; i++) {
		rig_sleep(APART);
		need(aether_route(feeder, rig_reserve(feeder), to) == 0);
	}
	return NULL;
}

static uint64_t used(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void slowly_fed(void)
{
	pthread_t thread;
	uint64_t handle, start;

	begin(SPIN);
	feeder = rig_join(plane);
	need(pthread_create(&thread, NULL, feed, NULL) == 0);
	start = used();
	for (int i = 0; i < MEALS; i++) {
		need(aether_route_take_until(me, AETHER_FOREVER, &handle) == 0);
		need(aether_stride_release(me, handle) == 0);
	}
	start = used() - start;
	pthread_join(thread, NULL);
	ok(start < MEALS * SPIN / 4,
	   "fed every 5 ms: %d of %d ms of spinning were used",
	   (int)(start / MS), (int)(MEALS * SPIN / MS));
	aether_participant_leave(feeder);
	end();
}

static void tests(void)
{
	in_vain();
	found();
	short_park();
	policies();
	owed_by_looking();
	slowly_fed();
}

int main(void)
{
	return rig_run(tests);
}
