/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life descriptor of one participant; see life.c.
 */
#ifndef POSIX_LIFE_H
#define POSIX_LIFE_H

#include "posix.h"

struct ae_posix_life {
	int fd; /* -1: not open */
	struct ae_posix_life *next;
	struct ae_posix_life *previous;
};

/* A new description of the same file; -1 and errno. */
int ae_posix_reopen(int fd, int flags);

#endif
