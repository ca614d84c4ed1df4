/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random linear network coding, on coefficients alone. What is known of a
 * generation is kept in reduced row echelon form: a row for each innovative
 * packet, with a 1 in its pivot column where all others have a 0. Beside each
 * row is how it comes from the packets as they arrived, so that packets are
 * read only once, when sources are wanted (decision 0114).
 */
#include <aether/error.h>
#include <aether/rlnc.h>
#include "gf256.h"

#define MAX AETHER_RLNC_SOURCES_MAX

struct aether_rlnc {
	uint32_t sources;
	uint32_t rank;
	uint8_t row_of[MAX + 1]; /* pivot column: 1 + its row; 0: none */
	uint8_t rows[]; /* k, each k coefficients and k of the packets */
};

static int is_count(uint32_t count)
{
	return count && count <= MAX;
}

/* The next word of SplitMix64. */
static uint64_t next_word(uint64_t *seed)
{
	uint64_t z = *seed += 0x9E3779B97F4A7C15u;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}

/* One row; 0: all zeros. Begins with a word of its own, lowest byte first. */
static uint8_t draw_row(uint64_t *seed, uint32_t columns, uint8_t *row)
{
	uint64_t word = 0;
	uint8_t any = 0;

	for (uint32_t j = 0; j < columns; j++) {
		word = j % 8 ? word >> 8 : next_word(seed);
		row[j] = (uint8_t)word;
		any |= row[j];
	}
	return any;
}

int aether_rlnc_draw(uint64_t *seed, uint32_t rows, uint32_t columns,
		     uint8_t *matrix)
{
	if (!is_count(rows) || !is_count(columns))
		return AETHER_EINVAL;
	for (uint32_t i = 0; i < rows; i++)
		while (!draw_row(seed, columns, matrix + i * columns))
			;
	return 0;
}

/* to += by * from */
static void add_row(uint8_t *to, const uint8_t *from, uint8_t by,
		    uint32_t length)
{
	uint8_t products[256];

	if (!by)
		return;
	ae_gf256_table(by, products);
	for (uint32_t i = 0; i < length; i++)
		to[i] ^= products[from[i]];
}

int aether_rlnc_combine(const uint8_t *matrix, uint32_t rows, uint32_t columns,
			const uint8_t *packets, uint32_t k, uint8_t *result)
{
	if (!is_count(rows) || !is_count(columns) || !is_count(k))
		return AETHER_EINVAL;
	for (uint32_t i = 0; i < rows; i++, result += k) {
		for (uint32_t j = 0; j < k; j++)
			result[j] = 0;
		for (uint32_t p = 0; p < columns; p++)
			add_row(result, packets + p * k, *matrix++, k);
	}
	return 0;
}

int aether_rlnc_head_write(void *head, uint32_t k, const uint8_t *coefficients)
{
	uint8_t *bytes = head;

	if (!is_count(k))
		return AETHER_EINVAL;
	for (uint32_t i = 0; i < AETHER_RLNC_HEAD; i++)
		bytes[i] = 0;
	for (uint32_t i = 0; i < k; i++) {
		uint8_t c = coefficients[i];

		for (uint32_t p = 0; p < AETHER_PLANES; p++)
			bytes[p * AETHER_TILE + i / 8] |= (uint8_t)((c >> p & 1)
								    << i % 8);
	}
	return 0;
}

int aether_rlnc_head_read(const void *head, uint32_t k, uint8_t *coefficients)
{
	const uint8_t *bytes = head;
	uint8_t read[AETHER_RLNC_HEAD] = { 0 }, more = 0;

	if (!is_count(k))
		return AETHER_EINVAL;
	for (uint32_t i = 0; i < AETHER_RLNC_HEAD; i++) {
		uint8_t bits = bytes[i];

		for (uint32_t b = 0; b < 8; b++)
			read[i % AETHER_TILE * 8 + b] |=
				(uint8_t)((bits >> b & 1) << i / AETHER_TILE);
	}
	for (uint32_t i = k; i < AETHER_RLNC_HEAD; i++)
		more |= read[i];
	if (more)
		return AETHER_EINVAL;
	for (uint32_t i = 0; i < k; i++)
		coefficients[i] = read[i];
	return 0;
}

size_t aether_rlnc_size(uint32_t k)
{
	if (!is_count(k))
		return 0;
	return sizeof(struct aether_rlnc) + (size_t)2 * k * k;
}

int aether_rlnc_init(uint32_t k, void *memory, struct aether_rlnc **rlnc)
{
	struct aether_rlnc *made = memory;

	if (!is_count(k) || (uintptr_t)memory % 8)
		return AETHER_EINVAL;
	made->sources = k;
	made->rank = 0;
	for (uint32_t j = 0; j <= MAX; j++)
		made->row_of[j] = 0;
	*rlnc = made;
	return 0;
}

static uint8_t *row_at(struct aether_rlnc *rlnc, uint32_t row)
{
	return rlnc->rows + (size_t)2 * rlnc->sources * row;
}

/* The row that has its pivot in column j; NULL: none. */
static const uint8_t *row_of(const struct aether_rlnc *rlnc, uint32_t j)
{
	uint32_t row = rlnc->row_of[j];

	return row ? rlnc->rows + (size_t)2 * rlnc->sources * (row - 1) : NULL;
}

/* Takes from the row what the others have; 1 + the first column of what is
 * left, or 0. Each of the others is zero where another has its pivot. */
static uint32_t reduce(struct aether_rlnc *rlnc, uint8_t *row)
{
	uint32_t k = rlnc->sources;

	for (uint32_t j = 0; j < k; j++) {
		const uint8_t *other = row_of(rlnc, j);

		if (other)
			add_row(row, other, row[j], k + rlnc->rank);
	}
	for (uint32_t j = 0; j < k; j++)
		if (row[j])
			return j + 1;
	return 0;
}

int aether_rlnc_add(struct aether_rlnc *rlnc, const uint8_t *coefficients)
{
	uint32_t k = rlnc->sources, length = k + rlnc->rank + 1, pivot;
	uint8_t *row = row_at(rlnc, rlnc->rank), by;

	if (rlnc->rank == k)
		return 0;
	for (uint32_t j = 0; j < k; j++) {
		row[j] = coefficients[j];
		row[k + j] = j == rlnc->rank;
	}
	pivot = reduce(rlnc, row);
	if (!pivot)
		return 0;
	by = aether_gf256_inverse(row[pivot - 1]);
	for (uint32_t j = 0; j < length; j++)
		row[j] = aether_gf256_multiply(by, row[j]);
	for (uint32_t r = 0; r < rlnc->rank; r++) {
		uint8_t *other = row_at(rlnc, r);

		add_row(other, row, other[pivot - 1], length);
	}
	rlnc->row_of[pivot - 1] = (uint8_t)++rlnc->rank;
	return 1;
}

uint32_t aether_rlnc_rank(const struct aether_rlnc *rlnc)
{
	return rlnc->rank;
}

int aether_rlnc_has(const struct aether_rlnc *rlnc, uint32_t source)
{
	const uint8_t *row;
	uint8_t more = 0;

	if (source >= rlnc->sources)
		return 0;
	row = row_of(rlnc, source);
	for (uint32_t j = 0; row && j < rlnc->sources; j++)
		more |= j == source ? 0 : row[j];
	return row && !more;
}

int aether_rlnc_decoder(const struct aether_rlnc *rlnc, const uint32_t *wanted,
			uint32_t count, uint8_t *matrix)
{
	if (!is_count(count))
		return AETHER_EINVAL;
	for (uint32_t i = 0; i < count; i++)
		if (!aether_rlnc_has(rlnc, wanted[i]))
			return AETHER_EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *row = row_of(rlnc, wanted[i]) + rlnc->sources;

		for (uint32_t j = 0; j < rlnc->rank; j++)
			*matrix++ = row[j];
	}
	return 0;
}
