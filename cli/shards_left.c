/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verbs that were killed have left: hidden directories of shards, and
 * hidden shards in one. Who makes them holds a lock on each, which ends with
 * him and his workers; what nobody has locked is of no use. It is named, and
 * left to whoever may remove it.
 */
#include "shards.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

void shards_left_mine(int fd)
{
	flock(fd, LOCK_EX | LOCK_NB); /* some file systems know none */
}

/* ".aether-PID-RANDOM" and nothing, or "-shard-NNN". */
static int is_ours(const char *name, int shard)
{
	static const char digits[] = "0123456789", head[] = ".aether-";
	size_t length = sizeof(head) - 1, number;

	if (strncmp(name, head, length) != 0)
		return 0;
	name += length;
	length = strspn(name, digits);
	if (!length || name[length] != '-')
		return 0;
	name += length + 1;
	if (strspn(name, "0123456789abcdef") != 16)
		return 0;
	name += 16;
	if (!shard)
		return !*name;
	if (strncmp(name, "-shard-", 7) != 0)
		return 0;
	number = strspn(name + 7, digits);
	return number == 3 && !name[7 + number];
}

static int has_files(int directory)
{
	int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;
	int found = 0;

	if (!all && again >= 0)
		close(again);
	while (all && !found && (entry = readdir(all)) != NULL)
		found = entry->d_name[0] != '.';
	if (all)
		closedir(all);
	return found;
}

/* It can be locked, so nobody has it any more. What is still empty may be about
 * to be locked by its maker: that is not touched. */
static int is_left(int directory, const char *name, int shard)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(directory, name, flags | (shard ? 0 : O_DIRECTORY));
	struct stat st;
	int left;

	if (fd < 0)
		return 0;
	left = shard ? fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size
		     : has_files(fd);
	left = left && flock(fd, LOCK_EX | LOCK_NB) == 0;
	close(fd);
	return left;
}

void shards_left_say(const char *verb, int directory, const char *path,
		     int shard)
{
	int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;
	char first[NAME_MAX + 1];
	unsigned count = 0;

	while (all && (entry = readdir(all)) != NULL) {
		if (!is_ours(entry->d_name, shard) ||
		    !is_left(directory, entry->d_name, shard))
			continue;
		if (!count++)
			snprintf(first, sizeof(first), "%s", entry->d_name);
	}
	if (all)
		closedir(all);
	else if (again >= 0)
		close(again);
	if (count == 1)
		fprintf(stderr,
			"aether %s: %s %s %s was left by one that was killed; "
			"remove it.\n",
			verb, first, shard ? "in" : "beside", path);
	if (count > 1)
		fprintf(stderr,
			"aether %s: %s and %u more %s %s were left by some "
			"that were killed; remove them.\n",
			verb, first, count - 1, shard ? "in" : "beside", path);
}
