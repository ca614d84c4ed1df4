/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of shards that is being made. It is built under a hidden name
 * beside its own; its headers are written last, when all else is on the disk,
 * and then it gets its name in one step. So whatever is killed when, under its
 * name there is either nothing or all of it.
 */
#include "shards.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

void shards_hide(char name[SHARDS_HIDDEN_SIZE])
{
	static uint64_t random; /* PIDs are not unique: other machines, and
				   containers, write the same directory */

	if (!random && getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = aether_clock_now();
	snprintf(name, SHARDS_HIDDEN_SIZE, ".aether-%ld-%016llx",
		 (long)getpid(), (unsigned long long)random);
}

/* 1: it has nothing in it; negative: errno says why that is not known. */
static int is_empty(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int found = 0;

	if (!directory)
		return -1;
	while (!found && (entry = readdir(directory)) != NULL)
		found = strcmp(entry->d_name, ".") != 0 &&
			strcmp(entry->d_name, "..") != 0;
	closedir(directory);
	return !found;
}

/* Is another file system there than above it? */
static int is_mounted(const char *path, const struct stat *st)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat above;
	int differs = fd >= 0 && fstatat(fd, "..", &above, 0) == 0 &&
		      above.st_dev != st->st_dev;

	if (fd >= 0)
		close(fd);
	return differs;
}

/* What is there already must be an empty directory, and stays one until it is
 * replaced. */
static int take_existing(struct shards_new *new, const struct stat *st,
			 struct aether_error *error)
{
	struct stat here;
	int empty;

	if (!S_ISDIR(st->st_mode))
		return cli_error(error, AETHER_EEXIST, 0,
				 "the output %s is there and no directory; "
				 "name another.",
				 new->path);
	if (stat(".", &here) == 0 && here.st_dev == st->st_dev &&
	    here.st_ino == st->st_ino)
		return cli_error(error, AETHER_EEXIST, 0,
				 "the output %s is the current directory, "
				 "which cannot be replaced; name another.",
				 new->path);
	empty = is_empty(new->path);
	if (empty < 0)
		return cli_error_os(error, "cannot look into", new->path);
	if (!empty)
		return cli_error(error, AETHER_EEXIST, 0,
				 "the output %s is there and not empty; name "
				 "another directory.",
				 new->path);
	new->mode = st->st_mode & 07777;
	new->target = realpath(new->path, NULL);
	if (!new->target)
		return cli_error_os(error, "cannot find", new->path);
	if (!is_mounted(new->target, st))
		return 0;
	return cli_error(error, AETHER_EEXIST, 0,
			 "the output %s is a mounted file system, which cannot "
			 "be replaced; name a directory in it.",
			 new->path);
}

/* Where it will be. */
static int find_target(struct shards_new *new, struct aether_error *error)
{
	struct stat st;
	size_t length;
	mode_t mask;
	char link;

	if (!new->path[0])
		return cli_error(error, AETHER_ENOENT, 0,
				 "the output has no name; name a directory.");
	if (stat(new->path, &st) == 0)
		return take_existing(new, &st, error);
	if (errno != ENOENT)
		return cli_error_os(error, "cannot write the output",
				    new->path);
	if (readlink(new->path, &link, 1) >= 0)
		return cli_error(error, AETHER_EEXIST, 0,
				 "the output %s is a link to what is not "
				 "there; name another.",
				 new->path);
	mask = umask(0);
	umask(mask);
	new->mode = 0777 & ~mask;
	new->target = strdup(new->path);
	if (!new->target)
		return cli_error(error, AETHER_ENOMEM, 0, "no memory");
	length = strlen(new->target);
	while (length > 1 && new->target[length - 1] == '/')
		new->target[--length] = '\0';
	return 0;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The directory that it will be in, and the hidden one there. */
static int make_hidden(struct shards_new *new, struct aether_error *error)
{
	const char *name = last_part(new->target);
	char *parent = strndup(new->target, (size_t)(name - new->target));
	char hidden[SHARDS_HIDDEN_SIZE];
	int rc = 0;

	shards_hide(hidden);
	new->parent = parent ? open(parent[0] ? parent : ".",
				    O_RDONLY | O_DIRECTORY | O_CLOEXEC)
			     : -1;
	if (new->parent < 0 || mkdirat(new->parent, hidden, 0700) < 0)
		rc = cli_error_os(error, "cannot make a directory beside",
				  new->path);
	free(parent);
	if (rc < 0)
		return rc;
	new->temporary = strdup(hidden);
	new->fd = openat(new->parent, hidden,
			 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (!new->temporary || new->fd < 0)
		return cli_error_os(error, "cannot open the directory beside",
				    new->path);
	shards_left_mine(new->fd);
	shards_left_say("encode", new->parent, new->path, 0);
	return 0;
}

int shards_new_open(struct shards_new *new, const char *path,
		    struct shards_job *job, struct aether_error *error)
{
	char name[AE_SHARD_NAME_SIZE];
	int rc;

	shards_allow_files();
	new->path = path;
	new->fd = new->parent = -1;
	rc = find_target(new, error);
	if (rc == 0)
		rc = make_hidden(new, error);
	for (uint32_t i = 0; rc == 0 && i < job->shards; i++) {
		ae_shard_name_make(i, job->shards, name);
		job->to[i] = openat(new->fd, name,
				    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
				    new->shard_mode);
		/* a hole where the header will be: it says "unfinished" */
		if (job->to[i] < 0 || ftruncate(job->to[i], AE_SHARD_PAGE) < 0)
			rc = cli_error_os(error, "cannot make", name);
	}
	return rc;
}

/* What was written to the shards is on the disk. */
static int sync_shards(const struct shards_job *job, struct aether_error *error)
{
	char name[AE_SHARD_NAME_SIZE];

	for (uint32_t i = 0; i < job->shards; i++) {
		if (job->to[i] < 0 || fsync(job->to[i]) == 0)
			continue;
		ae_shard_name_make(i, job->shards, name);
		return cli_error_os(error, "cannot write", name);
	}
	return 0;
}

int shards_head(const struct shards_job *job, int sync,
		struct aether_error *error)
{
	uint8_t page[AE_SHARD_PAGE];
	int rc = sync ? sync_shards(job, error) : 0;

	for (uint32_t i = 0; rc == 0 && i < job->shards; i++) {
		if (job->to[i] < 0)
			continue;
		ae_shard_header_make(&job->file, i, page);
		rc = shards_put(job, i, page, sizeof(page), 0, error);
	}
	return rc == 0 && sync ? sync_shards(job, error) : rc;
}

/* Some file systems tell only at close that there was no room. */
static int close_shards(struct shards_job *job, struct aether_error *error)
{
	char name[AE_SHARD_NAME_SIZE];
	int rc = 0;

	for (uint32_t i = 0; i < job->shards; i++) {
		if (job->to[i] >= 0 && close(job->to[i]) < 0 && rc == 0) {
			ae_shard_name_make(i, job->shards, name);
			rc = cli_error_os(error, "cannot write", name);
		}
		job->to[i] = -1;
	}
	return rc;
}

int shards_new_commit(struct shards_new *new, struct shards_job *job,
		      struct aether_error *error)
{
	int rc = shards_head(job, new->sync, error);

	if (rc == 0)
		rc = close_shards(job, error);
	if (rc < 0)
		return rc;
	if (fchmod(new->fd, new->mode) < 0 ||
	    (new->sync &&fsync(new->fd) < 0) ||
	    renameat(new->parent, new->temporary, new->parent,
		     last_part(new->target)) < 0)
		return cli_error_os(error, "cannot finish", new->path);
	free(new->temporary);
	new->temporary = NULL;
	if (new->sync && fsync(new->parent) < 0)
		return cli_error_os(error, "cannot finish", new->path);
	return 0;
}

void shards_new_close(struct shards_new *new, struct shards_job *job)
{
	char name[AE_SHARD_NAME_SIZE];

	close_shards(job, NULL);
	for (uint32_t i = 0; new->temporary &&i < job->shards; i++) {
		ae_shard_name_make(i, job->shards, name);
		unlinkat(new->fd, name, 0);
	}
	if (new->fd >= 0)
		close(new->fd);
	if (new->temporary)
		unlinkat(new->parent, new->temporary, AT_REMOVEDIR);
	if (new->parent >= 0)
		close(new->parent);
	free(new->temporary);
	free(new->target);
	memset(new, 0, sizeof(*new));
	new->fd = new->parent = -1;
}
