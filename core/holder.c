/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holder words: who holds a guard, a pair or an epoch of the pool. Such a word
 * names a tenancy by slot and stamp, so it never mistakes a newcomer for the
 * one that held it, and whoever meets the word of a dead one takes it over.
 */
#include "ae_base.h"
#include "ae_host.h"

uint64_t ae_holder_make(const struct aether_participant *me,
			uint64_t generation)
{
	return AETHER_HOLDER_MAKE(1, me->slot, me->stamp, generation, 0);
}

int ae_holder_is(const struct aether_participant *me, uint64_t word)
{
	return AETHER_HOLDER_HELD(word) &&
	       AETHER_HOLDER_SLOT(word) == me->slot &&
	       AETHER_HOLDER_STAMP(word) == ae_low_stamp(me->stamp);
}

/*
 * Is who holds it not there any more: another tenancy sits in its slot, nobody
 * does, or the kernel says that it died? 0 also while the kernel cannot be
 * asked: nobody is declared dead without an answer.
 */
int ae_holder_gone(const struct aether_plane *plane, uint64_t word)
{
	uint32_t slot = (uint32_t)AETHER_HOLDER_SLOT(word);
	uint64_t seat;

	if (!AETHER_HOLDER_HELD(word))
		return 0;
	if (slot >= plane->geometry.participants)
		return 1;
	/* seq_cst: as is_gone judges the owner of a stride. pairs: release in
	 * sit, release in free_seats, seq_cst in mark_dead */
	seat = ae_load64_seq_cst(&plane->seats[slot].seat);
	if (AETHER_SEAT_STATE(seat) == AETHER_SEAT_FREE ||
	    AETHER_SEAT_STATE(seat) == AETHER_SEAT_DEAD ||
	    ae_low_stamp(AETHER_SEAT_STAMP(seat)) != AETHER_HOLDER_STAMP(word))
		return 1;
	return ae_host_life_test(plane, slot) == 0;
}

/* The tenancy that holds it; 0: nobody, or nobody that is there. */
uint64_t ae_holder_tenancy(const struct aether_plane *plane, uint64_t word)
{
	uint32_t slot = (uint32_t)AETHER_HOLDER_SLOT(word);
	uint64_t seat;

	if (!AETHER_HOLDER_HELD(word) || slot >= plane->geometry.participants)
		return 0;
	/* relaxed: for people. */
	seat = ae_load64_relaxed(&plane->seats[slot].seat);
	if (ae_low_stamp(AETHER_SEAT_STAMP(seat)) != AETHER_HOLDER_STAMP(word))
		return 0;
	return AETHER_TENANCY_MAKE(slot, AETHER_SEAT_STAMP(seat));
}
