/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of planes and where they lie: AETHER_DIR/aether.NAME. Names are
 * checked here before they become part of a path.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "posix.h"

const char *ae_posix_directory(void)
{
	const char *directory = secure_getenv("AETHER_DIR");

	return directory && *directory ? directory : "/dev/shm";
}

int ae_posix_is_name(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz_"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	if (!*name || !strchr(first, *name))
		return 0;
	for (; *name; name++)
		if (!strchr(first, *name) && *name != '.' && *name != '-')
			return 0;
	return 1;
}

/* A name for a message: short, and nothing that a terminal would act on. */
static const char *shown(const char *name, char text[48])
{
	size_t i = 0;

	for (; i < 40 && name[i]; i++)
		text[i] = isprint((unsigned char)name[i]) ? name[i] : '?';
	strcpy(text + i, name[i] ? "..." : "");
	return text;
}

static int check(const char *name, struct aether_error *error)
{
	size_t length = name ? strlen(name) : 0;
	char text[48];

	if (!length)
		return aether_error_fill(error, AETHER_ENAME, 0,
					 "the plane's name is empty");
	if (length > AETHER_PLANE_NAME_MAX)
		return aether_error_fill(
			error, AETHER_ENAME, 0,
			"plane name '%s' has %zu characters, at most %d are "
			"allowed",
			shown(name, text), length, AETHER_PLANE_NAME_MAX);
	if (!ae_posix_is_name(name))
		return aether_error_fill(
			error, AETHER_ENAME, 0,
			"plane name '%s' has a character that is not allowed",
			shown(name, text));
	return 0;
}

int ae_posix_path(const char *name, char path[AE_POSIX_PATH],
		  struct aether_error *error)
{
	int err = check(name, error);
	int n;

	if (err < 0)
		return err;
	n = snprintf(path, AE_POSIX_PATH, "%s/" AE_POSIX_PREFIX "%s",
		     ae_posix_directory(), name);
	if (n >= AE_POSIX_PATH)
		return aether_error_fill(
			error, AETHER_ENAME, 0,
			"the directory in AETHER_DIR is too long");
	return 0;
}

/* `fd` is the file that has the name. */
static int destroy(const char *name, const char *path, int fd,
		   struct aether_error *error)
{
	struct stat st;
	int os;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		ae_posix_files_sweep(name, 0);
		return aether_error_fill(error, AETHER_ENOENT, 0,
					 "there is no plane '%s' in %s", name,
					 ae_posix_directory());
	}
	if (unlink(path) < 0) {
		os = errno;
		return aether_error_fill(error, ae_posix_code(os), os,
					 "cannot destroy plane '%s'", name);
	}
	ae_posix_files_sweep(name, st.st_ino);
	return 0;
}

int aether_plane_destroy(const char *name, struct aether_error *error)
{
	char path[AE_POSIX_PATH];
	int err = ae_posix_path(name, path, error);
	struct stat st;
	int fd, os;

	if (err < 0)
		return err;
	/* open until the end: no other plane's file has its inode so long */
	fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	os = errno;
	if (fd < 0 && os != ENOENT && os != ENOTDIR &&
	    (lstat(path, &st) == 0 || errno != ENOENT))
		return aether_error_fill(error, ae_posix_code(os), os,
					 "cannot destroy plane '%s'", name);
	err = destroy(name, path, fd, error);
	if (fd >= 0)
		close(fd);
	return err;
}

int aether_plane_list(int (*each)(const char *name, void *user), void *user)
{
	const size_t prefix = strlen(AE_POSIX_PREFIX);
	DIR *directory = opendir(ae_posix_directory());
	struct dirent *entry;
	int result = 0;

	if (!directory)
		return ae_posix_code(errno);
	while (!result && (entry = readdir(directory))) {
		const char *name = entry->d_name + prefix;

		if (strncmp(entry->d_name, AE_POSIX_PREFIX, prefix) == 0 &&
		    check(name, NULL) == 0)
			result = each(name, user);
	}
	closedir(directory);
	return result;
}
