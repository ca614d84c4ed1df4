/* SPDX-License-Identifier: Apache-2.0 */
#include "gf256.h"
const struct ae_gf256_kernel ae_gf256_avx2 = { "avx2", NULL, NULL };
