/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor looks at the header, at seats, and at mailboxes. All loads here
 * are guesses of one moment: what they tell is looked at again, and each repair
 * compares.
 */
#include "ae_doctor.h"
#include "ae_host.h"
#include "ae_plane.h"

#define HEIR_BITS \
	(AETHER_HEIR_MAKE(AETHER_HEIR_SLOT_MASK, AETHER_HEIR_STAMP_MASK, \
			  AETHER_HEIR_OF_MASK, AETHER_HEIR_NAMED_MASK))

#define WITHDRAWAL_BITS \
	(AETHER_WITHDRAWAL_MAKE( \
		AETHER_WITHDRAWAL_NAMED_MASK, AETHER_WITHDRAWAL_STRIDE_MASK, \
		AETHER_WITHDRAWAL_SLOT_MASK, AETHER_WITHDRAWAL_STAMP_MASK, \
		AETHER_WITHDRAWAL_OF_MASK))

static void suspect_plane(struct ae_doctor *d, uint32_t what, uint32_t index,
			  uint64_t found)
{
	ae_doctor_suspect(
		d, &(struct aether_finding) { .what = what,
					      .where = AETHER_FINDING_PLANE,
					      .index = index,
					      .slot = AETHER_FINDING_NOBODY,
					      .found = found });
}

/* The header as it is now, against what was checked when I attached. */
void ae_doctor_header(struct ae_doctor *d, uint32_t zero)
{
	const struct aether_plane *plane = d->plane;
	struct aether_header_seg copy;
	struct aether_geometry g;
	/* relaxed: a flag for people. */
	uint32_t panic = ae_load32_relaxed(
		ae_epoch_word(plane, AETHER_IDX_PANIC_STATE));

	__builtin_memcpy(&copy, plane->header, sizeof(copy));
	if (ae_plane_lost(plane) ||
	    ae_plane_check(&copy, ae_segment_control_size(&plane->geometry),
			   &g) < 0 ||
	    copy.tag != plane->tag || copy.flags != plane->flags ||
	    copy.id[0] != plane->id[0] || copy.id[1] != plane->id[1] ||
	    g.strides != plane->geometry.strides ||
	    g.segments != plane->geometry.segments ||
	    g.layout != plane->geometry.layout)
		suspect_plane(d, AETHER_FINDING_HEADER, zero, 0);
	if (panic)
		suspect_plane(d, AETHER_FINDING_PANIC, zero, panic);
}

static void suspect_seat(struct ae_doctor *d, uint32_t what, uint32_t slot,
			 uint64_t word, int repairable)
{
	ae_doctor_suspect(
		d, &(struct aether_finding) { .what = what,
					      .where = AETHER_FINDING_SLOT,
					      .index = slot,
					      .slot = slot,
					      .found = word,
					      .repairable = repairable });
}

/* Somebody sits there, as the seat says, and may be dead. */
static void check_tenant(struct ae_doctor *d, uint32_t slot, uint64_t word)
{
	const struct aether_participant_seg *seat = &d->plane->seats[slot];
	uint64_t stamp = AETHER_SEAT_STAMP(word);
	int lives = ae_host_life_test(d->plane, slot);
	/* relaxed: only rises. */
	uint64_t joins = ae_load64_relaxed(&d->plane->header->joins);

	if (d->me && slot == d->me->slot)
		lives = 1;
	if (lives < 0)
		suspect_seat(d, AETHER_FINDING_SEAT_ASKED, slot, 0, 0);
	/* a counter that was written over is raised again; a stamp that no
	 * counter reaches is forged */
	if (!stamp || stamp > (joins & AETHER_TENANCY_STAMP_MASK))
		suspect_seat(d, AETHER_FINDING_SEAT_STAMP, slot, word,
			     stamp && (lives == 0 ||
				       stamp <= AETHER_TENANCY_STAMP_MASK / 2));
	if (lives == 0)
		suspect_seat(d, AETHER_FINDING_SEAT_DEAD, slot, word,
			     ae_sight_within(d->plane, slot));
	else if (AETHER_SEAT_STATE(word) == AETHER_SEAT_DEAD)
		suspect_seat(d, AETHER_FINDING_SEAT_LOST, slot, word, 0);
	/* relaxed: written before the seat is active. */
	if (!aether_participant_role_name(ae_load32_relaxed(&seat->role)))
		suspect_seat(d, AETHER_FINDING_SEAT_ROLE, slot, word, 0);
}

static void check_heir(struct ae_doctor *d, uint32_t slot)
{
	/* relaxed: a guess. */
	uint64_t heir = ae_load64_relaxed(&d->plane->seats[slot].heir);

	if (!heir)
		return;
	if ((heir & ~HEIR_BITS) ||
	    AETHER_HEIR_SLOT(heir) >= d->plane->geometry.participants)
		suspect_seat(d, AETHER_FINDING_HEIR, slot, heir, 1);
}

/* What an earlier tenant left there says nothing of this one. */
static void check_withdrawal(struct ae_doctor *d, uint32_t slot, uint64_t word)
{
	const struct aether_geometry *g = &d->plane->geometry;
	/* relaxed: a guess. */
	uint64_t said = ae_load64_relaxed(&d->plane->seats[slot].withdrawal);

	if (!said ||
	    AETHER_WITHDRAWAL_OF(said) != ae_low_stamp(AETHER_SEAT_STAMP(word)))
		return;
	if ((said & ~WITHDRAWAL_BITS) || !AETHER_WITHDRAWAL_NAMED(said) ||
	    AETHER_WITHDRAWAL_STRIDE(said) >= g->strides ||
	    AETHER_WITHDRAWAL_SLOT(said) >= g->participants)
		suspect_seat(d, AETHER_FINDING_WITHDRAWAL, slot, said, 1);
}

/* Leases that name the tenancy so, as far as I see; `segments`, if it is not
 * NULL: where there are any, a bit each. */
static uint64_t count_held(const struct aether_plane *plane, uint32_t state,
			   uint32_t slot, uint64_t seat, uint64_t *segments)
{
	uint64_t named = AETHER_LEASE_MAKE(state, slot, AETHER_SEAT_STAMP(seat),
					   0, 0);
	uint64_t count = 0;

	for (uint32_t i = 0; i < plane->geometry.strides; i++) {
		uint32_t r = i / AETHER_REGISTER_BITS;

		/* relaxed: a guess. */
		if (!ae_right(plane, i) ||
		    (ae_load64_relaxed(&plane->leases[i].word) & AE_NAMED) !=
			    named)
			continue;
		count++;
		if (segments)
			*segments |= UINT64_C(1) << plane->segment[r];
	}
	return count;
}

/* What one who lives, or may, says that it sees. Of the dead it says what is
 * not settled yet, or a newcomer wrote its own over it. */
static void check_sight(struct ae_doctor *d, uint32_t slot, uint64_t word)
{
	const struct aether_plane *plane = d->plane;
	struct aether_word64 *sights = plane->seats[slot].sight;
	int own = d->me && slot == d->me->slot;
	uint64_t held = own ? plane->sight : 0;

	if (!plane->geometry.segments)
		return;
	count_held(plane, AETHER_STATE_BUSY, slot, word, &held);
	count_held(plane, AETHER_STATE_ROUTED, slot, word, &held);
	for (uint32_t i = 0; i < AE_SIGHT_HALVES; i++) {
		/* relaxed: written before the seat is active. */
		uint64_t sight = ae_load64_relaxed(&sights[i]);

		if (!ae_sight_may_be(plane, word, held, i, sight))
			suspect_seat(d, AETHER_FINDING_SIGHT, slot, sight, own);
	}
}

/* What came less what went, as far as it can be counted from outside: what a
 * policy dropped may have been counted as sent before. Where there are pairs it
 * cannot: one writer reserves a run, and another lets go of it. */
static void check_counters(struct ae_doctor *d, uint32_t slot, uint64_t word)
{
	const struct aether_participant_seg *s = &d->plane->seats[slot];
	/* relaxed: numbers. */
	uint64_t came = ae_load64_relaxed(&s->reserved) +
			ae_load64_relaxed(&s->taken) +
			ae_load64_relaxed(&s->dropped);
	uint64_t went = ae_load64_relaxed(&s->released) +
			ae_load64_relaxed(&s->routed);
	uint64_t held = count_held(d->plane, AETHER_STATE_BUSY, slot, word,
				   NULL);

	if (d->plane->layout->pair_count)
		return;
	if (came - went < held || went > came)
		suspect_seat(d, AETHER_FINDING_COUNTERS, slot, held, 0);
}

void ae_doctor_seat(struct ae_doctor *d, uint32_t slot)
{
	/* relaxed: a guess. */
	uint64_t word = ae_load64_relaxed(&d->plane->seats[slot].seat);
	uint64_t state = AETHER_SEAT_STATE(word);
	int lives = ae_doctor_lives(d, slot) &&
		    ae_host_life_test(d->plane, slot) > 0;

	check_heir(d, slot);
	if (state > AETHER_SEAT_DEAD) {
		suspect_seat(d, AETHER_FINDING_SEAT_STATE, slot, word, !lives);
	} else if (state == AETHER_SEAT_FREE) {
		if (lives)
			suspect_seat(d, AETHER_FINDING_SEAT_LOST, slot, word,
				     0);
	} else {
		check_tenant(d, slot, word);
		if (state != AETHER_SEAT_DEAD) {
			check_withdrawal(d, slot, word);
			check_sight(d, slot, word);
		}
		check_counters(d, slot, word);
	}
}

/* The place's position, near `about`, less that: 0 to twice the places if it
 * can be; the head that its owner publishes may lag by a lap. */
static uint64_t ahead(const struct aether_plane *plane, uint32_t index,
		      uint64_t place, uint64_t about)
{
	uint32_t lap = (uint32_t)(about >> plane->lap_shift);
	int32_t laps = (int32_t)((uint32_t)AETHER_PLACE_LAP(place) - lap);
	uint64_t base = (about >> plane->lap_shift) + (uint64_t)(int64_t)laps;

	return (base << plane->lap_shift) + index - about;
}

static const struct aether_word64 *box_of(const struct aether_plane *plane,
					  uint32_t slot)
{
	return &plane->places[(uint64_t)slot * plane->geometry.places];
}

/* Do most places lie where a box that begins there has them? */
static int is_base(const struct aether_plane *plane, uint32_t slot,
		   uint64_t base)
{
	const struct aether_word64 *box = box_of(plane, slot);
	uint32_t places = plane->geometry.places;
	uint32_t fit = 0;

	for (uint32_t i = 0; i < places; i++)
		/* relaxed: a guess. */
		fit += ahead(plane, i, ae_load64_relaxed(&box[i]), base) <
		       2 * (uint64_t)places;
	return fit > places / 2;
}

/* Where the box begins: at the head that its tenant publishes, if that can be;
 * else where its places say. 1: at neither. */
static int find_base(struct ae_doctor *d, uint32_t slot, int *head_fits)
{
	const struct aether_plane *plane = d->plane;
	/* relaxed: a hint that lags. */
	uint64_t head = ae_load64_relaxed(&plane->seats[slot].head);

	*head_fits = is_base(plane, slot, head);
	d->base = *head_fits ? head : ae_mailbox_head(plane, slot);
	d->box = slot + 1;
	d->box_known = *head_fits || is_base(plane, slot, d->base);
	return !d->box_known;
}

void ae_doctor_box(struct ae_doctor *d, uint32_t slot)
{
	/* relaxed: a guess. */
	uint64_t head = ae_load64_relaxed(&d->plane->seats[slot].head);
	int fits;

	if (find_base(d, slot, &fits))
		suspect_seat(d, AETHER_FINDING_BOX, slot, 0,
			     !ae_doctor_lives(d, slot));
	else if (!fits)
		suspect_seat(d, AETHER_FINDING_BOX_HEAD, slot, head, 1);
}

/* Is the lease that the entry names on its way to the slot, shared with it, or
 * may it become so? Of one that I do not see, nothing says that it is not. */
static int is_mail(const struct aether_plane *plane, uint32_t slot,
		   uint64_t place)
{
	uint32_t stride = (uint32_t)AETHER_PLACE_STRIDE(place);
	uint64_t word, half;

	if (!ae_right(plane, stride))
		return 1;
	/* relaxed: a guess. */
	word = ae_load64_relaxed(&plane->leases[stride].word);
	if ((AETHER_LEASE_GENERATION(word) & AETHER_PLACE_GENERATION_MASK) !=
	    AETHER_PLACE_GENERATION(place))
		return 0;
	if (AETHER_LEASE_STATE(word) == AETHER_STATE_ROUTED)
		return AETHER_LEASE_SEAT(word) == slot;
	if (AETHER_LEASE_STATE(word) != AETHER_STATE_SHARED)
		return AETHER_LEASE_STATE(word) == AETHER_STATE_BUSY &&
		       AETHER_LEASE_SEAT(word) != slot;
	/* relaxed: the same. */
	half = ae_load64_relaxed(ae_share_half(plane, stride, slot));
	return (half >> slot / 2 & 1) != 0;
}

/* Of mailboxes whose tenant lives, nobody else empties a place. */
void ae_doctor_place(struct ae_doctor *d, uint32_t index)
{
	const struct aether_plane *plane = d->plane;
	uint32_t slot = index / plane->geometry.places;
	uint32_t at = index % plane->geometry.places;
	/* relaxed: a guess. */
	uint64_t place = ae_load64_relaxed(&plane->places[index]);
	int fits, nobody = !ae_doctor_lives(d, slot) &&
			   !(d->me && d->me->slot == slot);
	uint32_t what;

	if (d->box != slot + 1)
		find_base(d, slot, &fits);
	if (!d->box_known)
		return;
	if (ahead(plane, at, place, d->base) >=
	    2 * (uint64_t)plane->geometry.places)
		what = AETHER_FINDING_PLACE_LAP;
	else if (!AETHER_PLACE_FULL(place))
		return;
	else if (AETHER_PLACE_STRIDE(place) >= plane->geometry.strides)
		what = AETHER_FINDING_PLACE_STRIDE;
	else if (!is_mail(plane, slot, place))
		what = AETHER_FINDING_PLACE_ENTRY;
	else
		return;
	ae_doctor_suspect(
		d, &(struct aether_finding) {
			   .what = what,
			   .where = AETHER_FINDING_PLACE,
			   .index = index,
			   .slot = slot,
			   .found = place,
			   .repairable = nobody ||
					 what == AETHER_FINDING_PLACE_LAP });
}
