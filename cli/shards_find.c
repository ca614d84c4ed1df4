/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a directory of shards that was written by whoever. Nothing but
 * regular files is opened for more than a look, no link is followed, and
 * nothing waits: a FIFO under a shard's name is a shard that is missing.
 */
#include "shards.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file's header, if it is a file. Its descriptor, or -1. */
static int examine(struct ae_shard_candidate *c, int directory,
		   const char *name)
{
	uint8_t page[AE_SHARD_PAGE] = { 0 };
	struct stat st;
	ssize_t n;
	int fd = openat(directory, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
				O_CLOEXEC);

	c->state = fd < 0 && errno != ELOOP && errno != ENXIO
			   ? AE_SHARD_IS_UNREADABLE
			   : AE_SHARD_IS_NO_FILE;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -1;
	}
	c->length = (uint64_t)st.st_size;
	n = shards_pread(fd, page, sizeof(page), 0);
	if (n < 0)
		c->state = AE_SHARD_IS_UNREADABLE;
	else if (n < (ssize_t)sizeof(page))
		c->state = AE_SHARD_IS_NO_SHARD;
	else
		c->state = ae_shard_state_of(
			ae_shard_header_read(page, &c->file, &c->number));
	if (c->state == AE_SHARD_IS_GOOD)
		return fd;
	close(fd);
	return -1;
}

static int add(struct shards_found *f, const char *name,
	       struct aether_error *error)
{
	struct ae_shard_candidate c = { .length = 0 };
	uint32_t at = f->count;

	if (!ae_shard_name_read(name, &c.name_number, &c.name_shards))
		return 0;
	if (at == AE_SHARD_CANDIDATES_MAX)
		return cli_error(error, AETHER_EVERIFY, 0,
				 "%s holds more than %u files with names of "
				 "shards; move away those that are not its "
				 "own.",
				 f->path, AE_SHARD_CANDIDATES_MAX);
	f->fds[at] = examine(&c, f->fd, name);
	if (c.state == AE_SHARD_IS_UNREADABLE &&
	    (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return cli_error_os(error, "cannot open all shards in",
				    f->path);
	f->candidates[at] = c;
	f->count++;
	return 0;
}

static int read_all(struct shards_found *f, struct aether_error *error)
{
	int again = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;
	int rc = 0;

	if (!directory)
		return cli_error_os(error, "cannot read the directory",
				    f->path);
	errno = 0;
	while (rc == 0 && (entry = readdir(directory)) != NULL) {
		rc = add(f, entry->d_name, error);
		errno = 0;
	}
	if (rc == 0 && errno)
		rc = cli_error_os(error, "cannot read the directory", f->path);
	closedir(directory);
	return rc;
}

static void show_id(const uint8_t *id, char text[2 * AE_SHARD_ID + 1])
{
	for (uint32_t i = 0; i < AE_SHARD_ID; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
}

static int choose(struct shards_found *f, struct aether_error *error)
{
	char id[2 * AE_SHARD_ID + 1], rival[2 * AE_SHARD_ID + 1];
	struct ae_shard_file other;
	int rc;

	if (!f->count)
		return cli_error(error, AETHER_ENOENT, 0,
				 "there are no shards in %s; name the "
				 "directory that aether encode made.",
				 f->path);
	rc = ae_shard_set_choose(f->candidates, f->count, &f->set, &other);
	if (rc == -1)
		return cli_error(error, AETHER_EVERIFY, 0,
				 "none of the %u shards in %s has a good "
				 "header (the first one is %s); encode the "
				 "file again, or bring back the shards.",
				 f->count, f->path,
				 ae_shard_state_text(f->candidates[0].state));
	if (rc == 0)
		return 0;
	show_id(f->set.file.id, id);
	show_id(other.id, rival);
	return cli_error(error, AETHER_EVERIFY, 0,
			 "%s holds as many shards of the encoding %s as of %s; "
			 "move one of the two away.",
			 f->path, id, rival);
}

int shards_find(struct shards_found *f, const char *path,
		struct aether_error *error)
{
	int rc;

	shards_allow_files();
	memset(f, 0, sizeof(*f));
	f->path = path;
	f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->fd < 0)
		return cli_error_os(error, "cannot open the directory", path);
	f->candidates = calloc(AE_SHARD_CANDIDATES_MAX, sizeof(*f->candidates));
	f->fds = calloc(AE_SHARD_CANDIDATES_MAX, sizeof(*f->fds));
	if (!f->candidates || !f->fds)
		return cli_error(error, AETHER_ENOMEM, 0,
				 "no memory to look at shards");
	rc = read_all(f, error);
	return rc < 0 ? rc : choose(f, error);
}

void shards_find_close(struct shards_found *f)
{
	for (uint32_t i = 0; f->fds && i < f->count; i++)
		if (f->fds[i] >= 0)
			close(f->fds[i]);
	free(f->fds);
	free(f->candidates);
	if (f->fd > STDERR_FILENO)
		close(f->fd);
	memset(f, 0, sizeof(*f));
	f->fd = -1;
}

uint32_t shards_find_from(const struct shards_found *f, struct shards_job *job)
{
	uint32_t sources = 0;
	uint64_t longest = 0;

	job->file = f->set.file;
	job->shards = f->set.shards;
	for (uint32_t i = 0; i < job->shards; i++) {
		uint32_t source = f->set.shard[i].source;

		job->from[i] = source == AE_SHARD_NONE ? -1 : f->fds[source];
		if (job->from[i] < 0)
			continue;
		sources++;
		if (f->candidates[source].length > longest)
			longest = f->candidates[source].length;
	}
	job->last = job->file.stripes;
	if (job->kind == SHARDS_CHECK &&
	    job->last > longest / job->file.stride + 1)
		job->last = longest / job->file.stride + 1;
	return sources;
}

void shards_find_learn(struct shards_found *f, const struct shards_job *job)
{
	for (uint32_t i = 0; i < f->set.shards; i++)
		if (f->set.shard[i].state == AE_SHARD_IS_GOOD && job->bad[i])
			f->set.shard[i].state = AE_SHARD_IS_DAMAGED;
}

static int is_missing(const void *of, uint32_t shard)
{
	const struct ae_shard_set *set = of;

	return set->shard[shard].source == AE_SHARD_NONE &&
	       set->shard[shard].state == AE_SHARD_IS_MISSING;
}

static int is_useless(const void *of, uint32_t shard)
{
	const struct ae_shard_set *set = of;

	return set->shard[shard].source == AE_SHARD_NONE &&
	       set->shard[shard].state != AE_SHARD_IS_MISSING;
}

int shards_find_enough(const struct shards_found *f, struct aether_error *error)
{
	const struct ae_shard_set *set = &f->set;
	char missing[100], useless[100];
	uint32_t none = shards_say_list(missing, sizeof(missing), set->shards,
					is_missing, set);
	uint32_t bad = shards_say_list(useless, sizeof(useless), set->shards,
				       is_useless, set);

	if (none + bad <= set->file.m)
		return 0;
	return cli_error(error, AETHER_EIO, 0,
			 "%u of the %u shards are needed, and %u are there; "
			 "missing: %s; damaged, or no shards of this file: %s; "
			 "bring back %u of them (see aether check).",
			 set->file.k, set->shards, set->shards - none - bad,
			 missing, useless, none + bad - set->file.m);
}
