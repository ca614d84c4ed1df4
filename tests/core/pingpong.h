/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plane with ping-pong pairs for the tests: the layout `inos` with its own
 * pairs of two buffers, and the same plane with small pairs of two and of three
 * buffers that lie in its matrix buffers. Each item says which commit it is of,
 * so that a torn reading can be told. Items are written and read through atomic
 * operations: reading what may be written is what this is about.
 */
#ifndef PINGPONG_H
#define PINGPONG_H

#include "rig.h"

#define WORD 8 /* bytes of an item of the small pairs */
#define WORDS 512
#define BUFFER (WORD * WORDS)

/* Indices of the small pairs. */
enum {
	TWO,
	THREE
};

#define HERE AETHER_INOS_OFFSET_MATRIX_BUFFER_A
#define SMALL(text, count, at, signals) \
	{ \
		.name = text, .buffers = count, \
		.offset = { (at), (at) + BUFFER, (at) + 2 * BUFFER }, \
		.size = BUFFER, .epoch = signals, .item_size = WORD, \
		.items = WORDS \
	}

static const struct aether_layout_pair small_pairs[] = {
	SMALL("two", 2, HERE + 65536, AETHER_INOS_IDX_SENSOR_EPOCH),
	SMALL("three", 3, HERE + 131072, AETHER_INOS_IDX_ACTOR_EPOCH),
};

static inline struct aether_plane *pingpong_plane(uint32_t participants)
{
	struct aether_plane_options options = { .layout = "inos",
						.participants = participants };
	struct aether_plane *plane = NULL;

	need(aether_plane_create(NULL, &options, NULL, &plane) == 0);
	return plane;
}

/* The small pairs instead of the layout's own, for one attachment. */
static inline void pingpong_small(struct aether_plane *plane,
				  struct aether_layout *layout)
{
	*layout = *plane->layout;
	layout->pairs = small_pairs;
	layout->pair_count = 2;
	layout->pair_records = (struct aether_layout_records) { HERE, 2 };
	layout->pins_records = (struct aether_layout_records) { HERE + 4096,
								2 };
	plane->layout = layout;
}

static inline struct aether_pair_seg *
pingpong_record(const struct aether_plane *plane, uint32_t pair)
{
	return (struct aether_pair_seg *)(void *)(plane->base +
						  plane->layout->pair_records
							  .offset) +
	       pair;
}

static inline struct aether_pins_seg *
pingpong_pins(const struct aether_plane *plane, uint32_t pair)
{
	return (struct aether_pins_seg *)(void *)(plane->base +
						  plane->layout->pins_records
							  .offset) +
	       pair;
}

/* Begins, fills all words with `value`, commits. */
static inline int pingpong_fill(struct aether_participant *me, uint32_t pair,
				uint64_t deadline, uint64_t value)
{
	struct aether_pingpong_write w;
	int err = aether_pingpong_begin(me, pair, deadline, &w);
	struct aether_word64 *words;

	if (err < 0)
		return err;
	words = w.bytes;
	for (int i = 0; i < WORDS; i++)
		ae_store64_relaxed(&words[i], value);
	return aether_pingpong_commit(me, pair, WORDS);
}

/* The same with so many items, and room for them. */
static inline int pingpong_fill_room(struct aether_participant *me,
				     uint32_t pair, uint32_t items,
				     uint64_t value)
{
	struct aether_pingpong_write w;
	int err = aether_pingpong_begin(me, pair, AETHER_FOREVER, &w);
	struct aether_word64 *words;

	if (err < 0)
		return err;
	err = aether_pingpong_room(me, pair, items, &w);
	if (err < 0 && aether_pingpong_abandon(me, pair) < 0)
		return AETHER_ECORRUPT;
	if (err < 0)
		return err;
	words = w.bytes;
	for (uint32_t i = 0; i < items; i++)
		ae_store64_relaxed(&words[i], value);
	return aether_pingpong_commit(me, pair, items);
}

/* The value of all words; -1: they differ. */
static inline int64_t pingpong_value(const struct aether_pingpong_reading *r)
{
	const struct aether_word64 *words = r->bytes;
	uint64_t value = ae_load64_relaxed(&words[0]);
	uint32_t count = r->items ? r->items : WORDS;

	for (uint32_t i = 1; i < count; i++)
		if (ae_load64_relaxed(&words[i]) != value)
			return -1;
	return (int64_t)value;
}

static inline uint32_t pingpong_epoch(const struct aether_plane *plane,
				      uint32_t pair)
{
	uint32_t value = 0;

	need(aether_epoch_load(plane, plane->layout->pairs[pair].epoch,
			       &value) == 0);
	return value;
}

#endif
