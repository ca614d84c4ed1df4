/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGBUS where a plane's memory was taken away: empty pages are put there, and
 * the attachment is marked. The handler runs in whichever thread touched it, at
 * any instruction, so all it does is look at words, stat a descriptor and map;
 * the list that it reads has a fixed place for each attachment, and whoever
 * enters one there holds a lock against others who do.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "fault.h"

static struct minded {
	struct aether_word64 plane; /* its address; 0: none */
	struct aether_word64 base;
	struct aether_word64 size;
} all[AETHER_FAULT_PLANES];

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int caught; /* under the gate */
static struct sigaction before;
static uint64_t page_size;

/* The attachment in which the address lies. */
static struct minded *find(uint64_t address)
{
	for (size_t i = 0; i < AETHER_FAULT_PLANES; i++) {
		struct minded *m = &all[i];
		/* acquire: all of the entry. pairs: release in
		 * ae_posix_fault_add */
		uint64_t plane = ae_load64_acquire(&m->plane);
		/* acquire: of an entry that replaces it, after the plane is
		 * not this one any more. pairs: release in
		 * ae_posix_fault_add */
		uint64_t base = ae_load64_acquire(&m->base);
		uint64_t size = ae_load64_acquire(&m->size);

		/* relaxed: ordered by the loads before it. */
		if (plane && address >= base && address - base < size &&
		    ae_load64_relaxed(&m->plane) == plane)
			return m;
	}
	return NULL;
}

/* The object, or the part of an undivided plane, in which the offset lies. 0:
 * in none. */
static int find_object(struct aether_plane *plane, uint64_t at,
		       struct ae_posix_object *o)
{
	const struct aether_geometry *g = &plane->geometry;
	struct ae_posix_plane *p = plane->host;

	for (uint32_t i = 0; i < ae_posix_object_count(g); i++) {
		*o = ae_posix_object(g, &p->objects, i);
		if (at >= o->at && at - o->at < o->size)
			break;
		o->size = 0;
	}
	if (!o->size || g->segments)
		return o->size != 0;
	o->kind = at < g->data_offset ? AE_POSIX_CONTROL : AE_POSIX_DATA;
	if (o->kind == AE_POSIX_CONTROL)
		o->size = g->data_offset;
	return 1;
}

/* From where to where: all of the object that is beyond the end of its file;
 * or, where the file has it and cannot give it, that page. */
static void find_hole(const struct ae_posix_object *o, uint64_t at,
		      uint64_t *from, uint64_t *size)
{
	struct stat st;
	uint64_t end;

	*from = at & ~(page_size - 1);
	*size = page_size;
	if (fstat(*o->fd, &st) < 0 || st.st_size < 0)
		return;
	end = ((uint64_t)st.st_size + page_size - 1) & ~(page_size - 1);
	if (end > at - o->at || end >= o->size)
		return;
	*from = o->at + end;
	*size = o->size - end;
}

/* 1: there is memory again, for whatever was allowed there. */
static int fill_hole(const struct minded *m, uint64_t address)
{
	/* relaxed: it was found, and stays while its plane is attached. */
	uintptr_t entry = (uintptr_t)ae_load64_relaxed(&m->plane);
	struct aether_plane *plane = (struct aether_plane *)entry;
	/* relaxed: the same. */
	uint64_t base = ae_load64_relaxed(&m->base);
	struct ae_posix_object o;
	uint64_t from, size;
	uint32_t first;
	int rights;
	void *at;

	if (!find_object(plane, address - base, &o))
		return 0;
	/* relaxed: a word that calls look at. */
	ae_store32_relaxed(&plane->lost, 1);
	find_hole(&o, address - base, &from, &size);
	first = ae_segment_first(&plane->geometry, o.segment);
	rights = ae_posix_protection(o.kind, ae_right(plane, first),
				     plane->observer);
	at = (void *)(uintptr_t)(base + from);
	/* the call itself, and not its wrapper: a sanitizer's would look at who
	 * else is just writing there */
	if (syscall(SYS_mmap, at, (size_t)size, rights,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		    0) < 0)
		return 0;
	madvise(at, (size_t)size, MADV_DONTFORK);
	return 1;
}

/* As if I were not there. By the default action the process ends when the
 * handler returns, also of a signal that somebody sent; that one can be
 * ignored, and a fault cannot. */
static void hand_on(int number, siginfo_t *info, void *context)
{
	if (before.sa_flags & SA_SIGINFO)
		before.sa_sigaction(number, info, context);
	else if (before.sa_handler == SIG_IGN && info->si_code <= 0)
		return;
	else if (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN) {
		signal(number, SIG_DFL);
		raise(number);
	} else
		before.sa_handler(number);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	uint64_t address = (uint64_t)(uintptr_t)info->si_addr;
	int os = errno;
	struct minded *m = NULL;

	if (info->si_code == BUS_ADRERR)
		m = find(address);
	if (!m || !fill_hole(m, address))
		hand_on(number, info, context);
	errno = os;
}

static void before_fork(void)
{
	pthread_mutex_lock(&gate);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&gate);
}

/* A child has none of them mapped, and may map another where one was. */
static void in_child(void)
{
	for (size_t i = 0; i < AETHER_FAULT_PLANES; i++)
		/* relaxed: it has one thread. */
		ae_store64_relaxed(&all[i].plane, 0);
	pthread_mutex_unlock(&gate);
}

static void watch_forks(void)
{
	pthread_atfork(before_fork, in_parent, in_child);
}

int aether_fault_catch(struct aether_error *error)
{
	struct sigaction action = { .sa_sigaction = on_fault,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };
	int os = 0;

	pthread_mutex_lock(&gate);
	page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	sigemptyset(&action.sa_mask);
	if (!caught && sigaction(SIGBUS, NULL, &before) == 0 &&
	    sigaction(SIGBUS, &action, NULL) == 0)
		caught = 1;
	else if (!caught)
		os = errno;
	pthread_mutex_unlock(&gate);
	return os ? aether_error_fill(error, AETHER_ESYS, os,
				      "cannot handle SIGBUS")
		  : 0;
}

int aether_fault_lost(const struct aether_plane *plane)
{
	return ae_plane_lost(plane);
}

/* Also before anybody wants it: it may be wanted later. One that finds no place
 * is not minded. */
void ae_posix_fault_add(struct aether_plane *plane)
{
	pthread_once(&once, watch_forks);
	pthread_mutex_lock(&gate);
	for (size_t i = 0; i < AETHER_FAULT_PLANES; i++) {
		struct minded *m = &all[i];

		/* relaxed: changed under the gate only. */
		if (ae_load64_relaxed(&m->plane))
			continue;
		/* release: the entry that was there is not any more.
		 * pairs: acquire in find */
		ae_store64_release(&m->base, (uint64_t)(uintptr_t)plane->base);
		ae_store64_release(&m->size, plane->geometry.plane_size);
		/* release: the entry is whole. pairs: acquire in find */
		ae_store64_release(&m->plane, (uint64_t)(uintptr_t)plane);
		break;
	}
	pthread_mutex_unlock(&gate);
}

/* Before it is unmapped: nobody uses it any more. */
void ae_posix_fault_drop(const struct aether_plane *plane)
{
	pthread_mutex_lock(&gate);
	for (size_t i = 0; i < AETHER_FAULT_PLANES; i++)
		/* relaxed: changed under the gate only. */
		if (ae_load64_relaxed(&all[i].plane) ==
		    (uint64_t)(uintptr_t)plane)
			ae_store64_relaxed(&all[i].plane, 0);
	pthread_mutex_unlock(&gate);
}
