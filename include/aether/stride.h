/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stride is a piece of the plane; a lease is the right to one; a handle is
 * the lease's name. Handles are numbers: copy them, send them, keep them. A
 * handle whose lease has ended is refused until the stride has been leased
 * 2^40 times more.
 *
 *	key                  call
 *	MEM_RESERVE_STRIDE   aether_stride_reserve    free -> mine
 *	MEM_RESOLVE_POINTER  aether_stride_resolve    where its bit-planes lie
 *	MEM_RELEASE_STRIDE   aether_stride_release    mine -> free
 *
 * Refusals, told apart: AETHER_EFOREIGN (a handle of another plane, as far as
 * its 8 bits tell, or no handle at all), AETHER_ERANGE (no such stride),
 * AETHER_ESTALE (that lease has ended), AETHER_EOWNER (the lease is somebody
 * else's, or on its way; or it is shared, and the call would write),
 * AETHER_EACCES (it is of a segment in which I have not the right that the call
 * needs: segment.h),
 * AETHER_ESUSPECT (its last owner died while working on it, and its holder has
 * not accepted that: reap.h).
 *
 * A run is n consecutive strides under one lease, with one handle: what is said
 * of a stride here holds for a run as a whole. Its bytes are contiguous.
 *
 * At once: each participant by one thread; different participants freely,
 * also for the same stride: one wins, the others are told.
 */
#ifndef AETHER_STRIDE_H
#define AETHER_STRIDE_H

#include <aether/api.h>
#include <aether/participant.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the data of a stride lie: what the ATU answers. */
struct aether_pointer {
	uint64_t plane[AETHER_PLANES]; /* offsets of bit-planes 0 to 7 in the
					  first tile, from the plane's base */
	uint64_t pitch;  /* bytes from a plane's tile to its next one */
	uint64_t base;   /* offset of the stride's first byte */
	uint64_t size;   /* bytes of the stride, or of the whole run */
	uint64_t length; /* bytes of content, at most `size` */
	uint32_t format; /* enum aether_format */
	uint32_t tile;   /* bytes of one plane in one tile */
};

struct aether_stride_info {
	uint32_t index;
	uint32_t state; /* enum aether_state */
	uint32_t slot;  /* owner or addressee: busy, routed, suspect, ending */
	uint32_t stamp; /* low bits of its tenancy's stamp */
	uint64_t generation; /* of the lease, or of the next one if dormant */
	uint64_t handle;     /* of the lease; 0 if dormant */
	uint64_t length;     /* bytes of content; a hint unless it is yours */
	uint32_t format;     /* enum aether_format; a hint unless it is yours */
	uint32_t tile;       /* bytes; a hint unless it is yours */
	uint32_t head;    /* first stride of its run; itself if there is none */
	uint64_t readers; /* slots that it is shared with, a bit each */
	uint32_t pair;    /* kept: whose it is, as the layout counts them */
	uint32_t buffer;  /* kept: which of that pair's buffers it is */
};

/*
 * Reserves the stride that the participant released last, if it is still free
 * (it is in cache), else the lowest free one in the participant's part of the
 * registry, else any. The new lease is empty: length 0, format raw, user data
 * zero. The bytes of the stride are as the last owner left them, or zero where
 * the plane was created so (AETHER_FLAG_ZERO; what one who may not write them
 * released is zeroed now). Before saying that none is free
 * it reaps, at most once in a millisecond; where the plane zeroes, that clears
 * what the dead had.
 * Does not wait; at most two steps per stride of the plane.
 * Errors: AETHER_EFULL, AETHER_EQUOTA, AETHER_EAGAIN (one was free, somebody
 * else was faster), AETHER_EACCES (I may write no segment).
 */
AETHER_API int aether_stride_reserve(struct aether_participant *me,
				     uint64_t *handle);

/* The same, of one segment (segment.h). Also AETHER_ERANGE: no such one. */
AETHER_API int aether_stride_reserve_in(struct aether_participant *me,
					uint32_t segment, uint64_t *handle);

/*
 * The same, waiting for a free stride until the deadline (clock.h).
 * Errors: AETHER_ETIMEDOUT, AETHER_EQUOTA, AETHER_EINTR.
 */
AETHER_API int aether_stride_reserve_until(struct aether_participant *me,
					   uint64_t deadline, uint64_t *handle);

/*
 * Reserves `count` consecutive strides as one lease. First fit, by trying; a
 * plane whose free strides lie scattered may have none. A run lies in one
 * segment.
 * Errors: as aether_stride_reserve; AETHER_EINVAL (0, or more than any segment
 * has in which I may write; of one segment, than that has).
 */
AETHER_API int aether_stride_reserve_run(struct aether_participant *me,
					 uint32_t count, uint64_t *handle);

/* The same, in one segment. Also AETHER_ERANGE: no such one. */
AETHER_API int aether_stride_reserve_run_in(struct aether_participant *me,
					    uint32_t segment, uint32_t count,
					    uint64_t *handle);

/*
 * Accepts a suspect lease of mine: from now on its content is what I say it is.
 * Until then it holds whatever its last owner had made of it when it died.
 * 0 also if it is not suspect.
 */
AETHER_API int aether_stride_accept(struct aether_participant *me,
				    uint64_t handle);

/* Ends the lease: the stride is free, the handle stale; of a shared one, my
 * part in it. Also AETHER_ECORRUPT: somebody wrote over its word meanwhile. */
AETHER_API int aether_stride_release(struct aether_participant *me,
				     uint64_t handle);

/* Where the data lie, as offsets: eight bit-planes and their pitch. Needs the
 * right to read. */
AETHER_API int aether_stride_resolve(struct aether_participant *me,
				     uint64_t handle,
				     struct aether_pointer *pointer);

/*
 * The stride as bytes: an address in this process, good while the lease is
 * mine. `size` may be NULL. Needs the right to read; where that is all that I
 * have, a store there faults (aether_segment_right asks).
 */
AETHER_API int aether_stride_bytes(struct aether_participant *me,
				   uint64_t handle, size_t *size, void **bytes);

/*
 * The 32 bytes of the user's own that travel with the lease, 8-byte aligned:
 * an address, good while the lease is mine.
 */
AETHER_API int aether_stride_user(struct aether_participant *me,
				  uint64_t handle, void **user);

/*
 * Says what the stride holds: `length` bytes (at most the stride's size) in
 * `format`; `tile` (a power of two, 8 to an eighth of the stride; 0 means
 * AETHER_TILE) matters if it is sliced. Needs the right to write.
 * Errors: the refusals, AETHER_EINVAL.
 */
AETHER_API int aether_stride_describe(struct aether_participant *me,
				      uint64_t handle, uint64_t length,
				      uint32_t format, uint32_t tile);

/*
 * What is known of the handle's stride, whoever owns it: how a holder of a
 * handle learns what became of its lease. Refuses only AETHER_EFOREIGN and
 * AETHER_ERANGE; compare `generation` or `handle` to see whether it is over.
 */
AETHER_API int aether_stride_query(const struct aether_plane *plane,
				   uint64_t handle,
				   struct aether_stride_info *info);

#ifdef __cplusplus
}
#endif

#endif
