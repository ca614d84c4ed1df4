/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether run: streams a file through a plane, each stage a process. Burns are
 * tried and files are opened first, so that what can be refused is refused
 * before there is anything to clean up; the output gets its name last.
 */
#include "run.h"
#include "stop.h"

#include <string.h>
#include <unistd.h>

/* Input before output: opening a FIFO waits, and nothing is held yet. */
static int open_files(struct run *run, struct aether_error *error)
{
	int rc = cli_input_open(run->options.in, error, &run->input);

	if (rc == 0)
		rc = cli_output_open(run->options.out, &run->input, error,
				     &run->output);
	if (rc < 0)
		return rc;
	run->streams = run->output.fd == STDOUT_FILENO;
	cli_output_guard(&run->output);
	return 0;
}

/* Nothing gets a name that is not known to be whole. */
static int check(const struct run *run, struct aether_error *error)
{
	const struct run_shared *shared = run->shared;
	uint64_t in = shared->seats[RUN_INGRESS].report.bytes_in;
	uint64_t out = shared->seats[run->stages - 1].report.bytes_out;

	if (in != out)
		return cli_error(error, AETHER_EVERIFY, 0,
				 "%llu bytes went in and %llu came out; there "
				 "is no output, run it again.",
				 (unsigned long long)in,
				 (unsigned long long)out);
	if (run->options.verify && (shared->in.low != shared->out.low ||
				    shared->in.high != shared->out.high))
		return cli_error(error, AETHER_EVERIFY, 0,
				 "un-burning the output of %s does not give "
				 "back the input; there is no output, run it "
				 "again.",
				 run->input.path);
	return 0;
}

static void close_all(struct run *run)
{
	cli_output_abort(&run->output);
	cli_input_close(&run->input);
	run_burns_close(run);
	run_plane_close(run);
}

int cli_run(int argc, char **argv)
{
	static struct run run; /* large, and zero */
	struct aether_error error;
	int status = CLI_OK, rc;

	run.input.fd = run.output.fd = -1;
	memset(&error, 0, sizeof(error));
	run_parse(argc, argv, &run.options);
	run.stages = run.options.workers + 3;
	rc = run_burns_open(&run, &error);
	if (rc == 0)
		rc = open_files(&run, &error);
	if (rc == 0)
		rc = run_signals_hold(&run, &error);
	if (rc == 0)
		rc = run_plane_open(&run, &error);
	if (rc < 0) {
		status = cli_fail_error(&run.options.common, &error);
		goto done;
	}
	rc = run_watch(&run, &error);
	if (rc == 0)
		rc = check(&run, &error);
	if (rc == 0)
		rc = cli_output_commit(&run.output, &error);
	if (rc == 0)
		run_print(&run);
	else if (!run.signal)
		status = run_print_failure(&run, &error);
done:
	close_all(&run);
	if (run.signal)
		cli_die_by(run.signal);
	return status;
}
