/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether: finds the verb and calls it. Also sees to it that standard input,
 * output and error exist, and that what could not be written to standard
 * output is an error and not a silence.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEAR 2      /* letters by which a name may differ to be proposed */
#define SHORT 4     /* one letter for names no longer than this */
#define VERB_MAX 32 /* longer words are near to nothing */

const struct cli_verb cli_verbs[] = {
	{ "create", "make a plane", cli_create, 0 },
	{ "destroy", "end a plane", cli_destroy, 0 },
	{ "ls", "list planes", cli_ls, 0 },
	{ "map", "show the strides of a plane", cli_map, 0 },
	{ "who", "show the participants of a plane", cli_who, 0 },
	{ "reap", "settle what the dead left in a plane", cli_reap, 0 },
	{ "doctor", "say what is wrong in a plane, and repair it", cli_doctor,
	  0 },
	{ "guard", "show who writes a plane's regions", cli_guard, 0 },
	{ "layout", "show every byte's place", cli_layout, 0 },
	{ "serve", "hand a plane to others, over a socket", cli_serve, 0 },
	{ "grant", "say who may what of a plane that is served", cli_grant, 0 },
	{ "run", "stream a file through a plane", cli_run, 1 },
	{ "ingress", "the stage that reads", cli_ingress, 1 },
	{ "appliance", "the stage that burns", cli_appliance, 1 },
	{ "egress", "the stage that writes", cli_egress, 1 },
	{ "encode", "cut a file into shards that some may be lost of",
	  cli_encode, 1 },
	{ "decode", "give the file back from its shards", cli_decode, 1 },
	{ "check", "say which shards are missing or damaged", cli_check, 1 },
	{ "repair", "make missing and damaged shards again", cli_repair, 1 },
	{ "slice", "turn bytes into bit-planes", cli_slice, 1 },
	{ "unslice", "turn bit-planes into bytes", cli_unslice, 1 },
	{ "bench", "measure, each figure beside a baseline", cli_bench, 1 },
	{ "chaos", "kill at random, and look what breaks", cli_chaos, 0 },
	{ "strerror", "explain an error", cli_strerror, 0 },
	{ NULL, NULL, NULL, 0 },
};

static void usage(FILE *stream)
{
	const struct cli_verb *verb;

	fputs("Usage: aether VERB [OPTION...] [ARGUMENT...]\n"
	      "       aether VERB --help\n"
	      "       aether --help | --usage | --version\n\n"
	      "Processes hand each other memory instead of messages.\n\n",
	      stream);
	for (verb = cli_verbs; verb->name; verb++)
		fprintf(stream, "  %-10s %s\n", verb->name, verb->doc);
	fputs("\nEvery verb takes --help, --usage and --json. Exit status: 0 "
	      "done, 1 failed,\n2 wrong usage, 3 ran and found something "
	      "wrong. Manual: man aether\n",
	      stream);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters must change to turn one word into the other. */
static size_t distance(const char *a, const char *b)
{
	size_t row[VERB_MAX + 1], i, j, corner, above;
	size_t width = strlen(b);

	if (width > VERB_MAX)
		return SIZE_MAX;
	for (j = 0; j <= width; j++)
		row[j] = j;
	for (i = 0; a[i]; i++) {
		corner = row[0];
		row[0] = i + 1;
		for (j = 0; j < width; j++) {
			above = row[j + 1];
			row[j + 1] = least(least(above, row[j]) + 1,
					   corner + (a[i] != b[j]));
			corner = above;
		}
	}
	return row[width];
}

static int is_near(const char *word, const char *name)
{
	size_t length = strlen(word);
	size_t most = strlen(name) <= SHORT ? 1 : NEAR;

	return distance(name, word) <= most ||
	       (length > 1 && !strncmp(word, name, length));
}

/* Says that there is no such verb, and which are near. */
static int unknown_verb(const char *word, int json)
{
	char text[512];
	const struct cli_verb *verb;
	const char *between = "did you mean ";
	size_t length, size = sizeof(text);

	snprintf(text, size, "there is no verb '%.100s'; ", word);
	for (verb = cli_verbs; verb->name; verb++) {
		if (!is_near(word, verb->name))
			continue;
		length = strlen(text);
		snprintf(text + length, size - length, "%s%s", between,
			 verb->name);
		between = " or ";
	}
	length = strlen(text);
	snprintf(text + length, size - length, "%saether --help lists all",
		 text[length - 2] == ';' ? "" : "? ");
	cli_failed(word, json, AETHER_EUSAGE, text);
	return CLI_USAGE;
}

static int has_json(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--json"))
			return 1;
	return 0;
}

/* A set that was asked for in vain would be measured as another. */
static int run_verb(const struct cli_verb *verb, int argc, char **argv,
		    int json)
{
	struct aether_error error;

	if (verb->slices && aether_isa_check(&error) < 0) {
		cli_failed(verb->name, json, AETHER_EUSAGE, error.text);
		return CLI_USAGE;
	}
	return verb->run(argc, argv);
}

/* What stands where a verb should: an option of the program itself. */
static int own_option(const char *option, int json)
{
	if (!strcmp(option, "--version") || !strcmp(option, "-V")) {
		printf("aether %s (format %d, instruction set %s)\n",
		       AETHER_VERSION_TEXT, AETHER_FORMAT,
		       aether_isa_name(aether_isa()));
		return CLI_OK;
	}
	if (!strcmp(option, "--help") || !strcmp(option, "-?") ||
	    !strcmp(option, "-h")) {
		usage(stdout);
		return CLI_OK;
	}
	if (!strcmp(option, "--usage")) {
		puts("Usage: aether VERB [OPTION...] [ARGUMENT...]");
		return CLI_OK;
	}
	cli_failed(option, json, AETHER_EUSAGE,
		   "a verb must come first; aether --help lists all");
	return CLI_USAGE;
}

/* A descriptor that was closed would be given to the next file opened, which
 * would then be written over. In its place: one on which it cannot be done. */
static void hold_descriptors(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDWR };
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", modes[fd]) != fd)
			_exit(CLI_FAILED);
}

/* The last thing done: what was printed must have arrived. */
static void close_output(void)
{
	int lost = ferror(stdout);

	errno = 0;
	if (!fflush(stdout) && !lost)
		return;
	fprintf(stderr,
		"aether: cannot write standard output: %s; make room "
		"there, or send it elsewhere\n",
		errno ? strerror(errno) : "writing failed");
	_exit(CLI_FAILED);
}

int main(int argc, char **argv)
{
	const struct cli_verb *verb;
	int json = has_json(argc, argv);

	hold_descriptors();
	aether_fault_catch(NULL); /* a plane that gets shorter is an error */
	signal(SIGXFSZ, SIG_IGN); /* a file limit is an error, as a full disk */
	if (atexit(close_output))
		return CLI_FAILED;
	if (argc < 2) {
		usage(stderr);
		return CLI_USAGE;
	}
	if (argv[1][0] == '-')
		return own_option(argv[1], json);
	for (verb = cli_verbs; verb->name; verb++)
		if (!strcmp(verb->name, argv[1]))
			return run_verb(verb, argc - 1, argv + 1, json);
	return unknown_verb(argv[1], json);
}
