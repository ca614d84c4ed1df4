/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bell of an attachment: event descriptors for epochs; see bell.c.
 */
#ifndef POSIX_BELL_H
#define POSIX_BELL_H

#include "posix.h"

/* With the attachment; NULL: no memory, and there are no descriptors. */
struct ae_posix_bell *ae_posix_bell_make(struct aether_plane *plane);

/* With the attachment, when all who joined through it have left. */
void ae_posix_bell_free(struct aether_plane *plane);

/* I am about to leave: closes what I have opened. The last one stops it. */
void ae_posix_bell_leave(struct aether_participant *me);

#endif
