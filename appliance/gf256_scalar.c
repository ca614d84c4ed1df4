/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GF(2^8) on bit-planes with 64-bit words: any processor. Compiled without
 * vectors of the compiler's making (Makefile), also where every processor has
 * some, as SSE2 or NEON: it is the baseline that other kernels are measured by,
 * and what AETHER_ISA=scalar asks for.
 */
#include "gf256.h"

typedef uint64_t word __attribute__((may_alias, aligned(1)));

#include <gf256/programs.h>
#include "gf256_words.h"

const struct ae_gf256_kernel ae_gf256_scalar = { "scalar", ae_gf256_words_plan,
						 ae_gf256_words_run };
