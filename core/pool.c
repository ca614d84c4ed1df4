/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of epochs: whose each of them is says its owner word, a holder word
 * (holder.c) whose generation rises when it goes back. A name of an epoch holds
 * that generation, so the name ends with the ownership. What the layout INOS
 * has as its table of taken epochs is written as a hint for its readers and
 * never read. Step Q of docs/epoch.md.
 */
#include "ae_base.h"
#include "ae_host.h"

#define FIRST AETHER_IDX_SUPERVISOR_POOL

static struct aether_word64 *owner_of(const struct aether_plane *plane,
				      uint32_t index)
{
	return &plane->epochs[index].owner;
}

/* Generations are never 0. */
static uint64_t after(uint64_t generation)
{
	generation = (generation + 1) & AETHER_HOLDER_GENERATION_MASK;
	return generation ? generation : 1;
}

/* The layout's table of taken epochs, if it has one. */
static struct aether_supervisor_alloc_seg *
table_of(const struct aether_plane *plane)
{
	const struct aether_layout_records *r =
		&plane->layout->supervisor_alloc_records;

	return r->count ? (void *)(plane->base + r->offset) : NULL;
}

static void note(const struct aether_plane *plane, uint32_t index, int taken)
{
	struct aether_supervisor_alloc_seg *table = table_of(plane);
	uint32_t bit = UINT32_C(1) << index % 32;

	if (!table || index / 32 >= sizeof(table->bitmap) / sizeof(uint32_t))
		return;
	/* relaxed: a hint. */
	if (taken)
		ae_or32_relaxed(&table->bitmap[index / 32], bit);
	else
		ae_and32_relaxed(&table->bitmap[index / 32], ~bit);
	/* relaxed: the same. */
	ae_store32_relaxed(&table->hint, index + (taken != 0));
	ae_add32_relaxed(&table->changes, 1);
}

/* Is that name of a pool epoch the one of its owner now? */
int ae_pool_is(const struct aether_plane *plane, uint64_t epoch)
{
	/* seq_cst: after I announced myself, if I did. pairs: seq_cst in
	 * ae_pool_end, seq_cst in claim */
	uint64_t word = ae_load64_seq_cst(
		owner_of(plane, (uint32_t)AETHER_EPOCH_INDEX(epoch)));

	return AETHER_HOLDER_HELD(word) && AETHER_EPOCH_GENERATION(epoch) &&
	       AETHER_HOLDER_GENERATION(word) == AETHER_EPOCH_GENERATION(epoch);
}

/* Q3: it goes back; who waits on it is rung and sees that. `word` is what was
 * judged. AETHER_EAGAIN: another was faster. */
int ae_pool_end(struct aether_plane *plane, uint32_t index, uint64_t word)
{
	uint64_t next = AETHER_HOLDER_MAKE(
		0, 0, 0, after(AETHER_HOLDER_GENERATION(word)), 0);

	/* seq_cst: before I look who waits. pairs: seq_cst in ae_pool_is,
	 * acquire in find_free */
	if (ae_cas64_seq_cst(owner_of(plane, index), word, next) != word)
		return AETHER_EAGAIN;
	note(plane, index, 0);
	ae_wait_ring_set(plane, &plane->epochs[index].bells);
	return 0;
}

/* Q1, Q2: mine, if it is as I judged it. The plane says first that this epoch
 * is in use: a pass looks at no others. */
static int claim(struct aether_participant *me, uint32_t index, uint64_t word,
		 uint64_t *epoch)
{
	struct aether_word64 *used = &me->plane->header->pool_used;
	uint64_t bit = UINT64_C(1) << (index - FIRST) / 2;
	uint64_t generation = AETHER_HOLDER_GENERATION(word);

	if (AETHER_HOLDER_HELD(word) || !generation)
		generation = after(generation);
	/* relaxed: nobody ever clears it. */
	if (!(ae_load64_relaxed(used) & bit))
		/* seq_cst: before it is mine. pairs: seq_cst in
		 * settle_epochs */
		ae_or64_seq_cst(used, bit);
	/* seq_cst: after that. pairs: seq_cst in settle_epoch, seq_cst in
	 * ae_pool_is, acquire in find_free */
	if (ae_cas64_seq_cst(owner_of(me->plane, index), word,
			     ae_holder_make(me, generation)) != word)
		return AETHER_EAGAIN;
	note(me->plane, index, 1);
	*epoch = AETHER_EPOCH_MAKE(index, generation);
	return 0;
}

/* One that nobody owns, or, `gone`, whose owner has died. */
static int find_free(struct aether_participant *me, int gone, uint64_t *epoch)
{
	for (uint32_t i = FIRST; i < FIRST + AETHER_EPOCH_POOL; i++) {
		/* acquire: the last owner has let it go. pairs: seq_cst in
		 * ae_pool_end, seq_cst in claim */
		uint64_t word = ae_load64_acquire(owner_of(me->plane, i));

		if (AETHER_HOLDER_HELD(word) &&
		    (!gone || ae_holder_is(me, word) ||
		     !ae_holder_gone(me->plane, word)))
			continue;
		if (claim(me, i, word, epoch) < 0)
			continue;
		/* those of a dead one's name */
		ae_wait_ring_set(me->plane, &me->plane->epochs[i].bells);
		return 0;
	}
	return AETHER_EPOOL;
}

int aether_epoch_allocate(struct aether_participant *me, uint64_t *epoch)
{
	int err = ae_context_check(me);

	if (err < 0)
		return err;
	err = find_free(me, 0, epoch);
	return err == AETHER_EPOOL ? find_free(me, 1, epoch) : err;
}

int aether_epoch_free(struct aether_participant *me, uint64_t epoch)
{
	uint32_t index = (uint32_t)AETHER_EPOCH_INDEX(epoch);
	int err = ae_epoch_check(me->plane, epoch);
	uint64_t word;

	if (err < 0)
		return err;
	/* relaxed: while it is mine nobody else changes it. */
	word = ae_load64_relaxed(owner_of(me->plane, index));
	if (!(me->plane->epoch_may[index] & AE_EPOCH_POOL) ||
	    !ae_holder_is(me, word))
		return AETHER_ENOTHELD;
	return ae_pool_end(me->plane, index, word) < 0 ? AETHER_EFREED : 0;
}

int aether_epoch_find(const struct aether_plane *plane, uint32_t index,
		      uint64_t *epoch)
{
	uint64_t word, generation = 0;

	if (index >= AETHER_EPOCHS)
		return AETHER_EINDEX;
	if (plane->epoch_may[index] & AE_EPOCH_POOL) {
		/* relaxed: the name is compared where it is used. */
		word = ae_load64_relaxed(owner_of(plane, index));
		generation = AETHER_HOLDER_GENERATION(word);
		if (!AETHER_HOLDER_HELD(word) || !generation)
			return AETHER_EFREED;
	}
	*epoch = AETHER_EPOCH_MAKE(index, generation);
	return 0;
}

int aether_epoch_owner(const struct aether_plane *plane, uint32_t index,
		       uint64_t *tenancy)
{
	uint64_t word;

	if (index >= AETHER_EPOCHS ||
	    !(plane->epoch_may[index] & AE_EPOCH_POOL))
		return AETHER_EINDEX;
	/* relaxed: for people. */
	word = ae_load64_relaxed(owner_of(plane, index));
	*tenancy = ae_holder_gone(plane, word) ? 0
					       : ae_holder_tenancy(plane, word);
	return 0;
}
