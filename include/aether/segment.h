/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment is a part of the plane's strides with rights of its own. Its leases
 * and its data are memory objects (files) of their own; what a process was not
 * granted it has not mapped, so the MMU keeps it out, not this library.
 *
 *	right   mapped                     allows
 *	none    nothing                    nothing
 *	route   leases                     take, route, share, release, look
 *	read    leases, data for reading   also to resolve and read
 *	write   leases, data               also to reserve, describe and write
 *
 * A call that needs more answers AETHER_EACCES. With `read` a stride's address
 * is good for reading: a store there faults. Who is routed a stride must see
 * its segment: AETHER_EACCES tells the sender.
 *
 * Everybody who has the plane at all has its control part, for writing, unless
 * he is an observer: seats, mailboxes, registers. An observer's rights say what
 * he sees; he never writes.
 *
 * A plane that is not divided is one segment, number 0, of all strides.
 *
 * At once: by anybody. Rights never change while one is attached.
 */
#ifndef AETHER_SEGMENT_H
#define AETHER_SEGMENT_H

#include <aether/api.h>
#include <aether/error.h>
#include <aether/plane.h>

#ifdef __cplusplus
extern "C" {
#endif

struct aether_segment_info {
	uint32_t segment;
	uint32_t right;   /* enum aether_right: of this attachment */
	uint32_t first;   /* its first stride */
	uint32_t strides; /* how many follow it, itself counted */
	uint64_t leases_offset;
	uint64_t leases_size; /* bytes */
	uint64_t data_offset;
	uint64_t data_size; /* bytes */
};

/* What a segment is, and what I may in it. AETHER_ERANGE: no such one. */
AETHER_API int aether_segment_look(const struct aether_plane *plane,
				   uint32_t segment,
				   struct aether_segment_info *info);

/* The segment of stride `index`. AETHER_ERANGE: no such stride. */
AETHER_API int aether_segment_of(const struct aether_plane *plane,
				 uint32_t index, uint32_t *segment);

/*
 * My right to the handle's stride: may I write where aether_stride_bytes leads?
 * Errors: AETHER_EFOREIGN, AETHER_ERANGE.
 */
AETHER_API int aether_segment_right(const struct aether_plane *plane,
				    uint64_t handle, uint32_t *right);

/*
 * Fills `error`, which may be NULL, for what needs a right that I have not:
 * `what` (no full stop), and how it is granted: by a rule of the attach socket
 * if the plane came over one, else by the modes of its files. Returns
 * AETHER_EACCES.
 */
AETHER_API int aether_segment_refuse(const struct aether_plane *plane,
				     uint32_t right, struct aether_error *error,
				     const char *what, ...)
	__attribute__((format(printf, 4, 5)));

/* "read"; NULL: no such right. */
AETHER_API const char *aether_segment_right_name(uint32_t right);

#ifdef __cplusplus
}
#endif

#endif
