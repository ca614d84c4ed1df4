/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether serve: hands a plane to whoever can reach a socket, by rules. It
 * serves a named plane, an anonymous one that it makes itself, or along with
 * others on a socket that there is, until a signal ends it.
 */
#include "rule.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "stop.h"

#define RULES_MAX 64
#define MODE_OWNER 0200u /* without it he could not connect */

enum {
	KEY_GRANT = 1,
	KEY_MODE,
	KEY_GROUP,
	KEY_CLIENTS,
	KEY_PER_USER,
	KEY_ANONYMOUS,
	KEY_LAYOUT,
	KEY_TIER,
	KEY_STRIDES,
	KEY_STRIDE,
	KEY_PARTICIPANTS,
	KEY_SEGMENTS,
	KEY_ZERO
};

struct serve {
	struct cli_common common;
	const char *name; /* of the plane; NULL: an anonymous one */
	const char *path;
	int anonymous;
	int along;
	const char *made; /* the last option that is about making a plane */
	struct aether_plane_options plane;
	struct aether_server_options options;
	struct aether_grant rule[RULES_MAX];
};

#define ANONYMOUS "Of an anonymous plane, as aether create: "

static const struct argp_option options[] = {
	{ .name = "grant",
	  .key = KEY_GRANT,
	  .arg = "RULE",
	  .doc = "WHO:RIGHT[:SEGMENTS], as aether grant has them; may be "
		 "repeated" },
	{ .name = "mode",
	  .key = KEY_MODE,
	  .arg = "M",
	  .doc = "Mode of the socket, octal (666: rules decide)" },
	{ .name = "group",
	  .key = KEY_GROUP,
	  .arg = "G",
	  .doc = "Group of the socket, by name or number" },
	{ .name = "clients",
	  .key = KEY_CLIENTS,
	  .arg = "N",
	  .doc = "At most so many at once (256)" },
	{ .name = "per-user",
	  .key = KEY_PER_USER,
	  .arg = "N",
	  .doc = "And so many of one user (64)" },
	{ .name = "anonymous",
	  .key = KEY_ANONYMOUS,
	  .doc = "Make a plane that has no name, and serve it: it lives as "
		 "long as somebody uses it" },
	{ .name = "layout",
	  .key = KEY_LAYOUT,
	  .arg = "L",
	  .doc = ANONYMOUS "its layout" },
	{ .name = "tier",
	  .key = KEY_TIER,
	  .arg = "T",
	  .doc = ANONYMOUS "how much data" },
	{ .name = "strides",
	  .key = KEY_STRIDES,
	  .arg = "N",
	  .doc = ANONYMOUS "how many strides" },
	{ .name = "stride",
	  .key = KEY_STRIDE,
	  .arg = "SIZE",
	  .doc = ANONYMOUS "their size" },
	{ .name = "participants",
	  .key = KEY_PARTICIPANTS,
	  .arg = "N",
	  .doc = ANONYMOUS "how many slots" },
	{ .name = "segments",
	  .key = KEY_SEGMENTS,
	  .arg = "N",
	  .doc = ANONYMOUS "how many segments; without it all or nothing "
			   "can be granted" },
	{ .name = "zero",
	  .key = KEY_ZERO,
	  .doc = ANONYMOUS "strides are zeroed when a lease ends" },
	{ 0 },
};

static void read_mode(struct serve *serve, const char *text)
{
	if (cli_mode_read(text, MODE_OWNER, &serve->options.mode) < 0)
		cli_usage(&serve->common,
			  "--mode is '%s'; give an octal mode that lets the "
			  "owner write, as 660",
			  text);
}

static void read_rule(struct serve *serve, const char *text)
{
	uint32_t *count = &serve->options.count;

	if (*count == RULES_MAX)
		cli_usage(&serve->common, "there are more than %d --grant",
			  RULES_MAX);
	rule_read_word(&serve->common, text, &serve->rule[(*count)++]);
}

/* Options of the server. */
static void read_option(struct serve *serve, int key, const char *arg)
{
	const struct cli_common *common = &serve->common;

	switch (key) {
	case KEY_GRANT:
		read_rule(serve, arg);
		break;
	case KEY_MODE:
		read_mode(serve, arg);
		break;
	case KEY_GROUP:
		cli_group(&serve->common, arg, &serve->options.group);
		break;
	case KEY_CLIENTS:
		cli_count(common, "clients", arg, 65536,
			  &serve->options.clients);
		break;
	default:
		cli_count(common, "per-user", arg, 65536,
			  &serve->options.per_user);
	}
}

/* Options of a plane that is to be made. */
static void read_plane(struct serve *serve, int key, const char *arg)
{
	const struct cli_common *common = &serve->common;
	struct aether_plane_options *plane = &serve->plane;

	switch (key) {
	case KEY_LAYOUT:
		plane->layout = arg;
		serve->made = "layout";
		break;
	case KEY_TIER:
		cli_tier(common, arg, &plane->tier);
		serve->made = "tier";
		break;
	case KEY_STRIDES:
		cli_count(common, "strides", arg, AETHER_STRIDES_MAX,
			  &plane->strides);
		serve->made = "strides";
		break;
	case KEY_STRIDE:
		cli_stride(common, arg, &plane->stride_size);
		serve->made = "stride";
		break;
	case KEY_PARTICIPANTS:
		cli_count(common, "participants", arg, AETHER_PARTICIPANTS_MAX,
			  &plane->participants);
		serve->made = "participants";
		break;
	case KEY_SEGMENTS:
		cli_count(common, "segments", arg, AETHER_SEGMENTS_MAX,
			  &plane->segments);
		serve->made = "segments";
		break;
	default:
		plane->flags |= AETHER_FLAG_ZERO;
		serve->made = "zero";
	}
}

/* NAME SOCKET; SOCKET alone to serve along, or with --anonymous. */
static void check(struct serve *serve, struct argp_state *state)
{
	struct aether_server_options *o = &serve->options;

	if (serve->anonymous && serve->path)
		argp_error(state, "--anonymous has no NAME");
	if (!serve->name)
		argp_error(state, serve->anonymous
					  ? "the path of the SOCKET is missing"
					  : "the NAME of the plane is missing");
	serve->along = !serve->anonymous && strchr(serve->name, '/');
	if (serve->along && serve->path)
		argp_error(state,
			   "'%s' is a socket, to be served along: there "
			   "is no other one",
			   serve->name);
	if (serve->along && (o->mode || o->group || o->count))
		argp_error(state,
			   "the mode, the group and the rules of '%s' "
			   "are those that it has; see aether grant",
			   serve->name);
	if (!serve->anonymous && serve->made)
		argp_error(state, "--%s is for --anonymous", serve->made);
	if (serve->anonymous || serve->along) {
		serve->path = serve->name;
		serve->name = NULL;
	}
	if (!serve->path)
		argp_error(state, "the path of the SOCKET is missing");
	o->grants = serve->rule;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct serve *serve = state->input;

	switch (key) {
	case KEY_ANONYMOUS:
		serve->anonymous = 1;
		return 0;
	case ARGP_KEY_ARG:
		if (serve->path)
			return ARGP_ERR_UNKNOWN;
		if (serve->name)
			serve->path = arg;
		else
			serve->name = arg;
		return 0;
	case ARGP_KEY_END:
		check(serve, state);
		return 0;
	default:
		if (key >= KEY_GRANT && key <= KEY_PER_USER)
			read_option(serve, key, arg);
		else if (key >= KEY_LAYOUT && key <= KEY_ZERO)
			read_plane(serve, key, arg);
		else
			return ARGP_ERR_UNKNOWN;
		return 0;
	}
}

static int open_plane(struct serve *serve, struct aether_error *error,
		      struct aether_plane **plane)
{
	if (serve->anonymous)
		return aether_plane_create(NULL, &serve->plane, error, plane);
	return cli_attach(serve->along ? serve->path : serve->name, 0, error,
			  plane);
}

static int open_server(struct serve *serve, struct aether_plane *plane,
		       struct aether_error *error,
		       struct aether_server **server)
{
	struct aether_plane_info info;

	if (serve->along)
		return aether_server_join(plane, &serve->options, error,
					  server);
	aether_plane_look(plane, &info);
	for (uint32_t i = 0; i < serve->options.count; i++)
		if (rule_is_for_all(&serve->rule[i]))
			serve->rule[i].segments = rule_all(
				info.geometry.segments);
	return aether_server_open(plane, serve->path, &serve->options, error,
				  server);
}

static void say(const struct serve *serve)
{
	json_t *object;

	if (!serve->common.json) {
		fputs("serving ", stdout);
		if (serve->name)
			printf("%s ", serve->name);
		fputs("at ", stdout);
		cli_show(stdout, serve->path, SIZE_MAX);
		puts(serve->along ? ", along with others" : "");
		fflush(stdout);
		return;
	}
	object = cli_object(&serve->common);
	cli_set(object, "name",
		serve->name ? cli_text(serve->name, SIZE_MAX) : json_null());
	cli_set(object, "socket", cli_text(serve->path, SIZE_MAX));
	cli_set(object, "along", json_boolean(serve->along));
	cli_set(object, "pid", json_integer(getpid()));
	cli_print(object);
}

/* Until a signal comes. */
static int turn(struct aether_server *server)
{
	struct pollfd wait = { .fd = aether_server_fd(server),
			       .events = POLLIN };
	int err = 0;

	while (!cli_stop_signal() && err == 0)
		if (poll(&wait, 1, -1) > 0)
			err = aether_server_turn(server);
	return err;
}

int cli_serve(int argc, char **argv)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, 0 };
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME SOCKET\nSOCKET\n--anonymous SOCKET",
		.doc = "Hand the plane NAME to whoever can reach SOCKET, as "
		       "far as rules say; to its user and root, all of it. "
		       "SOCKET alone: serve along with whoever does so there, "
		       "and go on when he ends. Other verbs take the path of "
		       "the socket as NAME, if it has a '/'."
	};
	struct serve serve = { 0 };
	struct aether_error error = { 0 };
	struct aether_plane *plane = NULL;
	struct aether_server *server = NULL;
	int err, result = CLI_OK;

	cli_parse(&argp, "serve", argc, argv, &serve);
	cli_stop_on(ends);
	err = open_plane(&serve, &error, &plane);
	if (err == 0)
		err = open_server(&serve, plane, &error, &server);
	if (err < 0) {
		result = cli_fail_error(&serve.common, &error);
		goto done;
	}
	say(&serve);
	if (fflush(stdout) || ferror(stdout))
		goto done; /* who started it waits for that line */
	err = turn(server);
	if (err < 0)
		result = cli_fail(&serve.common, err, "cannot serve %s",
				  serve.path);
done:
	aether_server_close(server);
	aether_plane_detach(plane);
	cli_stop_die();
	return result;
}
