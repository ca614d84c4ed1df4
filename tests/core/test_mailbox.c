/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes: many laps of their places, senders that lag, senders stopped
 * between entry and commit, boxes full of old entries, boxes and heads full of
 * garbage. Entries are written by hand through the private headers.
 */
#include "pair.h"

#define STRIDES 8 /* and so 8 places */

static uint64_t take(struct aether_participant *who)
{
	uint64_t handle = 0;

	return aether_route_take(who, &handle) == 0 ? handle : 0;
}

static void laps(void)
{
	int good = 1;

	begin(STRIDES);
	is_int(plane->geometry.places, STRIDES, "as many places as strides");
	for (int i = 0; i < 20000 && good; i++) {
		uint64_t a = rig_reserve(me);
		uint64_t b = rig_reserve(me);

		good &= aether_route(me, a, to) == 0;
		good &= aether_route(me, b, to) == 0;
		good &= take(you) == a && take(you) == b;
		aether_stride_release(you, a);
		aether_stride_release(you, b);
	}
	ok(good, "5000 laps of the box");
	ok(you->head == 40000, "the head has counted them");
	end("laps");
}

/* One who sends once in `every` turns, while another fills laps. */
static void lagging(int every)
{
	struct aether_participant *slow;
	int good = 1;

	begin(STRIDES);
	slow = rig_join(plane);
	for (int i = 0; i < 4000 && good; i++) {
		struct aether_participant *who = i % every ? me : slow;
		uint64_t a = rig_reserve(who);
		uint64_t b = rig_reserve(me);

		good &= aether_route(who, a, to) == 0;
		good &= aether_route(me, b, to) == 0;
		good &= take(you) == a && take(you) == b;
		aether_stride_release(you, a);
		aether_stride_release(you, b);
	}
	ok(good, "one sends once in %d turns: never lost, never behind", every);
	aether_participant_leave(slow);
	end("lagging");
}

/* Many take turns at being receiver of a slot. */
static void tenants(void)
{
	uint64_t seed = 11;
	int good = 1;

	begin(STRIDES);
	for (int i = 0; i < 500 && good; i++) {
		uint64_t n = rig_random(&seed) % (STRIDES + 1);
		uint64_t k = n ? rig_random(&seed) % n : 0;

		for (uint64_t j = 0; j < n; j++)
			good &= aether_route(me, rig_reserve(me), to) == 0;
		for (uint64_t j = 0; j < k; j++)
			good &= aether_stride_release(you, take(you)) == 0;
		aether_participant_leave(you);
		good &= rig_count(plane, AETHER_STATE_DORMANT) == STRIDES;
		you = rig_join(plane);
		to = aether_participant_tenancy(you);
		good &= take(you) == 0;
	}
	ok(good, "500 tenants of a slot: the mail of one reaches no other");
	end("tenants");
}

/* R2 by hand: what a sender stopped between entry and commit has done. */
static void enter(struct aether_participant *who, uint64_t handle)
{
	struct ae_sender sender = { .to = to };

	sender.cursor = ae_load64_relaxed(&you->seat->head);
	need(ae_mailbox_enter(who->plane, you->slot, handle, &sender.cursor) ==
	     0);
}

/* R3 by hand. */
static void commit(struct aether_participant *who, uint64_t handle)
{
	uint64_t generation = ae_word_generation(
		AETHER_HANDLE_GENERATION(handle));
	struct aether_lease_seg *lease =
		&plane->leases[AETHER_HANDLE_STRIDE(handle)];

	need(ae_cas64_seq_cst(&lease->word, who->mine | generation,
			      you->routed | generation) ==
	     (who->mine | generation));
	who->held--;
}

static void stopped(void)
{
	struct aether_participant *other;
	uint64_t early, late, more, handle;

	begin(STRIDES);
	other = rig_join(plane);
	late = rig_reserve(me);
	early = rig_reserve(other);
	enter(me, late);
	is_int(aether_route_take(you, &handle), AETHER_EEMPTY,
	       "an entry without a commit is no mail");
	need(aether_route(other, early, to) == 0);
	ok(take(you) == early, "nobody waits for a stopped sender");
	is_int(aether_route_take(you, &handle), AETHER_EEMPTY, "no more yet");
	more = rig_reserve(other);
	need(aether_route(other, more, to) == 0);
	commit(me, late);
	ok(take(you) == late, "once committed, the late one comes first");
	ok(take(you) == more, "then the one behind it");
	is_int(you->lates, 0, "nothing is remembered any more");
	aether_participant_leave(other);
	end("stopped");
}

/* All strides late at once, committed in another order, and some never. */
static void stopped_all(void)
{
	uint64_t handles[STRIDES], handle;
	int good = 1;

	begin(STRIDES);
	for (int i = 0; i < STRIDES; i++) {
		handles[i] = rig_reserve(me);
		enter(me, handles[i]);
	}
	is_int(aether_route_take(you, &handle), AETHER_EEMPTY, "eight entries");
	is_int(you->lates, STRIDES, "all late");
	for (int i = STRIDES - 1; i > 1; i -= 2) {
		commit(me, handles[i]);
		good &= take(you) == handles[i];
	}
	ok(good, "each is taken when it is committed");
	for (int i = 0; i < STRIDES; i += 2)
		need(aether_stride_release(me, handles[i]) == 0);
	is_int(aether_route_take(you, &handle), AETHER_EEMPTY,
	       "those that were released instead are dropped");
	is_int(you->lates, 1, "one is still late");
	end("stopped, all");
}

/* Entries of withdrawn leases stay in the box until its owner comes by. */
static void fill_with_old(void)
{
	need(aether_route_set(me, to, 1, AETHER_POLICY_DROP_OLDEST) == 0);
	for (uint32_t i = 0; i < plane->geometry.places; i++)
		need(aether_route(me, rig_reserve(me), to) == 0);
	need(aether_route_set(me, to, 0, AETHER_POLICY_BLOCK) == 0);
}

static void box_full(void)
{
	uint64_t handle, first;

	begin(STRIDES);
	fill_with_old();
	handle = rig_reserve(me);
	is_int(aether_route(me, handle, to), AETHER_EBOX, "the box is full");
	is_int(me->counts.full, 1, "counted as full");
	is_int(aether_route_until(me, handle, to, aether_clock_after(5 * MS)),
	       AETHER_ETIMEDOUT, "waiting does not help");
	is_int(aether_participant_held(me), 1, "the lease is still mine");
	is_int(aether_stride_describe(me, handle, 1, 0, 0), 0, "I can use it");
	first = take(you);
	ok(first != 0 && first != handle, "the last one routed is taken");
	is_int(aether_route(me, handle, to), 0, "then there is room");
	ok(take(you) == handle, "and it arrives");
	end("box full");
}

/* DROP_OLDEST at a full box: "after any error the state is as before". */
static void box_full_dropping(void)
{
	uint64_t handle;
	int routed;

	begin(STRIDES);
	need(aether_route_set(me, to, 1, AETHER_POLICY_DROP_OLDEST) == 0);
	for (uint32_t i = 0; i < plane->geometry.places; i++)
		need(aether_route(me, rig_reserve(me), to) == 0);
	handle = rig_reserve(me);
	is_int(aether_route(me, handle, to), AETHER_EBOX, "EBOX");
	routed = rig_count(plane, AETHER_STATE_ROUTED);
	is_int(routed, 1,
	       "CONTRACT error.h: EBOX has not withdrawn the last "
	       "one that was on its way");
	end("box full, dropping");
}

static int old_entries_waiter(void *argument)
{
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *him = rig_join(again);
	uint64_t handle = rig_reserve(him);
	int err;

	rig_tell(argument, 1);
	err = aether_route_until(him, handle, to, aether_clock_after(RIG_HANG));
	aether_participant_leave(him);
	return -err;
}

/* Ends what fill_with_old left alive, as its withdrawal would. */
static void withdraw_last(void)
{
	for (uint32_t i = 0; i < STRIDES; i++) {
		struct aether_lease_seg *lease = &plane->leases[i];
		uint64_t word = ae_load64_relaxed(&lease->word);
		uint64_t mine = me->mine | (word & AE_GENERATION);

		if (AETHER_LEASE_STATE(word) != AETHER_STATE_ROUTED)
			continue;
		ae_store64_relaxed(&lease->word, mine);
		me->held++;
		ae_lease_end(me, i, mine);
	}
}

/* The box is full of old entries only; its owner looks, finds nothing, waits.
 * Whoever waits for a place must hear that there are places now. */
static void box_drained(void)
{
	struct aether_word64 *joined = rig_shared(64);
	uint64_t handle = 0;
	pid_t pid;

	begin(STRIDES);
	fill_with_old();
	withdraw_last();
	pid = rig_fork(old_entries_waiter, joined);
	rig_await(joined, 1);
	rig_sleep(50 * MS);
	is_int(aether_route_take_until(you, aether_clock_after(RIG_HANG),
				       &handle),
	       0, "a box drained of old entries wakes who waits for a place");
	is_int(rig_wait(pid), 0, "and that one has routed");
	end("box drained");
}

static int dropping_sender(void *argument)
{
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *him = rig_join(again);
	int err = aether_route_set(him, to, 1, AETHER_POLICY_DROP_OLDEST);

	for (uint32_t i = 0; i < 3 * again->geometry.places && err >= 0; i++) {
		rig_tell(argument, i);
		err = aether_route_until(him, rig_reserve(him), to,
					 aether_clock_after(RIG_HANG));
	}
	rig_tell(argument, UINT64_MAX);
	aether_participant_leave(him);
	return -err;
}

/* The same by public calls alone: a sender that drops its oldest, a receiver
 * that comes late, and takes until the sender is done and nothing is left. */
static void box_drained_dropping(void)
{
	struct aether_word64 *ready = rig_shared(64);
	uint64_t handle, done;
	pid_t pid;
	int err, n = 0;

	begin(STRIDES);
	pid = rig_fork(dropping_sender, ready);
	rig_await(ready, plane->geometry.places);
	rig_sleep(50 * MS);
	do {
		done = rig_told(ready) == UINT64_MAX;
		err = aether_route_take_until(you, aether_clock_after(100 * MS),
					      &handle);
		if (err == 0)
			aether_stride_release(you, handle);
		n += err == 0;
	} while (err == 0 || !done);
	ok(n > 0, "a sender that drops its oldest and a late receiver meet");
	is_int(rig_wait(pid), 0, "and the sender has routed all");
	end("box drained, dropping");
}

/* Time of one take in the worst box we can think of. */
static uint64_t garbage_once(uint32_t strides, int kind)
{
	uint64_t seed = (uint64_t)kind + 5, handle, start, slowest = 0;
	int strange = 0;

	begin(strides);
	handle = rig_reserve(me);
	for (uint32_t i = 0; i < plane->geometry.places; i++) {
		uint64_t random = rig_random(&seed);

		if (kind == 1) /* full, of a lap that is soon */
			random = AETHER_PLACE_MAKE(1, random, 0, i % 1024);
		if (kind == 2) /* full, all of them, now */
			random = AETHER_PLACE_MAKE(1, i, 0, 0);
		ae_store64_relaxed(&you->box[i], random);
	}
	ae_store64_relaxed(&you->seat->head, rig_random(&seed));
	for (int i = 0; i < 2000; i++) {
		uint64_t got;
		int err;

		start = aether_clock_now();
		err = aether_route_take(you, &got);
		strange += err != 0 && err != AETHER_EEMPTY;
		err = aether_route(me, handle, to);
		strange += err != 0 && err != AETHER_EBOX &&
			   err != AETHER_EOWNER;
		start = aether_clock_now() - start;
		slowest = start > slowest ? start : slowest;
	}
	is_int(strange, 0, "%u strides, garbage %d: only known answers",
	       strides, kind);
	aether_participant_leave(you);
	you = rig_join(plane);
	ok(take(you) == 0, "a new tenant settles in all the same");
	end("garbage");
	return slowest;
}

/* The same numbers each time: what is slow is so again, who was stopped not. */
static void garbage(uint32_t strides, int kind)
{
	uint64_t limit = (RIG_SLOW ? 2000 : 200) * MS;
	uint64_t slowest = garbage_once(strides, kind);

	for (int i = 1; slowest >= limit && i < RIG_TRIES; i++)
		slowest = garbage_once(strides, kind);
	ok(slowest < limit, "bounded time (%llu us)",
	   (unsigned long long)slowest / 1000);
}

static void tests(void)
{
	laps();
	lagging(50);
	lagging(777);
	tenants();
	stopped();
	stopped_all();
	box_full();
	box_full_dropping();
	box_drained();
	box_drained_dropping();
	for (int kind = 0; kind < 3; kind++) {
		garbage(8, kind);
		garbage(1024, kind);
	}
}

int main(void)
{
	return rig_run(tests);
}
