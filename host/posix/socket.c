/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path of an attach socket. It is bound under a hidden name, listens, and
 * is then renamed, so that whoever finds the path finds somebody listening.
 * Who begins to serve has a lock on the directory meanwhile: what is stale when
 * he looks is so when he takes its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "socket.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#define BACKLOG 1024
#define HIDDEN ".aether-socket."
#define LOCK_TRIES 100
#define LOCK_NAP 5000000 /* ns */

int ae_socket_is_path(const char *name)
{
	return name && strchr(name, '/') != NULL;
}

int ae_socket_address(const char *path, struct sockaddr_un *address,
		      struct aether_error *error)
{
	size_t length = strlen(path);

	*address = (struct sockaddr_un) { .sun_family = AF_UNIX };
	if (length >= sizeof(address->sun_path))
		return aether_error_fill(error, AETHER_ENAME, 0,
					 "the path of the socket has %zu "
					 "characters, and at most %zu are "
					 "allowed; use a shorter one, perhaps "
					 "from another directory.",
					 length, sizeof(address->sun_path) - 1);
	memcpy(address->sun_path, path, length + 1);
	return 0;
}

int ae_socket_place(const char *path, struct ae_socket *s,
		    struct aether_error *error)
{
	struct sockaddr_un checked;
	const char *base = strrchr(path, '/');
	size_t length = base ? (size_t)(base - path) : 0;
	char directory[sizeof(checked.sun_path)] = ".";
	int err = ae_socket_address(path, &checked, error);

	s->directory = -1;
	s->listen.fd = -1;
	if (err < 0)
		return err;
	base = base ? base + 1 : path;
	if (strlen(base) > AE_SOCKET_BASE)
		return aether_error_fill(error, AETHER_ENAME, 0,
					 "'%s' is too long; at most %d "
					 "characters are allowed.",
					 base, AE_SOCKET_BASE);
	if (!*base || !strcmp(base, ".") || !strcmp(base, ".."))
		return aether_error_fill(error, AETHER_ENAME, 0,
					 "'%s' names a directory and no socket",
					 path);
	if (base != path)
		snprintf(directory, sizeof(directory), "%.*s/", (int)length,
			 path);
	strcpy(s->base, base);
	s->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->directory < 0)
		return aether_error_fill(error, ae_posix_code(errno), errno,
					 "cannot open the directory of '%s'",
					 path);
	return 0;
}

/* A short address of a file in the directory. */
static struct sockaddr_un within(const struct ae_socket *s, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s",
		 s->directory, name);
	return a;
}

/* One begins to serve here at a time. */
static int lock_directory(const struct ae_socket *s, const char *path,
			  struct aether_error *error)
{
	const struct timespec nap = { .tv_nsec = LOCK_NAP };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(s->directory, LOCK_EX | LOCK_NB) == 0)
			return 0;
		nanosleep(&nap, NULL);
	}
	return aether_error_fill(error, AETHER_EBUSY, 0,
				 "somebody else has a lock on the directory of "
				 "'%s', perhaps to begin to serve; try again.",
				 path);
}

static int refuse_path(const char *path, const char *why,
		       struct aether_error *error)
{
	return aether_error_fill(error, AETHER_EEXIST, 0,
				 "'%s' %s; choose another path.", path, why);
}

/* Nothing is there: 0; a socket that nobody serves: 1. */
static int check_free(const struct ae_socket *s, const char *path,
		      struct aether_error *error)
{
	struct sockaddr_un at = within(s, s->base);
	struct stat st;
	int fd, os = 0;

	if (fstatat(s->directory, s->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return refuse_path(path, "exists and is no socket", error);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		os = errno;
	if (fd >= 0)
		close(fd);
	if (os == ENOENT)
		return 0;
	if (os == ECONNREFUSED)
		return 1;
	if (os == EPROTOTYPE)
		return refuse_path(path, "is another program's socket", error);
	if (os && os != EAGAIN)
		return aether_error_fill(error, ae_posix_code(os), os,
					 "cannot see whether '%s' is served",
					 path);
	return aether_error_fill(error, AETHER_EEXIST, 0,
				 "'%s' is served by somebody who lives; serve "
				 "along (aether serve %s), or choose another "
				 "path.",
				 path, path);
}

/* What those left who were killed before they renamed. */
static void sweep(const struct ae_socket *s)
{
	int fd = openat(s->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!directory && fd >= 0)
		close(fd);
	while (directory && (entry = readdir(directory)))
		if (!strncmp(entry->d_name, HIDDEN, strlen(HIDDEN)))
			unlinkat(s->directory, entry->d_name, 0);
	if (directory)
		closedir(directory);
}

/* Who may write the directory may have put a link in its place, or a second
 * name of a file that is not his: that file's rights stay what they are. */
static int change_rights(int fd, uint32_t mode, uint32_t group)
{
	char path[40];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return errno;
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1)
		return ELOOP;
	if (group &&
	    fchownat(fd, "", (uid_t)-1, (gid_t)group, AT_EMPTY_PATH) < 0)
		return errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return chmod(path, mode ? mode & 0777 : 0666) < 0 ? errno : 0;
}

int ae_socket_rights(int directory, const char *name, uint32_t mode,
		     uint32_t group)
{
	int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int os;

	if (fd < 0)
		return errno;
	os = change_rights(fd, mode, group);
	close(fd);
	return os;
}

int ae_socket_listens(int fd)
{
	int domain = 0, type = 0, listens = 0;
	socklen_t size = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) ==
		       0 &&
	       domain == AF_UNIX && type == SOCK_SEQPACKET && listens;
}

/* Nobody can send descriptors to a server: to drop one that came may wait, as
 * for a connection that lingers. Kernels before 6.16 know no such thing. */
static void refuse_descriptors(int fd)
{
	const int off = 0;

	setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
}

/* Bound, with its rights, listening; an errno. */
static int listen_hidden(struct ae_socket *s, const char *hidden, uint32_t mode,
			 uint32_t group)
{
	struct sockaddr_un at = within(s, hidden);
	struct stat st;
	int os;

	ae_posix_private_socket(&s->listen, SOCK_NONBLOCK);
	if (s->listen.fd < 0 ||
	    bind(s->listen.fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return errno;
	os = ae_socket_rights(s->directory, hidden, mode, group);
	if (os)
		return os;
	refuse_descriptors(s->listen.fd);
	if (listen(s->listen.fd, BACKLOG) < 0 ||
	    fstatat(s->directory, hidden, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno;
	s->is = (struct ae_rules_socket) { .device = (uint64_t)st.st_dev,
					   .inode = (uint64_t)st.st_ino };
	return 0;
}

int ae_socket_open(const struct ae_socket_plan *plan,
		   struct aether_error *error, struct ae_socket *s)
{
	const char *path = plan->path;
	char hidden[48];
	int err = ae_socket_place(path, s, error);
	int stale, os;

	if (err == 0)
		err = lock_directory(s, path, error);
	if (err == 0)
		err = check_free(s, path, error);
	if (err < 0)
		goto done;
	stale = err;
	sweep(s);
	snprintf(hidden, sizeof(hidden), HIDDEN "%d", (int)getpid());
	os = listen_hidden(s, hidden, plan->mode, plan->group);
	err = os ? 0 : plan->ready(plan->user, &s->is);
	if (!os && err == 0 &&
	    renameat2(s->directory, hidden, s->directory, s->base,
		      stale ? 0 : RENAME_NOREPLACE) < 0)
		os = errno;
	if (os || err < 0)
		unlinkat(s->directory, hidden, 0);
	if (os)
		err = aether_error_fill(error, ae_posix_code(os), os,
					"cannot make the socket '%s'", path);
	else if (err < 0)
		err = aether_error_fill(error, err, 0,
					"cannot keep the rules of '%s'", path);
done:
	/* said, and not left to the last close: a child may have a copy */
	if (s->directory >= 0)
		flock(s->directory, LOCK_UN);
	if (err < 0)
		ae_socket_close(s);
	return err;
}

int ae_socket_is_there(const struct ae_socket *s)
{
	struct stat st;

	return fstatat(s->directory, s->base, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (uint64_t)st.st_dev == s->is.device &&
	       (uint64_t)st.st_ino == s->is.inode;
}

void ae_socket_remove(const struct ae_socket *s)
{
	if (ae_socket_is_there(s))
		unlinkat(s->directory, s->base, 0);
}

void ae_socket_close(struct ae_socket *s)
{
	ae_posix_private_close(&s->listen);
	if (s->directory >= 0)
		close(s->directory);
	s->directory = -1;
}
