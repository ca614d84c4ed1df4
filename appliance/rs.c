/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrices of a systematic Cauchy Reed-Solomon code, in closed form.
 *
 * Shard s belongs to the point s of the field; sources to k points, parities to
 * m others. Let P be the parities that are there, E the sources that are not:
 * as many. With
 *
 *	q(s) = prod over p in P, p != s of (s + p)
 *	     / prod over e in E, e != s of (s + e)
 *
 * a shard t that is not there is the sum of all h that are there, each times
 * q(t) / (q(h) (t + h)): Lagrange's interpolation of the polynomial of which
 * the shards are, but for constants of their own, the values (docs/rs.md). No
 * factor is zero as no two points are the same.
 */
#include <aether/error.h>
#include <aether/rs.h>

#define FIELD 256
#define LOST_MAX 127 /* sources that parities can stand for: min(k, m) */

/* Which shards are there and which sources are not. */
struct known {
	uint8_t is[FIELD]; /* 1: this shard is there */
	uint8_t parity[LOST_MAX];
	uint8_t lost[LOST_MAX];
	uint32_t count; /* of both lists */
};

static uint8_t multiply(uint8_t a, uint8_t b)
{
	uint8_t product = 0;

	for (; b; b >>= 1) {
		if (b & 1)
			product ^= a;
		a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1D : 0));
	}
	return product;
}

/* The 254th power. */
static uint8_t inverse(uint8_t a)
{
	uint8_t power = a;

	for (int i = 0; i < 6; i++)
		power = multiply(multiply(power, power), a);
	return multiply(power, power);
}

static int is_code(uint32_t k, uint32_t m)
{
	return k && m && k < AETHER_RS_SHARDS_MAX &&
	       m <= AETHER_RS_SHARDS_MAX - k;
}

/* The coefficient of source j in the shard `parity`. */
static uint8_t coefficient(uint32_t parity, uint32_t j)
{
	return inverse((uint8_t)(parity ^ j));
}

/* Marks those of the list; 0: one is none, or twice there. */
static int mark(const uint32_t *shards, uint32_t count, uint32_t total,
		uint8_t *is)
{
	for (uint32_t i = 0; i < FIELD; i++)
		is[i] = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (shards[i] >= total || is[shards[i]])
			return 0;
		is[shards[i]] = 1;
	}
	return 1;
}

static void sort_out(struct known *known, uint32_t k, uint32_t m)
{
	uint32_t parities = 0;

	known->count = 0;
	for (uint32_t j = 0; j < k; j++)
		if (!known->is[j])
			known->lost[known->count++] = (uint8_t)j;
	for (uint32_t p = k; p < k + m; p++)
		if (known->is[p])
			known->parity[parities++] = (uint8_t)p;
}

/* q as above, or its inverse if `above` and `below` change places. */
static uint8_t quotient(uint8_t shard, const uint8_t *above,
			const uint8_t *below, uint32_t count)
{
	uint8_t up = 1, down = 1;

	for (uint32_t i = 0; i < count; i++) {
		if (above[i] != shard)
			up = multiply(up, above[i] ^ shard);
		if (below[i] != shard)
			down = multiply(down, below[i] ^ shard);
	}
	return multiply(up, inverse(down));
}

int aether_rs_encoder(uint32_t k, uint32_t m, uint8_t *matrix)
{
	if (!is_code(k, m))
		return AETHER_EINVAL;
	for (uint32_t i = 0; i < m; i++)
		for (uint32_t j = 0; j < k; j++)
			*matrix++ = coefficient(k + i, j);
	return 0;
}

int aether_rs_rebuilder(uint32_t k, uint32_t m, const uint32_t *have,
			const uint32_t *wanted, uint32_t count, uint8_t *matrix)
{
	struct known known;
	uint8_t factor[FIELD];

	if (!is_code(k, m) || count == 0 ||
	    !mark(wanted, count, k + m, known.is) ||
	    !mark(have, k, k + m, known.is))
		return AETHER_EINVAL;
	sort_out(&known, k, m);
	for (uint32_t h = 0; h < k; h++)
		factor[h] = quotient((uint8_t)have[h], known.lost, known.parity,
				     known.count);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t t = (uint8_t)wanted[i];
		uint8_t q = quotient(t, known.parity, known.lost, known.count);

		for (uint32_t h = 0; h < k; h++) {
			uint8_t sum = (uint8_t)(t ^ have[h]);

			*matrix++ = known.is[t]
					    ? !sum
					    : multiply(multiply(q, factor[h]),
						       inverse(sum));
		}
	}
	return 0;
}

int aether_rs_patcher(uint32_t k, uint32_t m, uint32_t source, uint8_t *matrix)
{
	if (!is_code(k, m) || source >= k)
		return AETHER_EINVAL;
	for (uint32_t i = 0; i < m; i++)
		matrix[i] = coefficient(k + i, source);
	return 0;
}

int aether_rs_checker(uint32_t k, uint32_t m, uint8_t *matrix)
{
	if (!is_code(k, m))
		return AETHER_EINVAL;
	for (uint32_t i = 0; i < m; i++) {
		for (uint32_t j = 0; j < k; j++)
			*matrix++ = coefficient(k + i, j);
		for (uint32_t j = 0; j < m; j++)
			*matrix++ = i == j;
	}
	return 0;
}
