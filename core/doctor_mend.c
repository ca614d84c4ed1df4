/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the doctor repairs. Each repair is a compare-and-swap of the very word
 * that was found, to what a step of the protocol would have left there; so it
 * may come late, or twice, and two doctors do no harm. A lease of no possible
 * state ends as one whose owner died: first it is mine to free, then free, so
 * that a doctor who dies at it leaves what a reaper finds.
 */
#include "ae_doctor.h"
#include "ae_pair.h"

/* 1: it was as found. */
static int swap(struct aether_word64 *word, uint64_t found, uint64_t next)
{
	/* seq_cst: as the steps of a pass. pairs: seq_cst in settle_word,
	 * seq_cst in claim */
	return ae_cas64_seq_cst(word, found, next) == found;
}

static uint64_t next_generation(uint64_t word)
{
	return ae_word_generation(AETHER_LEASE_GENERATION(word) + 1);
}

/* Ends a lease that is nobody's; its tails, if it had any, are free then. */
static int end(struct ae_doctor *d, uint32_t index, uint64_t found)
{
	struct aether_plane *plane = d->me->plane;
	uint64_t ending = d->me->ending | next_generation(found);

	if (!swap(&plane->leases[index].word, found, ending))
		return 0;
	ae_lease_finish(plane, index, ending);
	return 1;
}

/* One that no pair has, unless somebody may still have a pointer to it. Nobody
 * new gets one: where a buffer is, word and name say together. */
static int end_kept(struct ae_doctor *d, uint32_t index, uint64_t found)
{
	return !ae_doctor_kept_used(d, found) && end(d, index, found);
}

/* A tail without a run: it has no handle, so nobody's ends. */
static int free_tail(struct ae_doctor *d, uint32_t index, uint64_t found)
{
	struct aether_plane *plane = d->me->plane;

	if (!swap(&plane->leases[index].word, found, next_generation(found)))
		return 0;
	ae_lease_clear_bit(plane, index);
	ae_wait_ring_set(plane, &plane->header->space_waiters);
	return 1;
}

/* The word of that state without what does not belong to it. */
static int clear_bits(struct ae_doctor *d, uint32_t index, uint64_t found)
{
	uint64_t state = AETHER_LEASE_STATE(found);
	uint64_t next = found & ~AE_SUSPECT;

	if (state == AETHER_STATE_DORMANT || state == AETHER_STATE_SHARED)
		next = state | (found & AE_GENERATION);
	return swap(&d->me->plane->leases[index].word, found, next);
}

/* A register's bit as the word says; a step between is mended by the next. */
static int set_register(struct ae_doctor *d, uint32_t index)
{
	const struct aether_plane *plane = d->plane;
	/* relaxed: registers are hints. */
	uint64_t word = ae_load64_relaxed(&plane->leases[index].word);

	if (AETHER_LEASE_STATE(word) == AETHER_STATE_DORMANT)
		ae_lease_clear_bit(plane, index);
	else
		ae_lease_set_bit(plane, index);
	return 1;
}

/* A place of a mailbox: empty, for the lap after the one that its box is in.
 * Whoever has passed it by, or will in this lap, does not miss what a sender
 * puts there. */
static int empty_place(struct ae_doctor *d, uint32_t index, uint64_t found,
		       uint64_t base)
{
	const struct aether_plane *plane = d->plane;
	uint32_t at = index % plane->geometry.places;
	uint64_t behind = at < (base & (plane->geometry.places - 1));
	uint64_t lap = (base >> plane->lap_shift) + 1 + behind;

	return swap(&plane->places[index], found,
		    AETHER_PLACE_MAKE(0, 0, 0, lap));
}

static int mend_place(struct ae_doctor *d, const struct aether_finding *f)
{
	uint32_t slot = f->index / d->plane->geometry.places;
	/* relaxed: a hint that lags. */
	uint64_t base = ae_load64_relaxed(&d->plane->seats[slot].head);

	if (f->what != AETHER_FINDING_PLACE_LAP)
		/* taken, as its tenant would have: the lap goes on */
		return swap(&d->plane->places[f->index], f->found,
			    AETHER_PLACE_MAKE(0, 0, 0,
					      AETHER_PLACE_LAP(f->found) + 1));
	return empty_place(d, f->index, f->found, base);
}

/* A box that nobody has: as one of a new plane. */
static int clear_box(struct ae_doctor *d, uint32_t slot)
{
	const struct aether_plane *plane = d->plane;
	uint32_t places = plane->geometry.places;
	int all = 1;

	for (uint32_t i = 0; i < places; i++) {
		struct aether_word64 *place =
			&plane->places[(uint64_t)slot * places + i];
		/* relaxed: the swap decides. */
		uint64_t found = ae_load64_relaxed(place);

		all &= swap(place, found, 0);
	}
	return all && swap(&plane->seats[slot].head,
			   /* relaxed: the same. */
			   ae_load64_relaxed(&plane->seats[slot].head), 0);
}

/* A second entry does no harm: it asks to look at the word. */
static int send_again(struct ae_doctor *d, const struct aether_finding *f)
{
	struct aether_plane *plane = d->me->plane;
	uint64_t generation = AETHER_LEASE_GENERATION(f->found);
	uint64_t handle = AETHER_HANDLE_MAKE(f->index, plane->tag, generation);
	/* relaxed: a hint that lags. */
	uint64_t cursor = ae_load64_relaxed(&plane->seats[f->slot].head);

	if (ae_mailbox_enter(plane, f->slot, handle, &cursor) < 0)
		return 0;
	ae_wait_ring_mail(plane, f->slot);
	return 1;
}

/* The counter of joins comes after every stamp. */
static int raise_joins(struct ae_doctor *d, uint64_t seat)
{
	struct aether_word64 *joins = &d->me->plane->header->joins;
	uint64_t stamp = AETHER_SEAT_STAMP(seat);
	/* relaxed: the swap decides. */
	uint64_t found = ae_load64_relaxed(joins);

	return stamp <= AETHER_TENANCY_STAMP_MASK / 2 &&
	       (found >= stamp || swap(joins, found, stamp));
}

static int mend_lease(struct ae_doctor *d, const struct aether_finding *f)
{
	switch (f->what) {
	case AETHER_FINDING_LEASE_STATE:
	case AETHER_FINDING_LEASE_SLOT:
	case AETHER_FINDING_READERS:
		return end(d, f->index, f->found);
	case AETHER_FINDING_KEPT_PAIR:
	case AETHER_FINDING_KEPT_UNNAMED:
		return end_kept(d, f->index, f->found);
	case AETHER_FINDING_LEASE_BITS:
		return clear_bits(d, f->index, f->found);
	case AETHER_FINDING_LEASE_GONE:
	case AETHER_FINDING_READERS_GONE:
		ae_settle_one(d->me, f->index);
		/* relaxed: whatever it is now, it is not that. */
		return ae_load64_relaxed(&d->plane->leases[f->index].word) !=
		       f->found;
	case AETHER_FINDING_TAIL:
		return free_tail(d, f->index, f->found);
	case AETHER_FINDING_ROUTE:
	case AETHER_FINDING_ROUTE_LATE:
		return send_again(d, f);
	default:
		return set_register(d, f->index);
	}
}

static int mend_slot(struct ae_doctor *d, const struct aether_finding *f)
{
	struct aether_participant_seg *seat = &d->me->plane->seats[f->index];

	switch (f->what) {
	case AETHER_FINDING_HEIR:
		return swap(&seat->heir, f->found, 0);
	case AETHER_FINDING_SIGHT:
		ae_sight_write(d->me); /* only my own is repairable */
		return 1;
	case AETHER_FINDING_WITHDRAWAL:
		return swap(&seat->withdrawal, f->found, 0);
	case AETHER_FINDING_SEAT_STAMP:
		return raise_joins(d, f->found);
	case AETHER_FINDING_BOX:
		return clear_box(d, f->index);
	case AETHER_FINDING_BOX_HEAD:
		return swap(&seat->head, f->found,
			    ae_mailbox_head(d->plane, f->index));
	default:
		ae_reap_all(d->me); /* what a reap could do by now */
		/* relaxed: whatever it is now, it is not that. */
		return ae_load64_relaxed(&seat->seat) != f->found;
	}
}

static int mend_pair(struct ae_doctor *d, const struct aether_finding *f)
{
	struct ae_pair p;

	if (ae_pair_find(d->plane, f->index, &p) < 0)
		return 0;
	if (f->what == AETHER_FINDING_PIN)
		return swap(&p.pins->pin[f->slot], f->found,
			    AETHER_PIN_MAKE(0, 0, 0,
					    AETHER_PIN_NUMBER(f->found)));
	/* nobody's, as a pass leaves it */
	if (f->what == AETHER_FINDING_PAIR_BITS ||
	    f->what == AETHER_FINDING_PAIR_WRITER)
		return swap(&p.record->writer, f->found,
			    AETHER_HOLDER_MAKE(
				    0, 0, 0,
				    AETHER_HOLDER_GENERATION(f->found) + 1,
				    AETHER_HOLDER_HELD(f->found) |
					    AETHER_HOLDER_GONE(f->found)));
	/* whose buffer 0 is then says its counter */
	return swap(&p.record->state, f->found,
		    AETHER_PAIR_STATE_MAKE(
			    0, 0, AETHER_PAIR_STATE_SEQUENCE(f->found)));
}

static int mend_epoch(struct ae_doctor *d, const struct aether_finding *f)
{
	uint64_t bit = UINT64_C(1)
		       << (f->index - AETHER_IDX_SUPERVISOR_POOL) / 2;

	if (f->what != AETHER_FINDING_EPOCH_UNUSED)
		return ae_pool_end(d->me->plane, f->index, f->found) == 0;
	/* seq_cst: as in claim. pairs: seq_cst in settle_epochs */
	ae_or64_seq_cst(&d->me->plane->header->pool_used, bit);
	return 1;
}

static int mend_guard(struct ae_doctor *d, const struct aether_finding *f)
{
	const struct aether_layout_records *r =
		&d->plane->layout->guard_records;
	struct aether_guard_seg *record =
		(struct aether_guard_seg *)(void *)(d->plane->base +
						    r->offset) +
		f->index;

	/* nobody's; the next one counts the death of who held it */
	return swap(&record->writer, f->found,
		    AETHER_HOLDER_MAKE(0, 0, 0,
				       AETHER_HOLDER_GENERATION(f->found) + 1,
				       AETHER_HOLDER_HELD(f->found) |
					       AETHER_HOLDER_GONE(f->found)));
}

int ae_doctor_mend(struct ae_doctor *d, const struct aether_finding *f)
{
	switch (f->where) {
	case AETHER_FINDING_SLOT:
		return mend_slot(d, f);
	case AETHER_FINDING_PLACE:
		return mend_place(d, f);
	case AETHER_FINDING_STRIDE:
		return mend_lease(d, f);
	case AETHER_FINDING_EPOCH:
		return mend_epoch(d, f);
	case AETHER_FINDING_GUARD:
		return mend_guard(d, f);
	case AETHER_FINDING_PAIR:
		return mend_pair(d, f);
	default:
		return 0;
	}
}
