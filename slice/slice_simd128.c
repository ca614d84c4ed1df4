/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slicing with WebAssembly's 128-bit vectors: a quarter of a block, 128 bytes,
 * in eight vectors, as slice_avx2.c does it with half of each of its registers.
 * A module that has vectors loads only where there are some, so there is
 * nothing to choose at run time. WebAssembly cannot write past the caches.
 */
#include "slice.h"

#if defined(__wasm_simd128__)

#include <string.h>
#include <wasm_simd128.h>

#define INLINE inline __attribute__((always_inline))

#define QUARTER 16 /* of a line */

/* A quarter of a block: chunks of 16 bytes, or a plane each. */
struct quarter {
	v128_t r0, r1, r2, r3, r4, r5, r6, r7;
};

static INLINE void exchange(v128_t *low, v128_t *high, uint32_t shift,
			    uint8_t mask)
{
	v128_t differ = wasm_v128_xor(wasm_u64x2_shr(*low, shift), *high);

	differ = wasm_v128_and(differ, wasm_u8x16_splat(mask));
	*high = wasm_v128_xor(*high, differ);
	*low = wasm_v128_xor(*low, wasm_i64x2_shl(differ, shift));
}

/* The number of the vector with that of the bit. */
static INLINE struct quarter swap_bits(struct quarter v)
{
	exchange(&v.r0, &v.r4, 4, 0x0F);
	exchange(&v.r1, &v.r5, 4, 0x0F);
	exchange(&v.r2, &v.r6, 4, 0x0F);
	exchange(&v.r3, &v.r7, 4, 0x0F);
	exchange(&v.r0, &v.r2, 2, 0x33);
	exchange(&v.r1, &v.r3, 2, 0x33);
	exchange(&v.r4, &v.r6, 2, 0x33);
	exchange(&v.r5, &v.r7, 2, 0x33);
	exchange(&v.r0, &v.r1, 1, 0x55);
	exchange(&v.r2, &v.r3, 1, 0x55);
	exchange(&v.r4, &v.r5, 1, 0x55);
	exchange(&v.r6, &v.r7, 1, 0x55);
	return v;
}

static INLINE void unpack(v128_t *a, v128_t *b)
{
	v128_t low = wasm_i16x8_shuffle(*a, *b, 0, 8, 1, 9, 2, 10, 3, 11);

	*b = wasm_i16x8_shuffle(*a, *b, 4, 12, 5, 13, 6, 14, 7, 15);
	*a = low;
}

/* The number of the vector with that of the pair of bytes in a chunk. */
static INLINE struct quarter swap_pairs(struct quarter v)
{
	unpack(&v.r0, &v.r4);
	unpack(&v.r1, &v.r5);
	unpack(&v.r2, &v.r6);
	unpack(&v.r3, &v.r7);
	unpack(&v.r0, &v.r2);
	unpack(&v.r1, &v.r3);
	unpack(&v.r4, &v.r6);
	unpack(&v.r5, &v.r7);
	unpack(&v.r0, &v.r1);
	unpack(&v.r2, &v.r3);
	unpack(&v.r4, &v.r5);
	unpack(&v.r6, &v.r7);
	return v;
}

/* A chunk as pairs: byte k of both of its words. */
static INLINE v128_t paired(v128_t v)
{
	return wasm_i8x16_shuffle(v, v, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13,
				  6, 14, 7, 15);
}

static INLINE v128_t unpaired(v128_t v)
{
	return wasm_i8x16_shuffle(v, v, 0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7,
				  9, 11, 13, 15);
}

static INLINE struct quarter load(const uint8_t *in, size_t pitch)
{
	struct quarter v;

	v.r0 = wasm_v128_load(in);
	v.r1 = wasm_v128_load(in + pitch);
	v.r2 = wasm_v128_load(in + 2 * pitch);
	v.r3 = wasm_v128_load(in + 3 * pitch);
	v.r4 = wasm_v128_load(in + 4 * pitch);
	v.r5 = wasm_v128_load(in + 5 * pitch);
	v.r6 = wasm_v128_load(in + 6 * pitch);
	v.r7 = wasm_v128_load(in + 7 * pitch);
	return v;
}

static INLINE void store(uint8_t *out, size_t pitch, struct quarter v)
{
	wasm_v128_store(out, v.r0);
	wasm_v128_store(out + pitch, v.r1);
	wasm_v128_store(out + 2 * pitch, v.r2);
	wasm_v128_store(out + 3 * pitch, v.r3);
	wasm_v128_store(out + 4 * pitch, v.r4);
	wasm_v128_store(out + 5 * pitch, v.r5);
	wasm_v128_store(out + 6 * pitch, v.r6);
	wasm_v128_store(out + 7 * pitch, v.r7);
}

static INLINE void slice_quarter(uint8_t *out, const uint8_t *in, size_t pitch)
{
	struct quarter v = load(in, QUARTER);

	v.r0 = paired(v.r0);
	v.r1 = paired(v.r1);
	v.r2 = paired(v.r2);
	v.r3 = paired(v.r3);
	v.r4 = paired(v.r4);
	v.r5 = paired(v.r5);
	v.r6 = paired(v.r6);
	v.r7 = paired(v.r7);
	store(out, pitch, swap_bits(swap_pairs(v)));
}

static INLINE void unslice_quarter(uint8_t *out, const uint8_t *in,
				   size_t pitch)
{
	struct quarter v = swap_pairs(swap_bits(load(in, pitch)));

	v.r0 = unpaired(v.r0);
	v.r1 = unpaired(v.r1);
	v.r2 = unpaired(v.r2);
	v.r3 = unpaired(v.r3);
	v.r4 = unpaired(v.r4);
	v.r5 = unpaired(v.r5);
	v.r6 = unpaired(v.r6);
	v.r7 = unpaired(v.r7);
	store(out, QUARTER, v);
}

/* In place a block goes through the stack: the vectors do not hold it. */
static void slice_blocks(uint8_t *out, const uint8_t *in, size_t pitch,
			 size_t step, size_t blocks)
{
	uint8_t stage[AE_SLICE_BLOCK];

	for (; blocks; blocks--, in += AE_SLICE_BLOCK, out += step) {
		const uint8_t *from = in;

		if (out == in)
			from = memcpy(stage, in, sizeof(stage));
		for (size_t at = 0; at < AE_SLICE_LINE; at += QUARTER)
			slice_quarter(out + at, from + 8 * at, pitch);
	}
}

static void unslice_blocks(uint8_t *out, const uint8_t *in, size_t pitch,
			   size_t step, size_t blocks)
{
	uint8_t stage[AE_SLICE_BLOCK];

	for (; blocks; blocks--, in += step, out += AE_SLICE_BLOCK) {
		const uint8_t *from = in;

		if (out == in)
			from = memcpy(stage, in, sizeof(stage));
		for (size_t at = 0; at < AE_SLICE_LINE; at += QUARTER)
			unslice_quarter(out + 8 * at, from + at, pitch);
	}
}

const struct ae_slice_kernel ae_slice_simd128 = {
	.name = "simd128",
	.slice = slice_blocks,
	.unslice = unslice_blocks,
};

#else

const struct ae_slice_kernel ae_slice_simd128 = { .name = "simd128" };

#endif
