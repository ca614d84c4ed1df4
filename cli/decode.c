/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether decode: a directory of shards becomes the file again, as long as k of
 * them are good, for each stripe another k if need be. The file appears when
 * it is whole; on standard output what came before a failure is out already.
 */
#include "shards.h"
#include "stop.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	KEY_WORKERS = 1
};

struct decode {
	struct cli_common common;
	const char *in;
	const char *out;
	uint32_t workers;
	struct cli_output output;
	struct shards_found found;
	struct shards_job job;
};

static const struct argp_option options[] = {
	{ .name = "output",
	  .key = 'o',
	  .arg = "FILE",
	  .doc = "The file to write, or - for standard output" },
	{ .name = "workers",
	  .key = KEY_WORKERS,
	  .arg = "N",
	  .doc = "Processes that compute, 1 to 32 (as many as processors)" },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct decode *d = state->input;

	switch (key) {
	case 'o':
		d->out = arg;
		return 0;
	case KEY_WORKERS:
		shards_workers(&d->common, arg, &d->workers);
		return 0;
	case ARGP_KEY_ARG:
		if (d->in)
			return ARGP_ERR_UNKNOWN;
		d->in = arg;
		return 0;
	case ARGP_KEY_END:
		if (!d->in)
			argp_error(state, "DIR is missing: the directory of "
					  "shards");
		if (!d->out)
			argp_error(state, "-o FILE is missing: the file to "
					  "write, or -");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Is what will be written one of the shards, or what is read from? */
static int refuse_shards(const struct decode *d, struct aether_error *error)
{
	const struct shards_found *found = &d->found;
	struct stat out, shard;
	int rc = strcmp(d->out, "-") == 0 ? fstat(STDOUT_FILENO, &out)
					  : stat(d->out, &out);

	for (uint32_t i = 0; rc == 0 && i < found->count; i++)
		if (found->fds[i] >= 0 && fstat(found->fds[i], &shard) == 0 &&
		    shard.st_dev == out.st_dev && shard.st_ino == out.st_ino)
			return cli_error(error, AETHER_EINVAL, 0,
					 "the output %s is one of the shards "
					 "in %s; name another file.",
					 strcmp(d->out, "-") == 0
						 ? "standard output"
						 : d->out,
					 d->in);
	return 0;
}

static int prepare(struct decode *d, struct aether_error *error)
{
	struct shards_job *job = &d->job;
	int rc = shards_find(&d->found, d->in, error);

	/* the file cannot be had: that is a failure, and not a finding */
	if (rc == AETHER_EVERIFY)
		rc = error->code = AETHER_EIO;
	if (rc == 0)
		rc = shards_find_enough(&d->found, error);
	if (rc == 0)
		rc = refuse_shards(d, error);
	if (rc == 0)
		rc = cli_output_open(d->out, NULL, error, &d->output);
	if (rc < 0)
		return rc;
	cli_output_guard(&d->output);
	shards_find_from(&d->found, job);
	job->out = d->output.fd;
	job->out_path = d->output.path;
	job->out_streams = d->output.direct;
	job->workers = d->workers;
	job->bar = !job->out_streams || !isatty(job->out);
	return 0;
}

/* What is zeros at the end of the file may not have been written. */
static int set_length(const struct decode *d, struct aether_error *error)
{
	if (d->job.out_streams ||
	    ftruncate(d->job.out, (off_t)d->job.file.size) == 0)
		return 0;
	return cli_error_os(error, "cannot write", d->output.path);
}

static void print(const struct decode *d, int streams)
{
	const struct shards_job *job = &d->job;
	json_t *object;

	if (d->common.json) {
		object = cli_object(&d->common);
		shards_say_facts(job, object);
		cli_set(object, "strides_rebuilt",
			json_integer((json_int_t)job->rebuilt));
		cli_print(object);
		return;
	}
	fprintf(streams ? stderr : stdout,
		"%llu bytes in %.3f s (%.2f GB/s), %llu strides rebuilt",
		(unsigned long long)job->file.size, job->seconds,
		job->seconds > 0 ? (double)job->file.size / job->seconds / 1e9
				 : 0,
		(unsigned long long)job->rebuilt);
	if (job->respawned)
		fprintf(streams ? stderr : stdout, ", %u respawned",
			job->respawned);
	putc('\n', streams ? stderr : stdout);
}

int cli_decode(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "DIR -o FILE",
		.doc = "Give the file back from the shards in DIR. Those that "
		       "are missing or damaged are computed from the others. "
		       "FILE appears when it is whole."
	};
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0 };
	static struct decode d;
	struct aether_error error = { 0 };
	int status = CLI_OK, rc, streams;

	cli_parse(&argp, "decode", argc, argv, &d);
	shards_job_init(&d.job, SHARDS_DECODE);
	d.found.fd = d.output.fd = -1;
	signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error */
	rc = prepare(&d, &error);
	cli_stop_on(ends);
	streams = d.output.fd == STDOUT_FILENO;
	if (rc == 0)
		rc = shards_job_run(&d.job, &error);
	if (rc == 0)
		rc = set_length(&d, &error);
	if (rc == 0)
		rc = cli_output_commit(&d.output, &error);
	cli_output_abort(&d.output);
	shards_find_close(&d.found);
	if (rc < 0)
		cli_stop_die();
	if (rc < 0)
		status = cli_fail_error(&d.common, &error);
	else
		print(&d, streams);
	return status;
}
