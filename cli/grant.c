/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether grant: who may what of a plane that is served; changes a rule, or
 * lists them.
 */
#include "rule.h"

#include <stdlib.h>

struct grant {
	struct cli_common common;
	const char *word[4]; /* socket, who, right, segments */
	unsigned int words;
	struct aether_grant rule;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct grant *grant = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (grant->words == 4)
			return ARGP_ERR_UNKNOWN;
		grant->word[grant->words++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (!grant->words)
			argp_error(state, "the path of the SOCKET is missing");
		if (grant->words == 2)
			argp_error(state, "the RIGHT is missing");
		if (grant->words > 2)
			rule_read(&grant->common, grant->word[1],
				  grant->word[2], grant->word[3], &grant->rule);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int by_owner(const void *one, const void *two)
{
	const struct aether_grant *a = one, *b = two;

	if (a->who != b->who)
		return a->who < b->who ? 1 : -1;
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->right < b->right ? -1 : a->right > b->right;
}

static int is_of(const struct aether_grant *rule, const struct aether_grant *of)
{
	return rule->who == of->who &&
	       (rule->who == AETHER_WHO_ANYONE || rule->id == of->id);
}

/* All rules; or, of a change, those that he has now whom it concerned. */
static int list(const struct grant *grant)
{
	static struct aether_grant rules[AETHER_GRANTS_MAX];
	struct aether_error error = { 0 };
	int n = aether_socket_rules(grant->word[0], AETHER_GRANTS_MAX, &error,
				    rules);
	json_t *object, *all;
	int told = 0;

	if (n < 0)
		return cli_fail_error(&grant->common, &error);
	qsort(rules, (size_t)n, sizeof(rules[0]), by_owner);
	object = cli_object(&grant->common);
	all = json_array();
	for (int i = 0; i < n; i++) {
		if (grant->words > 1 && !is_of(&rules[i], &grant->rule))
			continue;
		told++;
		cli_add(all, rule_json(&rules[i]));
		if (!grant->common.json)
			rule_print(&rules[i]);
	}
	cli_set(object, "socket", cli_text(grant->word[0], SIZE_MAX));
	cli_set(object, "grants", all);
	if (grant->words > 1 && !told && !grant->common.json)
		rule_print(&grant->rule);
	if (grant->common.json)
		cli_print(object);
	else
		json_decref(object);
	return CLI_OK;
}

/* How many segments there are says the plane itself. */
static int whole(struct grant *grant, struct aether_error *error)
{
	struct aether_plane_info info;
	struct aether_plane *plane;
	int err;

	if (!rule_is_for_all(&grant->rule))
		return 0;
	err = aether_plane_attach(grant->word[0], AETHER_ATTACH_OBSERVE, error,
				  &plane);
	if (err < 0)
		return err;
	aether_plane_look(plane, &info);
	aether_plane_detach(plane);
	grant->rule.segments = rule_all(info.geometry.segments);
	return 0;
}

static int change(struct grant *grant)
{
	struct aether_error error = { 0 };
	json_t *object;
	int err = whole(grant, &error);

	if (err == 0)
		err = aether_socket_grant(grant->word[0], &grant->rule, &error);
	if (err < 0)
		return cli_fail_error(&grant->common, &error);
	if (!grant->common.json)
		return list(grant);
	object = cli_object(&grant->common);
	cli_set(object, "socket", cli_text(grant->word[0], SIZE_MAX));
	cli_set(object, "grant", rule_json(&grant->rule));
	cli_print(object);
	return CLI_OK;
}

int cli_grant(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "SOCKET [WHO RIGHT [SEGMENTS]]",
		.doc = "Say who may what of the plane that is served at "
		       "SOCKET, or list what was said. WHO is " RULE_WHO
		       ". RIGHT is " RULE_RIGHTS
		       " (what was said is forgotten), and with +serve WHO may "
		       "serve along. SEGMENTS are numbers, as 0-3,7 (all). "
		       "Other segments keep what was said of them; to observe "
		       "or to serve is said of WHO in all of them, each time "
		       "anew. Who is attached keeps what he has."
	};
	struct grant grant = { 0 };

	cli_parse(&argp, "grant", argc, argv, &grant);
	return grant.words == 1 ? list(&grant) : change(&grant);
}
