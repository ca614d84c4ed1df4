/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checksums of a job. Stripes are given out in order and come back in any,
 * so those of two groups are kept: a stripe of a third waits until the first is
 * done. Workers see the checksums of their stripe only, in the slip.
 */
#include "shards.h"

#include <stdlib.h>
#include <string.h>

#define NO_GROUP UINT64_MAX

static int has_outputs(const struct shards_job *job)
{
	return job->kind == SHARDS_ENCODE || job->kind == SHARDS_REPAIR;
}

int shards_sums_open(struct shards_job *job, struct aether_error *error)
{
	struct shards_sums *s = &job->sums;
	size_t size = (size_t)job->shards * AE_SHARD_GROUP;

	for (int i = 0; i < 2; i++) {
		s->group[i] = NO_GROUP;
		s->read[i] = calloc(size, sizeof(uint64_t));
		s->write[i] = calloc(size, sizeof(uint64_t));
		if (!s->read[i] || !s->write[i])
			return cli_error(error, AETHER_ENOMEM, 0,
					 "no memory for checksums");
	}
	return 0;
}

void shards_sums_close(struct shards_job *job)
{
	struct shards_sums *s = &job->sums;

	for (int i = 0; i < 2; i++) {
		free(s->read[i]);
		free(s->write[i]);
	}
	memset(s, 0, sizeof(*s));
}

/* Strides that have no checksum any more are bad, all of them. */
static void read_blocks(struct shards_job *job, uint64_t group, int at)
{
	struct shards_sums *s = &job->sums;
	uint8_t page[AE_SHARD_PAGE];

	for (uint32_t i = 0; i < job->shards; i++) {
		uint64_t *sums = s->read[at] + (size_t)i * AE_SHARD_GROUP;

		s->known[at][i] = 0;
		if (job->from[i] < 0)
			continue;
		s->known[at][i] = shards_pread(job->from[i], page, sizeof(page),
					       ae_shard_block_at(&job->file,
								 group)) ==
					  (ssize_t)sizeof(page) &&
				  ae_shard_block_read(page, &job->file, i,
						      group, sums) == 0;
	}
}

int shards_sums_enter(struct shards_job *job, uint64_t stripe)
{
	struct shards_sums *s = &job->sums;
	uint64_t group = stripe / AE_SHARD_GROUP;
	int at = (int)(group % 2);

	if (s->group[at] == group)
		return 0;
	if (s->group[at] != NO_GROUP && s->done[at] < AE_SHARD_GROUP)
		return AETHER_EAGAIN;
	s->group[at] = group;
	s->done[at] = 0;
	if (job->kind != SHARDS_ENCODE)
		read_blocks(job, group, at);
	return 0;
}

void shards_sums_give(const struct shards_job *job, uint64_t stripe,
		      struct shards_slip *slip)
{
	const struct shards_sums *s = &job->sums;
	size_t index = stripe % AE_SHARD_GROUP;
	int at = (int)(stripe / AE_SHARD_GROUP % 2);

	for (uint32_t i = 0; i < job->shards; i++) {
		slip->known[i] = s->known[at][i];
		slip->found[i] = SHARDS_UNREAD;
		slip->sums[i] = s->read[at][i * AE_SHARD_GROUP + index];
	}
	slip->rebuilt = 0;
}

static int write_blocks(struct shards_job *job, int at,
			struct aether_error *error)
{
	struct shards_sums *s = &job->sums;
	uint64_t where = ae_shard_block_at(&job->file, s->group[at]);
	uint8_t page[AE_SHARD_PAGE];
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < job->shards; i++) {
		if (job->to[i] < 0)
			continue;
		ae_shard_block_make(&job->file, i, s->group[at],
				    s->write[at] + (size_t)i * AE_SHARD_GROUP,
				    page);
		rc = shards_put(job, i, page, sizeof(page), where, error);
	}
	return rc;
}

int shards_sums_take(struct shards_job *job, uint64_t stripe,
		     const struct shards_slip *slip, struct aether_error *error)
{
	struct shards_sums *s = &job->sums;
	size_t index = stripe % AE_SHARD_GROUP;
	int at = (int)(stripe / AE_SHARD_GROUP % 2);

	for (uint32_t i = 0; i < job->shards; i++)
		s->write[at][i * AE_SHARD_GROUP + index] = slip->sums[i];
	if (++s->done[at] < AE_SHARD_GROUP || !has_outputs(job))
		return 0;
	return write_blocks(job, at, error);
}

int shards_sums_finish(struct shards_job *job, struct aether_error *error)
{
	struct shards_sums *s = &job->sums;
	int rc = 0;

	/* a stream may end where a group would have begun */
	for (int i = 0; rc == 0 && i < 2 && has_outputs(job); i++)
		if (s->group[i] != NO_GROUP && s->done[i] &&
		    s->done[i] < AE_SHARD_GROUP)
			rc = write_blocks(job, i, error);
	return rc;
}
