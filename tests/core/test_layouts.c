/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layouts: what a program reads of them is what is in them, looked up by name
 * and index; names and indices that are none are refused. That the numbers of
 * the layout `inos` are its specification's is tests/cli/test_layout.py's.
 */
#include "rig.h"

#define ONE(...) +1
#define LAYOUTS (0u AETHER_LAYOUT_LIST(ONE))
#define INOS_GUARDS (0u AETHER_LAYOUT_INOS_GUARDS(ONE))

static const struct aether_layout *layout_of(const char *name)
{
	uint32_t index = LAYOUTS;

	need(aether_geometry_layout(name, &index) == 0);
	need(aether_layout_get(index) != NULL);
	return aether_layout_get(index);
}

static void lists(void)
{
	const struct aether_layout *l;

	for (uint32_t i = 0; i < LAYOUTS; i++) {
		uint32_t index = LAYOUTS;

		l = aether_layout_get(i);
		need(l != NULL);
		ok(aether_geometry_layout(l->name, &index) == 0 && index == i,
		   "%s is found at its place", l->name);
		ok(l->region_count > 0 && l->epoch_count > 0 && l->hash,
		   "%s has regions, epochs and a hash", l->name);
		ok(l->epoch_records.count >= AETHER_EPOCHS,
		   "%s has a record for each epoch", l->name);
		ok(l->pair_records.count >= l->pair_count &&
			   l->pins_records.count >= l->pair_count &&
			   l->guard_records.count >= l->guard_count,
		   "%s has records for its pairs and guards", l->name);
		/* the list ends with one that is all zero */
		ok(!l->regions[l->region_count].name &&
			   !l->epochs[l->epoch_count].name &&
			   !l->pairs[l->pair_count].name &&
			   !l->guards[l->guard_count].region &&
			   !l->tiers[l->tier_count].size,
		   "%s: the counts are those of the lists", l->name);
	}
	ok(!aether_layout_get(LAYOUTS), "none behind the last");
	ok(!aether_layout_get(UINT32_MAX), "none at 2^32 - 1");
}

static void regions(void)
{
	const struct aether_layout *l = layout_of("inos");
	const struct aether_layout_region *r;
	int good = 1;

	for (uint32_t i = 0; i < l->region_count; i++) {
		r = &l->regions[i];
		good &= aether_layout_find_region(l, r->name) == r &&
			r->size > 0 && r->offset + r->size <= l->tables;
	}
	ok(good, "each region is found by its name, below the tables");
	r = aether_layout_find_region(l, "birdState");
	need(r != NULL);
	ok(r->offset == AETHER_INOS_OFFSET_BIRD_STATE &&
		   r->size == AETHER_INOS_SIZE_BIRD_STATE && !r->addition,
	   "birdState is where the constants say, and no addition");
	r = aether_layout_find_region(l, "epochTable");
	ok(r && r->addition, "epochTable is an addition");
	ok(!aether_layout_find_region(l, ""), "no region has no name");
	ok(!aether_layout_find_region(l, "birdStat"), "birdStat");
	ok(!aether_layout_find_region(l, "birdStates"), "birdStates");
	ok(!aether_layout_find_region(l, "birdstate"), "case counts");
}

static void epochs(void)
{
	const struct aether_layout *l = layout_of("inos");
	const struct aether_layout_epoch *e;
	int named = 0, good = 1;

	for (uint32_t i = 0; i < AETHER_EPOCHS; i++) {
		e = aether_layout_find_epoch(l, i);
		named += e != NULL;
		good &= !e || (i >= e->index && i - e->index < e->count);
	}
	ok(good, "an epoch that is found has that index");
	is_int(named, 21 + AETHER_EPOCH_POOL, "so many indices have a name");
	e = aether_layout_find_epoch(l, AETHER_INOS_IDX_BIRD_EPOCH);
	ok(e && !strcmp(e->name, "IDX_BIRD_EPOCH") &&
		   e->kind == AETHER_EPOCH_KIND_COUNTER,
	   "the birds' epoch is a counter");
	e = aether_layout_find_epoch(l, AETHER_IDX_SUPERVISOR_POOL);
	ok(e && e->count == AETHER_EPOCH_POOL &&
		   e == aether_layout_find_epoch(
				l, e->index + AETHER_EPOCH_POOL - 1),
	   "the pool is one entry for all of its epochs");
	ok(!aether_layout_find_epoch(l, 11), "11 has no name");
	ok(!aether_layout_find_epoch(l, 128),
	   "nor has the one behind the pool");
	ok(!aether_layout_find_epoch(l, UINT32_MAX), "nor has 2^32 - 1");
}

static void pairs(void)
{
	const struct aether_layout *l = layout_of("inos");
	const struct aether_layout_pair *p;
	uint32_t pair = 9;

	is_int(aether_layout_find_pair(l, "birds", &pair), AETHER_EINDEX,
	       "no pair of that name");
	is_int(pair, 9, "the result is left alone");
	is_int(aether_layout_find_pair(l, "matrix", &pair), 0, "matrix");
	is_int(pair, AETHER_INOS_PAIR_MATRIX, "is where the constants say");
	p = &l->pairs[pair];
	ok(p->buffers == 2 && p->offset[0] == 0x622000 &&
		   p->offset[1] == 0xB22000 && p->size == 0x500000 &&
		   p->item_size == 512 && p->items == 10000 && !p->mirror,
	   "its buffers, its items, no mirror");
	ok((uint64_t)p->item_size * p->items <= p->size, "which fit");
	is_int(aether_layout_find_pair(layout_of("lean"), "bird", &pair),
	       AETHER_EINDEX, "lean has no pairs");
}

static void guards(void)
{
	const struct aether_layout *l = layout_of("inos");
	const struct aether_layout_guard *g;
	uint32_t guard = 99;

	is_int(l->guard_count, INOS_GUARDS, "every guard is there");
	is_int(aether_layout_find_guard(l, "birdState2", &guard), AETHER_EINDEX,
	       "no guarded region of that name");
	is_int(guard, 99, "the result is left alone");
	is_int(aether_layout_find_guard(l, "birdBufferB", &guard), 0,
	       "birdBufferB");
	is_int(guard, AETHER_INOS_GUARD_BIRD_BUFFER_B,
	       "is where the constants say");
	g = &l->guards[guard];
	ok(g->offset == AETHER_INOS_OFFSET_BIRD_BUFFER_B &&
		   g->size == AETHER_INOS_SIZE_BIRD_BUFFER_B &&
		   g->mode == AETHER_GUARD_MODE_SINGLE &&
		   g->writers == 1u << AETHER_ROLE_MODULE &&
		   g->readers == UINT32_MAX &&
		   g->epoch == AETHER_INOS_IDX_BIRD_EPOCH,
	   "modules write it, all read it, its epoch says when");
}

static void tiers(void)
{
	const struct aether_layout *l = layout_of("inos");
	static const struct {
		uint32_t tier, entities;
		uint64_t mib;
		const char *role;
	} want[] = {
		{ AETHER_TIER_LIGHT, 5000, 32, "Pulse" },
		{ AETHER_TIER_MODERATE, 10000, 64, "Gossip" },
		{ AETHER_TIER_HEAVY, 50000, 128, "Full DHT" },
		{ AETHER_TIER_DEDICATED, 100000, 256, "Relay/Seed" },
	};

	is_int(l->tier_count, 4, "inos has four tiers");
	for (int i = 0; i < 4; i++) {
		const struct aether_layout_tier *t = &l->tiers[i];

		ok(t->tier == want[i].tier && t->size == want[i].mib << 20 &&
			   t->entities == want[i].entities &&
			   !strcmp(t->peer_role, want[i].role),
		   "%s: size, entities, role among peers", want[i].role);
	}
	is_int(layout_of("lean")->tier_count, 0,
	       "lean has none: there a tier is the size of the data");
}

/* What a plane of layout inos keeps in the library's records is its own. */
static void plane(void)
{
	const struct aether_plane_options options = { .layout = "inos" };
	struct aether_plane_info info;
	struct aether_plane *p;

	need(aether_plane_create(NULL, &options, NULL, &p) == 0);
	aether_plane_look(p, &info);
	ok(aether_layout_get(info.geometry.layout) == layout_of("inos") &&
		   !strcmp(info.layout, "inos"),
	   "a plane knows its layout");
	is_int(info.geometry.plane_size, 32 << 20,
	       "the light tier is 32 MiB in all");
	is_int(info.geometry.strides, 126, "with 126 strides");
	is_int(info.geometry.participants_offset, 0x1022000,
	       "tables begin behind matrixBufferB");
	is_int(aether_plane_detach(p), 0, "and goes away");
}

static void tests(void)
{
	lists();
	regions();
	epochs();
	pairs();
	guards();
	tiers();
	plane();
}

int main(void)
{
	return rig_run(tests);
}
