/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry, for people and tools: who holds which stride. The truth is
 * each stride's lease word; the occupancy registers, 32 strides each, are
 * hints that speed up reserving and are mended by whoever finds one wrong. One
 * bit per participant may stay set although its stride is free, until it
 * parks, leaves or releases another (its warm stride).
 *
 * Reads only, takes no slot, disturbs nobody. At once: by anybody. While others
 * work, what is read is true of each stride at some moment during the call.
 */
#ifndef AETHER_REGISTRY_H
#define AETHER_REGISTRY_H

#include <aether/api.h>
#include <aether/plane.h>
#include <aether/stride.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AETHER_REGISTRY_STATES 8

struct aether_registry_counts {
	uint32_t states[AETHER_REGISTRY_STATES]; /* by enum aether_state */
	uint32_t stale_set;   /* free, but the register says occupied */
	uint32_t stale_clear; /* occupied, but the register says free */
	uint32_t corrupt;     /* words that cannot be */
	uint32_t unseen;      /* in segments whose leases I do not see */
};

/* Looks at stride `index`. One of a run that is not its head says cont; `head`
 * says where to look for its owner. Errors: AETHER_ERANGE, AETHER_ECORRUPT,
 * AETHER_EACCES (of a segment whose leases I do not see). */
AETHER_API int aether_registry_look(const struct aether_plane *plane,
				    uint32_t index,
				    struct aether_stride_info *info);

/* Register `index` as it stands. AETHER_ERANGE: no such register. */
AETHER_API int aether_registry_bits(const struct aether_plane *plane,
				    uint32_t index, uint32_t *bits);

/* Counts strides by state, and hints that differ. Never fails; returns 0. */
AETHER_API int aether_registry_count(const struct aether_plane *plane,
				     struct aether_registry_counts *counts);

/* "busy"; NULL: no such state. */
AETHER_API const char *aether_registry_state_name(uint32_t state);

#ifdef __cplusplus
}
#endif

#endif
