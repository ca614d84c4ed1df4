/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether egress: writes the stream that arrives on a plane, in order. The
 * output gets its name when all of it is there.
 */
#include "stage.h"
#include "stop.h"

#include <unistd.h>

static const struct argp_option options[] = {
	{ .name = "wait",
	  .key = STAGE_WAIT,
	  .arg = "SECONDS",
	  .doc = "Give up if no stream has begun by then (wait for ever)" },
	{ .name = "copy",
	  .key = STAGE_COPY,
	  .doc = "Copy on the way out, to show that it is counted" },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	return stage_parse(state->input, key, arg, state, 1);
}

static int drain(struct stage *stage, const struct cli_output *output)
{
	struct aether_flow_egress work = { .fd = output->fd,
					   .copy = stage->copy,
					   .stopped = cli_stop_signal };
	int rc;

	if (stage->waits)
		work.patience.first = aether_clock_after(stage->wait);
	work.patience.feeders = 1u << AETHER_ROLE_ORCHESTRATOR |
				1u << AETHER_ROLE_APPLIANCE;
	rc = aether_flow_egress(stage->me, &work, &stage->error,
				&stage->report);
	if (rc < 0 && stage->error.os)
		cli_error(&stage->error, rc, stage->error.os, "cannot write %s",
			  output->path);
	return rc;
}

int cli_egress(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME OUT",
		.doc = "Write the stream on the plane NAME to the file OUT (- "
		       "is standard output), in order. Start it before or "
		       "after the ingress; it ends with the stream."
	};
	struct stage stage = { .name = NULL };
	struct cli_output output = { .fd = -1 };
	int rc, streams;

	cli_parse(&argp, "egress", argc, argv, &stage);
	rc = cli_output_open(stage.path, NULL, &stage.error, &output);
	streams = output.fd == STDOUT_FILENO;
	if (rc == 0)
		cli_output_guard(&output);
	if (rc == 0)
		rc = stage_attach(&stage);
	if (rc == 0)
		rc = stage_join(&stage, "egress");
	if (rc == 0)
		rc = drain(&stage, &output);
	stage_leave(&stage);
	if (rc == 0)
		rc = cli_output_commit(&output, &stage.error);
	cli_output_abort(&output);
	return stage_end(&stage, rc, streams);
}
