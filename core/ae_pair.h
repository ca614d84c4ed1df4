/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ping-pong pair, as its writer (pingpong.c) and its readers (pin.c) see it:
 * what the layout says of it, and where its two records lie.
 */
#ifndef AE_PAIR_H
#define AE_PAIR_H

#include "ae_base.h"

/* Looks at words that change meanwhile are repeated so often at most. */
#define AE_PAIR_TRIES 64

/* A bit each in a participant; schema/check_parts.py refuses more. */
#define AE_PAIRS_MAX 64

struct ae_pair {
	const struct aether_plane *plane;
	const struct aether_layout_pair *is;
	struct aether_pair_seg *record;
	struct aether_pins_seg *pins;
	uint32_t index;
};

/* Who keeps a buffer from its writer. */
struct ae_pair_wait {
	const struct ae_pair *pair;
	uint64_t last;   /* no term is longer, whatever the words say */
	uint64_t until;  /* the first term that ends */
	uint32_t active; /* the buffer that is not to be had */
	uint32_t buffer; /* the one that is */
	int own;         /* one of the pins is mine */
};

/* AETHER_EINDEX: there is no such pair. */
int ae_pair_find(const struct aether_plane *plane, uint32_t index,
		 struct ae_pair *pair);

static inline void *ae_pair_buffer(const struct ae_pair *pair, uint32_t buffer)
{
	return pair->plane->base + pair->is->offset[buffer];
}

/* How many items a buffer holds, as its writer said: never more than fit. */
static inline uint32_t ae_pair_items(const struct ae_pair *pair,
				     uint32_t buffer)
{
	/* relaxed: ordered by `begun`, as the bytes are. */
	uint32_t items = ae_load32_relaxed(&pair->pins->items[buffer]);

	return items < pair->is->items ? items : pair->is->items;
}

/* pin.c: does a reader hold the buffer? Those whose term is over, and the dead,
 * do not any more. */
int ae_pin_holds(struct aether_participant *me, struct ae_pair_wait *wait,
		 uint32_t buffer);

#endif
