/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layouts: what lies where in the fixed part of a plane. A layout is data,
 * made from a file of schema/; here a program reads it: regions, epochs, pairs
 * of ping-pong buffers, guarded regions, tiers. All offsets count from the
 * plane's base, all sizes are bytes.
 *
 * The generated <aether/layout.h> has the same as constants, for who knows at
 * build time which layout he uses.
 *
 * At once: everything here is constant.
 */
#ifndef AETHER_LAYOUTS_H
#define AETHER_LAYOUTS_H

#include <aether/api.h>

#ifdef __cplusplus
extern "C" {
#endif

struct aether_layout_region {
	const char *name; /* as the specification has it, camelCase */
	uint64_t offset;
	uint64_t size;
	const char *kind;
	int addition; /* 1: not in the specification that the layout follows */
	const char *doc;
};

/* One epoch, or `count` of them with consecutive indices. */
struct aether_layout_epoch {
	uint32_t index;
	uint32_t count;
	const char *name; /* IDX_... */
	uint32_t kind;    /* enum aether_epoch_kind */
	const char *signaler;
	const char *waiter;
};

struct aether_layout_pair {
	const char *name;
	uint32_t buffers; /* 2 or 3 */
	uint64_t offset[AETHER_PAIR_BUFFERS_MAX];
	uint64_t size;      /* of each */
	uint32_t epoch;     /* is signalled at each commit; 0: none */
	uint32_t mirror;    /* shows the active buffer; 0: none */
	uint32_t item_size; /* bytes */
	uint32_t items;     /* how many a buffer holds */
};

struct aether_layout_guard {
	const char *region;
	uint64_t offset;
	uint64_t size;
	uint32_t mode;    /* enum aether_guard_mode */
	uint32_t writers; /* a bit per role that may write */
	uint32_t readers; /* the same for reading */
	uint32_t epoch;   /* rises when the region was written; 0: none */
};

struct aether_layout_tier {
	uint32_t tier; /* enum aether_tier */
	uint64_t size; /* of the whole plane */
	uint32_t entities;
	const char *peer_role;
};

/* Where records lie that the library keeps; 0 records: the layout has none. */
struct aether_layout_records {
	uint64_t offset;
	uint32_t count;
};

struct aether_layout {
	const char *name;
	const char *doc;
	uint64_t hash;
	uint64_t tables; /* where the tables of a plane begin */
	const struct aether_layout_region *regions;
	const struct aether_layout_epoch *epochs;
	const struct aether_layout_pair *pairs;
	const struct aether_layout_guard *guards;
	const struct aether_layout_tier *tiers; /* none: a tier is the size of
						   the data */
	uint32_t region_count;
	uint32_t epoch_count;
	uint32_t pair_count;
	uint32_t guard_count;
	uint32_t tier_count;
	struct aether_layout_records epoch_records; /* every layout has them */
	struct aether_layout_records pair_records;
	struct aether_layout_records pins_records;
	struct aether_layout_records guard_records;
	struct aether_layout_records supervisor_alloc_records;
};

/* The layout of that index, as in struct aether_geometry; NULL: there is none.
 */
AETHER_API const struct aether_layout *aether_layout_get(uint32_t index);

/* The region of that name; NULL: there is none. */
AETHER_API const struct aether_layout_region *
aether_layout_find_region(const struct aether_layout *layout, const char *name);

/* What the layout says of the epoch of that index; NULL: nothing. */
AETHER_API const struct aether_layout_epoch *
aether_layout_find_epoch(const struct aether_layout *layout, uint32_t index);

/* The place of a pair, of a guarded region, in the layout's list.
 * AETHER_EINDEX: there is none of that name. */
AETHER_API int aether_layout_find_pair(const struct aether_layout *layout,
				       const char *name, uint32_t *pair);
AETHER_API int aether_layout_find_guard(const struct aether_layout *layout,
					const char *region, uint32_t *guard);

#ifdef __cplusplus
}
#endif

#endif
