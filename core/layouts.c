/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layouts as tables, from the lists that the schema's generator wrote. A
 * further layout needs nothing here.
 */
#include "ae_base.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]) - 1)

#define REGION(text, at, bytes, sort, added, about) \
	{ .name = text, \
	  .offset = (at), \
	  .size = (bytes), \
	  .kind = sort, \
	  .addition = (added), \
	  .doc = about },
#define EPOCH(at, how_many, text, sort, by, for_whom) \
	{ .index = (at), \
	  .count = (how_many), \
	  .name = text, \
	  .kind = sort, \
	  .signaler = by, \
	  .waiter = for_whom },
#define PAIR(text, how_many, a, b, c, bytes, signals, shows, item, fit) \
	{ .name = text, \
	  .buffers = (how_many), \
	  .offset = { a, b, c }, \
	  .size = (bytes), \
	  .epoch = (signals), \
	  .mirror = (shows), \
	  .item_size = (item), \
	  .items = (fit) },
#define GUARD(text, at, bytes, how, writing, reading, rises) \
	{ .region = text, \
	  .offset = (at), \
	  .size = (bytes), \
	  .mode = how, \
	  .writers = (writing), \
	  .readers = (reading), \
	  .epoch = (rises) },
#define TIER(number, bytes, fit, peer) \
	{ .tier = number, \
	  .size = (bytes), \
	  .entities = (fit), \
	  .peer_role = peer },

/* Each list ends with one that is all zero, so that none is empty. */
#define LISTS(id, text, hash_, tables_, doc_) \
	static const struct aether_layout_region regions_##id[] = { \
		AETHER_LAYOUT_##id##_REGIONS(REGION) { 0 } \
	}; \
	static const struct aether_layout_epoch epochs_##id[] = { \
		AETHER_LAYOUT_##id##_EPOCHS(EPOCH) { 0 } \
	}; \
	static const struct aether_layout_pair pairs_##id[] = { \
		AETHER_LAYOUT_##id##_PAIRS(PAIR) { 0 } \
	}; \
	static const struct aether_layout_guard guards_##id[] = { \
		AETHER_LAYOUT_##id##_GUARDS(GUARD) { 0 } \
	}; \
	static const struct aether_layout_tier tiers_##id[] = { \
		AETHER_LAYOUT_##id##_TIERS(TIER) { 0 } \
	};

AETHER_LAYOUT_LIST(LISTS)

#define RECORDS(record, at, fit) .record##_records = { (at), (fit) },
#define LAYOUT(id, text, hash_, tables_, about) \
	{ .name = text, \
	  .doc = about, \
	  .hash = (hash_), \
	  .tables = (tables_), \
	  .regions = regions_##id, \
	  .epochs = epochs_##id, \
	  .pairs = pairs_##id, \
	  .guards = guards_##id, \
	  .tiers = tiers_##id, \
	  .region_count = COUNT(regions_##id), \
	  .epoch_count = COUNT(epochs_##id), \
	  .pair_count = COUNT(pairs_##id), \
	  .guard_count = COUNT(guards_##id), \
	  .tier_count = COUNT(tiers_##id), \
	  AETHER_LAYOUT_##id##_RECORDS(RECORDS) },

static const struct aether_layout layouts[] = { AETHER_LAYOUT_LIST(LAYOUT) };

const struct aether_layout *aether_layout_get(uint32_t index)
{
	return index < sizeof(layouts) / sizeof(layouts[0]) ? &layouts[index]
							    : NULL;
}

const struct aether_layout_region *
aether_layout_find_region(const struct aether_layout *layout, const char *name)
{
	for (uint32_t i = 0; i < layout->region_count; i++)
		if (ae_same_name(layout->regions[i].name, name))
			return &layout->regions[i];
	return NULL;
}

const struct aether_layout_epoch *
aether_layout_find_epoch(const struct aether_layout *layout, uint32_t index)
{
	for (uint32_t i = 0; i < layout->epoch_count; i++)
		if (index >= layout->epochs[i].index &&
		    index - layout->epochs[i].index < layout->epochs[i].count)
			return &layout->epochs[i];
	return NULL;
}

int aether_layout_find_pair(const struct aether_layout *layout,
			    const char *name, uint32_t *pair)
{
	for (uint32_t i = 0; i < layout->pair_count; i++) {
		if (ae_same_name(layout->pairs[i].name, name)) {
			*pair = i;
			return 0;
		}
	}
	return AETHER_EINDEX;
}

int aether_layout_find_guard(const struct aether_layout *layout,
			     const char *region, uint32_t *guard)
{
	for (uint32_t i = 0; i < layout->guard_count; i++) {
		if (ae_same_name(layout->guards[i].region, region)) {
			*guard = i;
			return 0;
		}
	}
	return AETHER_EINDEX;
}
