/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The field, byte by byte, and the choice of a kernel for whole streams. What
 * a caller can get wrong is checked here, so that kernels check nothing.
 */
#include "gf256.h"

#include <aether/isa.h>
#include <string.h>

#define POLYNOMIAL 0x1D /* and x^8 */

/* Right before the constructor has run, too. Written by nobody after it. */
static const struct ae_gf256_kernel *chosen = &ae_gf256_scalar;

/* After the port has looked at the processor, which has a smaller number. */
__attribute__((constructor(110))) static void choose(void)
{
	enum aether_isa isa = aether_isa();

	if (ae_gf256_simd128.plan)
		chosen = &ae_gf256_simd128;
	else if (isa >= AETHER_ISA_AVX512 && ae_gf256_avx512.plan)
		chosen = &ae_gf256_avx512;
	else if (isa >= AETHER_ISA_AVX2 && ae_gf256_avx2.plan)
		chosen = &ae_gf256_avx2;
}

const struct ae_gf256_kernel *ae_gf256_kernel(void)
{
	return chosen;
}

uint8_t aether_gf256_multiply(uint8_t a, uint8_t b)
{
	unsigned int product = 0, power = a;

	for (; b; b >>= 1) {
		if (b & 1)
			product ^= power;
		power = power << 1 ^ (power >> 7) * (0x100 | POLYNOMIAL);
	}
	return (uint8_t)product;
}

/* a^254, for a^255 is 1. */
uint8_t aether_gf256_inverse(uint8_t a)
{
	uint8_t power = a, product = 1;

	for (int i = 0; i < 7; i++) {
		power = aether_gf256_multiply(power, power);
		product = aether_gf256_multiply(product, power);
	}
	return product;
}

void ae_gf256_table(uint8_t a, uint8_t products[256])
{
	products[0] = 0;
	for (unsigned int bit = 1; bit < 256; bit *= 2) {
		products[bit] = aether_gf256_multiply(a, (uint8_t)bit);
		for (unsigned int x = 1; x < bit; x++)
			products[bit + x] = products[bit] ^ products[x];
	}
}

/* row += a * other, or row *= a if other is NULL. */
static void add_row(uint8_t *row, const uint8_t *other, uint8_t a, uint32_t n)
{
	uint8_t products[256];

	ae_gf256_table(a, products);
	for (uint32_t i = 0; i < n; i++)
		row[i] = other ? row[i] ^ products[other[i]] : products[row[i]];
}

static void swap_rows(uint8_t *a, uint8_t *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t kept = a[i];

		a[i] = b[i];
		b[i] = kept;
	}
}

/* Undoes the exchanges of rows, the last one first, on columns. */
static void swap_columns(uint8_t *matrix, const uint8_t *with, uint32_t n)
{
	for (uint32_t at = n; at-- > 0;) {
		for (uint32_t row = 0; row < n; row++) {
			uint8_t *line = matrix + row * n, kept = line[at];

			line[at] = line[with[at]];
			line[with[at]] = kept;
		}
	}
}

int ae_gf256_invert(uint8_t *matrix, uint32_t n)
{
	uint8_t with[AETHER_GF256_MAX];

	for (uint32_t at = 0; at < n; at++) {
		uint8_t *pivot = matrix + at * n, scale;
		uint32_t row = at;

		while (row < n && !matrix[row * n + at])
			row++;
		if (row == n)
			return AETHER_EINVAL;
		with[at] = (uint8_t)row;
		if (row != at)
			swap_rows(pivot, matrix + row * n, n);
		scale = aether_gf256_inverse(pivot[at]);
		pivot[at] = 1;
		add_row(pivot, NULL, scale, n);
		for (row = 0; row < n; row++) {
			uint8_t *line = matrix + row * n, factor = line[at];

			if (row == at || factor == 0)
				continue;
			line[at] = 0;
			add_row(line, pivot, factor, n);
		}
	}
	swap_columns(matrix, with, n);
	return 0;
}

size_t ae_gf256_size(const struct ae_gf256_kernel *kernel,
		     const struct ae_gf256_matrix *matrix)
{
	if (matrix->targets - 1 >= AETHER_GF256_MAX ||
	    matrix->sources - 1 >= AETHER_GF256_MAX)
		return 0;
	return sizeof(struct aether_gf256) +
	       kernel->plan(matrix, NULL) * sizeof(struct ae_gf256_op);
}

void ae_gf256_init(struct aether_gf256 *gf256,
		   const struct ae_gf256_kernel *kernel,
		   const struct ae_gf256_matrix *matrix)
{
	gf256->kernel = kernel;
	gf256->targets = matrix->targets;
	gf256->sources = matrix->sources;
	kernel->plan(matrix, gf256->ops);
}

static int overlap(const void *a, const void *b, size_t length)
{
	uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;

	return (x < y ? y - x : x - y) < length;
}

/* Does target t meet a source, or a target before it? */
static int is_crossed(const struct aether_gf256 *gf256,
		      const struct ae_gf256_run *run, uint32_t t)
{
	const void *target = run->targets[t];

	for (uint32_t i = 0; i < t; i++)
		if (overlap(target, run->targets[i], run->length))
			return 1;
	for (uint32_t i = 0; i < gf256->sources; i++)
		if (overlap(target, run->sources[i], run->length))
			return 1;
	return 0;
}

int ae_gf256_apply(const struct aether_gf256 *gf256,
		   const struct ae_gf256_run *run)
{
	struct ae_gf256_run checked = *run;

	if (run->length % AETHER_GF256_BLOCK ||
	    run->flags & ~(AETHER_GF256_ADD | AETHER_GF256_STREAM))
		return AETHER_EINVAL;
	for (uint32_t t = 0; t < gf256->targets; t++) {
		if (is_crossed(gf256, run, t))
			return AETHER_EINVAL;
		if ((uintptr_t)run->targets[t] % AETHER_TILE)
			checked.flags &= ~AETHER_GF256_STREAM;
	}
	if (run->length)
		gf256->kernel->run(gf256->ops, &checked);
	return 0;
}
