/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaping: finding out who is dead, and settling what they left. That a
 * participant is dead is asked of the kernel alone; then its very seat word is
 * swapped to DEAD, so that nobody is ever declared dead in another's place. The
 * seat is free again when all that its tenant had is settled. Step M of
 * docs/protocol.md.
 */
#include "ae_base.h"
#include "ae_host.h"

/* ns within which it is not asked again before saying that none is free. */
#define ASK_AGAIN 1000000

/* M1 to M3. The seat word of a dead tenant, marked so; 0: there is none. */
static uint64_t mark_dead(struct aether_plane *plane, uint32_t slot)
{
	struct aether_word64 *seat = &plane->seats[slot].seat;
	/* acquire: its record. pairs: release in sit */
	uint64_t word = ae_load64_acquire(seat);
	uint64_t dead = AETHER_SEAT_MAKE(AETHER_SEAT_DEAD,
					 AETHER_SEAT_STAMP(word));
	uint64_t seen;

	if (AETHER_SEAT_STATE(word) == AETHER_SEAT_DEAD)
		return word;
	if (AETHER_SEAT_STATE(word) == AETHER_SEAT_FREE ||
	    ae_host_life_test(plane, slot) != 0)
		return 0;
	/* seq_cst: before anybody looks at what it has.
	 * pairs: seq_cst in is_gone, seq_cst in is_coming, seq_cst in
	 * is_seated, seq_cst in
	 * settle_shared, seq_cst in ae_holder_gone */
	seen = ae_cas64_seq_cst(seat, word, dead);
	return seen == word || seen == dead ? dead : 0;
}

/* Before a newcomer takes the kernel's lock on the slot (J1 to J3). */
void ae_reap_seat(struct aether_plane *plane, uint32_t slot)
{
	mark_dead(plane, slot);
}

/* Has a dead one left something that only others see? I have done my part. */
int ae_reap_is_left(const struct aether_plane *plane, uint32_t slot,
		    uint64_t word)
{
	/* relaxed: written by threads of this attachment; a guess. */
	return word && ae_load64_relaxed(&plane->partly[slot]) == word &&
	       !ae_sight_within(plane, slot);
}

/* M4: the seats whose tenants have nothing left. */
static void free_seats(struct ae_settler *s, const uint64_t *dead)
{
	struct aether_plane *plane = s->plane;

	for (uint32_t i = 0; i < plane->geometry.participants; i++) {
		struct aether_word64 *seat = &plane->seats[i].seat;
		uint64_t stamp = AETHER_SEAT_STAMP(dead[i]);

		if (!dead[i])
			continue;
		if (!ae_sight_strike(plane, i, dead[i])) {
			/* relaxed: a guess of when to reap. */
			ae_store64_relaxed(&plane->partly[i], dead[i]);
			s->report.unseen++;
			continue;
		}
		/* release: all is settled. pairs: acquire in sit, seq_cst in
		 * ae_holder_gone */
		if (ae_cas64_release(seat, dead[i],
				     AETHER_SEAT_MAKE(AETHER_SEAT_FREE,
						      stamp)) != dead[i])
			continue;
		/* relaxed: a counter. */
		ae_add64_relaxed(&plane->header->deaths, 1);
		s->report.dead++;
	}
}

/*
 * A pass in my name. What it leaves is remembered: nobody else may know. A pass
 * that leaves nothing makes good what was owed when it began, and not what
 * another thread, in my name too, has left since.
 */
static void pass(struct aether_participant *me, struct ae_settler *s)
{
	/* relaxed: my own, and of a thread that reaps in my name. */
	uint32_t owed = ae_load32_relaxed(&me->owed);

	ae_settle_pass(s);
	ae_guard_settle(me->plane);
	ae_pair_settle(me->plane);
	/* relaxed: the same. */
	if (s->report.pending)
		ae_add32_relaxed(&me->owed, 1);
	else
		ae_store32_relaxed(&me->paid, owed);
	/* relaxed: a counter. */
	ae_add64_relaxed(&me->seat->reaped,
			 s->report.freed + s->report.inherited);
}

int ae_reap_owes(const struct aether_participant *me)
{
	/* relaxed: my own, and of a thread that reaps in my name. */
	return ae_load32_relaxed(&me->owed) != ae_load32_relaxed(&me->paid);
}

/* `all`: also where nobody is found dead, for what is forged. */
static void reap(struct aether_participant *me, struct ae_settler *s, int all)
{
	struct aether_plane *plane = me->plane;
	uint64_t dead[AETHER_PARTICIPANTS_MAX] = { 0 };
	uint64_t found = (uint64_t)(all || ae_reap_owes(me));

	ae_settle_init(s, me, 0);
	for (uint32_t i = 0; i < plane->geometry.participants; i++) {
		if (i != me->slot)
			dead[i] = mark_dead(plane, i);
		if (ae_reap_is_left(plane, i, dead[i]))
			s->report.unseen++;
		else
			found |= dead[i];
	}
	if (!found)
		return;
	s->report.unseen = 0;
	pass(me, s);
	if (!s->report.pending)
		free_seats(s, dead);
	ae_wait_ring_all(plane);
}

/* J9: who sits down in the place of a dead one settles what that one left. The
 * name of its heir stays until I name mine: a late one may still need it. */
void ae_reap_taken_over(struct aether_participant *me)
{
	struct ae_settler settler;

	ae_settle_init(&settler, me, 0);
	pass(me, &settler);
	/* relaxed: a counter. */
	ae_add64_relaxed(&me->plane->header->deaths, 1);
	ae_wait_ring_all(me->plane);
}

int aether_reap(struct aether_participant *me,
		struct aether_reap_report *report)
{
	struct ae_settler settler;

	reap(me, &settler, 0);
	if (report)
		*report = settler.report;
	return 0;
}

/*
 * The same for a thread that is not the participant's own: uses only what does
 * not change between join and leave.
 */
void ae_reap_for(struct aether_participant *me)
{
	struct ae_settler settler;

	reap(me, &settler, 0);
}

void ae_reap_all(struct aether_participant *me)
{
	struct ae_settler settler;

	reap(me, &settler, 1);
}

/* Before saying that no stride is free. 1: something was settled. */
int ae_reap_soon(struct aether_participant *me)
{
	uint64_t now = ae_host_now();
	struct ae_settler settler;

	if (me->asked && now - me->asked < ASK_AGAIN)
		return 0;
	me->asked = now;
	reap(me, &settler, 0);
	return settler.report.freed || settler.report.dead;
}

int aether_participant_heir(struct aether_participant *me, uint64_t heir)
{
	struct aether_participant_seg *seat;
	uint64_t word = 0;
	uint64_t before;

	if (heir == aether_participant_tenancy(me))
		return AETHER_EINVAL;
	if (heir && ae_participant_find_seat(me->plane, heir, &seat) < 0)
		return AETHER_EGONE;
	/* the name that an earlier tenant of my slot left is still needed */
	if (ae_reap_owes(me) && aether_reap(me, NULL) == 0 && ae_reap_owes(me))
		return AETHER_EBOX;
	if (heir)
		word = AETHER_HEIR_MAKE(AETHER_TENANCY_SLOT(heir),
					AETHER_TENANCY_STAMP(heir), me->stamp,
					1);
	/* seq_cst: read whole by whoever settles what I leave; before I look at
	 * the heir once more. pairs: acquire in find_heir, seq_cst in
	 * settle_heir */
	before = ae_xchg64_seq_cst(&me->seat->heir, word);
	if (!heir || ae_participant_find_seat(me->plane, heir, &seat) == 0)
		return 0;
	/* seq_cst: the same; a settler may have named that one's heir by now.
	 * pairs: seq_cst in settle_heir */
	ae_cas64_seq_cst(&me->seat->heir, word, before);
	ae_settle_heirs(me); /* who was settled meanwhile did not see it */
	return AETHER_EGONE;
}
