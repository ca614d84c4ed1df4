/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the dead had. As their heir the orchestrator finds it in its mailbox:
 * what a worker had not touched is intact, and goes to another; what it was
 * working on is suspect. Of that nothing is believed: the stride goes to the
 * ingress with the place of its piece in the stream, and comes back with the
 * piece sliced anew. It is the same stride and the same lease all the way, so
 * no free stride is needed for it.
 *
 * One thing gets lost: content that called a newcomer (AE_RIDE) who died before
 * he had named his heir. Its piece needs another stride.
 */
#include "desk.h"

/* Workers keep dying at the same piece: it would never end. */
static int deadly(struct ae_desk *d, const struct ae_piece *piece)
{
	return ae_stage_fail(
		&d->stage, AETHER_EBURN, 0,
		"%u appliances in a row died while they worked on bytes %llu "
		"to %llu of the stream; what they burn there kills them.",
		piece->deaths, (unsigned long long)piece->position,
		(unsigned long long)(piece->position + piece->length - 1));
}

/* The piece is to be brought again, in this stride of mine. */
static int ask(struct ae_desk *d, struct ae_entry *entry)
{
	struct ae_piece *piece = &entry->piece;
	struct aether_parcel_seg parcel = {
		.sequence = piece->sequence,
		.position = piece->position,
		.next = entry->to, /* who died */
		.flags = piece->flags | AETHER_PARCEL_REDO,
	};
	int rc;

	if (++piece->deaths >= AETHER_FLOW_DEATHS_MAX)
		return deadly(d, piece);
	rc = aether_stride_accept(d->stage.me, entry->handle);
	if (rc == 0)
		rc = aether_stride_describe(d->stage.me, entry->handle,
					    piece->length, AETHER_FORMAT_RAW,
					    0);
	if (rc < 0)
		return ae_stage_refused(&d->stage, rc, "taking over a stride");
	rc = ae_parcel_put(&d->stage, entry->handle, &parcel);
	if (rc == 0)
		rc = ae_stage_route(&d->stage, entry->handle, d->ingress);
	if (rc < 0)
		return rc;
	entry->errand = AE_AGAIN;
	entry->to = d->ingress;
	d->held = 0;
	return 0;
}

int ae_desk_come_back(struct ae_desk *d, struct ae_entry *entry, int suspect)
{
	if (entry->errand == AE_RIDE) {
		d->ride.handle = 0;
		d->look = 0;
	}
	if (entry->errand == AE_WORK || suspect) {
		ae_desk_lose(d, entry->to);
		d->stage.report->again++;
	}
	if (suspect)
		return ask(d, entry);
	ae_desk_queue(d, entry, 1);
	return 0;
}

/* Has the lease of the ride ended, with who got it? */
static int note_loss(struct ae_desk *d)
{
	struct aether_stride_info info;

	if (aether_stride_query(d->stage.plane, d->ride.handle, &info) == 0 &&
	    info.handle == d->ride.handle)
		return 0;
	d->ride.handle = 0;
	d->stage.report->again++;
	if (d->losses == AETHER_FLOW_DEATHS_MAX)
		return ae_stage_fail(&d->stage, AETHER_ESTAGE, 0,
				     "%u appliances in a row died before they "
				     "had begun; see why, and run all stages "
				     "again.",
				     AETHER_FLOW_DEATHS_MAX);
	d->lost[d->losses++] = d->ride.piece;
	return 0;
}

/* The one that the egress needs first. */
static struct ae_piece *find_lost(struct ae_desk *d)
{
	struct ae_piece *found = &d->lost[0];

	for (uint32_t i = 1; i < d->losses; i++)
		if (d->lost[i].sequence < found->sequence)
			found = &d->lost[i];
	return found;
}

/*
 * A stride for a lost piece: a free one; or the first of the queue, if what it
 * holds is needed later and so may be lost in its place. There may be no other:
 * the rest can be at the egress, where they wait for the lost piece.
 */
static struct ae_entry *find_stride(struct ae_desk *d, struct ae_piece *piece)
{
	struct ae_piece later;
	struct ae_entry *entry;
	uint64_t handle;

	if (ae_desk_reserve(d, &handle) == 0) {
		entry = ae_desk_enter(d, handle, AE_WORK);
		entry->piece = *piece;
		*piece = d->lost[--d->losses];
		return entry;
	}
	if (d->first == AE_NOWHERE ||
	    d->table.entries[d->first].piece.sequence < piece->sequence)
		return NULL;
	entry = ae_desk_unqueue(d);
	later = entry->piece;
	entry->piece = *piece;
	*piece = later;
	return entry;
}

int ae_desk_check_ride(struct ae_desk *d)
{
	struct ae_entry *entry;
	int rc = d->ride.handle ? note_loss(d) : 0;

	if (rc < 0 || !d->losses)
		return rc;
	entry = find_stride(d, find_lost(d));
	if (!entry)
		return 0;
	d->held = entry->handle;
	entry->to = d->gone;
	return ask(d, entry);
}

/* Has the lease left the workers, for the egress or for good? */
static int has_left(const struct ae_desk *d, const struct ae_entry *entry)
{
	uint64_t egress = d->options->egress;
	struct aether_stride_info info;

	if (aether_stride_query(d->stage.plane, entry->handle, &info) < 0 ||
	    info.handle != entry->handle)
		return 1;
	return info.slot == AETHER_TENANCY_SLOT(egress) &&
	       info.stamp ==
		       (AETHER_TENANCY_STAMP(egress) & AETHER_LEASE_STAMP_MASK);
}

int ae_desk_is_out(struct ae_desk *d)
{
	struct ae_entry *entry = d->table.entries;

	if (d->ride.handle || d->losses)
		return 1;
	for (uint32_t i = 0; i < d->table.size; i++, entry++) {
		if (!entry->handle || entry->errand == AE_CALL)
			continue;
		if (!has_left(d, entry))
			return 1;
		entry->handle = 0;
	}
	return 0;
}
