/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shares: one lease, several readers. The lease word says SHARED and names
 * nobody; who reads it is a bit per slot in two halves beside it, each with the
 * lease's generation. Bits are written by the sharer while it is still alone,
 * and from then on only cleared; whoever clears the last one ends the lease.
 * Steps S, T3 to T5, B and O of docs/protocol.md.
 */
#include "ae_base.h"

/* The lease word of a shared lease. */
static uint64_t shared_word(uint64_t word)
{
	return AETHER_STATE_SHARED | (word & AE_GENERATION);
}

/* Half a reader set with these readers, of the generation of a lease word. */
static uint64_t half_of(uint64_t set, uint64_t word)
{
	return AETHER_READERS_MAKE(set, AETHER_LEASE_GENERATION(word));
}

static uint64_t bit_of(uint32_t slot)
{
	return UINT64_C(1) << slot / 2;
}

struct aether_word64 *ae_share_half(const struct aether_plane *plane,
				    uint32_t index, uint32_t slot)
{
	struct aether_lease_seg *lease = &plane->leases[index];

	return slot % 2 ? &lease->readers_odd : &lease->readers_even;
}

/* Does this half, of this lease, say that the slot is to read? */
static int has_reader(uint64_t half, uint64_t word, uint32_t slot)
{
	return (half & ~AETHER_READERS_SET_MASK) == half_of(0, word) &&
	       (half & bit_of(slot));
}

static void set_reading(struct aether_participant *me, uint32_t index)
{
	me->reading[index / 32] |= UINT32_C(1) << index % 32;
}

static void clear_reading(struct aether_participant *me, uint32_t index)
{
	me->reading[index / 32] &= ~(UINT32_C(1) << index % 32);
}

/* T3 to T5: am I meant by a lease that is shared? 0: I read it now. */
int ae_share_look(struct aether_participant *me, uint32_t index, uint64_t word)
{
	struct aether_lease_seg *lease = &me->plane->leases[index];
	/* relaxed: the word, read before, orders it. */
	uint64_t half = ae_load64_relaxed(
		ae_share_half(me->plane, index, me->slot));

	if (!has_reader(half, word, me->slot) || ae_share_reads(me, index))
		return AETHER_EOWNER;
	/* relaxed: the same. A later tenant of the slot is not meant. */
	if (me->stamp > ae_load64_relaxed(&lease->sigma))
		return AETHER_EOWNER;
	/* seq_cst: still shared, and with my bit set it stays so.
	 * pairs: seq_cst in commit_share */
	if (ae_load64_seq_cst(&lease->word) != word)
		return AETHER_EOWNER;
	set_reading(me, index);
	return 0;
}

/* B: takes the slot out of the readers of the lease that `word` describes. 1:
 * it was one. */
int ae_share_strike(struct aether_plane *plane, uint32_t index, uint64_t word,
		    uint32_t slot)
{
	struct aether_word64 *half = ae_share_half(plane, index, slot);
	/* relaxed: the swap decides. */
	uint64_t now = ae_load64_relaxed(half);

	/* bits are only cleared, so it ends; more often: somebody forges */
	for (int i = 0; i < 64 && has_reader(now, word, slot); i++) {
		/* seq_cst: I am done with the bytes. pairs: seq_cst in
		 * ae_share_last_out */
		uint64_t seen = ae_cas64_seq_cst(half, now,
						 now & ~bit_of(slot));

		if (seen == now)
			return 1;
		now = seen;
	}
	return 0;
}

/*
 * O: ends the lease if nobody reads it any more; `ending` is the word, without
 * generation, of who clears and frees it. 1: this call has ended it.
 */
int ae_share_last_out(struct aether_plane *plane, uint32_t index, uint64_t word,
		      uint64_t ending)
{
	struct aether_lease_seg *lease = &plane->leases[index];
	uint64_t none = half_of(0, word);
	uint64_t next = ending |
			ae_word_generation(AETHER_LEASE_GENERATION(word) + 1);

	/* seq_cst: all readers are done with the bytes.
	 * pairs: seq_cst in ae_share_strike */
	if (ae_load64_seq_cst(&lease->readers_even) != none ||
	    ae_load64_seq_cst(&lease->readers_odd) != none)
		return 0;
	/* seq_cst: the lease has ended. pairs: seq_cst in settle_word */
	if (ae_cas64_seq_cst(&lease->word, word, next) != word)
		return 0;
	ae_lease_finish(plane, index, next);
	return 1;
}

/* My part in a shared lease; `word` has its generation. */
int ae_share_release(struct aether_participant *me, uint32_t index,
		     uint64_t word)
{
	word = shared_word(word);
	ae_lease_lose(me, ae_run_said(me->plane, index));
	clear_reading(me, index);
	ae_count(&me->seat->released, &me->counts.released);
	if (!ae_share_strike(me->plane, index, word, me->slot))
		return AETHER_ECORRUPT; /* somebody wrote over the set */
	ae_share_last_out(me->plane, index, word, me->ending);
	return 0;
}

/* How many of my shares the slot has not released yet. */
static uint32_t count_shares(struct aether_participant *me, uint32_t slot)
{
	uint64_t bit = UINT64_C(1) << slot;
	uint32_t count = 0;

	if (!me->shares)
		return 0;
	for (uint32_t i = 0; i < me->plane->geometry.strides; i++) {
		struct ae_shared *s = &me->shared[i];
		uint64_t half;

		if (!(s->to & bit))
			continue;
		/* relaxed: a number; what is struck off now counts next time.*/
		half = ae_load64_relaxed(ae_share_half(me->plane, i, slot));
		if (ae_load64_relaxed(&me->plane->leases[i].word) == s->word &&
		    has_reader(half, s->word, slot)) {
			count++;
			continue;
		}
		s->to &= ~bit;
		me->shares -= s->to == 0;
	}
	return count;
}

static void note(struct aether_participant *me, uint32_t index, uint64_t word,
		 uint64_t readers)
{
	me->shares += me->shared[index].to == 0;
	me->shared[index].word = word;
	me->shared[index].to = readers;
}

/* What a share is made of. */
struct share {
	uint32_t index;
	uint64_t handle;
	uint64_t mine; /* the lease word before */
	uint64_t word; /* and after */
	uint64_t sigma;
	uint64_t readers; /* a bit per slot */
	uint32_t reached; /* how many those are */
	uint32_t dropped; /* readers left out by a policy */
};

/* Is there room under the depth of my route to the slot? */
static int check_depth(struct aether_participant *me, uint64_t to,
		       uint32_t slot)
{
	const struct ae_sender *sender = &me->senders[slot];

	if (sender->to != to || !sender->depth ||
	    count_shares(me, slot) < sender->depth)
		return 0;
	if (sender->policy != AETHER_POLICY_BLOCK)
		return AETHER_EDROPPED;
	ae_count(&me->seat->full, &me->counts.full);
	return AETHER_EDEPTH;
}

/* S2: who is there, and has room. */
static int choose(struct aether_participant *me, struct share *s,
		  const uint64_t *to, uint32_t count)
{
	struct aether_participant_seg *seat;
	uint64_t named = UINT64_C(1) << me->slot;
	int err;

	if (!count || count > AETHER_PARTICIPANTS_MAX)
		return AETHER_EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t slot = (uint32_t)AETHER_TENANCY_SLOT(to[i]);

		if (AETHER_TENANCY_STAMP(to[i]) > s->sigma ||
		    ae_participant_find_seat(me->plane, to[i], &seat) < 0)
			continue;
		if (named >> slot & 1)
			return AETHER_EINVAL;
		named |= UINT64_C(1) << slot;
		err = ae_sight_check(me->plane, slot,
				     AETHER_TENANCY_STAMP(to[i]), s->index);
		if (err == AETHER_EACCES)
			return err;
		if (err < 0)
			continue;
		err = check_depth(me, to[i], slot);
		if (err == AETHER_EDEPTH)
			return err;
		if (err < 0) {
			s->dropped++;
			continue;
		}
		s->readers |= UINT64_C(1) << slot;
		s->reached++;
	}
	return s->readers || s->dropped ? 0 : AETHER_EGONE;
}

/* S3: an entry for each. */
static int enter(struct aether_participant *me, const struct share *s)
{
	uint64_t set = s->readers;
	int err = 0;

	for (; set && err == 0; set &= set - 1) {
		uint32_t slot = (uint32_t)__builtin_ctzll(set);

		err = ae_mailbox_enter(me->plane, slot, s->handle,
				       &me->senders[slot].cursor);
	}
	if (err == AETHER_EBOX)
		ae_count(&me->seat->full, &me->counts.full);
	return err;
}

static uint64_t even_bits(uint64_t readers)
{
	uint64_t half = 0;

	for (uint32_t slot = 0; slot < 64; slot += 2)
		if (readers >> slot & 1)
			half |= bit_of(slot);
	return half;
}

/* S4, S5. */
static int commit_share(struct aether_participant *me, const struct share *s)
{
	struct aether_lease_seg *lease = &me->plane->leases[s->index];

	/* relaxed: I am still alone; the commit orders them. */
	ae_store64_relaxed(&lease->sigma, s->sigma);
	ae_store64_relaxed(&lease->readers_even,
			   half_of(even_bits(s->readers), s->word));
	ae_store64_relaxed(&lease->readers_odd,
			   half_of(even_bits(s->readers >> 1), s->word));
	/* seq_cst: hands the bytes over; before the second look at the seats
	 * and at who is parked. pairs: seq_cst in look, seq_cst in
	 * ae_share_look, seq_cst in settle_word */
	if (ae_cas64_seq_cst(&lease->word, s->mine, s->word) != s->mine)
		return AETHER_ECORRUPT;
	return 0;
}

/* S6, S7: whoever is gone by now reads no more. */
static void look_again(struct aether_participant *me, const struct share *s)
{
	struct aether_plane *plane = me->plane;

	for (uint64_t set = s->readers; set; set &= set - 1) {
		uint32_t slot = (uint32_t)__builtin_ctzll(set);
		/* seq_cst: after the commit: either I see that it leaves, or
		 * it finds that it is a reader.
		 * pairs: seq_cst in ae_participant_leave */
		uint64_t seat = ae_load64_seq_cst(&plane->seats[slot].seat);

		if (AETHER_SEAT_STATE(seat) != AETHER_SEAT_ACTIVE ||
		    AETHER_SEAT_STAMP(seat) > s->sigma)
			ae_share_strike(plane, s->index, s->word, slot);
		else
			ae_wait_ring_mail(plane, slot);
	}
	ae_share_last_out(plane, s->index, s->word, me->ending);
}

int aether_share(struct aether_participant *me, uint64_t handle,
		 const uint64_t *to, uint32_t count, uint32_t *reached)
{
	struct share s = { .index = (uint32_t)AETHER_HANDLE_STRIDE(handle),
			   .handle = handle };
	struct aether_lease_seg *lease;
	int err = ae_lease_mine(me, handle, &lease);
	uint32_t run;

	if (err < 0)
		return err;
	run = ae_run_said(me->plane, s.index);
	s.mine = me->mine |
		 ae_word_generation(AETHER_HANDLE_GENERATION(handle));
	s.word = shared_word(s.mine);
	/* seq_cst: S1, before I look who is there. pairs: seq_cst in settle */
	s.sigma = ae_load64_seq_cst(&me->plane->header->joins);
	err = choose(me, &s, to, count);
	if (err < 0)
		return err;
	if (!s.readers) {
		aether_stride_release(me, handle);
		ae_count(&me->seat->dropped, &me->counts.dropped);
		return AETHER_EDROPPED;
	}
	err = enter(me, &s);
	if (err == 0)
		err = commit_share(me, &s);
	if (err < 0)
		return err;
	ae_lease_lose(me, run);
	note(me, s.index, s.word, s.readers);
	ae_count(&me->seat->routed, &me->counts.routed);
	if (reached)
		*reached = s.reached;
	look_again(me, &s);
	return 0;
}
