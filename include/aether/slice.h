/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slicing turns bytes into bit-planes: plane p holds bit p of every byte (bit
 * 0 is the lowest); byte i of a tile is bit i mod 8 of byte i / 8 of each
 * plane. Planes are tiled: `tile` bytes of plane 0, of plane 1, ... of plane
 * 7, then the next tile; a tile holds 8 * tile bytes of content.
 *
 * Any length is allowed and kept. What does not fill a tile, r bytes, is one
 * short tile of r / 8 bytes a plane, and then r mod 8 bytes as they are. In a
 * stride of the flow the content is padded with zeros to whole tiles instead.
 *
 * Pure functions: may be called by anybody at once.
 */
#ifndef AETHER_SLICE_H
#define AETHER_SLICE_H

#include <aether/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The largest tile that can be sliced in place (bytes). */
#define AETHER_SLICE_INPLACE_MAX 512

/*
 * Slices `length` bytes from `in` to `out`, which may be the same address if
 * `tile` is at most AETHER_SLICE_INPLACE_MAX; otherwise they must not overlap.
 * No alignment is needed. AETHER_EINVAL: `tile` is no power of two of 8 or
 * more, or too large for working in place.
 */
AETHER_API int aether_slice(void *out, const void *in, size_t length,
			    size_t tile);

/* The inverse. */
AETHER_API int aether_unslice(void *out, const void *in, size_t length,
			      size_t tile);

/*
 * The same two for a result that nobody will read soon, such as one of many
 * MiB: where the processor can, it is written past the caches, which saves
 * reading from memory what is overwritten. The two must not overlap, nor be
 * the same. Slower than the plain ones if the result is wanted at once.
 */
AETHER_API int aether_slice_stream(void *out, const void *in, size_t length,
				   size_t tile);
AETHER_API int aether_unslice_stream(void *out, const void *in, size_t length,
				     size_t tile);

#ifdef __cplusplus
}
#endif

#endif
