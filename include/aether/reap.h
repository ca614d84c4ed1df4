/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaping settles what the dead left. It happens by itself: when somebody
 * joins, soon after a process that holds a participant has ended (each
 * attachment with participants has one thread that waits for that), and before
 * anybody is told that no stride is free. Calling it is never necessary.
 *
 * A participant is dead when the kernel says so: the lock on its slot is gone,
 * as it is when its process has ended or become another program. Silence is no
 * death: who is stopped, or held by a debugger, lives, however long.
 *
 *	what the dead left           what becomes of it
 *	a lease it held              its heir's, marked suspect; no heir: free
 *	a lease on its way to it     its heir's, intact; no heir: free
 *	a lease shared with it       it is no reader any more; the last one's
 *	                             end is the lease's
 *	a lease it had routed        untouched: it is its addressee's
 *	a lease it was ending        free
 *	a region it wrote (guard.h)  nobody's, as it was left
 *	an epoch that it owned       goes back to the pool; who waits on it
 *	                             is answered AETHER_EFREED
 *	its slot                     free
 *
 * An heir takes what it inherits as its other mail (route.h), in the order of
 * the dead one's mailbox; what that one had set aside as late comes after it. A
 * suspect lease is one whose last owner died, or left, while working on it: its
 * bytes are refused (AETHER_ESUSPECT) until its holder accepts it
 * (aether_stride_accept); it may be routed and released as it is.
 *
 * At once: anybody, any number, also while one of them dies half way.
 */
#ifndef AETHER_REAP_H
#define AETHER_REAP_H

#include <aether/api.h>
#include <aether/participant.h>

#ifdef __cplusplus
extern "C" {
#endif

struct aether_reap_report {
	uint32_t dead;      /* tenancies settled */
	uint32_t freed;     /* leases that ended */
	uint32_t inherited; /* leases that heirs got */
	uint32_t suspect;   /* how many of those are suspect */
	uint32_t readers;   /* readers of shared leases that were struck off */
	uint32_t pending;   /* leases that could not be settled: the heir's
			       mailbox is full; reap again later */
	uint32_t epochs;    /* epochs that went back to the pool */
	uint32_t unseen;    /* dead who may have left something in segments
			       that I do not see: they keep their slots until
			       somebody reaps who does */
};

/*
 * Settles what the dead left, and rings everybody who waits. `report` may be
 * NULL. Does not wait; at most some steps per stride and slot. What several do
 * at once is counted by the one who did it. Returns 0.
 */
AETHER_API int aether_reap(struct aether_participant *me,
			   struct aether_reap_report *report);

/*
 * Names the living tenancy `heir` as heir of mine; 0: none, as at join. It gets
 * what I have and what is on its way to me when I die or leave; when it has
 * gone by then, its own heir does. Ask before you name one: an heir must be
 * prepared for suspect leases.
 * Errors: AETHER_EGONE (nobody sits there), AETHER_EINVAL
 * (myself), AETHER_EBOX (what the dead left cannot be delivered yet: their
 * heir's mailbox is full).
 */
AETHER_API int aether_participant_heir(struct aether_participant *me,
				       uint64_t heir);

#ifdef __cplusplus
}
#endif

#endif
