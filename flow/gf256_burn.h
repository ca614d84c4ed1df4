/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The burn gf256:HH for burn.c.
 */
#ifndef AE_GF256_BURN_H
#define AE_GF256_BURN_H

#include <aether/burn.h>

/* Opens it with what follows the colon. */
int ae_gf256_burn_open(const char *constant, struct aether_error *error,
		       struct aether_burn *burn);

#endif
