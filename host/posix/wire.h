/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes over an attach socket: whole messages of fixed size, descriptors
 * beside them. Both sides are on one machine, so numbers are in its order.
 * Whatever comes is hostile until it was checked.
 */
#ifndef POSIX_WIRE_H
#define POSIX_WIRE_H

#include <aether/serve.h>
#include "posix.h"

#define AE_WIRE_MAGIC UINT32_C(0x4B4C4154) /* "TALK" */
#define AE_WIRE_VERSION 1
#define AE_WIRE_TEXT 240

/* Descriptors of a message: all that a plane can have, and two. */
#define AE_WIRE_FDS (1 + 2 * AETHER_SEGMENTS_MAX + 2)

enum ae_wire_kind {
	AE_WIRE_ATTACH = 1, /* answered, and the connection stays */
	AE_WIRE_BYE = 2,    /* detached: not answered */
	AE_WIRE_ALONG = 3,  /* to serve along: answered by the socket itself */
	AE_WIRE_RULES = 4,  /* answered, and then by struct ae_rules */
	AE_WIRE_GRANT = 5,
};

struct ae_wire_head {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;
	uint32_t size; /* of the message */
	uint32_t reserved;
};

struct ae_wire_request {
	struct ae_wire_head head;
	struct aether_attach_options options; /* ATTACH */
	struct aether_grant grant;            /* GRANT */
};

/*
 * Descriptors in their order: those that are to be closed in a child (`own`:
 * ATTACH the one to lock life on, if there is one; ALONG the listening socket
 * and the rules), control, and of each segment leases and data as far as the
 * rights say.
 */
struct ae_wire_reply {
	struct ae_wire_head head;
	int32_t code;   /* 0, or an error */
	uint32_t again; /* 1: what is wanting may be there soon */
	uint32_t own;   /* descriptors */
	uint32_t count; /* of all descriptors */
	uint64_t id[2]; /* the plane's */
	uint32_t segments;
	uint32_t user; /* who asked, as the kernel says, and 1; 0: not said */
	uint8_t right[AETHER_SEGMENTS_MAX];
	char text[AE_WIRE_TEXT]; /* of the error */
};

void ae_wire_head(struct ae_wire_head *head, enum ae_wire_kind kind,
		  size_t size);

/* Is it a message of ours, of that size? 1 or 0. */
int ae_wire_is(const struct ae_wire_head *head, size_t size, size_t expected);

/* Sends without waiting; 0 or an errno. */
int ae_wire_send(int fd, const void *bytes, size_t size, const int *fds,
		 uint32_t count);

/*
 * Receives what is there, whole: the number of bytes, 0 at the end, or a
 * negative errno; then no descriptor stays open. Where `fds` is NULL none is
 * taken. One that is cut off, or has more descriptors: -EMSGSIZE; where this
 * process may not open so many files: -EMFILE.
 */
int ae_wire_receive(int fd, void *bytes, size_t size, int *fds,
		    uint32_t *count);

/* Closes the descriptors. */
void ae_wire_close(const int *fds, uint32_t count);

#endif
