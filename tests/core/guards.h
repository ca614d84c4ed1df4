/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of guards begin and end with: a plane of the layout `inos` on
 * which nobody reaps by himself, with a kernel and a module; names of guards;
 * what a guard's record says.
 */
#ifndef GUARDS_H
#define GUARDS_H

#include "victim.h"

#define INBOX AETHER_INOS_GUARD_INBOX         /* single, kernel, epoch 1 */
#define OUTBOX AETHER_INOS_GUARD_OUTBOX       /* multi, both, epoch 2 */
#define HISTORY AETHER_INOS_GUARD_JOB_HISTORY /* single, kernel, no epoch */
#define PATTERNS AETHER_INOS_GUARD_PATTERN_EXCHANGE /* multi, kernel */

static struct aether_plane *plane;
static struct aether_participant *kernel, *module;

static inline struct aether_participant *guards_join(struct aether_plane *where,
						     uint32_t role)
{
	struct aether_participant_options options = { .role = role };

	return rig_join_with(where, &options);
}

static inline struct aether_participant *joins(uint32_t role)
{
	return guards_join(plane, role);
}

static inline struct aether_plane *guards_plane(uint32_t flags)
{
	struct aether_plane_options options = { .layout = "inos",
						.strides = 64,
						.stride_size = 65536,
						.participants = 16,
						.flags = flags };
	struct aether_error error = { .code = 0 };
	struct aether_plane *made = NULL;

	if (aether_plane_create(NULL, &options, &error, &made) < 0)
		printf("# %s\n", error.text);
	need(made);
	return made;
}

static inline void guards_begin(void)
{
	plane = guards_plane(0);
	ae_posix_watch_free(plane);
	kernel = joins(AETHER_ROLE_KERNEL);
	module = joins(AETHER_ROLE_MODULE);
}

static inline void guards_end(void)
{
	aether_participant_leave(kernel);
	aether_participant_leave(module);
	need(aether_plane_detach(plane) == 0);
}

/* Each test on a plane of its own. */
static inline void guards_each(void (*const all[])(void), size_t count)
{
	for (size_t i = 0; i < count; i++) {
		guards_begin();
		all[i]();
		guards_end();
	}
}

static inline struct aether_guard_info look(uint32_t guard)
{
	struct aether_guard_info info;

	need(aether_guard_look(plane, guard, &info) == 0);
	return info;
}

static inline int counted(uint32_t guard, uint32_t kind)
{
	return (int)look(guard).violations[kind];
}

static inline struct aether_guard_seg *record(uint32_t guard)
{
	return (struct aether_guard_seg *)(void *)(plane->base +
						   plane->layout->guard_records
							   .offset) +
	       guard;
}

static inline struct aether_word32 *epoch_word(uint32_t index)
{
	uint64_t offset = 0;

	need(aether_geometry_epoch(index, &offset) == 0);
	return (void *)(plane->base + offset);
}

#endif
