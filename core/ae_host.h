/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port: all that core asks of a machine. Each folder under host/
 * implements these functions and nothing more of core's.
 */
#ifndef AE_HOST_H
#define AE_HOST_H

#include <stdint.h>
#include <aether/layout.h>

struct aether_participant;
struct aether_plane;

/* Nanoseconds of a steady clock, the same for everybody who shares a plane. */
uint64_t ae_host_now(void);

/*
 * Parks the caller while `*word` is `expected`, until somebody wakes it or
 * the deadline has passed (AETHER_FOREVER: never). May return 0 for no reason.
 * Must not miss a wake that follows a change of the word.
 * Errors: AETHER_ETIMEDOUT, AETHER_EINTR.
 */
int ae_host_park(const struct aether_word32 *word, uint32_t expected,
		 uint64_t deadline);

/* Wakes whoever is parked on the word, in whichever process. */
void ae_host_wake(const struct aether_word32 *word);

/* The processor that the caller runs on; a hint. */
uint32_t ae_host_cpu(void);

/*
 * Takes the kernel's lock on a slot's life byte: held until ae_host_life_drop
 * or the end of the process, whichever is first, however it ends. Does not
 * wait. AETHER_EBUSY: somebody lives there. AETHER_ESYS.
 */
int ae_host_life_take(struct aether_participant *me, uint32_t slot);

/* Gives the lock back. */
void ae_host_life_drop(struct aether_participant *me, uint32_t slot);

/*
 * Asks the kernel whether somebody else holds the lock of the slot: 1 or 0;
 * AETHER_ESYS when it cannot be asked. Never say "dead" without an answer.
 */
int ae_host_life_test(const struct aether_plane *plane, uint32_t slot);

/*
 * Does somebody else look for the dead while this participant is parked: a
 * thread of the port's? 1 or 0; if not, parked waits look every 100 ms.
 */
int ae_host_watched(const struct aether_participant *me);

/*
 * ns after which a parked wait looks again though nobody rang: who changed what
 * it waits for may have been stopped before it rang. AETHER_FOREVER: never.
 */
uint64_t ae_host_patience(const struct aether_participant *me);

/*
 * Trap mode of an attachment's guarded regions (guard.h): on or off. A port
 * without rights of its own on pages does nothing, and says that no region is
 * trapped. AETHER_ENOMEM, AETHER_ESYS: it is off.
 */
int ae_host_guard_trap(struct aether_plane *plane, int on);

/* One participant of this attachment more, or less, holds the region of that
 * guard: it must be possible to write it from now on, or no longer needs to be.
 * Open: AETHER_ESYS, and it counts as not held. */
int ae_host_guard_open(const struct aether_plane *plane, uint32_t guard);
void ae_host_guard_close(const struct aether_plane *plane, uint32_t guard);

/* 1: stores to it fault while nobody here holds it. */
int ae_host_guard_trapped(const struct aether_plane *plane, uint32_t guard);

#endif
