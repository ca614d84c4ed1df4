/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards: who may write a region, who does, and what went wrong. The policy is
 * the compiled layout's and never read from the plane. Who holds what is kept
 * twice: in the guard's holder word, the truth for all others, and in a private
 * bit, the truth for me; where somebody wrote over the word, the two differ and
 * I am told that I do not hold it. Steps U of docs/guard.md.
 */
#include "ae_base.h"
#include "ae_host.h"

/* A word that changes this often while it is looked at is not waited for. */
#define TRIES 8

AETHER_ASSERT(sizeof(((struct aether_guard_seg *)0)->violations) ==
		      AETHER_GUARD_VIOLATIONS * sizeof(struct aether_word32),
	      "kinds of violations");
AETHER_ASSERT(AETHER_GUARDS_MAX <= 64, "a bit each in a participant");

/* NULL: no such guard. Asked before anything is touched. */
static const struct aether_layout_guard *
policy_of(const struct aether_plane *plane, uint32_t guard)
{
	const struct aether_layout *layout = plane->layout;

	if (guard >= layout->guard_count || guard >= AETHER_GUARDS_MAX ||
	    guard >= layout->guard_records.count)
		return NULL;
	return &layout->guards[guard];
}

/* Of a guard whose index was checked. */
static struct aether_guard_seg *record_of(const struct aether_plane *plane,
					  uint32_t guard)
{
	unsigned char *first = plane->base +
			       plane->layout->guard_records.offset;

	return (struct aether_guard_seg *)(void *)first + guard;
}

static void violate(const struct aether_participant *me, uint32_t guard,
		    uint32_t kind)
{
	struct aether_guard_seg *record = record_of(me->plane, guard);

	/* relaxed: a counter. */
	ae_add32_relaxed(&record->violations[kind], 1);
}

static uint64_t bit(uint32_t guard)
{
	return UINT64_C(1) << guard;
}

static int holds(const struct aether_participant *me, uint32_t guard)
{
	return (me->guards & bit(guard)) != 0;
}

static int may_write(struct aether_participant *me, uint32_t guard,
		     const struct aether_layout_guard *policy)
{
	int err = ae_context_check(me);

	if (err < 0)
		return err;
	if (policy->mode == AETHER_GUARD_MODE_READ_ONLY) {
		violate(me, guard, AETHER_GUARD_VIOLATION_READ_ONLY);
		return AETHER_EROLE;
	}
	if (!(policy->writers >> me->role & 1)) {
		violate(me, guard, AETHER_GUARD_VIOLATION_WRITER);
		return AETHER_EROLE;
	}
	return 0;
}

static uint32_t epoch_now(const struct aether_plane *plane,
			  const struct aether_layout_guard *policy)
{
	uint32_t value = 0;

	if (policy->epoch)
		aether_epoch_load(plane, policy->epoch, &value);
	return value;
}

/*
 * U1, U2: from nobody's, or from one's who is gone, to mine. A word that seems
 * mine though I hold nothing is of an earlier tenant of my slot, whose stamp
 * ended alike, or was forged. `before`: what it was.
 */
static int take(struct aether_participant *me, struct aether_guard_seg *record,
		uint64_t *before)
{
	for (int i = 0; i < TRIES; i++) {
		/* acquire: before I look who is there. pairs: seq_cst in take
		 */
		uint64_t word = ae_load64_acquire(&record->writer);
		uint64_t held = AETHER_HOLDER_HELD(word);
		uint64_t generation = AETHER_HOLDER_GENERATION(word) + held;
		uint64_t mine = ae_holder_make(me, generation);

		if (held && !ae_holder_is(me, word) &&
		    !ae_holder_gone(me->plane, word))
			return AETHER_ETAKEN;
		/* seq_cst: what the last writer wrote; and who sees my word
		 * sees that I sit. pairs: release in give_up, release in
		 * ae_guard_settle, release in undo, acquire in take, acquire in
		 * ae_guard_settle */
		if (ae_cas64_seq_cst(&record->writer, word, mine) != word)
			continue;
		*before = word;
		return 0;
	}
	return AETHER_EAGAIN;
}

/* U5: mine that I could not use is nobody's, as it was. A dead one's word is
 * not put back, for a reap may have freed its slot since, and passed this word:
 * it ends with a mark, so that the next one counts that death. */
static void undo(const struct aether_participant *me,
		 struct aether_guard_seg *record, uint64_t before)
{
	/* relaxed: while it is mine nobody else changes it. */
	uint64_t word = ae_load64_relaxed(&record->writer);
	uint64_t left = before;

	if (AETHER_HOLDER_HELD(before))
		left = AETHER_HOLDER_MAKE(
			0, 0, 0, AETHER_HOLDER_GENERATION(before) + 1, 1);
	/* release: what the last writer wrote, through me. pairs: seq_cst in
	 * take */
	if (ae_holder_is(me, word))
		ae_cas64_release(&record->writer, word, left);
}

/* U3: from mine to nobody's. 0: somebody had written over it. */
static int give_up(const struct aether_participant *me,
		   struct aether_guard_seg *record)
{
	/* relaxed: while it is mine nobody else changes it. */
	uint64_t word = ae_load64_relaxed(&record->writer);
	uint64_t generation = AETHER_HOLDER_GENERATION(word) + 1;
	uint64_t nobody = AETHER_HOLDER_MAKE(0, 0, 0, generation, 0);

	if (!ae_holder_is(me, word))
		return 0;
	/* release: what I wrote. pairs: seq_cst in take */
	return ae_cas64_release(&record->writer, word, nobody) == word;
}

/* Mine, and open to my stores; or nothing has changed. */
static int take_and_open(struct aether_participant *me, uint32_t guard,
			 uint32_t mode)
{
	struct aether_guard_seg *record = record_of(me->plane, guard);
	int single = mode == AETHER_GUARD_MODE_SINGLE;
	uint64_t before = 0;
	int err = single ? take(me, record, &before) : 0;

	if (err == AETHER_ETAKEN)
		violate(me, guard, AETHER_GUARD_VIOLATION_CONTENTION);
	if (err < 0)
		return err;
	err = ae_host_guard_open(me->plane, guard);
	if (err < 0) {
		if (single)
			undo(me, record, before);
		return err;
	}
	/* relaxed: a counter. */
	if (AETHER_HOLDER_HELD(before) || AETHER_HOLDER_GONE(before))
		ae_add32_relaxed(&record->recovered, 1);
	return 0;
}

int aether_guard_acquire(struct aether_participant *me, uint32_t guard)
{
	const struct aether_layout_guard *policy = policy_of(me->plane, guard);
	struct aether_guard_seg *record;
	int err;

	if (!policy)
		return AETHER_EINDEX;
	err = may_write(me, guard, policy);
	if (err < 0)
		return err;
	if (holds(me, guard))
		return AETHER_EHELD;
	err = take_and_open(me, guard, policy->mode);
	if (err < 0)
		return err;
	record = record_of(me->plane, guard);
	me->guards |= bit(guard);
	me->guards_signalled &= ~bit(guard);
	/* relaxed: a counter, and a number for people. */
	ae_store32_relaxed(&record->epoch_at_acquire,
			   epoch_now(me->plane, policy));
	ae_add32_relaxed(&record->acquires, 1);
	return 0;
}

/* Of the regions that I hold, those that this epoch tells of. */
void ae_guard_note(struct aether_participant *me, uint32_t epoch)
{
	uint64_t held = me->guards;

	while (held) {
		uint32_t guard = (uint32_t)__builtin_ctzll(held);

		if (me->plane->layout->guards[guard].epoch == epoch)
			me->guards_signalled |= bit(guard);
		held &= held - 1;
	}
}

int aether_guard_signal(struct aether_participant *me, uint32_t guard)
{
	const struct aether_layout_guard *policy = policy_of(me->plane, guard);

	if (!policy || !policy->epoch)
		return AETHER_EINDEX;
	if (!holds(me, guard))
		return AETHER_ENOTHELD;
	return aether_epoch_signal(me, policy->epoch);
}

/* The last byte is written: the region is closed before another can have it.
 * AETHER_ENOTHELD: it was not mine any more. */
static int let_go(struct aether_participant *me, uint32_t guard)
{
	const struct aether_layout_guard *policy =
		&me->plane->layout->guards[guard];
	struct aether_guard_seg *record = record_of(me->plane, guard);

	me->guards &= ~bit(guard);
	ae_host_guard_close(me->plane, guard);
	/* relaxed: a number for people. */
	ae_store32_relaxed(&record->last_epoch, epoch_now(me->plane, policy));
	if (policy->mode != AETHER_GUARD_MODE_SINGLE || give_up(me, record))
		return 0;
	return AETHER_ENOTHELD;
}

int aether_guard_abandon(struct aether_participant *me, uint32_t guard)
{
	const struct aether_layout_guard *policy = policy_of(me->plane, guard);

	if (!policy)
		return AETHER_EINDEX;
	if (holds(me, guard) && let_go(me, guard) == 0)
		return 0;
	violate(me, guard, AETHER_GUARD_VIOLATION_RELEASE);
	return AETHER_ENOTHELD;
}

int aether_guard_release(struct aether_participant *me, uint32_t guard)
{
	int err = aether_guard_abandon(me, guard);

	if (err < 0 || !me->plane->layout->guards[guard].epoch ||
	    (me->guards_signalled & bit(guard)))
		return err;
	violate(me, guard, AETHER_GUARD_VIOLATION_EPOCH);
	return AETHER_EORDER;
}

int aether_guard_check(struct aether_participant *me, uint32_t guard, int write)
{
	const struct aether_layout_guard *policy = policy_of(me->plane, guard);
	int err;

	if (!policy)
		return AETHER_EINDEX;
	if (write) {
		err = may_write(me, guard, policy);
		return err < 0 || holds(me, guard) ? err : AETHER_ENOTHELD;
	}
	if (policy->readers >> me->role & 1 || holds(me, guard))
		return 0;
	violate(me, guard, AETHER_GUARD_VIOLATION_READER);
	return AETHER_EROLE;
}

int aether_guard_bytes(struct aether_participant *me, uint32_t guard,
		       size_t *size, void **bytes)
{
	const struct aether_layout_guard *policy = policy_of(me->plane, guard);

	if (!policy)
		return AETHER_EINDEX;
	if (!holds(me, guard))
		return AETHER_ENOTHELD;
	if (size)
		*size = (size_t)policy->size;
	*bytes = me->plane->base + policy->offset;
	return 0;
}

/* L2: who leaves lets go of all that it holds. */
void ae_guard_leave(struct aether_participant *me)
{
	while (me->guards)
		let_go(me, (uint32_t)__builtin_ctzll(me->guards));
}

/* U4: of those who died holding it. Whoever acquires would find out as well;
 * this is so that nobody is shown for long as a writer who is none. */
void ae_guard_settle(const struct aether_plane *plane)
{
	for (uint32_t i = 0; policy_of(plane, i); i++) {
		struct aether_guard_seg *record = record_of(plane, i);
		/* acquire: before I look who is there. pairs: seq_cst in take
		 */
		uint64_t word = ae_load64_acquire(&record->writer);
		uint64_t generation = AETHER_HOLDER_GENERATION(word) + 1;
		uint64_t nobody = AETHER_HOLDER_MAKE(0, 0, 0, generation, 0);

		if (!ae_holder_gone(plane, word))
			continue;
		/* release: what the dead wrote, which I know by its death.
		 * pairs: seq_cst in take */
		if (ae_cas64_release(&record->writer, word, nobody) != word)
			continue;
		/* relaxed: a counter. */
		ae_add32_relaxed(&record->recovered, 1);
	}
}

static void look_at_holder(const struct aether_plane *plane, uint64_t word,
			   struct aether_guard_info *info)
{
	uint64_t tenancy = ae_holder_tenancy(plane, word);
	struct aether_participant_info who;

	info->held = AETHER_HOLDER_HELD(word) != 0;
	if (!info->held)
		return;
	info->slot = (uint32_t)AETHER_HOLDER_SLOT(word);
	if (!tenancy || aether_participant_look(plane, info->slot, &who) < 0 ||
	    who.tenancy != tenancy)
		return;
	info->holder = tenancy;
	info->role = who.role;
	info->pid = who.pid;
	info->alive = who.alive && who.state != AETHER_SEAT_DEAD;
	for (size_t i = 0; i < sizeof(info->name); i++)
		info->name[i] = who.name[i];
}

int aether_guard_look(const struct aether_plane *plane, uint32_t guard,
		      struct aether_guard_info *info)
{
	const struct aether_layout_guard *policy = policy_of(plane, guard);
	const struct aether_guard_seg *record;

	if (!policy)
		return AETHER_EINDEX;
	*info = (struct aether_guard_info) { .region = policy->region,
					     .offset = policy->offset,
					     .size = policy->size,
					     .mode = policy->mode,
					     .writers = policy->writers,
					     .readers = policy->readers,
					     .epoch = policy->epoch };
	record = record_of(plane, guard);
	/* relaxed: numbers for people, each by itself. */
	if (policy->mode == AETHER_GUARD_MODE_SINGLE)
		look_at_holder(plane, ae_load64_relaxed(&record->writer), info);
	info->epoch_at_acquire = ae_load32_relaxed(&record->epoch_at_acquire);
	info->last_epoch = ae_load32_relaxed(&record->last_epoch);
	info->acquires = ae_load32_relaxed(&record->acquires);
	info->recovered = ae_load32_relaxed(&record->recovered);
	/* relaxed: the same. */
	for (uint32_t i = 0; i < AETHER_GUARD_VIOLATIONS; i++)
		info->violations[i] = ae_load32_relaxed(&record->violations[i]);
	info->trapped = ae_host_guard_trapped(plane, guard);
	return 0;
}

int aether_guard_trap(struct aether_plane *plane, int on)
{
	if (!policy_of(plane, 0))
		return AETHER_EINDEX;
	if (plane->observer)
		return AETHER_EREADONLY;
	return ae_host_guard_trap(plane, on != 0);
}
