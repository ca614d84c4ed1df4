/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epochs: names and kinds, signals that wake one, several, all; values that
 * wrap. Participants are threads over one mapping; who waits always parks,
 * unless said.
 */
#include "epochs.h"

#define TURNS (RIG_SLOW ? 1000 : 5000)
#define CROWD 8

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
	finish();

	begin("inos");
	turns(COUNTER, OTHER, 1, 0, "on their own words");
	turns(202, 201, 1, 1, "one on its doorbell");
	finish();

	begin("lean");
	turns(200, 201, 20000, 0, "spinning");
	finish();
}

int main(void)
{
	return rig_run(tests);
}
