/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a slicing kernel offers to slice.c: one file per instruction set, all
 * with the same two functions. A kernel knows groups only: 64 bytes of content
 * and eight bytes of each plane. Tiles, tails and working in place are
 * slice.c's.
 */
#ifndef AE_SLICE_H
#define AE_SLICE_H

#include <aether/slice.h>

/* Bytes of content in a group: eight bytes for each of eight planes. */
#define AE_SLICE_GROUP 64

struct ae_slice_kernel {
	const char *name;
	/*
	 * Slices `groups` groups from `in`. Plane p of group g goes to
	 * out + p * pitch + 8 * g. The two must not overlap, unless pitch is 8
	 * and they are the same.
	 */
	void (*slice)(uint8_t *out, const uint8_t *in, size_t pitch,
		      size_t groups);
	/* The inverse: planes at `in`, bytes to `out`. */
	void (*unslice)(uint8_t *out, const uint8_t *in, size_t pitch,
			size_t groups);
};

extern const struct ae_slice_kernel ae_slice_scalar;

/* Slices one word of eight bytes: byte p of the result is plane p. It is its
 * own inverse. */
uint64_t ae_slice_word(uint64_t word);

#endif
