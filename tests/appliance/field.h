/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of codes compare with: the field multiplied bit by bit, ranks
 * by plain elimination, and numbers that look random.
 */
#ifndef FIELD_H
#define FIELD_H

#include <stdint.h>
#include <string.h>

static uint8_t product[256][256], inverse[256];
static uint64_t seed = 7;

static inline uint32_t draw(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % below);
}

static inline void make_field(void)
{
	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			int sum = 0;

			for (int i = 7; i >= 0; i--)
				sum = sum << 1 ^ (sum & 0x80 ? 0x11D : 0) ^
				      (b >> i & 1 ? a : 0);
			product[a][b] = (uint8_t)sum;
			if (sum == 1)
				inverse[a] = (uint8_t)b;
		}
}

static inline void shuffle(uint32_t *list, uint32_t count)
{
	for (uint32_t i = count; i > 1; i--) {
		uint32_t other = draw(i), kept = list[i - 1];

		list[i - 1] = list[other];
		list[other] = kept;
	}
}

/* The rank of rows x columns elements, at most 256 x 255 of them. */
static inline uint32_t rank_of(const uint8_t *matrix, uint32_t rows,
			       uint32_t columns)
{
	static uint8_t left[256][255];
	uint32_t rank = 0;

	for (uint32_t i = 0; i < rows; i++)
		memcpy(left[i], matrix + i * columns, columns);
	for (uint32_t j = 0; j < columns && rank < rows; j++) {
		uint32_t at = rank;
		uint8_t kept[255];

		while (at < rows && !left[at][j])
			at++;
		if (at == rows)
			continue;
		memcpy(kept, left[at], columns);
		memcpy(left[at], left[rank], columns);
		memcpy(left[rank], kept, columns);
		for (uint32_t i = rank + 1; i < rows; i++) {
			uint8_t by = product[left[i][j]][inverse[kept[j]]];

			for (uint32_t c = j; by && c < columns; c++)
				left[i][c] ^= product[by][kept[c]];
		}
		rank++;
	}
	return rank;
}

#endif
