/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Burns of the user's own: what burn.c needs of module.c.
 */
#ifndef AE_MODULE_H
#define AE_MODULE_H

#include <aether/burn.h>

/* As aether_burn_open, for a description that names a shared object. */
int ae_module_open(const char *spec, struct aether_error *error,
		   struct aether_burn *burn);

/* Unloads the object. */
void ae_module_close(void *module);

#endif
