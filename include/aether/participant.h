/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A participant holds leases. Joining takes a slot of the plane; the stay in
 * it, a tenancy, has a number of its own, so that nothing meant for one tenant
 * reaches the next. The kernel knows that a participant lives by a lock that
 * it holds on its slot; when the process ends, however it ends, the lock is
 * gone.
 *
 * At once: a participant is used by one thread at a time. A process may join
 * several times. Join, leave, find and look run beside each other freely.
 */
#ifndef AETHER_PARTICIPANT_H
#define AETHER_PARTICIPANT_H

#include <aether/api.h>
#include <aether/error.h>
#include <aether/plane.h>

#ifdef __cplusplus
extern "C" {
#endif

struct aether_participant; /* private to the process */

/* All zero asks for the defaults. */
struct aether_participant_options {
	const char *name;   /* how others find it; NULL: "ROLE-PID" */
	uint32_t role;      /* enum aether_role */
	uint32_t quota;     /* reserve refuses when it holds so many, taken ones
			     included; a take never refuses. 0: no quota */
	uint64_t spin;      /* ns to spin before parking; 0: the default, 10 us
			     on a machine with several cores; UINT64_MAX: never
			     park. Where spins are in vain they become rare */
	uint32_t unwatched; /* 1: start no thread that waits for deaths
			       (docs/life.md); while I wait I look for the dead
			       every 100 ms instead */
	uint32_t no_data;   /* 1: it needs no data (segment.h): where it may
			       only route it also reserves, resolves and
			       describes. What it reserves is not zeroed */
};

/* The counters of a tenancy; they only rise. */
struct aether_participant_counts {
	uint64_t reserved;
	uint64_t released;
	uint64_t routed;
	uint64_t taken;
	uint64_t dropped; /* leases that a route's policy ended */
	uint64_t refused; /* handles that were not valid */
	uint64_t waits;   /* times parked */
	uint64_t full;    /* answers EFULL, EQUOTA, EDEPTH, EBOX */
	uint64_t reaped;  /* leases of the dead that it settled */
};

struct aether_participant_info {
	uint64_t tenancy; /* 0: nobody sits there */
	uint32_t slot;
	uint32_t state; /* enum aether_seat_state */
	uint32_t role;  /* enum aether_role */
	uint32_t level; /* L0 to L4 */
	uint32_t quota;
	uint32_t pid; /* for people: PIDs are reused and differ by container */
	uint64_t start; /* when it joined, ns since 1970 */
	int alive;      /* 1: the kernel says so; 0: dead */
	uint64_t heir;  /* tenancy of its heir, if that lives; 0: none */
	char name[AETHER_PARTICIPANT_NAME_MAX + 1];
	struct aether_participant_counts counts;
};

/*
 * Joins the plane, and settles what the dead left in it (reap.h): the slot of a
 * dead one is as good as a free one. Options may be NULL.
 * Errors: AETHER_ESEATS (every slot is taken by somebody who lives, or locked
 * by one who may read the file),
 * AETHER_ENAME, AETHER_EINVAL,
 * AETHER_EREADONLY, AETHER_ENOMEM, AETHER_ESYS.
 */
AETHER_API int
aether_participant_join(struct aether_plane *plane,
			const struct aether_participant_options *options,
			struct aether_error *error,
			struct aether_participant **participant);

/*
 * Leaves: what it holds and the mail in its box go to its heir (reap.h) or back
 * to the registry, the slot becomes free. The participant is freed. NULL is
 * allowed.
 */
AETHER_API void aether_participant_leave(struct aether_participant *me);

/* The name of my tenancy: what others route to. Never 0. */
AETHER_API uint64_t
aether_participant_tenancy(const struct aether_participant *me);

/* The plane that it joined. */
AETHER_API struct aether_plane *
aether_participant_plane(const struct aether_participant *me);

/* How many strides it holds. */
AETHER_API uint32_t
aether_participant_held(const struct aether_participant *me);

/*
 * Finds a living participant by name. If several have it, the lowest slot
 * answers. AETHER_ENOENT: nobody alive has it.
 */
AETHER_API int aether_participant_find(const struct aether_plane *plane,
				       const char *name, uint64_t *tenancy);

/*
 * Looks at a slot. A free one is no error: its `tenancy` is 0.
 * AETHER_ERANGE: no such slot.
 */
AETHER_API int aether_participant_look(const struct aether_plane *plane,
				       uint32_t slot,
				       struct aether_participant_info *info);

/* "ingress"; NULL: no such role. */
AETHER_API const char *aether_participant_role_name(uint32_t role);

/* The role of that name. AETHER_ENOENT: there is none. */
AETHER_API int aether_participant_role(const char *name, uint32_t *role);

#ifdef __cplusplus
}
#endif

#endif
