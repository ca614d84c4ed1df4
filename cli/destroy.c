/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether destroy: takes a plane's name away. Whoever is attached goes on; the
 * memory goes with the last of them.
 */
#include "cli.h"

#include <string.h>

struct destroy {
	struct cli_common common;
	const char *name;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct destroy *destroy = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (destroy->name)
			return ARGP_ERR_UNKNOWN;
		destroy->name = arg;
		return 0;
	case ARGP_KEY_END:
		if (!destroy->name)
			argp_error(state, "the NAME of the plane is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cli_destroy(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse,
		.args_doc = "NAME",
		.doc = "End the plane NAME: its name is gone at once, its "
		       "memory when the last process detaches."
	};
	struct destroy destroy = { 0 };
	struct aether_error error = { 0 };
	json_t *object;

	cli_parse(&argp, "destroy", argc, argv, &destroy);
	if (strchr(destroy.name, '/'))
		return cli_fail(&destroy.common, AETHER_ENAME,
				"'%s' is no plane's name; a plane that is "
				"served ends by its name, and an anonymous one "
				"when its servers and all others have ended.",
				destroy.name);
	if (cli_explain(aether_plane_destroy(destroy.name, &error), &error) < 0)
		return cli_fail_error(&destroy.common, &error);
	if (!destroy.common.json)
		return CLI_OK;
	object = cli_object(&destroy.common);
	cli_set(object, "name", cli_text(destroy.name, SIZE_MAX));
	cli_print(object);
	return CLI_OK;
}
