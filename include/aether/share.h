/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sharing ends the one owner's right to write and gives several participants
 * the right to read. The bytes do not move; each reader finds the lease in its
 * mailbox and takes it as any other (route.h), under the same handle; its
 * aether_stride_resolve, _bytes and _user then serve for reading. Each reader
 * releases it once; the last one's release ends the lease. A reader that dies
 * or leaves counts as one that has released.
 *
 * A lease is exclusive or shared, never both: a shared one cannot be described,
 * routed or shared again (AETHER_EOWNER).
 *
 * Each reader is reached by the sender's route to it, whose depth and policy
 * hold (aether_route_set), counted apart from what was routed: a share counts
 * as on its way until its reader has released it. Block: AETHER_EDEPTH, nobody
 * gets it, the lease is still mine. Drop-new, drop-oldest: this reader does not
 * get it, the others do; what was shared is never withdrawn.
 *
 * At once: each participant by one thread; different ones freely.
 */
#ifndef AETHER_SHARE_H
#define AETHER_SHARE_H

#include <aether/api.h>
#include <aether/participant.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Shares the lease with the tenancies `to[0..count)`. Those that have gone are
 * left out. `*reached`, which may be NULL, says how many got it.
 * Errors: the refusals of stride.h, AETHER_ESUSPECT; AETHER_EGONE (all have
 * gone), AETHER_EACCES (one does not see the segment), AETHER_EDEPTH,
 * AETHER_EBOX, AETHER_EINVAL (no readers, one of them myself or named twice):
 * in these cases the lease is still mine.
 * AETHER_EDROPPED: the policies left nobody, the lease has ended.
 */
AETHER_API int aether_share(struct aether_participant *me, uint64_t handle,
			    const uint64_t *to, uint32_t count,
			    uint32_t *reached);

#ifdef __cplusplus
}
#endif

#endif
