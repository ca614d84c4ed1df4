/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards: who may write a region of the layout, who does so now, and what went
 * wrong there. Which regions are guarded, by whom they may be written and read
 * and which epoch tells that they were, is the layout's (layouts.h), compiled
 * into the library: nothing that stands in a plane changes it. A guard is named
 * by its place in the layout's list, see aether_layout_find_guard.
 *
 *	single     one writer at a time: acquire, write, signal, release
 *	multi      several writers at once, who have means of their own to keep
 *	           out of each other's way; acquire says that I am one of them
 *	readOnly   nobody writes it through a guard
 *
 * Nobody waits: an acquire is answered at once. A writer that has died is
 * succeeded by the next one who acquires; one that is stopped lives, and is
 * waited for by nobody. What the dead had half written is as it was left: the
 * next writer knows of it only by `recovered`.
 *
 * Where the layout names an epoch for the region, a writer signals it before it
 * lets go; a release that was not preceded by a signal of the writer's own is
 * done, counted, and answered with AETHER_EORDER. Other participants' signals
 * of the same epoch are none of the writer's, and no value of the epoch is
 * compared, so neither its wrap at 2^32 nor one who sets it back matters.
 *
 * A guard finds those who use the API and disagree. It stops nobody who does
 * not: the region is memory, mapped for writing. Trap mode does, within one
 * process: see aether_guard_trap.
 *
 * Every refusal below changes nothing but the counter that it names. The first
 * question is always whether the guard is one of the layout's: AETHER_EINDEX
 * otherwise, also where the layout guards nothing, and nothing is touched.
 *
 * At once: each participant by one thread; different ones freely; look and
 * trap by anybody.
 */
#ifndef AETHER_GUARD_H
#define AETHER_GUARD_H

#include <aether/api.h>
#include <aether/participant.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * I am the region's writer, or one of them, until I let go. Never waits.
 * Errors: AETHER_EROLE (the layout does not let my role write it: counted as
 * writer; or lets nobody: counted as readOnly), AETHER_EHELD (I am already),
 * AETHER_ETAKEN (another one is, who lives: counted as contention),
 * AETHER_EAGAIN (it changed hands again and again just now), AETHER_ECONTEXT (I
 * belong to an earlier boot, epoch.h), AETHER_ESYS (trap mode, and the system
 * does not let the region be written).
 */
AETHER_API int aether_guard_acquire(struct aether_participant *me,
				    uint32_t guard);

/*
 * Adds 1 to the region's epoch and wakes who waits for it, as
 * aether_epoch_signal does, which is as good. AETHER_EINDEX: also where the
 * layout names no epoch for the region. AETHER_ENOTHELD, and the errors of
 * aether_epoch_signal.
 */
AETHER_API int aether_guard_signal(struct aether_participant *me,
				   uint32_t guard);

/*
 * What I wrote is there for the next writer.
 * Errors: AETHER_ENOTHELD (I do not hold it, or somebody wrote over the guard
 * meanwhile: counted as release). AETHER_EORDER: I have let go, but had not
 * signalled the region's epoch since I acquired it; counted as epoch.
 */
AETHER_API int aether_guard_release(struct aether_participant *me,
				    uint32_t guard);

/*
 * The same for who has written nothing, or failed half way: lets go and asks
 * for no signal. For every early return between acquire and release.
 * AETHER_ENOTHELD, as above.
 */
AETHER_API int aether_guard_abandon(struct aether_participant *me,
				    uint32_t guard);

/*
 * May I touch the region now? `write` 0: read it, which I may in a role that
 * the layout names as reader, and while I hold it. 1: write it, which I may
 * while I hold it.
 * Errors: AETHER_EROLE (counted as reader, writer or readOnly),
 * AETHER_ENOTHELD (my role may write, I have not acquired), AETHER_ECONTEXT.
 */
AETHER_API int aether_guard_check(struct aether_participant *me, uint32_t guard,
				  int write);

/* Where the region is, for who holds it; valid until I let go. `*size` in
 * bytes, and may be NULL. AETHER_ENOTHELD. */
AETHER_API int aether_guard_bytes(struct aether_participant *me, uint32_t guard,
				  size_t *size, void **bytes);

#define AETHER_GUARD_VIOLATIONS 6 /* kinds: enum aether_guard_violation */

struct aether_guard_info {
	const char *region; /* the layout's, as all up to `epoch` */
	uint64_t offset;
	uint64_t size;
	uint32_t mode;    /* enum aether_guard_mode */
	uint32_t writers; /* a bit per role */
	uint32_t readers;
	uint32_t epoch; /* its index; 0: none */

	int held;        /* 1: it has a writer; single mode only */
	int alive;       /* 1: which lives; 0: the next acquire recovers it */
	uint32_t slot;   /* where it sits, or sat */
	uint64_t holder; /* its tenancy; 0: it is not there any more */
	uint32_t role;
	uint32_t pid; /* for people */
	char name[AETHER_PARTICIPANT_NAME_MAX + 1];

	uint32_t epoch_at_acquire; /* the epoch's value at the last acquire */
	uint32_t last_epoch;       /* and when a writer last let go */
	uint32_t acquires;
	uint32_t recovered; /* writers that died holding it */
	uint32_t violations[AETHER_GUARD_VIOLATIONS]; /* by kind */

	int trapped; /* 1: this attachment traps stores outside of acquires */
};

/* Looks at a guard, also as an observer. What the plane holds of it are numbers
 * that others wrote: for people. */
AETHER_API int aether_guard_look(const struct aether_plane *plane,
				 uint32_t guard,
				 struct aether_guard_info *info);

/*
 * Trap mode, a tool for finding bugs: while it is on, the guarded regions of
 * this attachment can be written only while a participant that joined through
 * it holds them. Any other store faults where it happens (SIGSEGV), whoever's
 * code it is in; a system call that would write there fails with EFAULT. An
 * acquire and a release cost a system call each. Other attachments and other
 * processes are not concerned.
 *
 * Regions that share a memory page with something else, or hold records that
 * the library writes itself, are left alone: `trapped` of aether_guard_look
 * says which are not. `on` 0 ends it.
 * Errors: AETHER_EREADONLY (an observer, who can write nothing anyway),
 * AETHER_ENOMEM, AETHER_ESYS: nothing is trapped then.
 */
AETHER_API int aether_guard_trap(struct aether_plane *plane, int on);

#ifdef __cplusplus
}
#endif

#endif
