/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GF(2^8) by WebAssembly's vectors against 64-bit words, within WebAssembly:
 * test_gf256_simd128.py builds this with appliance/ and runs it. Freestanding.
 */
#include <aether/isa.h>
#include <string.h>
#include "gf256.h"
#include "wasm.h"

#define SHARDS 6
#define BLOCKS 3
#define LENGTH ((size_t)BLOCKS * AETHER_GF256_BLOCK)
#define PITCH (LENGTH + 128)
#define EXPORT(name) __attribute__((export_name(name)))

static uint8_t sources[SHARDS * PITCH], wanted[SHARDS * PITCH];
static uint8_t got[SHARDS * PITCH];

/* Applies the matrix with one kernel; 0: refused. */
static int apply(const struct ae_gf256_kernel *kernel,
		 const struct ae_gf256_matrix *matrix, uint8_t *to,
		 size_t length, uint32_t flags)
{
	static uint64_t memory[1000];
	struct aether_gf256 *gf256 = (void *)memory;
	void *targets[SHARDS];
	const void *from[SHARDS];
	struct ae_gf256_run run = { targets, from, length, flags };

	for (size_t i = 0; i < SHARDS; i++) {
		targets[i] = to + i * PITCH + i;
		from[i] = sources + i * PITCH + 5 * i;
	}
	if (ae_gf256_size(kernel, matrix) > sizeof(memory))
		return 0;
	ae_gf256_init(gf256, kernel, matrix);
	return ae_gf256_apply(gf256, &run) == 0;
}

static int same(const struct ae_gf256_matrix *matrix)
{
	size_t length = LENGTH - AETHER_GF256_BLOCK * random_below(BLOCKS);
	uint32_t flags = random_below(4);

	for (size_t i = 0; i < sizeof(wanted); i++)
		wanted[i] = got[i] = (uint8_t)random_below(256);
	if (!apply(&ae_gf256_scalar, matrix, wanted, length, flags) ||
	    !apply(&ae_gf256_simd128, matrix, got, length, flags))
		return 0;
	for (size_t i = 0; i < sizeof(wanted); i++)
		if (wanted[i] != got[i])
			return 0;
	return 1;
}

/* Tiles whose planes together are more than a size of 32 bits says: refused,
 * and nothing divided by what it wraps to. */
static int takes_large_tiles(void)
{
	static struct ae_gf256_scale scale;
	struct aether_piece piece = { got, AETHER_GF256_BLOCK, 0,
				      AETHER_FORMAT_SLICED, 0 };
	int taken = 0;

	for (uint32_t tile = 1u << 28; tile; tile *= 2) {
		piece.tile = tile;
		taken += ae_gf256_scale(&scale, &piece) != AETHER_EINVAL;
	}
	return taken;
}

/* How many of each constant alone and of 200 matrices were wrong. */
EXPORT("wrong") int wrong(void);
int wrong(void)
{
	uint8_t bytes[SHARDS * SHARDS];
	struct ae_gf256_matrix matrix = { bytes, 1, 1 };
	int count = takes_large_tiles();

	for (size_t i = 0; i < sizeof(sources); i++)
		sources[i] = (uint8_t)random_below(256);
	for (uint32_t a = 0; a < 256; a++) {
		bytes[0] = (uint8_t)a;
		count += !same(&matrix);
	}
	for (int i = 0; i < 200; i++) {
		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)(random_below(3) ? random_below(256)
							     : random_below(2));
		matrix.targets = 1 + random_below(SHARDS);
		matrix.sources = 1 + random_below(SHARDS);
		count += !same(&matrix);
	}
	return count;
}

EXPORT("in_use") int in_use(void);
int in_use(void)
{
	return ae_gf256_kernel() == &ae_gf256_simd128;
}
