/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether doctor: what is wrong in a plane, whom it concerns, and what of it can
 * be repaired. To repair it joins the plane, which alone settles what the dead
 * left; so what is gone afterwards is what was repaired. A header that is not
 * that of a plane any more is a finding like others, for nobody can attach.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define WHERE_MAX 96
#define WHOM_MAX 128

/* Faults that lie over each other in one word are mended one after another. */
#define REPAIRS 8

enum {
	KEY_REPAIR = 1
};

/* A finding, and whom it concerned when it was found: a repair may take him
 * away. */
struct found {
	struct aether_finding is;
	char whom[WHOM_MAX];
};

struct doctor {
	struct cli_common common;
	const char *name;
	int repair;
	const struct aether_plane *plane;
	struct found *findings;
	size_t count;
	size_t room;
};

static const struct argp_option options[] = {
	{ .name = "repair",
	  .key = KEY_REPAIR,
	  .doc = "Repair what can be repaired safely" },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct doctor *doctor = state->input;

	switch (key) {
	case KEY_REPAIR:
		doctor->repair = 1;
		return 0;
	case ARGP_KEY_ARG:
		if (doctor->name)
			return ARGP_ERR_UNKNOWN;
		doctor->name = arg;
		return 0;
	case ARGP_KEY_END:
		if (!doctor->name)
			argp_error(state, "the NAME of the plane is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Who sits there now, as far as that can be read. "": nobody is concerned. */
static void describe_whom(const struct aether_plane *plane,
			  const struct aether_finding *f, char *text)
{
	struct aether_participant_info info;

	*text = '\0';
	if (f->slot == AETHER_FINDING_NOBODY)
		return;
	if (aether_participant_look(plane, f->slot, &info) < 0 || !info.tenancy)
		snprintf(text, WHOM_MAX, "slot %u (nobody)", f->slot);
	else
		snprintf(text, WHOM_MAX, "slot %u (%s, pid %u, %s)", f->slot,
			 info.name, info.pid, info.alive ? "alive" : "dead");
}

static int add(struct doctor *doctor, const struct found *found)
{
	size_t room = doctor->room ? 2 * doctor->room : 64;
	struct found *more;

	if (doctor->count == doctor->room) {
		more = realloc(doctor->findings, room * sizeof(*more));
		if (!more)
			return AETHER_ENOMEM;
		doctor->findings = more;
		doctor->room = room;
	}
	doctor->findings[doctor->count++] = *found;
	return 0;
}

static int keep(const struct aether_finding *finding, void *user)
{
	struct found found = { .is = *finding };
	struct doctor *doctor = user;

	describe_whom(doctor->plane, finding, found.whom);
	return add(doctor, &found);
}

static int count_repaired(const struct aether_finding *finding, void *user)
{
	*(size_t *)user += finding->repaired != 0;
	return 0;
}

/* 0: it is the same. */
static int by_place(const void *one, const void *other)
{
	const struct aether_finding *a = &((const struct found *)one)->is;
	const struct aether_finding *b = &((const struct found *)other)->is;

	if (a->where != b->where)
		return a->where < b->where ? -1 : 1;
	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	if (a->what != b->what)
		return a->what < b->what ? -1 : 1;
	return a->slot < b->slot ? -1 : a->slot > b->slot;
}

/* What was there `before` and is not any more is repaired. There may be some
 * for each place of a big plane, so they are searched, and not gone through. */
static int compare(struct doctor *doctor, const struct doctor *before)
{
	const size_t size = sizeof(struct found);
	size_t now = doctor->count;
	struct found *sorted = malloc((now + !now) * size);
	int err = sorted ? 0 : AETHER_ENOMEM;

	if (sorted && now) {
		memcpy(sorted, doctor->findings, now * size);
		qsort(sorted, now, size, by_place);
	}
	for (size_t i = 0; err == 0 && i < before->count; i++) {
		struct found gone = before->findings[i];

		/* what others did meanwhile, or another repair, counts too */
		gone.is.repairable = gone.is.repaired = 1;
		if (!bsearch(&gone, sorted, now, size, by_place))
			err = add(doctor, &gone);
	}
	free(sorted);
	return err;
}

static int repair(struct doctor *doctor, struct aether_error *error)
{
	struct aether_participant_options o = { .role = AETHER_ROLE_SYSTEM };
	struct aether_participant *me = NULL;
	struct aether_plane *plane;
	size_t repaired = 1;
	int err = aether_plane_attach(doctor->name, 0, error, &plane);

	if (err < 0)
		return err;
	err = aether_participant_join(plane, &o, error, &me);
	/* a repair changes the word that another finding was about */
	for (int i = 0; err == 0 && repaired && i < REPAIRS; i++) {
		repaired = 0;
		err = aether_doctor_repair(me, count_repaired, &repaired);
	}
	if (me)
		aether_participant_leave(me);
	aether_plane_detach(plane);
	return err;
}

/* Looks, repairs if that is wanted, and looks again. */
static int examine(struct doctor *doctor, const struct aether_plane *plane,
		   struct aether_error *error)
{
	struct doctor before = { .plane = plane };
	int err = aether_doctor_look(plane, keep,
				     doctor->repair ? &before : doctor);

	if (err == 0 && doctor->repair)
		err = repair(doctor, error);
	else if (err < 0)
		error->code = err;
	if (err == 0 && doctor->repair) {
		err = aether_doctor_look(plane, keep, doctor);
		if (err == 0)
			err = compare(doctor, &before);
		error->code = err;
	}
	free(before.findings);
	return err;
}

static void describe_where(const struct aether_plane *plane,
			   const struct aether_plane_info *info,
			   const struct aether_finding *f, char *text)
{
	static const char *const things[] = {
		[AETHER_FINDING_SLOT] = "slot",
		[AETHER_FINDING_STRIDE] = "stride",
		[AETHER_FINDING_EPOCH] = "epoch",
		[AETHER_FINDING_PAIR] = "pair",
	};
	const struct aether_layout *layout = aether_layout_get(
		info->geometry.layout);
	struct aether_guard_info guard;

	if (f->where == AETHER_FINDING_PLANE)
		snprintf(text, WHERE_MAX, "plane");
	else if (f->where == AETHER_FINDING_PLACE)
		snprintf(text, WHERE_MAX, "place %u of the mailbox of slot %u",
			 f->index % info->geometry.places,
			 f->index / info->geometry.places);
	else if (f->where == AETHER_FINDING_GUARD &&
		 aether_guard_look(plane, f->index, &guard) == 0)
		snprintf(text, WHERE_MAX, "region %s", guard.region);
	else if (f->where == AETHER_FINDING_PAIR && layout &&
		 f->index < layout->pair_count)
		snprintf(text, WHERE_MAX, "pair %s",
			 layout->pairs[f->index].name);
	else
		snprintf(text, WHERE_MAX, "%s %u", things[f->where], f->index);
}

static json_t *as_json(const struct aether_finding *f, const char *where,
		       const char *whom, const char *why)
{
	json_t *object = json_object();

	cli_set(object, "what", cli_text(aether_doctor_name(f->what), 64));
	cli_set(object, "where", cli_text(where, WHERE_MAX));
	cli_set(object, "whom", *whom ? cli_text(whom, WHOM_MAX) : json_null());
	cli_set(object, "wrong", json_boolean(f->wrong));
	cli_set(object, "repairable", json_boolean(f->repairable));
	cli_set(object, "repaired", json_boolean(f->repaired));
	cli_set(object, "why", cli_text(why, SIZE_MAX));
	return object;
}

static void print_one(const struct aether_finding *f, const char *where,
		      const char *whom)
{
	const char *now = f->wrong ? "wrong" : "note";
	const char *can = f->repairable ? "can be repaired"
					: "cannot be repaired";

	printf("%s: %s: %s", where, aether_doctor_name(f->what),
	       aether_doctor_why(f->what));
	if (*whom) {
		fputs("; ", stdout);
		cli_show(stdout, whom, WHOM_MAX);
	}
	if (f->repaired)
		puts(" (repaired)");
	else if (f->wrong || f->repairable)
		printf(" (%s, %s)\n", now, can);
	else
		printf(" (%s)\n", now);
}

/* Strides whose leases were not looked at, for lack of a right. */
static uint32_t count_unseen(const struct doctor *doctor,
			     const struct aether_plane *plane)
{
	struct aether_registry_counts counts;

	aether_registry_count(plane, &counts);
	if (counts.unseen && !doctor->common.json)
		printf("%u strides are of segments that you may not see, and "
		       "were not looked at\n",
		       counts.unseen);
	return counts.unseen;
}

/* The status: is something wrong that is not repaired? */
static int print(const struct doctor *doctor, const struct aether_plane *plane)
{
	json_t *object = cli_object(&doctor->common), *list = json_array();
	struct aether_plane_info info;
	char where[WHERE_MAX];
	int wrong = 0;

	aether_plane_look(plane, &info);
	for (size_t i = 0; i < doctor->count; i++) {
		const struct aether_finding *f = &doctor->findings[i].is;
		const char *whom = doctor->findings[i].whom;

		describe_where(plane, &info, f, where);
		wrong |= f->wrong && !f->repaired;
		if (doctor->common.json)
			cli_add(list, as_json(f, where, whom,
					      aether_doctor_why(f->what)));
		else
			print_one(f, where, whom);
	}
	if (!doctor->count && !doctor->common.json)
		puts("nothing is wrong");
	cli_set(object, "ok", json_boolean(!wrong));
	cli_set(object, "name", cli_text(doctor->name, SIZE_MAX));
	cli_set(object, "findings", list);
	cli_set(object, "unseen", json_integer(count_unseen(doctor, plane)));
	if (doctor->common.json)
		cli_print(object);
	else
		json_decref(object);
	return wrong ? CLI_WRONG : CLI_OK;
}

/* Codes of a plane that is there and cannot be attached to. Behind the path of
 * a socket there may be none. */
static int is_damaged(const char *name, int code)
{
	return (code == AETHER_EPLANE && !strchr(name, '/')) ||
	       code == AETHER_EFORMAT || code == AETHER_ELAYOUT ||
	       code == AETHER_ETRUNC || code == AETHER_ECORRUPT;
}

/* The one finding there is then; the error says which field it is. */
static int print_header(const struct doctor *doctor,
			const struct aether_error *error)
{
	const struct aether_finding f = { .what = AETHER_FINDING_HEADER,
					  .wrong = 1 };
	json_t *object, *list;

	if (!doctor->common.json) {
		fputs("plane: header: ", stdout);
		cli_show(stdout, error->text, sizeof(error->text));
		puts(" (wrong, cannot be repaired)");
		return CLI_WRONG;
	}
	object = cli_object(&doctor->common);
	list = json_array();
	cli_add(list, as_json(&f, "plane", "", error->text));
	cli_set(object, "ok", json_false());
	cli_set(object, "name", cli_text(doctor->name, SIZE_MAX));
	cli_set(object, "code",
		cli_text(aether_error_name(error->code), SIZE_MAX));
	cli_set(object, "findings", list);
	cli_print(object);
	return CLI_WRONG;
}

int cli_doctor(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Say what is wrong in the plane NAME, whom it concerns "
		       "and what can be repaired, while others work in it or "
		       "not. Notes are no faults. Status 3: something is "
		       "wrong, and was not repaired."
	};
	struct doctor doctor = { 0 };
	struct aether_error error = { 0 };
	struct aether_plane *plane;
	int result;

	cli_parse(&argp, "doctor", argc, argv, &doctor);
	if (aether_plane_attach(doctor.name, AETHER_ATTACH_OBSERVE, &error,
				&plane) < 0)
		return is_damaged(doctor.name, error.code)
			       ? print_header(&doctor, &error)
			       : cli_fail_error(&doctor.common, &error);
	doctor.plane = plane;
	if (examine(&doctor, plane, &error) == 0)
		result = print(&doctor, plane);
	else if (error.text[0])
		result = cli_fail_error(&doctor.common, &error);
	else
		result = cli_fail(&doctor.common, error.code,
				  "cannot examine plane '%s'", doctor.name);
	free(doctor.findings);
	aether_plane_detach(plane);
	return result;
}
