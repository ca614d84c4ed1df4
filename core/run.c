/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs: consecutive strides under one lease. The first one's word is the
 * lease's; each of the others says only how far back it is. The head is
 * claimed first and freed last, so the tails are always somebody's.
 */
#include "ae_base.h"

/* How many strides the words say that the run of this head has; 1: it is a
 * single. Exact for whoever the head is. */
uint32_t ae_run_length(const struct aether_plane *plane, uint32_t index)
{
	uint32_t end = ae_segment_end(plane, index);
	uint32_t run = 1;

	while (index + run < end) {
		/* relaxed: the head orders its tails. */
		uint64_t word = ae_load64_relaxed(
			&plane->leases[index + run].word);

		if (AETHER_LEASE_STATE(word) != AETHER_STATE_CONT ||
		    AETHER_CONT_DISTANCE(word) != run)
			break;
		run++;
	}
	return run;
}

/* V2: a tail. */
static int claim_tail(struct aether_participant *me, uint32_t head,
		      uint32_t distance)
{
	struct aether_lease_seg *lease = &me->plane->leases[head + distance];
	/* relaxed: a guess; the swap decides. */
	uint64_t word = ae_load64_relaxed(&lease->word);
	uint64_t tail = AETHER_CONT_MAKE(AETHER_STATE_CONT, distance,
					 AETHER_LEASE_GENERATION(word));

	if (AETHER_LEASE_STATE(word) != AETHER_STATE_DORMANT)
		return AETHER_EOWNER;
	/* seq_cst: the last owner is done with the bytes; and who settles sees
	 * the head's word before this one. pairs: seq_cst in free_word,
	 * seq_cst in settle_tail, seq_cst in settle_word */
	if (ae_cas64_seq_cst(&lease->word, word, tail) != word)
		return AETHER_EAGAIN;
	if (ae_zeroes_late(me->plane))
		ae_lease_clear_late(me->plane, head + distance);
	ae_lease_set_bit(me->plane, head + distance);
	return 0;
}

/* Claims a run at `index`, or gives back what it got. The number of strides
 * that were to be had there: `count`, if it is done. */
static uint32_t claim_run(struct aether_participant *me, uint32_t index,
			  uint32_t count, uint64_t *handle)
{
	uint64_t generation;
	uint32_t got = 1;

	if (ae_stride_claim(me, index, handle) < 0)
		return 0;
	ae_lease_set_bit(me->plane, index);
	while (got < count && claim_tail(me, index, got) == 0)
		got++;
	/* relaxed: mine. */
	ae_store32_relaxed(&me->plane->leases[index].run, got);
	me->held += got - 1;
	if (got == count)
		return got;
	generation = ae_word_generation(AETHER_HANDLE_GENERATION(*handle));
	ae_lease_give_back(me, index, me->mine | generation);
	return got;
}

/* How many strides from `index` on are free, as far as `count`. */
static uint32_t count_free(const struct aether_plane *plane, uint32_t index,
			   uint32_t count)
{
	uint32_t n = 0;

	while (n < count) {
		/* relaxed: a guess; the swaps decide. */
		uint64_t word = ae_load64_relaxed(
			&plane->leases[index + n].word);

		if (AETHER_LEASE_STATE(word) != AETHER_STATE_DORMANT)
			break;
		n++;
	}
	return n;
}

/* A run of a segment, which it never leaves. */
static int reserve(struct aether_participant *me, uint32_t segment,
		   uint32_t count, uint64_t *handle)
{
	uint32_t end = ae_segment_first(&me->plane->geometry, segment + 1);
	int result = AETHER_EFULL;
	uint32_t got;

	for (uint32_t i = ae_segment_first(&me->plane->geometry, segment);
	     i + count <= end; i += got + 1) {
		uint64_t claimed;

		got = count_free(me->plane, i, count);
		if (got < count)
			continue;
		got = claim_run(me, i, count, &claimed);
		if (got == count) {
			*handle = claimed;
			return 0;
		}
		result = AETHER_EAGAIN;
	}
	return result;
}

/* Of the segments from `first` to before `end`, those where I may. */
static int reserve_among(struct aether_participant *me, uint32_t first,
			 uint32_t end, uint32_t count, uint64_t *handle)
{
	int result = AETHER_EFULL;

	for (uint32_t i = first; i < end; i++) {
		int err = AETHER_EFULL;

		if (me->plane->writable >> i & 1)
			err = reserve(me, i, count, handle);
		if (err == 0)
			return 0;
		if (err == AETHER_EAGAIN)
			result = err;
	}
	return result;
}

static int try_run(struct aether_participant *me, uint32_t first, uint32_t end,
		   uint32_t count, uint64_t *handle)
{
	int err;

	if (ae_plane_lost(me->plane))
		return AETHER_ECORRUPT;
	if (me->quota &&
	    (me->held >= me->quota || count > me->quota - me->held))
		err = AETHER_EQUOTA;
	else
		err = reserve_among(me, first, end, count, handle);
	if (err == AETHER_EFULL && ae_reap_soon(me))
		err = reserve_among(me, first, end, count, handle);
	if (err == AETHER_EFULL || err == AETHER_EQUOTA)
		ae_count(&me->seat->full, &me->counts.full);
	return err;
}

/* Of all segments only the last can be shorter than the others. */
static uint32_t longest(const struct aether_plane *plane)
{
	const struct aether_geometry *g = &plane->geometry;
	uint32_t last = ae_segment_count(g) - 1;

	if (plane->writable != UINT64_C(1) << last)
		return g->segment_strides;
	return g->strides - ae_segment_first(g, last);
}

int aether_stride_reserve_run(struct aether_participant *me, uint32_t count,
			      uint64_t *handle)
{
	const struct aether_plane *plane = me->plane;

	if (!count || count > plane->geometry.segment_strides)
		return AETHER_EINVAL;
	if (count == 1)
		return aether_stride_reserve(me, handle);
	if (!plane->writable)
		return AETHER_EACCES;
	if (count > longest(plane))
		return AETHER_EINVAL;
	return try_run(me, 0, ae_segment_count(&plane->geometry), count,
		       handle);
}

int aether_stride_reserve_run_in(struct aether_participant *me,
				 uint32_t segment, uint32_t count,
				 uint64_t *handle)
{
	const struct aether_plane *plane = me->plane;

	if (segment >= ae_segment_count(&plane->geometry))
		return AETHER_ERANGE;
	if (!count ||
	    count > ae_segment_first(&plane->geometry, segment + 1) -
			    ae_segment_first(&plane->geometry, segment))
		return AETHER_EINVAL;
	if (count == 1)
		return aether_stride_reserve_in(me, segment, handle);
	if (!(plane->writable >> segment & 1))
		return AETHER_EACCES;
	return try_run(me, segment, segment + 1, count, handle);
}
