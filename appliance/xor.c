/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XOR by position in the stream, on bytes and on bit-planes. Short keys are
 * repeated at the start, so that the inner loops run long; the sliced key is
 * prepared for every place where a chunk can begin, or made chunk by chunk on
 * the stack if that is too much. Nothing but memcpy is asked of a library.
 */
#include <aether/isa.h>
#include <string.h>
#include "xor.h"

/* Bytes of one plane in a chunk. */
#define ROW (AE_XOR_CHUNK / AETHER_PLANES)

/* Raw content meets the key in runs of at least this. */
#define RUN_MIN ((size_t)4096)

void ae_xor_scalar(uint8_t *bytes, const uint8_t *key, size_t length)
{
	uint64_t a[4], b[4];

	for (; length >= 32; length -= 32, bytes += 32, key += 32) {
		memcpy(a, bytes, 32);
		memcpy(b, key, 32);
		a[0] ^= b[0];
		a[1] ^= b[1];
		a[2] ^= b[2];
		a[3] ^= b[3];
		memcpy(bytes, a, 32);
	}
	while (length--)
		*bytes++ ^= *key++;
}

/* Right before the constructor has run, too. Written by nobody after it. */
static ae_xor_bytes *xor_bytes = ae_xor_scalar;

/* After the port has looked at the processor, which has a smaller number. */
__attribute__((constructor(110))) static void choose(void)
{
	if (aether_isa() >= AETHER_ISA_AVX512 && ae_xor_avx512)
		xor_bytes = ae_xor_avx512;
	else if (aether_isa() >= AETHER_ISA_AVX2 && ae_xor_avx2)
		xor_bytes = ae_xor_avx2;
}

/* The least multiple of the length that is not below RUN_MIN. */
static size_t period_of(size_t length)
{
	return (RUN_MIN + length - 1) / length * length;
}

static int is_prepared(size_t length)
{
	return length <= AE_XOR_PREPARED_MAX / AE_XOR_CHUNK;
}

size_t ae_xor_size(size_t length)
{
	size_t size;

	if (length == 0 || length > AE_XOR_KEY_MAX)
		return 0;
	size = period_of(length) + AE_XOR_CHUNK;
	if (is_prepared(length))
		size += length * AE_XOR_CHUNK;
	return size;
}

void ae_xor_init(struct ae_xor * xor, void *memory, const void *key,
		 size_t length,
		 int (*slice)(void *out, const void *in, size_t length,
			      size_t tile))
{
	size_t period = period_of(length), end = period + AE_XOR_CHUNK;
	uint8_t *bytes = memory, *sliced = bytes + end;

	memcpy(bytes, key, length);
	for (size_t i = length; i < end; i++)
		bytes[i] = bytes[i - length];
	xor->length = length;
	xor->period = period;
	xor->key = bytes;
	xor->sliced = NULL;
	xor->slice = slice;
	if (!is_prepared(length))
		return;
	xor->sliced = sliced;
	for (size_t i = 0; i < length; i++)
		slice(sliced + i * AE_XOR_CHUNK, bytes + i, AE_XOR_CHUNK, ROW);
}

static void burn_raw(const struct ae_xor * xor, uint8_t *bytes, size_t length,
		     size_t phase)
{
	while (length) {
		size_t run = xor->period - phase;

		if (run > length)
			run = length;
		xor_bytes(bytes, xor->key + phase, run);
		bytes += run;
		length -= run;
		phase = 0;
	}
}

/*
 * One tile: chunk by chunk, each with `row` bytes of every plane. A tile of
 * less than a chunk's row is a small chunk of its own. Returns the phase that
 * comes after.
 */
static size_t burn_tile(const struct ae_xor * xor, uint8_t *bytes, size_t tile,
			size_t phase)
{
	size_t row = tile < ROW ? tile : ROW;
	uint8_t made[AE_XOR_CHUNK];

	for (size_t at = 0; at < tile; at += row) {
		const uint8_t *key = made;

		if (xor->sliced && row == ROW)
			key = xor->sliced + phase *AE_XOR_CHUNK;
		else
			xor->slice(made, xor->key + phase, AETHER_PLANES *row,
				   row);
		for (size_t p = 0; p < AETHER_PLANES; p++)
			xor_bytes(bytes + p * tile + at, key + p * row, row);
		phase = (phase + AETHER_PLANES * row) % xor->length;
	}
	return phase;
}

/* Tiles that are chunks, and whose keys are prepared: as they lie. */
static void burn_chunks(const struct ae_xor * xor, uint8_t *bytes,
			size_t length, size_t phase)
{
	size_t step = AE_XOR_CHUNK % xor->length;

	for (; length; length -= AE_XOR_CHUNK, bytes += AE_XOR_CHUNK) {
		xor_bytes(bytes, xor->sliced + phase *AE_XOR_CHUNK,
			  AE_XOR_CHUNK);
		phase += step;
		if (phase >= xor->length)
			phase -= xor->length;
	}
}

int ae_xor_burn(const struct ae_xor * xor, const struct aether_piece *piece)
{
	size_t phase = piece->offset % xor->length;
	size_t tile = piece->tile, done;

	if (piece->format == AETHER_FORMAT_RAW) {
		burn_raw(xor, piece->bytes, piece->length, phase);
		return 0;
	}
	if (piece->format != AETHER_FORMAT_SLICED || tile < 8 ||
	    (tile & (tile - 1)) || piece->length % (AETHER_PLANES * tile))
		return AETHER_EINVAL;
	if (tile == ROW && xor->sliced) {
		burn_chunks(xor, piece->bytes, piece->length, phase);
		return 0;
	}
	for (done = 0; done < piece->length; done += AETHER_PLANES * tile)
		phase = burn_tile(xor, (uint8_t *)piece->bytes + done, tile,
				  phase);
	return 0;
}
