/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bell: event descriptors that become readable when an epoch has changed,
 * for programs that wait by poll() or epoll. One thread of an attachment, while
 * any is open, waits for all of their epochs as a participant of its own.
 *
 * A child after fork() has copies of the descriptors and no thread; it opens
 * its own through its own attachment. The thread takes no signals but those of
 * its own faults.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "bell.h"
#include "watch.h"

#define MOST AETHER_EPOCHS_WAITED_MAX
#define NAP 20000000 /* ns between two looks while there is a panic */

struct ae_posix_bell {
	struct aether_plane *plane;
	pid_t pid; /* whose attachment it is: not a child's after fork() */
	pthread_mutex_t gate; /* who opens or closes; recursive: to stop, the
				 thread's own participant leaves */
	pthread_t thread;
	struct aether_participant *self; /* whom it waits as; NULL: stopped */

	pthread_mutex_t list; /* all that follows, but for the words */
	uint32_t count;
	uint32_t descriptors;
	struct aether_word32 changes; /* of the list */
	struct aether_word32 begun, stopping;

	/* The thread's own. */
	uint32_t mine_count;
	uint32_t known; /* changes of the list that it has seen */
	uint32_t boot;  /* the boot that it has told of */

	/* As far as the counts say. Each attachment has a bell and few ring it,
	 * so these are not cleared. */
	struct aether_epoch_watch watch[MOST];
	int fd[MOST];                           /* of each watch */
	struct aether_participant *owner[MOST]; /* of each descriptor */
	int opened[MOST];
	struct aether_epoch_watch mine[MOST];
};

static uint32_t read_word(const struct aether_word32 *word)
{
	/* relaxed: who changes it rings afterwards. */
	return ae_load32_relaxed(word);
}

static void ring(struct ae_posix_bell *b)
{
	/* relaxed: the doorbell follows. */
	ae_add32_relaxed(&b->changes, 1);
	ae_wait_ring(b->plane, b->self->slot);
}

/* The boot that the plane is in; 0: none. */
static uint32_t boot_now(const struct ae_posix_bell *b)
{
	/* acquire: what it has prepared. pairs: seq_cst in
	 * aether_context_begin */
	return ae_load32_acquire(
		ae_epoch_word(b->plane, AETHER_IDX_CONTEXT_ID_HASH));
}

/* Is there anything to do? */
static int look(struct aether_participant *me, void *what)
{
	struct ae_posix_bell *b = what;

	if (read_word(&b->changes) != b->known || read_word(&b->stopping) ||
	    boot_now(b) != b->boot)
		return 0;
	for (uint32_t i = 0; i < b->mine_count; i++)
		if (ae_epoch_look(me, &b->mine[i]) != AETHER_EEMPTY)
			return 0;
	return AETHER_EEMPTY;
}

static void drop(struct ae_posix_bell *b, uint32_t i)
{
	b->count--;
	b->watch[i] = b->watch[b->count];
	b->fd[i] = b->fd[b->count];
}

/* Tells of what differs, or, in a panic and of a new boot, of all. An epoch
 * that was given back is told of once. */
static void tell(struct ae_posix_bell *b, int all)
{
	pthread_mutex_lock(&b->list);
	for (uint32_t i = 0; all && i < b->descriptors; i++)
		eventfd_write(b->opened[i], 1);
	for (uint32_t i = b->count; i-- > 0;) {
		int err = ae_epoch_look(b->self, &b->watch[i]);

		if (err != AETHER_EEMPTY)
			eventfd_write(b->fd[i], 1);
		if (err == 0)
			b->watch[i].seen = b->watch[i].value;
		else if (err != AETHER_EEMPTY)
			drop(b, i);
	}
	pthread_mutex_unlock(&b->list);
}

/* Tells of the panic, and, while there is one, of what changes. Whoever is rung
 * is done: it may be another panic, or a new descriptor, to be told as well. */
static void tell_panic(struct ae_posix_bell *b)
{
	struct aether_word32 *doorbell = &b->self->seat->doorbell;
	/* acquire: before I tell. pairs: release in ae_wait_ring */
	uint32_t bell = ae_load32_acquire(doorbell);

	tell(b, 1);
	/* acquire: the same. pairs: release in ae_wait_ring */
	while (aether_epoch_in_panic(b->plane, NULL) &&
	       ae_load32_acquire(doorbell) == bell) {
		ae_host_park(doorbell, bell, ae_host_now() + NAP);
		tell(b, 0);
	}
}

/* Tells of a boot that has begun. */
static void tell_boot(struct ae_posix_bell *b)
{
	uint32_t now = boot_now(b);

	if (now == b->boot)
		return;
	b->boot = now;
	tell(b, 1);
}

static void *run(void *argument)
{
	struct ae_posix_bell *b = argument;

	pthread_setname_np(pthread_self(), "aether-bell");
	/* relaxed: a number to wait for. */
	ae_store32_relaxed(&b->begun, 1);
	while (!read_word(&b->stopping)) {
		struct ae_wait wait = { .attempt = look,
					.what = b,
					.watches = b->mine };

		pthread_mutex_lock(&b->list);
		b->known = read_word(&b->changes);
		b->mine_count = wait.count = b->count;
		memcpy(b->mine, b->watch, b->count * sizeof(b->mine[0]));
		pthread_mutex_unlock(&b->list);
		if (ae_wait_until(b->self, &wait, AETHER_FOREVER) ==
		    AETHER_EPANIC)
			tell_panic(b);
		tell_boot(b);
		tell(b, 0);
	}
	return NULL;
}

static int start(struct ae_posix_bell *b)
{
	struct aether_participant_options options = {
		.role = AETHER_ROLE_SYSTEM, .spin = 1
	};
	sigset_t before;
	int err;

	b->boot = boot_now(b);
	err = aether_participant_join(b->plane, &options, NULL, &b->self);
	if (err < 0)
		return err;
	/* relaxed: before there is a thread. */
	ae_store32_relaxed(&b->begun, 0);
	ae_store32_relaxed(&b->stopping, 0);
	ae_posix_block_signals(&before);
	err = pthread_create(&b->thread, NULL, run, b);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err) {
		aether_participant_leave(b->self);
		b->self = NULL;
		return AETHER_ESYS;
	}
	/* a sanitizer's thread that begins must not be forked */
	while (!read_word(&b->begun))
		sched_yield();
	return 0;
}

static void stop(struct ae_posix_bell *b)
{
	/* relaxed: the doorbell follows. */
	ae_store32_relaxed(&b->stopping, 1);
	ring(b);
	pthread_join(b->thread, NULL);
	aether_participant_leave(b->self);
	b->self = NULL;
}

/* Closes one that it has opened. */
static void shut(struct ae_posix_bell *b, uint32_t at)
{
	int fd = b->opened[at];

	pthread_mutex_lock(&b->list);
	for (uint32_t i = b->count; i-- > 0;)
		if (b->fd[i] == fd)
			drop(b, i);
	b->descriptors--;
	b->opened[at] = b->opened[b->descriptors];
	b->owner[at] = b->owner[b->descriptors];
	close(fd);
	pthread_mutex_unlock(&b->list);
	ring(b);
	if (!b->descriptors)
		stop(b);
}

static int fill(struct ae_posix_bell *b, const uint64_t *epochs, uint32_t count,
		int fd)
{
	int err = 0;

	for (uint32_t i = 0; err == 0 && i < count; i++) {
		struct aether_epoch_watch *w = &b->watch[b->count + i];

		w->epoch = epochs[i];
		b->fd[b->count + i] = fd;
		err = aether_epoch_load(b->plane, epochs[i], &w->seen);
	}
	return err;
}

static int open_one(struct ae_posix_bell *b, struct aether_participant *me,
		    const uint64_t *epochs, uint32_t count)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int err = fd < 0 ? ae_posix_code(errno) : 0;

	if (err == 0 && !b->self)
		err = start(b);
	if (err == 0) {
		pthread_mutex_lock(&b->list);
		err = b->count + count > MOST || b->descriptors == MOST
			      ? AETHER_EMANY
			      : fill(b, epochs, count, fd);
		if (err == 0) {
			b->count += count;
			b->opened[b->descriptors] = fd;
			b->owner[b->descriptors++] = me;
		}
		pthread_mutex_unlock(&b->list);
		ring(b);
		if (!b->descriptors)
			stop(b);
	}
	if (err == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}

int aether_epoch_fd(struct aether_participant *me, const uint64_t *epochs,
		    uint32_t count, int *fd)
{
	struct ae_posix_plane *p = me->plane->host;
	struct ae_posix_bell *b = p->bell;
	int made, err;

	if (!b || b->pid != getpid()) /* a child has no plane there either */
		return AETHER_ESYS;
	err = aether_context_check(me);
	if (err == 0 && !count)
		err = AETHER_EINVAL;
	if (err == 0 && count > MOST)
		err = AETHER_EMANY;
	for (uint32_t i = 0; err == 0 && i < count; i++)
		err = ae_epoch_check(me->plane, epochs[i]);
	if (err < 0)
		return err;
	pthread_mutex_lock(&b->gate);
	made = open_one(b, me, epochs, count);
	pthread_mutex_unlock(&b->gate);
	if (made < 0)
		return made;
	/* a boot that began meanwhile may have been told of before this one was
	 * in the list */
	err = aether_context_check(me);
	if (err < 0) {
		aether_epoch_fd_close(me, made);
		return err;
	}
	*fd = made;
	return 0;
}

/* All of this owner, or, `fd` not below 0, that one. How many they were. */
static int shut_of(struct aether_participant *me, int fd)
{
	struct ae_posix_plane *p = me->plane->host;
	struct ae_posix_bell *b = p->bell;
	int n = 0;

	if (!b || b->pid != getpid())
		return 0;
	pthread_mutex_lock(&b->gate);
	for (uint32_t i = b->descriptors; i-- > 0;) {
		if (b->owner[i] != me || (fd >= 0 && b->opened[i] != fd))
			continue;
		shut(b, i);
		n++;
	}
	pthread_mutex_unlock(&b->gate);
	return n;
}

int aether_epoch_fd_close(struct aether_participant *me, int fd)
{
	return fd >= 0 && shut_of(me, fd) ? 0 : AETHER_ENOTHELD;
}

void ae_posix_bell_leave(struct aether_participant *me)
{
	shut_of(me, -1);
}

struct ae_posix_bell *ae_posix_bell_make(struct aether_plane *plane)
{
	struct ae_posix_bell *b = malloc(sizeof(*b));
	pthread_mutexattr_t recursive;

	if (!b)
		return NULL;
	memset(b, 0, offsetof(struct ae_posix_bell, watch));
	b->plane = plane;
	b->pid = getpid();
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&b->gate, &recursive);
	pthread_mutexattr_destroy(&recursive);
	pthread_mutex_init(&b->list, NULL);
	return b;
}

void ae_posix_bell_free(struct aether_plane *plane)
{
	struct ae_posix_plane *p = plane->host;

	if (!p->bell)
		return;
	pthread_mutex_destroy(&p->bell->gate);
	pthread_mutex_destroy(&p->bell->list);
	free(p->bell);
	p->bell = NULL;
}
