/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A burn computes on a stride in place: a small table of functions. Shipped:
 *
 *	none              leaves everything as it is
 *	xor:HEX           byte k of the stream meets key byte k mod keylength
 *	xor-file:PATH     the same with the bytes of a file as key
 *
 * At once: one opened burn by one thread; different ones freely.
 */
#ifndef AETHER_BURN_H
#define AETHER_BURN_H

#include <aether/api.h>
#include <aether/error.h>

/* The piece of the stream that a burn works on. */
struct aether_piece {
	void *bytes;     /* the content, in place */
	size_t length;   /* bytes; whole tiles if sliced (the tail is zeros) */
	uint64_t offset; /* of the first byte in the stream */
	uint32_t format; /* enum aether_format */
	uint32_t tile;   /* bytes, if sliced */
};

struct aether_burn {
	const char *name;
	void *state; /* the burn's own, made by open */
	/* Works on the piece. Negative: an error. Calls no malloc. */
	int (*burn)(void *state, const struct aether_piece *piece);
	/* Takes it back; NULL if that cannot be. */
	int (*undo)(void *state, const struct aether_piece *piece);
	void (*close)(void *state);
};

/*
 * Opens the burn that `spec` describes.
 * Errors: AETHER_EBURN (unknown, or wrong arguments), AETHER_EIO (a key file
 * that cannot be read), AETHER_ENOMEM.
 */
AETHER_API int aether_burn_open(const char *spec, struct aether_error *error,
				struct aether_burn *burn);

/* Closes it and clears the table. An all-zero one is allowed. */
AETHER_API void aether_burn_close(struct aether_burn *burn);

#endif
