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

/* Plays a scene until it is as it should be, or often enough: who was stopped
 * on his way to park has parked too shortly, or not at all. */
static int comes_true(int (*scene)(void))
{
	for (int i = 0; i < RIG_TRIES; i++)
		if (scene())
			return 1;
	return 0;
}

/* After a spin in vain come 1, 3, 7, 7 ... waits without one. */
static int in_vain_once(void)
{
	static const int wanted[] = { 0, 2, 6, 14, 22, 30, 38, 46 };
	int right = 0, count = 0, parked;

	begin(1);
	for (int i = 0; i < WAITS; i++) {
		if (!spun(soon()))
			continue;
		right += count < 8 && i == wanted[count];
		count++;
	}
	parked = me->counts.waits > 10;
	end();
	printf("# of %d waits %d spin, %d of them in their turn%s\n", WAITS,
	       count, right, parked ? "" : ", and the others do not park");
	return count == 8 && right == 8 && parked;
}

static void in_vain(void)
{
	ok(comes_true(in_vain_once),
	   "of %d waits in vain few spin: after each more do not, seven at "
	   "last; and they park",
	   WAITS);
}

static int begins_anew(void)
{
	return spun(soon()) && !spun(soon()) && spun(soon());
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
	end();
}

static int found_anew(void)
{
	int right;

	begin(1);
	for (int i = 0; i < 40; i++)
		spun(soon());
	while (me->spin_rest)
		spun(soon());
	right = wait_once(1, 20, AETHER_FOREVER) == 20 && begins_anew();
	end();
	return right;
}

/* A park that was not much longer than a wake: the next one spins. */
static int short_park(void)
{
	int count = 0;

	begin(5 * SECOND);
	for (int i = 0; i < 20; i++)
		count += spun(aether_clock_after(2 * MS));
	end();
	/* who came too late to park counts less; without parks it is 4 */
	return count >= 8 && count <= 10;
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
static int owed_by_looking(void)
{
	struct looks looks = { .owes = 2 };
	struct ae_wait wait = { .attempt = look, .what = &looks };

	begin(1);
	aether_wake_defer(me, 1000);
	is_int(ae_wait_until(me, &wait, aether_clock_after(5 * MS)),
	       AETHER_ETIMEDOUT, "a wait in vain");
	is_int(looks.calls, 0, "what looking owed was paid before it slept");
	end();
	return looks.count > 2;
}

/* ---- the processor's time */

#define MEALS (RIG_SLOW ? 80 : 160)
#define APART (5 * MS)
#define SPIN (2 * MS)

static struct aether_participant *feeder;
static uint64_t apart;

static void *feed(void *argument)
{
	uint64_t to = aether_participant_tenancy(me);

	(void)argument;
	for (int i = 0; i < MEALS; i++) {
		rig_sleep(apart);
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

static uint64_t slowly_fed_once(void)
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
	aether_participant_leave(feeder);
	end();
	return start;
}

/* On a busy machine meals come in bunches, and then a spin pays: so they are
 * farther apart if need be. */
static void slowly_fed(void)
{
	uint64_t spun_for = UINT64_MAX;

	for (int i = 0; i < 8 && spun_for >= MEALS * SPIN / 4; i++) {
		apart = APART << (i < 2 ? i : 2);
		spun_for = slowly_fed_once();
	}
	ok(spun_for < MEALS * SPIN / 4,
	   "fed every %d ms: %d of %d ms of spinning were used",
	   (int)(apart / MS), (int)(spun_for / MS), (int)(MEALS * SPIN / MS));
}

static void tests(void)
{
	in_vain();
	found();
	ok(comes_true(found_anew), "the rests begin anew");
	ok(comes_true(short_park), "short parks: every other wait spins");
	policies();
	ok(comes_true(owed_by_looking), "and it looks again");
	slowly_fed();
}

int main(void)
{
	return rig_run(tests);
}
