/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch of an attachment; see watch.c. All of it does nothing where the
 * watch could not be made or started.
 */
#ifndef POSIX_WATCH_H
#define POSIX_WATCH_H

#include <signal.h>
#include "posix.h"

/* With the attachment, before anybody joins through it; NULL: no memory. */
struct ae_posix_watch *ae_posix_watch_make(struct aether_plane *plane);

/* With the attachment, when all who joined through it have left. */
void ae_posix_watch_free(struct aether_plane *plane);

/* I have joined: it may reap in my name. The first one starts it. */
void ae_posix_watch_join(struct aether_participant *me);

/* I am about to leave: when this returns, nothing is done in my name any more.
 * The last one stops it. Waits for a reap that is under way. */
void ae_posix_watch_leave(struct aether_participant *me);

/* For a thread of the library's, before it is made: blocks all signals but
 * those of its own faults. */
void ae_posix_block_signals(sigset_t *before);

#endif
