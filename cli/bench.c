/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether bench: hands over to the program that measures, which is built apart
 * so that nothing of it is in the tool that people install.
 */
#include "cli.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "aether-bench"

/* The same as in the program, which gets them as they are. */
static const struct argp_option options[] = {
	{ "against", 'a', NULL, 0,
	  "With all rows, measure peers too that are installed", 0 },
	{ "list", 'l', NULL, 0, "List the rows and end", 0 },
	{ "output", 'o', "FILE", 0,
	  "Write a page into FILE as well: the command, the machine, the table",
	  0 },
	{ "quick", 'q', NULL, 0,
	  "Few rounds and small files: shows that all rows work, figures are "
	  "coarse",
	  0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	(void)state;
	switch (key) {
	case 'a':
	case 'l':
	case 'o':
	case 'q':
	case ARGP_KEY_ARG:
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The directory of this program, with its slash; 0 if it is not known. */
static int own_directory(char *directory, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", directory, size - 1);
	char *slash;

	if (length < 0)
		return 0;
	directory[length] = '\0';
	slash = strrchr(directory, '/');
	if (!slash)
		return 0;
	slash[1] = '\0';
	return 1;
}

int cli_bench(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[NAME...]",
		.doc = "Measure the rows NAME..., or all: each value beside a "
		       "baseline of the same run. Runs the program " PROGRAM "."
	};
	static const char *const places[] = { "", "../libexec/aether/" };
	struct cli_common common = { 0 };
	char directory[PATH_MAX], path[PATH_MAX + 64];
	int os = ENOENT;
	size_t i;

	cli_parse(&argp, "bench", argc, argv, &common);
	if (!own_directory(directory, sizeof(directory)))
		return cli_fail(&common, AETHER_ESYS,
				"cannot find out where "
				"this program is; mount /proc.");
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s%s" PROGRAM, directory,
			 places[i]);
		argv[0] = path;
		execv(path, argv);
		if (errno != ENOENT)
			os = errno;
	}
	if (os != ENOENT)
		return cli_fail(&common, AETHER_ESYS,
				"cannot run " PROGRAM ": %s", strerror(os));
	return cli_fail(&common, AETHER_ENOENT,
			"there is no " PROGRAM
			" in %s or %s%s; run make all, or install it.",
			directory, directory, places[1]);
}
