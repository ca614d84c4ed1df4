/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the memory of a plane is taken away: whoever may write the file of a
 * named plane may also make it shorter, and who then touches what was there is
 * sent SIGBUS. A program may ask that this be an error instead: a handler puts
 * empty memory in the place of what is missing and marks the attachment as
 * lost. From then on its calls answer AETHER_ECORRUPT, also those that are
 * under way or asleep; what is read or written through pointers into it is
 * zero, and nobody else's. Leave and detach work.
 *
 * The handler is the process's. It minds the planes that this process has
 * attached, and hands every other SIGBUS to the handler that was there before;
 * one that is installed later must do the same. Anonymous planes cannot be
 * shortened.
 */
#ifndef AETHER_FAULT_H
#define AETHER_FAULT_H

#include <aether/api.h>
#include <aether/error.h>
#include <aether/plane.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AETHER_FAULT_PLANES 64 /* attachments that are minded at once */

/*
 * Minds all planes of this process from now on, those that it has attached and
 * those that it will. May be called again, by anybody at any time; that does
 * nothing, also if somebody else has set a handler since. AETHER_ESYS.
 */
AETHER_API int aether_fault_catch(struct aether_error *error);

/* 1: memory of the attachment was taken away. By anybody at any time. */
AETHER_API int aether_fault_lost(const struct aether_plane *plane);

#ifdef __cplusplus
}
#endif

#endif
