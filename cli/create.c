/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether create: makes a named plane and says what it became. What was asked
 * for beyond its size (huge pages, locking) is granted or explained.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SHMEM_HUGE "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define MODE_OWNER 0600u /* without these nobody could use the plane */
#define MODE_GROUP 0060u

enum {
	KEY_LAYOUT = 1,
	KEY_TIER,
	KEY_STRIDES,
	KEY_STRIDE,
	KEY_PARTICIPANTS,
	KEY_SEGMENTS,
	KEY_MODE,
	KEY_GROUP,
	KEY_HUGE,
	KEY_LOCK,
	KEY_ZERO
};

struct create {
	struct cli_common common;
	struct aether_plane_options options;
	const char *name;
	const char *tier;
	const char *group;
};

#define LAYOUT_TEXT(name, text, hash, tables, doc) " " text
#define LAYOUTS AETHER_LAYOUT_LIST(LAYOUT_TEXT)

static const struct argp_option options[] = {
	{ .name = "layout",
	  .key = KEY_LAYOUT,
	  .arg = "L",
	  .doc = "Layout of the plane (lean):" LAYOUTS },
	{ .name = "tier",
	  .key = KEY_TIER,
	  .arg = "T",
	  .doc = "Size class:" CLI_TIERS },
	{ .name = "strides",
	  .key = KEY_STRIDES,
	  .arg = "N",
	  .doc = "Number of strides, instead of a tier" },
	{ .name = "stride",
	  .key = KEY_STRIDE,
	  .arg = "SIZE",
	  .doc = "Size of a stride, a power of two from 4K to 16M (128K)" },
	{ .name = "participants",
	  .key = KEY_PARTICIPANTS,
	  .arg = "N",
	  .doc = "Slots, 1 to 64 (as many as fit)" },
	{ .name = "segments",
	  .key = KEY_SEGMENTS,
	  .arg = "N",
	  .doc = "Parts with rights of their own, 1 to 64: two files each "
		 "(undivided)" },
	{ .name = "mode",
	  .key = KEY_MODE,
	  .arg = "M",
	  .doc = "File mode, octal (600, with --group 660)" },
	{ .name = "group",
	  .key = KEY_GROUP,
	  .arg = "G",
	  .doc = "Group of the plane, by name or number" },
	{ .name = "huge", .key = KEY_HUGE, .doc = "Ask for huge pages" },
	{ .name = "lock",
	  .key = KEY_LOCK,
	  .doc = "Ask every process that attaches to lock it in memory" },
	{ .name = "zero",
	  .key = KEY_ZERO,
	  .doc = "Zero a stride whenever its lease ends" },
	{ 0 },
};

static void parse_group(struct create *create, const char *text)
{
	cli_group(&create->common, text, &create->options.group);
	create->group = text;
}

/* The options that are numbers or names of something. */
static void parse_value(struct create *create, int key, const char *arg)
{
	const struct cli_common *common = &create->common;
	struct aether_plane_options *plane = &create->options;
	uint32_t layout;

	if (key == KEY_LAYOUT && aether_geometry_layout(arg, &layout) < 0)
		cli_usage(common, "--layout is '%s'; layouts are:" LAYOUTS,
			  arg);
	if (key == KEY_LAYOUT)
		plane->layout = arg;
	if (key == KEY_TIER) {
		cli_tier(common, arg, &plane->tier);
		create->tier = arg;
	}
	if (key == KEY_STRIDES)
		cli_count(common, "strides", arg, AETHER_STRIDES_MAX,
			  &plane->strides);
	if (key == KEY_PARTICIPANTS)
		cli_count(common, "participants", arg, AETHER_PARTICIPANTS_MAX,
			  &plane->participants);
	if (key == KEY_SEGMENTS)
		cli_count(common, "segments", arg, AETHER_SEGMENTS_MAX,
			  &plane->segments);
	if (key == KEY_STRIDE)
		cli_stride(common, arg, &plane->stride_size);
	if (key == KEY_MODE && cli_mode_read(arg, MODE_OWNER, &plane->mode) < 0)
		cli_usage(common,
			  "--mode is '%s'; give an octal mode that "
			  "lets the owner read and write, as 660",
			  arg);
	if (key == KEY_GROUP)
		parse_group(create, arg);
}

static void check(struct create *create)
{
	if (create->tier && create->options.strides)
		cli_usage(&create->common,
			  "--tier and --strides exclude each other; give one");
	/* 0 means the creator's own group to the library */
	if (create->group && !create->options.group && getegid())
		cli_usage(&create->common,
			  "--group is '%s'; only a creator "
			  "of group 0 can give that",
			  create->group);
	if (create->group && !create->options.mode)
		create->options.mode = MODE_OWNER | MODE_GROUP;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct create *create = state->input;

	switch (key) {
	case KEY_HUGE:
		create->options.flags |= AETHER_FLAG_HUGE;
		return 0;
	case KEY_LOCK:
		create->options.flags |= AETHER_FLAG_LOCK;
		return 0;
	case KEY_ZERO:
		create->options.flags |= AETHER_FLAG_ZERO;
		return 0;
	case ARGP_KEY_ARG:
		if (create->name)
			return ARGP_ERR_UNKNOWN;
		create->name = arg;
		return 0;
	case ARGP_KEY_END:
		if (!create->name)
			argp_error(state, "the NAME of the plane is missing");
		check(create);
		return 0;
	default:
		if (!arg || key < KEY_LAYOUT || key > KEY_LOCK)
			return ARGP_ERR_UNKNOWN;
		parse_value(create, key, arg);
		return 0;
	}
}

/* Reads which of the kernel's choices stands in brackets. */
static void shmem_policy(char *policy, size_t size)
{
	FILE *file = fopen(SHMEM_HUGE, "re");
	char word[24];

	snprintf(policy, size, "not there");
	while (file && fscanf(file, "%23s", word) == 1)
		if (word[0] == '[')
			snprintf(policy, size, "%.*s",
				 (int)strcspn(word + 1, "]"), word + 1);
	if (file)
		fclose(file);
}

/* Says what was asked for and not granted in full. */
static void explain(const struct aether_plane_info *info)
{
	uint64_t data = info->geometry.plane_size - info->geometry.data_offset;
	uint64_t all = info->geometry.tables_end + data;
	struct rlimit limit;
	char policy[24];

	if ((info->flags & AETHER_FLAG_HUGE) && info->huge_bytes < data) {
		shmem_policy(policy, sizeof(policy));
		fprintf(stderr,
			"aether create: huge pages: %llu of %llu bytes "
			"granted; %s is %s, it should be advise or always\n",
			(unsigned long long)info->huge_bytes,
			(unsigned long long)data, SHMEM_HUGE, policy);
	}
	if (!(info->flags & AETHER_FLAG_LOCK) || info->locked_bytes >= all)
		return;
	fprintf(stderr, "aether create: locking: %llu of %llu bytes granted; ",
		(unsigned long long)info->locked_bytes,
		(unsigned long long)all);
	if (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur >= all)
		fputs("ulimit -l (RLIMIT_MEMLOCK) allows it: memory is "
		      "short\n",
		      stderr);
	else
		fprintf(stderr,
			"ulimit -l (RLIMIT_MEMLOCK) is %llu bytes; "
			"raise it, or give CAP_IPC_LOCK\n",
			(unsigned long long)limit.rlim_cur);
}

static void print_json(const struct create *create,
		       const struct aether_plane_info *info)
{
	const struct aether_geometry *is = &info->geometry;
	json_t *object = cli_object(&create->common);
	json_int_t data = (json_int_t)is->strides * (json_int_t)is->stride_size;

	cli_set(object, "name", cli_text(create->name, SIZE_MAX));
	cli_set(object, "layout", cli_text(info->layout, sizeof(info->layout)));
	cli_set(object, "strides", json_integer(is->strides));
	cli_set(object, "stride_size",
		json_integer((json_int_t)is->stride_size));
	cli_set(object, "participants", json_integer(is->participants));
	cli_set(object, "segments", json_integer(is->segments));
	cli_set(object, "segment_strides", json_integer(is->segment_strides));
	cli_set(object, "plane_size", json_integer((json_int_t)is->plane_size));
	cli_set(object, "data_size", json_integer(data));
	cli_set(object, "tables_size",
		json_integer((json_int_t)is->plane_size - data));
	cli_set(object, "zero",
		json_boolean((info->flags & AETHER_FLAG_ZERO) != 0));
	cli_set(object, "huge_bytes",
		json_integer((json_int_t)info->huge_bytes));
	cli_set(object, "locked_bytes",
		json_integer((json_int_t)info->locked_bytes));
	cli_print(object);
}

static void print_text(const struct create *create,
		       const struct aether_plane_info *info)
{
	const struct aether_geometry *is = &info->geometry;
	char segments[64] = "";

	if (is->segments)
		snprintf(segments, sizeof(segments), ", in %u segments of %u",
			 is->segments, is->segment_strides);
	printf("%s: %u strides of %llu bytes%s%s, %u participants, %llu bytes "
	       "in all\n",
	       create->name, is->strides, (unsigned long long)is->stride_size,
	       segments, info->flags & AETHER_FLAG_ZERO ? ", zeroed" : "",
	       is->participants, (unsigned long long)is->plane_size);
}

int cli_create(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Make the plane NAME, which outlives everybody who "
		       "uses it, until aether destroy."
	};
	struct create create = { 0 };
	struct aether_plane_info info;
	struct aether_plane *plane;
	struct aether_error error = { 0 };
	int err;

	cli_parse(&argp, "create", argc, argv, &create);
	err = aether_plane_create(create.name, &create.options, &error, &plane);
	if (cli_explain(err, &error) < 0)
		return cli_fail_error(&create.common, &error);
	aether_plane_look(plane, &info);
	explain(&info);
	if (create.common.json)
		print_json(&create, &info);
	else
		print_text(&create, &info);
	aether_plane_detach(plane);
	return CLI_OK;
}
