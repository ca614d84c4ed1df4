/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether strerror: what an error means and what to do about it, by number or
 * by name, for people who read a log.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PREFIX "AETHER_"
#define WIDTH 18 /* of the longest name */

enum {
	KEY_ALL = 1
};

struct strerror {
	struct cli_common common;
	const char *code;
	int all;
};

#define CODE(name, code, message, remedy) code,
static const int codes[] = { AETHER_ERROR_LIST(CODE) };

static const struct argp_option options[] = {
	{ .name = "all", .key = KEY_ALL, .doc = "Print all errors" },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct strerror *asked = state->input;

	switch (key) {
	case KEY_ALL:
		asked->all = 1;
		return 0;
	case ARGP_KEY_ARG:
		if (asked->code)
			return ARGP_ERR_UNKNOWN;
		asked->code = arg;
		return 0;
	case ARGP_KEY_END:
		if (asked->all == !!asked->code)
			argp_error(state, "give a CODE, or --all");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static json_t *describe(json_t *object, int code)
{
	cli_set(object, "name", cli_text(aether_error_name(code), SIZE_MAX));
	cli_set(object, "number", json_integer(code));
	cli_set(object, "message",
		cli_text(aether_error_message(code), SIZE_MAX));
	cli_set(object, "remedy",
		cli_text(aether_error_remedy(code), SIZE_MAX));
	return object;
}

static void print_one(const struct strerror *asked, int code)
{
	if (asked->common.json)
		cli_print(describe(cli_object(&asked->common), code));
	else
		printf("%s (%d)\n  what: %s\n  do:   %s\n",
		       aether_error_name(code), code,
		       aether_error_message(code), aether_error_remedy(code));
}

static void print_all(const struct strerror *asked)
{
	json_t *object = cli_object(&asked->common), *list = json_array();
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		cli_add(list, describe(json_object(), codes[i]));
		if (!asked->common.json)
			printf("%4d  %-*s  %s\n", codes[i], WIDTH,
			       aether_error_name(codes[i]),
			       aether_error_message(codes[i]));
	}
	cli_set(object, "errors", list);
	if (asked->common.json)
		cli_print(object);
	else
		json_decref(object);
}

static int is_named(const char *text, int code)
{
	const char *name = aether_error_name(code);

	return !strcasecmp(text, name) ||
	       !strcasecmp(text, name + strlen(PREFIX));
}

/* The code that is meant, or 1. */
static int find(const char *text)
{
	uint64_t number;
	size_t i;
	int by_number = !cli_number(text, 0, INT32_MAX, &number);

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (by_number ? number == (uint64_t)-codes[i]
			      : is_named(text, codes[i]))
			return codes[i];
	return (by_number && !number) || is_named(text, AETHER_OK) ? AETHER_OK
								   : 1;
}

/* -16 looks like options: the sign goes, it says nothing. */
static void drop_signs(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (argv[i][0] == '-' && argv[i][1] >= '0' && argv[i][1] <= '9')
			argv[i]++;
}

int cli_strerror(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[CODE]",
		.doc = "Explain an error: CODE is a number (-16 or 16) or a "
		       "name (AETHER_EFULL, EFULL or efull)."
	};
	struct strerror asked = { 0 };
	int code;

	drop_signs(argc, argv);
	cli_parse(&argp, "strerror", argc, argv, &asked);
	if (asked.all) {
		print_all(&asked);
		return CLI_OK;
	}
	code = find(asked.code);
	if (code > 0)
		return cli_fail(&asked.common, AETHER_EINVAL,
				"there is no "
				"error '%s'; aether strerror --all lists them.",
				asked.code);
	print_one(&asked, code);
	return CLI_OK;
}
