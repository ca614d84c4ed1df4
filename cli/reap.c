/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether reap: settles what the dead left, and says what that was. Joining
 * alone settles it already, so what belonged to the dead is read before, and
 * compared with what became of it; what reaping once more finds is added.
 */
#include "cli.h"

#include <stdlib.h>

struct reap {
	struct cli_common common;
	const char *name;
};

/* A lease of the dead, before. */
struct left {
	uint32_t index;
	int held; /* 1: it was at work on it */
	uint64_t generation;
};

struct estate {
	struct left *left;
	uint32_t count;
	uint64_t deaths; /* of the plane, so far */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct reap *reap = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (reap->name)
			return ARGP_ERR_UNKNOWN;
		reap->name = arg;
		return 0;
	case ARGP_KEY_END:
		if (!reap->name)
			argp_error(state, "the NAME of the plane is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Whether the tenancy that a word names is a dead one's, or was. */
static int is_gone(const struct aether_plane *plane,
		   const struct aether_stride_info *stride)
{
	struct aether_participant_info info;

	if (aether_participant_look(plane, stride->slot, &info) < 0)
		return 0;
	return !info.tenancy || !info.alive ||
	       stride->stamp != (AETHER_TENANCY_STAMP(info.tenancy) &
				 AETHER_LEASE_STAMP_MASK);
}

/* Whether all whom it is shared with are dead. */
static int is_unread(const struct aether_plane *plane, uint64_t readers)
{
	struct aether_participant_info info;

	for (uint32_t slot = 0; readers; slot++, readers >>= 1)
		if ((readers & 1) &&
		    !aether_participant_look(plane, slot, &info) &&
		    info.tenancy && info.alive)
			return 0;
	return 1;
}

static int is_left(const struct aether_plane *plane,
		   const struct aether_stride_info *stride)
{
	switch (stride->state) {
	case AETHER_STATE_BUSY:
	case AETHER_STATE_ROUTED:
	case AETHER_STATE_SUSPECT:
	case AETHER_STATE_ENDING:
		return is_gone(plane, stride);
	case AETHER_STATE_SHARED:
		return is_unread(plane, stride->readers);
	default:
		return 0;
	}
}

static int read_estate(const struct aether_plane *plane, struct estate *estate)
{
	struct aether_stride_info stride;
	struct aether_plane_info info;
	uint32_t strides;

	aether_plane_look(plane, &info);
	strides = info.geometry.strides;
	estate->deaths = info.deaths;
	estate->count = 0;
	estate->left = calloc(strides ? strides : 1, sizeof(*estate->left));
	if (!estate->left)
		return AETHER_ENOMEM;
	for (uint32_t i = 0; i < strides; i++) {
		if (aether_registry_look(plane, i, &stride) < 0 ||
		    !is_left(plane, &stride))
			continue;
		estate->left[estate->count++] = (struct left) {
			.index = i,
			.held = stride.state == AETHER_STATE_BUSY ||
				stride.state == AETHER_STATE_SUSPECT,
			.generation = stride.generation
		};
	}
	return 0;
}

/* What became of it. What is still a dead one's is not settled yet. */
static void compare(const struct aether_plane *plane,
		    const struct estate *estate,
		    struct aether_reap_report *report)
{
	struct aether_stride_info stride;

	for (uint32_t i = 0; i < estate->count; i++) {
		const struct left *left = &estate->left[i];

		if (aether_registry_look(plane, left->index, &stride) < 0)
			continue;
		if (stride.generation != left->generation) {
			report->freed++;
		} else if (!is_left(plane, &stride)) {
			report->inherited++;
			report->suspect += (uint32_t)left->held;
		}
	}
}

/* Joins, and reaps once more, for somebody may have died meanwhile. */
static int settle(struct aether_plane *plane, const struct estate *estate,
		  struct aether_error *error, struct aether_reap_report *all)
{
	struct aether_participant_options options = {
		.role = AETHER_ROLE_SYSTEM
	};
	struct aether_reap_report report = { .dead = 0 };
	struct aether_participant *me;
	struct aether_plane_info info;
	int err = aether_participant_join(plane, &options, error, &me);

	if (err < 0)
		return err;
	compare(plane, estate, all);
	aether_reap(me, &report);
	all->freed += report.freed;
	all->inherited += report.inherited;
	all->suspect += report.suspect;
	all->pending = report.pending;
	all->unseen = report.unseen;
	aether_plane_look(plane, &info);
	all->dead = (uint32_t)(info.deaths - estate->deaths);
	aether_participant_leave(me);
	return 0;
}

static int print(const struct reap *reap,
		 const struct aether_reap_report *report)
{
	const struct {
		const char *key;
		uint32_t value;
	} all[] = {
		{ "dead", report->dead },
		{ "freed", report->freed },
		{ "inherited", report->inherited },
		{ "suspect", report->suspect },
		{ "pending", report->pending },
		{ "unseen", report->unseen },
	};
	json_t *object = cli_object(&reap->common);

	cli_set(object, "ok",
		json_boolean(!report->pending && !report->unseen));
	cli_set(object, "name", cli_text(reap->name, SIZE_MAX));
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		cli_set(object, all[i].key, json_integer(all[i].value));
		if (!reap->common.json)
			printf("%s%s %u", i ? "   " : "", all[i].key,
			       all[i].value);
	}
	if (reap->common.json) {
		cli_print(object);
	} else {
		putchar('\n');
		json_decref(object);
	}
	if (report->pending)
		fprintf(stderr,
			"aether reap: %u leases could not be settled, for "
			"the mailbox of their heir is full; reap again when "
			"it has taken its mail\n",
			report->pending);
	if (report->unseen)
		fprintf(stderr,
			"aether reap: %u dead may have left something in "
			"segments that you may not see; reap as somebody who "
			"may\n",
			report->unseen);
	return report->pending || report->unseen ? CLI_WRONG : CLI_OK;
}

int cli_reap(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Settle what the dead left in the plane NAME, as its "
		       "participants do by themselves, and say what that "
		       "was. Status 3: something could not be settled yet."
	};
	struct reap reap = { 0 };
	struct estate estate = { 0 };
	struct aether_error error = { 0 };
	struct aether_reap_report report = { 0 };
	struct aether_plane *plane;
	int err, result;

	cli_parse(&argp, "reap", argc, argv, &reap);
	err = cli_attach(reap.name, 0, &error, &plane);
	if (err < 0)
		return cli_fail_error(&reap.common, &error);
	err = read_estate(plane, &estate);
	if (err < 0) {
		result = cli_fail(&reap.common, err,
				  "no room for the leases of %s", reap.name);
		goto done;
	}
	err = settle(plane, &estate, &error, &report);
	result = err < 0 ? cli_fail_error(&reap.common, &error)
			 : print(&reap, &report);
done:
	free(estate.left);
	aether_plane_detach(plane);
	return result;
}
