/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor looks at epochs, guards and ping-pong pairs: at who holds them,
 * and at what their words can say. All loads here are guesses of one moment.
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
				 : AETHER_FINDING_EPOCH;

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

/* Is who holds it gone? Of myself the kernel is not asked. */
static int is_gone(const struct ae_doctor *d, uint64_t word)
{
	if (!AETHER_HOLDER_HELD(word) || (d->me && ae_holder_is(d->me, word)))
		return 0;
	return ae_holder_gone(d->plane, word);
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
	if (!AETHER_HOLDER_HELD(word))
		return;
	if (is_gone(d, word))
		what = AETHER_FINDING_EPOCH_OWNER;
	else if (!(used & bit))
		what = AETHER_FINDING_EPOCH_UNUSED;
	else if (!AETHER_HOLDER_GENERATION(word))
		what = AETHER_FINDING_EPOCH_NAME;
	else
		return;
	suspect(d, what, index, holder(plane, word), word,
		what != AETHER_FINDING_EPOCH_NAME);
}

void ae_doctor_guard(struct ae_doctor *d, uint32_t index)
{
	const struct aether_layout *l = d->plane->layout;
	const struct aether_guard_seg *record;
	uint64_t word;
	uint32_t what;

	if (index >= l->guard_records.count)
		return;
	record = (const void *)(d->plane->base + l->guard_records.offset);
	/* relaxed: a guess. */
	word = ae_load64_relaxed(&record[index].writer);
	if (!AETHER_HOLDER_HELD(word))
		return;
	if (l->guards[index].mode != AETHER_GUARD_MODE_SINGLE)
		what = AETHER_FINDING_GUARD_MODE;
	else if (is_gone(d, word))
		what = AETHER_FINDING_GUARD_WRITER;
	else
		return;
	suspect(d, what, index, holder(d->plane, word), word, 1);
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
	gone = is_gone(d, writer);
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
			holder(d->plane, writer), writer, 0);
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
	    is_gone(d,
		    AETHER_HOLDER_MAKE(1, slot, AETHER_PIN_STAMP(word), 0, 0)))
		suspect(d, AETHER_FINDING_PIN, index, slot, word, 1);
}
