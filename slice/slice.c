/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to bit-planes and back, for any length, tile and alignment. Works tile
 * by tile; a tile that is to stay where it is goes through a buffer on the
 * stack, so the cost of working in place is one copy within the first-level
 * cache. Allocates nothing, remembers nothing, fails only on wrong tiles.
 */
#include <string.h>
#include "slice.h"

/* The kernel in use. A choice by instruction set belongs here. */
static const struct ae_slice_kernel *const kernel = &ae_slice_scalar;

/* A part of at most this many content bytes can be staged. */
#define STAGE (AETHER_PLANES * AETHER_SLICE_INPLACE_MAX)

static int check(const void *out, const void *in, size_t tile)
{
	if (tile < 8 || (tile & (tile - 1)) || tile > SIZE_MAX / AETHER_PLANES)
		return AETHER_EINVAL;
	if (out == in && tile > AETHER_SLICE_INPLACE_MAX)
		return AETHER_EINVAL;
	return 0;
}

/*
 * Slices a part of n bytes a plane, not in place: whole groups first, then
 * words of eight bytes, each of which gives one byte to each plane.
 */
static void slice_part(uint8_t *out, const uint8_t *in, size_t n)
{
	size_t at = n & ~(size_t)7;

	kernel->slice(out, in, n, at / 8);
	for (; at < n; at++) {
		uint64_t word;

		memcpy(&word, in + 8 * at, 8);
		word = ae_slice_word(word);
		for (size_t p = 0; p < AETHER_PLANES; p++)
			out[p * n + at] = (uint8_t)(word >> 8 * p);
	}
}

static void unslice_part(uint8_t *out, const uint8_t *in, size_t n)
{
	size_t at = n & ~(size_t)7;

	kernel->unslice(out, in, n, at / 8);
	for (; at < n; at++) {
		uint64_t word = 0;

		for (size_t p = 0; p < AETHER_PLANES; p++)
			word |= (uint64_t)in[p * n + at] << 8 * p;
		word = ae_slice_word(word);
		memcpy(out + 8 * at, &word, 8);
	}
}

/* All tiles of a content, the short one too, and the bytes after it. */
static void each_part(uint8_t *out, const uint8_t *in, size_t length,
		      size_t tile,
		      void (*part)(uint8_t *out, const uint8_t *in, size_t n))
{
	uint8_t stage[STAGE];

	while (length >= AETHER_PLANES) {
		size_t n = length / AETHER_PLANES;

		if (n > tile)
			n = tile;
		if (out == in) {
			part(stage, in, n);
			memcpy(out, stage, AETHER_PLANES * n);
		} else {
			part(out, in, n);
		}
		out += AETHER_PLANES * n;
		in += AETHER_PLANES * n;
		length -= AETHER_PLANES * n;
	}
	if (out != in)
		memcpy(out, in, length);
}

int aether_slice(void *out, const void *in, size_t length, size_t tile)
{
	int rc = check(out, in, tile);

	if (rc == 0)
		each_part(out, in, length, tile, slice_part);
	return rc;
}

int aether_unslice(void *out, const void *in, size_t length, size_t tile)
{
	int rc = check(out, in, tile);

	if (rc == 0)
		each_part(out, in, length, tile, unslice_part);
	return rc;
}
