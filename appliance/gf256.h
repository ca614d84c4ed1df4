/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GF(2^8) on bit-planes: what the kernels offer to gf256.c, and what that
 * offers to the rest. Multiplying by a constant is an 8x8 matrix of bits, so a
 * kernel is 255 straight programs of exclusive ors, one for each constant but
 * 0, which gen_gf256.py writes in the build. A prepared matrix is the list of
 * those that it needs, in the order in which a kernel runs them for each block
 * of AETHER_GF256_BLOCK bytes.
 *
 * Pure: works on the memory that it is given, allocates nothing.
 */
#ifndef AE_GF256_H
#define AE_GF256_H

#include <aether/burn.h>
#include <aether/gf256.h>

/* A step: what runs, and on what. The meaning is the kernel's. */
struct ae_gf256_op {
	uintptr_t code;
	uint64_t at;
};

/* A matrix as a kernel reads it, twice: it must not change meanwhile. */
struct ae_gf256_matrix {
	const uint8_t *bytes; /* row after row, a row for each target */
	uint32_t targets, sources;
};

/* The arrays of addresses, of the first of `length` bytes each. */
struct ae_gf256_run {
	void *const *targets;
	const void *const *sources;
	size_t length;  /* a multiple of AETHER_GF256_BLOCK, not 0 */
	uint32_t flags; /* AETHER_GF256_STREAM: targets are aligned to lines */
};

struct ae_gf256_kernel {
	const char *name;
	/* Writes the list and returns how long it is; `ops` NULL: counts. */
	size_t (*plan)(const struct ae_gf256_matrix *matrix,
		       struct ae_gf256_op *ops);
	void (*run)(const struct ae_gf256_op *ops,
		    const struct ae_gf256_run *run);
};

/* plan NULL: this build has no such kernel. */
extern const struct ae_gf256_kernel ae_gf256_scalar;
extern const struct ae_gf256_kernel ae_gf256_avx2;
extern const struct ae_gf256_kernel ae_gf256_avx512;
extern const struct ae_gf256_kernel ae_gf256_simd128;

/* The one in use. */
const struct ae_gf256_kernel *ae_gf256_kernel(void);

struct aether_gf256 {
	const struct ae_gf256_kernel *kernel;
	uint32_t targets, sources;
	struct ae_gf256_op ops[];
};

/* How much memory a matrix needs; 0: it has no rows or columns, or too many. */
size_t ae_gf256_size(const struct ae_gf256_kernel *kernel,
		     const struct ae_gf256_matrix *matrix);

/* Prepares it in memory of that size. */
void ae_gf256_init(struct aether_gf256 *gf256,
		   const struct ae_gf256_kernel *kernel,
		   const struct ae_gf256_matrix *matrix);

/* As aether_gf256_apply; asks for memory from nobody. */
int ae_gf256_apply(const struct aether_gf256 *gf256,
		   const struct ae_gf256_run *run);

/* Inverts in place. AETHER_EINVAL: there is none, and the matrix is spoilt. */
int ae_gf256_invert(uint8_t *matrix, uint32_t n);

/* products[x] = a * x, for all x. */
void ae_gf256_table(uint8_t a, uint8_t products[256]);

/* A burn of one stride: every byte times one constant. */
struct ae_gf256_scale {
	uint8_t products[256];            /* of that constant */
	const struct aether_gf256 *gf256; /* 1 x 1 */
};

/* Burns the piece. AETHER_EINVAL: the format or the tile is none, or sliced
 * content is not in whole tiles. */
int ae_gf256_scale(const struct ae_gf256_scale *scale,
		   const struct aether_piece *piece);

#endif
