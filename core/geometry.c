/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the tables of a plane lie. The one place that knows; everybody else
 * reads the offsets from a header or from here. An attach computes them again
 * and believes no header that differs.
 */
#include "ae_base.h"

/* A mailbox fills whole lines, so that no two share one. */
#define PLACES_MIN (AETHER_LINE_SIZE / sizeof(struct aether_word64))

struct layout {
	const char *name;
	uint64_t tables;
};

#define LAYOUT(id, name, hash, tables, doc) { name, tables },
static const struct layout layouts[] = { AETHER_LAYOUT_LIST(LAYOUT) };
#undef LAYOUT
#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

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

/* All but the limits' check; participants is not 0. */
static void lay_out(struct aether_geometry *g)
{
	uint64_t at = layouts[g->layout].tables;
	uint64_t align = g->stride_size;

	if (align > AETHER_HUGE_PAGE_SIZE)
		align = AETHER_HUGE_PAGE_SIZE;
	g->places = places_for(g->strides);
	g->registers = (g->strides + AETHER_REGISTER_BITS - 1) /
		       AETHER_REGISTER_BITS;
	g->participants_offset = at;
	at += (uint64_t)g->participants * AETHER_RECORD_PARTICIPANT_SIZE;
	g->mailboxes_offset = at;
	at += (uint64_t)g->participants * g->places *
	      sizeof(struct aether_word64);
	g->registers_offset = at;
	at += round_up(g->registers * sizeof(struct aether_word32),
		       AETHER_LINE_SIZE);
	g->leases_offset = round_up(at, AETHER_RECORD_LEASE_SIZE);
	g->tables_end = g->leases_offset +
			(uint64_t)g->strides * AETHER_RECORD_LEASE_SIZE;
	g->data_offset = round_up(g->tables_end, align);
	g->plane_size = g->data_offset + g->strides * g->stride_size;
}

static int fits(const struct aether_geometry *g)
{
	return g->tables_end * 100 <= g->plane_size * AETHER_TABLES_PERCENT_MAX;
}

static int within_limits(const struct aether_geometry *g)
{
	return g->strides <= AETHER_STRIDES_MAX &&
	       g->participants <= AETHER_PARTICIPANTS_MAX &&
	       is_power_of_two(g->stride_size) &&
	       g->stride_size >= AETHER_STRIDE_SIZE_MIN &&
	       g->stride_size <= AETHER_STRIDE_SIZE_MAX;
}

int aether_geometry_make(uint32_t layout, uint32_t strides,
			 uint64_t stride_size, uint32_t participants,
			 struct aether_geometry *geometry)
{
	struct aether_geometry g = { .layout = layout,
				     .strides = strides,
				     .stride_size = stride_size,
				     .participants = participants };

	if (layout >= LAYOUTS)
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
	return strides && fits(&g) ? 0 : AETHER_EGEOMETRY;
}

int aether_geometry_layout(const char *name, uint32_t *layout)
{
	for (uint32_t i = 0; i < LAYOUTS; i++) {
		if (ae_same_name(layouts[i].name, name)) {
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
