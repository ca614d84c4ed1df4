/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether who: the participants of a plane and what each holds. The strides
 * come from the lease words, which are the truth; slot and stamp together name
 * the tenancy, so a newcomer is not credited with what the dead left.
 */
#include "cli.h"

#include <stdlib.h>

enum {
	KEY_ROLE = 1,
	KEY_PID
};

#define PID_LIMIT 4194304 /* PID_MAX_LIMIT of Linux */

struct who {
	struct cli_common common;
	const char *name;
	const char *role_name;
	uint32_t role;
	int pid;
};

/* What the registry says, read once for all participants. */
struct leases {
	struct aether_stride_info *stride;
	uint32_t count;
	uint32_t unseen; /* of segments that I may not see */
};

#define ROLE_TEXT(name, number, text, level, doc) " " text
#define ROLES AETHER_ROLE_LIST(ROLE_TEXT)

static const struct argp_option options[] = {
	{ .name = "role",
	  .key = KEY_ROLE,
	  .arg = "R",
	  .doc = "Only participants of this role:" ROLES },
	{ .name = "pid",
	  .key = KEY_PID,
	  .doc = "Print only the PIDs of those alive, one a line" },
	{ 0 },
};

static void parse_role(struct who *who, const char *name)
{
	if (aether_participant_role(name, &who->role) < 0)
		cli_usage(&who->common, "--role is '%s'; roles are:" ROLES,
			  name);
	who->role_name = name;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct who *who = state->input;

	switch (key) {
	case KEY_ROLE:
		parse_role(who, arg);
		return 0;
	case KEY_PID:
		who->pid = 1;
		return 0;
	case ARGP_KEY_ARG:
		if (who->name)
			return ARGP_ERR_UNKNOWN;
		who->name = arg;
		return 0;
	case ARGP_KEY_END:
		if (!who->name)
			argp_error(state, "the NAME of the plane is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The later strides of a run are its head's owner's. */
static void follow_head(struct leases *leases, uint32_t index)
{
	struct aether_stride_info *stride = &leases->stride[index];
	const struct aether_stride_info *head = &leases->stride[stride->head];

	if (stride->state != AETHER_STATE_CONT || stride->head >= index)
		return;
	stride->state = head->state;
	stride->slot = head->slot;
	stride->stamp = head->stamp;
	stride->readers = head->readers;
	stride->pair = head->pair;
}

/* Reads all lease words; those that cannot be count as free. */
static int read_leases(const struct aether_plane *plane, uint32_t strides,
		       struct leases *leases)
{
	uint32_t i;

	leases->stride = calloc(strides ? strides : 1, sizeof(*leases->stride));
	if (!leases->stride)
		return AETHER_ENOMEM;
	leases->count = strides;
	for (i = 0; i < strides; i++) {
		int err = aether_registry_look(plane, i, &leases->stride[i]);

		leases->unseen += err == AETHER_EACCES;
		if (err < 0)
			leases->stride[i].state = AETHER_STATE_DORMANT;
	}
	for (i = 0; i < strides; i++)
		follow_head(leases, i);
	return 0;
}

static int is_of(const struct aether_stride_info *stride,
		 const struct aether_participant_info *info)
{
	uint64_t stamp = AETHER_TENANCY_STAMP(info->tenancy) &
			 AETHER_LEASE_STAMP_MASK;

	return stride->slot == info->slot && stride->stamp == stamp;
}

enum relation {
	HOLDS,
	ARRIVES,
	READS,
	RELATIONS
};

/* Whether the stride is the participant's in this way. */
static int is(enum relation relation, const struct aether_stride_info *stride,
	      const struct aether_participant_info *info)
{
	uint32_t state = stride->state;

	if (relation == READS)
		return state == AETHER_STATE_SHARED &&
		       (stride->readers >> info->slot & 1);
	if (relation == ARRIVES)
		return state == AETHER_STATE_ROUTED && is_of(stride, info);
	return (state == AETHER_STATE_BUSY || state == AETHER_STATE_SUSPECT ||
		state == AETHER_STATE_ENDING) &&
	       is_of(stride, info);
}

static json_t *strides_json(const struct leases *leases,
			    const struct aether_participant_info *info,
			    enum relation relation)
{
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < leases->count; i++)
		if (is(relation, &leases->stride[i], info))
			cli_add(list, json_integer(i));
	return list;
}

/* What ping-pong pairs keep is no participant's. */
static int is_kept(const struct aether_stride_info *stride, uint32_t pair)
{
	return stride->state == AETHER_STATE_KEPT && stride->pair == pair;
}

static json_t *kept_json(const struct leases *leases, const char *name,
			 uint32_t pair)
{
	json_t *object = json_object(), *list = json_array();

	for (uint32_t i = 0; i < leases->count; i++)
		if (is_kept(&leases->stride[i], pair))
			cli_add(list, json_integer(i));
	cli_set(object, "name", cli_text(name, SIZE_MAX));
	cli_set(object, "strides", list);
	return object;
}

static json_t *pairs_json(const struct leases *leases,
			  const struct aether_layout *layout)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < layout->pair_count; i++)
		cli_add(list, kept_json(leases, layout->pairs[i].name, i));
	return list;
}

static void print_pairs(const struct leases *leases,
			const struct aether_layout *layout)
{
	for (uint32_t pair = 0; pair < layout->pair_count; pair++) {
		uint32_t count = 0;

		for (uint32_t i = 0; i < leases->count; i++)
			count += (uint32_t)is_kept(&leases->stride[i], pair);
		if (count)
			printf("strides kept by pair %s: %u\n",
			       layout->pairs[pair].name, count);
	}
}

static json_t *counts_json(const struct aether_participant_counts *counts)
{
	const struct {
		const char *name;
		uint64_t value;
	} count[] = {
		{ "reserved", counts->reserved },
		{ "released", counts->released },
		{ "routed", counts->routed },
		{ "taken", counts->taken },
		{ "dropped", counts->dropped },
		{ "refused", counts->refused },
		{ "waits", counts->waits },
		{ "full", counts->full },
		{ "reaped", counts->reaped },
	};
	json_t *object = json_object();
	size_t i;

	for (i = 0; i < sizeof(count) / sizeof(count[0]); i++)
		cli_set(object, count[i].name,
			json_integer((json_int_t)count[i].value));
	return object;
}

static const char *role_name(uint32_t role)
{
	const char *name = aether_participant_role_name(role);

	return name ? name : "unknown";
}

static json_t *as_json(const struct leases *leases,
		       const struct aether_participant_info *info)
{
	json_t *object = json_object();

	cli_set(object, "slot", json_integer(info->slot));
	cli_set(object, "name", cli_text(info->name, sizeof(info->name)));
	cli_set(object, "role", cli_text(role_name(info->role), SIZE_MAX));
	cli_set(object, "level", json_integer(info->level));
	cli_set(object, "pid", json_integer(info->pid));
	cli_set(object, "alive", json_boolean(info->alive));
	cli_set(object, "heir",
		info->heir ? json_integer((json_int_t)AETHER_TENANCY_SLOT(
				     info->heir))
			   : json_null());
	cli_set(object, "strides", strides_json(leases, info, HOLDS));
	cli_set(object, "arriving", strides_json(leases, info, ARRIVES));
	cli_set(object, "reading", strides_json(leases, info, READS));
	cli_set(object, "quota", json_integer(info->quota));
	cli_set(object, "counts", counts_json(&info->counts));
	return object;
}

/* In one word; who is dead is so until it is reaped. */
static const char *condition(const struct aether_participant_info *info)
{
	if (!info->alive)
		return "dead";
	return info->state == AETHER_SEAT_LEAVING ? "leaving" : "alive";
}

static void print_row(const struct leases *leases,
		      const struct aether_participant_info *info)
{
	uint32_t i, count[RELATIONS] = { 0 };
	char heir[8] = "-", text[RELATIONS][CLI_COUNTED_MAX];
	const char *said[RELATIONS];
	int relation;

	for (i = 0; i < leases->count; i++)
		for (relation = 0; relation < RELATIONS; relation++)
			count[relation] += (uint32_t)is((enum relation)relation,
							&leases->stride[i],
							info);
	for (relation = 0; relation < RELATIONS; relation++)
		said[relation] = cli_counted_text(count[relation],
						  leases->unseen, leases->count,
						  text[relation]);
	if (info->heir)
		snprintf(heir, sizeof(heir), "%u",
			 (uint32_t)AETHER_TENANCY_SLOT(info->heir));
	printf("%4u  L%u  %-12s %10u  %-7s %7s %8s %7s %4s  ", info->slot,
	       info->level, role_name(info->role), info->pid, condition(info),
	       said[HOLDS], said[ARRIVES], said[READS], heir);
	cli_show(stdout, info->name, sizeof(info->name));
	putchar('\n');
}

static void print_head(void)
{
	printf("%4s  %-2s  %-12s %10s  %-7s %7s %8s %7s %4s  %s\n", "slot", "L",
	       "role", "pid", "is", "strides", "arriving", "reading", "heir",
	       "name");
}

/* For kill(1). The number was written by the participant itself: nothing that
 * stands for several processes or for init gets out. */
static void print_pid(uint32_t pid)
{
	if (pid > 1 && pid <= PID_LIMIT)
		printf("%u\n", pid);
}

static void list(const struct who *who, const struct aether_plane *plane,
		 const struct leases *leases,
		 const struct aether_geometry *geometry)
{
	const struct aether_layout *layout = aether_layout_get(
		geometry->layout);
	json_t *object = cli_object(&who->common), *all = json_array();
	struct aether_participant_info info;
	uint32_t slot;

	if (!who->common.json && !who->pid)
		print_head();
	for (slot = 0; slot < geometry->participants; slot++) {
		if (aether_participant_look(plane, slot, &info) < 0 ||
		    !info.tenancy)
			continue;
		if (who->role_name && info.role != who->role)
			continue;
		if (who->common.json)
			cli_add(all, as_json(leases, &info));
		else if (!who->pid)
			print_row(leases, &info);
		else if (info.alive) /* others' PIDs may be reused */
			print_pid(info.pid);
	}
	cli_set(object, "name", cli_text(who->name, SIZE_MAX));
	cli_set(object, "participants", all);
	cli_set(object, "pairs", pairs_json(leases, layout));
	cli_set(object, "unseen", json_integer(leases->unseen));
	if (!who->common.json && !who->pid && !who->role_name)
		print_pairs(leases, layout);
	if (who->common.json)
		cli_print(object);
	else
		json_decref(object);
}

int cli_who(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Show the participants of the plane NAME: who they "
		       "are, whether they live, how many strides they hold, "
		       "how many are on their way to them and how many they "
		       "read with others, and in which slot their heir is. "
		       "Then how many strides ping-pong pairs keep."
	};
	struct who who = { 0 };
	struct leases leases = { 0 };
	struct aether_error error = { 0 };
	struct aether_plane_info info;
	struct aether_plane *plane;
	int result = CLI_OK;

	cli_parse(&argp, "who", argc, argv, &who);
	if (cli_attach(who.name, AETHER_ATTACH_OBSERVE, &error, &plane) < 0)
		return cli_fail_error(&who.common, &error);
	aether_plane_look(plane, &info);
	if (read_leases(plane, info.geometry.strides, &leases) < 0)
		result = cli_fail(&who.common, AETHER_ENOMEM,
				  "no room for the leases of %s", who.name);
	else
		list(&who, plane, &leases, &info.geometry);
	free(leases.stride);
	aether_plane_detach(plane);
	return result;
}
