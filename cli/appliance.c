/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether appliance: burns what an ingress on the same plane brings in, until
 * the stream ends. Several share the work.
 */
#include "stage.h"
#include "stop.h"

static const struct argp_option options[] = {
	{ .name = "burn",
	  .key = STAGE_BURN,
	  .arg = "SPEC",
	  .doc = "What to do: none, xor:HEX, xor-file:PATH, gf256:HH, or a "
		 "shared object of your own, ./BURN.so[:ARGS]. May be given "
		 "several times; the burns follow each other" },
	{ .name = "wait",
	  .key = STAGE_WAIT,
	  .arg = "SECONDS",
	  .doc = "Give up if no stream has begun by then (wait for ever)" },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stage *stage = state->input;

	if (key == ARGP_KEY_END && stage->name && !stage->burns)
		argp_error(state, "--burn is missing: what to do, or none");
	return stage_parse(stage, key, arg, state, 0);
}

int cli_appliance(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME",
		.doc = "Burn the strides of the stream on the plane NAME, "
		       "where they lie. Start it before or after the ingress; "
		       "it ends with the stream. One that is started while a "
		       "stream goes on takes the place of one that died."
	};
	struct aether_burn burns[AETHER_FLOW_BURNS_MAX] = { { 0 } };
	struct aether_flow_appliance work = { .burns = burns,
					      .depth = AETHER_FLOW_DEPTH_NONE,
					      .stopped = cli_stop_signal };
	struct stage stage = { .name = NULL };
	int rc = 0;

	cli_parse(&argp, "appliance", argc, argv, &stage);
	for (; rc == 0 && work.count < stage.burns; work.count++)
		rc = aether_burn_open(stage.specs[work.count], &stage.error,
				      &burns[work.count]);
	if (rc == 0)
		rc = stage_attach(&stage);
	if (rc == 0)
		rc = stage_join(&stage, "appliance");
	if (rc < 0)
		goto done;
	if (stage.waits)
		work.patience.first = aether_clock_after(stage.wait);
	work.patience.feeders = 1u << AETHER_ROLE_ORCHESTRATOR;
	rc = aether_flow_work(stage.me, &work, &stage.error, &stage.report);
	stage.routed = stage.report.strides;
done:
	for (uint32_t i = 0; i < work.count; i++)
		aether_burn_close(&burns[i]);
	return stage_end(&stage, rc, 0);
}
