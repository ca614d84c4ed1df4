/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epochs: names and kinds, signals that wake one, several, all; values that
 * wrap; panic, which ends every wait; contexts. Participants are threads over
 * one mapping; who waits always parks, unless said.
 */
#include <pthread.h>
#include "rig.h"

#define COUNTER AETHER_INOS_IDX_SENSOR_EPOCH
#define OTHER AETHER_INOS_IDX_ACTOR_EPOCH
#define TURNS (RIG_SLOW ? 1000 : 5000)
#define CROWD 8
#define HANG (60 * SECOND)

static struct aether_plane *plane;

static void begin(const char *layout)
{
	struct aether_plane_options options = { .layout = layout,
						.strides = 8,
						.participants = 16 };
	struct aether_error error = { .code = 0 };

	plane = NULL;
	if (aether_plane_create(NULL, &options, &error, &plane) < 0)
		printf("# %s\n", error.text);
	need(plane);
}

static void finish(void)
{
	need(aether_plane_detach(plane) == 0);
}

static struct aether_participant *join(uint64_t spin)
{
	struct aether_participant_options options = { .spin = spin };

	return rig_join_with(plane, &options);
}

static uint32_t value_of(uint64_t epoch)
{
	uint32_t value = 0;

	need(aether_epoch_load(plane, epoch, &value) == 0);
	return value;
}

static uint64_t hang(void)
{
	return aether_clock_after(HANG);
}

/* Bits of all sets of those who wait. */
static uint64_t announced(void)
{
	uint64_t all = 0;

	for (uint32_t i = 0; i < AETHER_EPOCHS; i++)
		all |= ae_load64_relaxed(&plane->epochs[i].waiters) |
		       ae_load64_relaxed(&plane->epochs[i].bells);
	return all;
}

static int all_are_zero(void)
{
	for (uint64_t i = 0; i < AETHER_EPOCHS; i++)
		if (ae_load32_relaxed(ae_epoch_word(plane, (uint32_t)i)))
			return 0;
	return !announced();
}

static void refused_names(void)
{
	struct aether_participant *me = join(1);
	uint64_t epoch = 77;
	uint32_t value = 77;

	is_int(aether_epoch_find(plane, AETHER_EPOCHS, &epoch), AETHER_EINDEX,
	       "find: the index 256");
	is_int(aether_epoch_load(plane, AETHER_EPOCHS, &value), AETHER_EINDEX,
	       "load: the index 256");
	is_int(aether_epoch_load(plane, UINT64_MAX, &value), AETHER_EINDEX,
	       "load: a name that is none");
	is_int(aether_epoch_signal(me, AETHER_EPOCHS + COUNTER), AETHER_EINDEX,
	       "signal: a name with a stray bit");
	is_int(aether_epoch_set(me, AETHER_EPOCH_MAKE(14, 1), 1), AETHER_EINDEX,
	       "set: a fixed epoch with a generation");
	is_int(aether_epoch_wait(me, AETHER_EPOCHS, 0, 0, &value),
	       AETHER_EINDEX, "wait: the index 256");
	is_int(aether_epoch_find(plane, 40, &epoch), AETHER_EFREED,
	       "find: an epoch of the pool that nobody owns");
	is_int(aether_epoch_signal(me, 40), AETHER_EFREED,
	       "signal: the same, by its index");
	ok(epoch == 77 && value == 77 && all_are_zero(), "nothing changed");
	is_int(aether_epoch_find(plane, 255, &epoch), 0, "find: the index 255");
	ok(epoch == 255, "its name is its index");
	aether_participant_leave(me);
}

static void refused_kinds(void)
{
	struct aether_participant *me = join(1);

	is_int(aether_epoch_signal(me, AETHER_INOS_IDX_KERNEL_READY),
	       AETHER_EKIND, "signal: a flag");
	is_int(aether_epoch_signal(me, AETHER_INOS_IDX_PANIC_STATE),
	       AETHER_EKIND, "signal: the panic state");
	is_int(aether_epoch_signal(me, AETHER_INOS_IDX_BIRD_COUNT),
	       AETHER_EKIND, "signal: a gauge");
	is_int(aether_epoch_signal(me, AETHER_INOS_IDX_OUTBOX_MUTEX),
	       AETHER_EKIND, "signal: a lock");
	is_int(aether_epoch_set(me, AETHER_INOS_IDX_OUTBOX_MUTEX, 1),
	       AETHER_EKIND, "set: a lock");
	is_int(aether_epoch_set(me, COUNTER, 1), AETHER_EKIND,
	       "set: a counter");
	ok(all_are_zero(), "nothing changed");
	is_int(aether_epoch_set(me, AETHER_INOS_IDX_KERNEL_READY, 1), 0,
	       "set: a flag");
	is_int(aether_epoch_set(me, 200, 5), 0, "set: one without a name");
	is_int(aether_epoch_signal(me, 200), 0, "signal: the same");
	is_int(value_of(200), 6, "it was set, and rose");
	aether_epoch_set(me, 200, 0);
	aether_epoch_set(me, AETHER_INOS_IDX_KERNEL_READY, 0);
	aether_participant_leave(me);
}

static void refused_waits(void)
{
	struct aether_epoch_watch many[AETHER_EPOCHS_WAITED_MAX + 1];
	struct aether_participant *me = join(1);
	uint32_t value = 77, which = 77;

	for (uint32_t i = 0; i <= AETHER_EPOCHS_WAITED_MAX; i++)
		many[i] = (struct aether_epoch_watch) { 128 + i, 0, 0 };
	is_int(aether_epoch_wait_any(me, many, 0, 0, &which), AETHER_EINVAL,
	       "a wait on no epoch");
	is_int(aether_epoch_wait_any(me, many, AETHER_EPOCHS_WAITED_MAX + 1, 0,
				     &which),
	       AETHER_EMANY, "a wait on 65 epochs");
	is_int(aether_epoch_wait_any(me, many, AETHER_EPOCHS_WAITED_MAX, 0,
				     &which),
	       AETHER_ETIMEDOUT, "a wait on 64 epochs whose deadline is over");
	many[63].epoch = AETHER_EPOCHS;
	is_int(aether_epoch_wait_any(me, many, AETHER_EPOCHS_WAITED_MAX, hang(),
				     &which),
	       AETHER_EINDEX, "one of them is none");
	is_int(aether_epoch_wait(me, COUNTER, 0, aether_clock_after(MS),
				 &value),
	       AETHER_ETIMEDOUT, "a wait with a deadline ends");
	ok(value == 77 && which == 77 && all_are_zero(), "nothing changed");
	aether_participant_leave(me);
}

static void values(void)
{
	struct aether_participant *me = join(1);
	struct aether_epoch_watch two[2] = { { 200, 5, 0 }, { 201, 1, 0 } };
	uint32_t value = 0, which = 7;

	is_int(aether_epoch_wait(me, COUNTER, 1, hang(), &value), 0,
	       "another value is not waited for");
	is_int(value, 0, "and is told");
	aether_epoch_set(me, 200, UINT32_MAX);
	aether_epoch_signal(me, 200);
	is_int(value_of(200), 0, "a signal of 2^32 - 1 makes it 0");
	is_int(aether_epoch_wait(me, 200, UINT32_MAX, hang(), &value), 0,
	       "which differs from what was seen, and is less");
	is_int(value, 0, "0 is told");
	aether_epoch_set(me, 200, 5);
	is_int(aether_epoch_wait_any(me, two, 2, hang(), &which), 0,
	       "the second of two differs");
	ok(which == 1 && two[0].value == 5 && two[1].value == 0,
	   "which it is, and both values");
	aether_epoch_set(me, 200, 0);
	ok(all_are_zero(), "nobody is announced any more");
	aether_participant_leave(me);
}

/* A thread that waits for something of its own. */
struct waiter {
	pthread_t thread;
	struct aether_participant *me;
	int (*wait)(struct aether_participant *me);
	int err;
};

static void *wait_once(void *argument)
{
	struct waiter *w = argument;

	w->err = w->wait(w->me);
	return NULL;
}

/* Until it has announced itself, or more: a wake from then on must do. */
static void start_waiter(struct waiter *w, uint64_t spin)
{
	w->me = join(spin);
	need(pthread_create(&w->thread, NULL, wait_once, w) == 0);
	while (spin == 1 && !ae_load64_relaxed(&w->me->seat->waits))
		rig_sleep(MS / 10);
}

static int end_waiter(struct waiter *w)
{
	pthread_join(w->thread, NULL);
	aether_participant_leave(w->me);
	return w->err;
}

static int wait_counter(struct aether_participant *me)
{
	uint32_t value = 0;
	int err = aether_epoch_wait(me, COUNTER, value_of(COUNTER), hang(),
				    &value);

	return err;
}

static int wait_flag(struct aether_participant *me)
{
	uint32_t value = 0;

	return aether_epoch_wait(me, AETHER_INOS_IDX_KERNEL_READY, 0, hang(),
				 &value);
}

static int wait_several(struct aether_participant *me)
{
	struct aether_epoch_watch w[3] = { { COUNTER, value_of(COUNTER), 0 },
					   { OTHER, value_of(OTHER), 0 },
					   { 255, value_of(255), 0 } };
	uint32_t which = 0;

	return aether_epoch_wait_any(me, w, 3, hang(), &which);
}

static void all_are_woken(void)
{
	struct aether_participant *me = join(1);
	struct waiter waiters[CROWD] = { { 0 } };
	int good = 0;

	for (int i = 0; i < CROWD; i++) {
		waiters[i].wait = i % 4 == 3 ? wait_several : wait_counter;
		start_waiter(&waiters[i], 1);
	}
	is_int(aether_epoch_signal(me, COUNTER), 0, "a signal to %d", CROWD);
	for (int i = 0; i < CROWD; i++)
		good += end_waiter(&waiters[i]) == 0;
	is_int(good, CROWD, "all of them are awake");
	ok(!announced(), "and nobody is announced any more");
	aether_participant_leave(me);
}

static void each_wakes(const char *what, uint64_t epoch)
{
	struct aether_participant *me = join(1);
	struct waiter w = { .wait = wait_several };

	start_waiter(&w, 1);
	aether_epoch_signal(me, epoch);
	is_int(end_waiter(&w), 0, "a wait on three: %s is signalled", what);
	aether_participant_leave(me);
}

static void a_flag(void)
{
	struct aether_participant *me = join(1);
	struct waiter w = { .wait = wait_flag };

	start_waiter(&w, 1);
	aether_epoch_set(me, AETHER_INOS_IDX_KERNEL_READY, 1);
	is_int(end_waiter(&w), 0, "a wait for ready ends when that is set");
	aether_epoch_set(me, AETHER_INOS_IDX_KERNEL_READY, 0);
	aether_participant_leave(me);
}

/* Two who take turns: each signals his and waits for the other's. */
struct player {
	pthread_t thread;
	uint64_t mine, others;
	uint64_t spin;
	int several;
	int bad;
};

static int await(struct aether_participant *me, struct player *p, uint32_t seen)
{
	struct aether_epoch_watch w[2] = { { 255, value_of(255), 0 },
					   { p->others, seen, 0 } };
	uint32_t value = 0, which = 0;

	if (!p->several)
		return aether_epoch_wait(me, p->others, seen, hang(), &value);
	return aether_epoch_wait_any(me, w, 2, hang(), &which);
}

static void *play(void *argument)
{
	struct player *p = argument;
	struct aether_participant *me = join(p->spin);

	for (uint32_t i = 0; i < TURNS && !p->bad; i++) {
		p->bad |= aether_epoch_signal(me, p->mine);
		p->bad |= await(me, p, i);
	}
	aether_participant_leave(me);
	return NULL;
}

static void turns(uint64_t first, uint64_t second, uint64_t spin, int several,
		  const char *what)
{
	struct player players[2] = {
		{ .mine = first, .others = second, .spin = spin },
		{ .mine = second,
		  .others = first,
		  .spin = spin,
		  .several = several }
	};

	for (int i = 0; i < 2; i++)
		need(pthread_create(&players[i].thread, NULL, play,
				    &players[i]) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(players[i].thread, NULL);
	ok(!players[0].bad && !players[1].bad, "%s: %d turns without a stall",
	   what, TURNS);
	ok(value_of(first) == TURNS && value_of(second) == TURNS,
	   "%s: each counter rose so often", what);
}

static void *signal_often(void *argument)
{
	struct aether_participant *me = join(1);

	for (int i = 0; i < TURNS; i++)
		aether_epoch_signal(me, COUNTER);
	aether_participant_leave(me);
	return argument;
}

static void no_signal_is_lost(void)
{
	uint32_t before = value_of(COUNTER);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		need(pthread_create(&threads[i], NULL, signal_often, NULL) ==
		     0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	is_int(value_of(COUNTER) - before, 4 * TURNS,
	       "four signal at once: none is lost");
}

static int wait_mail(struct aether_participant *me)
{
	uint64_t handle = 0;

	return aether_route_take_until(me, hang(), &handle);
}

static int wait_space(struct aether_participant *me)
{
	uint64_t handle = 0;

	return aether_stride_reserve_until(me, hang(), &handle);
}

/* All strides of the plane, to somebody else. */
static void take_all(struct aether_participant *me)
{
	uint64_t handle = 0;

	while (aether_stride_reserve(me, &handle) == 0)
		;
}

static void panic(uint64_t spin, const char *how)
{
	static int (*const waits[])(struct aether_participant *) = {
		wait_counter, wait_several, wait_flag, wait_mail, wait_space
	};
	const int count = sizeof(waits) / sizeof(waits[0]);
	struct aether_participant *me = join(1);
	struct waiter waiters[8] = { { 0 } };
	uint32_t code = 0;
	int good = 0;

	take_all(me);
	for (int i = 0; i < count; i++) {
		waiters[i].wait = waits[i];
		start_waiter(&waiters[i], spin);
	}
	ok(!aether_epoch_in_panic(plane, &code), "%s: no panic", how);
	is_int(aether_epoch_panic(me, 13), 0, "%s: panic", how);
	for (int i = 0; i < count; i++)
		good += end_waiter(&waiters[i]) == AETHER_EPANIC;
	is_int(good, count, "%s: waits for epochs, mail, space end", how);
	ok(aether_epoch_in_panic(plane, &code) && code == 13,
	   "%s: it has its "
	   "code",
	   how);
	is_int(wait_mail(me), AETHER_EPANIC, "%s: and none begins", how);
	is_int(aether_epoch_signal(me, COUNTER), 0, "%s: signals go on", how);
	is_int(aether_epoch_calm(me), 0, "%s: it ends", how);
	ok(!aether_epoch_in_panic(plane, NULL), "%s: it has ended", how);
	aether_participant_leave(me);
}

static void panic_calls(void)
{
	struct aether_participant *me = join(1);
	uint32_t value = 0;

	is_int(aether_epoch_panic(me, 0), AETHER_EINVAL,
	       "a panic without a "
	       "code");
	is_int(aether_epoch_set(me, AETHER_IDX_PANIC_STATE, 3), 0,
	       "to set the word is a panic");
	is_int(aether_epoch_wait(me, AETHER_IDX_PANIC_STATE, 0, hang(), &value),
	       0, "who waits for a panic gets it");
	is_int(value, 3, "with its code");
	is_int(aether_epoch_wait(me, COUNTER, value_of(COUNTER), 0, &value),
	       AETHER_EPANIC, "all other waits end");
	is_int(aether_epoch_wait(me, COUNTER, value_of(COUNTER) + 1, 0, &value),
	       0, "but not one that finds something");
	aether_epoch_calm(me);
	aether_participant_leave(me);
}

static void contexts(void)
{
	struct aether_participant *early = join(1), *host = join(1);
	struct aether_participant *late;
	struct waiter w = { .wait = wait_several };
	uint32_t first = aether_context_hash("abc"), value = 0;
	uint64_t epoch = 77;

	is_int(first, ('a' * 31 + 'b') * 31 + 'c', "the hash of a text");
	ok(aether_context_hash("") != 0, "is never 0");
	is_int(aether_context_begin(host, 0), AETHER_EINVAL, "nor may one be");
	is_int(aether_context_check(early), 0, "no boot: all belong to it");
	is_int(aether_context_begin(host, first), 0, "a boot begins");
	is_int(aether_context_check(early), 0, "who was there belongs to it");
	start_waiter(&w, 1);
	aether_context_begin(host, first + 1);
	is_int(end_waiter(&w), AETHER_ECONTEXT, "the next one: waits end");
	late = join(1);
	is_int(aether_epoch_signal(early, COUNTER), AETHER_ECONTEXT,
	       "a signal of the earlier boot's");
	is_int(aether_epoch_set(early, 14, 1), AETHER_ECONTEXT, "a set");
	is_int(aether_epoch_wait(early, COUNTER, 99, 0, &value),
	       AETHER_ECONTEXT, "a wait");
	is_int(aether_epoch_allocate(early, &epoch), AETHER_ECONTEXT,
	       "an allocation");
	is_int(aether_epoch_panic(early, 1), AETHER_ECONTEXT, "a panic");
	ok(epoch == 77 && !aether_epoch_in_panic(plane, NULL) &&
		   value_of(14) == 0,
	   "nothing changed");
	is_int(aether_epoch_signal(late, COUNTER), 0, "a newcomer's signal");
	is_int(aether_epoch_signal(host, COUNTER), 0, "the host's");
	aether_participant_leave(early);
	aether_participant_leave(late);
	aether_participant_leave(host);
}

/* What others wrote over the records harms nobody. */
static void forged(void)
{
	struct aether_participant *me = join(1);
	struct waiter w = { .wait = wait_counter };

	for (uint32_t i = 0; i < AETHER_EPOCHS; i++) {
		ae_or64_seq_cst(&plane->epochs[i].waiters, UINT64_MAX);
		ae_or64_seq_cst(&plane->epochs[i].bells, UINT64_MAX);
	}
	is_int(aether_epoch_signal(me, COUNTER), 0, "forged sets: a signal");
	ok(!ae_load64_relaxed(&plane->epochs[COUNTER].waiters) &&
		   !ae_load64_relaxed(&plane->epochs[COUNTER].bells),
	   "takes them once");
	ae_store32_seq_cst(&me->seat->epoch, UINT32_MAX);
	start_waiter(&w, 1);
	aether_epoch_panic(me, 1);
	is_int(end_waiter(&w), AETHER_EPANIC,
	       "a forged place to park: everybody is rung");
	aether_epoch_calm(me);
	aether_participant_leave(me);
}

static void tests(void)
{
	begin("inos");
	refused_names();
	refused_kinds();
	refused_waits();
	values();
	all_are_woken();
	each_wakes("the first", COUNTER);
	each_wakes("the last", 255);
	a_flag();
	no_signal_is_lost();
	panic_calls();
	forged();
	contexts();
	finish();

	begin("inos");
	turns(COUNTER, OTHER, 1, 0, "on their own words");
	turns(202, 201, 1, 1, "one on its doorbell");
	finish();

	begin("lean");
	turns(200, 201, 20000, 0, "spinning");
	panic(1, "parked");
	panic(AETHER_FOREVER, "spinning");
	finish();
}

int main(void)
{
	return rig_run(tests);
}
