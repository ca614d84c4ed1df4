/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A burn computes on a stride in place: a small table of functions. Shipped:
 *
 *	none              leaves everything as it is
 *	xor:HEX           byte k of the stream meets key byte k mod keylength
 *	xor-file:PATH     the same with the bytes of a file as key
 *	gf256:HH          each byte times a constant of GF(2^8) (gf256.h)
 *	./burn.so[:ARGS]  a burn of one's own, a shared object: what has a slash
 *			  before the first colon is its path (so no path has a
 *			  colon), what follows the colon is its own
 *
 * At once: one opened burn by one thread; different ones freely.
 */
#ifndef AETHER_BURN_H
#define AETHER_BURN_H

#include <aether/api.h>
#include <aether/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The piece of the stream that a burn works on. */
struct aether_piece {
	void *bytes;     /* the content, in place */
	size_t length;   /* bytes; whole tiles if sliced (the tail is zeros) */
	uint64_t offset; /* of the first byte in the stream */
	uint32_t format; /* enum aether_format */
	uint32_t tile;   /* bytes, if sliced */
};

/* Formats that a burn takes, a bit each. One that takes both computes the same
 * on both: un-slicing a burned piece gives the burned bytes. */
#define AETHER_BURN_RAW (1u << AETHER_FORMAT_RAW)
#define AETHER_BURN_SLICED (1u << AETHER_FORMAT_SLICED)

struct aether_burn {
	const char *name;
	void *state; /* the burn's own, made by open */
	/* Works on the piece. 0, or negative: an error. Calls no malloc. */
	int (*burn)(void *state, const struct aether_piece *piece);
	/* Takes it back; NULL if that cannot be. */
	int (*undo)(void *state, const struct aether_piece *piece);
	void (*close)(void *state); /* NULL: nothing to do */
	uint32_t formats;           /* that burn and undo take; 0: all */
	void *module; /* the loaded object it came from; NULL: none */
};

/*
 * A burn of one's own is a shared object with this table under the name
 * `aether_burn_module`:
 *
 *	AETHER_BURN_MODULE = {
 *		.version = AETHER_BURN_VERSION,
 *		.size = sizeof(struct aether_burn_module),
 *		.name = "invert",
 *		.burn = invert,
 *		.undo = invert,
 *	};
 *
 * The version grows when the meaning of what is there changes: another one is
 * refused. The table grows at its end: a shorter one, up to `burn` at least,
 * has zeros there; a longer one is refused unless what is more is zero. It
 * stays as it is while the object is loaded. Each process that burns loads the
 * object and opens the burn for itself.
 */
#define AETHER_BURN_VERSION 1

#define AETHER_BURN_NAME_SIZE 64 /* of the longest name, with its end */

struct aether_burn_module {
	uint32_t version; /* AETHER_BURN_VERSION */
	uint32_t size;    /* of this table, in bytes */
	const char *name; /* for messages: printable ASCII */
	uint32_t formats; /* as in struct aether_burn */
	uint32_t zero;    /* 0 */
	/*
	 * Makes `*state` (NULL until then) from what follows the colon; `args`
	 * is NULL if there is none. The place for malloc, files and threads.
	 * 0; or negative, then it leaves nothing behind: AETHER_EBURN for wrong
	 * arguments, with a text by aether_error_fill if it has something to
	 * say. No open: the burn takes no arguments.
	 */
	int (*open)(const char *args, struct aether_error *error, void **state);
	int (*burn)(void *state, const struct aether_piece *piece);
	int (*undo)(void *state, const struct aether_piece *piece);
	void (*close)(void *state); /* ends the threads, too */
};

/* Begins the table: visible from outside the object whatever else the compiler
 * hides, and under its plain name in C++. */
#ifdef __cplusplus
#define AETHER_BURN_MODULE \
	extern "C" __attribute__((visibility("default"))) \
	const struct aether_burn_module aether_burn_module
#else
#define AETHER_BURN_MODULE \
	__attribute__((visibility("default"))) \
	const struct aether_burn_module aether_burn_module
#endif

/*
 * Opens the burn that `spec` describes. A shared object's code runs in the
 * caller's process, from here on: load what you trust.
 * Errors: AETHER_EBURN (unknown, wrong arguments, a shared object that cannot
 * be loaded, has no such table or speaks another version), AETHER_EIO (a key
 * file that cannot be read), AETHER_ENOMEM.
 */
AETHER_API int aether_burn_open(const char *spec, struct aether_error *error,
				struct aether_burn *burn);

/* 1: the description names a shared object. */
AETHER_API int aether_burn_is_module(const char *spec);

/* 0: the burn takes this format (enum aether_format). AETHER_EBURN: not; the
 * text says what to do. */
AETHER_API int aether_burn_takes(const struct aether_burn *burn,
				 uint32_t format, struct aether_error *error);

/* Closes it, unloads its object and clears the table. An all-zero one is
 * allowed. */
AETHER_API void aether_burn_close(struct aether_burn *burn);

#ifdef __cplusplus
}
#endif

#endif
