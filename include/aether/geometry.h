/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The geometry of a plane: how many strides of what size, and where its tables
 * lie. All offsets count from the plane's base, in bytes. A pure computation;
 * nothing is made.
 *
 *	layout's first 8 KiB and regions | participants | mailboxes |
 *	registers | leases | (padding) | data
 *
 * A plane may be divided into segments (segment.h): each has as many strides as
 * the others, a multiple of a register's, and the last may have fewer. Leases
 * and data stay one array each, segment after segment.
 *
 * Refused with AETHER_EGEOMETRY: no stride, or tables of more than
 * AETHER_TABLES_PERCENT_MAX percent of the plane; a layout's regions beyond the
 * first 8 KiB are no tables. Small strides need few
 * participants, for each has a mailbox with a place for every stride.
 *
 * May be called by anybody at any time.
 */
#ifndef AETHER_GEOMETRY_H
#define AETHER_GEOMETRY_H

#include <aether/api.h>

#ifdef __cplusplus
extern "C" {
#endif

struct aether_geometry {
	uint32_t layout;       /* index in AETHER_LAYOUT_LIST */
	uint32_t strides;      /* 1 to AETHER_STRIDES_MAX */
	uint32_t participants; /* slots, 1 to AETHER_PARTICIPANTS_MAX */
	uint32_t places;       /* of one mailbox, a power of two >= strides */
	uint32_t registers;    /* 32 strides each */
	uint32_t segments;     /* 0: undivided */
	uint32_t segment_strides; /* of a segment; undivided: all */
	uint32_t reserved;        /* 0 */
	uint64_t stride_size;     /* bytes, a power of two */
	uint64_t participants_offset;
	uint64_t mailboxes_offset;
	uint64_t registers_offset;
	uint64_t leases_offset;
	uint64_t tables_end; /* end of the tables, where the padding begins */
	uint64_t data_offset;
	uint64_t plane_size;
};

/*
 * Computes the geometry of `strides` strides of `stride_size` bytes for
 * `participants` slots; 0 participants asks for as many as the tables' limit
 * allows, at most AETHER_PARTICIPANTS_MAX.
 * Errors: AETHER_EINVAL (a number out of its limits, a stride size that is no
 * power of two), AETHER_ELAYOUT (no such layout). AETHER_EGEOMETRY (see above)
 * is the one failure that fills `*geometry`, so that the arithmetic can be
 * shown.
 */
AETHER_API int aether_geometry_make(uint32_t layout, uint32_t strides,
				    uint64_t stride_size, uint32_t participants,
				    struct aether_geometry *geometry);

/*
 * The same, divided into `segments`, 1 to AETHER_SEGMENTS_MAX; 0: undivided.
 * Also AETHER_EGEOMETRY: there are too few strides for so many segments.
 */
AETHER_API int aether_geometry_divide(uint32_t layout, uint32_t strides,
				      uint64_t stride_size,
				      uint32_t participants, uint32_t segments,
				      struct aether_geometry *geometry);

/*
 * How many strides a tier (enum aether_tier) means: as many as its data hold,
 * or, where the layout's tiers are sizes of the whole plane, as many as then
 * fit, which may be none. AETHER_EINVAL: no such tier, a stride size of 0.
 */
AETHER_API int aether_geometry_tier(uint32_t layout, uint32_t tier,
				    uint64_t stride_size, uint32_t participants,
				    uint32_t *strides);

/* The index of the layout of that name. AETHER_ELAYOUT: there is none. */
AETHER_API int aether_geometry_layout(const char *name, uint32_t *layout);

/* The offset of epoch `index`, in every layout. AETHER_ERANGE: no such one. */
AETHER_API int aether_geometry_epoch(uint32_t index, uint64_t *offset);

#ifdef __cplusplus
}
#endif

#endif
