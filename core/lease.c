/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: who may do what with a handle, and how a lease ends. A single stride
 * whose bytes stay as they are is freed by one swap. Where there is more to do,
 * clearing bytes or freeing a run, the lease ends first, by a swap that makes
 * every handle of it stale, and its strides are freed after that by whoever
 * the word names; if that one dies, a reaper goes on. Step F of
 * docs/protocol.md.
 */
#include "ae_base.h"

int ae_lease_find(const struct aether_plane *plane, uint64_t handle,
		  struct aether_lease_seg **lease)
{
	uint32_t index = (uint32_t)AETHER_HANDLE_STRIDE(handle);

	if (ae_plane_lost(plane))
		return AETHER_ECORRUPT;
	if (AETHER_HANDLE_TAG(handle) != plane->tag)
		return AETHER_EFOREIGN;
	if (index >= plane->geometry.strides)
		return AETHER_ERANGE;
	if (ae_right(plane, index) < AETHER_RIGHT_ROUTE)
		return AETHER_EACCES;
	*lease = &plane->leases[index];
	return 0;
}

static int refuse(struct aether_participant *me, int err)
{
	ae_count(&me->seat->refused, &me->counts.refused);
	return err;
}

/* Why a lease that `word` describes is not mine under this handle. */
int ae_lease_refuse(struct aether_participant *me, uint64_t word,
		    uint64_t handle)
{
	if (AETHER_LEASE_GENERATION(word) != AETHER_HANDLE_GENERATION(handle))
		return refuse(me, AETHER_ESTALE);
	if ((word & ~AE_GENERATION) == (me->mine | AE_SUSPECT))
		return AETHER_ESUSPECT;
	return refuse(me, AETHER_EOWNER);
}

int ae_lease_mine(struct aether_participant *me, uint64_t handle,
		  struct aether_lease_seg **lease)
{
	int err = ae_lease_find(me->plane, handle, lease);
	uint64_t word;

	if (err < 0)
		return refuse(me, err);
	/* relaxed: while the lease is mine nobody else changes its word. */
	word = ae_load64_relaxed(&(*lease)->word);
	if (word !=
	    (me->mine | ae_word_generation(AETHER_HANDLE_GENERATION(handle))))
		return ae_lease_refuse(me, word, handle);
	return 0;
}

/* The same; also if it is shared, and I am one of its readers. */
int ae_lease_readable(struct aether_participant *me, uint64_t handle,
		      struct aether_lease_seg **lease)
{
	int err = ae_lease_find(me->plane, handle, lease);
	uint64_t generation = ae_word_generation(
		AETHER_HANDLE_GENERATION(handle));
	uint64_t word;

	if (err < 0)
		return refuse(me, err);
	/* relaxed: while I have a part in it, what I see of it stays so. */
	word = ae_load64_relaxed(&(*lease)->word);
	if (word == (me->mine | generation))
		return 0;
	if (word == (AETHER_STATE_SHARED | generation) &&
	    ae_share_reads(me, (uint32_t)AETHER_HANDLE_STRIDE(handle)))
		return 0;
	return ae_lease_refuse(me, word, handle);
}

void ae_lease_set_bit(const struct aether_plane *plane, uint32_t index)
{
	/* relaxed: registers are hints. */
	ae_or32_relaxed(ae_register(plane, index), ae_bit(index));
}

void ae_lease_clear_bit(const struct aether_plane *plane, uint32_t index)
{
	/* relaxed: registers are hints. */
	ae_and32_relaxed(ae_register(plane, index), ~ae_bit(index));
}

/* F4: the head, and every single stride. Returns what the word was. */
static uint64_t free_word(struct aether_plane *plane, uint32_t index,
			  uint64_t word)
{
	uint64_t next = ae_word_generation(AETHER_LEASE_GENERATION(word) + 1);

	/* seq_cst: releases the bytes to the next owner, and comes before the
	 * look at the waiters. pairs: seq_cst in claim, seq_cst in
	 * claim_any, seq_cst in claim_tail, acquire in settle_tail */
	return ae_cas64_seq_cst(&plane->leases[index].word, word, next);
}

static void clear_data(struct aether_plane *plane, uint32_t index, uint32_t run)
{
	uint64_t size = plane->geometry.stride_size;

	__builtin_memset(plane->base + plane->geometry.data_offset +
				 index * size,
			 0, (size_t)(run * size));
}

/* Who may not write the data says that they are still to be cleared, and who
 * reserves them next, who may, does it. */
static void clear_bytes(struct aether_plane *plane, uint32_t index,
			uint32_t run)
{
	struct aether_lease_seg *lease = &plane->leases[index];
	uint32_t uncleared = ae_right(plane, index) < AETHER_RIGHT_WRITE;

	__builtin_memset(lease->user, 0, sizeof(lease->user));
	if (!uncleared)
		clear_data(plane, index, run);
	for (uint32_t i = 0; i < run && ae_zeroes_late(plane); i++)
		/* relaxed: free_word orders them. */
		ae_store32_relaxed(&lease[i].uncleared, uncleared);
}

/* Was a stride of this lease to be cleared still, when who reserved it died? */
int ae_lease_is_uncleared(const struct aether_plane *plane, uint32_t index)
{
	uint32_t run = ae_run_length(plane, index);

	for (uint32_t i = 0; i < run; i++)
		/* acquire: no more than it says is left to be cleared.
		 * pairs: release in ae_lease_clear_late */
		if (ae_load32_acquire(&plane->leases[index + i].uncleared))
			return 1;
	return 0;
}

/* A stride that I have reserved and nobody has seen yet. Who does without data
 * takes it as it is: his addressees may see all of the segment anyway. */
void ae_lease_clear_late(struct aether_plane *plane, uint32_t index)
{
	struct aether_word32 *uncleared = &plane->leases[index].uncleared;

	/* relaxed: ordered by the swap that made it mine. */
	if (!ae_load32_relaxed(uncleared))
		return;
	if (ae_right(plane, index) >= AETHER_RIGHT_WRITE)
		clear_data(plane, index, 1);
	/* release: it is cleared, should I die. pairs: acquire in
	 * ae_lease_is_uncleared */
	ae_store32_release(uncleared, 0);
}

/* F2, F3: a tail of a run whose head is its releaser's. */
static void free_tail(struct aether_plane *plane, uint32_t index)
{
	/* relaxed: only who ends the run changes it. */
	uint64_t word = ae_load64_relaxed(&plane->leases[index].word);

	if (AETHER_LEASE_STATE(word) != AETHER_STATE_CONT)
		return;
	free_word(plane, index, word);
	ae_lease_clear_bit(plane, index);
}

/* F1 to F5 of a lease that has ended: `word` says that I clear and free it. */
void ae_lease_finish(struct aether_plane *plane, uint32_t index, uint64_t word)
{
	uint32_t run = ae_run_length(plane, index);

	if (plane->flags & AETHER_FLAG_ZERO)
		clear_bytes(plane, index, run);
	while (--run)
		free_tail(plane, index + run);
	if (free_word(plane, index, word) != word)
		return;
	ae_lease_clear_bit(plane, index);
	ae_wait_ring_set(plane, &plane->header->space_waiters);
}

/* A run that I have not handed out: nothing to clear. Tails first, so that
 * whoever finds me dead finds a run. */
void ae_lease_give_back(struct aether_participant *me, uint32_t index,
			uint64_t word)
{
	struct aether_plane *plane = me->plane;
	uint32_t run = ae_run_length(plane, index);

	ae_lease_lose(me, run);
	while (--run)
		free_tail(plane, index + run);
	free_word(plane, index, word);
	ae_lease_clear_bit(plane, index);
	ae_wait_ring_set(plane, &plane->header->space_waiters);
}

/* The lease ends, and then its strides are freed. */
static int end_first(struct aether_participant *me, uint32_t index,
		     uint64_t word)
{
	uint64_t next = me->ending |
			ae_word_generation(AETHER_LEASE_GENERATION(word) + 1);

	/* seq_cst: the lease has ended; who goes on if I die sees the bytes as
	 * I left them. pairs: seq_cst in settle_word */
	if (ae_cas64_seq_cst(&me->plane->leases[index].word, word, next) !=
	    word)
		return AETHER_EAGAIN;
	ae_lease_finish(me->plane, index, next);
	return 1;
}

/* Ends a lease that is a pair's, whose writer I am. If somebody wrote over its
 * word it is that one's, and nothing is done. */
void ae_lease_drop(struct aether_participant *me, uint32_t index, uint64_t word)
{
	if (end_first(me, index, word) >= 0)
		ae_count(&me->seat->released, &me->counts.released);
}

/*
 * Ends a lease of mine; `word` is mine, suspect or not. 0: its stride is free,
 * and its register bit is still set, to be kept so or cleared; 1: all is done.
 * AETHER_EAGAIN: it was not mine.
 */
static int end_warm(struct aether_participant *me, uint32_t index,
		    uint64_t word)
{
	struct aether_plane *plane = me->plane;
	uint32_t run = ae_run_said(plane, index);
	int done = 0;

	if (run > 1 || plane->flags & AETHER_FLAG_ZERO || word & AE_SUSPECT)
		done = end_first(me, index, word);
	else if (free_word(plane, index, word) == word)
		ae_wait_owe_space(me);
	else
		done = AETHER_EAGAIN;
	if (done < 0)
		return done;
	ae_lease_lose(me, run);
	ae_count(&me->seat->released, &me->counts.released);
	return done;
}

/* F4, F5. */
int ae_lease_end(struct aether_participant *me, uint32_t index, uint64_t word)
{
	int err = end_warm(me, index, word);

	if (err == 0)
		ae_lease_clear_bit(me->plane, index);
	return err < 0 ? err : 0;
}

/* This one is warm now: its bit stays set until another takes its place, so
 * that reserving it again moves no register. Reapers are told which it is. Not
 * where I cannot reserve it again: who takes the warm one asks for no right. */
static void warm(struct aether_participant *me, uint32_t index)
{
	if (ae_right(me->plane, index) < me->reserves) {
		ae_lease_clear_bit(me->plane, index);
		return;
	}
	if (me->last != index)
		ae_stride_cool(me);
	me->last = index;
	if (me->warm == index)
		return;
	me->warm = index;
	/* relaxed: a hint. */
	ae_store32_relaxed(&me->seat->warm, index + 1);
}

/* What is not simply mine: suspect, or shared with me, or not mine at all. */
static int release_other(struct aether_participant *me, uint64_t handle,
			 uint64_t mine)
{
	uint32_t index = (uint32_t)AETHER_HANDLE_STRIDE(handle);
	struct aether_lease_seg *lease;
	int err = ae_lease_readable(me, handle, &lease);

	if (err == AETHER_ESUSPECT)
		return ae_lease_end(me, index, mine | AE_SUSPECT) < 0
			       ? AETHER_ECORRUPT
			       : 0;
	if (err == 0 && ae_share_reads(me, index))
		return ae_share_release(me, index, mine);
	return err ? err : AETHER_ECORRUPT;
}

/* All cases. */
static AE_COLD int release(struct aether_participant *me, uint64_t handle)
{
	uint32_t index = (uint32_t)AETHER_HANDLE_STRIDE(handle);
	uint64_t mine = me->mine |
			ae_word_generation(AETHER_HANDLE_GENERATION(handle));
	int err;

	if (!ae_lease_held(me, handle))
		return release_other(me, handle, mine);
	err = end_warm(me, index, mine);
	if (err < 0)
		return AETHER_ECORRUPT; /* somebody wrote over the word */
	if (err == 0)
		warm(me, index);
	return 0;
}

/*
 * The case that is to be fast, the stride that was reserved warm: no call but a
 * last one, for a swap waits until every store before it has left the core, and
 * each call is several.
 */
int aether_stride_release(struct aether_participant *me, uint64_t handle)
{
	uint32_t index = (uint32_t)AETHER_HANDLE_STRIDE(handle);
	uint64_t mine = me->mine |
			ae_word_generation(AETHER_HANDLE_GENERATION(handle));

	/* nothing is warm where strides are zeroed, nor where I may not write;
	 * relaxed: while the lease is mine nobody else changes it. */
	if (me->last != AE_NONE || me->warm != index ||
	    AETHER_HANDLE_TAG(handle) != me->plane->tag ||
	    ae_load64_relaxed(&me->plane->leases[index].word) != mine ||
	    ae_load32_relaxed(&me->plane->leases[index].run) > 1)
		return release(me, handle);
	if (free_word(me->plane, index, mine) != mine)
		return AETHER_ECORRUPT;
	me->last = index;
	ae_lease_lose(me, 1);
	ae_count(&me->seat->released, &me->counts.released);
	ae_wait_owe_space(me);
	return 0;
}
