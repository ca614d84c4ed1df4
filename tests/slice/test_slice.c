/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slicing against its definition, bit by bit: every length from 0 to 2100 and
 * some beyond a tile, every tile of interest, in and out of place, at odd
 * addresses; what lies around the output stays as it was.
 */
#include <aether/aether.h>
#include "../tap.h"

#define ROOM (80 * 1024)
#define GUARD 64

static uint8_t input[ROOM], expected[ROOM], buffer[ROOM + 3 * GUARD];

/* The definition: bit p of byte i of a tile is bit i % 8 of byte i / 8 of
 * plane p. */
static void slice_slowly(uint8_t *out, const uint8_t *in, size_t length,
			 size_t tile)
{
	while (length >= 8) {
		size_t n = length / 8 < tile ? length / 8 : tile;

		memset(out, 0, 8 * n);
		for (size_t i = 0; i < 64 * n; i++) {
			size_t byte = i / 8, p = i % 8;

			if (in[byte] >> p & 1)
				out[p * n + byte / 8] |= (uint8_t)(1
								   << byte % 8);
		}
		out += 8 * n;
		in += 8 * n;
		length -= 8 * n;
	}
	memcpy(out, in, length);
}

static void guard(uint8_t *bytes, size_t length)
{
	memset(bytes - GUARD, 0xA5, GUARD);
	memset(bytes, 0x5A, length);
	memset(bytes + length, 0xA5, GUARD);
}

static int guarded(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < GUARD; i++)
		if (bytes[-1 - (ptrdiff_t)i] != 0xA5 ||
		    bytes[length + i] != 0xA5)
			return 0;
	return 1;
}

/* There and back with the output `skew` bytes off alignment. */
static int round_trip(size_t length, size_t tile, size_t skew, int in_place)
{
	uint8_t *bytes = buffer + GUARD + skew;
	static uint8_t back[ROOM + 8];
	uint8_t *from = in_place ? bytes : input;
	int rc;

	guard(bytes, length);
	if (in_place)
		memcpy(bytes, input, length);
	rc = aether_slice(bytes, from, length, tile);
	if (rc || memcmp(bytes, expected, length) || !guarded(bytes, length))
		return 0;
	if (!in_place) {
		rc = aether_unslice(back + skew, bytes, length, tile);
		return rc == 0 && memcmp(back + skew, input, length) == 0;
	}
	rc = aether_unslice(bytes, bytes, length, tile);
	return rc == 0 && memcmp(bytes, input, length) == 0 &&
	       guarded(bytes, length);
}

static int holds(size_t length, size_t tile)
{
	slice_slowly(expected, input, length, tile);
	for (size_t skew = 0; skew < 8; skew += 3) {
		if (!round_trip(length, tile, skew, 0))
			return 0;
		if (tile <= AETHER_SLICE_INPLACE_MAX &&
		    !round_trip(length, tile, skew, 1))
			return 0;
	}
	return 1;
}

static void test_lengths(size_t tile)
{
	size_t wrong = 0, first = 0;

	for (size_t length = 0; length <= 2100; length++)
		if (!holds(length, tile) && !wrong++)
			first = length;
	ok(!wrong, "tile %zu: lengths 0 to 2100 (%zu wrong, first %zu)", tile,
	   wrong, first);
	ok(holds(8 * tile - 1, tile), "tile %zu: a byte less than a tile",
	   tile);
	ok(holds(8 * tile, tile), "tile %zu: one tile", tile);
	ok(holds(24 * tile + 77, tile), "tile %zu: three tiles and 77 bytes",
	   tile);
}

static void test_tiles(void)
{
	static const size_t bad[] = {
		0, 1, 4, 7, 9, 12, 63, 65, 96, SIZE_MAX, SIZE_MAX / 2 + 1
	};
	uint8_t bytes[64] = { 1 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		is_int(aether_slice(bytes, input, 64, bad[i]), AETHER_EINVAL,
		       "slice refuses tile %zu", bad[i]);
		is_int(aether_unslice(bytes, input, 64, bad[i]), AETHER_EINVAL,
		       "unslice refuses tile %zu", bad[i]);
	}
	is_int(aether_slice(input, input, 64, 1024), AETHER_EINVAL,
	       "tile 1024 is refused in place");
	is_int(aether_unslice(input, input, 64, 1024), AETHER_EINVAL,
	       "and un-slicing it as well");
	is_int(bytes[0], 1, "a refusal writes nothing");
}

int main(void)
{
	static const size_t tiles[] = { 8, 16, 32, 64, 128, 512, 1024, 2048 };
	uint64_t random = 7;

	for (size_t i = 0; i < sizeof(input); i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		input[i] = (uint8_t)(random >> 56);
	}
	for (size_t i = 0; i < sizeof(tiles) / sizeof(tiles[0]); i++)
		test_lengths(tiles[i]);
	test_tiles();
	return tap_end();
}
