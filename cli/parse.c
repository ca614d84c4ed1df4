/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How verbs read their arguments: argp, with the options that every verb has,
 * and numbers in text. What argp itself says is wrong goes through the same
 * mouth as all other failures, so that --json gets its object also for an
 * option that does not exist.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_JSON = 0x1000
};

/* While argp works, standard error is a buffer: see finish(). */
static struct {
	FILE *real;
	char *text;
	size_t size;
	const char *verb;
	const char *form; /* of its arguments, as argp has it; NULL: none */
	int json;
} caught;

/* Whether --json stands among the arguments, even if others are wrong. */
static int asks_json(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "--json"))
			return 1;
	return 0;
}

/* Skips "aether VERB: ", which argp and getopt put before what they say. */
static char *without_name(char *text, const char *verb)
{
	size_t name = strlen("aether "), length = strlen(verb);

	if (!strncmp(text, "aether ", name) &&
	    !strncmp(text + name, verb, length) &&
	    !strncmp(text + name + length, ": ", 2))
		return text + name + length + 2;
	return text;
}

/* Takes the buffer away; what is in it is the caller's to free. */
static char *let_go(void)
{
	char *text;

	if (!caught.real)
		return NULL;
	fclose(stderr); /* gives `text` its end */
	stderr = caught.real;
	caught.real = NULL;
	text = caught.text;
	caught.text = NULL;
	return text;
}

/* What argp said, in one line; of argp_usage() the form of the command. */
static void say_caught(char *text)
{
	char *line = without_name(text, caught.verb), *whole = NULL;
	int is_usage = !strncmp(line, "Usage: ", 7);

	line[strcspn(line, "\n")] = '\0';
	if (is_usage && asprintf(&whole,
				 "missing or extra argument; the form "
				 "is %s",
				 line + 7) < 0)
		whole = NULL;
	cli_usage_text(caught.verb, caught.json, whole ? whole : line);
	free(whole);
}

/* Runs when argp is done, also when it ends the process: what it said is said
 * then. */
static void finish(void)
{
	char *text = let_go();

	if (text && text[0])
		say_caught(text);
	free(text);
}

static void catch_errors(const struct cli_common *common)
{
	static int registered;
	FILE *buffer = open_memstream(&caught.text, &caught.size);

	caught.verb = common->verb;
	caught.json = common->json;
	if (!registered)
		registered = !atexit(finish);
	if (!buffer || !registered)
		return; /* plain argp, then */
	caught.real = stderr;
	stderr = buffer;
}

/* The verb did not want it. Forms stand on lines of their own. */
static error_t refuse_argument(int key, char *arg, struct argp_state *state)
{
	char form[128];

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	snprintf(form, sizeof(form), "%s", caught.form ? caught.form : "");
	for (char *c = form; *c; c++)
		if (*c == '\n')
			*c = '|';
	cli_usage(state->input,
		  "'%.100s' is one argument too many, for the "
		  "form is aether %s%s%s; leave it out, or quote what has "
		  "spaces",
		  arg, caught.verb, *form ? " " : "", form);
}

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	struct cli_common *common = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->child_inputs[1] = state->input;
		return 0;
	case KEY_JSON:
		common->json = 1;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void cli_parse(const struct argp *argp, const char *verb, int argc, char **argv,
	       void *input)
{
	static const struct argp_option options[] = {
		{ .name = "json",
		  .key = KEY_JSON,
		  .group = -1,
		  .doc = "Print one JSON object a line" },
		{ 0 },
	};
	/* asked in their order */
	static const struct argp rest = { .parser = refuse_argument };
	const struct argp_child children[] = { { .argp = argp },
					       { .argp = &rest },
					       { 0 } };
	const struct argp whole = { .options = options,
				    .parser = parse_common,
				    .children = children };
	struct cli_common *common = input;
	char name[64];
	error_t err;

	snprintf(name, sizeof(name), "aether %s", verb);
	argv[0] = name;
	common->verb = verb;
	common->json = asks_json(argc, argv);
	argp_err_exit_status = CLI_USAGE;
	caught.form = argp->args_doc;
	catch_errors(common);
	err = argp_parse(&whole, argc, argv, 0, NULL, input);
	finish();
	argv[0] = (char *)verb;
	if (err)
		cli_usage(common, "%s", strerror(err));
}

void cli_usage_text(const char *verb, int json, const char *text)
{
	char *whole;

	if (asprintf(&whole, "%s; aether %s --help says what is allowed", text,
		     verb) < 0)
		whole = NULL;
	cli_failed(verb, json, AETHER_EUSAGE, whole ? whole : text);
	free(whole);
}

void cli_usage(const struct cli_common *common, const char *what, ...)
{
	char text[1024];
	va_list list;

	va_start(list, what);
	vsnprintf(text, sizeof(text), what, list);
	va_end(list);
	free(let_go()); /* this may be called by argp's parser */
	cli_usage_text(common->verb, common->json, text);
	exit(CLI_USAGE);
}

/* Digits only: strtoull() would take signs and spaces. */
static int digits(const char *text, const char **end, uint64_t *number)
{
	char *stop;

	if (text[0] < '0' || text[0] > '9')
		return AETHER_EINVAL;
	errno = 0;
	*number = strtoull(text, &stop, 10);
	*end = stop;
	return errno ? AETHER_EINVAL : 0;
}

int cli_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *end, *unit;
	unsigned shift = 0;
	uint64_t number;

	if (digits(text, &end, &number) < 0)
		return AETHER_EINVAL;
	if (*end) {
		unit = strchr(units, *end == 'k' ? 'K' : *end);
		if (!unit || (end[1] && strcmp(end + 1, "iB") != 0))
			return AETHER_EINVAL;
		shift = 10 * ((unsigned)(unit - units) + 1);
	}
	if (number > UINT64_MAX >> shift)
		return AETHER_EINVAL;
	*bytes = number << shift;
	return 0;
}

int cli_number(const char *text, uint64_t least, uint64_t most,
	       uint64_t *number)
{
	const char *end;
	uint64_t value;

	if (digits(text, &end, &value) < 0 || *end || value < least ||
	    value > most)
		return AETHER_EINVAL;
	*number = value;
	return 0;
}
