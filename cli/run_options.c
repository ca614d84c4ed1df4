/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of aether run. Whatever can be known to be wrong without
 * touching a file or a plane is refused here, as wrong usage.
 */
#include "run.h"

#include <string.h>

enum {
	KEY_BURN = 1,
	KEY_WORKERS,
	KEY_PLANE,
	KEY_TIER,
	KEY_STRIDES,
	KEY_STRIDE,
	KEY_RAW,
	KEY_TILE,
	KEY_VERIFY,
	KEY_COPY,
	KEY_PIN
};

static const struct argp_option options[] = {
	{ .name = "burn",
	  .key = KEY_BURN,
	  .arg = "SPEC",
	  .doc = "What to do: none, xor:HEX, xor-file:PATH, gf256:HH, or a "
		 "shared object of your own, ./BURN.so[:ARGS]. May be given "
		 "several times; the burns follow each other" },
	{ .name = "workers",
	  .key = KEY_WORKERS,
	  .arg = "N",
	  .doc = "Appliances that burn side by side, 1 to 32 (as many as "
		 "there are processors beside two, at least 1)" },
	{ .name = "pin",
	  .key = KEY_PIN,
	  .doc = "Give each stage a processor: the last one to the egress, the "
		 "others to the rest" },
	{ .name = "plane",
	  .key = KEY_PLANE,
	  .arg = "NAME",
	  .doc = "Use this plane; made for the run if there is none (an "
		 "anonymous one)" },
	{ .name = "tier",
	  .key = KEY_TIER,
	  .arg = "T",
	  .doc = "Size class of the plane to make:" CLI_TIERS },
	{ .name = "strides",
	  .key = KEY_STRIDES,
	  .arg = "N",
	  .doc = "Strides of the plane to make, instead of a tier" },
	{ .name = "stride",
	  .key = KEY_STRIDE,
	  .arg = "SIZE",
	  .doc = "Size of a stride, a power of two from 4K to 16M (128K)" },
	{ .name = "raw",
	  .key = KEY_RAW,
	  .doc = "Leave the bytes as they are instead of slicing them into "
		 "bit-planes" },
	{ .name = "tile",
	  .key = KEY_TILE,
	  .arg = "N",
	  .doc = "Tile of the bit-planes in bytes, a power of two from 8 to "
		 "512 (64)" },
	{ .name = "verify",
	  .key = KEY_VERIFY,
	  .doc = "Compare the checksum of the input with that of the output "
		 "un-burned; give no output if they differ" },
	{ .name = "copy",
	  .key = KEY_COPY,
	  .doc = "Copy on the way in and out, to show that it is counted" },
	{ 0 },
};

/* What a plane that is made for the run has, if nothing is asked for. */
#define FEW_BYTES ((uint64_t)3 << 20)
#define MANY_BYTES ((uint64_t)48 << 20)
#define MANY_STRIDES 256

static void parse_tile(struct run_options *o, const char *text)
{
	uint64_t tile;

	if (cli_number(text, 8, AETHER_SLICE_INPLACE_MAX, &tile) < 0 ||
	    (tile & (tile - 1)))
		cli_usage(&o->common,
			  "--tile is '%s'; give a power of two from 8 to %d",
			  text, AETHER_SLICE_INPLACE_MAX);
	o->tile = (uint32_t)tile;
}

static void add_burn(struct run_options *o, const char *spec)
{
	if (o->burns == AETHER_FLOW_BURNS_MAX)
		cli_usage(&o->common, "more than %d burns; give fewer",
			  AETHER_FLOW_BURNS_MAX);
	o->specs[o->burns++] = spec;
}

static void check(struct run_options *o, struct argp_state *state)
{
	if (!o->in)
		argp_error(state, "IN is missing: the file to read, or -");
	if (!o->out)
		argp_error(state, "OUT is missing: the file to write, or -");
	if (o->tier && o->plane.strides)
		cli_usage(&o->common,
			  "--tier and --strides exclude each other; give one");
	if (o->unsliced && o->tile)
		cli_usage(&o->common,
			  "--raw and --tile exclude each other; give one");
}

/* The options that take a value. */
static error_t parse_value(struct run_options *o, int key, const char *arg)
{
	switch (key) {
	case KEY_BURN:
		add_burn(o, arg);
		return 0;
	case KEY_WORKERS:
		cli_count(&o->common, "workers", arg, AETHER_FLOW_WORKERS_MAX,
			  &o->workers);
		return 0;
	case KEY_PLANE:
		o->name = arg;
		return 0;
	case KEY_TIER:
		cli_tier(&o->common, arg, &o->plane.tier);
		o->tier = 1;
		return 0;
	case KEY_STRIDES:
		cli_count(&o->common, "strides", arg, AETHER_STRIDES_MAX,
			  &o->plane.strides);
		return 0;
	case KEY_STRIDE:
		cli_stride(&o->common, arg, &o->plane.stride_size);
		return 0;
	case KEY_TILE:
		parse_tile(o, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_options *o = state->input;

	switch (key) {
	case KEY_RAW:
		o->unsliced = 1;
		return 0;
	case KEY_VERIFY:
		o->verify = 1;
		return 0;
	case KEY_COPY:
		o->copy = 1;
		return 0;
	case KEY_PIN:
		o->pin = 1;
		return 0;
	case ARGP_KEY_ARG:
		if (o->out)
			return ARGP_ERR_UNKNOWN;
		*(o->in ? &o->out : &o->in) = arg;
		return 0;
	case ARGP_KEY_END:
		check(o, state);
		return 0;
	default:
		return parse_value(o, key, arg);
	}
}

/* The ingress and the egress need one each. */
static uint32_t default_workers(void)
{
	int count = run_processors(NULL);

	if (count < 4)
		return 1;
	count -= 2;
	return count < AETHER_FLOW_WORKERS_MAX ? (uint32_t)count
					       : AETHER_FLOW_WORKERS_MAX;
}

/*
 * Strides of a plane of mine: enough for all stages to work at once, few enough
 * to stay in the processors' caches; more of them where they are small.
 */
static uint32_t default_strides(const struct run_options *o)
{
	uint64_t size = o->plane.stride_size ? o->plane.stride_size
					     : AETHER_STRIDE_SIZE_DEFAULT;
	uint64_t strides = FEW_BYTES / size, least = 16 + 8 * o->workers;

	if (strides < least)
		strides = least;
	if (strides > MANY_STRIDES)
		strides = MANY_STRIDES;
	if (strides > MANY_BYTES / size)
		strides = MANY_BYTES / size;
	return (uint32_t)strides;
}

void run_parse(int argc, char **argv, struct run_options *o)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "IN OUT",
		.doc = "Stream the file IN through a plane into the file OUT: "
		       "one process slices it in, others burn it where it "
		       "lies, a last one un-slices it. - is standard input or "
		       "output. OUT appears when it is whole."
	};

	cli_parse(&argp, "run", argc, argv, o);
	o->any_workers = !o->workers;
	if (o->any_workers)
		o->workers = default_workers();
	o->buffers = o->name || o->tier || o->plane.strides;
	if (!o->buffers)
		o->plane.strides = default_strides(o);
}
