/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XOR with a key that repeats over the stream: byte k of the stream meets byte
 * k mod length of the key. Bit-planes are XORed as they lie, with the key
 * sliced in the same way, so that burning and un-slicing commute.
 *
 * Pure: works on the memory that it is given, allocates nothing. What is
 * prepared is written once, by ae_xor_init, and only read from then on.
 */
#ifndef AE_XOR_H
#define AE_XOR_H

#include <aether/burn.h>

/* The key meets sliced content in chunks of so many bytes. */
#define AE_XOR_CHUNK 512

/* Prepared memory is at most this, beside the key itself. */
#define AE_XOR_PREPARED_MAX ((size_t)1 << 20)

/* Longest key. */
#define AE_XOR_KEY_MAX ((size_t)64 << 20)

/* XORs `length` bytes of the key into as many others: xor.c, and a file for
 * each instruction set that has something better. NULL: this build lacks it. */
typedef void ae_xor_bytes(uint8_t *bytes, const uint8_t *key, size_t length);
ae_xor_bytes ae_xor_scalar;
extern ae_xor_bytes *const ae_xor_avx2;
extern ae_xor_bytes *const ae_xor_avx512;

struct ae_xor {
	size_t length;         /* of the key */
	size_t period;         /* of `key`: a multiple of the length */
	const uint8_t *key;    /* period bytes, then the first AE_XOR_CHUNK */
	const uint8_t *sliced; /* one chunk for each place in the key where a
				  chunk can begin; NULL: too many of them */
	/* Slices bytes, as aether_slice does; given by whoever links both. */
	int (*slice)(void *out, const void *in, size_t length, size_t tile);
};

/* How much memory a key of that length needs. 0: it is too long, or empty. */
size_t ae_xor_size(size_t length);

/* Prepares the key in `memory`, of ae_xor_size(length) bytes, which must stay
 * as long as *xor is used. */
void ae_xor_init(struct ae_xor * xor, void *memory, const void *key,
		 size_t length,
		 int (*slice)(void *out, const void *in, size_t length,
			      size_t tile));

/*
 * Burns the piece; doing it again undoes it. AETHER_EINVAL: the format or the
 * tile is none, or sliced content is not in whole tiles.
 */
int ae_xor_burn(const struct ae_xor * xor, const struct aether_piece *piece);

#endif
