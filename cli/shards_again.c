/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shards that are made again, each whole, under a hidden name in their
 * directory. When all of them are on the disk they replace the old ones, one
 * after the other, in an order in which nothing is lost wherever it ends.
 */
#include "shards.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ".aether-PID-RANDOM-shard-003" */
static void hide(uint32_t shard, char name[SHARDS_HIDDEN_SIZE])
{
	size_t length;

	shards_hide(name);
	length = strlen(name);
	snprintf(name + length, SHARDS_HIDDEN_SIZE - length, "-shard-%03u",
		 shard);
}

/* What a new file looks like: the file that it replaces, or else any shard
 * that is read. -1: there is none. */
static int find_model(const struct shards_found *found, uint32_t shard,
		      struct stat *model)
{
	char name[AE_SHARD_NAME_SIZE];

	ae_shard_name_make(shard, found->set.shards, name);
	if (fstatat(found->fd, name, model, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(model->st_mode))
		return 0;
	for (uint32_t i = 0; i < found->set.shards; i++) {
		uint32_t source = found->set.shard[i].source;

		if (source != AE_SHARD_NONE)
			return fstat(found->fds[source], model);
	}
	return -1;
}

/* Who repairs shards, perhaps root, must not thereby show them to others. */
static int look_like(int fd, const struct stat *model)
{
	if (fchown(fd, model->st_uid, model->st_gid) < 0 && errno != EPERM)
		return -1;
	return fchmod(fd, model->st_mode & 0777);
}

/* A directory cannot be replaced: that is to be said before the work. */
static int refuse_directory(const struct shards_found *found, uint32_t shard,
			    struct aether_error *error)
{
	char name[AE_SHARD_NAME_SIZE];
	struct stat st;

	ae_shard_name_make(shard, found->set.shards, name);
	if (fstatat(found->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISDIR(st.st_mode))
		return 0;
	return cli_error(error, AETHER_EIO, 0,
			 "%s in %s is a directory, in the place of a shard; "
			 "move it away.",
			 name, found->path);
}

static int make(const struct shards_found *found, struct shards_job *job,
		uint32_t shard, struct aether_error *error)
{
	char name[SHARDS_HIDDEN_SIZE];
	struct stat model;

	hide(shard, name);
	job->to[shard] = openat(
		found->fd, name,
		O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (job->to[shard] < 0 || find_model(found, shard, &model) < 0 ||
	    look_like(job->to[shard], &model) < 0)
		return cli_error_os(error, "cannot make a file in",
				    found->path);
	shards_left_mine(job->to[shard]);
	return 0;
}

int shards_again_open(const struct shards_found *found, struct shards_job *job,
		      struct aether_error *error)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < job->shards; i++)
		if (found->set.shard[i].state != AE_SHARD_IS_GOOD)
			rc = refuse_directory(found, i, error);
	for (uint32_t i = 0; rc == 0 && i < job->shards; i++)
		if (found->set.shard[i].state != AE_SHARD_IS_GOOD)
			rc = make(found, job, i, error);
	return rc;
}

int shards_again_commit(const struct shards_found *found,
			struct shards_job *job, int sync,
			struct aether_error *error)
{
	char hidden[SHARDS_HIDDEN_SIZE], name[AE_SHARD_NAME_SIZE];
	uint32_t order[AE_SHARDS_MAX], count;
	int rc = shards_head(job, sync, error);

	count = ae_shard_set_order(&found->set, found->candidates, order);
	for (uint32_t i = 0; rc == 0 && i < count; i++) {
		hide(order[i], hidden);
		ae_shard_name_make(order[i], job->shards, name);
		if (renameat(found->fd, hidden, found->fd, name) < 0)
			rc = cli_error_os(error, "cannot replace", name);
	}
	if (rc == 0 && sync && fsync(found->fd) < 0)
		rc = cli_error_os(error, "cannot finish", found->path);
	return rc;
}

void shards_again_close(const struct shards_found *found,
			struct shards_job *job)
{
	char name[SHARDS_HIDDEN_SIZE];

	for (uint32_t i = 0; i < job->shards; i++) {
		if (job->to[i] < 0)
			continue;
		hide(i, name);
		unlinkat(found->fd, name, 0); /* renamed: it is not there */
		close(job->to[i]);
		job->to[i] = -1;
	}
}
