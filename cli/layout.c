/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether layout: where every byte of a plane is. Regions and epochs come from
 * the lists that the schema's generator wrote, tables from the geometry; what
 * lies between is a gap. Every byte is in exactly one region or gap.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define TABLES 5 /* participants to data */

enum {
	KEY_LAYOUT = 1
};

struct region {
	const char *name;
	uint64_t offset;
	uint64_t size;
	const char *kind;
};

struct epoch {
	uint32_t index;
	const char *name;
	const char *kind;
	const char *signaler;
	const char *waiter;
};

struct map {
	const struct region *regions; /* these and the epochs end with */
	const struct epoch *epochs;   /* one that has no name */
};

struct layout {
	struct cli_common common;
	const char *layout;
	const char *name;
};

#define REGION(text, offset, size, kind, doc) { text, offset, size, kind },
#define EPOCH(index, text, kind, signaler, waiter) \
	{ index, text, kind, signaler, waiter },
#define NO_REGION REGION(NULL, 0, 0, NULL, NULL)
#define NO_EPOCH EPOCH(0, NULL, NULL, NULL, NULL)
#define LEAN_REGIONS AETHER_LAYOUT_LEAN_REGIONS(REGION)
#define LEAN_EPOCHS AETHER_LAYOUT_LEAN_EPOCHS(EPOCH)
#define KNOWN(name, text, hash, tables, doc) { text, hash },
#define NAME(name, text, hash, tables, doc) " " text
#define NAMES AETHER_LAYOUT_LIST(NAME)

static const struct region lean_regions[] = { LEAN_REGIONS NO_REGION };
static const struct epoch lean_epochs[] = { LEAN_EPOCHS NO_EPOCH };

/* A further layout is one more line here, in the order of the list. */
static const struct map maps[] = {
	{ lean_regions, lean_epochs },
};

static const struct {
	const char *name;
	uint64_t hash;
} known[] = { AETHER_LAYOUT_LIST(KNOWN) };

_Static_assert(sizeof(known) / sizeof(known[0]) ==
		       sizeof(maps) / sizeof(maps[0]),
	       "each layout has its line in maps");

static const struct argp_option options[] = {
	{ .name = "layout",
	  .key = KEY_LAYOUT,
	  .arg = "L",
	  .doc = "The layout L (lean) with its default sizes" },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct layout *layout = state->input;

	switch (key) {
	case KEY_LAYOUT:
		layout->layout = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (layout->name)
			return ARGP_ERR_UNKNOWN;
		layout->name = arg;
		return 0;
	case ARGP_KEY_END:
		if (layout->layout && layout->name)
			argp_error(state, "give --layout or NAME, not both");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

#define TIER_DATA(name, number, text, data) [number] = (data),
static const uint64_t tiers[] = { AETHER_TIER_LIST(TIER_DATA) };

/* The geometry that `aether create --layout L` would make. */
static int default_geometry(const struct layout *layout,
			    struct aether_geometry *geometry)
{
	const char *name = layout->layout ? layout->layout : known[0].name;
	uint64_t strides = tiers[AETHER_TIER_LIGHT] /
			   AETHER_STRIDE_SIZE_DEFAULT;
	uint32_t index;

	if (aether_geometry_layout(name, &index) < 0)
		cli_usage(&layout->common,
			  "--layout is '%s'; layouts are:" NAMES, name);
	return aether_geometry_make(index, (uint32_t)strides,
				    AETHER_STRIDE_SIZE_DEFAULT, 0, geometry);
}

static int plane_geometry(const char *name, struct aether_error *error,
			  struct aether_geometry *geometry)
{
	struct aether_plane_info info;
	struct aether_plane *plane;
	int err = aether_plane_attach(name, AETHER_ATTACH_OBSERVE, error,
				      &plane);

	if (err)
		return err;
	aether_plane_look(plane, &info);
	aether_plane_detach(plane);
	*geometry = info.geometry;
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	const struct region *left = a, *right = b;

	return (left->offset > right->offset) - (left->offset < right->offset);
}

/* All regions of the plane by offset; their number. By malloc; NULL if there
 * is no room. */
static struct region *collect(const struct map *map,
			      const struct aether_geometry *is, size_t *count)
{
	const struct region tables[TABLES] = {
		{ "participants", is->participants_offset,
		  (uint64_t)is->participants * AETHER_RECORD_PARTICIPANT_SIZE,
		  "table" },
		{ "mailboxes", is->mailboxes_offset,
		  (uint64_t)is->participants * is->places *
			  sizeof(struct aether_word64),
		  "table" },
		{ "registers", is->registers_offset,
		  is->registers * sizeof(struct aether_word32), "table" },
		{ "leases", is->leases_offset,
		  (uint64_t)is->strides * AETHER_RECORD_LEASE_SIZE, "table" },
		{ "dataPlane", is->data_offset, is->strides * is->stride_size,
		  "data" },
	};
	struct region *all;
	size_t own = 0;

	while (map->regions[own].name)
		own++;
	*count = own + TABLES;
	all = malloc(*count * sizeof(*all));
	if (!all)
		return NULL;
	memcpy(all, map->regions, own * sizeof(*all));
	memcpy(all + own, tables, sizeof(tables));
	qsort(all, *count, sizeof(*all), by_offset);
	return all;
}

/* Calls `each` for regions and gaps (name NULL) by offset, up to `end`. */
static void walk(const struct region *all, size_t count, uint64_t end,
		 void (*each)(const struct region *, void *), void *user)
{
	struct region gap = { NULL, 0, 0, "gap" };
	uint64_t at = 0;
	size_t i;

	for (i = 0; i <= count; i++) {
		uint64_t next = i < count ? all[i].offset : end;

		if (next > at) {
			gap.offset = at;
			gap.size = next - at;
			each(&gap, user);
		}
		if (i == count)
			break;
		each(&all[i], user);
		at = all[i].offset + all[i].size;
	}
}

struct lists {
	json_t *regions;
	json_t *gaps;
};

static void add_json(const struct region *region, void *user)
{
	struct lists *lists = user;
	json_t *object = json_object();

	if (region->name)
		cli_set(object, "name", json_string(region->name));
	cli_set(object, "offset", json_integer((json_int_t)region->offset));
	cli_set(object, "size", json_integer((json_int_t)region->size));
	if (region->name)
		cli_set(object, "kind", json_string(region->kind));
	cli_add(region->name ? lists->regions : lists->gaps, object);
}

static json_t *epochs_json(const struct map *map)
{
	json_t *list = json_array(), *object;
	const struct epoch *epoch;
	uint64_t offset;

	for (epoch = map->epochs; epoch->name; epoch++) {
		if (aether_geometry_epoch(epoch->index, &offset) < 0)
			continue;
		object = json_object();
		cli_set(object, "index", json_integer(epoch->index));
		cli_set(object, "name", json_string(epoch->name));
		cli_set(object, "offset", json_integer((json_int_t)offset));
		cli_set(object, "kind", json_string(epoch->kind));
		cli_set(object, "signaler", json_string(epoch->signaler));
		cli_set(object, "waiter", json_string(epoch->waiter));
		cli_add(list, object);
	}
	return list;
}

static void print_json(const struct layout *layout, const struct map *map,
		       const struct aether_geometry *is,
		       const struct region *all, size_t count)
{
	json_t *object = cli_object(&layout->common);
	struct lists lists = { json_array(), json_array() };
	char hash[32];

	snprintf(hash, sizeof(hash), "0x%016llX",
		 (unsigned long long)known[is->layout].hash);
	walk(all, count, is->plane_size, add_json, &lists);
	cli_set(object, "layout", json_string(known[is->layout].name));
	cli_set(object, "hash", json_string(hash));
	cli_set(object, "plane_size", json_integer((json_int_t)is->plane_size));
	cli_set(object, "strides", json_integer(is->strides));
	cli_set(object, "stride_size",
		json_integer((json_int_t)is->stride_size));
	cli_set(object, "participants", json_integer(is->participants));
	cli_set(object, "regions", lists.regions);
	cli_set(object, "epochs", epochs_json(map));
	cli_set(object, "gaps", lists.gaps);
	cli_print(object);
}

static void print_line(const struct region *region, void *user)
{
	(void)user;
	printf("0x%010llX  0x%010llX  %12llu  %-8s %s\n",
	       (unsigned long long)region->offset,
	       (unsigned long long)(region->offset + region->size - 1),
	       (unsigned long long)region->size, region->kind,
	       region->name ? region->name : "");
}

static void print_text(const struct map *map, const struct aether_geometry *is,
		       const struct region *all, size_t count)
{
	const struct epoch *epoch;

	printf("layout %s, hash 0x%016llX: %u strides of %llu bytes, %u "
	       "participants, %llu bytes\n\n%-12s  %-12s  %12s  %-8s %s\n",
	       known[is->layout].name,
	       (unsigned long long)known[is->layout].hash, is->strides,
	       (unsigned long long)is->stride_size, is->participants,
	       (unsigned long long)is->plane_size, "first", "last", "bytes",
	       "kind", "region");
	walk(all, count, is->plane_size, print_line, NULL);
	if (map->epochs->name)
		printf("\n%5s  %-24s %-8s %-16s %s\n", "epoch", "name", "kind",
		       "signaler", "waiter");
	for (epoch = map->epochs; epoch->name; epoch++)
		printf("%5u  %-24s %-8s %-16s %s\n", epoch->index, epoch->name,
		       epoch->kind, epoch->signaler, epoch->waiter);
}

int cli_layout(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[NAME]",
		.doc = "Show where every byte of the plane NAME is, or of a "
		       "layout with its default sizes. Layouts:" NAMES
	};
	struct layout layout = { 0 };
	struct aether_geometry is = { 0 };
	struct aether_error error = { 0 };
	struct region *all;
	size_t count;
	int err;

	cli_parse(&argp, "layout", argc, argv, &layout);
	err = layout.name ? plane_geometry(layout.name, &error, &is)
			  : default_geometry(&layout, &is);
	if (err && layout.name)
		return cli_fail_error(&layout.common, &error);
	if (err || is.layout >= sizeof(maps) / sizeof(maps[0]))
		return cli_fail(&layout.common, AETHER_ELAYOUT,
				"no map of this layout");
	all = collect(&maps[is.layout], &is, &count);
	if (!all)
		return cli_fail(&layout.common, AETHER_ENOMEM,
				"no room for the map");
	if (layout.common.json)
		print_json(&layout, &maps[is.layout], &is, all, count);
	else
		print_text(&maps[is.layout], &is, all, count);
	free(all);
	return CLI_OK;
}
