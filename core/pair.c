/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a ping-pong pair without being its writer or a reader: where
 * its records are, what a buffer is, how it stands.
 */
#include "ae_pair.h"

int ae_pair_find(const struct aether_plane *plane, uint32_t index,
		 struct ae_pair *pair)
{
	const struct aether_layout *l = plane->layout;

	if (index >= l->pair_count || index >= AE_PAIRS_MAX ||
	    index >= l->pair_records.count || index >= l->pins_records.count)
		return AETHER_EINDEX;
	pair->plane = plane;
	pair->index = index;
	pair->is = &l->pairs[index];
	pair->record =
		(struct aether_pair_seg *)(void *)(plane->base +
						   l->pair_records.offset) +
		index;
	pair->pins =
		(struct aether_pins_seg *)(void *)(plane->base +
						   l->pins_records.offset) +
		index;
	return 0;
}

int ae_pair_describe(const struct ae_pair *p, uint64_t state, uint32_t buffer,
		     const struct ae_room *room,
		     struct aether_pingpong_write *write)
{
	uint32_t active = (uint32_t)AETHER_PAIR_STATE_ACTIVE(state);
	struct ae_room read;
	int err = ae_room_find(p, active, AETHER_RIGHT_READ, &read);

	if (err < 0)
		return err;
	*write = (struct aether_pingpong_write) {
		.bytes = room->bytes,
		.active = read.bytes,
		.size = room->size,
		.sequence = AETHER_PAIR_STATE_SEQUENCE(state) + 1,
		.buffer = buffer,
		.item_size = p->is->item_size,
		.capacity = room->capacity,
		.active_items = ae_pair_items(p, active, &read),
	};
	return 0;
}

int aether_pingpong_write_item(const struct aether_pingpong_write *write,
			       uint32_t i, void **item)
{
	if (i >= write->capacity)
		return AETHER_EINDEX;
	*item = (unsigned char *)write->bytes + (uint64_t)i * write->item_size;
	return 0;
}

/* Slots that hold a buffer. */
static uint64_t pinned(const struct ae_pair *p)
{
	uint64_t set = 0;

	for (uint32_t i = 0; i < p->plane->geometry.participants; i++)
		/* relaxed: for people. */
		if (AETHER_PIN_PINNED(ae_load64_relaxed(&p->pins->pin[i])))
			set |= UINT64_C(1) << i;
	return set;
}

/* Strides of its runs, as far as I see. */
static uint32_t strides(const struct ae_pair *p)
{
	struct ae_room room;
	uint32_t count = 0;

	for (uint32_t i = 0; i < p->is->buffers; i++)
		if (ae_room_find(p, i, AETHER_RIGHT_ROUTE, &room) == 0)
			count += room.run;
	return count;
}

int aether_pingpong_look(const struct aether_plane *plane, uint32_t pair,
			 struct aether_pingpong_info *info)
{
	struct ae_pair p;
	struct ae_room room;
	uint64_t state, writer;
	uint32_t active;
	int err = ae_pair_find(plane, pair, &p);

	if (err < 0)
		return err;
	/* relaxed: for people; so are the counters. */
	state = ae_load64_relaxed(&p.record->state);
	active = (uint32_t)AETHER_PAIR_STATE_ACTIVE(state);
	if (active >= p.is->buffers)
		return AETHER_ECORRUPT;
	err = ae_room_find(&p, active, AETHER_RIGHT_ROUTE, &room);
	if (err < 0)
		return err;
	*info = (struct aether_pingpong_info) {
		.sequence = AETHER_PAIR_STATE_SEQUENCE(state),
		.pinned = pinned(&p),
		.active = active,
		.items = ae_pair_items(&p, active, &room),
		.size = room.size,
		.capacity = room.capacity,
		.strides = strides(&p),
		.writing = (int)AETHER_PAIR_STATE_WRITING(state) - 1,
	};
	/* relaxed: the same. */
	writer = ae_load64_relaxed(&p.record->writer);
	if (!ae_holder_gone(plane, writer))
		info->writer = ae_holder_tenancy(plane, writer);
	/* relaxed: counters. */
	info->revoked = ae_load64_relaxed(&p.pins->revoked);
	info->refused = ae_load32_relaxed(&p.record->refused);
	return 0;
}
