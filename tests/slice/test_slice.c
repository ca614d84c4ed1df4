/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slicing against its definition, bit by bit: every length from 0 to 4096 with
 * every tile to 512, random lengths with any tile; in place, out of place, past
 * the caches; at any address. The inverse is the identity, and what lies around
 * the output stays as it was.
 *
 * The program runs itself again with AETHER_ISA set to each instruction set:
 * the one that is asked for must be in use, and slice the same.
 */
#include <aether/aether.h>
#include <stdlib.h>
#include <unistd.h>
#include "slice.h"
#include "../isa_again.h"
#include "../tap.h"

#define LENGTHS 4096
#define ROOM (400 * 1024)
#define GUARD 64
#define LINE 64

#define STREAM 1   /* past the caches */
#define IN_PLACE 2 /* not together with the first */

static uint8_t input[ROOM + LINE], expected[ROOM];
static uint8_t planes[ROOM + 3 * GUARD] __attribute__((aligned(64)));
static uint8_t back[ROOM + 3 * GUARD] __attribute__((aligned(64)));

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
			unsigned int bit = in[byte] >> p & 1U;

			out[p * n + byte / 8] |= (uint8_t)(bit << byte % 8);
		}
		out += 8 * n;
		in += 8 * n;
		length -= 8 * n;
	}
	memcpy(out, in, length);
}

static uint64_t random_below(uint64_t limit)
{
	static uint64_t state = 7;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % limit;
}

static void guard(uint8_t *bytes, size_t length)
{
	memset(bytes - GUARD, 0xA5, GUARD);
	memset(bytes + length, 0xA5, GUARD);
}

static int guarded(const uint8_t *bytes, size_t length)
{
	static uint8_t untouched[GUARD];

	memset(untouched, 0xA5, GUARD);
	return !memcmp(bytes - GUARD, untouched, GUARD) &&
	       !memcmp(bytes + length, untouched, GUARD);
}

struct job {
	size_t length, tile;
	const uint8_t *content;
	int how;
};

static int call(const struct job *job, int inverse, uint8_t *out,
		const uint8_t *in)
{
	if (job->how == STREAM)
		return (inverse ? aether_unslice_stream : aether_slice_stream)(
			out, in, job->length, job->tile);
	return (inverse ? aether_unslice : aether_slice)(
		out, job->how == IN_PLACE ? out : in, job->length, job->tile);
}

/* Slices to `out`, or the inverse; did it give what is wanted, and was nothing
 * around it touched? */
static int gives(const struct job *job, int inverse, uint8_t *out,
		 const uint8_t *in, const uint8_t *wanted)
{
	guard(out, job->length);
	if (job->how == IN_PLACE)
		memcpy(out, in, job->length);
	else
		memset(out, 0x5A, job->length);
	return call(job, inverse, out, in) == 0 &&
	       !memcmp(out, wanted, job->length) && guarded(out, job->length);
}

/* There and back; where lines are written past the caches they begin where
 * they should in three of four cases. */
static int round_trip(const struct job *job)
{
	size_t skew = random_below(LINE), skew_back = random_below(LINE);

	if (job->how == STREAM && random_below(4))
		skew = skew_back = 0;
	return gives(job, 0, planes + GUARD + skew, job->content, expected) &&
	       gives(job, 1, back + GUARD + skew_back, expected, job->content);
}

static int holds(const uint8_t *content, size_t length, size_t tile)
{
	struct job job = { length, tile, content, 0 };

	for (job.how = 0; job.how <= IN_PLACE; job.how++) {
		if (job.how == IN_PLACE && tile > AETHER_SLICE_INPLACE_MAX)
			continue;
		if (!round_trip(&job))
			return 0;
	}
	return 1;
}

/* Whole tiles of a longer content are those of a shorter one: the definition
 * is applied once to them, and to each length's short tile. */
static void test_lengths(size_t tile)
{
	static uint8_t whole[LENGTHS];
	size_t wrong = 0, first = 0;

	slice_slowly(whole, input, LENGTHS, tile);
	for (size_t length = 0; length <= LENGTHS; length++) {
		size_t at = length & ~(8 * tile - 1);

		memcpy(expected, whole, at);
		slice_slowly(expected + at, input + at, length - at, tile);
		if (!holds(input, length, tile) && !wrong++)
			first = length;
	}
	ok(!wrong, "tile %zu: lengths 0 to %d (%zu wrong, first %zu)", tile,
	   LENGTHS, wrong, first);
}

static void test_random(size_t tile)
{
	size_t wrong = 0, first = 0;

	for (int i = 0; i < 6; i++) {
		size_t length = (size_t)random_below(ROOM);
		const uint8_t *content = input + random_below(LINE);

		slice_slowly(expected, content, length, tile);
		if (!holds(content, length, tile) && !wrong++)
			first = length;
	}
	ok(!wrong, "tile %zu: random lengths (%zu wrong, first %zu)", tile,
	   wrong, first);
}

static void test_refusals(void)
{
	static const size_t bad[] = {
		0, 1, 4, 7, 9, 12, 63, 65, 96, SIZE_MAX, SIZE_MAX / 2 + 1
	};
	uint8_t bytes[64] = { 1 };
	int refused = 1;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct job job = { 64, bad[i], input, 0 };

		for (job.how = 0; job.how <= STREAM; job.how++)
			for (int inverse = 0; inverse < 2; inverse++)
				refused &= call(&job, inverse, bytes, input) ==
					   AETHER_EINVAL;
	}
	ok(refused, "tiles that are none are refused");
	is_int(aether_slice(input, input, 64, 1024), AETHER_EINVAL,
	       "tile 1024 is refused in place");
	is_int(aether_unslice(input, input, 64, 1024), AETHER_EINVAL,
	       "and un-slicing it as well");
	is_int(aether_slice_stream(input, input, 64, 64), AETHER_EINVAL,
	       "in place and past the caches is refused");
	is_int(aether_unslice_stream(input, input, 64, 64), AETHER_EINVAL,
	       "and un-slicing so as well");
	is_int(bytes[0], 1, "a refusal writes nothing");
}

/* Everything, with the instruction set in use. */
static void test_set(void)
{
	static const size_t large[] = { 1024, 2048, 16384 };

	for (size_t tile = 8; tile <= AETHER_SLICE_INPLACE_MAX; tile *= 2)
		test_lengths(tile);
	for (size_t tile = 8; tile <= AETHER_SLICE_INPLACE_MAX; tile *= 2)
		test_random(tile);
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
		test_random(large[i]);
	test_refusals();
}

/* What the program does when it is run with AETHER_ISA set and the name of the
 * set as its argument: 0 it was in use and is right, 2 not to be had here. */
static int run_as(const char *name)
{
	if (aether_isa_check(NULL))
		return 2;
	if (strcmp(aether_isa_name(aether_isa()), name) != 0 ||
	    strcmp(ae_slice_kernel()->name, name) != 0)
		return 3;
	if (!freopen("/dev/null", "w", stdout)) /* the plan is the parent's */
		return 4;
	test_set();
	return tap_failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)random_below(256);
	if (argc > 1)
		return run_as(argv[1]);
	test_set();
	for (uint32_t isa = 0; aether_isa_name(isa); isa++)
		isa_again(argv[0], aether_isa_name(isa),
			  "is in use and slices the same");
	return tap_end();
}
