/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slicing with 64-bit words and nothing else: right on any machine, what the
 * other kernels are tested against, and what does the tails for them.
 *
 * A group is 512 bits, each named by three numbers from 0 to 7: its word, its
 * byte in the word, its bit in the byte. In content, (word m, byte k, bit p)
 * is bit p of byte 8 * m + k. In planes it has to be (word p, byte m, bit k).
 * Two exchanges do that: first the number of the word with that of the byte,
 * then with that of the bit. An exchange across words costs half of one within
 * a word, for each operation serves two words.
 */
#include <string.h>
#include "slice.h"

/* Words are little-endian in memory: byte 0 is the lowest. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian");

/* Exchanges the bits of *high that `mask` selects with those of *low that lie
 * `shift` above. */
static inline void exchange(uint64_t *low, uint64_t *high, unsigned int shift,
			    uint64_t mask)
{
	uint64_t differ = ((*low >> shift) ^ *high) & mask;

	*high ^= differ;
	*low ^= differ << shift;
}

/* One step of a swap across all eight words: pairs that lie `step` apart. */
#define EXCHANGE(a, b, shift, mask) \
	exchange(&w[a], &w[b], shift, UINT64_C(mask))

/* The number of the word with that of the byte. */
static inline void swap_bytes(uint64_t w[8])
{
	EXCHANGE(0, 4, 32, 0x00000000FFFFFFFF);
	EXCHANGE(1, 5, 32, 0x00000000FFFFFFFF);
	EXCHANGE(2, 6, 32, 0x00000000FFFFFFFF);
	EXCHANGE(3, 7, 32, 0x00000000FFFFFFFF);
	EXCHANGE(0, 2, 16, 0x0000FFFF0000FFFF);
	EXCHANGE(1, 3, 16, 0x0000FFFF0000FFFF);
	EXCHANGE(4, 6, 16, 0x0000FFFF0000FFFF);
	EXCHANGE(5, 7, 16, 0x0000FFFF0000FFFF);
	EXCHANGE(0, 1, 8, 0x00FF00FF00FF00FF);
	EXCHANGE(2, 3, 8, 0x00FF00FF00FF00FF);
	EXCHANGE(4, 5, 8, 0x00FF00FF00FF00FF);
	EXCHANGE(6, 7, 8, 0x00FF00FF00FF00FF);
}

/* The number of the word with that of the bit. */
static inline void swap_bits(uint64_t w[8])
{
	EXCHANGE(0, 4, 4, 0x0F0F0F0F0F0F0F0F);
	EXCHANGE(1, 5, 4, 0x0F0F0F0F0F0F0F0F);
	EXCHANGE(2, 6, 4, 0x0F0F0F0F0F0F0F0F);
	EXCHANGE(3, 7, 4, 0x0F0F0F0F0F0F0F0F);
	EXCHANGE(0, 2, 2, 0x3333333333333333);
	EXCHANGE(1, 3, 2, 0x3333333333333333);
	EXCHANGE(4, 6, 2, 0x3333333333333333);
	EXCHANGE(5, 7, 2, 0x3333333333333333);
	EXCHANGE(0, 1, 1, 0x5555555555555555);
	EXCHANGE(2, 3, 1, 0x5555555555555555);
	EXCHANGE(4, 5, 1, 0x5555555555555555);
	EXCHANGE(6, 7, 1, 0x5555555555555555);
}

/* The words of a group lie `pitch` bytes apart. One by one, by name: a loop or
 * a copy of all eight would keep them out of the registers at -O2. */
static inline void load(uint64_t w[8], const uint8_t *in, size_t pitch)
{
	memcpy(&w[0], in, 8);
	memcpy(&w[1], in + pitch, 8);
	memcpy(&w[2], in + 2 * pitch, 8);
	memcpy(&w[3], in + 3 * pitch, 8);
	memcpy(&w[4], in + 4 * pitch, 8);
	memcpy(&w[5], in + 5 * pitch, 8);
	memcpy(&w[6], in + 6 * pitch, 8);
	memcpy(&w[7], in + 7 * pitch, 8);
}

static inline void store(uint8_t *out, size_t pitch, const uint64_t w[8])
{
	memcpy(out, &w[0], 8);
	memcpy(out + pitch, &w[1], 8);
	memcpy(out + 2 * pitch, &w[2], 8);
	memcpy(out + 3 * pitch, &w[3], 8);
	memcpy(out + 4 * pitch, &w[4], 8);
	memcpy(out + 5 * pitch, &w[5], 8);
	memcpy(out + 6 * pitch, &w[6], 8);
	memcpy(out + 7 * pitch, &w[7], 8);
}

void ae_slice_groups(uint8_t *out, const uint8_t *in, size_t pitch,
		     size_t groups)
{
	uint64_t w[8];

	for (; groups; groups--, in += AE_SLICE_GROUP, out += 8) {
		load(w, in, 8);
		swap_bytes(w);
		swap_bits(w);
		store(out, pitch, w);
	}
}

void ae_unslice_groups(uint8_t *out, const uint8_t *in, size_t pitch,
		       size_t groups)
{
	uint64_t w[8];

	for (; groups; groups--, in += 8, out += AE_SLICE_GROUP) {
		load(w, in, pitch);
		swap_bits(w);
		swap_bytes(w);
		store(out, 8, w);
	}
}

/* The registers do not hold a block: in place it goes through the stack. */
static void slice_blocks(uint8_t *out, const uint8_t *in, size_t pitch,
			 size_t step, size_t blocks)
{
	uint8_t stage[AE_SLICE_BLOCK];

	for (; blocks; blocks--, in += AE_SLICE_BLOCK, out += step) {
		const uint8_t *from = in;

		if (out == in)
			from = memcpy(stage, in, sizeof(stage));
		ae_slice_groups(out, from, pitch, AE_SLICE_LINE / 8);
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
		ae_unslice_groups(out, from, pitch, AE_SLICE_LINE / 8);
	}
}

uint64_t ae_slice_word(uint64_t word)
{
	uint64_t differ;

	differ = (word ^ word >> 7) & UINT64_C(0x00AA00AA00AA00AA);
	word ^= differ ^ differ << 7;
	differ = (word ^ word >> 14) & UINT64_C(0x0000CCCC0000CCCC);
	word ^= differ ^ differ << 14;
	differ = (word ^ word >> 28) & UINT64_C(0x00000000F0F0F0F0);
	word ^= differ ^ differ << 28;
	return word;
}

const struct ae_slice_kernel ae_slice_scalar = {
	.name = "scalar",
	.slice = slice_blocks,
	.unslice = unslice_blocks,
};
