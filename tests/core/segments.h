/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of segments share: a plane divided into four, attachments that
 * ask for less.
 */
#ifndef SEGMENTS_H
#define SEGMENTS_H

#include "rig.h"

#define SIZE 8192
#define SEGMENTS 4
#define EACH 32
#define STRIDES (SEGMENTS * EACH)
#define ALL (~UINT64_C(0))

static inline struct aether_plane *divided(uint32_t strides, uint32_t segments,
					   uint32_t flags)
{
	struct aether_plane_options o = { .strides = strides,
					  .stride_size = SIZE,
					  .participants = 6,
					  .segments = segments,
					  .flags = flags };
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;

	if (aether_plane_create(NULL, &o, &error, &plane) < 0)
		printf("# %s\n", error.text);
	need(plane);
	return plane;
}

static inline struct aether_plane *again(const struct aether_plane *plane,
					 uint64_t hidden, uint64_t no_data,
					 uint64_t read_only)
{
	struct aether_attach_options o = { .hidden = hidden,
					   .no_data = no_data,
					   .read_only = read_only };
	struct aether_error error = { .code = 0 };
	struct aether_plane *made = NULL;

	if (aether_plane_reattach(plane, &o, &error, &made) < 0)
		printf("# %s\n", error.text);
	need(made);
	return made;
}

static inline uint32_t index_of(uint64_t handle)
{
	return (uint32_t)AETHER_HANDLE_STRIDE(handle);
}

static inline uint64_t reserve_in(struct aether_participant *me,
				  uint32_t segment)
{
	uint64_t handle = 0;

	need(aether_stride_reserve_in(me, segment, &handle) == 0);
	return handle;
}

/* Reserves all of a segment; how many they were. */
static inline uint32_t fill(struct aether_participant *me, uint32_t segment,
			    uint64_t *handles)
{
	uint32_t n = 0;

	while (aether_stride_reserve_in(me, segment, &handles[n]) == 0) {
		need(index_of(handles[n]) / EACH == segment);
		n++;
	}
	return n;
}

#endif
