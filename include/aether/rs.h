/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Reed-Solomon code: from k sources come m parities, and any k of these
 * k + m shards give back all of them. The calls here make small matrices over
 * GF(2^8), polynomial 0x11D, one byte an element, row after row; gf256.h
 * applies a matrix to strides.
 *
 *	encoder    all parities from all sources
 *	rebuilder  any shards from any k others
 *	patcher    what a change of one source changes in the parities
 *	checker    zeros from shards that fit together, something else otherwise
 *
 * Shards have numbers: 0 to k - 1 are the sources as they are, k to k + m - 1
 * the parities. Parity i has the coefficient 1 / ((k + i) xor j) for source j,
 * the common Cauchy construction: un-sliced, its bytes are those that other
 * libraries of this construction make (ISA-L's gf_gen_cauchy1_matrix).
 *
 * A code finds what is missing, not what is wrong: it must be told which shards
 * are lost. Keep a checksum of each.
 *
 * Pure functions of their arguments, for any number of threads at once: they
 * allocate nothing and need less than 2 KiB of stack. Numbers of shards may lie
 * in a plane: each is read once, so whoever changes them meanwhile gets a
 * matrix for what was read, or a refusal. All return 0, or
 * AETHER_EINVAL for k or m of 0 or k + m above AETHER_RS_SHARDS_MAX, and for
 * what their descriptions say; then nothing was written.
 */
#ifndef AETHER_RS_H
#define AETHER_RS_H

#include <aether/api.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AETHER_RS_SHARDS_MAX 255 /* k + m */

/* m x k: the parities from the sources 0 to k - 1. */
AETHER_API int aether_rs_encoder(uint32_t k, uint32_t m, uint8_t *matrix);

/*
 * count x k: the shards `wanted`, in this order, from the k shards `have`, in
 * that order. Both may hold sources and parities; a wanted one that is there
 * has a row with a single 1, which makes a copy of it: it is a source of the
 * burn, so it is refused as a target (AETHER_EINVAL of aether_gf256_burn). Who
 * rebuilds shards where they were wants only those that are not there.
 * Takes k * count steps, and 2 * (k + count) for each source that is not there:
 * no matrix is inverted.
 * AETHER_EINVAL: also a shard of k + m or above, one that is twice in `have` or
 * twice in `wanted`, or a count of 0.
 */
AETHER_API int aether_rs_rebuilder(uint32_t k, uint32_t m, const uint32_t *have,
				   const uint32_t *wanted, uint32_t count,
				   uint8_t *matrix);

/*
 * m x 1: what to add to each parity from the difference, old xor new, of one
 * source; so the other sources need not be read. Each element written twice in
 * a row makes m x 2, which adds the same from the old content and the new one.
 * AETHER_EINVAL: also a source of k or above.
 */
AETHER_API int aether_rs_patcher(uint32_t k, uint32_t m, uint32_t source,
				 uint8_t *matrix);

/*
 * m x (k + m): from all shards, in their order, m results; all of them are
 * zeros if and only if the parities are those of the sources. A single shard
 * that is wrong makes all of the m results wrong where it is wrong, if it is a
 * source, or exactly its own, if it is a parity.
 */
AETHER_API int aether_rs_checker(uint32_t k, uint32_t m, uint8_t *matrix);

#ifdef __cplusplus
}
#endif

#endif
