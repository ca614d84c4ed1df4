/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ping-pong pair, as its writer (pingpong.c) and its readers (pin.c) see it:
 * what the layout says of it, where its two records lie, and where its buffers
 * are (room.c).
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

/* Where a buffer is: its region of the layout, or a run that the pair keeps. */
struct ae_room {
	unsigned char *bytes;
	uint64_t size;
	uint64_t word;     /* the run's lease word */
	uint32_t capacity; /* items that fit */
	uint32_t run;      /* strides; 0: it is the region */
	uint32_t stride;   /* the run's first */
};

/* AETHER_EINDEX: there is no such pair. */
int ae_pair_find(const struct aether_plane *plane, uint32_t index,
		 struct ae_pair *pair);

/* The pair whose buffer I write; `*state` says which: one that is there, and
 * not the active one. AETHER_ENOTHELD: I have not begun. */
int ae_pair_writing(struct aether_participant *me, uint32_t index,
		    struct ae_pair *pair, uint64_t *state);

/* What its writer may write now, in that room. AETHER_EACCES: it may not read
 * what is read now, by its segments. */
int ae_pair_describe(const struct ae_pair *pair, uint64_t state,
		     uint32_t buffer, const struct ae_room *room,
		     struct aether_pingpong_write *write);

/* room.c: always within the plane, whatever its words say. AETHER_EACCES: it is
 * in a segment, or may be in one, where I have less than that right; nothing is
 * to be touched there. */
int ae_room_find(const struct ae_pair *pair, uint32_t buffer, uint32_t right,
		 struct ae_room *room);

/* The same for who writes there, before its first byte: a run whose strides are
 * not what its head says is let go, and a name in vain is taken away. */
int ae_room_own(struct aether_participant *me, const struct ae_pair *pair,
		uint32_t buffer, struct ae_room *room);

/* How many items a buffer holds, as its writer said: never more than fit. */
static inline uint32_t ae_pair_items(const struct ae_pair *pair,
				     uint32_t buffer,
				     const struct ae_room *room)
{
	/* relaxed: ordered by `begun`, as the bytes are. */
	uint32_t items = ae_load32_relaxed(&pair->pins->items[buffer]);

	return items < room->capacity ? items : room->capacity;
}

/* pin.c: does a reader hold the buffer? Those whose term is over, and the dead,
 * do not any more. */
int ae_pin_holds(struct aether_participant *me, struct ae_pair_wait *wait,
		 uint32_t buffer);

#endif
