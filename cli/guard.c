/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether guard: the guarded regions of a plane: who may write them, who does,
 * and what went wrong. Looks as an observer, so it also shows a holder that has
 * died and whom nobody has succeeded yet.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct guard {
	struct cli_common common;
	const char *name;
	const char *region; /* NULL: all */
};

#define MODE(id, number, text, doc) [number] = text,
#define VIOLATION(id, number, text, doc) [number] = text,

static const char *const modes[] = { AETHER_GUARD_MODE_LIST(MODE) };
static const char *const violations[AETHER_GUARD_VIOLATIONS] = {
	AETHER_GUARD_VIOLATION_LIST(VIOLATION)
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct guard *guard = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (guard->region)
			return ARGP_ERR_UNKNOWN;
		if (guard->name)
			guard->region = arg;
		else
			guard->name = arg;
		return 0;
	case ARGP_KEY_END:
		if (!guard->name)
			argp_error(state, "the NAME of the plane is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Who may write: nobody where nobody does so through a guard. */
static uint32_t writers(const struct aether_guard_info *info)
{
	return info->mode == AETHER_GUARD_MODE_READ_ONLY ? 0 : info->writers;
}

static const char *role_name(uint32_t role)
{
	const char *name = aether_participant_role_name(role);

	return name ? name : "unknown";
}

static json_t *holder_json(const struct aether_guard_info *info)
{
	json_t *object;

	if (!info->held)
		return json_null();
	object = json_object();
	cli_set(object, "slot", json_integer(info->slot));
	cli_set(object, "alive", json_boolean(info->alive));
	cli_set(object, "name",
		info->holder ? cli_text(info->name, sizeof(info->name))
			     : json_null());
	cli_set(object, "role",
		info->holder ? json_string(role_name(info->role))
			     : json_null());
	cli_set(object, "pid",
		info->holder ? json_integer(info->pid) : json_null());
	return object;
}

static json_t *violations_json(const struct aether_guard_info *info)
{
	json_t *object = json_object();

	for (size_t i = 0; i < AETHER_GUARD_VIOLATIONS; i++)
		cli_set(object, violations[i],
			json_integer(info->violations[i]));
	return object;
}

static uint32_t epoch_value(const struct aether_plane *plane,
			    const struct aether_guard_info *info)
{
	uint32_t value = 0;

	if (info->epoch)
		aether_epoch_load(plane, info->epoch, &value);
	return value;
}

static json_t *as_json(const struct aether_plane *plane,
		       const struct aether_guard_info *info)
{
	json_t *object = json_object();
	uint32_t epoch = info->epoch;

	cli_set(object, "region", json_string(info->region));
	cli_set(object, "offset", json_integer((json_int_t)info->offset));
	cli_set(object, "size", json_integer((json_int_t)info->size));
	cli_set(object, "mode", json_string(modes[info->mode]));
	cli_set(object, "writers", cli_roles(writers(info)));
	cli_set(object, "readers", cli_roles(info->readers));
	cli_set(object, "holder", holder_json(info));
	cli_set(object, "epoch", epoch ? json_integer(epoch) : json_null());
	cli_set(object, "epoch_value",
		epoch ? json_integer(epoch_value(plane, info)) : json_null());
	cli_set(object, "epoch_at_acquire",
		json_integer(info->epoch_at_acquire));
	cli_set(object, "last_epoch", json_integer(info->last_epoch));
	cli_set(object, "acquires", json_integer(info->acquires));
	cli_set(object, "recovered", json_integer(info->recovered));
	cli_set(object, "violations", violations_json(info));
	return object;
}

/* Where, which process, whether it lives. */
static void print_holder(const struct aether_guard_info *info)
{
	if (!info->held)
		printf("%4s %10s %-5s  ", "-", "-", "-");
	else if (!info->holder)
		printf("%4u %10s %-5s  ", info->slot, "-", "dead");
	else
		printf("%4u %10u %-5s  ", info->slot, info->pid,
		       info->alive ? "alive" : "dead");
}

/* What went wrong, and how often. */
static void print_violations(const struct aether_guard_info *info)
{
	int any = 0;

	for (size_t i = 0; i < AETHER_GUARD_VIOLATIONS; i++)
		if (info->violations[i])
			printf("%s%s %u", any++ ? ", " : "", violations[i],
			       info->violations[i]);
	if (!any)
		putchar('-');
}

static void print_head(void)
{
	printf("%-22s %-8s  %-14s %4s %10s %-5s  %10s %8s %9s  %-16s %s\n",
	       "region", "mode", "writers", "slot", "pid", "is", "epoch",
	       "acquires", "recovered", "holder", "violations");
}

static void print_row(const struct aether_plane *plane,
		      const struct aether_guard_info *info)
{
	char roles[CLI_ROLES_MAX], epoch[16] = "-";
	const char *name = info->holder ? info->name : "-";
	int length = (int)strnlen(name, sizeof(info->name));

	cli_roles_text(writers(info), roles);
	if (info->epoch)
		snprintf(epoch, sizeof(epoch), "%u", epoch_value(plane, info));
	printf("%-22s %-8s  %-14s ", info->region, modes[info->mode], roles);
	print_holder(info);
	printf("%10s %8u %9u  ", epoch, info->acquires, info->recovered);
	cli_show(stdout, name, sizeof(info->name));
	printf("%*s ", length < 16 ? 16 - length : 0, "");
	print_violations(info);
	putchar('\n');
}

static void list(const struct guard *guard, const struct aether_plane *plane,
		 const struct aether_layout *layout)
{
	json_t *object = cli_object(&guard->common), *all = json_array();
	struct aether_guard_info info;

	if (!guard->common.json && !layout->guard_count)
		printf("the layout %s guards no regions\n", layout->name);
	else if (!guard->common.json)
		print_head();
	for (uint32_t i = 0; aether_guard_look(plane, i, &info) == 0; i++) {
		if (guard->region && strcmp(guard->region, info.region) != 0)
			continue;
		if (guard->common.json)
			cli_add(all, as_json(plane, &info));
		else
			print_row(plane, &info);
	}
	cli_set(object, "name", cli_text(guard->name, SIZE_MAX));
	cli_set(object, "layout", json_string(layout->name));
	cli_set(object, "guards", all);
	if (guard->common.json)
		cli_print(object);
	else
		json_decref(object);
}

/* Says which regions are guarded. */
static int fail_region(const struct guard *guard,
		       const struct aether_layout *layout)
{
	char *text = NULL;
	size_t size = 0;
	FILE *names = open_memstream(&text, &size);
	int result;

	if (!names)
		return cli_fail(&guard->common, AETHER_ENOMEM,
				"no room for the names of regions");
	for (uint32_t i = 0; i < layout->guard_count; i++)
		fprintf(names, " %s", layout->guards[i].region);
	fclose(names);
	if (layout->guard_count)
		result = cli_fail(&guard->common, AETHER_EINDEX,
				  "plane %s guards no region '%s'; it "
				  "guards:%s",
				  guard->name, guard->region, text);
	else
		result = cli_fail(&guard->common, AETHER_EINDEX,
				  "plane %s guards no region '%s': its layout "
				  "%s guards none",
				  guard->name, guard->region, layout->name);
	free(text);
	return result;
}

int cli_guard(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "NAME [REGION]",
		.doc = "Show the guarded regions of the plane NAME, or one of "
		       "them: who may write it, who holds it and whether that "
		       "one lives, the value of its epoch, how often it was "
		       "acquired and recovered from the dead, and what went "
		       "wrong."
	};
	struct guard guard = { 0 };
	struct aether_error error = { 0 };
	const struct aether_layout *layout;
	struct aether_plane_info info;
	struct aether_plane *plane;
	int result = CLI_OK;
	uint32_t index;

	cli_parse(&argp, "guard", argc, argv, &guard);
	if (cli_attach(guard.name, AETHER_ATTACH_OBSERVE, &error, &plane) < 0)
		return cli_fail_error(&guard.common, &error);
	aether_plane_look(plane, &info);
	layout = aether_layout_get(info.geometry.layout);
	if (guard.region &&
	    aether_layout_find_guard(layout, guard.region, &index) < 0)
		result = fail_region(&guard, layout);
	else
		list(&guard, plane, layout);
	aether_plane_detach(plane);
	return result;
}
