/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slicing with AVX2: half a block, 256 bytes, in eight registers.
 *
 * Content is cut into chunks of 16 bytes; register r has chunk r in its lower
 * half and chunk 8 + r in its upper one. So the halves never mix, and what
 * comes out is in its order. A chunk is two words of eight bytes: (chunk r;
 * word m, byte k, bit p). A shuffle gives (r; k, m, p); three steps of
 * unpacking exchange r and k: (k; r, m, p); twelve exchanges of bits between
 * registers put p where k is, and that is a plane in each.
 *
 * 112 operations for half a block between loads and stores. A whole block does
 * not fit into the registers: where it has to be read before it is written (in
 * place), or written a line at once (past the caches), half of it waits in
 * memory.
 */
#include "slice.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))
#define INLINE inline TARGET __attribute__((always_inline))

#define HALF 32 /* of a line */

/* Half a block: chunks, or a plane each. */
struct half {
	__m256i r0, r1, r2, r3, r4, r5, r6, r7;
};

/* How a block is written. */
enum way {
	DIRECT, /* half by half */
	WHOLE,  /* when all of it was read */
	STREAM, /* the same, past the caches */
};

static INLINE void exchange(__m256i *low, __m256i *high, int shift, char mask)
{
	__m256i differ = _mm256_xor_si256(_mm256_srli_epi64(*low, shift),
					  *high);

	differ = _mm256_and_si256(differ, _mm256_set1_epi8(mask));
	*high = _mm256_xor_si256(*high, differ);
	/* adding is shifting by one, and cheaper */
	if (shift == 1)
		differ = _mm256_add_epi8(differ, differ);
	else
		differ = _mm256_slli_epi64(differ, shift);
	*low = _mm256_xor_si256(*low, differ);
}

/* The number of the register with that of the bit. */
static INLINE struct half swap_bits(struct half v)
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

static INLINE void unpack(__m256i *a, __m256i *b)
{
	__m256i low = _mm256_unpacklo_epi16(*a, *b);

	*b = _mm256_unpackhi_epi16(*a, *b);
	*a = low;
}

/* The number of the register with that of the pair of bytes in a chunk. Each
 * step takes one bit of it out at the top and puts one in at the bottom. */
static INLINE struct half swap_pairs(struct half v)
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

static INLINE struct half shuffle_all(struct half v, __m256i order)
{
	v.r0 = _mm256_shuffle_epi8(v.r0, order);
	v.r1 = _mm256_shuffle_epi8(v.r1, order);
	v.r2 = _mm256_shuffle_epi8(v.r2, order);
	v.r3 = _mm256_shuffle_epi8(v.r3, order);
	v.r4 = _mm256_shuffle_epi8(v.r4, order);
	v.r5 = _mm256_shuffle_epi8(v.r5, order);
	v.r6 = _mm256_shuffle_epi8(v.r6, order);
	v.r7 = _mm256_shuffle_epi8(v.r7, order);
	return v;
}

static INLINE __m256i load(const uint8_t *at)
{
	return _mm256_loadu_si256((const void *)at);
}

/* Two chunks, 128 bytes apart. A blend is cheaper than an insertion; what it
 * reads beside them is content as well. */
static INLINE __m256i chunks(const uint8_t *at)
{
	return _mm256_blend_epi32(load(at), load(at + 112), 0xF0);
}

/* 256 bytes of content to half a line of each plane. */
static INLINE struct half slice_half(const uint8_t *in)
{
	const __m256i order = _mm256_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12,
					       5, 13, 6, 14, 7, 15, 0, 8, 1, 9,
					       2, 10, 3, 11, 4, 12, 5, 13, 6,
					       14, 7, 15);
	struct half v;

	v.r0 = chunks(in);
	v.r1 = chunks(in + 16);
	v.r2 = chunks(in + 32);
	v.r3 = chunks(in + 48);
	v.r4 = chunks(in + 64);
	v.r5 = chunks(in + 80);
	v.r6 = chunks(in + 96);
	v.r7 = chunks(in + 112);
	return swap_bits(swap_pairs(shuffle_all(v, order)));
}

static INLINE void store(uint8_t *at, __m256i value, enum way way)
{
	if (way == STREAM)
		_mm256_stream_si256((void *)at, value);
	else
		_mm256_storeu_si256((void *)at, value);
}

/* Lower halves of registers become 32 bytes of content, upper ones too. */
static INLINE void pair(__m256i *a, __m256i *b)
{
	__m256i low = _mm256_permute2x128_si256(*a, *b, 0x20);

	*b = _mm256_permute2x128_si256(*a, *b, 0x31);
	*a = low;
}

/* Half a line of each plane to 256 bytes of content: 32 in r0, r2, r4, r6, r1,
 * r3, r5 and r7. */
static INLINE struct half unslice_half(const uint8_t *in, size_t pitch)
{
	const __m256i order = _mm256_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3,
					       5, 7, 9, 11, 13, 15, 0, 2, 4, 6,
					       8, 10, 12, 14, 1, 3, 5, 7, 9, 11,
					       13, 15);
	struct half v;

	v.r0 = load(in);
	v.r1 = load(in + pitch);
	v.r2 = load(in + 2 * pitch);
	v.r3 = load(in + 3 * pitch);
	v.r4 = load(in + 4 * pitch);
	v.r5 = load(in + 5 * pitch);
	v.r6 = load(in + 6 * pitch);
	v.r7 = load(in + 7 * pitch);
	v = shuffle_all(swap_pairs(swap_bits(v)), order);
	pair(&v.r0, &v.r1);
	pair(&v.r2, &v.r3);
	pair(&v.r4, &v.r5);
	pair(&v.r6, &v.r7);
	return v;
}

static INLINE void store_planes(uint8_t *out, size_t pitch, struct half v)
{
	store(out, v.r0, DIRECT);
	store(out + pitch, v.r1, DIRECT);
	store(out + 2 * pitch, v.r2, DIRECT);
	store(out + 3 * pitch, v.r3, DIRECT);
	store(out + 4 * pitch, v.r4, DIRECT);
	store(out + 5 * pitch, v.r5, DIRECT);
	store(out + 6 * pitch, v.r6, DIRECT);
	store(out + 7 * pitch, v.r7, DIRECT);
}

static INLINE void line(uint8_t *at, const uint8_t *first, __m256i second,
			enum way way)
{
	store(at, load(first), way);
	store(at + HALF, second, way);
}

/* The first halves of lines were stored at `first`. */
static INLINE void store_lines(uint8_t *out, size_t pitch, const uint8_t *first,
			       struct half v, enum way way)
{
	line(out, first, v.r0, way);
	line(out + pitch, first + HALF, v.r1, way);
	line(out + 2 * pitch, first + 2 * HALF, v.r2, way);
	line(out + 3 * pitch, first + 3 * HALF, v.r3, way);
	line(out + 4 * pitch, first + 4 * HALF, v.r4, way);
	line(out + 5 * pitch, first + 5 * HALF, v.r5, way);
	line(out + 6 * pitch, first + 6 * HALF, v.r6, way);
	line(out + 7 * pitch, first + 7 * HALF, v.r7, way);
}

static INLINE void store_content(uint8_t *out, struct half v, enum way way)
{
	store(out, v.r0, way);
	store(out + 32, v.r2, way);
	store(out + 64, v.r4, way);
	store(out + 96, v.r6, way);
	store(out + 128, v.r1, way);
	store(out + 160, v.r3, way);
	store(out + 192, v.r5, way);
	store(out + 224, v.r7, way);
}

/* slice_zmm.h says why, and why the last blocks do not. */
static INLINE void ahead(const uint8_t *at, size_t blocks)
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

static INLINE void slice_loop(uint8_t *out, const uint8_t *in, size_t pitch,
			      size_t step, size_t blocks, enum way way)
{
	uint8_t stage[AE_SLICE_BLOCK / 2] __attribute__((aligned(64)));

	for (; blocks; blocks--, in += AE_SLICE_BLOCK, out += step) {
		if (way != DIRECT)
			ahead(in, blocks);
		if (way == DIRECT)
			store_planes(out, pitch, slice_half(in));
		else
			store_planes(stage, HALF, slice_half(in));
		if (way == DIRECT)
			store_planes(out + HALF, pitch,
				     slice_half(in + AE_SLICE_BLOCK / 2));
		else
			store_lines(out, pitch, stage,
				    slice_half(in + AE_SLICE_BLOCK / 2), way);
	}
}

static INLINE void unslice_loop(uint8_t *out, const uint8_t *in, size_t pitch,
				size_t step, size_t blocks, enum way way)
{
	for (; blocks; blocks--, in += step, out += AE_SLICE_BLOCK) {
		struct half first = unslice_half(in, pitch);

		if (way != DIRECT)
			ahead(in, blocks);
		if (way != WHOLE)
			store_content(out, first, way);
		store_content(out + AE_SLICE_BLOCK / 2,
			      unslice_half(in + HALF, pitch), way);
		if (way == WHOLE)
			store_content(out, first, way);
	}
}

/* Tile 64, the default, has loops of its own. */
TARGET static void slice_plain(uint8_t *out, const uint8_t *in, size_t pitch,
			       size_t step, size_t blocks)
{
	if (out == in)
		slice_loop(out, in, AE_SLICE_LINE, AE_SLICE_BLOCK, blocks,
			   WHOLE);
	else if (pitch == AE_SLICE_LINE && step == AE_SLICE_BLOCK)
		slice_loop(out, in, AE_SLICE_LINE, AE_SLICE_BLOCK, blocks,
			   DIRECT);
	else
		slice_loop(out, in, pitch, step, blocks, DIRECT);
}

TARGET static void unslice_plain(uint8_t *out, const uint8_t *in, size_t pitch,
				 size_t step, size_t blocks)
{
	if (out == in)
		unslice_loop(out, in, AE_SLICE_LINE, AE_SLICE_BLOCK, blocks,
			     WHOLE);
	else if (pitch == AE_SLICE_LINE && step == AE_SLICE_BLOCK)
		unslice_loop(out, in, AE_SLICE_LINE, AE_SLICE_BLOCK, blocks,
			     DIRECT);
	else
		unslice_loop(out, in, pitch, step, blocks, DIRECT);
}

TARGET static void slice_stream(uint8_t *out, const uint8_t *in, size_t pitch,
				size_t step, size_t blocks)
{
	slice_loop(out, in, pitch, step, blocks, STREAM);
}

TARGET static void unslice_stream(uint8_t *out, const uint8_t *in, size_t pitch,
				  size_t step, size_t blocks)
{
	unslice_loop(out, in, pitch, step, blocks, STREAM);
}

static void drain(void)
{
	_mm_sfence();
}

const struct ae_slice_kernel ae_slice_avx2 = {
	.name = "avx2",
	.slice = slice_plain,
	.unslice = unslice_plain,
	.slice_stream = slice_stream,
	.unslice_stream = unslice_stream,
	.drain = drain,
};

#else

const struct ae_slice_kernel ae_slice_avx2 = { .name = "avx2" };

#endif
