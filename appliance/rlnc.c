/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random linear network coding, on coefficients alone. What is known of a
 * generation is kept in reduced row echelon form: a row for each innovative
 * packet, with a 1 in its pivot column where all others have a 0. Beside each
 * row is how it comes from the packets as they arrived, so that packets are
 * read only once, when sources are wanted (decision 0114).
 */
#include <aether/error.h>
#include <aether/gf256.h>
#include <aether/rlnc.h>
#include <string.h>
#include "once.h"

#define MAX AETHER_RLNC_SOURCES_MAX
#define BITS 8   /* of an element */
#define WORDS 64 /* of a row, at most */

struct aether_rlnc {
	uint32_t sources;
	uint32_t rank;
	uint8_t row_of[MAX + 1]; /* pivot column: 1 + its row; 0: none */
	uint64_t rows[]; /* k, each k coefficients and k of the packets */
};

/* Eight elements are worked on at once, in a word: a row times an element is
 * the sum of the row times those powers of 2 that are bits of the element. */
struct powers {
	uint64_t of[BITS][WORDS];
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

/* One row; 0: all zeros. Begins with a word of its own, lowest byte first.
 * What it wrote it does not read: somebody may write there, too. */
static uint8_t draw_row(uint64_t *seed, uint32_t columns, uint8_t *row)
{
	uint64_t word = 0;
	uint8_t any = 0;

	for (uint32_t j = 0; j < columns; j++) {
		word = j % 8 ? word >> 8 : next_word(seed);
		row[j] = (uint8_t)word;
		any |= (uint8_t)word;
	}
	return any;
}

int aether_rlnc_draw(uint64_t *seed, uint32_t rows, uint32_t columns,
		     uint8_t *matrix)
{
	uint64_t at = *seed;

	if (!is_count(rows) || !is_count(columns))
		return AETHER_EINVAL;
	for (uint32_t i = 0; i < rows; i++)
		while (!draw_row(&at, columns, matrix + i * columns))
			;
	*seed = at;
	return 0;
}

static uint32_t words_of(uint32_t bytes)
{
	return (bytes + 7) / 8;
}

/* Each byte times 2. */
static uint64_t twice(uint64_t word)
{
	uint64_t high = word >> 7 & 0x0101010101010101u;

	return (word & 0x7F7F7F7F7F7F7F7Fu) << 1 ^ high * 0x1D;
}

static void add_row(uint64_t *to, const uint64_t *from, uint32_t words)
{
	for (uint32_t w = 0; w < words; w++)
		to[w] ^= from[w];
}

static void scale_row(uint64_t *row, uint8_t by, uint32_t words)
{
	for (uint32_t w = 0; w < words; w++) {
		uint64_t sum = 0;

		for (uint32_t b = BITS; b-- > 0;)
			sum = twice(sum) ^ (by >> b & 1 ? row[w] : 0);
		row[w] = sum;
	}
}

static void clear(struct powers *sums, uint32_t words)
{
	for (uint32_t b = 0; b < BITS; b++)
		memset(sums->of[b], 0, words * sizeof(uint64_t));
}

/* Notes that by * row is to be added: once for each bit of `by`. */
static void gather(struct powers *sums, const uint64_t *row, uint8_t by,
		   uint32_t words)
{
	for (unsigned int bits = by; bits; bits &= bits - 1)
		add_row(sums->of[__builtin_ctz(bits)], row, words);
}

/* row += all that was gathered. */
static void settle(const struct powers *sums, uint64_t *row, uint32_t words)
{
	for (uint32_t w = 0; w < words; w++) {
		uint64_t sum = 0;

		for (uint32_t b = BITS; b-- > 0;)
			sum = twice(sum) ^ sums->of[b][w];
		row[w] ^= sum;
	}
}

/* The row times 1, 2, 4 and so on. */
static void take_powers(struct powers *powers, const uint64_t *row,
			uint32_t words)
{
	for (uint32_t w = 0; w < words; w++) {
		uint64_t word = row[w];

		for (uint32_t b = 0; b < BITS; b++) {
			powers->of[b][w] = word;
			word = twice(word);
		}
	}
}

/* to += by * the row of these powers */
static void spread(const struct powers *powers, uint64_t *to, uint8_t by,
		   uint32_t words)
{
	for (unsigned int bits = by; bits; bits &= bits - 1)
		add_row(to, powers->of[__builtin_ctz(bits)], words);
}

int aether_rlnc_combine(const uint8_t *matrix, uint32_t rows, uint32_t columns,
			const uint8_t *packets, uint32_t k, uint8_t *result)
{
	uint64_t packet[WORDS / 2] = { 0 };
	struct powers sums;

	if (!is_count(rows) || !is_count(columns) || !is_count(k))
		return AETHER_EINVAL;
	for (uint32_t i = 0; i < rows; i++, result += k) {
		uint64_t row[WORDS / 2] = { 0 };

		clear(&sums, words_of(k));
		for (uint32_t p = 0; p < columns; p++) {
			memcpy(packet, packets + p * k, k);
			gather(&sums, packet, *matrix++, words_of(k));
		}
		settle(&sums, row, words_of(k));
		memcpy(result, row, k);
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
	return sizeof(struct aether_rlnc) +
	       sizeof(uint64_t) * words_of(2 * k) * k;
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

static uint64_t *row_at(struct aether_rlnc *rlnc, uint32_t row)
{
	return rlnc->rows + words_of(2 * rlnc->sources) * row;
}

/* The row that has its pivot in column j; NULL: none. */
static const uint64_t *row_of(const struct aether_rlnc *rlnc, uint32_t j)
{
	uint32_t row = rlnc->row_of[j], words = words_of(2 * rlnc->sources);

	return row ? rlnc->rows + words * (row - 1) : NULL;
}

/* Takes from the row what the others have; 1 + the first column of what is
 * left, or 0. Each of the others is zero where another has its pivot. */
static uint32_t reduce(const struct aether_rlnc *rlnc, uint64_t *row,
		       uint32_t words)
{
	const uint8_t *elements = (const uint8_t *)row;
	struct powers sums;

	clear(&sums, words);
	for (uint32_t j = 0; j < rlnc->sources; j++) {
		const uint64_t *other = row_of(rlnc, j);

		if (other)
			gather(&sums, other, elements[j], words);
	}
	settle(&sums, row, words);
	for (uint32_t j = 0; j < rlnc->sources; j++)
		if (elements[j])
			return j + 1;
	return 0;
}

/* Takes the row out of the others, as far as they have it in its pivot. */
static void take_out(struct aether_rlnc *rlnc, const uint64_t *row,
		     uint32_t pivot, uint32_t words)
{
	struct powers powers;

	take_powers(&powers, row, words);
	for (uint32_t r = 0; r < rlnc->rank; r++) {
		uint64_t *other = row_at(rlnc, r);

		spread(&powers, other, ((uint8_t *)other)[pivot], words);
	}
}

int aether_rlnc_add(struct aether_rlnc *rlnc, const uint8_t *coefficients)
{
	uint32_t k = rlnc->sources, words = words_of(k + rlnc->rank + 1), pivot;
	uint64_t *row = row_at(rlnc, rlnc->rank);
	uint8_t *elements = (uint8_t *)row;

	if (rlnc->rank == k)
		return 0;
	memset(row, 0, sizeof(uint64_t) * words_of(2 * k));
	memcpy(row, coefficients, k);
	elements[k + rlnc->rank] = 1;
	pivot = reduce(rlnc, row, words);
	if (!pivot--)
		return 0;
	scale_row(row, aether_gf256_inverse(elements[pivot]), words);
	take_out(rlnc, row, pivot, words);
	rlnc->row_of[pivot] = (uint8_t)++rlnc->rank;
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
	row = (const uint8_t *)row_of(rlnc, source);
	for (uint32_t j = 0; row && j < rlnc->sources; j++)
		more |= j == source ? 0 : row[j];
	return row && !more;
}

int aether_rlnc_decoder(const struct aether_rlnc *rlnc, const uint32_t *wanted,
			uint32_t count, uint8_t *matrix)
{
	uint8_t sources[MAX];

	if (!is_count(count))
		return AETHER_EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t source = ae_once(&wanted[i]);

		if (!aether_rlnc_has(rlnc, source))
			return AETHER_EINVAL;
		sources[i] = (uint8_t)source;
	}
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t *row = row_of(rlnc, sources[i]);

		memcpy(matrix, (const uint8_t *)row + rlnc->sources,
		       rlnc->rank);
		matrix += rlnc->rank;
	}
	return 0;
}
