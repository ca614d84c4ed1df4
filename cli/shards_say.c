/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What encode, decode, repair and check say.
 */
#include "shards.h"

#include <string.h>
#include <unistd.h>

#define FIRST_NS 200000000u /* a short job needs no bar */

static int shown;

uint32_t shards_say_list(char *text, size_t size, uint32_t shards,
			 int (*is)(const void *of, uint32_t shard),
			 const void *of)
{
	size_t at = 0;
	uint32_t count = 0, last;

	snprintf(text, size, "none");
	for (uint32_t i = 0; i < shards; i = last + 1) {
		last = i;
		if (!is(of, i))
			continue;
		while (last + 1 < shards && is(of, last + 1))
			last++;
		count += last - i + 1;
		if (at + 20 > size) /* there is no room to name them all */
			snprintf(text + at, size - at, ", ...");
		else if (last > i)
			at += (size_t)snprintf(text + at, size - at, "%s%u-%u",
					       at ? ", " : "", i, last);
		else
			at += (size_t)snprintf(text + at, size - at, "%s%u",
					       at ? ", " : "", i);
	}
	return count;
}

struct losses {
	const struct shards_job *job;
	const struct shards_slip *slip;
};

static int is_missing(const void *of, uint32_t shard)
{
	const struct losses *l = of;

	return l->job->from[shard] < 0;
}

static int is_damaged(const void *of, uint32_t shard)
{
	const struct losses *l = of;

	return l->job->from[shard] >= 0 && l->slip->found[shard] > SHARDS_OK;
}

int shards_say_short(const struct shards_job *job, uint64_t stripe,
		     const struct shards_slip *slip, struct aether_error *error)
{
	struct losses losses = { .job = job, .slip = slip };
	char missing[90], damaged[90];
	uint32_t bad;

	bad = shards_say_list(missing, sizeof(missing), job->shards, is_missing,
			      &losses);
	bad += shards_say_list(damaged, sizeof(damaged), job->shards,
			       is_damaged, &losses);
	return cli_error(
		error, AETHER_EIO, 0,
		"at byte %llu of the file %u shards are needed, and "
		"%u are good; missing: %s; damaged there: %s; bring "
		"back shards (see aether check).",
		(unsigned long long)(stripe * job->file.k * job->file.stride),
		job->file.k, job->shards - bad, missing, damaged);
}

void shards_say_progress(const struct shards_job *job)
{
	uint64_t now = aether_clock_now();
	uint64_t stripe = (uint64_t)job->file.k * job->file.stride;

	if (!job->bar || now - job->began < FIRST_NS || !isatty(STDERR_FILENO))
		return;
	fputs("\r  ", stderr);
	cli_show_size(stderr, job->done * stripe);
	if (!job->in_streams) {
		fputs(" of ", stderr);
		cli_show_size(stderr, job->file.size);
		fprintf(stderr, "  %3.0f %%",
			100.0 * (double)job->done / (double)job->file.stripes);
	}
	fprintf(stderr, "  %.2f GB/s\033[K",
		(double)(job->done * stripe) / (double)(now - job->began));
	fflush(stderr);
	shown = 1;
}

void shards_say_progress_end(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = 0;
}

json_t *shards_say_states(const struct shards_found *found,
			  const struct shards_job *job)
{
	json_t *all = json_array();
	char name[AE_SHARD_NAME_SIZE];

	for (uint32_t i = 0; i < found->set.shards; i++) {
		json_t *one = json_object();

		ae_shard_name_make(i, found->set.shards, name);
		cli_set(one, "shard", json_integer(i));
		cli_set(one, "name", json_string(name));
		cli_set(one, "state",
			json_string(ae_shard_state_word(
				found->set.shard[i].state)));
		cli_set(one, "readable",
			json_boolean(found->set.shard[i].source !=
				     AE_SHARD_NONE));
		cli_set(one, "strides_damaged",
			json_integer(job->from[i] < 0
					     ? 0
					     : (json_int_t)job->bad[i]));
		cli_add(all, one);
	}
	return all;
}

void shards_say_facts(const struct shards_job *job, json_t *object)
{
	char id[2 * AE_SHARD_ID + 1];
	double bytes = (double)job->file.size;

	for (uint32_t i = 0; i < AE_SHARD_ID; i++)
		snprintf(id + 2 * i, 3, "%02x", job->file.id[i]);
	cli_set(object, "id", json_string(id));
	cli_set(object, "k", json_integer(job->file.k));
	cli_set(object, "m", json_integer(job->file.m));
	cli_set(object, "stride_size", json_integer(job->file.stride));
	cli_set(object, "stripes", json_integer((json_int_t)job->file.stripes));
	cli_set(object, "size", json_integer((json_int_t)job->file.size));
	cli_set(object, "workers", json_integer(job->workers));
	cli_set(object, "respawned", json_integer(job->respawned));
	cli_set(object, "seconds", json_real(job->seconds));
	cli_set(object, "gbps",
		json_real(job->seconds > 0 ? bytes / job->seconds / 1e9 : 0));
}

void shards_workers(const struct cli_common *common, const char *text,
		    uint32_t *workers)
{
	cli_count(common, "workers", text, SHARDS_WORKERS_MAX, workers);
}
