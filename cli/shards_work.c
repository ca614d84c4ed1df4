/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker does to a stripe. The strides of it lie one behind the other
 * in the run that the worker holds, shard after shard. They are read, checked,
 * written while they are in cache, and sliced where they lie if others are to
 * be computed from them; what is computed is un-sliced where it lies. Nothing
 * is copied within the plane, and only what is needed is read.
 */
#include "shards.h"

#include <errno.h>
#include <string.h>

/* One stripe. */
struct stripe {
	const struct shards_job *job;
	struct shards_work *work;
	const struct shards_parcel *parcel;
	struct shards_slip *slip;
	uint8_t *bytes;
	uint32_t length;              /* of each stride */
	uint64_t at;                  /* of each stride in its shard */
	uint32_t good;                /* strides that are there */
	uint32_t lost[AE_SHARDS_MAX]; /* to be computed */
	uint32_t losses;
};

_Static_assert(sizeof(struct shards_slip) <= AE_SHARD_PAGE,
	       "a slip is a page at most");
_Static_assert(sizeof(struct shards_parcel) == 32,
	       "a parcel is what travels with a lease");

uint64_t shards_run_size(const struct shards_job *job)
{
	return (uint64_t)job->shards * job->file.stride + AE_SHARD_PAGE;
}

struct shards_slip *shards_slip_of(const struct shards_job *job, void *bytes)
{
	void *slip = (uint8_t *)bytes + (size_t)job->shards * job->file.stride;

	return slip;
}

static uint8_t *stride_of(const struct stripe *s, uint32_t shard)
{
	return s->bytes + (size_t)shard * s->length;
}

/* The code that gives the lost from what is there; the last one is kept. */
static int set_code(struct stripe *s, const uint32_t *have)
{
	const struct ae_shard_file *file = &s->job->file;
	static uint8_t matrix[AE_SHARDS_MAX * AE_SHARDS_MAX];
	struct shards_work *w = s->work;
	int rc;

	if (w->count == s->losses &&
	    memcmp(w->have, have, file->k * sizeof(*have)) == 0 &&
	    memcmp(w->wanted, s->lost, s->losses * sizeof(*s->lost)) == 0)
		return 0;
	aether_gf256_free(w->code);
	w->code = NULL;
	w->count = 0;
	rc = aether_rs_rebuilder(file->k, file->m, have, s->lost, s->losses,
				 matrix);
	if (rc == 0)
		rc = aether_gf256_make(matrix, s->losses, file->k, &w->code);
	if (rc < 0)
		return cli_error(&s->slip->error, rc, 0,
				 "cannot make a code of %u shards: %s", file->k,
				 aether_error_message(rc));
	memcpy(w->have, have, file->k * sizeof(*have));
	memcpy(w->wanted, s->lost, s->losses * sizeof(*s->lost));
	w->count = s->losses;
	return 0;
}

/* Those that are computed from, the first k that are good. */
static void choose(const struct stripe *s, uint32_t *have)
{
	uint32_t count = 0;

	for (uint32_t i = 0; count < s->job->file.k; i++)
		if (s->slip->found[i] == SHARDS_OK)
			have[count++] = i;
}

/* Computes the lost. What they are computed from is sliced afterwards. */
static int compute(struct stripe *s)
{
	uint32_t have[AE_SHARDS_MAX], k = s->job->file.k;
	const void *sources[AE_SHARDS_MAX];
	void *targets[AE_SHARDS_MAX];
	int rc;

	choose(s, have);
	rc = set_code(s, have);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < k; i++) {
		sources[i] = stride_of(s, have[i]);
		aether_slice(stride_of(s, have[i]), sources[i], s->length,
			     AETHER_TILE);
	}
	for (uint32_t i = 0; i < s->losses; i++)
		targets[i] = stride_of(s, s->lost[i]);
	rc = aether_gf256_apply(s->work->code, targets, sources, s->length, 0);
	if (rc < 0)
		return cli_error(&s->slip->error, rc, 0,
				 "cannot compute %u strides: %s", s->losses,
				 aether_error_message(rc));
	for (uint32_t i = 0; i < s->losses; i++)
		aether_unslice(targets[i], targets[i], s->length, AETHER_TILE);
	s->slip->rebuilt = s->losses;
	return 0;
}

static int put(const struct stripe *s, uint32_t shard)
{
	return shards_put(s->job, shard, stride_of(s, shard), s->length, s->at,
			  &s->slip->error);
}

/* ---- encode */

static int changed(const struct stripe *s, ssize_t n)
{
	struct aether_error *error = &s->slip->error;

	if (n < 0)
		return cli_error_os(error, "cannot read", s->job->in_path);
	return cli_error(error, AETHER_EIO, 0,
			 "the input %s became shorter while it was read; there "
			 "is no output, run it again, and leave the input "
			 "alone.",
			 s->job->in_path);
}

/* A stride of the file, into the run. What came from a stream is in its shard
 * already: whoever does it again reads it from there. */
static int fetch(const struct stripe *s, uint32_t source)
{
	const struct shards_job *job = s->job;
	uint8_t *bytes = stride_of(s, source);
	uint64_t offset = s->at;
	uint32_t length = s->length;
	int fd = job->to[source];
	ssize_t n;

	if (!job->in_streams) {
		length = ae_shard_content(&job->file, s->parcel->stripe, source,
					  &offset);
		fd = job->in;
	}
	n = shards_pread(fd, bytes, length, offset);
	if (n < (ssize_t)length)
		return changed(s, n);
	memset(bytes + length, 0, s->length - length);
	return 0;
}

static int encode(struct stripe *s)
{
	const struct shards_job *job = s->job;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < job->file.k; i++) {
		if (!s->parcel->full)
			rc = fetch(s, i);
		if (rc < 0)
			break;
		s->slip->sums[i] = ae_shard_sum(stride_of(s, i), s->length);
		s->slip->found[i] = SHARDS_OK;
		if (!job->in_streams)
			rc = put(s, i);
	}
	for (uint32_t i = job->file.k; i < job->shards; i++)
		s->lost[s->losses++] = i;
	if (rc == 0)
		rc = compute(s);
	for (uint32_t i = job->file.k; rc == 0 && i < job->shards; i++) {
		s->slip->sums[i] = ae_shard_sum(stride_of(s, i), s->length);
		rc = put(s, i);
	}
	return rc;
}

/* ---- the others, which read shards */

/* A disk that cannot read a stride has lost it, no more. */
static void look(struct stripe *s, uint32_t shard)
{
	struct shards_slip *slip = s->slip;
	uint8_t *bytes = stride_of(s, shard);

	if (s->job->from[shard] < 0 || !slip->known[shard]) {
		slip->found[shard] = SHARDS_LOST;
		return;
	}
	slip->found[shard] = SHARDS_BAD;
	if (shards_pread(s->job->from[shard], bytes, s->length, s->at) ==
		    (ssize_t)s->length &&
	    ae_shard_sum(bytes, s->length) == slip->sums[shard]) {
		slip->found[shard] = SHARDS_OK;
		s->good++;
	}
}

/* As many as are needed to compute the lost. 1: there are not so many. */
static int look_for_others(struct stripe *s)
{
	for (uint32_t i = 0; i < s->job->shards && s->good < s->job->file.k;
	     i++)
		if (s->slip->found[i] == SHARDS_UNREAD)
			look(s, i);
	return s->good < s->job->file.k;
}

/* The checksum that a lost stride had, if it is still known, is what was
 * computed again. */
static int confirm(const struct stripe *s, uint32_t shard)
{
	struct shards_slip *slip = s->slip;
	uint64_t sum = ae_shard_sum(stride_of(s, shard), s->length);

	if (slip->known[shard] && slip->sums[shard] != sum)
		return cli_error(
			&slip->error, AETHER_EIO, 0,
			"the shards contradict each other: at byte "
			"%llu shard %u, computed from others, is not "
			"what its checksum is of; somebody has changed "
			"one of them and its checksums.",
			(unsigned long long)s->at, shard);
	slip->sums[shard] = sum;
	return 0;
}

/* A stride of the file, to where it lies in the file. */
static int put_out(const struct stripe *s, uint32_t source)
{
	uint64_t offset;
	uint32_t length = ae_shard_content(&s->job->file, s->parcel->stripe,
					   source, &offset);

	if (s->job->out_streams)
		return 0;
	return shards_pwrite(s->job->out, stride_of(s, source), length, offset,
			     s->job->out_path, &s->slip->error);
}

/* Who writes a stream wants bytes, not bit-planes. */
static void unslice_sources(const struct stripe *s)
{
	const uint32_t *have = s->work->have;

	for (uint32_t i = 0; i < s->job->file.k; i++)
		if (have[i] < s->job->file.k)
			aether_unslice(stride_of(s, have[i]),
				       stride_of(s, have[i]), s->length,
				       AETHER_TILE);
}

/* What was lost, from others, to where it belongs. 1: there are not enough. */
static int rebuild(struct stripe *s,
		   int (*put_it)(const struct stripe *s, uint32_t))
{
	int rc;

	if (look_for_others(s))
		return 1;
	rc = compute(s);
	for (uint32_t i = 0; rc == 0 && i < s->losses; i++) {
		rc = confirm(s, s->lost[i]);
		if (rc == 0)
			rc = put_it(s, s->lost[i]);
	}
	return rc;
}

static int decode(struct stripe *s)
{
	const struct shards_job *job = s->job;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < job->file.k; i++) {
		look(s, i);
		if (s->slip->found[i] == SHARDS_OK)
			rc = put_out(s, i);
		else
			s->lost[s->losses++] = i;
	}
	if (rc < 0 || !s->losses)
		return rc;
	rc = rebuild(s, put_out);
	if (rc == 0 && job->out_streams)
		unslice_sources(s);
	return rc;
}

static int repair(struct stripe *s)
{
	const struct shards_job *job = s->job;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < job->shards; i++) {
		if (job->to[i] < 0)
			continue;
		look(s, i);
		if (s->slip->found[i] == SHARDS_OK)
			rc = put(s, i);
		else
			s->lost[s->losses++] = i;
	}
	return rc < 0 || !s->losses ? rc : rebuild(s, put);
}

static int check(struct stripe *s)
{
	for (uint32_t i = 0; i < s->job->shards; i++)
		look(s, i);
	return 0;
}

uint32_t shards_work_stripe(struct shards_work *work,
			    const struct shards_parcel *parcel, void *bytes)
{
	static int (*const does[])(struct stripe *) = {
		[SHARDS_ENCODE] = encode,
		[SHARDS_DECODE] = decode,
		[SHARDS_REPAIR] = repair,
		[SHARDS_CHECK] = check,
	};
	const struct shards_job *job = work->job;
	struct stripe s = { .job = job,
			    .work = work,
			    .parcel = parcel,
			    .slip = shards_slip_of(job, bytes),
			    .bytes = bytes,
			    .length = parcel->length };
	int rc;

	if (parcel->length > job->file.stride ||
	    parcel->length % AE_SHARD_GRAIN) {
		cli_error(&s.slip->error, AETHER_ECORRUPT, 0,
			  "a stripe that cannot be was given out");
		return SHARDS_FAILED;
	}
	s.at = ae_shard_stride_at(&job->file, parcel->stripe);
	rc = does[job->kind](&s);
	if (rc < 0)
		return SHARDS_FAILED;
	return rc ? SHARDS_SHORT : SHARDS_DONE;
}
