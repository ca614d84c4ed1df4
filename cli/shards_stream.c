/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that cannot be read or written at places: they are read and written by
 * the orchestrator, in order. The strides of a stream that is encoded are in
 * their shards before a worker sees them, so that a stripe can be done again
 * without reading the stream twice.
 */
#include "shards.h"
#include "stop.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int shards_stream_stopped(struct aether_error *error)
{
	if (!cli_stop_signal())
		return 0;
	return cli_error(error, AETHER_EINTR, 0, "ended by a signal");
}

/* A call has said no: 0, it was interrupted for nothing. */
static int refused(const char *what, const char *path,
		   struct aether_error *error)
{
	if (errno == EINTR)
		return shards_stream_stopped(error);
	return cli_error_os(error, what, path);
}

/* Reads until so much is there or the stream ends. */
static int64_t read_all(const struct shards_job *job, uint8_t *bytes,
			size_t length, struct aether_error *error)
{
	size_t done = 0;
	ssize_t n;

	while (done < length) {
		n = read(job->in, bytes + done, length - done);
		if (n < 0 && refused("cannot read", job->in_path, error) < 0)
			return error->code;
		if (n == 0)
			break;
		done += n < 0 ? 0 : (size_t)n;
	}
	return (int64_t)done;
}

int shards_stream_read(struct shards_job *job, uint8_t *bytes,
		       struct aether_error *error)
{
	struct ae_shard_file *file = &job->file;
	size_t whole = (size_t)file->k * file->stride;
	int64_t n = read_all(job, bytes, whole, error);
	uint64_t stripe = job->given;
	uint32_t length;
	int rc = 0;

	if (n < 0)
		return (int)n;
	job->ended = (size_t)n < whole;
	if (!n)
		return 1;
	if (ae_shard_file_set(file, file->size + (uint64_t)n) < 0)
		return cli_error(error, AETHER_ENOSPC, 0,
				 "the input %s is longer than shards can hold.",
				 job->in_path);
	length = ae_shard_stride_length(file, stripe);
	memset(bytes + n, 0, (size_t)length * file->k - (size_t)n);
	for (uint32_t i = 0; rc == 0 && i < file->k; i++)
		rc = shards_put(job, i, bytes + (size_t)i * length, length,
				ae_shard_stride_at(file, stripe), error);
	return rc;
}

int shards_stream_write(const struct shards_job *job, const uint8_t *bytes,
			uint64_t stripe, struct aether_error *error)
{
	const struct ae_shard_file *file = &job->file;
	size_t left = (size_t)file->k * ae_shard_stride_length(file, stripe);
	uint64_t offset = stripe * file->k * file->stride;
	ssize_t n;

	if (file->size - offset < left)
		left = (size_t)(file->size - offset);
	while (left) {
		n = write(job->out, bytes, left);
		if (n < 0 && refused("cannot write", job->out_path, error) < 0)
			return error->code;
		bytes += n < 0 ? 0 : n;
		left -= n < 0 ? 0 : (size_t)n;
	}
	return 0;
}
