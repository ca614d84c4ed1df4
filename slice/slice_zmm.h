/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two kernels of 512-bit vectors share: a block in eight registers,
 * how it comes from memory and goes there, and how bytes move between the
 * registers. Only for files of machines that have AVX-512.
 *
 * Vectors never pass between functions that are not inlined: clang 14 does it
 * wrongly where only an attribute asks for the instructions.
 */
#ifndef AE_SLICE_ZMM_H
#define AE_SLICE_ZMM_H

#include <immintrin.h>
#include "slice.h"

#define AE_ZMM "avx512f,avx512bw,avx512vl,avx512vbmi"

/* A block: content in its order, or a plane each. */
struct ae_zmm {
	__m512i r0, r1, r2, r3, r4, r5, r6, r7;
};

#define AE_ZMM_INLINE inline __attribute__((target(AE_ZMM), always_inline))

/*
 * What the processor fetches ahead by itself ends with a page. In place nothing
 * else holds the memory back, so that it shows there; elsewhere asking costs
 * more than it gives. The last blocks ask for what they have: what lies behind
 * may be somebody else's.
 */
static AE_ZMM_INLINE void ae_zmm_ahead(const uint8_t *at, size_t blocks)
{
	at += blocks > AE_SLICE_AHEAD ? AE_SLICE_AHEAD * AE_SLICE_BLOCK : 0;
	_mm_prefetch((const char *)at, _MM_HINT_T0);
	_mm_prefetch((const char *)at + 64, _MM_HINT_T0);
	_mm_prefetch((const char *)at + 128, _MM_HINT_T0);
	_mm_prefetch((const char *)at + 192, _MM_HINT_T0);
	_mm_prefetch((const char *)at + 256, _MM_HINT_T0);
	_mm_prefetch((const char *)at + 320, _MM_HINT_T0);
	_mm_prefetch((const char *)at + 384, _MM_HINT_T0);
	_mm_prefetch((const char *)at + 448, _MM_HINT_T0);
}

/*
 * Memory is read and written in the order of the source, which is that of the
 * addresses: left to itself the compiler mixes it, and what the processor
 * fetches ahead is then wrong (half the speed out of the second cache).
 */
static AE_ZMM_INLINE __m512i ae_zmm_get(const uint8_t *at)
{
	__m512i line = _mm512_loadu_si512(at);

	__asm__ volatile("" ::: "memory");
	return line;
}

/* `past` the caches or not: a constant where this is inlined. */
static AE_ZMM_INLINE void ae_zmm_put(uint8_t *at, __m512i line, int past)
{
	if (past)
		_mm512_stream_si512((void *)at, line);
	else
		_mm512_storeu_si512(at, line);
	__asm__ volatile("" ::: "memory");
}

/* Where the lines of a block are, how far apart, and where they go to. */
struct ae_zmm_from {
	const uint8_t *at;
	size_t pitch;
};
struct ae_zmm_to {
	uint8_t *at;
	size_t pitch;
	int past;
};

static AE_ZMM_INLINE struct ae_zmm ae_zmm_load(struct ae_zmm_from from)
{
	struct ae_zmm v;

	v.r0 = ae_zmm_get(from.at);
	v.r1 = ae_zmm_get(from.at + from.pitch);
	v.r2 = ae_zmm_get(from.at + 2 * from.pitch);
	v.r3 = ae_zmm_get(from.at + 3 * from.pitch);
	v.r4 = ae_zmm_get(from.at + 4 * from.pitch);
	v.r5 = ae_zmm_get(from.at + 5 * from.pitch);
	v.r6 = ae_zmm_get(from.at + 6 * from.pitch);
	v.r7 = ae_zmm_get(from.at + 7 * from.pitch);
	return v;
}

static AE_ZMM_INLINE void ae_zmm_store(struct ae_zmm_to to, struct ae_zmm v)
{
	ae_zmm_put(to.at, v.r0, to.past);
	ae_zmm_put(to.at + to.pitch, v.r1, to.past);
	ae_zmm_put(to.at + 2 * to.pitch, v.r2, to.past);
	ae_zmm_put(to.at + 3 * to.pitch, v.r3, to.past);
	ae_zmm_put(to.at + 4 * to.pitch, v.r4, to.past);
	ae_zmm_put(to.at + 5 * to.pitch, v.r5, to.past);
	ae_zmm_put(to.at + 6 * to.pitch, v.r6, to.past);
	ae_zmm_put(to.at + 7 * to.pitch, v.r7, to.past);
}

/*
 * Stores a block and loads the next, by turns: eight stores at once wait for
 * each other, above all past the caches, and everything for them.
 */
static AE_ZMM_INLINE struct ae_zmm
ae_zmm_turns(struct ae_zmm_to to, struct ae_zmm v, struct ae_zmm_from from)
{
	struct ae_zmm next;

	next.r0 = ae_zmm_get(from.at);
	ae_zmm_put(to.at, v.r0, to.past);
	next.r1 = ae_zmm_get(from.at + from.pitch);
	ae_zmm_put(to.at + to.pitch, v.r1, to.past);
	next.r2 = ae_zmm_get(from.at + 2 * from.pitch);
	ae_zmm_put(to.at + 2 * to.pitch, v.r2, to.past);
	next.r3 = ae_zmm_get(from.at + 3 * from.pitch);
	ae_zmm_put(to.at + 3 * to.pitch, v.r3, to.past);
	next.r4 = ae_zmm_get(from.at + 4 * from.pitch);
	ae_zmm_put(to.at + 4 * to.pitch, v.r4, to.past);
	next.r5 = ae_zmm_get(from.at + 5 * from.pitch);
	ae_zmm_put(to.at + 5 * to.pitch, v.r5, to.past);
	next.r6 = ae_zmm_get(from.at + 6 * from.pitch);
	ae_zmm_put(to.at + 6 * to.pitch, v.r6, to.past);
	next.r7 = ae_zmm_get(from.at + 7 * from.pitch);
	ae_zmm_put(to.at + 7 * to.pitch, v.r7, to.past);
	return next;
}

/* The even 128-bit parts of both, and the odd ones. */
static AE_ZMM_INLINE void ae_zmm_parts(__m512i *a, __m512i *b)
{
	__m512i even = _mm512_shuffle_i64x2(*a, *b, 0x88);

	*b = _mm512_shuffle_i64x2(*a, *b, 0xDD);
	*a = even;
}

/*
 * Exchanges the upper two bits of the number of the register with the number
 * of the 128-bit part.
 */
static AE_ZMM_INLINE struct ae_zmm ae_zmm_turn(struct ae_zmm v)
{
	ae_zmm_parts(&v.r0, &v.r2);
	ae_zmm_parts(&v.r1, &v.r3);
	ae_zmm_parts(&v.r4, &v.r6);
	ae_zmm_parts(&v.r5, &v.r7);
	ae_zmm_parts(&v.r0, &v.r4);
	ae_zmm_parts(&v.r1, &v.r5);
	ae_zmm_parts(&v.r2, &v.r6);
	ae_zmm_parts(&v.r3, &v.r7);
	return v;
}

static AE_ZMM_INLINE void ae_zmm_unpack(__m512i *a, __m512i *b)
{
	__m512i low = _mm512_unpacklo_epi8(*a, *b);

	*b = _mm512_unpackhi_epi8(*a, *b);
	*a = low;
}

/*
 * Three steps, by bit 0, 1 or 2 of the number of the register. In each the
 * number of the byte in its 128-bit part, four bits, moves up by one: that bit
 * of the register comes in at the bottom, and gets what goes out at the top.
 */
static AE_ZMM_INLINE struct ae_zmm ae_zmm_unpack_0(struct ae_zmm v)
{
	ae_zmm_unpack(&v.r0, &v.r1);
	ae_zmm_unpack(&v.r2, &v.r3);
	ae_zmm_unpack(&v.r4, &v.r5);
	ae_zmm_unpack(&v.r6, &v.r7);
	return v;
}

static AE_ZMM_INLINE struct ae_zmm ae_zmm_unpack_1(struct ae_zmm v)
{
	ae_zmm_unpack(&v.r0, &v.r2);
	ae_zmm_unpack(&v.r1, &v.r3);
	ae_zmm_unpack(&v.r4, &v.r6);
	ae_zmm_unpack(&v.r5, &v.r7);
	return v;
}

static AE_ZMM_INLINE struct ae_zmm ae_zmm_unpack_2(struct ae_zmm v)
{
	ae_zmm_unpack(&v.r0, &v.r4);
	ae_zmm_unpack(&v.r1, &v.r5);
	ae_zmm_unpack(&v.r2, &v.r6);
	ae_zmm_unpack(&v.r3, &v.r7);
	return v;
}

/*
 * The 64 words of a block are told apart by bits 5 to 0, the bytes of a word by
 * x, three bits. After ae_zmm_turn content is (register 2 1 3; part 5 4, byte 0
 * x). This turns that into (register x; part 5 4, byte 3 2 1 0).
 */
static AE_ZMM_INLINE struct ae_zmm ae_zmm_spread(struct ae_zmm v)
{
	v = ae_zmm_unpack_2(ae_zmm_unpack_0(v));
	return ae_zmm_unpack_0(ae_zmm_unpack_1(v));
}

#endif
