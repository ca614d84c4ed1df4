/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic in GF(2^8), the field of 256 elements that erasure codes and
 * network codes are made of, on bytes and on bit-planes. A byte is a
 * polynomial over its bits; sums are exclusive or; products are taken modulo
 * x^8 + x^4 + x^3 + x^2 + 1 (0x11D), as nearly everybody takes them.
 *
 * A matrix of such elements is prepared once (make) and then applied to
 * streams of bytes that are sliced into bit-planes of AETHER_TILE (slice.h):
 * each target becomes a sum of products of the sources. On bit-planes a
 * product with a constant is a handful of exclusive ors of whole vectors.
 *
 *	struct aether_gf256 *code;
 *
 *	aether_gf256_make(matrix, 4, 10, &code);
 *	aether_gf256_apply(code, parities, shards, 128 * 1024, 0);
 *	aether_gf256_free(code);
 *
 * The elements 0 and 1 are legal and cheap: for a 0 nothing is read.
 *
 * At once: what make has made is only read from then on, by any number of
 * threads. burn is as other calls for a participant: by one thread each.
 */
#ifndef AETHER_GF256_H
#define AETHER_GF256_H

#include <aether/api.h>
#include <aether/participant.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Most targets, and most sources. */
#define AETHER_GF256_MAX 255

/* Lengths are multiples of this: a tile's worth of content. */
#define AETHER_GF256_BLOCK (AETHER_PLANES * AETHER_TILE)

/* The product of two elements. */
AETHER_API uint8_t aether_gf256_multiply(uint8_t a, uint8_t b);

/* What an element is to be multiplied with to give 1. Of 0, which has no
 * inverse: 0. */
AETHER_API uint8_t aether_gf256_inverse(uint8_t a);

/*
 * Inverts a matrix of n x n elements, row after row; `inverse` may be `matrix`.
 * Errors: AETHER_EINVAL (it has no inverse; n is 0 or above AETHER_GF256_MAX),
 * AETHER_ENOMEM.
 */
AETHER_API int aether_gf256_invert(const uint8_t *matrix, uint32_t n,
				   uint8_t *inverse);

/* A matrix, prepared for the kernels in use (isa.h). */
struct aether_gf256;

/*
 * Prepares a matrix of `targets` rows and `sources` columns, row after row; it
 * is copied. Takes 16 bytes for each element that is not 0, or 32.
 * Errors: AETHER_EINVAL (0 targets or sources, or more than AETHER_GF256_MAX),
 * AETHER_ENOMEM.
 */
AETHER_API int aether_gf256_make(const uint8_t *matrix, uint32_t targets,
				 uint32_t sources, struct aether_gf256 **gf256);

/* Frees it; NULL is allowed. Nobody may be using it. */
AETHER_API void aether_gf256_free(struct aether_gf256 *gf256);

/* How many targets and sources it has; of NULL: 0. So many addresses, or
 * handles, are read by apply and burn. */
AETHER_API uint32_t aether_gf256_targets(const struct aether_gf256 *gf256);
AETHER_API uint32_t aether_gf256_sources(const struct aether_gf256 *gf256);

/* The sums are added to what the targets hold; else they take its place. */
#define AETHER_GF256_ADD 1u

/* The targets are written past the caches where the processor can, which saves
 * fetching what is overwritten. For targets that nobody reads soon, such as
 * many MiB of them; in cache it is slower. Targets must begin at a multiple of
 * AETHER_TILE for it, else it is as if it were not asked for. */
#define AETHER_GF256_STREAM 2u

/*
 * targets[i] = sum over j of matrix[i * sources + j] * sources[j], all of them
 * bit-planes in tiles of AETHER_TILE, of `length` bytes. Each source is read
 * from memory once for all targets. No alignment is needed; multiples of 64
 * are faster. Does not wait.
 * Errors: AETHER_EINVAL, and nothing was written (no matrix; the length is no
 * multiple of AETHER_GF256_BLOCK; unknown flags; a target overlaps a source
 * or another target).
 */
AETHER_API int aether_gf256_apply(const struct aether_gf256 *gf256,
				  void *const *targets,
				  const void *const *sources, size_t length,
				  uint32_t flags);

/*
 * The same from leases to leases, by their handles: the sources may be mine or
 * shared with me, the targets are mine. All of them are looked at before the
 * first byte is written. What the targets hold is not described anew
 * (aether_stride_describe), nor do the sources have to be described as sliced.
 * Errors: the refusals of stride.h, for whichever lease comes first; those of
 * apply; AETHER_EINVAL (the length is more than a lease has bytes; a target is
 * named twice, or is a source), AETHER_EOWNER and AETHER_EACCES (a target that
 * I may only read). AETHER_ECORRUPT also if memory of the plane was taken away
 * meanwhile (fault.h): what the targets hold is then nothing.
 */
AETHER_API int aether_gf256_burn(struct aether_participant *me,
				 const struct aether_gf256 *gf256,
				 const uint64_t *targets,
				 const uint64_t *sources, size_t length,
				 uint32_t flags);

#ifdef __cplusplus
}
#endif

#endif
