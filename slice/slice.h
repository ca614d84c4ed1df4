/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a slicing kernel offers to slice.c: one file per instruction set, all
 * with the same functions. A kernel knows blocks only: 512 bytes of content
 * and 64 bytes, a cache line, of each plane. Tiles and tails are slice.c's.
 */
#ifndef AE_SLICE_H
#define AE_SLICE_H

#include <aether/slice.h>

/* A block: bytes of each plane, and of content. */
#define AE_SLICE_LINE 64
#define AE_SLICE_BLOCK (AETHER_PLANES * AE_SLICE_LINE)

/* How many blocks ahead a kernel asks for memory, if it does. */
#define AE_SLICE_AHEAD 16

/* Bytes of content in a group: eight bytes for each of eight planes. */
#define AE_SLICE_GROUP 64

/*
 * Slices `blocks` blocks, or the inverse. The content of block b lies at 512 *
 * b, plane p of it at p * pitch + b * step. The two must not overlap, except
 * that with pitch 64 and step 512 they may be the same.
 */
typedef void ae_slice_blocks(uint8_t *out, const uint8_t *in, size_t pitch,
			     size_t step, size_t blocks);

struct ae_slice_kernel {
	const char *name;
	ae_slice_blocks *slice; /* NULL: this build has no such kernel */
	ae_slice_blocks *unslice;
	/*
	 * The same past the caches; NULL: there is none. `out`, pitch and step
	 * are multiples of a line, the two never the same. Whoever is told of
	 * the result sees it only after drain().
	 */
	ae_slice_blocks *slice_stream;
	ae_slice_blocks *unslice_stream;
	void (*drain)(void);
};

extern const struct ae_slice_kernel ae_slice_scalar;
extern const struct ae_slice_kernel ae_slice_avx2;
extern const struct ae_slice_kernel ae_slice_avx512;
extern const struct ae_slice_kernel ae_slice_gfni;
extern const struct ae_slice_kernel ae_slice_simd128;

/* The one in use. */
const struct ae_slice_kernel *ae_slice_kernel(void);

/*
 * What does not fill a block, by 64-bit words. Plane p of group g goes to
 * out + p * pitch + 8 * g. The two must not overlap.
 */
void ae_slice_groups(uint8_t *out, const uint8_t *in, size_t pitch,
		     size_t groups);
void ae_unslice_groups(uint8_t *out, const uint8_t *in, size_t pitch,
		       size_t groups);

/* Slices one word of eight bytes: byte p of the result is plane p. It is its
 * own inverse. */
uint64_t ae_slice_word(uint64_t word);

#endif
