/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor looks at lease words, at what belongs to them, and at registers.
 * Only what no order of steps can leave is suspected: a run is claimed from its
 * head on and freed from its far end, so its tails are always a row behind a
 * head that is not free. All loads here are guesses of one moment.
 */
#include "ae_doctor.h"
#include "ae_host.h"

#define NOBODY AETHER_FINDING_NOBODY

#define STATE(id, number, name, doc) | 1u << (number)
#define STATES (0u AETHER_STATE_LIST(STATE))

/* States whose words name a tenancy. */
#define NAMING \
	(1u << AETHER_STATE_BUSY | 1u << AETHER_STATE_ROUTED | \
	 1u << AETHER_STATE_ENDING)

/* Is it a state that a word can have? */
static int is_state(uint64_t state)
{
	return state != AETHER_STATE_SUSPECT && (STATES >> state & 1);
}

/* Is the tenancy that a word names there? As a settler asks it. */
static int is_there(const struct aether_plane *plane, uint64_t word)
{
	uint32_t slot = (uint32_t)AETHER_LEASE_SEAT(word);
	uint64_t seat, state;

	if (slot >= plane->geometry.participants)
		return 0;
	/* relaxed: a guess. */
	seat = ae_load64_relaxed(&plane->seats[slot].seat);
	state = AETHER_SEAT_STATE(seat);
	if (ae_low_stamp(AETHER_SEAT_STAMP(seat)) != AETHER_LEASE_STAMP(word))
		return 0;
	return state == AETHER_SEAT_ACTIVE ||
	       (state == AETHER_SEAT_LEAVING &&
		AETHER_LEASE_STATE(word) != AETHER_STATE_ROUTED);
}

static void suspect(struct ae_doctor *d, uint32_t what, uint32_t index,
		    uint32_t slot, uint64_t word, int repairable)
{
	ae_doctor_suspect(
		d, &(struct aether_finding) { .what = what,
					      .where = AETHER_FINDING_STRIDE,
					      .index = index,
					      .slot = slot,
					      .found = word,
					      .repairable = repairable });
}

/* The bits that a word in that state may have set. */
static uint64_t bits_of(uint64_t state)
{
	uint64_t named = AETHER_LEASE_MAKE(state, AETHER_LEASE_SEAT_MASK,
					   AETHER_LEASE_STAMP_MASK,
					   AETHER_LEASE_GENERATION_MASK, 0);

	if (state == AETHER_STATE_DORMANT || state == AETHER_STATE_SHARED)
		return state | AE_GENERATION;
	if (state == AETHER_STATE_BUSY || state == AETHER_STATE_ROUTED)
		return named | AE_SUSPECT;
	return named; /* as wide in a cont word */
}

/* The word before the tail's, or the head itself, is of the same run. */
static int follows(const struct aether_plane *plane, uint32_t index,
		   uint32_t distance)
{
	/* relaxed: a guess. */
	uint64_t before = ae_load64_relaxed(&plane->leases[index - 1].word);
	uint64_t state = AETHER_LEASE_STATE(before);

	if (distance == 1)
		return state != AETHER_STATE_DORMANT &&
		       state != AETHER_STATE_CONT && is_state(state);
	return state == AETHER_STATE_CONT &&
	       AETHER_CONT_DISTANCE(before) == distance - 1;
}

/* Does a holder have that run, by its own words? Then nobody may free part of
 * it, whatever became of the words between. */
static int is_held(struct ae_doctor *d, uint32_t head, uint32_t distance)
{
	const struct aether_plane *plane = d->plane;
	/* relaxed: a guess. */
	uint64_t word = ae_load64_relaxed(&plane->leases[head].word);
	uint64_t state = AETHER_LEASE_STATE(word);

	if (!is_state(state) || state == AETHER_STATE_DORMANT ||
	    state == AETHER_STATE_CONT)
		return 0;
	return state == AETHER_STATE_SHARED ||
	       ae_run_said(plane, head) > distance;
}

static void check_tail(struct ae_doctor *d, uint32_t index, uint64_t word)
{
	uint32_t distance = (uint32_t)AETHER_CONT_DISTANCE(word);

	/* no run comes from another segment, of which I may see nothing */
	if (!distance || distance > index ||
	    ae_segment_end(d->plane, index - distance) !=
		    ae_segment_end(d->plane, index))
		suspect(d, AETHER_FINDING_TAIL, index, NOBODY, word, 1);
	else if (!follows(d->plane, index, distance))
		suspect(d, AETHER_FINDING_TAIL, index, NOBODY, word,
			!is_held(d, index - distance, distance));
}

/* What its holder would be refused for. */
static void check_content(struct ae_doctor *d, uint32_t index, uint64_t word,
			  uint32_t slot)
{
	const struct aether_lease_seg *lease = &d->plane->leases[index];
	uint64_t size = d->plane->geometry.stride_size;
	/* relaxed: the holder's; looked at again. */
	uint32_t said = ae_load32_relaxed(&lease->run);
	uint32_t tile = ae_load32_relaxed(&lease->tile);
	uint32_t run = ae_run_length(d->plane, index);

	if (said != run)
		suspect(d, AETHER_FINDING_LEASE_RUN, index, slot, word, 0);
	/* relaxed: the same. */
	if (ae_load64_relaxed(&lease->length) > run * size ||
	    ae_load32_relaxed(&lease->format) > AETHER_FORMAT_SLICED ||
	    tile < AETHER_PLANES || (tile & (tile - 1)) ||
	    tile > size / AETHER_PLANES)
		suspect(d, AETHER_FINDING_LEASE_CONTENT, index, slot, word, 0);
}

/* A reader whose tenancy is not there, or none at all. */
static int has_gone(const struct aether_plane *plane, uint32_t index,
		    uint64_t set)
{
	/* relaxed: written before the word was. */
	uint64_t sigma = ae_load64_relaxed(&plane->leases[index].sigma);

	for (uint32_t slot = 0; slot < AETHER_PARTICIPANTS_MAX; slot++) {
		uint64_t seat = 0;

		if (!(set >> slot & 1))
			continue;
		if (slot < plane->geometry.participants)
			/* relaxed: a guess. */
			seat = ae_load64_relaxed(&plane->seats[slot].seat);
		if (AETHER_SEAT_STATE(seat) != AETHER_SEAT_ACTIVE ||
		    AETHER_SEAT_STAMP(seat) > sigma)
			return 1;
	}
	return set == 0;
}

/* 1: they can be. */
static int check_readers(struct ae_doctor *d, uint32_t index, uint64_t word)
{
	uint64_t low = AETHER_READERS_MAKE(0, AETHER_LEASE_GENERATION(word));
	uint64_t set = 0;
	int same = 1;

	for (uint32_t slot = 0; slot < AETHER_PARTICIPANTS_MAX; slot++) {
		/* relaxed: a guess. */
		uint64_t half = ae_load64_relaxed(
			ae_share_half(d->plane, index, slot));

		same &= (half & ~AETHER_READERS_SET_MASK) == low;
		set |= (half >> slot / 2 & 1) << slot;
	}
	/* whoever reads it, and lives, must not lose it */
	if (!same)
		suspect(d, AETHER_FINDING_READERS, index, NOBODY, word,
			!d->alive);
	else if (has_gone(d->plane, index, set))
		suspect(d, AETHER_FINDING_READERS_GONE, index, NOBODY, word, 1);
	else
		return 1;
	return 0;
}

/* Of a state that there is. */
static void check_known(struct ae_doctor *d, uint32_t index, uint64_t word)
{
	uint64_t state = AETHER_LEASE_STATE(word);
	uint32_t slot = (uint32_t)AETHER_LEASE_SEAT(word);
	int names = (NAMING >> state & 1) != 0;

	if (word & ~bits_of(state))
		suspect(d, AETHER_FINDING_LEASE_BITS, index,
			names ? slot : NOBODY, word, 1);
	if (state == AETHER_STATE_CONT)
		check_tail(d, index, word);
	if (state == AETHER_STATE_SHARED) {
		if (check_readers(d, index, word))
			check_content(d, index, word, NOBODY);
	} else if (names && slot >= d->plane->geometry.participants)
		suspect(d, AETHER_FINDING_LEASE_SLOT, index, NOBODY, word, 1);
	else if (names && !is_there(d->plane, word))
		suspect(d, AETHER_FINDING_LEASE_GONE, index, slot, word, 1);
	else if (names && state != AETHER_STATE_ENDING && !(word & AE_SUSPECT))
		check_content(d, index, word, slot);
}

void ae_doctor_lease(struct ae_doctor *d, uint32_t index)
{
	uint64_t word;

	if (!ae_right(d->plane, index))
		return; /* for those who see it; so below */
	/* relaxed: a guess. */
	word = ae_load64_relaxed(&d->plane->leases[index].word);
	if (!is_state(AETHER_LEASE_STATE(word)))
		suspect(d, AETHER_FINDING_LEASE_STATE, index, NOBODY, word, 1);
	else
		check_known(d, index, word);
}

/* Somebody keeps it warm. */
static int is_warm(const struct aether_plane *plane, uint32_t index)
{
	for (uint32_t i = 0; i < plane->geometry.participants; i++) {
		/* relaxed: a hint. */
		uint32_t warm = ae_load32_relaxed(&plane->seats[i].warm);
		uint64_t seat = ae_load64_relaxed(&plane->seats[i].seat);

		if (warm == index + 1 &&
		    AETHER_SEAT_STATE(seat) == AETHER_SEAT_ACTIVE)
			return 1;
	}
	return 0;
}

void ae_doctor_register(struct ae_doctor *d, uint32_t index)
{
	int is_free, is_set;
	uint64_t word;

	if (!ae_right(d->plane, index))
		return;
	/* relaxed: hints, and a guess. */
	word = ae_load64_relaxed(&d->plane->leases[index].word);
	is_free = AETHER_LEASE_STATE(word) == AETHER_STATE_DORMANT;
	/* relaxed: the same. */
	is_set = (ae_load32_relaxed(ae_register(d->plane, index)) &
		  ae_bit(index)) != 0;
	if (is_free && is_set && !is_warm(d->plane, index))
		suspect(d, AETHER_FINDING_REGISTER_SET, index, NOBODY, word, 1);
	else if (!is_free && !is_set)
		suspect(d, AETHER_FINDING_REGISTER_CLEAR, index, NOBODY, word,
			1);
}

/* Is there an entry for it in the box of that slot? */
static int has_entry(const struct aether_plane *plane, uint32_t slot,
		     uint32_t index, uint64_t word)
{
	uint64_t low = AETHER_LEASE_GENERATION(word) &
		       AETHER_PLACE_GENERATION_MASK;
	uint32_t places = plane->geometry.places;
	/* relaxed: a hint of where to begin. */
	uint64_t head = ae_load64_relaxed(&plane->seats[slot].head);

	for (uint32_t i = 0; i < places; i++) {
		/* relaxed: a guess. */
		uint64_t place = ae_load64_relaxed(
			&plane->places[(uint64_t)slot * places +
				       ((head + i) & (places - 1))]);

		if (AETHER_PLACE_FULL(place) &&
		    AETHER_PLACE_STRIDE(place) == index &&
		    AETHER_PLACE_GENERATION(place) == low)
			return 1;
	}
	return 0;
}

/* The entry of a route comes before its commit, so it is there; but for one
 * that its addressee has seen too early, and remembers. Who sleeps for mail has
 * looked at what it remembers. */
void ae_doctor_route(struct ae_doctor *d, uint32_t index)
{
	uint32_t slot, sleeps;
	uint64_t word;

	if (!ae_right(d->plane, index))
		return;
	/* relaxed: a guess. */
	word = ae_load64_relaxed(&d->plane->leases[index].word);
	slot = (uint32_t)AETHER_LEASE_SEAT(word);
	if (AETHER_LEASE_STATE(word) != AETHER_STATE_ROUTED ||
	    !is_there(d->plane, word) || has_entry(d->plane, slot, index, word))
		return;
	/* relaxed: the same. */
	sleeps = ae_load32_relaxed(&d->plane->seats[slot].parked);
	suspect(d, sleeps ? AETHER_FINDING_ROUTE : AETHER_FINDING_ROUTE_LATE,
		index, slot, word, 1);
}
