/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to bit-planes and back, for any length, tile and alignment. Cuts the
 * content into blocks for the kernel that was chosen when the library was
 * loaded; what does not fill a block is done by 64-bit words. Tiles of 64 are
 * blocks, also in place; other tiles that are to stay where they are go
 * through a buffer on the stack, which costs one copy within the first-level
 * cache. Allocates nothing, fails only on wrong tiles.
 */
#include <aether/isa.h>
#include <string.h>
#include "slice.h"

/* Right before the constructor has run, too. Written by nobody after it. */
static const struct ae_slice_kernel *kernel = &ae_slice_scalar;

/* A part of at most this many content bytes can be staged. */
#define STAGE (AETHER_PLANES * AETHER_SLICE_INPLACE_MAX)

/* To slice or to un-slice. */
struct verb {
	ae_slice_blocks *tiles;  /* for whole tiles of 64 and more */
	ae_slice_blocks *blocks; /* for others */
	/* Bytes `at` to n of planes of n bytes. */
	void (*rest)(uint8_t *out, const uint8_t *in, size_t n, size_t at);
};

/* The kernels by enum aether_isa. */
static const struct ae_slice_kernel *const kernels[] = {
	[AETHER_ISA_SCALAR] = &ae_slice_scalar,
	[AETHER_ISA_AVX2] = &ae_slice_avx2,
	[AETHER_ISA_AVX512] = &ae_slice_avx512,
	[AETHER_ISA_GFNI] = &ae_slice_gfni,
};

/* After the port has looked at the processor, which has a smaller number. */
__attribute__((constructor(110))) static void choose(void)
{
	size_t isa = aether_isa();

	if (ae_slice_simd128.slice)
		kernel = &ae_slice_simd128;
	else if (isa < sizeof(kernels) / sizeof(kernels[0]) &&
		 kernels[isa]->slice)
		kernel = kernels[isa];
}

const struct ae_slice_kernel *ae_slice_kernel(void)
{
	return kernel;
}

static void slice_rest(uint8_t *out, const uint8_t *in, size_t n, size_t at)
{
	size_t groups = (n - at) / 8;

	ae_slice_groups(out + at, in + 8 * at, n, groups);
	for (at += 8 * groups; at < n; at++) {
		uint64_t word;

		memcpy(&word, in + 8 * at, 8);
		word = ae_slice_word(word);
		for (size_t p = 0; p < AETHER_PLANES; p++)
			out[p * n + at] = (uint8_t)(word >> 8 * p);
	}
}

static void unslice_rest(uint8_t *out, const uint8_t *in, size_t n, size_t at)
{
	size_t groups = (n - at) / 8;

	ae_unslice_groups(out + 8 * at, in + at, n, groups);
	for (at += 8 * groups; at < n; at++) {
		uint64_t word = 0;

		for (size_t p = 0; p < AETHER_PLANES; p++)
			word |= (uint64_t)in[p * n + at] << 8 * p;
		word = ae_slice_word(word);
		memcpy(out + 8 * at, &word, 8);
	}
}

/* A tile of n bytes a plane, whole or short. */
static void part(const struct verb *verb, ae_slice_blocks *blocks, uint8_t *out,
		 const uint8_t *in, size_t n)
{
	uint8_t stage[STAGE];
	uint8_t *to = out == in ? stage : out;

	blocks(to, in, n, AE_SLICE_LINE, n / AE_SLICE_LINE);
	verb->rest(to, in, n, n & ~(size_t)(AE_SLICE_LINE - 1));
	if (out == in)
		memcpy(out, stage, AETHER_PLANES * n);
}

/* All tiles of a content, the short one too, and the bytes after it. */
static void each_part(const struct verb *verb, uint8_t *out, const uint8_t *in,
		      size_t length, size_t tile)
{
	size_t whole = length & ~(AETHER_PLANES * tile - 1), at = 0;

	if (tile == AE_SLICE_LINE) {
		verb->tiles(out, in, AE_SLICE_LINE, AE_SLICE_BLOCK,
			    whole / AE_SLICE_BLOCK);
		at = whole;
	}
	for (; at < whole; at += AETHER_PLANES * tile)
		part(verb, verb->tiles, out + at, in + at, tile);
	if (length - at >= AETHER_PLANES) {
		part(verb, verb->blocks, out + at, in + at,
		     (length - at) / AETHER_PLANES);
		at = length & ~(size_t)(AETHER_PLANES - 1);
	}
	if (out != in)
		memcpy(out + at, in + at, length - at);
}

static int check(const void *out, const void *in, size_t tile)
{
	if (tile < 8 || (tile & (tile - 1)) || tile > SIZE_MAX / AETHER_PLANES)
		return AETHER_EINVAL;
	if (out == in && tile > AETHER_SLICE_INPLACE_MAX)
		return AETHER_EINVAL;
	return 0;
}

/* Lines can be written past the caches: there is a kernel for it, and planes
 * and content begin where lines do. */
static int can_stream(const void *out, size_t tile)
{
	return kernel->drain && tile >= AE_SLICE_LINE &&
	       (uintptr_t)out % AE_SLICE_LINE == 0;
}

int aether_slice(void *out, const void *in, size_t length, size_t tile)
{
	struct verb verb = { kernel->slice, kernel->slice, slice_rest };
	int rc = check(out, in, tile);

	if (rc == 0)
		each_part(&verb, out, in, length, tile);
	return rc;
}

int aether_unslice(void *out, const void *in, size_t length, size_t tile)
{
	struct verb verb = { kernel->unslice, kernel->unslice, unslice_rest };
	int rc = check(out, in, tile);

	if (rc == 0)
		each_part(&verb, out, in, length, tile);
	return rc;
}

int aether_slice_stream(void *out, const void *in, size_t length, size_t tile)
{
	struct verb verb = { kernel->slice_stream, kernel->slice, slice_rest };
	int rc = check(out, in, tile);

	if (rc || out == in)
		return AETHER_EINVAL;
	if (!can_stream(out, tile))
		return aether_slice(out, in, length, tile);
	each_part(&verb, out, in, length, tile);
	kernel->drain();
	return 0;
}

int aether_unslice_stream(void *out, const void *in, size_t length, size_t tile)
{
	struct verb verb = { kernel->unslice_stream, kernel->unslice,
			     unslice_rest };
	int rc = check(out, in, tile);

	if (rc || out == in)
		return AETHER_EINVAL;
	if (!can_stream(out, tile))
		return aether_unslice(out, in, length, tile);
	each_part(&verb, out, in, length, tile);
	kernel->drain();
	return 0;
}
