/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether map: the heat map of a plane in characters, one a stride. Looks
 * without taking part, so it may be run on anything at any time.
 */
#include "cli.h"

#define WIDTH 64                       /* strides a line */
#define CORRUPT AETHER_REGISTRY_STATES /* after the states there are */
#define UNSEEN (CORRUPT + 1)           /* I may not see its segment */
#define SIGNS (UNSEEN + 1)

struct map {
	struct cli_common common;
	const char *name;
};

/* What stands for a state in the picture. */
static const char signs[SIGNS] = {
	[AETHER_STATE_DORMANT] = '.',
	[AETHER_STATE_BUSY] = '#',
	[AETHER_STATE_ROUTED] = '>',
	[AETHER_STATE_SHARED] = '=',
	[AETHER_STATE_CONT] = '-',
	[AETHER_STATE_SUSPECT] = '!',
	[AETHER_STATE_ENDING] = '~',
	[AETHER_STATE_KEPT] = '+',
	[CORRUPT] = '?',
	[UNSEEN] = 'x',
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct map *map = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (map->name)
			return ARGP_ERR_UNKNOWN;
		map->name = arg;
		return 0;
	case ARGP_KEY_END:
		if (!map->name)
			argp_error(state, "the NAME of the plane is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char *state_name(uint32_t state)
{
	const char *name = aether_registry_state_name(state);

	if (state == UNSEEN)
		return "unseen";
	return name ? name : "corrupt";
}

/* The state of a stride, which is one of those in `signs`. */
static uint32_t look(const struct aether_plane *plane, uint32_t index,
		     struct aether_stride_info *info)
{
	int err = aether_registry_look(plane, index, info);

	if (err == AETHER_EACCES)
		return UNSEEN;
	if (err < 0 || info->state >= AETHER_REGISTRY_STATES)
		return CORRUPT;
	return info->state;
}

static int has_owner(uint32_t state)
{
	return state == AETHER_STATE_BUSY || state == AETHER_STATE_ROUTED ||
	       state == AETHER_STATE_SUSPECT || state == AETHER_STATE_ENDING;
}

static json_t *readers_json(uint64_t readers)
{
	json_t *list = json_array();

	for (uint32_t slot = 0; readers; slot++, readers >>= 1)
		if (readers & 1)
			cli_add(list, json_integer(slot));
	return list;
}

static json_t *stride_json(const struct aether_plane *plane,
			   const struct aether_layout *layout,
			   const struct aether_stride_info *info,
			   uint32_t index, uint32_t state)
{
	json_t *object = json_object();
	uint32_t segment = 0;

	aether_segment_of(plane, index, &segment);
	cli_set(object, "index", json_integer(index));
	cli_set(object, "segment", json_integer(segment));
	cli_set(object, "state", cli_text(state_name(state), SIZE_MAX));
	cli_set(object, "owner",
		has_owner(state) ? json_integer(info->slot) : json_null());
	cli_set(object, "generation",
		state >= CORRUPT ? json_null()
				 : json_integer((json_int_t)info->generation));
	if (state == AETHER_STATE_CONT)
		cli_set(object, "head", json_integer(info->head));
	if (state == AETHER_STATE_SHARED)
		cli_set(object, "readers", readers_json(info->readers));
	if (state == AETHER_STATE_KEPT) {
		cli_set(object, "pair",
			cli_text(layout->pairs[info->pair].name, SIZE_MAX));
		cli_set(object, "buffer", json_integer(info->buffer));
	}
	return object;
}

static void print_json(const struct map *map, const struct aether_plane *plane,
		       const struct aether_geometry *geometry)
{
	const struct aether_layout *layout = aether_layout_get(
		geometry->layout);
	json_t *object = cli_object(&map->common), *list = json_array();
	json_t *counts = json_object();
	uint32_t number[SIGNS] = { 0 }, index, state;
	struct aether_stride_info info;

	for (index = 0; index < geometry->strides; index++) {
		state = look(plane, index, &info);
		number[state]++;
		cli_add(list, stride_json(plane, layout, &info, index, state));
	}
	for (state = 0; state < UNSEEN; state++)
		cli_set(counts, state_name(state),
			cli_counted(number[state], number[UNSEEN], index));
	cli_set(counts, state_name(UNSEEN), json_integer(number[UNSEEN]));
	cli_set(object, "name", cli_text(map->name, SIZE_MAX));
	cli_set(object, "strides", list);
	cli_set(object, "counts", counts);
	cli_print(object);
}

/* Of unseen ones it is known how many they are, and of no state then. */
static void print_legend(const uint32_t number[SIGNS], uint32_t strides)
{
	char text[CLI_COUNTED_MAX];

	for (uint32_t state = 0; state < UNSEEN; state++)
		printf("%c %s %s   ", signs[state], state_name(state),
		       cli_counted_text(number[state], number[UNSEEN], strides,
					text));
	printf("%c %s %u\n", signs[UNSEEN], state_name(UNSEEN), number[UNSEEN]);
}

static void print_picture(const struct aether_plane *plane, uint32_t strides)
{
	uint32_t number[SIGNS] = { 0 }, index, state;
	uint32_t segment = 0, before = 0, column = 0;
	struct aether_stride_info info;

	for (index = 0; index < strides; index++) {
		state = look(plane, index, &info);
		number[state]++;
		aether_segment_of(plane, index, &segment);
		column = segment == before ? column % WIDTH : 0;
		before = segment;
		if (!column++)
			printf("%s%6u  ", index ? "\n" : "", index);
		putchar(signs[state]);
	}
	fputs("\n\n", stdout);
	print_legend(number, strides);
}

int cli_map(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Show the strides of the plane NAME, one character "
		       "each, with a legend and counts; a segment begins "
		       "a line. The owner of a "
		       "stride, in JSON, is the slot of who has it, or of "
		       "whom it is on its way to; what a ping-pong pair keeps "
		       "has the names of pair and buffer instead."
	};
	struct map map = { 0 };
	struct aether_error error = { 0 };
	struct aether_plane_info info;
	struct aether_plane *plane;

	cli_parse(&argp, "map", argc, argv, &map);
	if (cli_attach(map.name, AETHER_ATTACH_OBSERVE, &error, &plane) < 0)
		return cli_fail_error(&map.common, &error);
	aether_plane_look(plane, &info);
	if (map.common.json)
		print_json(&map, plane, &info.geometry);
	else
		print_picture(plane, info.geometry.strides);
	aether_plane_detach(plane);
	return CLI_OK;
}
