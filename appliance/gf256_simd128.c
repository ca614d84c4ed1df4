/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GF(2^8) on bit-planes with WebAssembly's 128-bit vectors. A module that has
 * vectors loads only where there are some, so there is nothing to choose at
 * run time.
 */
#include "gf256.h"

#if defined(__wasm_simd128__)

typedef uint64_t word __attribute__((vector_size(16), may_alias, aligned(1)));

#include <gf256/programs.h>
#include "gf256_words.h"

const struct ae_gf256_kernel ae_gf256_simd128 = { "simd128",
						  ae_gf256_words_plan,
						  ae_gf256_words_run };

#else
const struct ae_gf256_kernel ae_gf256_simd128 = { "simd128", NULL, NULL };
#endif
