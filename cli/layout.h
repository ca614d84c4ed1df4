/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What aether layout prints, in JSON (layout.c) and in text (layout_text.c).
 */
#ifndef CLI_LAYOUT_H
#define CLI_LAYOUT_H

#include "cli.h"

/* What was asked for, and what a plane has of its own. */
struct layout {
	struct cli_common common;
	const char *layout;
	const char *name;
	uint64_t id;       /* in the names of its files */
	uint32_t segments; /* shown; 0: none */
	uint32_t right[AETHER_SEGMENTS_MAX];
	struct aether_segment_info is[AETHER_SEGMENTS_MAX];
};

struct region {
	const char *name; /* NULL: a gap */
	uint64_t offset;
	uint64_t size;
	const char *kind;
	int addition;
};

/* Names by number: kinds of epochs, modes of guards, tiers. */
extern const char *const layout_kinds[];
extern const char *const layout_modes[];
extern const char *const layout_tiers[];

/* Calls `each` for regions and gaps by offset, up to `end`. `all` are the
 * regions, by offset. */
void layout_walk(const struct region *all, size_t count, uint64_t end,
		 void (*each)(const struct region *, void *), void *user);

/* Prints everything for people. */
void layout_print(const struct layout *layout, const struct aether_layout *has,
		  const struct aether_geometry *is, const struct region *all,
		  size_t count);

#endif
