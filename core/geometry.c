/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the tables of a plane lie. The one place that knows; everybody else
 * reads the offsets from a header or from here. An attach computes them again
 * and believes no header that differs.
 */
#include "ae_base.h"

/* A mailbox fills whole lines, so that no two share one. */
#define PLACES_MIN (AETHER_LINE_SIZE / sizeof(struct aether_word64))

#define DATA(id, number, name, data) [number] = (data),
static const uint64_t tiers[] = { AETHER_TIER_LIST(DATA) };
#undef DATA
#define TIERS (sizeof(tiers) / sizeof(tiers[0]))

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) & ~(unit - 1);
}

static int is_power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

static uint32_t places_for(uint32_t strides)
{
	uint32_t places = PLACES_MIN;

	while (places < strides)
		places *= 2;
	return places;
}

/* Whole registers for each, so that none stands for strides of two. */
static uint32_t segment_for(uint32_t strides, uint32_t segments)
{
	if (!segments)
		return strides;
	return (uint32_t)round_up((strides + segments - 1) / segments,
				  AETHER_REGISTER_BITS);
}

/* Each segment's leases are pages of their own. */
static uint64_t lease_unit(const struct aether_geometry *g)
{
	return g->segments ? AETHER_PAGE_SIZE : AETHER_RECORD_LEASE_SIZE;
}

/* All but the limits' check; participants is not 0. */
static void lay_out(struct aether_geometry *g)
{
	uint64_t at = aether_layout_get(g->layout)->tables;
	uint64_t align = g->stride_size;

	if (align > AETHER_HUGE_PAGE_SIZE)
		align = AETHER_HUGE_PAGE_SIZE;
	g->places = places_for(g->strides);
	g->registers = (g->strides + AETHER_REGISTER_BITS - 1) /
		       AETHER_REGISTER_BITS;
	g->segment_strides = segment_for(g->strides, g->segments);
	g->participants_offset = at;
	at += (uint64_t)g->participants * AETHER_RECORD_PARTICIPANT_SIZE;
	g->mailboxes_offset = at;
	at += (uint64_t)g->participants * g->places *
	      sizeof(struct aether_word64);
	g->registers_offset = at;
	at += round_up(g->registers * sizeof(struct aether_word32),
		       AETHER_LINE_SIZE);
	g->leases_offset = round_up(at, lease_unit(g));
	g->tables_end = g->leases_offset +
			round_up((uint64_t)g->strides *
					 AETHER_RECORD_LEASE_SIZE,
				 lease_unit(g));
	g->data_offset = round_up(g->tables_end, align);
	g->plane_size = g->data_offset + g->strides * g->stride_size;
}

/* What a layout has beyond the first 8 KiB is its users', and no table. */
static int fits(const struct aether_geometry *g)
{
	uint64_t first = AETHER_OFFSET_PLANE_HEADER + AETHER_SIZE_PLANE_HEADER;
	uint64_t own = aether_layout_get(g->layout)->tables - first;

	return (g->tables_end - own) * 100 <=
	       g->plane_size * AETHER_TABLES_PERCENT_MAX;
}

/* Does every segment have a stride? */
static int divides(const struct aether_geometry *g)
{
	return !g->segments ||
	       (uint64_t)(g->segments - 1) * g->segment_strides < g->strides;
}

static int within_limits(const struct aether_geometry *g)
{
	return g->strides <= AETHER_STRIDES_MAX &&
	       g->participants <= AETHER_PARTICIPANTS_MAX &&
	       g->segments <= AETHER_SEGMENTS_MAX &&
	       is_power_of_two(g->stride_size) &&
	       g->stride_size >= AETHER_STRIDE_SIZE_MIN &&
	       g->stride_size <= AETHER_STRIDE_SIZE_MAX;
}

int aether_geometry_divide(uint32_t layout, uint32_t strides,
			   uint64_t stride_size, uint32_t participants,
			   uint32_t segments, struct aether_geometry *geometry)
{
	struct aether_geometry g = { .layout = layout,
				     .strides = strides,
				     .stride_size = stride_size,
				     .participants = participants,
				     .segments = segments };

	if (!aether_layout_get(layout))
		return AETHER_ELAYOUT;
	if (!within_limits(&g))
		return AETHER_EINVAL;
	if (!participants)
		g.participants = AETHER_PARTICIPANTS_MAX;
	lay_out(&g);
	while (!participants && g.participants > 1 && !fits(&g)) {
		g.participants--;
		lay_out(&g);
	}
	*geometry = g;
	return strides && fits(&g) && divides(&g) ? 0 : AETHER_EGEOMETRY;
}

int aether_geometry_make(uint32_t layout, uint32_t strides,
			 uint64_t stride_size, uint32_t participants,
			 struct aether_geometry *geometry)
{
	return aether_geometry_divide(layout, strides, stride_size,
				      participants, 0, geometry);
}

/* The most strides with which a plane is no larger than `size`; 0: none. */
static uint32_t most_strides(uint32_t layout, uint64_t size,
			     uint64_t stride_size, uint32_t participants,
			     uint32_t segments)
{
	uint32_t low = 0, high = AETHER_STRIDES_MAX;
	struct aether_geometry g;

	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;
		int err = aether_geometry_divide(layout, middle, stride_size,
						 participants, segments, &g);

		if (err == AETHER_EINVAL)
			return 0;
		if (g.plane_size <= size)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

int ae_geometry_tier(uint32_t layout, uint32_t tier, uint64_t stride_size,
		     uint32_t participants, uint32_t segments,
		     uint32_t *strides)
{
	const struct aether_layout *l = aether_layout_get(layout);

	if (!l)
		return AETHER_ELAYOUT;
	if (tier >= TIERS || !stride_size)
		return AETHER_EINVAL;
	for (uint32_t i = 0; i < l->tier_count; i++) {
		if (l->tiers[i].tier != tier)
			continue;
		*strides = most_strides(layout, l->tiers[i].size, stride_size,
					participants, segments);
		return 0;
	}
	*strides = (uint32_t)(tiers[tier] / stride_size);
	return 0;
}

int aether_geometry_tier(uint32_t layout, uint32_t tier, uint64_t stride_size,
			 uint32_t participants, uint32_t *strides)
{
	return ae_geometry_tier(layout, tier, stride_size, participants, 0,
				strides);
}

int aether_geometry_layout(const char *name, uint32_t *layout)
{
	const struct aether_layout *l;

	for (uint32_t i = 0; (l = aether_layout_get(i)) != NULL; i++) {
		if (ae_same_name(l->name, name)) {
			*layout = i;
			return 0;
		}
	}
	return AETHER_ELAYOUT;
}

int aether_geometry_epoch(uint32_t index, uint64_t *offset)
{
	const uint64_t size = sizeof(struct aether_word32);

	if (index >= AETHER_EPOCHS)
		return AETHER_ERANGE;
	if (index < AETHER_EPOCHS_LOW)
		*offset = AETHER_OFFSET_ATOMIC_FLAGS + index * size;
	else
		*offset = AETHER_OFFSET_ATOMIC_FLAGS_HIGH +
			  (index - AETHER_EPOCHS_LOW) * size;
	return 0;
}
