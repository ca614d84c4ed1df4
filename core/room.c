/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the buffers of a pair are: each in its region of the layout, or in a
 * run of strides that the pair keeps. The run's lease word says kept, and names
 * pair and buffer; the pair names the run by its handle. Only where both agree
 * is the run the buffer, so there is nothing that could be half done: a run
 * that its reserver did not live to hand over is still its own, and one that
 * has ended is named in vain.
 *
 * Both change only while the buffer's `begun` is odd. A reader looks at them
 * after `begun`, so what it was told was of one time if the counter is the same
 * when it ends; until then its run may be anybody's, but is never outside the
 * plane.
 */
#include "ae_pair.h"

/* How many items are sure to fit. */
static uint32_t capacity_of(const struct ae_pair *p, uint64_t size)
{
	uint64_t items = size / p->is->item_size;

	return items < UINT32_MAX ? (uint32_t)items : UINT32_MAX;
}

static struct ae_room region_of(const struct ae_pair *p, uint32_t buffer)
{
	return (struct ae_room) { .bytes = p->plane->base +
					   p->is->offset[buffer],
				  .size = p->is->size,
				  .capacity = p->is->items };
}

int ae_room_find(const struct ae_pair *p, uint32_t buffer, uint32_t right,
		 struct ae_room *room)
{
	const struct aether_plane *plane = p->plane;
	/* relaxed: ordered by `begun`, as the bytes are. */
	uint64_t handle = ae_load64_relaxed(&p->pins->runs[buffer]);
	uint64_t kept = AETHER_KEPT_MAKE(AETHER_STATE_KEPT, p->index, buffer,
					 AETHER_HANDLE_GENERATION(handle));
	struct aether_lease_seg *lease;
	uint32_t index = (uint32_t)AETHER_HANDLE_STRIDE(handle);
	int err;

	*room = region_of(p, buffer);
	err = ae_lease_find(plane, handle, &lease);
	if (err < 0)
		return err == AETHER_EACCES ? err : 0;
	/* relaxed: ordered by `begun`, as the bytes are. */
	if (ae_load64_relaxed(&lease->word) != kept)
		return 0;
	if (ae_right(plane, index) < right)
		return AETHER_EACCES;
	room->run = ae_run_said(plane, index);
	room->stride = index;
	room->word = kept;
	room->size = room->run * plane->geometry.stride_size;
	room->bytes = plane->base + plane->geometry.data_offset +
		      index * plane->geometry.stride_size;
	room->capacity = capacity_of(p, room->size);
	return 0;
}

/* The lease of the run ends, as any does. From its first step on the region is
 * the buffer, whoever goes on if I die. */
static void let_go(struct aether_participant *me, const struct ae_room *room)
{
	ae_lease_drop(me, room->stride, room->word);
}

/* The pair names no run any more: who does not see the segment where it was
 * could not tell that it has ended. */
static void forget(const struct ae_pair *p, uint32_t buffer)
{
	/* relaxed: ordered by `begun`, as the bytes are. */
	if (ae_load64_relaxed(&p->pins->runs[buffer]) &&
	    !ae_plane_lost(p->plane))
		/* relaxed: the same. */
		ae_store64_relaxed(&p->pins->runs[buffer], 0);
}

/*
 * How long a run is, its head says in a word of its own; readers believe that,
 * within the plane. Who writes there looks at the strides themselves: if they
 * say something else somebody wrote over them, and they are not the pair's any
 * more. What was counted is what is described: the head is not asked again.
 */
int ae_room_own(struct aether_participant *me, const struct ae_pair *p,
		uint32_t buffer, struct ae_room *room)
{
	int err = ae_room_find(p, buffer, AETHER_RIGHT_ROUTE, room);

	if (err < 0)
		return err;
	if (room->run && ae_run_length(p->plane, room->stride) == room->run)
		return ae_right(p->plane, room->stride) < AETHER_RIGHT_WRITE
			       ? AETHER_EACCES
			       : 0;
	if (room->run)
		let_go(me, room);
	forget(p, buffer);
	*room = region_of(p, buffer);
	return 0;
}

/*
 * The new run is mine until the pair names it and its word says kept: if I die
 * before, it is freed as anything of mine. The old one goes in between, so that
 * nothing has changed if there is no new one, and no run is ever kept that its
 * pair does not name.
 */
static int grow(struct aether_participant *me, const struct ae_pair *p,
		uint32_t buffer, uint32_t strides, const struct ae_room *old)
{
	uint64_t handle, generation, kept;
	struct aether_lease_seg *lease;
	int err = aether_stride_reserve_run(me, strides, &handle);

	if (err < 0)
		return err;
	lease = &me->plane->leases[AETHER_HANDLE_STRIDE(handle)];
	generation = AETHER_HANDLE_GENERATION(handle);
	kept = AETHER_KEPT_MAKE(AETHER_STATE_KEPT, p->index, buffer,
				generation);
	if (old->run)
		let_go(me, old);
	/* relaxed: the swap orders it. */
	ae_store64_relaxed(&p->pins->runs[buffer], handle);
	ae_lease_lose(me, strides);
	/* seq_cst: named before it is kept; who settles what I leave sees that
	 * it is not mine any more. pairs: seq_cst in settle_word */
	if (ae_cas64_seq_cst(&lease->word,
			     me->mine | ae_word_generation(generation), kept) !=
	    (me->mine | ae_word_generation(generation)))
		return AETHER_ECORRUPT;
	return 0;
}

/* Room for so many, where there is none. */
static int make_room(struct aether_participant *me, const struct ae_pair *p,
		     uint32_t buffer, uint32_t items, const struct ae_room *old)
{
	uint64_t stride = me->plane->geometry.stride_size;
	uint64_t size = (uint64_t)items * p->is->item_size;
	uint64_t strides = size / stride + (size % stride != 0);
	int err;

	if (strides > me->plane->geometry.segment_strides)
		return AETHER_EFULL;
	err = grow(me, p, buffer, (uint32_t)strides, old);
	/* where I may write no segment is that long */
	return err == AETHER_EINVAL ? AETHER_EFULL : err;
}

int aether_pingpong_room(struct aether_participant *me, uint32_t pair,
			 uint32_t items, struct aether_pingpong_write *write)
{
	struct ae_pair p;
	struct ae_room room;
	uint32_t buffer;
	uint64_t state;
	int err = ae_pair_writing(me, pair, &p, &state);

	if (err < 0)
		return err;
	buffer = (uint32_t)AETHER_PAIR_STATE_WRITING(state) - 1;
	err = ae_room_own(me, &p, buffer, &room);
	if (err < 0)
		return err;
	if (items > room.capacity) {
		err = make_room(me, &p, buffer, items, &room);
	} else if (room.run && items <= p.is->items) {
		let_go(me, &room);
		forget(&p, buffer);
	}
	if (err == 0)
		err = ae_room_own(me, &p, buffer, &room);
	return err < 0 ? err
		       : ae_pair_describe(&p, state, buffer, &room, write);
}
