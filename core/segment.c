/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments: what of a plane this attachment has, by register, so that a look
 * needs no division; and sights: which segments' leases the others see, which
 * each tenancy says in its record. A sight outlives its tenancy: of one that is
 * dead it says where it may have left something, and who has settled what he
 * sees takes that out. The last one frees the seat. Undivided planes have no
 * use for it, and nobody writes or reads one there.
 */
#include "ae_base.h"
#include "ae_host.h"

#define HALF_BITS 32

#define RIGHT(id, number, name, doc) name,
static const char *const right_names[] = { AETHER_RIGHT_LIST(RIGHT) };
#undef RIGHT
#define RIGHTS (sizeof(right_names) / sizeof(right_names[0]))

/* The first segment's first stride is 0, and one beyond the last begins where
 * the strides end. */
uint32_t ae_segment_first(const struct aether_geometry *g, uint32_t segment)
{
	uint64_t first = (uint64_t)segment * g->segment_strides;

	return first < g->strides ? (uint32_t)first : g->strides;
}

/* An undivided plane counts as one. */
uint32_t ae_segment_count(const struct aether_geometry *g)
{
	return g->segments ? g->segments : 1;
}

/* What is one object whatever the plane is: all of it, or all but segments. */
uint64_t ae_segment_control_size(const struct aether_geometry *g)
{
	return g->segments ? g->leases_offset : g->plane_size;
}

void ae_segment_init(struct aether_plane *plane)
{
	for (uint32_t i = 0; i < ae_segment_count(&plane->geometry); i++)
		ae_segment_grant(plane, i, AETHER_RIGHT_WRITE);
}

void ae_segment_grant(struct aether_plane *plane, uint32_t segment,
		      uint32_t right)
{
	uint32_t end = ae_segment_first(&plane->geometry, segment + 1);
	uint64_t bit = UINT64_C(1) << segment;

	for (uint32_t i = ae_segment_first(&plane->geometry, segment); i < end;
	     i += AETHER_REGISTER_BITS) {
		plane->segment[i / AETHER_REGISTER_BITS] = (uint8_t)segment;
		plane->right[i / AETHER_REGISTER_BITS] = (uint8_t)right;
	}
	plane->sight &= ~bit;
	plane->writable &= ~bit;
	if (right >= AETHER_RIGHT_ROUTE)
		plane->sight |= bit;
	if (right >= AETHER_RIGHT_WRITE)
		plane->writable |= bit;
}

/* Of its leases, which fill pages where the plane is divided. */
uint64_t ae_segment_bytes(const struct aether_geometry *g, uint32_t segment)
{
	uint32_t first = ae_segment_first(g, segment);
	uint32_t end = ae_segment_first(g, segment + 1);

	if (end == g->strides)
		return g->tables_end - g->leases_offset -
		       (uint64_t)first * AETHER_RECORD_LEASE_SIZE;
	return (uint64_t)(end - first) * AETHER_RECORD_LEASE_SIZE;
}

int aether_segment_look(const struct aether_plane *plane, uint32_t segment,
			struct aether_segment_info *info)
{
	const struct aether_geometry *g = &plane->geometry;
	uint32_t first, strides;

	if (segment >= ae_segment_count(&plane->geometry))
		return AETHER_ERANGE;
	first = ae_segment_first(&plane->geometry, segment);
	strides = ae_segment_first(&plane->geometry, segment + 1) - first;
	*info = (struct aether_segment_info) {
		.segment = segment,
		.right = ae_right(plane, first),
		.first = first,
		.strides = strides,
		.leases_offset = g->leases_offset +
				 (uint64_t)first * AETHER_RECORD_LEASE_SIZE,
		.leases_size = ae_segment_bytes(&plane->geometry, segment),
		.data_offset = g->data_offset + first * g->stride_size,
		.data_size = strides * g->stride_size,
	};
	return 0;
}

int aether_segment_of(const struct aether_plane *plane, uint32_t index,
		      uint32_t *segment)
{
	if (index >= plane->geometry.strides)
		return AETHER_ERANGE;
	*segment = plane->segment[index / AETHER_REGISTER_BITS];
	return 0;
}

int aether_segment_right(const struct aether_plane *plane, uint64_t handle,
			 uint32_t *right)
{
	uint32_t index = (uint32_t)AETHER_HANDLE_STRIDE(handle);

	if (AETHER_HANDLE_TAG(handle) != plane->tag)
		return AETHER_EFOREIGN;
	if (index >= plane->geometry.strides)
		return AETHER_ERANGE;
	*right = ae_right(plane, index);
	return 0;
}

const char *aether_segment_right_name(uint32_t right)
{
	return right < RIGHTS ? right_names[right] : NULL;
}

static uint64_t half_of(uint64_t sight, uint32_t half)
{
	return sight >> half * HALF_BITS & AETHER_SIGHT_SET_MASK;
}

/* Segments that there are: of others nobody has left anything, and nobody would
 * ever settle it. */
static uint64_t possible(const struct aether_plane *plane, uint32_t half)
{
	return half_of(~UINT64_C(0) >> (AETHER_SEGMENTS_MAX -
					ae_segment_count(&plane->geometry)),
		       half);
}

/* Mine, before my seat is active. Where it is a dead one's seat that I take
 * over, my sight holds what of his is left, so it may be written over it. */
void ae_sight_write(struct aether_participant *me)
{
	if (!me->plane->geometry.segments)
		return;
	for (uint32_t i = 0; i < AE_SIGHT_HALVES; i++)
		/* relaxed: before the seat is active. */
		ae_store64_relaxed(
			&me->seat->sight[i],
			AETHER_SIGHT_MAKE(half_of(me->plane->sight, i),
					  me->stamp));
}

/*
 * Does the tenancy, by its slot and the low bits of its stamp, see the stride?
 * The caller looks at its seat afterwards, once more.
 * AETHER_EACCES: it does not; AETHER_EGONE: somebody else sits there.
 */
int ae_sight_check(const struct aether_plane *plane, uint32_t slot,
		   uint64_t stamp, uint32_t index)
{
	uint32_t segment = plane->segment[index / AETHER_REGISTER_BITS];
	uint64_t sight;

	if (!plane->geometry.segments)
		return 0;
	/* relaxed: read after the seat, which says that it is written. */
	sight = ae_load64_relaxed(
		&plane->seats[slot].sight[segment / HALF_BITS]);
	if (ae_low_stamp(AETHER_SIGHT_STAMP(sight)) != ae_low_stamp(stamp))
		return AETHER_EGONE;
	return AETHER_SIGHT_SET(sight) >> segment % HALF_BITS & 1
		       ? 0
		       : AETHER_EACCES;
}

/* Do I see all segments in which the one whose seat it was may have left
 * something? Whoever wrote the words: they hold no less than what is left. */
int ae_sight_within(const struct aether_plane *plane, uint32_t slot)
{
	uint64_t beyond = 0;

	if (!plane->geometry.segments)
		return 1;
	for (uint32_t i = 0; i < AE_SIGHT_HALVES; i++) {
		/* acquire: whoever took something out has settled it.
		 * pairs: seq_cst in strike */
		uint64_t sight = ae_load64_acquire(
			&plane->seats[slot].sight[i]);

		beyond |= AETHER_SIGHT_SET(sight) & possible(plane, i) &
			  ~half_of(plane->sight, i);
	}
	return !beyond;
}

/*
 * Who has written a sight that is not the dead one's is a newcomer: it was
 * about to take the seat over. 1: it has died before it could, so that the
 * sight is about the dead one's leases still. One that lives has written it for
 * itself; one that has sat there may have left leases of its own, which I have
 * not looked for.
 */
static int has_failed(const struct aether_plane *plane, uint32_t slot,
		      uint64_t dead)
{
	return ae_host_life_test(plane, slot) == 0 &&
	       /* seq_cst: after it was known to be dead. pairs: release in sit
		*/
	       ae_load64_seq_cst(&plane->seats[slot].seat) == dead;
}

/* Takes my segments out of one half. */
static void strike(struct aether_plane *plane, uint32_t slot, uint64_t dead,
		   uint32_t half)
{
	struct aether_word64 *sight = &plane->seats[slot].sight[half];
	uint64_t mine = half_of(plane->sight, half);
	uint64_t stamp = AETHER_SEAT_STAMP(dead) & AETHER_SIGHT_STAMP_MASK;
	/* relaxed: the swap decides. */
	uint64_t word = ae_load64_relaxed(sight);

	/* others take theirs out at the same time; more often: it is forged */
	for (int i = 0; i < HALF_BITS && AETHER_SIGHT_SET(word) & mine; i++) {
		uint64_t next = AETHER_SIGHT_MAKE(AETHER_SIGHT_SET(word) &
							  ~mine,
						  AETHER_SIGHT_STAMP(word));
		uint64_t seen;

		if (AETHER_SIGHT_STAMP(word) != stamp &&
		    !has_failed(plane, slot, dead))
			return;
		/* seq_cst: all that I see is settled; before I look at what is
		 * left. pairs: acquire in ae_sight_within, seq_cst in
		 * ae_sight_strike */
		seen = ae_cas64_seq_cst(sight, word, next);
		word = seen == word ? next : seen;
	}
}

/*
 * Can that be half of the sight of one who sits there, and has leases in the
 * segments `held`? The doctor's.
 */
int ae_sight_may_be(const struct aether_plane *plane, uint64_t seat,
		    uint64_t held, uint32_t half, uint64_t sight)
{
	uint64_t set = AETHER_SIGHT_SET(sight);

	return AETHER_SIGHT_STAMP(sight) ==
		       (AETHER_SEAT_STAMP(seat) & AETHER_SIGHT_STAMP_MASK) &&
	       !(set & ~possible(plane, half)) && !(half_of(held, half) & ~set);
}

/* All that I see of what the dead one left is settled. 1: nothing is left. */
int ae_sight_strike(struct aether_plane *plane, uint32_t slot, uint64_t dead)
{
	uint64_t left = 0;

	if (!plane->geometry.segments)
		return 1;
	for (uint32_t i = 0; i < AE_SIGHT_HALVES; i++)
		strike(plane, slot, dead, i);
	for (uint32_t i = 0; i < AE_SIGHT_HALVES; i++) {
		/* seq_cst: after mine are out of both: of two who take out the
		 * last ones, each of another half, one sees that nothing is
		 * left. pairs: seq_cst in strike */
		uint64_t sight = ae_load64_seq_cst(
			&plane->seats[slot].sight[i]);

		left |= AETHER_SIGHT_SET(sight) & possible(plane, i) &
			~half_of(plane->sight, i);
	}
	return !left;
}
