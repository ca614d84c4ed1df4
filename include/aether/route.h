/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routing hands a lease on: from then on it is on its way to the addressee,
 * nobody's to touch, until that one takes it. The handle stays the same; the
 * bytes do not move. (The specification's Pointer Handover Protocol.)
 *
 * Mail of one sender is taken in the order it was routed. Nobody waits for a
 * slow sender: mail whose sender has not finished is stepped over and looked
 * at again.
 *
 * A route, me to one addressee, may have a depth: how many leases may be on
 * their way at once. What happens beyond it is its policy (enum
 * aether_policy): block, drop the new one, or withdraw the oldest. A lease
 * that comes back to the same addressee by another way counts as still on its
 * way, but is never withdrawn: it is somebody else's mail. Mail that was routed
 * stays when its sender leaves. What was
 * withdrawn leaves an entry in the addressee's mailbox until it takes: if it
 * takes nothing while as many are withdrawn as the mailbox has places, the
 * answer is AETHER_EBOX, and those on their way stay there.
 *
 * At once: each participant by one thread; any number may route to one.
 */
#ifndef AETHER_ROUTE_H
#define AETHER_ROUTE_H

#include <aether/api.h>
#include <aether/participant.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Sets depth (0: no limit, the default) and policy of my route to `to`.
 * Errors: AETHER_EGONE, AETHER_EINVAL.
 */
AETHER_API int aether_route_set(struct aether_participant *me, uint64_t to,
				uint32_t depth, uint32_t policy);

/* How many of my leases are on their way to `to`; counted if it has a depth. */
AETHER_API int aether_route_depth(struct aether_participant *me, uint64_t to,
				  uint32_t *depth);

/*
 * Routes the lease to the tenancy `to`. Does not wait.
 * Errors: the refusals of stride.h; AETHER_EGONE (it has left), AETHER_EACCES
 * (it does not see the stride's segment), AETHER_EDEPTH, AETHER_EBOX: in these
 * cases the lease is still mine. AETHER_EDROPPED: the
 * policy ended it.
 */
AETHER_API int aether_route(struct aether_participant *me, uint64_t handle,
			    uint64_t to);

/* The same, waiting at EDEPTH and EBOX until the deadline. Also ETIMEDOUT,
 * EINTR: the lease is still mine. */
AETHER_API int aether_route_until(struct aether_participant *me,
				  uint64_t handle, uint64_t to,
				  uint64_t deadline);

/* Takes the next lease that was routed to me, shared with me (share.h) or
 * inherited (reap.h). AETHER_EEMPTY: there is none. */
AETHER_API int aether_route_take(struct aether_participant *me,
				 uint64_t *handle);

/* The same, waiting until the deadline. Also AETHER_ETIMEDOUT, AETHER_EINTR. */
AETHER_API int aether_route_take_until(struct aether_participant *me,
				       uint64_t deadline, uint64_t *handle);

#ifdef __cplusplus
}
#endif

#endif
