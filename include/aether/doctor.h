/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor: looks through a plane and says what is wrong in it, whom that
 * concerns, and whether it can be repaired. What the protocol allows is not
 * wrong, and a plane at work moves: a finding is told only if it was the same
 * each of three times that it was looked at, some time apart if anybody lives.
 *
 * Planes go wrong where somebody writes into one past the library, by a stray
 * pointer or on purpose. All calls stand what they find then (AETHER_ECORRUPT);
 * the doctor says what it is. A *note* is no fault: a hint that is stale, what
 * somebody left who died in the middle, or what may still be on its way.
 *
 * At once: by anybody, any number, beside all other calls.
 */
#ifndef AETHER_DOCTOR_H
#define AETHER_DOCTOR_H

#include <aether/api.h>
#include <aether/participant.h>
#include <aether/plane.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a finding is; `index` counts these. */
enum aether_finding_where {
	AETHER_FINDING_PLANE,  /* index 0 */
	AETHER_FINDING_SLOT,   /* participants */
	AETHER_FINDING_PLACE,  /* of mailboxes, slot by slot */
	AETHER_FINDING_STRIDE, /* leases */
	AETHER_FINDING_EPOCH,
	AETHER_FINDING_GUARD,
	AETHER_FINDING_PAIR
};

/*
 * X(ID, name, wrong, why): what can be found; `wrong` 0: a note. The names are
 * for scripts and stay; the sentences are for people.
 */
#define AETHER_FINDING_LIST(X) \
	X(HEADER, "header", 1, \
	  "the header was changed since the plane was made; who is " \
	  "attached goes on, nobody else can attach: create it anew") \
	X(PANIC, "panic", 0, \
	  "somebody declared a panic: every wait ends, until it is calmed") \
	X(SEAT_STATE, "seatState", 1, \
	  "the seat is in a state that there is not") \
	X(SEAT_STAMP, "seatStamp", 1, \
	  "the seat names a tenancy that nobody has begun yet") \
	X(SEAT_LOST, "seatLost", 1, \
	  "somebody lives there and the seat does not say so: it must end") \
	X(SEAT_DEAD, "seatDead", 1, \
	  "its tenant is dead, and nobody has settled what it left") \
	X(SEAT_ROLE, "seatRole", 1, "its tenant has a role that there is not") \
	X(SEAT_ASKED, "seatAsked", 0, \
	  "whether its tenant lives could not be asked of the kernel") \
	X(HEIR, "heir", 1, "it names an heir that cannot be") \
	X(SIGHT, "sight", 1, \
	  "it cannot see the segments that its record says: mail is " \
	  "refused, and what it leaves may be overlooked; it must end") \
	X(COUNTERS, "counters", 0, \
	  "lease words name it more often than its counters allow") \
	X(WITHDRAWAL, "withdrawal", 0, \
	  "it is said to take back what cannot be on its way; nobody " \
	  "believes that") \
	X(BOX_HEAD, "boxHead", 1, \
	  "its mailbox is elsewhere than it says; the next take mends it") \
	X(BOX, "box", 1, \
	  "most places of its mailbox are of no lap that can be") \
	X(PLACE_LAP, "placeLap", 1, \
	  "the place is of a lap that cannot be: mail passes it by") \
	X(PLACE_STRIDE, "placeStride", 1, \
	  "the entry names a stride that there is not; who takes it drops it") \
	X(PLACE_ENTRY, "placeEntry", 0, \
	  "the entry names a lease that is not on its way there; who takes " \
	  "it drops it") \
	X(LEASE_STATE, "leaseState", 1, \
	  "the lease is in a state that there is not") \
	X(LEASE_BITS, "leaseBits", 1, \
	  "the lease word has bits set that its state does not have") \
	X(LEASE_SLOT, "leaseSlot", 1, \
	  "the lease belongs to a slot that there is not") \
	X(LEASE_GONE, "leaseGone", 1, \
	  "the lease belongs to a tenancy that is not there any more") \
	X(LEASE_CONTENT, "leaseContent", 1, \
	  "its length, format or tile cannot be: its holder is refused") \
	X(LEASE_RUN, "leaseRun", 1, \
	  "it is said to have another number of strides than follow it") \
	X(TAIL, "tail", 1, "it belongs to the run of a stride that has none") \
	X(ROUTE, "route", 1, \
	  "it is on its way to somebody who sleeps, and not in the mailbox") \
	X(ROUTE_LATE, "routeLate", 0, \
	  "it is on its way and not in the mailbox; its addressee may know") \
	X(READERS, "readers", 1, \
	  "who reads the shared lease was written over: its readers cannot " \
	  "end it") \
	X(READERS_GONE, "readersGone", 1, \
	  "of those who read the shared lease some, or all, are gone") \
	X(KEPT_PAIR, "keptPair", 1, \
	  "a pair, or a buffer, keeps it that there is not") \
	X(KEPT_UNNAMED, "keptUnnamed", 1, \
	  "it is kept for a pair that does not name it: nobody would ever " \
	  "free it") \
	X(KEPT_RUN, "keptRun", 1, \
	  "the run that a pair keeps has another length than it says: who " \
	  "writes that buffer next lets go of it") \
	X(REGISTER_SET, "registerSet", 0, \
	  "it is free, and its register says occupied") \
	X(REGISTER_CLEAR, "registerClear", 0, \
	  "it is leased, and its register says free") \
	X(EPOCH_OWNER, "epochOwner", 1, \
	  "the pool epoch belongs to a tenancy that is not there any more") \
	X(EPOCH_UNUSED, "epochUnused", 1, \
	  "the pool epoch has an owner, and the plane says that it never had") \
	X(EPOCH_NAME, "epochName", 1, \
	  "the pool epoch has an owner, and no name that anybody could use") \
	X(EPOCH_BITS, "epochBits", 1, \
	  "the word of its owner has bits set that it cannot have") \
	X(GUARD_WRITER, "guardWriter", 1, \
	  "the region is held by a tenancy that is not there any more") \
	X(GUARD_MODE, "guardMode", 1, \
	  "the region is held, and is not one that anybody holds alone") \
	X(GUARD_BITS, "guardBits", 1, \
	  "the word of its holder has bits set that it cannot have") \
	X(PAIR_STATE, "pairState", 1, \
	  "the pair reads, or writes, a buffer that it has not") \
	X(PAIR_BEGUN, "pairBegun", 1, \
	  "the buffer that is read is said to be half written: the next " \
	  "commit mends it") \
	X(PAIR_WRITER, "pairWriter", 0, \
	  "its writer is not there any more; the next one succeeds it") \
	X(PAIR_BITS, "pairBits", 1, \
	  "the word of its writer has bits set that it cannot have") \
	X(PIN, "pin", 0, \
	  "a reader that is not there any more keeps a buffer from its writer")

enum aether_finding_what {
#define AETHER_FINDING_ID(ID, name, wrong, why) AETHER_FINDING_##ID,
	AETHER_FINDING_LIST(AETHER_FINDING_ID)
#undef AETHER_FINDING_ID
	AETHER_FINDINGS
};

#define AETHER_FINDING_NOBODY UINT32_MAX

struct aether_finding {
	uint32_t what;  /* enum aether_finding_what */
	uint32_t where; /* enum aether_finding_where */
	uint32_t index;
	uint32_t slot;  /* whom it concerns, or AETHER_FINDING_NOBODY */
	uint64_t found; /* the word as it was read */
	int wrong;      /* 0: a note */
	int repairable; /* a repair by me would end it now, note or not; 0: only
			   whom it concerns can, or it passes by itself */
	int repaired;   /* then it is repairable as well */
};

/*
 * Looks and tells `each` of one finding after the other, until it returns other
 * than 0; changes nothing. Takes a second or two more where much is
 * wrong while others live. An observer may call it. Returns 0, or what `each`
 * returned.
 */
AETHER_API int aether_doctor_look(
	const struct aether_plane *plane,
	int (*each)(const struct aether_finding *finding, void *user),
	void *user);

/*
 * Settles first what the dead left (reap.h), and what belongs to tenancies that
 * are not there; that is not told. Then looks as above, repairs what can be
 * repaired, and tells of all, `repaired` or not. Each repair is one step of the
 * protocol, which compares what was found with what is there. A lease that is
 * in no state that can be is freed: its bytes are lost. Nothing is taken from
 * somebody who lives and whose own words say so. Returns as above.
 */
AETHER_API int aether_doctor_repair(
	struct aether_participant *me,
	int (*each)(const struct aether_finding *finding, void *user),
	void *user);

/* "leaseState"; NULL: nothing of that number. */
AETHER_API const char *aether_doctor_name(uint32_t what);

/* What that is, one line, never NULL. */
AETHER_API const char *aether_doctor_why(uint32_t what);

#ifdef __cplusplus
}
#endif

#endif
