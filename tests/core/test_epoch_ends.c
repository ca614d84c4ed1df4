/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ends waits but a change: panic, whatever is waited for; a boot that is
 * not mine. And what was written over the records of epochs.
 */
#include "epochs.h"

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
	ok(!ae_load64_relaxed(&plane->epochs[COUNTER].bells),
	   "rings each once");
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
	panic_calls();
	forged();
	contexts();
	finish();

	begin("lean");
	panic(1, "parked");
	panic(AETHER_FOREVER, "spinning");
	finish();
}

int main(void)
{
	return rig_run(tests);
}
