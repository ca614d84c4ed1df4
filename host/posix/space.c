/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is there memory for a plane? Asked before any is taken: a control group
 * kills, it does not refuse, and a machine without memory kills somebody. What
 * limits is named. Control groups of version 2 only; the old ones are not
 * looked at.
 */
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include "posix.h"

#define GROUP_SIZE 256
#define ULL(number) ((unsigned long long)(number))

/* The sum of the numbers that follow these words in a file of lines; a word
 * that is empty stands for a file of one number. UINT64_MAX: none is there. */
static uint64_t numbers_in(const char *path, const char *one, const char *two)
{
	FILE *from = fopen(path, "re");
	unsigned long long n, sum = 0;
	char line[160], word[96];
	int found = 0;

	if (!from)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), from)) {
		if (!*one && sscanf(line, "%llu", &n) == 1) {
			sum = n;
			found = 1;
		} else if (sscanf(line, "%95s %llu", word, &n) == 2 &&
			   (!strcmp(word, one) || !strcmp(word, two))) {
			sum += n;
			found = 1;
		}
	}
	fclose(from);
	return found ? sum : UINT64_MAX;
}

static uint64_t group_number(const char *group, const char *file,
			     const char *one, const char *two)
{
	char path[GROUP_SIZE + 64];

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", group, file);
	return numbers_in(path, one, two);
}

/* What a group leaves; file pages that can be dropped do not count as used. */
static uint64_t group_leaves(const char *group)
{
	uint64_t limit = group_number(group, "memory.max", "", "");
	uint64_t used = group_number(group, "memory.current", "", "");
	uint64_t files = group_number(group, "memory.stat", "inactive_file",
				      "active_file");

	if (limit == UINT64_MAX || used == UINT64_MAX)
		return UINT64_MAX;
	if (files != UINT64_MAX)
		used -= files < used ? files : used;
	return used < limit ? limit - used : 0;
}

/* My control group and those above it: the least that one of them leaves. */
static uint64_t groups_leave(char group[GROUP_SIZE])
{
	FILE *from = fopen("/proc/self/cgroup", "re");
	char at[GROUP_SIZE] = "";
	uint64_t least = UINT64_MAX;
	char *slash;

	if (from && fscanf(from, "0::%255[^\n]", at) != 1)
		at[0] = 0;
	if (from)
		fclose(from);
	do {
		uint64_t leaves = group_leaves(at);

		if (leaves < least) {
			least = leaves;
			memcpy(group, at, GROUP_SIZE);
		}
		slash = strrchr(at, '/');
		if (slash)
			*slash = 0;
	} while (slash);
	return least;
}

int ae_posix_space(uint64_t want, int fd, struct aether_error *error)
{
	char group[GROUP_SIZE] = "";
	uint64_t leaves = groups_leave(group);
	struct statvfs fs;

	if (want > leaves)
		return aether_error_fill(
			error, AETHER_ENOSPC, 0,
			"the plane needs %llu bytes, the limit of the control "
			"group %s (memory.max) leaves %llu",
			ULL(want), *group ? group : "/", ULL(leaves));
	leaves = numbers_in("/proc/meminfo", "MemAvailable:", "SwapFree:");
	if (leaves < UINT64_MAX / 1024 && want > leaves * 1024)
		return aether_error_fill(
			error, AETHER_ENOSPC, 0,
			"the plane needs %llu bytes, the machine has %llu "
			"available (MemAvailable and SwapFree)",
			ULL(want), ULL(leaves * 1024));
	/* a shared-memory file system without a limit says that it has 0 */
	if (fd < 0 || fstatvfs(fd, &fs) < 0 || !fs.f_blocks)
		return 0;
	if (ULL(fs.f_bavail) * fs.f_frsize < want)
		return aether_error_fill(
			error, AETHER_ENOSPC, 0,
			"the plane needs %llu bytes, the file system at %s has "
			"%llu free",
			ULL(want), ae_posix_directory(),
			ULL(fs.f_bavail) * fs.f_frsize);
	return 0;
}
