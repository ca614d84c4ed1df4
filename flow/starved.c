/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is there any hope of a free stride? Not if the dead hold them all: nobody
 * gives those back in this release, and waiting for them would never end.
 */
#include "stage.h"

/* The tenancies that live, by slot; 0: none. */
static uint32_t find_living(const struct aether_plane *plane,
			    uint64_t living[AETHER_PARTICIPANTS_MAX])
{
	struct aether_participant_info info;
	uint32_t slot = 0;

	while (slot < AETHER_PARTICIPANTS_MAX &&
	       aether_participant_look(plane, slot, &info) == 0)
		living[slot++] = info.alive ? info.tenancy : 0;
	return slot;
}

static int is_held_by_living(const struct aether_stride_info *info,
			     const uint64_t *living, uint32_t slots)
{
	if (info->state != AETHER_STATE_BUSY &&
	    info->state != AETHER_STATE_ROUTED)
		return 1; /* free, or more than this function knows of */
	return info->slot < slots && living[info->slot] &&
	       (AETHER_TENANCY_STAMP(living[info->slot]) &
		AETHER_LEASE_STAMP_MASK) == info->stamp;
}

int ae_stage_starved(struct ae_stage *stage)
{
	uint64_t living[AETHER_PARTICIPANTS_MAX];
	uint32_t slots = find_living(stage->plane, living);
	struct aether_stride_info info;
	uint32_t strides = 0;

	while (aether_registry_look(stage->plane, strides, &info) !=
	       AETHER_ERANGE) {
		if (is_held_by_living(&info, living, slots))
			return 0;
		strides++;
	}
	return ae_stage_fail(stage, AETHER_EFULL, 0,
			     "all %u strides of the plane are held by dead "
			     "participants, and this release does not give "
			     "them back; destroy the plane and create it anew.",
			     strides);
}
