/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epochs between processes: who signals is killed or stopped at any moment, who
 * waits is killed while it is parked. Whoever waits sees the last value, and a
 * slot's next tenant inherits no announcement.
 */
#include "victim.h"

#define EPOCH AETHER_INOS_IDX_SENSOR_EPOCH
#define DEATHS (RIG_SLOW ? 5 : 20)

static struct aether_plane *plane;
static struct aether_word64 *seen; /* what who waits has seen last */

static uint32_t value(void)
{
	uint32_t now = 0;

	need(aether_epoch_load(plane, EPOCH, &now) == 0);
	return now;
}

/* Until who waits has seen the value as it is. */
static int is_seen(void)
{
	uint64_t end = aether_clock_after(60 * SECOND);

	while (rig_told(seen) != value() && aether_clock_now() < end)
		rig_sleep(MS);
	return rig_told(seen) == value();
}

static void waits_for_ever(struct victim *v)
{
	uint32_t now = 0;

	rig_tell(&v->told->ready, 1);
	while (aether_epoch_wait(v->me, EPOCH, now, AETHER_FOREVER, &now) == 0)
		rig_tell(seen, now);
}

static void signals_for_ever(struct victim *v)
{
	for (uint64_t i = 1; aether_epoch_signal(v->me, EPOCH) == 0; i++) {
		rig_tell(&v->told->ready, i);
		if (i % 16 == 0) /* so that who waits parks now and then */
			rig_sleep(MS / 5);
	}
}

static void start(struct victim *v, void (*act)(struct victim *v))
{
	*v = (struct victim) { .act = act, .plane = plane, .noisy = 1 };
	victim_ready(v);
}

static void signallers_die(struct aether_participant *me)
{
	struct victim waiter, v;
	int good = 0;

	start(&waiter, waits_for_ever);
	for (uint64_t i = 0; i < DEATHS; i++) {
		start(&v, signals_for_ever);
		rig_await(&v.told->ready, 1 + i * 7);
		victim_kill(&v);
		good += is_seen();
	}
	is_int(good, DEATHS, "%d are killed while they signal: all is seen",
	       DEATHS);
	good = 0;
	for (uint64_t i = 0; i < DEATHS; i++) {
		start(&v, signals_for_ever);
		rig_await(&v.told->ready, 1 + i * 7);
		kill(v.pid, SIGSTOP);
		need(aether_epoch_signal(me, EPOCH) == 0);
		good += is_seen();
		victim_kill(&v);
	}
	is_int(good, DEATHS, "%d are stopped, and another signals: it is seen",
	       DEATHS);
	victim_kill(&waiter);
}

static uint64_t announced(void)
{
	return ae_load64_relaxed(&plane->epochs[EPOCH].waiters);
}

/* Stops it where it is announced; now and then it looks, and is not. */
static void stop_parked(struct victim *v, uint64_t bit)
{
	do {
		kill(v->pid, SIGCONT);
		while (!(announced() & bit))
			rig_sleep(MS / 4);
		kill(v->pid, SIGSTOP);
		need(waitpid(v->pid, NULL, WUNTRACED) == v->pid);
	} while (!(announced() & bit));
}

static void waiters_die(struct aether_participant *me)
{
	struct victim v, next;
	uint64_t bit;

	aether_reap(me, NULL); /* so that slots are free from the first on */
	start(&v, waits_for_ever);
	bit = UINT64_C(1) << victim_slot(&v);
	need(is_seen());
	stop_parked(&v, bit);
	is_int(aether_epoch_signal(me, EPOCH), 0,
	       "who waits is stopped: a "
	       "signal goes on");
	victim_kill(&v);
	ok(announced() & bit, "it is killed, and announced still");
	is_int(aether_epoch_signal(me, EPOCH), 0, "a signal goes on");
	aether_reap(me, NULL);
	start(&next, NULL);
	is_int(victim_slot(&next), victim_slot(&v), "another has its slot");
	ok(!(announced() & bit), "and is not announced");
	victim_kill(&next);
}

static void tests(void)
{
	struct aether_plane_options options = { .layout = "inos",
						.strides = 8,
						.participants = 8 };
	struct aether_participant *me;

	need(aether_plane_create(NULL, &options, NULL, &plane) == 0);
	seen = rig_shared(sizeof(*seen));
	me = rig_join(plane);
	signallers_die(me);
	waiters_die(me);
	aether_participant_leave(me);
	need(aether_plane_detach(plane) == 0);
}

int main(void)
{
	return rig_run(tests);
}
