/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stages need in the segments of a plane. Who has too little of it in all
 * of them is refused before it begins: it would wait for a stream that nobody
 * can route to it. Where it has enough in some only, each stride is looked at,
 * for a store without the right would fault.
 */
#include "stage.h"

static const char *name_of(uint32_t right)
{
	const char *name = aether_segment_right_name(right);

	return name ? name : "unknown";
}

uint32_t ae_stage_right(uint32_t role)
{
	switch (role) {
	case AETHER_ROLE_ORCHESTRATOR: /* looks at leases alone */
		return AETHER_RIGHT_ROUTE;
	case AETHER_ROLE_EGRESS: /* what is not sliced it only reads */
		return AETHER_RIGHT_READ;
	default:
		return AETHER_RIGHT_WRITE;
	}
}

int aether_flow_check(const struct aether_plane *plane, uint32_t role,
		      struct aether_error *error)
{
	const char *name = aether_participant_role_name(role);
	uint32_t right = ae_stage_right(role), most = AETHER_RIGHT_NONE;
	struct aether_segment_info is;

	for (uint32_t i = 0; aether_segment_look(plane, i, &is) == 0; i++)
		if (is.right > most)
			most = is.right;
	if (most >= right)
		return 0;
	/* advice that does for every stream */
	if (right == AETHER_RIGHT_READ)
		return aether_segment_refuse(
			plane, AETHER_RIGHT_WRITE, error,
			"the egress needs the right write in this plane, or "
			"read where the stream is not sliced, and the most "
			"that it has is %s",
			name_of(most));
	return aether_segment_refuse(plane, right, error,
				     "the %s needs the right %s in this plane, "
				     "and the most that it has is %s",
				     name ? name : "stage", name_of(right),
				     name_of(most));
}

int ae_stage_check(struct ae_stage *stage)
{
	return aether_flow_check(stage->plane, stage->role, stage->error);
}

int ae_cargo_writable(struct ae_stage *stage, const struct ae_cargo *cargo,
		      const char *why)
{
	uint32_t right = AETHER_RIGHT_NONE;

	aether_segment_right(stage->plane, cargo->handle, &right);
	if (right >= AETHER_RIGHT_WRITE)
		return 0;
	return aether_segment_refuse(
		stage->plane, AETHER_RIGHT_WRITE, stage->error,
		"stride %u is %s where it lies, which needs the right write, "
		"and the right to its segment is %s",
		(unsigned int)AETHER_HANDLE_STRIDE(cargo->handle), why,
		name_of(right));
}
