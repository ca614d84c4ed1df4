/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrices of the Reed-Solomon code against their definition, with a field
 * multiplied bit by bit: every choice of k shards for all (k, m) up to 12 + 4,
 * random ones up to 255; ISA-L's matrix and bytes; patches; checks; refusals.
 */
#include <dlfcn.h>
#include <aether/aether.h>
#include "../tap.h"
#include "field.h"

#define SHARDS 255
#define COLUMNS 24 /* bytes of a shard where random data will do */

static uint8_t code[SHARDS * SHARDS]; /* (k + m) x k */
static uint8_t matrix[SHARDS * SHARDS];
static uint8_t shard[SHARDS][COLUMNS], result[SHARDS][COLUMNS];
/* All shards of (k, m) from the sources: the definition. */
static void make_code(uint32_t k, uint32_t m)
{
	for (uint32_t i = 0; i < k + m; i++)
		for (uint32_t j = 0; j < k; j++)
			code[i * k + j] = i < k ? i == j : inverse[i ^ j];
}

/* result = matrix x the shards of the list; NULL: from the first on. */
static void apply(const uint8_t *by, uint32_t targets, uint32_t sources,
		  const uint32_t *list)
{
	memset(result, 0, sizeof(result));
	for (uint32_t i = 0; i < targets; i++)
		for (uint32_t j = 0; j < sources; j++) {
			const uint8_t *row = product[by[i * sources + j]];
			const uint8_t *in = shard[list ? list[j] : j];

			for (int c = 0; c < COLUMNS; c++)
				result[i][c] ^= row[in[c]];
		}
}

/* Random sources and their parities. */
static void make_shards(uint32_t k, uint32_t m)
{
	make_code(k, m);
	for (uint32_t j = 0; j < k; j++)
		for (int c = 0; c < COLUMNS; c++)
			shard[j][c] = (uint8_t)draw(256);
	apply(code, k + m, k, NULL);
	memcpy(shard, result, sizeof(shard));
}

/* matrix x the code's rows `have` are its rows `wanted`, whatever the data. */
static int is_right(uint32_t k, const uint32_t *have, const uint32_t *wanted,
		    uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t j = 0; j < k; j++) {
			uint8_t sum = 0;

			for (uint32_t h = 0; h < k; h++)
				sum ^= product[matrix[i * k + h]]
					      [code[have[h] * k + j]];
			if (sum != code[wanted[i] * k + j])
				return 0;
		}
	return 1;
}

/* One choice of k shards, a bit each, in any order: all shards come back. */
static int choice_works(uint32_t k, uint32_t m, uint32_t bits)
{
	uint32_t have[16], wanted[16], count = 0;

	for (uint32_t s = 0; s < k + m; s++) {
		wanted[s] = s;
		if (bits >> s & 1)
			have[count++] = s;
	}
	shuffle(have, k);
	shuffle(wanted, k + m);
	return aether_rs_rebuilder(k, m, have, wanted, k + m, matrix) == 0 &&
	       is_right(k, have, wanted, k + m);
}

static void every_choice(void)
{
	int choices = 0, wrong = 0, codes = 0;

	for (uint32_t k = 1; k <= 12; k++)
		for (uint32_t m = 1; m <= 4; m++, codes++) {
			make_code(k, m);
			for (uint32_t bits = 0; bits >> (k + m) == 0; bits++) {
				if (__builtin_popcount(bits) != (int)k)
					continue;
				choices++;
				wrong += !choice_works(k, m, bits);
			}
		}
	is_int(wrong, 0, "every choice of k shards gives back all k + m");
	/* the sum of C(k + m, m) */
	is_int(choices, 8550, "that many choices");
	is_int(codes, 48, "of so many codes");
}

/* Any code, any k shards of it, any others wanted. */
static int random_works(uint32_t k, uint32_t m)
{
	uint32_t have[SHARDS], wanted[SHARDS], count = draw(k + m) + 1;
	int wrong = 0;

	for (uint32_t s = 0; s < k + m; s++)
		have[s] = wanted[s] = s;
	shuffle(have, k + m);
	shuffle(wanted, k + m);
	make_shards(k, m);
	if (aether_rs_rebuilder(k, m, have, wanted, count, matrix))
		return 0;
	apply(matrix, count, k, have);
	for (uint32_t i = 0; i < count; i++)
		wrong += !!memcmp(result[i], shard[wanted[i]], COLUMNS);
	return !wrong;
}

static void random_choices(void)
{
	int wrong = 0;

	for (int i = 0; i < 300; i++) {
		uint32_t total = 2 + draw(SHARDS - 1), k = 1 + draw(total - 1);

		wrong += !random_works(k, total - k);
	}
	wrong += !random_works(1, 254);
	wrong += !random_works(254, 1);
	wrong += !random_works(127, 128);
	wrong += !random_works(128, 127);
	is_int(wrong, 0, "random choices of random codes up to 255 shards");
}

static void encoders(void)
{
	int wrong = 0;

	for (uint32_t k = 1; k < SHARDS; k += 1 + draw(5))
		for (uint32_t m = 1; k + m <= SHARDS; m += 1 + draw(40)) {
			make_code(k, m);
			memset(matrix, 0, sizeof(matrix));
			wrong += aether_rs_encoder(k, m, matrix) != 0;
			wrong += !!memcmp(matrix, code + k * k, m * k);
		}
	is_int(wrong, 0, "encoders have the inverse of (k + i) xor j");
}

/* ISA-L's own functions, where its package is. */
static void isal(void)
{
	static uint8_t tables[SHARDS * SHARDS * 32], theirs[SHARDS][COLUMNS];
	void *library = dlopen("libisal.so.2", RTLD_NOW);
	void (*generate)(unsigned char *, int, int);
	void (*init)(int, int, unsigned char *, unsigned char *);
	void (*encode)(int, int, int, unsigned char *, unsigned char **,
		       unsigned char **);
	unsigned char *in[SHARDS], *out[SHARDS];
	static const uint32_t codes[][2] = { { 1, 1 },     { 10, 4 },
					     { 12, 4 },    { 17, 3 },
					     { 127, 128 }, { 128, 127 },
					     { 200, 55 },  { 254, 1 } };
	int wrong = 0;

	if (!library) {
		skip("libisal2 is not installed: tools/need.sh test");
		return;
	}
	*(void **)&generate = dlsym(library, "gf_gen_cauchy1_matrix");
	*(void **)&init = dlsym(library, "ec_init_tables");
	*(void **)&encode = dlsym(library, "ec_encode_data");
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		uint32_t k = codes[i][0], m = codes[i][1];

		make_shards(k, m);
		aether_rs_encoder(k, m, matrix);
		apply(matrix, m, k, NULL);
		generate(code, (int)(k + m), (int)k);
		wrong += !!memcmp(matrix, code + k * k, m * k);
		for (uint32_t j = 0; j < k; j++)
			in[j] = shard[j];
		for (uint32_t j = 0; j < m; j++)
			out[j] = theirs[j];
		init((int)k, (int)m, code + k * k, tables);
		encode(COLUMNS, (int)k, (int)m, tables, in, out);
		for (uint32_t j = 0; j < m; j++)
			wrong += !!memcmp(theirs[j], result[j], COLUMNS);
	}
	is_int(wrong, 0, "ISA-L makes the same matrices and parities");
	dlclose(library);
}

/* One source changes; the parities are patched, not made again. */
static int patch_works(uint32_t k, uint32_t m)
{
	uint32_t source = draw(k);
	uint8_t old[COLUMNS];
	int wrong = 0;

	make_shards(k, m);
	if (aether_rs_patcher(k, m, source, matrix))
		return 0;
	memcpy(old, shard[source], COLUMNS);
	for (int c = 0; c < COLUMNS; c++)
		shard[source][c] = (uint8_t)draw(256);
	for (uint32_t i = 0; i < m; i++)
		for (int c = 0; c < COLUMNS; c++)
			shard[k + i][c] ^=
				product[matrix[i]][old[c] ^ shard[source][c]];
	apply(code, k + m, k, NULL);
	for (uint32_t s = 0; s < k + m; s++)
		wrong += !!memcmp(result[s], shard[s], COLUMNS);
	return !wrong;
}

/* Zeros if nothing was flipped; else what the header says of one shard. */
static int check_works(uint32_t k, uint32_t m)
{
	uint32_t bad = draw(k + m), at = draw(COLUMNS);
	int wrong = 0;

	make_shards(k, m);
	if (aether_rs_checker(k, m, matrix))
		return 0;
	apply(matrix, m, k + m, NULL);
	for (uint32_t i = 0; i < m; i++)
		for (int c = 0; c < COLUMNS; c++)
			wrong += result[i][c] != 0;
	shard[bad][at] ^= 1 + draw(255);
	apply(matrix, m, k + m, NULL);
	for (uint32_t i = 0; i < m; i++)
		for (uint32_t c = 0; c < COLUMNS; c++) {
			int is = c == at && (bad < k || bad == k + i);

			wrong += (result[i][c] != 0) != is;
		}
	return !wrong;
}

static void patches_and_checks(void)
{
	int patches = 0, checks = 0;

	for (int i = 0; i < 100; i++) {
		uint32_t total = 2 + draw(i < 90 ? 40 : SHARDS - 1);
		uint32_t k = 1 + draw(total - 1);

		patches += !patch_works(k, total - k);
		checks += !check_works(k, total - k);
	}
	is_int(patches, 0, "parities are patched when one source changes");
	is_int(checks, 0, "checkers see what was flipped and nothing else");
}

static void refusals(void)
{
	static const uint32_t codes[][2] = {
		{ 0, 1 },   { 1, 0 },          { 0, 0 },         { 255, 1 },
		{ 1, 255 }, { 128, 128 },      { 254, 2 },       { 256, 1 },
		{ 1, 256 }, { UINT32_MAX, 1 }, { 1, UINT32_MAX }
	};
	uint32_t have[] = { 0, 2, 4, 5 }, same[] = { 0, 2, 4, 2 };
	uint32_t far[] = { 0, 2, 4, 6 }, wild[] = { 0, 2, 4, UINT32_MAX };
	uint32_t alike[] = { 1, 3, 1 };
	int wrong = 0;

	memset(matrix, 0xA5, sizeof(matrix));
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		uint32_t k = codes[i][0], m = codes[i][1];

		wrong += aether_rs_encoder(k, m, matrix) != AETHER_EINVAL;
		wrong += aether_rs_checker(k, m, matrix) != AETHER_EINVAL;
		wrong += aether_rs_patcher(k, m, 0, matrix) != AETHER_EINVAL;
		wrong += aether_rs_rebuilder(k, m, have, have, 1, matrix) !=
			 AETHER_EINVAL;
	}
	is_int(wrong, 0, "no code of 0 sources or parities, or of 256 shards");
#define REBUILD(have, wanted, count) \
	aether_rs_rebuilder(4, 2, have, wanted, count, matrix)
	is_int(REBUILD(same, have, 1), AETHER_EINVAL, "one shard twice");
	is_int(REBUILD(far, have, 1), AETHER_EINVAL, "a shard beyond");
	is_int(REBUILD(wild, have, 1), AETHER_EINVAL, "a shard far beyond");
	is_int(REBUILD(have, far, 4), AETHER_EINVAL, "one wanted beyond");
	is_int(REBUILD(have, wild, 4), AETHER_EINVAL, "one far beyond");
	is_int(REBUILD(have, alike, 3), AETHER_EINVAL, "one wanted twice");
	is_int(REBUILD(have, have, 0), AETHER_EINVAL, "none wanted");
	is_int(aether_rs_patcher(4, 2, 4, matrix), AETHER_EINVAL,
	       "no source to patch");
	wrong = 0;
	for (size_t i = 0; i < sizeof(matrix); i++)
		wrong += matrix[i] != 0xA5;
	is_int(wrong, 0, "what is refused writes nothing");
	is_int(REBUILD(have, alike, 2), 0, "the same with nothing wrong");
}

int main(void)
{
	make_field();
	encoders();
	every_choice();
	random_choices();
	isal();
	patches_and_checks();
	refusals();
	return tap_end();
}
