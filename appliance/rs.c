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
#include <aether/gf256.h>
#include <aether/rs.h>
#include "once.h"

#define FIELD 256
#define ORDER 255    /* of the element 2: all but 0 are powers of it */
#define LOST_MAX 127 /* sources that parities can stand for: min(k, m) */

/* Logarithms to the base 2, and back. */
struct logs {
	uint8_t of[FIELD];
	uint8_t power[ORDER];
};

/* Which shards are there and which sources are not. */
struct known {
	uint8_t is[FIELD]; /* 1: this shard is there */
	uint8_t parity[LOST_MAX];
	uint8_t lost[LOST_MAX];
	uint32_t count; /* of both lists */
};

static void take_logs(struct logs *logs)
{
	uint8_t power = 1;

	for (uint32_t i = 0; i < ORDER; i++) {
		logs->power[i] = power;
		logs->of[power] = (uint8_t)i;
		power = aether_gf256_multiply(power, 2);
	}
}

static int is_code(uint32_t k, uint32_t m)
{
	return k && m && k < AETHER_RS_SHARDS_MAX &&
	       m <= AETHER_RS_SHARDS_MAX - k;
}

/* The coefficient of source j in the shard `parity`. */
static uint8_t coefficient(const struct logs *logs, uint32_t parity, uint32_t j)
{
	return logs->power[(ORDER - logs->of[parity ^ j]) % ORDER];
}

/* Copies the list, which others may change meanwhile, and marks what is in it;
 * 0: one is none, or twice there. */
static int take(const uint32_t *shards, uint32_t count, uint32_t total,
		uint8_t *taken, uint8_t *is)
{
	for (uint32_t i = 0; i < FIELD; i++)
		is[i] = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t shard = ae_once(&shards[i]);

		if (shard >= total || is[shard])
			return 0;
		is[shard] = 1;
		taken[i] = (uint8_t)shard;
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

/* The logarithm of q as above, of shard s. */
static uint32_t quotient(const struct logs *logs, const struct known *known,
			 uint32_t s)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < known->count; i++) {
		if (known->parity[i] != s)
			sum += logs->of[known->parity[i] ^ s];
		if (known->lost[i] != s)
			sum += ORDER - logs->of[known->lost[i] ^ s];
	}
	return sum % ORDER;
}

int aether_rs_encoder(uint32_t k, uint32_t m, uint8_t *matrix)
{
	struct logs logs;

	if (!is_code(k, m))
		return AETHER_EINVAL;
	take_logs(&logs);
	for (uint32_t i = 0; i < m; i++)
		for (uint32_t j = 0; j < k; j++)
			*matrix++ = coefficient(&logs, k + i, j);
	return 0;
}

int aether_rs_rebuilder(uint32_t k, uint32_t m, const uint32_t *have,
			const uint32_t *wanted, uint32_t count, uint8_t *matrix)
{
	uint8_t there[AETHER_RS_SHARDS_MAX], targets[AETHER_RS_SHARDS_MAX];
	struct known known;
	struct logs logs;
	uint8_t q[FIELD];

	if (!is_code(k, m) || count == 0 ||
	    !take(wanted, count, k + m, targets, known.is) ||
	    !take(have, k, k + m, there, known.is))
		return AETHER_EINVAL;
	take_logs(&logs);
	sort_out(&known, k, m);
	for (uint32_t h = 0; h < k; h++)
		q[h] = (uint8_t)quotient(&logs, &known, there[h]);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t t = targets[i], up;

		for (uint32_t h = 0; h < k; h++)
			matrix[i * k + h] = t == there[h];
		if (known.is[t])
			continue;
		up = quotient(&logs, &known, t) + 2 * ORDER;
		for (uint32_t h = 0; h < k; h++)
			matrix[i * k + h] =
				logs.power[(up - q[h] - logs.of[t ^ there[h]]) %
					   ORDER];
	}
	return 0;
}

int aether_rs_patcher(uint32_t k, uint32_t m, uint32_t source, uint8_t *matrix)
{
	struct logs logs;

	if (!is_code(k, m) || source >= k)
		return AETHER_EINVAL;
	take_logs(&logs);
	for (uint32_t i = 0; i < m; i++)
		matrix[i] = coefficient(&logs, k + i, source);
	return 0;
}

int aether_rs_checker(uint32_t k, uint32_t m, uint8_t *matrix)
{
	struct logs logs;

	if (!is_code(k, m))
		return AETHER_EINVAL;
	take_logs(&logs);
	for (uint32_t i = 0; i < m; i++) {
		for (uint32_t j = 0; j < k; j++)
			*matrix++ = coefficient(&logs, k + i, j);
		for (uint32_t j = 0; j < m; j++)
			*matrix++ = i == j;
	}
	return 0;
}
