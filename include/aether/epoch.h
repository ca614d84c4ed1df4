/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epochs: 256 words of 32 bits in every plane that participants signal and wait
 * on. A signal adds 1; who waits says which value he has seen and is woken when
 * the word is another one. Values are compared by "differs" and never by
 * "greater": the words wrap.
 *
 * An epoch has a name of 64 bits. Of a fixed epoch it is its index (AETHER_IDX_
 * of layout.h). Those from AETHER_IDX_SUPERVISOR_POOL on, AETHER_EPOCH_POOL of
 * them, are a pool: one is allocated, and its name then holds a generation, so
 * that who still has the name of an earlier owner's epoch is answered
 * AETHER_EFREED and wakes no stranger.
 *
 * A signal that nobody waits for makes no system call. A signal is release,
 * load and a wait that ends are acquire: what was written before the signal is
 * there for who saw it.
 *
 * Three words have a meaning in every layout: IDX_KERNEL_READY (0), which is
 * set when all is ready; IDX_PANIC_STATE (3), which ends every wait of the
 * plane; IDX_CONTEXT_ID_HASH (31), which names a boot: a participant that
 * joined before it changed is refused with AETHER_ECONTEXT.
 *
 * At once: a participant is used by one thread at a time; load, find and look
 * by anybody.
 */
#ifndef AETHER_EPOCH_H
#define AETHER_EPOCH_H

#include <aether/api.h>
#include <aether/participant.h>

/* The name of the epoch at that index now. AETHER_EINDEX: no such index.
 * AETHER_EFREED: an epoch of the pool that nobody owns. */
AETHER_API int aether_epoch_find(const struct aether_plane *plane,
				 uint32_t index, uint64_t *epoch);

/* Its value. AETHER_EINDEX, AETHER_EFREED. */
AETHER_API int aether_epoch_load(const struct aether_plane *plane,
				 uint64_t epoch, uint32_t *value);

/*
 * Adds 1 and wakes who waits. Never waits itself.
 * Errors: AETHER_EINDEX, AETHER_EFREED, AETHER_EKIND (the layout says that it
 * is no counter), AETHER_ECONTEXT.
 */
AETHER_API int aether_epoch_signal(struct aether_participant *me,
				   uint64_t epoch);

#endif
