/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life: a participant lives as long as the kernel holds its lock on the byte
 * of its slot. The lock belongs to an open file description of the plane's
 * file that is opened for it alone: never mapped, never passed on,
 * close-on-exec, closed in the child after fork(). Whatever else held it open
 * would keep a dead participant alive.
 *
 * A description does not see its own locks, so a slot is asked about through
 * another one.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "life.h"
#include "line.h"

/* The life descriptors of this process, for the child after fork(). */
static pthread_mutex_t lives_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ae_posix_life *lives;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
	pthread_mutex_lock(&lives_lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&lives_lock);
}

static void in_child(void)
{
	for (struct ae_posix_life *l = lives; l; l = l->next) {
		if (l->fd >= 0)
			close(l->fd);
		l->fd = -1;
	}
	lives = NULL;
	pthread_mutex_unlock(&lives_lock);
}

static void watch_forks(void)
{
	pthread_atfork(before_fork, in_parent, in_child);
}

static struct flock byte_of(uint32_t slot)
{
	return (struct flock) { .l_type = F_WRLCK,
				.l_whence = SEEK_SET,
				.l_start = (off_t)slot,
				.l_len = 1 };
}

static void note(struct ae_posix_life *life)
{
	life->previous = NULL;
	life->next = lives;
	if (lives)
		lives->previous = life;
	lives = life;
}

static void take_out(struct ae_posix_life *life)
{
	life->fd = -1;
	if (life->previous)
		life->previous->next = life->next;
	else if (lives == life)
		lives = life->next;
	if (life->next)
		life->next->previous = life->previous;
}

/* Closed under the lock too: a child must not close a number that by then
 * is another file's. */
static void strike(struct ae_posix_life *life)
{
	pthread_mutex_lock(&lives_lock);
	close(life->fd);
	take_out(life);
	pthread_mutex_unlock(&lives_lock);
}

/* Its digits, at most eleven bytes. */
static void name_of(int fd, char *name)
{
	char digits[10];
	int n = 0;

	do {
		digits[n++] = (char)('0' + fd % 10);
		fd /= 10;
	} while (fd);
	while (n)
		*name++ = digits[--n];
	*name = 0;
}

int ae_posix_reopen_in(int files, int fd, int flags)
{
	char name[16];

	name_of(fd, name);
	return openat(files, name, flags | O_CLOEXEC);
}

int ae_posix_reopen(int fd, int flags)
{
	char path[32] = "/proc/self/fd/";

	name_of(fd, path + strlen(path));
	return open(path, flags | O_CLOEXEC);
}

/* Whatever else it was, the lock could not be asked for. */
static int open_failed(int os)
{
	return ae_posix_code(os) == AETHER_EFILES ? AETHER_EFILES : AETHER_ESYS;
}

void ae_posix_private_begin(void)
{
	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&lives_lock);
}

void ae_posix_private_end(void)
{
	pthread_mutex_unlock(&lives_lock);
}

void ae_posix_private_keep(struct ae_posix_life *own, int fd)
{
	own->fd = fd;
	if (fd >= 0)
		note(own);
}

/* Opened and noted under one lock: a fork() by another thread finds both or
 * neither, so no child keeps a descriptor that it does not know of. */
int ae_posix_private_reopen(struct ae_posix_life *own, int fd, int flags)
{
	int os;

	ae_posix_private_begin();
	ae_posix_private_keep(own, ae_posix_reopen(fd, flags));
	os = errno;
	ae_posix_private_end();
	errno = os;
	return own->fd;
}

int ae_posix_private_socket(struct ae_posix_life *own, int flags)
{
	int os;

	ae_posix_private_begin();
	ae_posix_private_keep(
		own, socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
	os = errno;
	ae_posix_private_end();
	errno = os;
	return own->fd;
}

void ae_posix_private_move(struct ae_posix_life *from, struct ae_posix_life *to)
{
	int fd;

	pthread_mutex_lock(&lives_lock);
	fd = from->fd;
	take_out(from);
	ae_posix_private_keep(to, fd);
	pthread_mutex_unlock(&lives_lock);
}

void ae_posix_private_close(struct ae_posix_life *own)
{
	if (own->fd >= 0)
		strike(own);
}

int ae_host_life_take(struct aether_participant *me, uint32_t slot)
{
	struct ae_posix_plane *p = me->plane->host;
	struct ae_posix_life *life = me->host;
	struct flock lock = byte_of(slot);
	int err;

	if (life->fd < 0 &&
	    ae_posix_private_reopen(life, p->objects.control, O_RDWR) < 0) {
		int os = errno;

		if (!ae_line_lives(p->line))
			return open_failed(os);
		err = ae_line_life_take(p->line, slot);
		life->of = err == 0;
		return err;
	}
	if (fcntl(life->fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? AETHER_EBUSY : AETHER_ESYS;
}

void ae_host_life_drop(struct aether_participant *me, uint32_t slot)
{
	const struct ae_posix_plane *p = me->plane->host;
	struct ae_posix_life *life = me->host;
	struct flock lock = byte_of(slot);

	if (life->of) {
		life->of = 0;
		ae_line_life_drop(p->line, slot);
	}
	if (life->fd < 0)
		return;
	/* said, and not left to the last close: a child that was forked a
	 * moment ago may not have closed its copy yet */
	lock.l_type = F_UNLCK;
	fcntl(life->fd, F_OFD_SETLK, &lock);
	strike(life);
}

/* Asks for a lock that shares: what is in its way can write the plane. Whoever
 * may only read it, an observer, can have no other, and makes nobody alive. */
int ae_host_life_test(const struct aether_plane *plane, uint32_t slot)
{
	const struct ae_posix_plane *p = plane->host;
	struct flock lock = byte_of(slot);

	lock.l_type = F_RDLCK;
	if (p->test < 0 || fcntl(p->test, F_OFD_GETLK, &lock) < 0)
		return AETHER_ESYS;
	return lock.l_type != F_UNLCK;
}
