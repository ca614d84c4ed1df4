/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life descriptor of one participant, and other descriptors that no child
 * may keep; see life.c.
 */
#ifndef POSIX_LIFE_H
#define POSIX_LIFE_H

#include "posix.h"

struct ae_posix_life {
	int fd; /* -1: not open */
	int of; /* 1: through another one, of the attachment's */
	struct ae_posix_life *next;
	struct ae_posix_life *previous;
};

/* A new description of the same file; -1 and errno. */
int ae_posix_reopen(int fd, int flags);

/* The same, with the directory of this process's descriptors at hand. */
int ae_posix_reopen_in(int files, int fd, int flags);

/*
 * Descriptors that a child closes when it is forked, as those of lives. Between
 * begin and end none is forked, so that what comes in between is closed there
 * or not there at all.
 */
void ae_posix_private_begin(void);
void ae_posix_private_end(void);

/* Between the two: takes the descriptor over. */
void ae_posix_private_keep(struct ae_posix_life *own, int fd);

/* A new description of the file of `fd`, kept; -1 and errno. */
int ae_posix_private_reopen(struct ae_posix_life *own, int fd, int flags);

/* A new socket of an attach socket's kind, kept; -1 and errno. */
int ae_posix_private_socket(struct ae_posix_life *own, int flags);

/* `to` has it from now on, and `from` nothing. */
void ae_posix_private_move(struct ae_posix_life *from,
			   struct ae_posix_life *to);

/* Closes it, if it is open. */
void ae_posix_private_close(struct ae_posix_life *own);

#endif
