/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a named plane's segments: aether..NAME@ID.leases.N and .data.N,
 * beside the plane's own. No plane's name begins with a dot or has an '@', so
 * they are no planes of anybody's. ID is the inode of the plane's own file: the
 * files of two planes that had the same name one after the other are never
 * mixed up, and nobody who may write that file can say that it has others. It
 * is named last and goes first: files whose ID it does not have are left over,
 * unless their creator still works, which holds a lock on each until it is
 * done.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "posix.h"

#define ID_DIGITS 16

void ae_posix_segment_path(const char *name, uint64_t id,
			   const struct ae_posix_object *object,
			   char path[AE_POSIX_FILE])
{
	snprintf(path, AE_POSIX_FILE,
		 "%s/" AE_POSIX_PREFIX ".%s@%016" PRIx64 ".%s.%u",
		 ae_posix_directory(), name, id,
		 object->kind == AE_POSIX_LEASES ? "leases" : "data",
		 object->segment);
}

/* What is asked for of an object: O_RDWR, O_RDONLY, or -1, nothing. */
static int wanted(const struct aether_attach_options *options,
		  const struct ae_posix_object *object)
{
	uint64_t bit = UINT64_C(1) << object->segment;
	int is_data = object->kind == AE_POSIX_DATA;

	if (options->hidden & bit || (is_data && options->no_data & bit))
		return -1;
	if (options->flags & AETHER_ATTACH_OBSERVE ||
	    (is_data && options->read_only & bit))
		return O_RDONLY;
	return O_RDWR;
}

/* -1: I may not; -2: it cannot be opened, and errno says why. Leases are of no
 * use to a participant that may not write them. */
static int open_one(const char *path, const struct ae_posix_object *object,
		    int mode)
{
	const int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	int fd = open(path, mode | flags);

	if (fd < 0 && mode == O_RDWR && object->kind == AE_POSIX_DATA &&
	    (errno == EACCES || errno == EPERM || errno == EROFS))
		fd = open(path, O_RDONLY | flags);
	if (fd >= 0)
		return fd;
	return errno == EACCES || errno == EPERM || errno == EROFS ? -1 : -2;
}

/* Without this file the plane is damaged, or it was destroyed just now. */
static int refuse_missing(const char *name,
			  const struct aether_plane_objects *objects,
			  const struct ae_posix_object *object,
			  struct aether_error *error)
{
	char path[AE_POSIX_PATH], text[40];
	struct stat now, mine;

	if (ae_posix_path(name, path, NULL) < 0 || lstat(path, &now) < 0 ||
	    fstat(objects->control, &mine) < 0 || now.st_ino != mine.st_ino)
		return aether_error_fill(error, AETHER_ENOENT, 0,
					 "there is no plane '%s' in %s", name,
					 ae_posix_directory());
	return aether_error_fill(error, AETHER_ECORRUPT, 0,
				 "the file of the %s of plane '%s' is missing",
				 ae_posix_object_text(object, text), name);
}

/* Where others may take names away they may also give them: it must be the same
 * user's as control is, whose file is `first`, or root's. */
static int check_maker(const char *name, const struct stat *first,
		       const struct ae_posix_object *o,
		       struct aether_error *error)
{
	struct stat st;
	char text[40];

	if (fstat(*o->fd, &st) < 0)
		return aether_error_fill(error, AETHER_ESYS, errno,
					 "cannot look at the files of '%s'",
					 name);
	if (st.st_uid && st.st_uid != first->st_uid)
		return aether_error_fill(error, AETHER_ECORRUPT, 0,
					 "the file of the %s of plane '%s' "
					 "belongs to user %u, the plane to %u",
					 ae_posix_object_text(o, text), name,
					 st.st_uid, first->st_uid);
	return 0;
}

int ae_posix_files_open(const char *name,
			const struct aether_geometry *geometry,
			const struct aether_attach_options *options,
			struct aether_plane_objects *objects,
			struct aether_error *error)
{
	char path[AE_POSIX_FILE], text[40];
	struct stat first;

	if (fstat(objects->control, &first) < 0)
		return aether_error_fill(error, AETHER_ESYS, errno,
					 "cannot look at the file of '%s'",
					 name);
	for (uint32_t i = 1; i < ae_posix_object_count(geometry); i++) {
		struct ae_posix_object o = ae_posix_object(geometry, objects,
							   i);
		int mode = wanted(options, &o);
		int fd, err;

		if (mode < 0)
			continue;
		ae_posix_segment_path(name, first.st_ino, &o, path);
		fd = open_one(path, &o, mode);
		if (fd == -2 && errno == ENOENT)
			return refuse_missing(name, objects, &o, error);
		if (fd == -2)
			return aether_error_fill(
				error, ae_posix_code(errno), errno,
				"cannot open the %s of plane '%s'",
				ae_posix_object_text(&o, text), name);
		*o.fd = fd;
		err = fd < 0 ? 0 : check_maker(name, &first, &o, error);
		if (err < 0)
			return err;
	}
	return 0;
}

/* Has the plane of that name that ID? Also 1 if it cannot be known. */
static int is_of_plane(const char *name, uint64_t id)
{
	char path[AE_POSIX_PATH];
	struct stat st;

	if (ae_posix_path(name, path, NULL) < 0)
		return 1;
	if (lstat(path, &st) < 0)
		return errno != ENOENT;
	return st.st_ino == id;
}

/* Its creator has ended, and its plane, if it ever was one, is gone. The lock
 * first: a creator names the plane before it lets go. */
static int is_left_over(const char *path, const char *name, uint64_t id)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int left;

	if (fd < 0)
		return 0;
	left = flock(fd, LOCK_EX | LOCK_NB) == 0 && !is_of_plane(name, id);
	close(fd);
	return left;
}

/* The ID of a segment's file of a plane of that name. 1: it is one. */
static int read_id(const char *file, const char *name, uint64_t *id)
{
	const size_t prefix = strlen(AE_POSIX_PREFIX ".");
	size_t length = strlen(name);
	char *end;

	if (strncmp(file, AE_POSIX_PREFIX ".", prefix) != 0 ||
	    strncmp(file + prefix, name, length) != 0 ||
	    file[prefix + length] != '@')
		return 0;
	file += prefix + length + 1;
	*id = strtoull(file, &end, 16);
	return end == file + ID_DIGITS && *end == '.';
}

void ae_posix_files_sweep(const char *name, uint64_t gone)
{
	DIR *directory = opendir(ae_posix_directory());
	struct dirent *entry;
	char path[AE_POSIX_PATH + sizeof(entry->d_name)];
	uint64_t id;

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		if (!read_id(entry->d_name, name, &id))
			continue;
		snprintf(path, sizeof(path), "%s/%s", ae_posix_directory(),
			 entry->d_name);
		if ((gone && id == gone) || is_left_over(path, name, id))
			unlink(path);
	}
	closedir(directory);
}
