/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder in memory. Other people may write to where it lies: nothing is
 * followed that is not a folder of one's own.
 */
#include "place.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define PREFIX "aether-bench."
#define BLOCK ((size_t)1 << 20)
#define TRIES 3
#define SLACK ((uint64_t)64 << 20) /* left free, and for planes */

static char folder[BENCH_PATH_MAX / 2];
static int lock = -1; /* held open and locked while the folder is ours */

/* $TMPDIR if it is in memory, else /dev/shm; NULL: neither is. */
static const char *memory_folder(void)
{
	const char *places[] = { getenv("TMPDIR"), "/dev/shm" };
	struct statfs fs;

	for (int i = 0; i < 2; i++) {
		if (places[i] && strlen(places[i]) < sizeof(folder) - 32 &&
		    statfs(places[i], &fs) == 0 && fs.f_type == TMPFS_MAGIC)
			return places[i];
	}
	return NULL;
}

/* Removes a folder of plain files; `fd` is the folder. */
static void empty(int fd, const char *path)
{
	DIR *dir = fdopendir(dup(fd));
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(fd, entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(path);
}

/* A descriptor of the folder, locked; negative: not ours, or somebody has it
 * locked. */
static int lock_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
	    flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void remove_stale(const char *base)
{
	char path[sizeof(folder) + NAME_MAX];
	DIR *dir = opendir(base);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		int fd = -1;

		snprintf(path, sizeof(path), "%s/%s", base, entry->d_name);
		if (!strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			fd = lock_folder(path);
		if (fd < 0)
			continue;
		empty(fd, path);
		close(fd);
	}
	if (dir)
		closedir(dir);
}

/* Another bench may take the new folder for a stale one before it is locked;
 * then it is gone. */
static void make_folder(const char *base)
{
	struct stat st;

	snprintf(folder, sizeof(folder), "%s/" PREFIX "XXXXXX", base);
	if (!mkdtemp(folder)) {
		folder[0] = '\0';
		return;
	}
	lock = lock_folder(folder);
	if (lock < 0 || fstat(lock, &st) < 0 || st.st_nlink == 0)
		bench_place_close();
}

int bench_place_open(void)
{
	const char *base = memory_folder();

	if (lock >= 0)
		return 0;
	if (!base)
		return AETHER_ENOENT;
	remove_stale(base);
	for (int i = 0; lock < 0 && i < TRIES; i++)
		make_folder(base);
	return lock < 0 ? AETHER_EACCES : 0;
}

void bench_place_close(void)
{
	if (lock >= 0) {
		empty(lock, folder);
		close(lock);
	} else if (folder[0]) {
		rmdir(folder);
	}
	lock = -1;
	folder[0] = '\0';
}

/* A number in a file, times `unit`, after `key` at the start of a line; all
 * ones if it is not there. */
static uint64_t number_in(const char *path, const char *key, uint64_t unit)
{
	FILE *file = fopen(path, "r");
	uint64_t found = UINT64_MAX, n;
	char line[128];

	while (file && found == UINT64_MAX && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, key, strlen(key)) &&
		    sscanf(line + strlen(key), "%" SCNu64, &n) == 1)
			found = n * unit;
	}
	if (file)
		fclose(file);
	return found;
}

/* Bytes of memory that can still be had: of the machine, of the group. */
static uint64_t memory_left(void)
{
	uint64_t left = number_in("/proc/meminfo", "MemAvailable:", 1024);
	uint64_t most = number_in("/sys/fs/cgroup/memory.max", "", 1);
	uint64_t used = number_in("/sys/fs/cgroup/memory.current", "", 1);

	if (most != UINT64_MAX && used <= most && most - used < left)
		left = most - used;
	return left;
}

int bench_place_room(struct bench_row *row, uint64_t bytes)
{
	struct statfs fs;
	uint64_t left;

	if (lock < 0)
		return bench_skip(row, "neither TMPDIR nor /dev/shm is a tmpfs "
				       "where a folder can be made");
	if (statfs(folder, &fs) < 0)
		return bench_fail(folder, AETHER_ESYS);
	left = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
	if (memory_left() < left)
		left = memory_left();
	if (left >= bytes + SLACK)
		return 0;
	return bench_skip(row,
			  "%" PRIu64
			  " MiB of memory free for files in %s, %" PRIu64
			  " wanted",
			  left >> 20, folder, (bytes + SLACK) >> 20);
}

void bench_place_path(char path[BENCH_PATH_MAX], const char *name)
{
	snprintf(path, BENCH_PATH_MAX, "%s/%s", folder, name);
}

/* Fills with numbers of which none is like another (splitmix64). */
static void scramble(uint64_t *words, size_t count, uint64_t *seed)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t x = *seed += 0x9E3779B97F4A7C15;

		x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
		x = (x ^ x >> 27) * 0x94D049BB133111EB;
		words[i] = x ^ x >> 31;
	}
}

static int write_input(const char *path, uint64_t bytes)
{
	static uint64_t block[BLOCK / sizeof(uint64_t)];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint64_t seed = bytes, left = bytes;

	while (fd >= 0 && left) {
		size_t size = left < BLOCK ? (size_t)left : BLOCK;

		scramble(block, BLOCK / sizeof(uint64_t), &seed);
		if (write(fd, block, size) != (ssize_t)size)
			break;
		left -= size;
	}
	if (fd >= 0)
		close(fd);
	return left ? bench_fail(path, AETHER_ENOSPC) : 0;
}

int bench_place_input(struct bench_row *row, uint64_t bytes, uint64_t more,
		      char path[BENCH_PATH_MAX])
{
	char name[32];
	struct stat st;
	int there, err;

	snprintf(name, sizeof(name), "in-%" PRIu64 "M", bytes >> 20);
	bench_place_path(path, name);
	there = stat(path, &st) == 0 && (uint64_t)st.st_size == bytes;
	err = bench_place_room(row, there ? more : more + bytes);
	return err || there ? err : write_input(path, bytes);
}
