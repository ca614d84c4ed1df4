/* SPDX-License-Identifier: Apache-2.0 */
/* Space for the output, asked for before it is written: for the egress. */
#ifndef AE_AHEAD_H
#define AE_AHEAD_H

#include <stdint.h>

struct ae_ahead {
	int fd;
	uint64_t start; /* place in the file where the output begins */
	uint64_t next;  /* up to where space was asked for */
	uint64_t end;   /* up to where it will be */
};

/* `expected` bytes will probably be written; 0: not known. */
void ae_ahead_open(struct ae_ahead *ahead, int fd, uint64_t expected);

/* So many were: is it time to ask for more? */
void ae_ahead_ask(struct ae_ahead *ahead, uint64_t written);

/* Gives back what was not used. */
void ae_ahead_close(struct ae_ahead *ahead);

#endif
