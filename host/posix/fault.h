/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attachments of this process, for the handler of SIGBUS; see fault.c.
 */
#ifndef POSIX_FAULT_H
#define POSIX_FAULT_H

#include "posix.h"

void ae_posix_fault_add(struct aether_plane *plane);
void ae_posix_fault_drop(const struct aether_plane *plane);

#endif
