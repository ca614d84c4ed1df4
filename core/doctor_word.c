/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor looks at epochs, guards and ping-pong pairs: at who holds them, at
 * what their words can say, and at the runs that pairs keep. All loads here are
 * guesses of one moment.
 */
#include "ae_doctor.h"
#include "ae_host.h"
#include "ae_pair.h"

#define NOBODY AETHER_FINDING_NOBODY

static void suspect(struct ae_doctor *d, uint32_t what, uint32_t index,
		    uint32_t slot, uint64_t found, int repairable)
{
	uint32_t where = what >= AETHER_FINDING_PAIR_STATE ? AETHER_FINDING_PAIR
			 : what >= AETHER_FINDING_GUARD_WRITER
				 ? AETHER_FINDING_GUARD
			 : what >= AETHER_FINDING_EPOCH_OWNER
				 ? AETHER_FINDING_EPOCH
				 : AETHER_FINDING_STRIDE;

	ae_doctor_suspect(
		d, &(struct aether_finding) { .what = what,
					      .where = where,
					      .index = index,
					      .slot = slot,
					      .found = found,
					      .repairable = repairable });
}

/* Whom a holder word names. */
static uint32_t holder(const struct aether_plane *plane, uint64_t word)
{
	uint32_t slot = (uint32_t)AETHER_HOLDER_SLOT(word);

	return AETHER_HOLDER_HELD(word) && slot < plane->geometry.participants
		       ? slot
		       : NOBODY;
}

/* Of myself the kernel is not asked. */
int ae_doctor_gone(const struct ae_doctor *d, uint64_t word)
{
	if (!AETHER_HOLDER_HELD(word) || (d->me && ae_holder_is(d->me, word)))
		return 0;
	return ae_holder_gone(d->plane, word);
}

/* Has it bits that no step leaves? Held, it names a tenancy and is not gone;
 * else it has a generation, and may say `gone` if it is a pair's or a guard's.
 */
static int is_odd(uint64_t word, uint64_t gone)
{
	uint64_t held = AETHER_HOLDER_HELD(word);
	uint64_t may = AETHER_HOLDER_MAKE(held,
					  held ? AETHER_HOLDER_SLOT_MASK : 0,
					  held ? AETHER_HOLDER_STAMP_MASK : 0,
					  AETHER_HOLDER_GENERATION_MASK,
					  held ? 0 : gone);

	return (word & ~may) != 0;
}

void ae_doctor_epoch(struct ae_doctor *d, uint32_t index)
{
	const struct aether_plane *plane = d->plane;
	uint64_t bit, word, used;
	uint32_t what;

	if (!(plane->epoch_may[index] & AE_EPOCH_POOL))
		return;
	bit = UINT64_C(1) << (index - AETHER_IDX_SUPERVISOR_POOL) / 2;
	/* relaxed: a guess. */
	word = ae_load64_relaxed(&plane->epochs[index].owner);
	/* relaxed: nobody ever clears a bit. */
	used = ae_load64_relaxed(&plane->header->pool_used);
	if (!AETHER_HOLDER_HELD(word) && !is_odd(word, 0))
		return;
	if (ae_doctor_gone(d, word))
		what = AETHER_FINDING_EPOCH_OWNER;
	else if (is_odd(word, 0))
		what = AETHER_FINDING_EPOCH_BITS;
	else if (!(used & bit))
		what = AETHER_FINDING_EPOCH_UNUSED;
	else if (!AETHER_HOLDER_GENERATION(word))
		what = AETHER_FINDING_EPOCH_NAME;
	else
		return;
	suspect(d, what, index, holder(plane, word), word,
		what == AETHER_FINDING_EPOCH_BITS
			? !AETHER_HOLDER_HELD(word)
			: what != AETHER_FINDING_EPOCH_NAME);
}

void ae_doctor_guard(struct ae_doctor *d, uint32_t index)
{
	const struct aether_layout *l = d->plane->layout;
	const struct aether_guard_seg *record;
	uint64_t word;
	uint32_t what;
	int held;

	if (index >= l->guard_records.count)
		return;
	record = (const void *)(d->plane->base + l->guard_records.offset);
	/* relaxed: a guess. */
	word = ae_load64_relaxed(&record[index].writer);
	held = AETHER_HOLDER_HELD(word) != 0;
	if (held && l->guards[index].mode != AETHER_GUARD_MODE_SINGLE)
		what = AETHER_FINDING_GUARD_MODE;
	else if (ae_doctor_gone(d, word))
		what = AETHER_FINDING_GUARD_WRITER;
	else if (is_odd(word, 1))
		what = AETHER_FINDING_GUARD_BITS;
	else
		return;
	/* a release makes it good; none that lives is to be disturbed in it */
	suspect(d, what, index, holder(d->plane, word), word,
		what != AETHER_FINDING_GUARD_BITS || !held);
}

void ae_doctor_pair(struct ae_doctor *d, uint32_t index)
{
	uint64_t state, writer, active, writing;
	struct ae_pair p;
	int gone;

	if (ae_pair_find(d->plane, index, &p) < 0)
		return;
	/* relaxed: a guess. */
	state = ae_load64_relaxed(&p.record->state);
	/* relaxed: a guess. */
	writer = ae_load64_relaxed(&p.record->writer);
	active = AETHER_PAIR_STATE_ACTIVE(state);
	writing = AETHER_PAIR_STATE_WRITING(state);
	gone = ae_doctor_gone(d, writer);
	if (active >= p.is->buffers || writing > p.is->buffers ||
	    writing == active + 1)
		suspect(d, AETHER_FINDING_PAIR_STATE, index,
			holder(d->plane, writer), state,
			gone || !AETHER_HOLDER_HELD(writer));
	/* relaxed: the same. */
	else if (ae_load32_relaxed(&p.record->begun[active]) & 1)
		suspect(d, AETHER_FINDING_PAIR_BEGUN, index,
			holder(d->plane, writer), state, 0);
	if (gone)
		suspect(d, AETHER_FINDING_PAIR_WRITER, index,
			holder(d->plane, writer), writer, 1);
	if (is_odd(writer, 1))
		suspect(d, AETHER_FINDING_PAIR_BITS, index,
			holder(d->plane, writer), writer,
			gone || !AETHER_HOLDER_HELD(writer));
}

/* By one who lives, and whose term is not over: as writers judge it. */
static int is_pinned(const struct ae_doctor *d, const struct ae_pair *p,
		     uint32_t slot, uint64_t buffer)
{
	/* relaxed: a guess. */
	uint64_t word = ae_load64_relaxed(&p->pins->pin[slot]);
	uint64_t left = ae_load64_relaxed(&p->pins->until[slot]) -
			ae_host_now();

	return AETHER_PIN_PINNED(word) && AETHER_PIN_BUFFER(word) == buffer &&
	       left <= AETHER_PIN_TERM_MAX &&
	       !ae_doctor_gone(d, AETHER_HOLDER_MAKE(1, slot,
						     AETHER_PIN_STAMP(word), 0,
						     0));
}

/* Its writer between begin and commit, and readers that pinned it, may have a
 * pointer to it, whatever became of the words since. */
int ae_doctor_kept_used(const struct ae_doctor *d, uint64_t word)
{
	uint64_t buffer = AETHER_KEPT_BUFFER(word);
	struct ae_pair p;
	uint64_t state, writer;
	int used;

	if (ae_pair_find(d->plane, (uint32_t)AETHER_KEPT_PAIR(word), &p) < 0 ||
	    buffer >= p.is->buffers)
		return 0;
	/* relaxed: a guess. */
	state = ae_load64_relaxed(&p.record->state);
	/* relaxed: the same. */
	writer = ae_load64_relaxed(&p.record->writer);
	used = AETHER_PAIR_STATE_WRITING(state) == buffer + 1 &&
	       AETHER_HOLDER_HELD(writer) && !ae_doctor_gone(d, writer);
	for (uint32_t i = 0; i < d->plane->geometry.participants; i++)
		used |= is_pinned(d, &p, i, buffer);
	return used;
}

/*
 * A run is named before it is kept, and not renamed before that lease has
 * ended, so there is no moment in which one is kept that its pair does not
 * name. A name without a run is what a death amid shrinking leaves.
 */
void ae_doctor_kept(struct ae_doctor *d, uint32_t index)
{
	const struct aether_plane *plane = d->plane;
	const struct aether_lease_seg *lease = &plane->leases[index];
	uint64_t word, buffer, named;
	struct ae_pair p;

	if (!ae_right(plane, index))
		return; /* for those who see it */
	/* relaxed: a guess. */
	word = ae_load64_relaxed(&lease->word);
	if (AETHER_LEASE_STATE(word) != AETHER_STATE_KEPT)
		return;
	buffer = AETHER_KEPT_BUFFER(word);
	named = AETHER_HANDLE_MAKE(index, plane->tag,
				   AETHER_KEPT_GENERATION(word));
	if (ae_pair_find(plane, (uint32_t)AETHER_KEPT_PAIR(word), &p) < 0 ||
	    buffer >= p.is->buffers)
		suspect(d, AETHER_FINDING_KEPT_PAIR, index, NOBODY, word, 1);
	/* relaxed: the same. */
	else if (ae_load64_relaxed(&p.pins->runs[buffer]) != named)
		suspect(d, AETHER_FINDING_KEPT_UNNAMED, index, NOBODY, word, 1);
	/* relaxed: written before the word was. */
	else if (ae_load32_relaxed(&lease->run) != ae_run_length(plane, index))
		suspect(d, AETHER_FINDING_KEPT_RUN, index, NOBODY, word, 0);
}

/* Pins of a pair, slot by slot. */
void ae_doctor_pin(struct ae_doctor *d, uint32_t index)
{
	uint32_t slot = index % d->plane->geometry.participants;
	struct ae_pair p;
	uint64_t word;

	index /= d->plane->geometry.participants;
	if (ae_pair_find(d->plane, index, &p) < 0)
		return;
	/* relaxed: a guess. */
	word = ae_load64_relaxed(&p.pins->pin[slot]);
	if (AETHER_PIN_PINNED(word) &&
	    ae_doctor_gone(d, AETHER_HOLDER_MAKE(1, slot,
						 AETHER_PIN_STAMP(word), 0, 0)))
		suspect(d, AETHER_FINDING_PIN, index, slot, word, 1);
}
