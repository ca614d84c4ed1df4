/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XOR on bytes and on bit-planes against its definition: any key length, any
 * position in the stream, any tile; padded tails; undoing.
 */
#include <stdlib.h>
#include <aether/aether.h>
#include "xor.h"
#include "../tap.h"

#define ROOM (192 * 1024)
#define GUARD 32

static uint8_t input[ROOM], expected[ROOM], buffer[ROOM + 2 * GUARD];
static uint64_t seed = 11;

static uint64_t draw(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 33;
}

static void fill(uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(draw() >> 7);
}

static size_t whole(size_t length, size_t tile)
{
	return (length + 8 * tile - 1) / (8 * tile) * (8 * tile);
}

static int guarded(size_t length)
{
	for (size_t i = 0; i < GUARD; i++)
		if (buffer[i] != 0xA5 || buffer[GUARD + length + i] != 0xA5)
			return 0;
	return 1;
}

/* Burns `length` bytes at `offset`; tile 0: raw. */
static int burns(const struct ae_xor * xor, const uint8_t *key, size_t length,
		 uint64_t offset, size_t tile)
{
	size_t padded = tile ? whole(length, tile) : length;
	struct aether_piece piece = { buffer + GUARD, padded, offset,
				      tile ? AETHER_FORMAT_SLICED
					   : AETHER_FORMAT_RAW,
				      (uint32_t)tile };
	int rc;

	for (size_t i = 0; i < length; i++)
		expected[i] = input[i] ^ key[(offset + i) % xor->length];
	memset(buffer, 0xA5, padded + 2 * GUARD);
	memset(piece.bytes, 0, padded);
	memcpy(piece.bytes, input, length);
	if (tile && aether_slice(piece.bytes, piece.bytes, padded, tile))
		return 0;
	rc = ae_xor_burn(xor, &piece);
	if (tile && aether_unslice(piece.bytes, piece.bytes, padded, tile))
		return 0;
	if (rc || memcmp(piece.bytes, expected, length) || !guarded(padded))
		return 0;
	piece.format = AETHER_FORMAT_RAW;
	piece.length = length;
	rc = ae_xor_burn(xor, &piece);
	return rc == 0 && memcmp(piece.bytes, input, length) == 0;
}

static int round_of(const struct ae_xor * xor, const uint8_t *key)
{
	static const size_t tiles[] = { 0, 8, 16, 32, 64, 128, 512 };
	int wrong = 0;

	for (size_t t = 0; t < sizeof(tiles) / sizeof(tiles[0]); t++) {
		wrong += !burns(xor, key, 0, 5, tiles[t]);
		wrong += !burns(xor, key, 131072, 131072 * draw(), tiles[t]);
		for (int i = 0; i < 6; i++)
			wrong += !burns(xor, key, draw() % 9000,
					draw() << (draw() % 32), tiles[t]);
	}
	return wrong;
}

static void test_key(size_t length)
{
	uint8_t *key = malloc(length), *memory = malloc(ae_xor_size(length));
	struct ae_xor xor ;

	if (!ok(key && memory, "memory for a key of %zu bytes", length))
		goto done;
	fill(key, length);
	ae_xor_init(&xor, memory, key, length, aether_slice);
	is_int(round_of(&xor, key), 0,
	       "a key of %zu bytes, raw and sliced (%s)", length,
	       xor.sliced ? "prepared" : "as it goes");
done:
	free(memory);
	free(key);
}

static void test_refusals(void)
{
	uint8_t memory[8192], bytes[1024];
	struct aether_piece piece = { bytes, 500, 0, AETHER_FORMAT_SLICED, 64 };
	struct ae_xor xor ;

	is_int(ae_xor_size(0), 0, "an empty key is none");
	is_int(ae_xor_size(AE_XOR_KEY_MAX + 1), 0, "a key can be too long");
	ok(ae_xor_size(AE_XOR_KEY_MAX) > AE_XOR_KEY_MAX, "and just not");
	if (!ok(ae_xor_size(1) <= sizeof(memory), "a byte needs little memory"))
		return;
	ae_xor_init(&xor, memory, "k", 1, aether_slice);
	is_int(ae_xor_burn(&xor, &piece), AETHER_EINVAL, "no whole tiles");
	piece.length = 512;
	is_int(ae_xor_burn(&xor, &piece), 0, "whole tiles");
	piece.tile = 48;
	is_int(ae_xor_burn(&xor, &piece), AETHER_EINVAL, "tile 48");
	piece.tile = 0;
	is_int(ae_xor_burn(&xor, &piece), AETHER_EINVAL, "tile 0");
	piece.tile = 64;
	piece.format = 2;
	is_int(ae_xor_burn(&xor, &piece), AETHER_EINVAL, "no such format");
}

/* Every length below some groups, at every alignment of a word. */
static int kernel_holds(ae_xor_bytes *kernel)
{
	uint8_t *bytes = buffer + GUARD;
	int right = 1;

	for (size_t length = 0; right && length < 700; length++) {
		size_t skew = length % 8;
		const uint8_t *key = input + 2000 + length % 7;

		memcpy(expected, input, length);
		memset(buffer, 0xA5, GUARD + skew + length + GUARD);
		memcpy(bytes + skew, input, length);
		for (size_t i = 0; i < length; i++)
			expected[i] ^= key[i];
		kernel(bytes + skew, key, length);
		right = memcmp(bytes + skew, expected, length) == 0 &&
			bytes[skew + length] == 0xA5 &&
			buffer[GUARD + skew - 1] == 0xA5;
	}
	return right;
}

static void test_kernels(void)
{
	ok(kernel_holds(ae_xor_scalar), "scalar");
	if (ae_xor_avx2 && aether_isa() >= AETHER_ISA_AVX2)
		ok(kernel_holds(ae_xor_avx2), "avx2");
	else
		skip("avx2: not on this machine, or not allowed");
	if (ae_xor_avx512 && aether_isa() >= AETHER_ISA_AVX512)
		ok(kernel_holds(ae_xor_avx512), "avx512");
	else
		skip("avx512: not on this machine, or not allowed");
}

int main(void)
{
	static const size_t lengths[] = { 1,    2,      3,      7,    8,
					  13,   64,     100,    511,  512,
					  513,  2047,   2048,   2049, 4096,
					  4099, 131072, 3000017 };

	fill(input, sizeof(input));
	test_kernels();
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		test_key(lengths[i]);
	test_refusals();
	return tap_end();
}
