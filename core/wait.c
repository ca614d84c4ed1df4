/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting: spin for a bounded time, then park on one's own doorbell. Whoever
 * changes something looks, after the change, whether somebody announced that
 * he waits for it, and rings his doorbell; whoever waits announces first and
 * then looks again. Both are sequentially consistent, so one of the two sees
 * the other (model/wake.pml; steps K and R6, R7 of PROTOCOL.md).
 */
#include "ae_base.h"
#include "ae_host.h"

/* Looks at the clock once in so many turns of a spin. */
#define SPIN_TURNS 32

/* ns between two looks at a full mailbox. */
#define BOX_LOOK 1000000

/* A spin that was in vain is followed by 1, 3, then 7 waits without one. */
#define SPIN_REST_BITS 3

/* ns that a wake takes at most where nothing is in its way: a park that was no
 * longer than that and a spin may have been for nothing. */
#define WAKE_TIME 50000

/* ns between two looks for the dead, where no watch does it. */
#define DEATH_LOOK 100000000

static int must_wait(int err)
{
	return err == AETHER_EFULL || err == AETHER_EEMPTY ||
	       err == AETHER_EDEPTH || err == AETHER_EBOX;
}

void ae_wait_ring(const struct aether_plane *plane, uint32_t slot)
{
	struct aether_word32 *doorbell;

	if (slot >= plane->geometry.participants)
		return;
	doorbell = &plane->seats[slot].doorbell;
	/* release: what he waits for is there. pairs: acquire in park,
	 * acquire in tell_panic */
	ae_add32_release(doorbell, 1);
	ae_host_wake(doorbell);
}

void ae_wait_ring_mail(const struct aether_plane *plane, uint32_t slot)
{
	/* seq_cst: R6, after the commit. pairs: seq_cst in announce */
	if (ae_load32_seq_cst(&plane->seats[slot].parked))
		ae_wait_ring(plane, slot);
}

/* Takes the set and rings those in it: who still waits announces himself anew,
 * and a waiter that died is rung once and not for ever. */
void ae_wait_ring_set(const struct aether_plane *plane,
		      struct aether_word64 *waiters)
{
	/* seq_cst: after the change that they wait for.
	 * pairs: seq_cst in announce, seq_cst in ae_epoch_announce */
	uint64_t set = ae_load64_seq_cst(waiters);

	if (!set)
		return;
	/* seq_cst: who announces after this looks after the change.
	 * pairs: seq_cst in announce */
	set = ae_xchg64_seq_cst(waiters, 0);
	while (set) {
		ae_wait_ring(plane, (uint32_t)__builtin_ctzll(set));
		set &= set - 1;
	}
}

/*
 * Who died may have taken a set of waiters and not rung them yet, or have
 * changed something and not rung for it: so everybody is rung, and looks. A
 * panic, too, is everybody's.
 */
void ae_wait_ring_all(const struct aether_plane *plane)
{
	for (uint32_t i = 0; i < plane->geometry.participants; i++) {
		/* relaxed: who joins later has not waited yet. */
		uint64_t word = ae_load64_relaxed(&plane->seats[i].seat);

		if (AETHER_SEAT_STATE(word) != AETHER_SEAT_ACTIVE)
			continue;
		ae_wait_ring(plane, i);
		ae_epoch_ring_parked(plane, i);
	}
}

void aether_wake_pay(struct aether_participant *me)
{
	uint64_t slots = me->wakes_mail;

	me->wakes_mail = 0;
	me->wakes_calls = 0;
	while (slots) {
		ae_wait_ring_mail(me->plane, (uint32_t)__builtin_ctzll(slots));
		slots &= slots - 1;
	}
	if (me->wakes_room)
		ae_wait_ring_set(me->plane, &me->seat->drain_waiters);
	if (me->wakes_space)
		ae_wait_ring_set(me->plane, &me->plane->header->space_waiters);
	me->wakes_room = me->wakes_space = 0;
}

void aether_wake_defer(struct aether_participant *me, uint32_t limit)
{
	aether_wake_pay(me);
	me->wakes_limit = limit > 1 ? limit : 0;
}

/* One call more owes a ring. */
static void owe(struct aether_participant *me)
{
	if (++me->wakes_calls >= me->wakes_limit)
		aether_wake_pay(me);
}

/* A call that does not wait found nothing. Who calls again and again may wait
 * for the answer of one whom he owes a wake: so that counts as well. */
void ae_wait_in_vain(struct aether_participant *me)
{
	if (me->wakes_calls)
		owe(me);
}

void ae_wait_owe_mail(struct aether_participant *me, uint32_t slot)
{
	if (!me->wakes_limit) {
		ae_wait_ring_mail(me->plane, slot);
		return;
	}
	me->wakes_mail |= UINT64_C(1) << slot;
	owe(me);
}

void ae_wait_ring_space(struct aether_participant *me)
{
	if (!me->wakes_limit) {
		ae_wait_ring_set(me->plane, &me->plane->header->space_waiters);
		return;
	}
	me->wakes_space = 1;
	owe(me);
}

void ae_wait_owe_room(struct aether_participant *me)
{
	if (!me->wakes_limit) {
		ae_wait_ring_set(me->plane, &me->seat->drain_waiters);
		return;
	}
	me->wakes_room = 1;
	owe(me);
}

static void announce(struct aether_participant *me, const struct ae_wait *wait)
{
	if (wait->watches) {
		ae_epoch_announce(me, wait);
		return;
	}
	/* seq_cst: K2, before looking again. pairs: seq_cst in
	 * ae_wait_ring_mail, seq_cst in ae_wait_ring_set, seq_cst in
	 * ae_wait_owe_space */
	if (wait->waiters)
		ae_or64_seq_cst(wait->waiters, UINT64_C(1) << me->slot);
	else
		ae_store32_seq_cst(&me->seat->parked, 1);
}

static void renounce(struct aether_participant *me, const struct ae_wait *wait)
{
	if (wait->watches) {
		ae_epoch_renounce(me, wait);
		return;
	}
	/* relaxed: a late ring costs a turn of the loop. */
	if (wait->waiters)
		ae_and64_relaxed(wait->waiters, ~(UINT64_C(1) << me->slot));
	else
		ae_store32_relaxed(&me->seat->parked, 0);
}

/* `err`, or AETHER_EPANIC where one would have to wait in a panic. */
static int or_panic(const struct aether_participant *me, int err)
{
	if (ae_plane_lost(me->plane))
		return AETHER_ECORRUPT;
	/* seq_cst: K3, after I announced myself. pairs: seq_cst in
	 * aether_epoch_panic */
	if (must_wait(err) &&
	    ae_load32_seq_cst(ae_epoch_word(me->plane, AETHER_IDX_PANIC_STATE)))
		return AETHER_EPANIC;
	return err;
}

static int attempt(struct aether_participant *me, const struct ae_wait *wait)
{
	return or_panic(me, wait->attempt(me, wait->what));
}

/* On what it parks: my doorbell, or the word of the epoch that it waits for,
 * while that is what I have seen. */
static int lie_down(struct aether_participant *me, const struct ae_wait *wait,
		    uint32_t bell, uint64_t until)
{
	uint32_t index;

	if (!wait->own_word)
		return ae_host_park(&me->seat->doorbell, bell, until);
	index = (uint32_t)AETHER_EPOCH_INDEX(wait->watches->epoch);
	return ae_host_park(ae_epoch_word(me->plane, index),
			    wait->watches->seen, until);
}

/* A place is emptied by a plain store, which orders nothing after it: a ring
 * for it can be missed, and who waits for a place looks again soon. A box is
 * full of old entries only, so this is rare. */
static uint64_t soon(uint64_t deadline, uint64_t ns)
{
	uint64_t now = ae_host_now();

	return ns < deadline - now && now < deadline ? now + ns : deadline;
}

/* Where no watch looks for the dead, who waits does, now and then. */
static void look_for_dead(struct aether_participant *me)
{
	uint64_t now;

	if (ae_host_watched(me))
		return;
	now = ae_host_now();
	if (now - me->looked < DEATH_LOOK)
		return;
	me->looked = now;
	ae_reap_for(me);
}

/* Announces, looks again, parks. The attempt's answer, or why it ended. */
static int park(struct aether_participant *me, const struct ae_wait *wait,
		uint64_t deadline)
{
	/* acquire: K1, before announcing. pairs: release in ae_wait_ring */
	uint32_t bell = ae_load32_acquire(&me->seat->doorbell);
	int err;
	int parked = 0;
	uint64_t until, start;

	ae_stride_cool(me);
	announce(me, wait);
	err = attempt(me, wait);
	if (must_wait(err)) {
		aether_wake_pay(me); /* looking may empty places */
		/* relaxed: a hint where I sleep. */
		ae_store32_relaxed(&me->seat->cpu, ae_host_cpu());
		ae_count(&me->seat->waits, &me->counts.waits);
		until = soon(deadline, err == AETHER_EBOX
					       ? BOX_LOOK
					       : ae_host_patience(me));
		start = ae_host_now();
		parked = lie_down(me, wait, bell, until);
		if (ae_host_now() - start < me->spin + WAKE_TIME)
			me->spin_rest = 0;
	}
	renounce(me, wait);
	look_for_dead(me);
	return parked < 0 ? parked : err;
}

/* Tries until the spin budget or the deadline is used up. The word of panic
 * shares its line with epochs that move: it is looked at as seldom as the
 * clock. */
static int spin(struct aether_participant *me, const struct ae_wait *wait,
		uint64_t deadline)
{
	uint64_t end = AETHER_FOREVER;
	int err;

	if (deadline != AETHER_FOREVER || me->spin != AETHER_FOREVER) {
		uint64_t now = ae_host_now();

		if (me->spin < AETHER_FOREVER - now)
			end = now + me->spin;
		if (end > deadline)
			end = deadline;
	}
	do {
		for (int i = 0; i < SPIN_TURNS; i++) {
			ae_pause();
			err = wait->attempt(me, wait->what);
			if (!must_wait(err))
				return err;
		}
		err = or_panic(me, err);
		if (!must_wait(err))
			return err;
		look_for_dead(me);
	} while (end == AETHER_FOREVER || ae_host_now() < end);
	return err;
}

/*
 * Spins only while traffic flows: where spins are in vain, because what is
 * waited for takes longer or its maker needs this very processor, more and more
 * waits park at once. One whose park was not much longer than a wake takes
 * begins anew: else two who wait for each other would both rest for ever.
 */
static int spin_while_it_pays(struct aether_participant *me,
			      const struct ae_wait *wait, uint64_t deadline,
			      int err)
{
	if (!wait->spins || !me->spin || !deadline)
		return err;
	if (me->spin_rest && me->spin != AETHER_FOREVER) {
		me->spin_rest--;
		return err;
	}
	err = spin(me, wait, deadline);
	if (!must_wait(err)) {
		me->spin_failed = 0;
		return err;
	}
	if (me->spin_failed < SPIN_REST_BITS)
		me->spin_failed++;
	me->spin_rest = (UINT32_C(1) << me->spin_failed) - 1;
	return err;
}

int ae_wait_until(struct aether_participant *me, const struct ae_wait *wait,
		  uint64_t deadline)
{
	int err = attempt(me, wait);

	if (must_wait(err) && me->wakes_calls) {
		aether_wake_pay(me);
		err = attempt(me, wait);
	}
	if ((must_wait(err) && err != AETHER_EEMPTY) || err == AETHER_EQUOTA)
		ae_count(&me->seat->full, &me->counts.full);
	if (must_wait(err))
		err = spin_while_it_pays(me, wait, deadline, err);
	while (must_wait(err)) {
		if (deadline != AETHER_FOREVER && ae_host_now() >= deadline) {
			aether_wake_pay(me); /* what looking owes */
			return AETHER_ETIMEDOUT;
		}
		err = park(me, wait, deadline);
		if (err == AETHER_ETIMEDOUT || must_wait(err))
			err = attempt(me, wait);
	}
	return err;
}
