/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry for those who only look: lease words decoded, registers as
 * they stand, and where the two differ.
 */
#include "ae_base.h"

#define STATE(id, number, name, doc) name,
static const char *const state_names[] = { AETHER_STATE_LIST(STATE) };
#undef STATE
#define STATES (sizeof(state_names) / sizeof(state_names[0]))

_Static_assert(STATES == AETHER_REGISTRY_STATES,
	       "registry.h counts the states of the schema");

/* What a lease word may be, whoever wrote it. */
static int is_possible(const struct aether_plane *plane, uint32_t index,
		       uint64_t word)
{
	const struct aether_layout *layout = plane->layout;
	uint32_t state = (uint32_t)AETHER_LEASE_STATE(word);
	uint32_t first = ae_segment_first(
		&plane->geometry, plane->segment[index / AETHER_REGISTER_BITS]);

	if (state >= STATES || state == AETHER_STATE_SUSPECT)
		return 0;
	if (state == AETHER_STATE_CONT)
		return AETHER_CONT_DISTANCE(word) > 0 &&
		       AETHER_CONT_DISTANCE(word) <= index - first;
	if (state == AETHER_STATE_BUSY || state == AETHER_STATE_ROUTED ||
	    state == AETHER_STATE_ENDING)
		return AETHER_LEASE_SEAT(word) < plane->geometry.participants;
	if (state == AETHER_STATE_KEPT)
		return AETHER_KEPT_PAIR(word) < layout->pair_count &&
		       AETHER_KEPT_BUFFER(word) <
			       layout->pairs[AETHER_KEPT_PAIR(word)].buffers;
	return 1;
}

/* The slots that read it, from the two halves beside its word. */
static uint64_t readers(const struct aether_plane *plane, uint32_t index)
{
	uint64_t set = 0;

	for (uint32_t slot = 0; slot < plane->geometry.participants; slot++) {
		/* relaxed: true at that moment. */
		uint64_t half = ae_load64_relaxed(
			ae_share_half(plane, index, slot));

		set |= (half >> slot / 2 & 1) << slot;
	}
	return set;
}

static void decode(const struct aether_plane *plane, uint32_t index,
		   uint64_t word, struct aether_stride_info *info)
{
	const struct aether_lease_seg *lease = &plane->leases[index];

	*info = (struct aether_stride_info) {
		.index = index,
		.state = (uint32_t)AETHER_LEASE_STATE(word),
		.generation = AETHER_LEASE_GENERATION(word),
		.head = index,
	};
	if (info->state == AETHER_STATE_DORMANT)
		return;
	if (info->state == AETHER_STATE_SHARED) {
		info->readers = readers(plane, index);
	} else if (info->state == AETHER_STATE_CONT) {
		info->head = index - (uint32_t)AETHER_CONT_DISTANCE(word);
	} else if (info->state == AETHER_STATE_KEPT) {
		info->pair = (uint32_t)AETHER_KEPT_PAIR(word);
		info->buffer = (uint32_t)AETHER_KEPT_BUFFER(word);
	} else {
		if (word & AE_SUSPECT)
			info->state = AETHER_STATE_SUSPECT;
		info->slot = (uint32_t)AETHER_LEASE_SEAT(word);
		info->stamp = (uint32_t)AETHER_LEASE_STAMP(word);
	}
	info->handle = AETHER_HANDLE_MAKE(index, plane->tag, info->generation);
	/* relaxed: hints, unless the lease is the caller's. */
	info->length = ae_load64_relaxed(&lease->length);
	info->format = ae_load32_relaxed(&lease->format);
	info->tile = ae_load32_relaxed(&lease->tile);
}

int aether_registry_look(const struct aether_plane *plane, uint32_t index,
			 struct aether_stride_info *info)
{
	uint64_t word;

	if (index >= plane->geometry.strides)
		return AETHER_ERANGE;
	if (!ae_right(plane, index))
		return AETHER_EACCES;
	/* relaxed: one word, true at that moment. */
	word = ae_load64_relaxed(&plane->leases[index].word);
	if (ae_plane_lost(plane) || !is_possible(plane, index, word))
		return AETHER_ECORRUPT;
	decode(plane, index, word, info);
	return 0;
}

int aether_stride_query(const struct aether_plane *plane, uint64_t handle,
			struct aether_stride_info *info)
{
	struct aether_lease_seg *lease;
	int err = ae_lease_find(plane, handle, &lease);

	if (err < 0)
		return err;
	return aether_registry_look(
		plane, (uint32_t)AETHER_HANDLE_STRIDE(handle), info);
}

int aether_registry_bits(const struct aether_plane *plane, uint32_t index,
			 uint32_t *bits)
{
	if (index >= plane->geometry.registers)
		return AETHER_ERANGE;
	/* relaxed: hints. */
	*bits = ae_load32_relaxed(&plane->registers[index]);
	return 0;
}

int aether_registry_count(const struct aether_plane *plane,
			  struct aether_registry_counts *counts)
{
	struct aether_registry_counts c = { .corrupt = 0 };
	struct aether_stride_info info;

	for (uint32_t i = 0; i < plane->geometry.strides; i++) {
		/* relaxed: hints. */
		uint32_t bits = ae_load32_relaxed(ae_register(plane, i));

		int err = aether_registry_look(plane, i, &info);

		if (err < 0) {
			c.corrupt += err != AETHER_EACCES;
			c.unseen += err == AETHER_EACCES;
			continue;
		}
		c.states[info.state]++;
		if (info.state == AETHER_STATE_DORMANT)
			c.stale_set += (bits & ae_bit(i)) != 0;
		else
			c.stale_clear += (bits & ae_bit(i)) == 0;
	}
	*counts = c;
	return 0;
}

const char *aether_registry_state_name(uint32_t state)
{
	return state < STATES ? state_names[state] : NULL;
}
