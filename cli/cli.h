/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every verb of the command line shares: parsing with argp, failing in
 * words or in JSON, sizes in text. A verb is a thin caller of the public
 * headers: parse, call, print.
 */
#ifndef CLI_H
#define CLI_H

#include <aether/aether.h>
#include <argp.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

#define CLI_OK 0
#define CLI_FAILED 1
#define CLI_USAGE 2
#define CLI_WRONG 3 /* ran, and found something wrong */

/* The options that every verb has, and its name. First member of a verb's own
 * options. */
struct cli_common {
	const char *verb;
	int json;
};

struct cli_verb {
	const char *name;
	const char *doc;                   /* one line */
	int (*run)(int argc, char **argv); /* argv[0] is the verb */
	int slices; /* 1: it works by the instruction set in use */
};

/* All verbs, ended by one with name NULL (main.c). */
extern const struct cli_verb cli_verbs[];

/*
 * Parses with the verb's argp and the common options; `input` is the verb's
 * options, whose first member is a struct cli_common. Returns 0, or exits with
 * CLI_USAGE after saying what is wrong (as JSON if --json was given).
 */
void cli_parse(const struct argp *argp, const char *verb, int argc, char **argv,
	       void *input);

/*
 * Says that the verb failed: on standard error "aether VERB: TEXT" and what to
 * do, and with --json one object on standard output {"verb","ok":false,"code",
 * "message"} as well. Returns the exit status that goes with `code` (EUSAGE: 2,
 * EVERIFY: 3, else 1). The text says what, about what; the remedy of the code
 * is added unless `what` ends with a full stop.
 */
int cli_fail(const struct cli_common *common, int code, const char *what, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for an error that a call of the library filled. */
int cli_fail_error(const struct cli_common *common,
		   const struct aether_error *error);

/* A usage error found after parsing; exits. */
void cli_usage(const struct cli_common *common, const char *what, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* What the calls above are made of; for main.c and parse.c. */
void cli_failed(const char *verb, int json, int code, const char *text);
void cli_usage_text(const char *verb, int json, const char *text);

/* {"verb","ok":true}, to add to. Exits when memory is short. */
json_t *cli_object(const struct cli_common *common);

/* Puts a value into an object, or at the end of an array, and lets go of it.
 * Exits when memory is short (also if `value` is NULL for that reason). */
void cli_set(json_t *object, const char *key, json_t *value);
void cli_add(json_t *array, json_t *value);

/* A string of any bytes, at most `size`: what is not UTF-8 or is a control
 * character becomes \xNN. */
json_t *cli_text(const char *text, size_t size);

/* The same for a terminal: prints it to `stream`. */
void cli_show(FILE *stream, const char *text, size_t size);

/* 1.5 MiB and the like. */
void cli_show_size(FILE *stream, uint64_t bytes);

/* The roles whose bits are set: an array of names; and "kernel,module", "all"
 * or "nobody" for people. */
#define CLI_ROLES_MAX 512 /* bytes, enough for the names of all 32 */
json_t *cli_roles(uint32_t mask);
void cli_roles_text(uint32_t mask, char text[CLI_ROLES_MAX]);

/* Prints one object a line and lets go of it. */
void cli_print(json_t *object);

/* Where cli_print and the JSON of cli_fail go; standard output at first. */
void cli_print_to(FILE *stream);

/*
 * "4096", "128K", "16MiB", "1G": bytes. Refuses what is no number, is
 * negative, overflows, or has another unit. Returns 0 or AETHER_EINVAL.
 */
int cli_size(const char *text, uint64_t *bytes);

/* A whole number within bounds. Returns 0 or AETHER_EINVAL. */
int cli_number(const char *text, uint64_t least, uint64_t most,
	       uint64_t *number);

/*
 * Input and output files (input.c, output.c). "-" is standard input or
 * output. An output that is a regular file appears under its name only when it
 * is whole: it is built without a name (or, where the file system cannot do
 * that, under a hidden one in the same directory) and gets it at commit. FIFOs,
 * devices and standard output are written directly. Descriptors are
 * close-on-exec but survive fork: children may write to `fd`, and the process
 * that opened the output commits or aborts it.
 */
struct cli_input {
	int fd;
	const char *path; /* as given */
	struct stat
		stat; /* as it was opened; st_size if it is a regular file */
};

struct cli_output {
	int fd;
	const char *path; /* as given; the caller's */
	int direct;       /* 1: no name to give; nothing to take back */
	int exists;       /* 1: replaces a file, whose mode it keeps */
	struct stat stat; /* of that file */
	char *target;     /* the path without symbolic links */
	char *temporary;  /* the hidden name; NULL: it has none */
	pid_t owner;      /* who may abort: not a forked child */
};

/*
 * Opens for reading. Errors, all with a text for people: AETHER_ENOENT,
 * AETHER_EACCES, AETHER_EIO (also a directory).
 */
int cli_input_open(const char *path, struct aether_error *error,
		   struct cli_input *input);

/* Closes it, unless it is standard input. */
void cli_input_close(struct cli_input *input);

/*
 * Opens for writing. `input` may be NULL; else it must be another file
 * (AETHER_EINVAL). If standard output takes the data, what cli_print and
 * cli_fail have to say as JSON goes to standard error from here on.
 * Errors as for input, and AETHER_ENOSPC, AETHER_ENOMEM.
 */
int cli_output_open(const char *path, const struct cli_input *input,
		    struct aether_error *error, struct cli_output *output);

/*
 * Gives the output its name, replacing what is there. On failure nothing is
 * left of it. Either way it is closed. Errors as above.
 */
int cli_output_commit(struct cli_output *output, struct aether_error *error);

/*
 * Closes it and leaves nothing of it; a file that it was to replace is as
 * before. In a forked child only closes. Repeating it, or calling it after
 * commit or after a failed open, does nothing.
 */
void cli_output_abort(struct cli_output *output);

/*
 * Arranges that SIGINT, SIGTERM and SIGHUP leave nothing of this output: for
 * verbs without signal handlers of their own. The process still dies by the
 * signal.
 */
void cli_output_guard(const struct cli_output *output);

/* Writes all of it, however long that takes. 0, or AETHER_EIO,
 * AETHER_ENOSPC; `path` is for the text. */
int cli_write(int fd, const void *bytes, size_t length, const char *path,
	      struct aether_error *error);

/* Reads until `length` bytes are there or the input ends. The count, or
 * AETHER_EIO. */
ssize_t cli_read(int fd, void *bytes, size_t length, const char *path,
		 struct aether_error *error);

/*
 * Fills `error` with code, the system's number (0: none) and a text, to which
 * the system's reason is added. Returns `code`.
 */
int cli_error(struct aether_error *error, int code, int os, const char *what,
	      ...) __attribute__((format(printf, 4, 5)));

/* The same from errno: "WHAT PATH: reason". Returns the code. */
int cli_error_os(struct aether_error *error, const char *what,
		 const char *path);

/* The code that goes with a system's number for files. */
int cli_error_code(int os);

/*
 * Planes by name (plane.c). The directory that they lie in; attaching, as
 * aether_plane_attach does it; and what a call that takes a name has returned:
 * if there is no such plane because there is no such directory, the text says
 * so. Both return the call's result.
 */
const char *cli_directory(void);
int cli_attach(const char *name, uint32_t flags, struct aether_error *error,
	       struct aether_plane **plane);
int cli_explain(int err, struct aether_error *error);

/* How an orchestrator attaches to that plane anew: without data, and only to
 * what the other stages, with the same rights, may write. */
struct aether_attach_options cli_without_data(const struct aether_plane *plane);

/*
 * Values of options (values.c); a usage error if they are not allowed. The
 * names of the tiers, each after a space, are CLI_TIERS.
 */
#define CLI_TIER_TEXT(name, number, text, data) " " text
#define CLI_TIERS AETHER_TIER_LIST(CLI_TIER_TEXT)
void cli_count(const struct cli_common *common, const char *option,
	       const char *text, uint32_t most, uint32_t *count);
void cli_tier(const struct cli_common *common, const char *text,
	      uint32_t *tier);
void cli_stride(const struct cli_common *common, const char *text,
		uint64_t *size);
void cli_group(const struct cli_common *common, const char *text,
	       uint32_t *group);

/* A group by name or number; a mode in octal digits, that has all bits of
 * `least`. AETHER_EINVAL. */
int cli_group_find(const char *text, uint32_t *group);
int cli_mode_read(const char *text, uint32_t least, uint32_t *mode);

/* The verbs, one file each. */
int cli_create(int argc, char **argv);
int cli_destroy(int argc, char **argv);
int cli_ls(int argc, char **argv);
int cli_map(int argc, char **argv);
int cli_who(int argc, char **argv);
int cli_layout(int argc, char **argv);
int cli_strerror(int argc, char **argv);
int cli_slice(int argc, char **argv);
int cli_unslice(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_ingress(int argc, char **argv);
int cli_appliance(int argc, char **argv);
int cli_egress(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_reap(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_guard(int argc, char **argv);
int cli_chaos(int argc, char **argv);
int cli_serve(int argc, char **argv);
int cli_grant(int argc, char **argv);
int cli_encode(int argc, char **argv);
int cli_decode(int argc, char **argv);
int cli_repair(int argc, char **argv);
int cli_check(int argc, char **argv);

/* rights.c: what I would have in a segment, as a participant; of a plane that
 * was attached for looking. enum aether_right. */
uint32_t cli_right(const struct aether_plane *plane, uint32_t segment);

/*
 * A number of strides that was counted, of which `unseen` of `strides` could
 * not be looked at. In text "7"; "7+?": so many, and of others it is not known;
 * "?": none was seen. In JSON what was counted, or null.
 */
#define CLI_COUNTED_MAX 16
const char *cli_counted_text(uint32_t number, uint32_t unseen, uint32_t strides,
			     char text[CLI_COUNTED_MAX]);
json_t *cli_counted(uint32_t number, uint32_t unseen, uint32_t strides);

#endif
