/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epochs: words that are signalled and waited on. Who changes one looks, after
 * the change, whether anybody announced that he waits for it; who waits
 * announces first and then looks again. Both are sequentially consistent, so
 * one of the two sees the other (model/epoch.pml; steps E and K of
 * docs/epoch.md).
 *
 * Who waits for one epoch parks on its own word, so that one call of the system
 * wakes any number; who waits for several, for one of the pool, or for what
 * concerns everybody, parks on his doorbell: there the wait can end for another
 * reason than a change of the word.
 */
#include "ae_base.h"
#include "ae_host.h"

#define INDEX(epoch) ((uint32_t)AETHER_EPOCH_INDEX(epoch))

/* Bits of a name that are part of nothing. */
#define STRAY \
	(~(AETHER_EPOCH_INDEX_MASK << AETHER_EPOCH_INDEX_SHIFT | \
	   AETHER_EPOCH_GENERATION_MASK << AETHER_EPOCH_GENERATION_SHIFT))

static uint8_t may_by_kind(uint32_t kind)
{
	if (kind == AETHER_EPOCH_KIND_COUNTER)
		return AE_EPOCH_SIGNAL;
	return kind == AETHER_EPOCH_KIND_LOCK ? 0 : AE_EPOCH_SET;
}

/* Row by row, and not epoch by epoch: each attachment does this. */
void ae_epoch_kinds(struct aether_plane *plane)
{
	const struct aether_layout *l = plane->layout;
	uint8_t *may = plane->epoch_may;

	for (uint32_t i = 0; i < AETHER_EPOCHS; i++)
		may[i] = AE_EPOCH_SIGNAL | AE_EPOCH_SET;
	for (uint32_t i = 0; i < l->epoch_count; i++)
		for (uint32_t j = 0; j < l->epochs[i].count; j++)
			may[l->epochs[i].index + j] = may_by_kind(
				l->epochs[i].kind);
	for (uint32_t i = 0; i < AETHER_EPOCH_POOL; i++)
		may[AETHER_IDX_SUPERVISOR_POOL + i] = AE_EPOCH_SIGNAL |
						      AE_EPOCH_POOL;
	for (uint32_t i = 0; i < l->guard_count; i++)
		if (l->guards[i].epoch)
			may[l->guards[i].epoch] |= AE_EPOCH_GUARD;
	may[AETHER_IDX_PANIC_STATE] = AE_EPOCH_SET | AE_EPOCH_ALL;
	may[AETHER_IDX_CONTEXT_ID_HASH] = AE_EPOCH_SET | AE_EPOCH_ALL;
}

/* Is it the name of an epoch, and of one that is still there? */
int ae_epoch_check(const struct aether_plane *plane, uint64_t epoch)
{
	if (epoch & STRAY)
		return AETHER_EINDEX;
	if (plane->epoch_may[INDEX(epoch)] & AE_EPOCH_POOL)
		return ae_pool_is(plane, epoch) ? 0 : AETHER_EFREED;
	return AETHER_EPOCH_GENERATION(epoch) ? AETHER_EINDEX : 0;
}

/* May I do that with the epoch? */
static int may(struct aether_participant *me, uint64_t epoch, uint32_t what)
{
	int err = ae_epoch_check(me->plane, epoch);

	if (err < 0)
		return err;
	if (!(me->plane->epoch_may[INDEX(epoch)] & what))
		return AETHER_EKIND;
	return ae_context_check(me);
}

/* Is anybody of the set there? A dead one's bit stays until its slot has a new
 * tenant, and shall not cost a call of the system each time. */
static int is_there(const struct aether_plane *plane, uint64_t set)
{
	for (; set; set &= set - 1) {
		uint32_t slot = (uint32_t)__builtin_ctzll(set);

		if (slot >= plane->geometry.participants)
			break;
		/* relaxed: who waits was there before he announced it. */
		if (AETHER_SEAT_STATE(ae_load64_relaxed(
			    &plane->seats[slot].seat)) == AETHER_SEAT_ACTIVE)
			return 1;
	}
	return 0;
}

/*
 * E3: wakes those who wait. The set of those on the word is left to them: who
 * took it and then died, or stopped, would have hidden them from the signals of
 * others. A doorbell is rung by changing it, so that set is taken.
 */
__attribute__((noinline)) static int wake(const struct aether_plane *plane,
					  uint32_t index)
{
	struct aether_epoch_seg *epoch = &plane->epochs[index];

	/* seq_cst: after the change that they wait for.
	 * pairs: seq_cst in ae_epoch_announce */
	if (is_there(plane, ae_load64_seq_cst(&epoch->waiters)))
		ae_host_wake(ae_epoch_word(plane, index));
	ae_wait_ring_set(plane, &epoch->bells);
	return 0;
}

/* E2: does anybody wait? After the change. Returns 0. */
static inline int tell(const struct aether_plane *plane, uint32_t index,
		       const struct aether_epoch_seg *epoch)
{
	/* seq_cst: after the change that they wait for.
	 * pairs: seq_cst in ae_epoch_announce */
	return ae_load64_seq_cst(&epoch->waiters) |
			       ae_load64_seq_cst(&epoch->bells)
		       ? wake(plane, index)
		       : 0;
}

/* Where everything lies is worked out before the change, which takes longer
 * than all that is left then. */
static inline int add_one(const struct aether_plane *plane, uint32_t index)
{
	const struct aether_epoch_seg *epoch = &plane->epochs[index];
	struct aether_word32 *word = ae_epoch_word(plane, index);

	/* seq_cst: E1, what was written before; before I look who waits.
	 * pairs: acquire in aether_epoch_load, seq_cst in look_at */
	ae_add32_seq_cst(word, 1);
	return tell(plane, index, epoch);
}

/* One whose name is more than an index, or that is a guarded region's, or that
 * is refused. */
__attribute__((noinline)) static int signal_named(struct aether_participant *me,
						  uint64_t epoch)
{
	int err = may(me, epoch, AE_EPOCH_SIGNAL);

	if (err < 0)
		return err;
	err = add_one(me->plane, INDEX(epoch));
	ae_guard_signalled(me, INDEX(epoch));
	return err;
}

int aether_epoch_signal(struct aether_participant *me, uint64_t epoch)
{
	const struct aether_plane *plane = me->plane;

	/* relaxed: as in ae_context_check. */
	if (epoch < AETHER_EPOCHS &&
	    (plane->epoch_may[epoch] & (AE_EPOCH_SIGNAL | AE_EPOCH_POOL |
					AE_EPOCH_GUARD)) == AE_EPOCH_SIGNAL &&
	    ae_load32_relaxed(ae_epoch_word(
		    plane, AETHER_IDX_CONTEXT_ID_HASH)) == me->context)
		return add_one(plane, (uint32_t)epoch);
	return signal_named(me, epoch);
}

int aether_epoch_set(struct aether_participant *me, uint64_t epoch,
		     uint32_t value)
{
	int err = may(me, epoch, AE_EPOCH_SET);

	if (err < 0)
		return err;
	if (INDEX(epoch) == AETHER_IDX_CONTEXT_ID_HASH)
		return aether_context_begin(me, value);
	if (INDEX(epoch) == AETHER_IDX_PANIC_STATE && value)
		return aether_epoch_panic(me, value);
	/* seq_cst: E1, what was written before; before I look who waits.
	 * pairs: acquire in aether_epoch_load, seq_cst in look_at */
	ae_store32_seq_cst(ae_epoch_word(me->plane, INDEX(epoch)), value);
	return tell(me->plane, INDEX(epoch), &me->plane->epochs[INDEX(epoch)]);
}

int aether_epoch_load(const struct aether_plane *plane, uint64_t epoch,
		      uint32_t *value)
{
	int err = ae_epoch_check(plane, epoch);

	if (ae_plane_lost(plane))
		return AETHER_ECORRUPT;
	if (err < 0)
		return err;
	/* acquire: what was written before. pairs: seq_cst in
	 * add_one, seq_cst in aether_epoch_set, seq_cst in
	 * aether_epoch_panic, seq_cst in aether_context_begin */
	*value = ae_load32_acquire(ae_epoch_word(plane, INDEX(epoch)));
	return 0;
}

/* K2: on each bit of the sets: look again only then. */
void ae_epoch_announce(struct aether_participant *me,
		       const struct ae_wait *wait)
{
	uint64_t bit = UINT64_C(1) << me->slot;

	for (uint32_t i = 0; i < wait->count; i++) {
		uint32_t index = INDEX(wait->watches[i].epoch);
		struct aether_epoch_seg *epoch = &me->plane->epochs[index];

		if (!wait->own_word) {
			/* seq_cst: before looking again. pairs: seq_cst in
			 * tell, seq_cst in wake, seq_cst in
			 * ae_wait_ring_set */
			ae_or64_seq_cst(&epoch->bells, bit);
			continue;
		}
		/* seq_cst: where I am found if the one who took my bit dies.
		 * pairs: seq_cst in ae_epoch_ring_parked */
		ae_store32_seq_cst(&me->seat->epoch, index + 1);
		/* seq_cst: before looking again. pairs: seq_cst in tell,
		 * seq_cst in wake */
		ae_or64_seq_cst(&epoch->waiters, bit);
	}
}

/* K5 */
void ae_epoch_renounce(struct aether_participant *me,
		       const struct ae_wait *wait)
{
	uint64_t bit = UINT64_C(1) << me->slot;

	for (uint32_t i = 0; i < wait->count; i++) {
		uint32_t index = INDEX(wait->watches[i].epoch);
		struct aether_epoch_seg *epoch = &me->plane->epochs[index];

		/* relaxed: a late ring costs a turn of the loop. */
		ae_and64_relaxed(
			wait->own_word ? &epoch->waiters : &epoch->bells, ~bit);
	}
	/* relaxed: the same. */
	if (wait->own_word)
		ae_store32_relaxed(&me->seat->epoch, 0);
}

/* Before I sit down: who died here may have parked on an epoch's word. */
void ae_epoch_inherit(const struct aether_plane *plane, uint32_t slot)
{
	struct aether_word32 *parks = &plane->seats[slot].epoch;
	/* relaxed: nobody else writes it, now that the slot is mine. */
	uint32_t parked = ae_load32_relaxed(parks);

	/* relaxed: only the slot's tenant touches its bit. */
	if (parked && parked <= AETHER_EPOCHS)
		ae_and64_relaxed(&plane->epochs[parked - 1].waiters,
				 ~(UINT64_C(1) << slot));
	/* relaxed: before the seat is active. */
	ae_store32_relaxed(parks, 0);
}

/* For everybody: whoever changed its epoch may have died before he woke it. */
void ae_epoch_ring_parked(const struct aether_plane *plane, uint32_t slot)
{
	/* seq_cst: after the death, or the panic. pairs: seq_cst in
	 * ae_epoch_announce */
	uint32_t parked = ae_load32_seq_cst(&plane->seats[slot].epoch);

	if (parked && parked <= AETHER_EPOCHS)
		ae_host_wake(ae_epoch_word(plane, parked - 1));
}

/* K3: is it another value than was seen? AETHER_EEMPTY: no. */
static inline int look_at(struct aether_participant *me,
			  struct aether_epoch_watch *watch)
{
	/* seq_cst: after I announced myself, if I did; acquires what was
	 * written before the change. pairs: seq_cst in add_one,
	 * seq_cst in aether_epoch_set, seq_cst in aether_epoch_panic, seq_cst
	 * in aether_context_begin */
	uint32_t value = ae_load32_seq_cst(
		ae_epoch_word(me->plane, INDEX(watch->epoch)));

	if (AETHER_EPOCH_GENERATION(watch->epoch) &&
	    !ae_pool_is(me->plane, watch->epoch))
		return AETHER_EFREED;
	watch->value = value;
	return value == watch->seen ? AETHER_EEMPTY : 0;
}

int ae_epoch_look(struct aether_participant *me,
		  struct aether_epoch_watch *watch)
{
	return look_at(me, watch);
}

struct watches {
	struct aether_epoch_watch *list;
	uint32_t count;
	uint32_t which; /* the first that differs */
};

static int look(struct aether_participant *me, void *what)
{
	struct watches *w = what;
	int found = AETHER_EEMPTY;

	for (uint32_t i = 0; i < w->count; i++) {
		int err = look_at(me, &w->list[i]);

		if (err < 0 && err != AETHER_EEMPTY)
			return err;
		if (err == 0 && found) {
			w->which = i;
			found = 0;
		}
	}
	if (found && ae_context_check(me))
		return AETHER_ECONTEXT;
	return found;
}

static int wait_for(struct aether_participant *me, struct watches *w,
		    uint64_t deadline, int own_word)
{
	struct ae_wait wait = { .attempt = look,
				.what = w,
				.watches = w->list,
				.count = w->count,
				.spins = 1,
				.own_word = own_word };
	int err = ae_context_check(me);

	for (uint32_t i = 0; err == 0 && i < w->count; i++)
		err = ae_epoch_check(me->plane, w->list[i].epoch);
	return err < 0 ? err : ae_wait_until(me, &wait, deadline);
}

int aether_epoch_wait(struct aether_participant *me, uint64_t epoch,
		      uint32_t seen, uint64_t deadline, uint32_t *value)
{
	struct aether_epoch_watch watch = { .epoch = epoch, .seen = seen };
	struct watches w = { .list = &watch, .count = 1 };
	int plain = !(me->plane->epoch_may[INDEX(epoch)] &
		      (AE_EPOCH_POOL | AE_EPOCH_ALL));
	int err = wait_for(me, &w, deadline, plain);

	if (err == 0)
		*value = watch.value;
	return err;
}

int aether_epoch_wait_any(struct aether_participant *me,
			  struct aether_epoch_watch *watches, uint32_t count,
			  uint64_t deadline, uint32_t *which)
{
	struct watches w = { .list = watches, .count = count };
	int err;

	if (!count)
		return AETHER_EINVAL;
	if (count > AETHER_EPOCHS_WAITED_MAX)
		return AETHER_EMANY;
	err = wait_for(me, &w, deadline, 0);
	if (err == 0)
		*which = w.which;
	return err;
}

int aether_epoch_panic(struct aether_participant *me, uint32_t code)
{
	int err = ae_context_check(me);

	if (err == 0 && !code)
		err = AETHER_EINVAL;
	if (err < 0)
		return err;
	/* seq_cst: before I look who waits. pairs: acquire in
	 * aether_epoch_load, seq_cst in look_at, seq_cst in or_panic, acquire
	 * in aether_epoch_in_panic */
	ae_store32_seq_cst(ae_epoch_word(me->plane, AETHER_IDX_PANIC_STATE),
			   code);
	ae_wait_ring_all(me->plane);
	return 0;
}

int aether_epoch_calm(struct aether_participant *me)
{
	return aether_epoch_set(me, AETHER_IDX_PANIC_STATE, 0);
}

int aether_epoch_in_panic(const struct aether_plane *plane, uint32_t *code)
{
	/* acquire: what was written before. pairs: seq_cst in
	 * aether_epoch_panic */
	uint32_t now = ae_load32_acquire(
		ae_epoch_word(plane, AETHER_IDX_PANIC_STATE));

	if (now && code)
		*code = now;
	return now != 0;
}

uint32_t aether_context_hash(const char *text)
{
	uint32_t hash = 0;

	while (*text)
		hash = hash * 31 + (unsigned char)*text++;
	return hash ? hash : 1;
}

int aether_context_begin(struct aether_participant *me, uint32_t hash)
{
	if (!hash)
		return AETHER_EINVAL;
	me->context = hash;
	/* seq_cst: what the boot has prepared; before all others are rung.
	 * pairs: acquire in aether_epoch_load, seq_cst in look_at, acquire in
	 * boot_now */
	ae_store32_seq_cst(ae_epoch_word(me->plane, AETHER_IDX_CONTEXT_ID_HASH),
			   hash);
	ae_wait_ring_all(me->plane);
	return 0;
}

int aether_context_check(struct aether_participant *me)
{
	return ae_context_check(me);
}
