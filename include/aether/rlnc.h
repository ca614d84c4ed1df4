/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random linear network coding. A generation is k sources of one length; a
 * packet is a sum of them, each times a coefficient of GF(2^8), polynomial
 * 0x11D, and travels with its k coefficients. Any k packets that are linearly
 * independent give back the sources, whoever made them, and whoever has some
 * packets can make new ones of them without decoding.
 *
 * The calls here work on coefficients alone and make matrices, one byte an
 * element, row after row, that gf256.h applies to strides:
 *
 *	encode   draw count x k: applied to the sources it makes the packets;
 *		 row i holds the coefficients of packet i
 *	recode   draw count x n: applied to n packets it makes new ones; combine
 *		 gives their coefficients, or the heads do (below)
 *	decode   add each packet's coefficients when it arrives: says at once
 *		 whether it brings anything new; decoder makes the matrix that
 *		 gives sources from the packets that did
 *
 * A source that is sent as it is is a packet, too: its coefficients are a
 * single 1. It costs nothing to make, and nothing to decode.
 *
 * Where coefficients travel is up to the caller: those of up to 32 sources fit
 * in the 32 bytes that go with a lease (stride.h). For more, and wherever one
 * likes, they are the stride's head: the first AETHER_RLNC_HEAD bytes of the
 * sliced content. Sources begin with heads of a single 1; then whatever is made
 * of whole strides has its right coefficients in its head by itself.
 *
 * Whoever may send packets can spoil a generation: a packet that is not what
 * its coefficients say makes sources wrong, and no coefficient shows it. Keep a
 * checksum of each source.
 *
 * Coefficients and numbers of sources may lie in a plane: any bytes are
 * allowed, and whoever changes them meanwhile makes a wrong result, or a
 * refusal, and nothing worse. Nothing is allocated, and less than 5 KiB of
 * stack is needed; calls on different objects, and those that only read the
 * same one, may be made at once.
 */
#ifndef AETHER_RLNC_H
#define AETHER_RLNC_H

#include <aether/api.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AETHER_RLNC_SOURCES_MAX 255
#define AETHER_RLNC_HEAD (AETHER_PLANES * AETHER_TILE) /* bytes of a head */

/*
 * rows x columns random elements, no row of which is all zeros. They depend on
 * *seed alone, which moves on; any value is a seed. docs/rlnc.md has the
 * generator. Random enough for coding, of no use for secrets.
 * All seeds are places of one sequence, 0x9E3779B97F4A7C15 from one to the
 * next: those that differ by a small multiple of it draw the same rows, some
 * rows later. Take random ones (getrandom).
 * AETHER_EINVAL: rows or columns are 0 or above AETHER_RLNC_SOURCES_MAX.
 */
AETHER_API int aether_rlnc_draw(uint64_t *seed, uint32_t rows, uint32_t columns,
				uint8_t *matrix);

/*
 * rows x k: the coefficients of packets that a matrix, rows x columns, makes
 * of `columns` packets with coefficients `packets`, columns x k. `result` must
 * not overlap the others.
 * AETHER_EINVAL: rows, columns or k are 0 or above AETHER_RLNC_SOURCES_MAX.
 */
AETHER_API int aether_rlnc_combine(const uint8_t *matrix, uint32_t rows,
				   uint32_t columns, const uint8_t *packets,
				   uint32_t k, uint8_t *result);

/* Writes a head: k coefficients, then zeros, sliced with AETHER_TILE.
 * AETHER_EINVAL: k is 0 or above AETHER_RLNC_SOURCES_MAX. */
AETHER_API int aether_rlnc_head_write(void *head, uint32_t k,
				      const uint8_t *coefficients);

/* Reads one. Also AETHER_EINVAL: what comes after k coefficients is not all
 * zeros, so this is no head, or one of another generation. */
AETHER_API int aether_rlnc_head_read(const void *head, uint32_t k,
				     uint8_t *coefficients);

/* What is known of a generation: the coefficients of those packets that brought
 * something new, and how sources come from them. */
struct aether_rlnc;

/* Bytes of memory that it needs for k sources, some 2 * k * k; 0: k is 0 or
 * above AETHER_RLNC_SOURCES_MAX. */
AETHER_API size_t aether_rlnc_size(uint32_t k);

/*
 * Begins with nothing known, in `memory` of aether_rlnc_size(k) bytes, 8-byte
 * aligned, which the caller frees when it likes. It is believed, so it must not
 * lie where others write. Init again begins the next generation.
 * AETHER_EINVAL: k, or the alignment.
 */
AETHER_API int aether_rlnc_init(uint32_t k, void *memory,
				struct aether_rlnc **rlnc);

/*
 * Adds a packet's coefficients, k of them. 1: it is innovative; keep it: it is
 * packet number rank - 1 from now on. 0: it is a sum of those that are here
 * already; drop it. At most 4 * k * (k + 5) steps, each an exclusive or of
 * eight bytes, a half of that on average, and one inverse.
 */
AETHER_API int aether_rlnc_add(struct aether_rlnc *rlnc,
			       const uint8_t *coefficients);

/* How many packets were innovative. k of them: every source can be had. */
AETHER_API uint32_t aether_rlnc_rank(const struct aether_rlnc *rlnc);

/* 1: this source can be had from the packets that are here. */
AETHER_API int aether_rlnc_has(const struct aether_rlnc *rlnc, uint32_t source);

/*
 * count x rank: gives the sources `wanted`, in this order, from the innovative
 * packets in the order in which they were added.
 * AETHER_EINVAL: one of them cannot be had yet, or a count of 0 or above
 * AETHER_RLNC_SOURCES_MAX; then nothing was written.
 */
AETHER_API int aether_rlnc_decoder(const struct aether_rlnc *rlnc,
				   const uint32_t *wanted, uint32_t count,
				   uint8_t *matrix);

#ifdef __cplusplus
}
#endif

#endif
