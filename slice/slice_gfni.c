/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slicing with AVX-512 and GFNI: a block of 512 bytes in eight registers.
 *
 * One instruction transposes the 8x8 bits of all words of a register: an
 * affine transformation of a constant, with the data as the matrix. With the
 * identity as the constant, byte j of each word becomes its plane j; with its
 * bytes turned by r it becomes plane j + r mod 8. So register r is turned by
 * r, and after that each byte of a plane lies in another register at another
 * place of its word: three steps of blends, by the bits of that place, bring
 * all of them into the plane's register, and one permutation puts them in
 * order. To un-slice is the same backwards.
 *
 * Blends are what processors do most of at once; a transposition of words by
 * shuffles alone takes 24 of what they do least. 48 operations a block, 16 of
 * them shuffles.
 */
#include "slice.h"

#if defined(__x86_64__)

#include "slice_zmm.h"

#define TARGET __attribute__((target(AE_ZMM ",gfni")))
#define INLINE inline TARGET __attribute__((always_inline))

/* Bytes of a word, moved down by n places, those at the end come in again. */
#define DOWN(word, n) ((word) >> 8 * (n) | (word) << (64 - 8 * (n)) % 64)
#define UP(word, n) DOWN(word, (8 - (n)) % 8)

#define ONES UINT64_C(0x0101010101010101)
#define IDENTITY UINT64_C(0x8040201008040201)

/* What register r of the content, or of the planes, meets, eight words. */
#define SAME(word) \
	{ \
		word, word, word, word, word, word, word, word \
	}
#define TURNED(r) SAME(DOWN(IDENTITY, r))

/* Byte 8 r + q of plane p lies in word q, place p - r mod 8. */
#define PLACES(p, r) (UINT64_C(0x3830282018100800) + ONES * (((p) - (r)) & 7))
#define ORDER(p) \
	{ \
		PLACES(p, 0), PLACES(p, 1), PLACES(p, 2), PLACES(p, 3), \
			PLACES(p, 4), PLACES(p, 5), PLACES(p, 6), PLACES(p, 7) \
	}

/* The inverse: place j of word q takes byte 8 (p - j mod 8) + q. */
#define TAKES(p, q) (UP(UINT64_C(0x0810182028303800), p) + ONES * (q))
#define BACK(p) \
	{ \
		TAKES(p, 0), TAKES(p, 1), TAKES(p, 2), TAKES(p, 3), \
			TAKES(p, 4), TAKES(p, 5), TAKES(p, 6), TAKES(p, 7) \
	}

/* Planes of register r in their order from the last to the first, for the
 * transposition counts rows from the other end. */
#define ROWS(r, q) (DOWN(UINT64_C(0x0001020304050607), r) + ONES * (8 * (q)))
#define UNTURNED(r) \
	{ \
		ROWS(r, 0), ROWS(r, 1), ROWS(r, 2), ROWS(r, 3), ROWS(r, 4), \
			ROWS(r, 5), ROWS(r, 6), ROWS(r, 7) \
	}

#define ALL(of) \
	{ \
		of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7) \
	}

typedef uint64_t table[8][8];

static const _Alignas(64) struct tables {
	table turned, order, back, unturned;
} tables = { ALL(TURNED), ALL(ORDER), ALL(BACK), ALL(UNTURNED) };

/* Reads them anew for each block: they are more than there are registers, and
 * a compiler that keeps some has to move others out and in. */
static INLINE const struct tables *look(void)
{
	const struct tables *t = &tables;

	__asm__("" : "+r"(t));
	return t;
}

/* Bytes whose place in the word has bit 0, 1 or 2. */
#define BIT_0 UINT64_C(0xAAAAAAAAAAAAAAAA)
#define BIT_1 UINT64_C(0xCCCCCCCCCCCCCCCC)
#define BIT_2 UINT64_C(0xF0F0F0F0F0F0F0F0)

/* Each register with what the mask selects out of another. */
#define BLEND(v, a, b, mask) _mm512_mask_blend_epi8(mask, v.r##a, v.r##b)
#define BLENDS(v, mask, a, b, c, d, e, f, g, h) \
	((struct ae_zmm) { BLEND(v, 0, a, mask), BLEND(v, 1, b, mask), \
			   BLEND(v, 2, c, mask), BLEND(v, 3, d, mask), \
			   BLEND(v, 4, e, mask), BLEND(v, 5, f, mask), \
			   BLEND(v, 6, g, mask), BLEND(v, 7, h, mask) })

static INLINE __m512i get(const uint64_t *of)
{
	return _mm512_load_si512(of);
}

/* The words' bytes from the last to the first, then their bits to planes. */
static INLINE __m512i transpose(__m512i content, const uint64_t *turned)
{
	const __m512i reversed = _mm512_broadcast_i32x4(
		_mm_set_epi64x(0x08090A0B0C0D0E0F, 0x0001020304050607));

	return _mm512_gf2p8affine_epi64_epi8(
		get(turned), _mm512_shuffle_epi8(content, reversed), 0);
}

static INLINE struct ae_zmm slice_block(struct ae_zmm v)
{
	const struct tables *t = look();

	v.r0 = transpose(v.r0, t->turned[0]);
	v.r1 = transpose(v.r1, t->turned[1]);
	v.r2 = transpose(v.r2, t->turned[2]);
	v.r3 = transpose(v.r3, t->turned[3]);
	v.r4 = transpose(v.r4, t->turned[4]);
	v.r5 = transpose(v.r5, t->turned[5]);
	v.r6 = transpose(v.r6, t->turned[6]);
	v.r7 = transpose(v.r7, t->turned[7]);
	v = BLENDS(v, BIT_0, 7, 0, 1, 2, 3, 4, 5, 6);
	v = BLENDS(v, BIT_1, 6, 7, 0, 1, 2, 3, 4, 5);
	v = BLENDS(v, BIT_2, 4, 5, 6, 7, 0, 1, 2, 3);
	v.r0 = _mm512_permutexvar_epi8(get(t->order[0]), v.r0);
	v.r1 = _mm512_permutexvar_epi8(get(t->order[1]), v.r1);
	v.r2 = _mm512_permutexvar_epi8(get(t->order[2]), v.r2);
	v.r3 = _mm512_permutexvar_epi8(get(t->order[3]), v.r3);
	v.r4 = _mm512_permutexvar_epi8(get(t->order[4]), v.r4);
	v.r5 = _mm512_permutexvar_epi8(get(t->order[5]), v.r5);
	v.r6 = _mm512_permutexvar_epi8(get(t->order[6]), v.r6);
	v.r7 = _mm512_permutexvar_epi8(get(t->order[7]), v.r7);
	return v;
}

/*
 * The same with shuffles alone, 64 operations and no tables. In place and from
 * memory this one is a tenth faster, in the caches it is slower.
 */
static INLINE __m512i transpose_plain(__m512i content)
{
	const __m512i reversed = _mm512_broadcast_i32x4(
		_mm_set_epi64x(0x08090A0B0C0D0E0F, 0x0001020304050607));
	const __m512i identity = _mm512_set1_epi64((long long)IDENTITY);

	return _mm512_gf2p8affine_epi64_epi8(
		identity, _mm512_shuffle_epi8(content, reversed), 0);
}

static INLINE struct ae_zmm slice_block_in_place(struct ae_zmm v)
{
	v.r0 = transpose_plain(v.r0);
	v.r1 = transpose_plain(v.r1);
	v.r2 = transpose_plain(v.r2);
	v.r3 = transpose_plain(v.r3);
	v.r4 = transpose_plain(v.r4);
	v.r5 = transpose_plain(v.r5);
	v.r6 = transpose_plain(v.r6);
	v.r7 = transpose_plain(v.r7);
	return ae_zmm_spread(ae_zmm_turn(v));
}

static INLINE __m512i untranspose(__m512i planes, const uint64_t *unturned)
{
	const __m512i identity = _mm512_set1_epi64((long long)IDENTITY);

	return _mm512_gf2p8affine_epi64_epi8(
		identity, _mm512_permutexvar_epi8(get(unturned), planes), 0);
}

static INLINE struct ae_zmm unslice_block(struct ae_zmm v)
{
	const struct tables *t = look();

	v.r0 = _mm512_permutexvar_epi8(get(t->back[0]), v.r0);
	v.r1 = _mm512_permutexvar_epi8(get(t->back[1]), v.r1);
	v.r2 = _mm512_permutexvar_epi8(get(t->back[2]), v.r2);
	v.r3 = _mm512_permutexvar_epi8(get(t->back[3]), v.r3);
	v.r4 = _mm512_permutexvar_epi8(get(t->back[4]), v.r4);
	v.r5 = _mm512_permutexvar_epi8(get(t->back[5]), v.r5);
	v.r6 = _mm512_permutexvar_epi8(get(t->back[6]), v.r6);
	v.r7 = _mm512_permutexvar_epi8(get(t->back[7]), v.r7);
	v = BLENDS(v, BIT_2, 4, 5, 6, 7, 0, 1, 2, 3);
	v = BLENDS(v, BIT_1, 2, 3, 4, 5, 6, 7, 0, 1);
	v = BLENDS(v, BIT_0, 1, 2, 3, 4, 5, 6, 7, 0);
	v.r0 = untranspose(v.r0, t->unturned[0]);
	v.r1 = untranspose(v.r1, t->unturned[1]);
	v.r2 = untranspose(v.r2, t->unturned[2]);
	v.r3 = untranspose(v.r3, t->unturned[3]);
	v.r4 = untranspose(v.r4, t->unturned[4]);
	v.r5 = untranspose(v.r5, t->unturned[5]);
	v.r6 = untranspose(v.r6, t->unturned[6]);
	v.r7 = untranspose(v.r7, t->unturned[7]);
	return v;
}

#include "slice_zmm_loops.h"

const struct ae_slice_kernel ae_slice_gfni = {
	.name = "gfni",
	.slice = ae_zmm_slice,
	.unslice = ae_zmm_unslice,
	.slice_stream = ae_zmm_slice_stream,
	.unslice_stream = ae_zmm_unslice_stream,
	.drain = ae_zmm_drain,
};

#else

const struct ae_slice_kernel ae_slice_gfni = { .name = "gfni" };

#endif
