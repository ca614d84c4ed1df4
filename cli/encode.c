/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether encode: a file becomes a directory of k + m shards, any k of which
 * give it back. The directory appears when it is whole.
 */
#include "shards.h"
#include "stop.h"

#include <signal.h>
#include <string.h>
#include <sys/random.h>

#define K_DEFAULT 10
#define M_DEFAULT 4

/* Strides are as large as those of a plane unless that makes stripes larger
 * than this: they should stay in the processor's caches. */
#define STRIPE_DEFAULT (8u << 20)

enum {
	KEY_WORKERS = 1,
	KEY_STRIDE,
	KEY_NO_SYNC
};

struct encode {
	struct cli_common common;
	const char *in;
	const char *out;
	uint32_t k;
	uint32_t m;
	uint32_t workers;
	uint64_t stride;
	int no_sync;
	struct cli_input input;
	struct shards_job job;
	struct shards_new new;
};

static const struct argp_option options[] = {
	{ .key = 'k',
	  .arg = "K",
	  .doc = "Shards that the file is cut into, 1 to 254 (10)" },
	{ .key = 'm',
	  .arg = "M",
	  .doc = "Parities: how many shards may be lost; K + M is at most 255 "
		 "(4)" },
	{ .name = "output",
	  .key = 'o',
	  .arg = "DIR",
	  .doc = "The directory to make; there must be none, or an empty one" },
	{ .name = "workers",
	  .key = KEY_WORKERS,
	  .arg = "N",
	  .doc = "Processes that compute, 1 to 32 (as many as processors)" },
	{ .name = "stride",
	  .key = KEY_STRIDE,
	  .arg = "SIZE",
	  .doc = "Bytes that go into each shard at a time, a power of two from "
		 "4K to 16M (128K, less where K + M is large); all of K + M "
		 "are 64M at most" },
	{ .name = "no-sync",
	  .key = KEY_NO_SYNC,
	  .doc = "Do not wait until the shards are on the disk" },
	{ 0 },
};

static void check(struct encode *e, struct argp_state *state)
{
	uint32_t most = ae_shard_stride_most(e->k + e->m);

	if (!e->in)
		argp_error(state, "FILE is missing: the file to encode, or -");
	if (!e->out)
		argp_error(state, "-o DIR is missing: the directory to make");
	if (strcmp(e->out, "-") == 0)
		cli_usage(&e->common,
			  "-o is '-'; shards are a directory: give its name "
			  "(./- if that is its name)");
	if (e->k + e->m > AE_SHARDS_MAX)
		cli_usage(&e->common,
			  "-k %u and -m %u are %u shards; give %u together at "
			  "most",
			  e->k, e->m, e->k + e->m, AE_SHARDS_MAX);
	if (e->stride > most)
		cli_usage(&e->common,
			  "--stride is too large for %u shards; give %uK at "
			  "most",
			  e->k + e->m, most >> 10);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct encode *e = state->input;

	switch (key) {
	case 'k':
		cli_count(&e->common, "k", arg, AE_SHARDS_MAX - 1, &e->k);
		return 0;
	case 'm':
		cli_count(&e->common, "m", arg, AE_SHARDS_MAX - 1, &e->m);
		return 0;
	case 'o':
		e->out = arg;
		return 0;
	case KEY_WORKERS:
		shards_workers(&e->common, arg, &e->workers);
		return 0;
	case KEY_STRIDE:
		cli_stride(&e->common, arg, &e->stride);
		return 0;
	case KEY_NO_SYNC:
		e->no_sync = 1;
		return 0;
	case ARGP_KEY_ARG:
		if (e->in)
			return ARGP_ERR_UNKNOWN;
		e->in = arg;
		return 0;
	case ARGP_KEY_END:
		check(e, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static uint32_t default_stride(uint32_t shards)
{
	uint32_t stride = AETHER_STRIDE_SIZE_DEFAULT;

	while (stride * shards > STRIPE_DEFAULT)
		stride /= 2;
	return stride;
}

/* What is no regular file, or may not be at its beginning, is read once, in
 * order; so are files that the system makes up as they are read. */
static int is_stream(const struct encode *e)
{
	return strcmp(e->in, "-") == 0 || !S_ISREG(e->input.stat.st_mode) ||
	       !e->input.stat.st_size;
}

static int prepare(struct encode *e, struct aether_error *error)
{
	struct shards_job *job = &e->job;
	struct ae_shard_file *file = &job->file;
	int rc = cli_input_open(e->in, error, &e->input);

	if (rc < 0)
		return rc;
	job->in = e->input.fd;
	job->in_path = e->input.path;
	job->in_streams = is_stream(e);
	job->bar = 1;
	job->workers = e->workers;
	job->shards = e->k + e->m;
	file->k = e->k;
	file->m = e->m;
	file->stride = e->stride ? (uint32_t)e->stride
				 : default_stride(job->shards);
	if (getrandom(file->id, sizeof(file->id), 0) != sizeof(file->id))
		return cli_error(error, AETHER_ESYS, 0,
				 "the system has no random numbers");
	if (ae_shard_file_set(
		    file,
		    job->in_streams ? 0 : (uint64_t)e->input.stat.st_size) < 0)
		return cli_error(error, AETHER_ENOSPC, 0,
				 "the input %s is longer than shards can hold.",
				 e->input.path);
	e->new.sync = !e->no_sync;
	/* nobody sees more of the file than before */
	e->new.shard_mode = 0666;
	if (S_ISREG(e->input.stat.st_mode))
		e->new.shard_mode = 0600 | (e->input.stat.st_mode & 0666);
	return shards_new_open(&e->new, e->out, job, error);
}

/* Did somebody write to the input meanwhile? As far as its times tell. */
static int compare(const struct encode *e, struct aether_error *error)
{
	const struct stat *then = &e->input.stat;
	struct stat now;

	if (e->job.in_streams)
		return 0;
	if (fstat(e->input.fd, &now) < 0)
		return cli_error_os(error, "cannot look at the input",
				    e->input.path);
	if (now.st_size == then->st_size &&
	    now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == then->st_mtim.tv_nsec)
		return 0;
	return cli_error(error, AETHER_EIO, 0,
			 "the input %s was changed while it was read; there is "
			 "no output, run it again, and leave the input alone.",
			 e->input.path);
}

static void print(const struct encode *e)
{
	const struct shards_job *job = &e->job;
	json_t *object;

	if (e->common.json) {
		object = cli_object(&e->common);
		shards_say_facts(job, object);
		cli_set(object, "bytes_out",
			json_integer((json_int_t)(ae_shard_length(&job->file) *
						  job->shards)));
		cli_print(object);
		return;
	}
	printf("%llu bytes into %u + %u shards in %.3f s (%.2f GB/s)",
	       (unsigned long long)job->file.size, job->file.k, job->file.m,
	       job->seconds,
	       job->seconds > 0 ? (double)job->file.size / job->seconds / 1e9
				: 0);
	if (job->respawned)
		printf(", %u respawned", job->respawned);
	putchar('\n');
}

int cli_encode(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FILE -o DIR",
		.doc = "Cut FILE into K shards and add M parities, each a file "
		       "in DIR: any K of them give it back. - is standard "
		       "input. DIR appears when it is whole."
	};
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0 };
	static struct encode e = { .k = K_DEFAULT, .m = M_DEFAULT };
	struct aether_error error = { 0 };
	int status = CLI_OK, rc;

	cli_parse(&argp, "encode", argc, argv, &e);
	shards_job_init(&e.job, SHARDS_ENCODE);
	e.new.fd = e.new.parent = e.input.fd = -1;
	cli_stop_on(ends);
	rc = prepare(&e, &error);
	if (rc == 0)
		rc = shards_job_run(&e.job, &error);
	if (rc == 0)
		rc = compare(&e, &error);
	if (rc == 0)
		rc = shards_new_commit(&e.new, &e.job, &error);
	shards_new_close(&e.new, &e.job);
	cli_input_close(&e.input);
	if (rc < 0)
		cli_stop_die();
	if (rc < 0)
		status = cli_fail_error(&e.common, &error);
	else
		print(&e);
	return status;
}
