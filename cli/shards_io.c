/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing at places, whole pieces; many files.
 */
#include "shards.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

void shards_allow_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

ssize_t shards_pread(int fd, void *bytes, size_t length, uint64_t offset)
{
	size_t done = 0;
	ssize_t n;

	while (done < length) {
		n = pread(fd, (char *)bytes + done, length - done,
			  (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int shards_pwrite(int fd, const void *bytes, size_t length, uint64_t offset,
		  const char *path, struct aether_error *error)
{
	const char *from = bytes;
	ssize_t n;

	while (length) {
		n = pwrite(fd, from, length, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cli_error_os(error, "cannot write", path);
		from += n;
		offset += (uint64_t)n;
		length -= (size_t)n;
	}
	return 0;
}

int shards_put(const struct shards_job *job, uint32_t shard, const void *bytes,
	       size_t length, uint64_t offset, struct aether_error *error)
{
	char name[AE_SHARD_NAME_SIZE];

	ae_shard_name_make(shard, job->shards, name);
	return shards_pwrite(job->to[shard], bytes, length, offset, name,
			     error);
}
