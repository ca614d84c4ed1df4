/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of an attach socket; see line.c. A line is what an
 * attachment keeps that came over one. NULL: it did not.
 */
#ifndef POSIX_LINE_H
#define POSIX_LINE_H

#include "life.h"
#include "wire.h"

struct ae_line;

/* aether_plane_attach_with, by the path of a socket. */
int ae_line_attach(const char *path,
		   const struct aether_attach_options *options,
		   struct aether_error *error, struct aether_plane **plane);

/* aether_plane_reattach, if the other one came over a socket. 1: it did not, or
 * nobody serves that plane there, and it can be done without: by descriptors.
 */
int ae_line_attach_again(const struct aether_plane *other,
			 const struct aether_attach_options *options,
			 struct aether_error *error,
			 struct aether_plane **plane);

/* Says that it is detached. NULL is allowed. */
void ae_line_close(struct ae_line *line);

/* The path that it was attached by. */
const char *ae_line_path(const struct ae_line *line);

/* Where control cannot be opened anew: can participants of the attachment lock
 * on a description that came over the line? Then by these, as ae_host_life_take
 * and _drop. */
int ae_line_lives(const struct ae_line *line);
int ae_line_life_take(struct ae_line *line, uint32_t slot);
void ae_line_life_drop(struct ae_line *line, uint32_t slot);

/* A question, and what came back. */
struct ae_ask {
	const char *path;
	struct ae_wire_request request;
	uint64_t deadline;
	struct ae_posix_life *connection; /* kept by the caller */
	struct ae_posix_life *own[2];     /* the same, if they came */
	uint32_t owned;                   /* of them did */
	struct ae_wire_reply reply;
	int fds[AE_WIRE_FDS]; /* all others, to be closed */
	uint32_t count;
};

/* Asks whoever serves at the path until there is an answer or the deadline has
 * passed. An answer that is an error is one. */
int ae_ask(struct ae_ask *ask, struct aether_error *error);

/* With the connection: waits till it can be read. 0, or AETHER_ETIMEDOUT. */
int ae_ask_wait(int fd, uint64_t deadline);

/* A reply that came, `n` bytes and `count` descriptors: can it be?
 * AETHER_EPLANE. */
int ae_ask_check(const struct ae_ask *ask, int n, uint32_t count);

/* The objects that a reply to ATTACH brought, as its rights say.
 * AETHER_EPLANE. */
int ae_line_objects(const struct ae_ask *ask,
		    struct aether_plane_objects *objects);

#endif
