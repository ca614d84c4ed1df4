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
 * AETHER_EFREED and wakes no stranger, unless the name ends while his signal is
 * under way: that may still be added. A value is not set back when an epoch of
 * the pool gets a new owner.
 *
 * The layout says of which kind an epoch is. Counters are signalled; flags,
 * gauges and hashes are set; the words of locks are neither; those that the
 * layout does not name are both. Anything may be waited for.
 *
 * A signal that nobody waits for makes no system call. Signal and set are
 * release, load and a wait that ends are acquire: what was written before is
 * there for who saw it. A wait may miss a value that is gone again before it
 * looks; a counter's is not, until it has gone round.
 *
 * Three words have a meaning in every layout: IDX_KERNEL_READY (0), which is
 * set when all is ready; IDX_PANIC_STATE (3), which ends every wait of the
 * plane; IDX_CONTEXT_ID_HASH (31), which names a boot: a participant of an
 * earlier one is refused with AETHER_ECONTEXT.
 *
 * At once: a participant is used by one thread at a time; load, find, owner and
 * in_panic by anybody, observers too.
 */
#ifndef AETHER_EPOCH_H
#define AETHER_EPOCH_H

#include <aether/api.h>
#include <aether/participant.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The name of the epoch at that index now. AETHER_EINDEX: no such index.
 * AETHER_EFREED: an epoch of the pool that nobody owns. */
AETHER_API int aether_epoch_find(const struct aether_plane *plane,
				 uint32_t index, uint64_t *epoch);

/* Its value. AETHER_EINDEX, AETHER_EFREED; AETHER_ECORRUPT: as in fault.h. */
AETHER_API int aether_epoch_load(const struct aether_plane *plane,
				 uint64_t epoch, uint32_t *value);

/*
 * Adds 1 and wakes who waits. Never waits itself.
 * Errors: AETHER_EINDEX, AETHER_EFREED, AETHER_EKIND (the layout says that it
 * is no counter), AETHER_ECONTEXT.
 */
AETHER_API int aether_epoch_signal(struct aether_participant *me,
				   uint64_t epoch);

/*
 * Makes it that value and wakes who waits: for flags, gauges and hashes. The
 * panic state and the context hash are set as by the calls below.
 * Errors: AETHER_EINDEX, AETHER_EFREED, AETHER_EKIND (a counter or a lock),
 * AETHER_EINVAL (a context hash of 0, which is no boot), AETHER_ECONTEXT.
 */
AETHER_API int aether_epoch_set(struct aether_participant *me, uint64_t epoch,
				uint32_t value);

/*
 * Returns when the epoch is another value than `seen`, with that value; at once
 * if it is already. Spins and parks as every wait (clock.h has the deadlines, 0
 * has always passed).
 * Errors: AETHER_EINDEX, AETHER_EFREED (also when it is given back meanwhile),
 * AETHER_ETIMEDOUT, AETHER_EINTR, AETHER_EPANIC, AETHER_ECONTEXT.
 */
AETHER_API int aether_epoch_wait(struct aether_participant *me, uint64_t epoch,
				 uint32_t seen, uint64_t deadline,
				 uint32_t *value);

/* One of several to wait for: its value is filled by the wait. */
struct aether_epoch_watch {
	uint64_t epoch;
	uint32_t seen;
	uint32_t value;
};

/*
 * The same for several, at most AETHER_EPOCHS_WAITED_MAX: returns when one
 * differs from what was seen of it. `which` is the first in the list that does;
 * each `value` is what was found, so others that differ are told as well.
 * Errors: those of aether_epoch_wait; AETHER_EINVAL (none), AETHER_EMANY.
 */
AETHER_API int aether_epoch_wait_any(struct aether_participant *me,
				     struct aether_epoch_watch *watches,
				     uint32_t count, uint64_t deadline,
				     uint32_t *which);

/*
 * For programs that wait by poll() or epoll: a descriptor that becomes readable
 * when one of the epochs has changed since the call, and again after each read
 * of its 8 bytes; also when one of the pool is given back (once), in a panic,
 * and when a boot begins, after which I may be refused; once too often if that
 * was just before the call. Read it, then load the values. It is closed by
 * aether_epoch_fd_close, or when I leave, and by nothing else: a thread of the
 * library, one for all of an attachment's, writes it, and waits as a
 * participant of its own.
 * Errors: AETHER_EINVAL (none), AETHER_EMANY (AETHER_EPOCHS_WAITED_MAX for all
 * of an attachment's), AETHER_EINDEX, AETHER_EFREED, AETHER_ECONTEXT,
 * AETHER_ESEATS, AETHER_ESYS (also in a child after fork() that has not
 * attached anew).
 */
AETHER_API int aether_epoch_fd(struct aether_participant *me,
			       const uint64_t *epochs, uint32_t count, int *fd);

/* Closes it. AETHER_ENOTHELD: it is none of mine. */
AETHER_API int aether_epoch_fd_close(struct aether_participant *me, int fd);

/*
 * An epoch of the pool, mine from now on: a counter. It goes back by
 * aether_epoch_free, when I leave, or when I die. Does not wait.
 * Errors: AETHER_EPOOL (all are owned by somebody who lives), AETHER_ECONTEXT.
 */
AETHER_API int aether_epoch_allocate(struct aether_participant *me,
				     uint64_t *epoch);

/*
 * Gives it back: its name ends, and who waits on it is answered AETHER_EFREED.
 * Errors: AETHER_EINDEX, AETHER_EFREED (it was given back before),
 * AETHER_ENOTHELD (it is another's, or none of the pool).
 */
AETHER_API int aether_epoch_free(struct aether_participant *me, uint64_t epoch);

/*
 * Who owns the epoch of the pool at that index; 0: nobody who is there, or one
 * that is dead, reaped or not. The table of taken epochs that the layout inos
 * has says so less surely: it is a hint, written after the truth, and who dies
 * between, or two at once, leave a bit that is wrong until that epoch changes
 * hands again.
 * AETHER_EINDEX: no index of the pool.
 */
AETHER_API int aether_epoch_owner(const struct aether_plane *plane,
				  uint32_t index, uint64_t *tenancy);

/*
 * Panic: from now on every wait of the plane that finds nothing, of whatever
 * kind, ends with AETHER_EPANIC, also those that are under way. Calls that do
 * not wait go on. A `code` other than 0 tells why; the last one counts.
 * Errors: AETHER_EINVAL (0), AETHER_ECONTEXT.
 */
AETHER_API int aether_epoch_panic(struct aether_participant *me, uint32_t code);

/* Ends the panic. AETHER_ECONTEXT. */
AETHER_API int aether_epoch_calm(struct aether_participant *me);

/* 1: the plane is in panic, and `code`, unless it is NULL, tells why; 0. */
AETHER_API int aether_epoch_in_panic(const struct aether_plane *plane,
				     uint32_t *code);

/*
 * Context: who boots a system on the plane names the boot by a hash, before its
 * participants join. A participant belongs to the boot that it found at join,
 * or to the first that it meets; when a later one has begun, its signals, sets,
 * waits and allocations are refused with AETHER_ECONTEXT. As long as nobody
 * begins any, there is none, and nothing is refused.
 */

/* The hash of a boot's text, as INOS has it: 31 times what it was, and the next
 * character; never 0. */
AETHER_API uint32_t aether_context_hash(const char *text);

/* Begins a boot, to which I belong; rings everybody who waits.
 * AETHER_EINVAL: 0. */
AETHER_API int aether_context_begin(struct aether_participant *me,
				    uint32_t hash);

/* 0, or AETHER_ECONTEXT. */
AETHER_API int aether_context_check(struct aether_participant *me);

#ifdef __cplusplus
}
#endif

#endif
