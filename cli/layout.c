/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether layout: where every byte of a plane is. Regions and epochs come from
 * the lists that the schema's generator wrote, tables from the geometry; what
 * lies between is a gap. Every byte is in exactly one region or gap.
 */
#include "layout.h"

#include <stdlib.h>
#include <string.h>

#define TABLES 5 /* participants to data */

enum {
	KEY_LAYOUT = 1
};

#define NAME(name, text, hash, tables, doc) " " text
#define NAMES AETHER_LAYOUT_LIST(NAME)

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

/* The geometry that `aether create --layout L` would make. */
static int default_geometry(const struct layout *layout,
			    struct aether_geometry *geometry)
{
	const char *name = layout->layout ? layout->layout
					  : aether_layout_get(0)->name;
	uint32_t index, strides;
	int err;

	if (aether_geometry_layout(name, &index) < 0)
		cli_usage(&layout->common,
			  "--layout is '%s'; layouts are:" NAMES, name);
	err = aether_geometry_tier(index, AETHER_TIER_LIGHT,
				   AETHER_STRIDE_SIZE_DEFAULT, 0, &strides);
	if (err < 0)
		return err;
	return aether_geometry_make(index, strides, AETHER_STRIDE_SIZE_DEFAULT,
				    0, geometry);
}

/* Over a socket one's rights are those that are granted when one attaches. */
static int attach(const char *name, struct aether_error *error,
		  struct aether_plane **plane)
{
	int err = AETHER_EACCES;

	if (strchr(name, '/'))
		err = cli_attach(name, 0, error, plane);
	if (err == AETHER_EACCES)
		err = cli_attach(name, AETHER_ATTACH_OBSERVE, error, plane);
	return err;
}

static int plane_geometry(struct layout *layout, struct aether_error *error,
			  struct aether_geometry *geometry)
{
	struct aether_plane_info info;
	struct aether_plane *plane;
	struct stat st;
	int err = attach(layout->name, error, &plane);

	if (err)
		return err;
	aether_plane_look(plane, &info);
	if (fstat(aether_plane_fd(plane), &st) == 0)
		layout->id = st.st_ino;
	layout->segments = info.geometry.segments;
	for (uint32_t i = 0; i < layout->segments; i++) {
		aether_segment_look(plane, i, &layout->is[i]);
		layout->right[i] = cli_right(plane, i);
	}
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
static struct region *collect(const struct aether_layout *has,
			      const struct aether_geometry *is, size_t *count)
{
	const struct region tables[TABLES] = {
		{ "participants", is->participants_offset,
		  (uint64_t)is->participants * AETHER_RECORD_PARTICIPANT_SIZE,
		  "table", 0 },
		{ "mailboxes", is->mailboxes_offset,
		  (uint64_t)is->participants * is->places *
			  sizeof(struct aether_word64),
		  "table", 0 },
		{ "registers", is->registers_offset,
		  is->registers * sizeof(struct aether_word32), "table", 0 },
		{ "leases", is->leases_offset,
		  (uint64_t)is->strides * AETHER_RECORD_LEASE_SIZE, "table",
		  0 },
		{ "dataPlane", is->data_offset, is->strides * is->stride_size,
		  "data", 0 },
	};
	struct region *all;
	size_t own = has->region_count;

	*count = own + TABLES;
	all = malloc(*count * sizeof(*all));
	if (!all)
		return NULL;
	for (size_t i = 0; i < own; i++)
		all[i] = (struct region) { has->regions[i].name,
					   has->regions[i].offset,
					   has->regions[i].size,
					   has->regions[i].kind,
					   has->regions[i].addition };
	memcpy(all + own, tables, sizeof(tables));
	qsort(all, *count, sizeof(*all), by_offset);
	return all;
}

void layout_walk(const struct region *all, size_t count, uint64_t end,
		 void (*each)(const struct region *, void *), void *user)
{
	struct region gap = { NULL, 0, 0, "gap", 0 };
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
	if (region->name) {
		cli_set(object, "kind", json_string(region->kind));
		cli_set(object, "addition", json_boolean(region->addition));
	}
	cli_add(region->name ? lists->regions : lists->gaps, object);
}

static json_t *epochs_json(const struct aether_layout *has)
{
	json_t *list = json_array(), *object;
	uint64_t offset;

	for (uint32_t i = 0; i < has->epoch_count; i++) {
		const struct aether_layout_epoch *epoch = &has->epochs[i];

		if (aether_geometry_epoch(epoch->index, &offset) < 0)
			continue;
		object = json_object();
		cli_set(object, "index", json_integer(epoch->index));
		cli_set(object, "count", json_integer(epoch->count));
		cli_set(object, "name", json_string(epoch->name));
		cli_set(object, "offset", json_integer((json_int_t)offset));
		cli_set(object, "kind", json_string(layout_kinds[epoch->kind]));
		cli_set(object, "signaler", json_string(epoch->signaler));
		cli_set(object, "waiter", json_string(epoch->waiter));
		cli_add(list, object);
	}
	return list;
}

static json_t *pairs_json(const struct aether_layout *has)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < has->pair_count; i++) {
		const struct aether_layout_pair *pair = &has->pairs[i];
		json_t *object = json_object(), *buffers = json_array();

		for (uint32_t b = 0; b < pair->buffers; b++)
			cli_add(buffers,
				json_integer((json_int_t)pair->offset[b]));
		cli_set(object, "name", json_string(pair->name));
		cli_set(object, "buffers", buffers);
		cli_set(object, "size", json_integer((json_int_t)pair->size));
		cli_set(object, "epoch", json_integer(pair->epoch));
		cli_set(object, "mirror", json_integer(pair->mirror));
		cli_set(object, "item_size", json_integer(pair->item_size));
		cli_set(object, "items", json_integer(pair->items));
		cli_add(list, object);
	}
	return list;
}

static json_t *guards_json(const struct aether_layout *has)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < has->guard_count; i++) {
		const struct aether_layout_guard *guard = &has->guards[i];
		json_t *object = json_object();

		cli_set(object, "region", json_string(guard->region));
		cli_set(object, "mode", json_string(layout_modes[guard->mode]));
		cli_set(object, "writers", cli_roles(guard->writers));
		cli_set(object, "readers", cli_roles(guard->readers));
		cli_set(object, "epoch", json_integer(guard->epoch));
		cli_add(list, object);
	}
	return list;
}

static json_t *tiers_json(const struct aether_layout *has)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < has->tier_count; i++) {
		const struct aether_layout_tier *tier = &has->tiers[i];
		json_t *object = json_object();

		cli_set(object, "name", json_string(layout_tiers[tier->tier]));
		cli_set(object, "size", json_integer((json_int_t)tier->size));
		cli_set(object, "entities", json_integer(tier->entities));
		cli_set(object, "peer_role", json_string(tier->peer_role));
		cli_add(list, object);
	}
	return list;
}

static json_t *segments_json(const struct layout *layout)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < layout->segments; i++) {
		const struct aether_segment_info *is = &layout->is[i];
		json_t *object = json_object();

		cli_set(object, "segment", json_integer(i));
		cli_set(object, "right",
			json_string(
				aether_segment_right_name(layout->right[i])));
		cli_set(object, "first", json_integer(is->first));
		cli_set(object, "strides", json_integer(is->strides));
		cli_set(object, "leases_offset",
			json_integer((json_int_t)is->leases_offset));
		cli_set(object, "leases_size",
			json_integer((json_int_t)is->leases_size));
		cli_set(object, "data_offset",
			json_integer((json_int_t)is->data_offset));
		cli_set(object, "data_size",
			json_integer((json_int_t)is->data_size));
		cli_add(list, object);
	}
	return list;
}

static void print_json(const struct layout *layout,
		       const struct aether_layout *has,
		       const struct aether_geometry *is,
		       const struct region *all, size_t count)
{
	json_t *object = cli_object(&layout->common);
	struct lists lists = { json_array(), json_array() };
	char hash[32];

	snprintf(hash, sizeof(hash), "0x%016llX",
		 (unsigned long long)has->hash);
	layout_walk(all, count, is->plane_size, add_json, &lists);
	cli_set(object, "layout", json_string(has->name));
	cli_set(object, "hash", json_string(hash));
	cli_set(object, "plane_size", json_integer((json_int_t)is->plane_size));
	cli_set(object, "strides", json_integer(is->strides));
	cli_set(object, "stride_size",
		json_integer((json_int_t)is->stride_size));
	cli_set(object, "participants", json_integer(is->participants));
	if (layout->segments) {
		snprintf(hash, sizeof(hash), "%016llx",
			 (unsigned long long)layout->id);
		cli_set(object, "id", json_string(hash));
	}
	cli_set(object, "segments", segments_json(layout));
	cli_set(object, "regions", lists.regions);
	cli_set(object, "epochs", epochs_json(has));
	cli_set(object, "pairs", pairs_json(has));
	cli_set(object, "guards", guards_json(has));
	cli_set(object, "tiers", tiers_json(has));
	cli_set(object, "gaps", lists.gaps);
	cli_print(object);
}

int cli_layout(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[NAME]",
		.doc = "Show where every byte of the plane NAME is, and "
		       "what you may in its segments; or of a layout with "
		       "its default sizes. Layouts:" NAMES
	};
	struct layout layout = { 0 };
	struct aether_geometry is = { 0 };
	struct aether_error error = { 0 };
	const struct aether_layout *has;
	struct region *all;
	size_t count;
	int err;

	cli_parse(&argp, "layout", argc, argv, &layout);
	err = layout.name ? plane_geometry(&layout, &error, &is)
			  : default_geometry(&layout, &is);
	if (err && layout.name)
		return cli_fail_error(&layout.common, &error);
	has = aether_layout_get(is.layout);
	if (err || !has)
		return cli_fail(&layout.common, AETHER_ELAYOUT,
				"no map of this layout");
	all = collect(has, &is, &count);
	if (!all)
		return cli_fail(&layout.common, AETHER_ENOMEM,
				"no room for the map");
	if (layout.common.json)
		print_json(&layout, has, &is, all, count);
	else
		layout_print(&layout, has, &is, all, count);
	free(all);
	return CLI_OK;
}
