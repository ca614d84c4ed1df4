/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slicing with AVX-512 F, BW, VL and VBMI: a block of 512 bytes in eight
 * registers.
 *
 * Content is (register b; word m, byte k, bit p), each a number from 0 to 7;
 * planes are (p; b, m, k). First the number of the register is exchanged with
 * that of the byte, which gives (k; b, m, p): three steps of two results a
 * pair, the first of which sorts the bytes as well. Then twelve exchanges
 * between registers put p where k is; an exchange is two shifts and two
 * selections.
 *
 * 72 operations a block between loads and stores, both ways.
 */
#include "slice.h"

#if defined(__x86_64__)

#include "slice_zmm.h"

#define TARGET __attribute__((target(AE_ZMM)))
#define INLINE inline TARGET __attribute__((always_inline))

/* Where vpermi2b finds the bytes of the first of two results; those of the
 * second lie one, or eight, further. */
#define ROW(n) \
	(n), (n) + 8, (n) + 16, (n) + 24, (n) + 32, (n) + 40, (n) + 48, (n) + 56
#define COLUMN(n) \
	(n), (n) + 64, (n) + 16, (n) + 80, (n) + 32, (n) + 96, (n) + 48, \
		(n) + 112

/*
 * A pair of registers, the lowest bit of whose number is n, with bytes (m, x);
 * m and x are numbers from 0 to 7, the latter of bits x2 x1 x0. `gather` gives
 * (x2 x1 n, m) in the registers of x0 = 0 and 1, `scatter` the inverse.
 */
static const uint8_t gather[64] __attribute__((aligned(64))) = {
	ROW(0), ROW(64), ROW(2), ROW(66), ROW(4), ROW(68), ROW(6), ROW(70),
};
static const uint8_t scatter[64] __attribute__((aligned(64))) = {
	COLUMN(0), COLUMN(1), COLUMN(2), COLUMN(3),
	COLUMN(4), COLUMN(5), COLUMN(6), COLUMN(7),
};

static INLINE void pick(__m512i *a, __m512i *b, __m512i low, __m512i high)
{
	__m512i first = _mm512_permutex2var_epi8(*a, low, *b);

	*b = _mm512_permutex2var_epi8(*a, high, *b);
	*a = first;
}

static INLINE struct ae_zmm pick_all(struct ae_zmm v, __m512i low, __m512i high)
{
	pick(&v.r0, &v.r1, low, high);
	pick(&v.r2, &v.r3, low, high);
	pick(&v.r4, &v.r5, low, high);
	pick(&v.r6, &v.r7, low, high);
	return v;
}

/* vpternlog: of (a, mask, b) what the mask selects from b, the rest from a;
 * and what it selects from a, the rest from b. */
#define FROM_THIRD 0xB8
#define FROM_FIRST 0xE2

/* Exchanges the bits of *high that `mask` selects with those of *low that lie
 * `shift` above. */
static INLINE void exchange(__m512i *low, __m512i *high, unsigned int shift,
			    char mask)
{
	const __m512i bits = _mm512_set1_epi8(mask);
	__m512i up = _mm512_slli_epi64(*high, shift);
	__m512i down = _mm512_srli_epi64(*low, shift);

	*low = _mm512_ternarylogic_epi64(*low, bits, up, FROM_FIRST);
	*high = _mm512_ternarylogic_epi64(*high, bits, down, FROM_THIRD);
}

/* The number of the register with that of the bit. */
static INLINE struct ae_zmm swap_all(struct ae_zmm v)
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

static INLINE struct ae_zmm slice_block(struct ae_zmm v)
{
	const __m512i low = _mm512_load_si512(gather);
	const __m512i high = _mm512_add_epi8(low, _mm512_set1_epi8(1));

	return swap_all(ae_zmm_turn(pick_all(v, low, high)));
}

static INLINE struct ae_zmm unslice_block(struct ae_zmm v)
{
	const __m512i low = _mm512_load_si512(scatter);
	const __m512i high = _mm512_add_epi8(low, _mm512_set1_epi8(8));

	return pick_all(ae_zmm_turn(swap_all(v)), low, high);
}

static INLINE struct ae_zmm slice_block_in_place(struct ae_zmm v)
{
	return slice_block(v);
}

#include "slice_zmm_loops.h"

const struct ae_slice_kernel ae_slice_avx512 = {
	.name = "avx512",
	.slice = ae_zmm_slice,
	.unslice = ae_zmm_unslice,
	.slice_stream = ae_zmm_slice_stream,
	.unslice_stream = ae_zmm_unslice_stream,
	.drain = ae_zmm_drain,
};

#else

const struct ae_slice_kernel ae_slice_avx512 = { .name = "avx512" };

#endif
