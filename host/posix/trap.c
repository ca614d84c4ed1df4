/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trap mode of guards: the pages of a guarded region can be written only while
 * a participant of this attachment holds it. How many do is counted always, so
 * that the mode can be switched at any time; the gate is passed only while it
 * is on. Whoever changes a count or the mode looks at the other one afterwards
 * and then sets the rights by what both say, under the gate: so the last one to
 * set them has seen all.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "posix.h"

/* The fixed part that is alike in every layout: epochs and header. */
#define FIXED_END (AETHER_OFFSET_PLANE_HEADER + AETHER_RECORD_HEADER_SIZE)

struct ae_posix_trap {
	pthread_mutex_t gate;
	struct aether_word32 on; /* 1: regions may be read-only */
	struct aether_word64 holders[AETHER_GUARDS_MAX];
	int closing;     /* they are to be; under the gate, as what follows */
	uint64_t closed; /* regions that are read-only, a bit each; under the
			    gate */
};

struct ae_posix_trap *ae_posix_trap_make(void)
{
	struct ae_posix_trap *t = calloc(1, sizeof(*t));

	if (t)
		pthread_mutex_init(&t->gate, NULL);
	return t;
}

void ae_posix_trap_free(struct ae_posix_trap *trap)
{
	if (!trap)
		return;
	pthread_mutex_destroy(&trap->gate);
	free(trap);
}

static struct ae_posix_trap *trap_of(const struct aether_plane *plane)
{
	struct ae_posix_plane *p = plane->host;

	return p->trap;
}

static int meets(const struct aether_layout_guard *g,
		 const struct aether_layout_records *r, uint64_t size)
{
	return r->count && g->offset < r->offset + r->count * size &&
	       r->offset < g->offset + g->size;
}

/* Whole pages, in which the library writes nothing of its own. */
static int can_be_trapped(const struct aether_plane *plane, uint32_t guard)
{
	const struct aether_layout *l = plane->layout;
	const struct aether_layout_guard *g = &l->guards[guard];
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (!g->size || g->offset % page || g->size % page ||
	    g->offset < FIXED_END)
		return 0;
	return !meets(g, &l->epoch_records, AETHER_RECORD_EPOCH_SIZE) &&
	       !meets(g, &l->pair_records, AETHER_RECORD_PAIR_SIZE) &&
	       !meets(g, &l->pins_records, AETHER_RECORD_PINS_SIZE) &&
	       !meets(g, &l->guard_records, AETHER_RECORD_GUARD_SIZE) &&
	       !meets(g, &l->supervisor_alloc_records,
		      AETHER_RECORD_SUPERVISOR_ALLOC_SIZE);
}

/* Under the gate: the rights as mode and count want them now. */
static int set_rights(const struct aether_plane *plane, uint32_t guard)
{
	const struct aether_layout_guard *g = &plane->layout->guards[guard];
	struct ae_posix_trap *t = trap_of(plane);
	uint64_t bit = UINT64_C(1) << guard;
	int close = t->closing;
	int rights;

	/* seq_cst: after the mode was set. pairs: seq_cst in
	 * ae_host_guard_open, seq_cst in ae_host_guard_close */
	if (ae_load64_seq_cst(&t->holders[guard]))
		close = 0;
	if (close == ((t->closed & bit) != 0) || !can_be_trapped(plane, guard))
		return 0;
	rights = close ? PROT_READ : PROT_READ | PROT_WRITE;
	if (mprotect(plane->base + g->offset, (size_t)g->size, rights) < 0)
		return AETHER_ESYS;
	t->closed ^= bit;
	return 0;
}

static int set_all(const struct aether_plane *plane)
{
	int err = 0;

	for (uint32_t i = 0;
	     i < plane->layout->guard_count && i < AETHER_GUARDS_MAX; i++)
		if (set_rights(plane, i) < 0)
			err = AETHER_ESYS;
	return err;
}

/* On: said before the first region is closed. Off: said after the last one was
 * opened. */
static int set_mode(const struct aether_plane *plane, int on)
{
	struct ae_posix_trap *t = trap_of(plane);
	int err;

	/* seq_cst: before I look who holds what. pairs: seq_cst in
	 * ae_host_guard_open, seq_cst in ae_host_guard_close */
	if (on)
		ae_store32_seq_cst(&t->on, 1);
	t->closing = on;
	err = set_all(plane);
	/* seq_cst: who sees it has nothing to open. pairs: seq_cst in
	 * ae_host_guard_open, seq_cst in ae_host_guard_close */
	if (!on && !t->closed)
		ae_store32_seq_cst(&t->on, 0);
	return err;
}

int ae_host_guard_trap(struct aether_plane *plane, int on)
{
	struct ae_posix_trap *t = trap_of(plane);
	int err;

	if (!t)
		return AETHER_ENOMEM;
	pthread_mutex_lock(&t->gate);
	err = set_mode(plane, on);
	if (err < 0 && on)
		set_mode(plane, 0);
	pthread_mutex_unlock(&t->gate);
	return err;
}

static int set_rights_now(const struct aether_plane *plane, uint32_t guard)
{
	struct ae_posix_trap *t = trap_of(plane);
	int err;

	pthread_mutex_lock(&t->gate);
	err = set_rights(plane, guard);
	pthread_mutex_unlock(&t->gate);
	return err;
}

int ae_host_guard_open(const struct aether_plane *plane, uint32_t guard)
{
	struct ae_posix_trap *t = trap_of(plane);
	int err = 0;

	if (!t)
		return 0;
	/* seq_cst: counted first, then the mode. pairs: seq_cst in
	 * set_rights, seq_cst in set_mode */
	ae_add64_seq_cst(&t->holders[guard], 1);
	if (ae_load32_seq_cst(&t->on))
		err = set_rights_now(plane, guard);
	if (err < 0)
		/* seq_cst: the same. pairs: seq_cst in set_rights,
		 * seq_cst in set_mode */
		ae_add64_seq_cst(&t->holders[guard], UINT64_MAX);
	return err;
}

void ae_host_guard_close(const struct aether_plane *plane, uint32_t guard)
{
	struct ae_posix_trap *t = trap_of(plane);

	if (!t)
		return;
	/* seq_cst: counted first, then the mode. pairs: seq_cst in
	 * set_rights, seq_cst in set_mode */
	ae_add64_seq_cst(&t->holders[guard], UINT64_MAX);
	if (ae_load32_seq_cst(&t->on))
		set_rights_now(plane, guard);
}

int ae_host_guard_trapped(const struct aether_plane *plane, uint32_t guard)
{
	struct ae_posix_trap *t = trap_of(plane);

	/* relaxed: for people. */
	return t && ae_load32_relaxed(&t->on) && can_be_trapped(plane, guard);
}
