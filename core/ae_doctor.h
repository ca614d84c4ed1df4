/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor between its files: doctor.c goes through the plane and tells,
 * doctor_seat.c looks at the header, seats and mailboxes, doctor_lease.c at
 * leases and registers, doctor_word.c at what holder words hold and pairs keep,
 * doctor_mend.c repairs.
 */
#ifndef AE_DOCTOR_H
#define AE_DOCTOR_H

#include "ae_base.h"

/* Suspicions that are looked at again together. */
#define AE_SUSPICIONS 128

/* One check of one thing yields no more than these. */
#define AE_SUSPICIONS_EACH 8

struct ae_doctor;
struct ae_suspicion {
	struct aether_finding finding;
	uint32_t at; /* what its check is called with */
	void (*check)(struct ae_doctor *doctor, uint32_t index);
};

struct ae_doctor {
	const struct aether_plane *plane;
	struct aether_participant *me; /* who repairs; NULL: nobody does */
	int (*each)(const struct aether_finding *finding, void *user);
	void *user;
	int result; /* of `each` */

	uint64_t alive; /* slots whose lock is held, a bit each */
	uint64_t pause; /* ns that may still be spent between two looks */
	void (*check)(struct ae_doctor *doctor, uint32_t index);
	uint32_t at;
	struct ae_suspicion *again; /* is looked at again; NULL: none is */
	int same;                   /* and is as it was */
	uint32_t count;
	struct ae_suspicion list[AE_SUSPICIONS];

	uint32_t box;  /* of which mailbox this is known, and 1; 0: of none */
	int box_known; /* 0: its places say nothing */
	uint64_t base; /* where its places begin */
};

/* Something is not as it should be, as far as this one look tells. */
void ae_doctor_suspect(struct ae_doctor *doctor,
		       const struct aether_finding *finding);

/* Does somebody live in that slot, other than who repairs? */
static inline int ae_doctor_lives(const struct ae_doctor *doctor, uint32_t slot)
{
	return slot < doctor->plane->geometry.participants &&
	       (doctor->alive >> slot & 1);
}

/* Their addresses are taken: said to be hidden, so that no table of the
 * loader's is needed for that. */
#pragma GCC visibility push(hidden)

/* doctor_seat.c */
void ae_doctor_header(struct ae_doctor *doctor, uint32_t zero);
void ae_doctor_seat(struct ae_doctor *doctor, uint32_t slot);
void ae_doctor_box(struct ae_doctor *doctor, uint32_t slot);
void ae_doctor_place(struct ae_doctor *doctor, uint32_t index);

/* doctor_lease.c */
void ae_doctor_lease(struct ae_doctor *doctor, uint32_t index);
void ae_doctor_register(struct ae_doctor *doctor, uint32_t index);

void ae_doctor_route(struct ae_doctor *doctor, uint32_t index);

/* doctor_word.c */
void ae_doctor_kept(struct ae_doctor *doctor, uint32_t index);
void ae_doctor_epoch(struct ae_doctor *doctor, uint32_t index);
void ae_doctor_guard(struct ae_doctor *doctor, uint32_t index);
void ae_doctor_pair(struct ae_doctor *doctor, uint32_t index);
void ae_doctor_pin(struct ae_doctor *doctor, uint32_t index);

#pragma GCC visibility pop

/* Is whom a holder word names not there any more? */
int ae_doctor_gone(const struct ae_doctor *doctor, uint64_t word);

/* Does somebody who lives use what a kept word says, by words of its own? */
int ae_doctor_kept_used(const struct ae_doctor *doctor, uint64_t word);

/* doctor_mend.c: what is repairable. 1: it is repaired. */
int ae_doctor_mend(struct ae_doctor *doctor, const struct aether_finding *f);

#endif
