/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scribbles: what a hostile or broken neighbour writes over the tables. A
 * scribble names a word by table, record and field, and a value by how it is
 * made, so that few bytes of input make a lease word of somebody who lives, or
 * a place of the right lap. It is done at once, or at a step of the next call,
 * between two looks of the library at the same word.
 */
#include "fuzz.h"

#define WAITING 8

/* A table that is written over, in records. */
struct table {
	uint64_t at;
	uint64_t record;
	uint64_t count;
};

struct scribble {
	uint64_t step;
	uint64_t at;
	uint32_t how;
	uint32_t one;
	uint32_t two;
	uint64_t raw;
};

static struct scribble waiting[WAITING];
static uint32_t waits;

static struct table table_of(uint32_t number)
{
	const struct aether_geometry *g = &fuzz.plane.geometry;
	const struct aether_layout *l = fuzz.plane.layout;
	const struct table all[] = {
		{ g->leases_offset, AETHER_RECORD_LEASE_SIZE, g->strides },
		{ g->participants_offset, AETHER_RECORD_PARTICIPANT_SIZE,
		  g->participants },
		{ g->mailboxes_offset, g->places * UINT64_C(8),
		  g->participants },
		{ g->registers_offset, 4, g->registers },
		{ AETHER_OFFSET_PLANE_HEADER, AETHER_SIZE_PLANE_HEADER, 1 },
		{ l->epoch_records.offset, sizeof(struct aether_epoch_seg),
		  AETHER_EPOCHS },
		{ AETHER_OFFSET_ATOMIC_FLAGS, 4 * AETHER_EPOCHS_LOW, 1 },
		{ AETHER_OFFSET_ATOMIC_FLAGS_HIGH,
		  4 * (AETHER_EPOCHS - AETHER_EPOCHS_LOW), 1 },
		{ l->pair_records.offset, sizeof(struct aether_pair_seg),
		  l->pair_records.count },
		{ l->pins_records.offset, sizeof(struct aether_pins_seg),
		  l->pins_records.count },
		{ l->guard_records.offset, sizeof(struct aether_guard_seg),
		  l->guard_records.count },
	};
	const uint32_t count = sizeof(all) / sizeof(all[0]);

	/* leases, seats and mailboxes are what most depends on */
	number %= count + 5;
	if (number >= count)
		number -= count;
	return all[number].count ? all[number] : all[0];
}

/* The tenancy in a slot, or another stamp there. */
static uint32_t stamp_of(uint32_t two)
{
	uint64_t seat = 0;

	if (two % 16 < FUZZ_SLOTS)
		memcpy(&seat, &fuzz.plane.seats[two % 16].seat, sizeof(seat));
	return (uint32_t)AETHER_SEAT_STAMP(seat) + (two >> 4 == 15);
}

static uint64_t lease_word(uint32_t stride)
{
	uint64_t word = 0;

	memcpy(&word, &fuzz.plane.leases[stride % FUZZ_STRIDES].word,
	       sizeof(word));
	return word;
}

/* The generation of the lease in whose record a word lies. */
static uint64_t generation_at(uint64_t at)
{
	uint64_t from = fuzz.plane.geometry.leases_offset;

	return at < from ? 0
			 : AETHER_LEASE_GENERATION(lease_word(
				   (uint32_t)((at - from) /
					      AETHER_RECORD_LEASE_SIZE)));
}

static uint64_t forge_lease(const struct scribble *s, uint64_t old)
{
	uint32_t one = s->one, two = s->two;

	switch (s->how % 16) {
	case 1:
		return AETHER_LEASE_MAKE(one, two % 16, stamp_of(two),
					 AETHER_LEASE_GENERATION(old),
					 one >> 7);
	case 2:
		if (two & 1)
			return AETHER_KEPT_MAKE(AETHER_STATE_KEPT, one % 3,
						two >> 1 & 3,
						AETHER_LEASE_GENERATION(old));
		return AETHER_CONT_MAKE(AETHER_STATE_CONT, one,
					AETHER_LEASE_GENERATION(old));
	case 3:
		return AETHER_PLACE_MAKE(
			one, two % 40,
			AETHER_LEASE_GENERATION(lease_word(two % 40)),
			AETHER_PLACE_LAP(old) + (one >> 1 & 3) - (one >> 3));
	case 4:
		return AETHER_SEAT_MAKE(one, AETHER_SEAT_STAMP(old) + two);
	case 5:
		return AETHER_HEIR_MAKE(one % 16, stamp_of(one), stamp_of(two),
					one >> 7 == 0);
	default:
		return AETHER_READERS_MAKE(one | two << 8,
					   generation_at(s->at));
	}
}

static uint64_t forge(const struct scribble *s, uint64_t old)
{
	uint32_t one = s->one, two = s->two;

	switch (s->how % 16) {
	case 0:
		return s->raw;
	case 7:
		return AETHER_HOLDER_MAKE(one, two % 16, stamp_of(two),
					  AETHER_HOLDER_GENERATION(old),
					  one >> 1);
	case 8:
		return AETHER_PAIR_STATE_MAKE(
			one, one >> 2, AETHER_PAIR_STATE_SEQUENCE(old) + two);
	case 9:
		return AETHER_PIN_MAKE(one, one >> 1, stamp_of(two),
				       AETHER_PIN_NUMBER(old));
	case 10:
		return old + (uint64_t)(int64_t)(int8_t)one;
	case 11:
		return old ^ UINT64_C(1) << one % 64;
	case 12:
		return fuzz.now + (uint64_t)one * 10000000;
	case 13:
		return lease_word(one);
	case 14:
		return one;
	case 15:
		return UINT64_MAX << one % 64;
	default:
		return forge_lease(s, old);
	}
}

static void scribble(const struct scribble *s)
{
	size_t width = s->how & 16 ? 4 : 8;
	unsigned char *to = fuzz.plane.base + s->at;
	uint64_t value = 0;

	if (width == 8)
		to -= s->at % 8;
	memcpy(&value, to, width);
	value = forge(s, value);
	memcpy(to, &value, width);
}

/* The writes of others, between two accesses of a call. */
void fuzz_scribbles_due(uint64_t step)
{
	uint32_t left = 0;

	fuzz.due = UINT64_MAX;
	for (uint32_t i = 0; i < waits; i++) {
		if (waiting[i].step <= step) {
			scribble(&waiting[i]);
			continue;
		}
		if (waiting[i].step < fuzz.due)
			fuzz.due = waiting[i].step;
		waiting[left++] = waiting[i];
	}
	waits = left;
}

void fuzz_scribbles_forget(void)
{
	waits = 0;
	fuzz.due = UINT64_MAX;
}

void fuzz_scribble(void)
{
	struct table t = table_of(fuzz_byte());
	uint64_t record = fuzz_byte() % t.count;
	uint64_t field = fuzz_byte() * (t.record > 1024 ? 8 : 4) % t.record;
	struct scribble s = { .at = t.at + record * t.record + field };
	uint32_t when;

	s.how = fuzz_byte();
	if (s.how % 16) {
		s.one = fuzz_byte();
		s.two = fuzz_byte();
	} else {
		s.raw = fuzz_number(8);
	}
	when = s.how & 32 ? fuzz_byte() : 0;
	s.step = s.how & 64 ? when * 8 : when;
	if (!when || waits == WAITING) {
		scribble(&s);
		return;
	}
	waiting[waits++] = s;
	if (s.step < fuzz.due)
		fuzz.due = s.step;
}
