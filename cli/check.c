/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether check and repair: what is wrong in a directory of shards, and making
 * that again. To repair is to check, and then to write anew each shard that was
 * found missing or damaged, whole, beside its name; the good ones are only
 * read.
 */
#include "shards.h"
#include "stop.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum {
	KEY_WORKERS = 1,
	KEY_NO_SYNC
};

struct check {
	struct cli_common common;
	const char *path;
	uint32_t workers;
	int no_sync;
	struct shards_found found;
	struct shards_job job;  /* the check */
	struct shards_job made; /* the repair */
	uint32_t wrong;         /* shards */
};

/* Of both verbs. For clang an object is no constant. */
#define WORKERS_OPTION \
	{ \
		.name = "workers", .key = KEY_WORKERS, .arg = "N", \
		.doc = "Processes that compute, 1 to 32 (as many as " \
		       "processors)" \
	}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct check *c = state->input;

	switch (key) {
	case KEY_WORKERS:
		shards_workers(&c->common, arg, &c->workers);
		return 0;
	case KEY_NO_SYNC:
		c->no_sync = 1;
		return 0;
	case ARGP_KEY_ARG:
		if (c->path)
			return ARGP_ERR_UNKNOWN;
		c->path = arg;
		return 0;
	case ARGP_KEY_END:
		if (!c->path)
			argp_error(state, "DIR is missing: the directory of "
					  "shards");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Reads all of them. */
static int look(struct check *c, struct aether_error *error)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0 };
	struct shards_job *job = &c->job;
	uint32_t sources;
	int rc;

	shards_job_init(job, SHARDS_CHECK);
	shards_job_init(&c->made, SHARDS_REPAIR);
	cli_stop_on(ends);
	rc = shards_find(&c->found, c->path, error);
	if (rc < 0)
		return rc;
	shards_left_say(c->common.verb, c->found.fd, c->path, 1);
	sources = shards_find_from(&c->found, job);
	job->workers = c->workers;
	job->bar = 1;
	rc = shards_job_run(job, error);
	if (rc < 0)
		return rc;
	if (sources < job->least)
		job->least = sources;
	shards_find_learn(&c->found, job);
	for (uint32_t i = 0; i < job->shards; i++)
		c->wrong += c->found.set.shard[i].state != AE_SHARD_IS_GOOD;
	return 0;
}

static int can_be_had(const struct check *c)
{
	return c->job.least >= c->job.file.k;
}

static int end(struct check *c, int rc, const struct aether_error *error)
{
	shards_find_close(&c->found);
	if (rc == 0)
		return CLI_OK;
	cli_stop_die();
	return cli_fail_error(&c->common, error);
}

/* ---- check */

/* Files with shards' names that are none of this encoding's. */
static json_t *strays(const struct check *c)
{
	char name[AE_SHARD_NAME_SIZE];
	json_t *all = json_array();

	for (uint32_t i = 0; i < c->found.count; i++) {
		const struct ae_shard_candidate *one = &c->found.candidates[i];

		if (ae_shard_set_has(&c->found.set, i))
			continue;
		ae_shard_name_make(one->name_number, one->name_shards, name);
		cli_add(all, json_string(name));
	}
	return all;
}

static void print_json(const struct check *c)
{
	json_t *object = cli_object(&c->common);

	if (c->wrong)
		cli_set(object, "ok", json_false());
	shards_say_facts(&c->job, object);
	cli_set(object, "wrong", json_integer(c->wrong));
	cli_set(object, "decodable", json_boolean(can_be_had(c)));
	cli_set(object, "shards", shards_say_states(&c->found, &c->job));
	cli_set(object, "strays", strays(c));
	cli_print(object);
}

static void print_shard(const struct check *c, uint32_t shard)
{
	enum ae_shard_state state = c->found.set.shard[shard].state;
	uint64_t bad = c->job.from[shard] < 0 ? 0 : c->job.bad[shard];
	char name[AE_SHARD_NAME_SIZE];

	if (state == AE_SHARD_IS_GOOD)
		return;
	ae_shard_name_make(shard, c->job.shards, name);
	printf("%s: %s", name, ae_shard_state_text(state));
	if (bad)
		printf(", %llu of %llu strides are lost",
		       (unsigned long long)bad,
		       (unsigned long long)c->job.file.stripes);
	putchar('\n');
}

static void print_text(const struct check *c)
{
	char name[AE_SHARD_NAME_SIZE];

	for (uint32_t i = 0; i < c->job.shards; i++)
		print_shard(c, i);
	for (uint32_t i = 0; i < c->found.count; i++) {
		const struct ae_shard_candidate *one = &c->found.candidates[i];

		if (ae_shard_set_has(&c->found.set, i))
			continue;
		ae_shard_name_make(one->name_number, one->name_shards, name);
		printf("%s: does not belong here; it was left alone\n", name);
	}
	printf("%u of %u shards are good, %u are needed at each place of the "
	       "file; ",
	       c->job.shards - c->wrong, c->job.shards, c->job.file.k);
	if (!can_be_had(c))
		puts("somewhere there are fewer, so the file is lost unless "
		     "others are brought back");
	else
		puts(c->wrong ? "everywhere there are enough, so the file can "
				"be had; aether repair makes the others again"
			      : "nothing is wrong");
}

int cli_check(int argc, char **argv)
{
	static const struct argp_option options[] = { WORKERS_OPTION, { 0 } };
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "DIR",
		.doc = "Read all shards in DIR, and say which are missing or "
		       "damaged (exit status 3)."
	};
	static struct check c;
	struct aether_error error = { 0 };
	int rc;

	cli_parse(&argp, "check", argc, argv, &c);
	rc = look(&c, &error);
	if (rc < 0)
		return end(&c, rc, &error);
	if (c.common.json)
		print_json(&c);
	else
		print_text(&c);
	rc = c.wrong ? CLI_WRONG : CLI_OK;
	end(&c, 0, NULL);
	return rc;
}

/* ---- repair */

/* Why nothing can be made again, in words. */
static int refuse(const struct check *c, struct aether_error *error)
{
	int rc = shards_find_enough(&c->found, error);

	if (rc < 0)
		return rc;
	return cli_error(error, AETHER_EIO, 0,
			 "%u of the %u shards are needed, and at some place of "
			 "the file only %u are good; bring back shards (see "
			 "aether check).",
			 c->job.file.k, c->job.shards, c->job.least);
}

static int make(struct check *c, struct aether_error *error)
{
	struct shards_job *made = &c->made;
	int rc;

	if (!can_be_had(c))
		return refuse(c, error);
	shards_find_from(&c->found, made);
	made->workers = c->workers;
	made->bar = 1;
	rc = shards_again_open(&c->found, made, error);
	if (rc == 0)
		rc = shards_job_run(made, error);
	if (rc == 0)
		rc = shards_again_commit(&c->found, made, !c->no_sync, error);
	shards_again_close(&c->found, made);
	return rc;
}

static void print_repair(const struct check *c)
{
	char name[AE_SHARD_NAME_SIZE];
	json_t *object;

	if (c->common.json) {
		object = cli_object(&c->common);
		shards_say_facts(c->wrong ? &c->made : &c->job, object);
		cli_set(object, "repaired", json_integer(c->wrong));
		cli_set(object, "strides_rebuilt",
			json_integer((json_int_t)c->made.rebuilt));
		cli_set(object, "shards",
			shards_say_states(&c->found, &c->job));
		cli_print(object);
		return;
	}
	for (uint32_t i = 0; i < c->job.shards; i++) {
		if (c->found.set.shard[i].state == AE_SHARD_IS_GOOD)
			continue;
		ae_shard_name_make(i, c->job.shards, name);
		printf("%s: was %s, made again\n", name,
		       ae_shard_state_text(c->found.set.shard[i].state));
	}
	printf("%u of %u shards made again, %llu strides rebuilt\n", c->wrong,
	       c->job.shards, (unsigned long long)c->made.rebuilt);
}

int cli_repair(int argc, char **argv)
{
	static const struct argp_option options[] = {
		WORKERS_OPTION,
		{ .name = "no-sync",
		  .key = KEY_NO_SYNC,
		  .doc = "Do not wait until the shards are on the disk" },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "DIR",
		.doc = "Read all shards in DIR, and make those that are "
		       "missing or damaged again, from the others."
	};
	static struct check c;
	struct aether_error error = { 0 };
	int rc;

	cli_parse(&argp, "repair", argc, argv, &c);
	rc = look(&c, &error);
	/* nothing to repair from: that is a failure, and not a finding */
	if (rc == AETHER_EVERIFY)
		error.code = AETHER_EIO;
	if (rc == 0 && c.wrong)
		rc = make(&c, &error);
	if (rc == 0)
		print_repair(&c);
	return end(&c, rc, &error);
}
