/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The common life of a stage that is started alone: its options, joining the
 * plane, leaving it, saying how it went. However it ends short of SIGKILL, it
 * leaves the plane, so that the others learn of it at once.
 */
#include "stage.h"
#include "stop.h"

#include <signal.h>

static void parse_wait(struct stage *stage, const char *text)
{
	uint64_t seconds;

	if (cli_number(text, 0, STAGE_WAIT_MAX, &seconds) < 0)
		cli_usage(&stage->common,
			  "--wait is '%s'; give seconds, from 0 to %u", text,
			  STAGE_WAIT_MAX);
	stage->waits = 1;
	stage->wait = seconds * 1000000000;
}

static void parse_workers(struct stage *stage, const char *text)
{
	uint64_t number;

	if (cli_number(text, 1, AETHER_FLOW_WORKERS_MAX, &number) < 0)
		cli_usage(&stage->common,
			  "--workers is '%s'; give a number from 1 to %d", text,
			  AETHER_FLOW_WORKERS_MAX);
	stage->workers = (uint32_t)number;
}

static void parse_tile(struct stage *stage, const char *text)
{
	uint64_t tile;

	if (cli_number(text, 8, AETHER_SLICE_INPLACE_MAX, &tile) < 0 ||
	    (tile & (tile - 1)))
		cli_usage(&stage->common,
			  "--tile is '%s'; give a power of two from 8 to %d",
			  text, AETHER_SLICE_INPLACE_MAX);
	stage->tile = (uint32_t)tile;
}

static void add_burn(struct stage *stage, const char *spec)
{
	if (stage->burns == AETHER_FLOW_BURNS_MAX)
		cli_usage(&stage->common, "more than %d burns; give fewer",
			  AETHER_FLOW_BURNS_MAX);
	stage->specs[stage->burns++] = spec;
}

static error_t parse_argument(struct stage *stage, const char *arg,
			      int wants_path)
{
	if (!stage->name)
		stage->name = arg;
	else if (wants_path && !stage->path)
		stage->path = arg;
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static void check(const struct stage *stage, struct argp_state *state,
		  int wants_path)
{
	if (!stage->name)
		argp_error(state, "NAME is missing: the plane");
	if (wants_path && !stage->path)
		argp_error(state, "the file is missing; - is standard input "
				  "or output");
	if (stage->unsliced && stage->tile)
		cli_usage(&stage->common,
			  "--raw and --tile exclude each other; give one");
}

error_t stage_parse(struct stage *stage, int key, char *arg,
		    struct argp_state *state, int wants_path)
{
	switch (key) {
	case STAGE_BURN:
		add_burn(stage, arg);
		return 0;
	case STAGE_WAIT:
		parse_wait(stage, arg);
		return 0;
	case STAGE_WORKERS:
		parse_workers(stage, arg);
		return 0;
	case STAGE_TILE:
		parse_tile(stage, arg);
		return 0;
	case STAGE_RAW:
		stage->unsliced = 1;
		return 0;
	case STAGE_COPY:
		stage->copy = 1;
		return 0;
	case STAGE_DIRECT:
		stage->workers = 0;
		return 0;
	case ARGP_KEY_ARG:
		return parse_argument(stage, arg, wants_path);
	case ARGP_KEY_END:
		check(stage, state, wants_path);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int stage_attach(struct stage *stage)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, 0 };

	cli_stop_on(ends);
	stage->began = aether_clock_now();
	return cli_attach(stage->name, 0, &stage->error, &stage->plane);
}

int stage_join(struct stage *stage, const char *role)
{
	struct aether_participant_options who = { .name = NULL };
	int err;

	aether_participant_role(role, &who.role);
	stage->role = who.role;
	err = aether_participant_join(stage->plane, &who, &stage->error,
				      &stage->me);
	if (err == 0)
		stage_show(stage);
	return err;
}

void stage_leave(struct stage *stage)
{
	stage_show_end(stage);
	aether_participant_leave(stage->me);
	aether_plane_detach(stage->plane);
	stage->me = NULL;
	stage->plane = NULL;
}

static void print_json(const struct stage *stage, double seconds)
{
	const struct aether_flow_report *report = &stage->report;
	json_t *object = cli_object(&stage->common);

	cli_set(object, "name", cli_text(stage->name, SIZE_MAX));
	cli_set(object, "bytes_in", json_integer((json_int_t)report->bytes_in));
	cli_set(object, "bytes_out",
		json_integer((json_int_t)report->bytes_out));
	cli_set(object, "seconds", json_real(seconds));
	cli_set(object, "strides_routed",
		json_integer((json_int_t)stage->routed));
	cli_set(object, "bytes_copied",
		json_integer((json_int_t)report->copied));
	cli_print(object);
}

int stage_end(struct stage *stage, int rc, int streams)
{
	double seconds = (double)(aether_clock_now() - stage->began) / 1e9;

	stage_leave(stage);
	if (rc < 0)
		cli_stop_die();
	if (rc < 0)
		return cli_fail_error(&stage->common, &stage->error);
	if (stage->common.json)
		print_json(stage, seconds);
	else
		fprintf(streams ? stderr : stdout,
			"%s %s: %llu bytes in, %llu bytes out, %llu times "
			"handed on, %llu bytes copied\n",
			stage->common.verb, stage->name,
			(unsigned long long)stage->report.bytes_in,
			(unsigned long long)stage->report.bytes_out,
			(unsigned long long)stage->routed,
			(unsigned long long)stage->report.copied);
	return CLI_OK;
}
