/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WebAssembly kernel against the scalar one, within WebAssembly:
 * test_simd128.py builds this with slice/ and runs it. Freestanding.
 */
#include <aether/isa.h>
#include <string.h>
#include "slice.h"
#include "wasm.h"

#define BLOCKS 8
#define SIZE (BLOCKS * AE_SLICE_BLOCK)
#define ROOM (SIZE + 128)
#define EXPORT(name) __attribute__((export_name(name)))

static uint8_t content[ROOM], wanted[ROOM], got[ROOM];

static int same(const uint8_t *a, const uint8_t *b, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (a[i] != b[i])
			return 0;
	return 1;
}

/* There and back with tile 64 or with planes that lie apart, in place too. */
static int round_trip(void)
{
	size_t blocks = random_below(BLOCKS + 1), skew = random_below(16);
	size_t bytes = blocks * AE_SLICE_BLOCK;
	size_t pitch = 64, step = AE_SLICE_BLOCK;
	int right;

	if (random_below(2)) {
		pitch = 64 * BLOCKS;
		step = 64;
	}
	memset(wanted, 0x5A, ROOM);
	memset(got, 0x5A, ROOM);
	ae_slice_scalar.slice(wanted + skew, content, pitch, step, blocks);
	ae_slice_simd128.slice(got + skew, content, pitch, step, blocks);
	right = same(got, wanted, ROOM);
	memset(got, 0x5A, ROOM);
	ae_slice_simd128.unslice(got, wanted + skew, pitch, step, blocks);
	right &= same(got, content, bytes) && got[bytes] == 0x5A;
	ae_slice_simd128.slice(got, got, 64, AE_SLICE_BLOCK, blocks);
	ae_slice_scalar.slice(wanted, content, 64, AE_SLICE_BLOCK, blocks);
	right &= same(got, wanted, bytes);
	ae_slice_simd128.unslice(got, got, 64, AE_SLICE_BLOCK, blocks);
	return right && same(got, content, bytes);
}

/* How many of 500 cases were wrong. */
EXPORT("wrong") int wrong(void);
int wrong(void)
{
	int count = 0;

	for (size_t i = 0; i < ROOM; i++)
		content[i] = (uint8_t)random_below(256);
	for (int i = 0; i < 500; i++)
		count += !round_trip();
	return count;
}

/* Is it the one in use, and is aether_slice() right with it? */
EXPORT("in_use") int in_use(void);
int in_use(void)
{
	const size_t length = SIZE - 21;

	if (ae_slice_kernel() != &ae_slice_simd128)
		return 0;
	if (aether_slice(got, content, length, 64))
		return 0;
	ae_slice_scalar.slice(wanted, content, 64, AE_SLICE_BLOCK, BLOCKS - 1);
	if (!same(got, wanted, SIZE - AE_SLICE_BLOCK))
		return 0;
	return aether_unslice(got, got, length, 64) == 0 &&
	       same(got, content, length);
}
