/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each slicing kernel that this machine has against the scalar one: any number
 * of blocks, any pitch and step, any address, in place, past the caches. And
 * the scalar one against its two parts, groups and words. Nothing is written
 * beside the planes.
 */
#include <aether/aether.h>
#include <sys/mman.h>
#include <unistd.h>
#include "slice.h"
#include "../tap.h"

#define BLOCKS 40
#define ROOM (BLOCKS * AE_SLICE_BLOCK + 64 * 1024)
#define LINE AE_SLICE_LINE

static uint8_t content[ROOM], wanted[ROOM], got[ROOM], back[ROOM];

static uint64_t random_below(uint64_t limit)
{
	static uint64_t state = 11;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % limit;
}

/* Can it run here? Sets are ordered: who has one has those before it. */
static int runs(const struct ae_slice_kernel *kernel)
{
	for (uint32_t isa = 0; isa <= (uint32_t)aether_isa(); isa++)
		if (!strcmp(kernel->name, aether_isa_name(isa)))
			return kernel->slice != NULL;
	return 0;
}

struct layout {
	size_t blocks, pitch, step;
	size_t skew_in, skew_out;
};

/* Blocks as tiles of 64, or as planes that lie far apart. */
static struct layout random_layout(int stream)
{
	struct layout l = {
		.blocks = random_below(BLOCKS + 1),
		.pitch = LINE,
		.step = AE_SLICE_BLOCK,
		.skew_in = random_below(LINE),
		.skew_out = random_below(LINE),
	};

	if (random_below(2)) {
		l.step = LINE;
		l.pitch = LINE * BLOCKS + random_below(100);
	}
	if (stream) {
		l.pitch &= ~(size_t)(LINE - 1);
		l.skew_out = 0;
	}
	return l;
}

static int slices(const struct ae_slice_kernel *kernel, int stream)
{
	struct layout l = random_layout(stream);
	static uint8_t room[ROOM + LINE];
	uint8_t *out = room + (LINE - (uintptr_t)room % LINE) % LINE;
	const uint8_t *in = content + l.skew_in;

	memset(wanted, 0x5A, sizeof(wanted));
	memset(out, 0x5A, ROOM);
	ae_slice_scalar.slice(wanted + l.skew_out, in, l.pitch, l.step,
			      l.blocks);
	(stream ? kernel->slice_stream : kernel->slice)(
		out + l.skew_out, in, l.pitch, l.step, l.blocks);
	if (stream)
		kernel->drain();
	return !memcmp(out, wanted, ROOM);
}

static int unslices(const struct ae_slice_kernel *kernel, int stream)
{
	struct layout l = random_layout(0);
	static uint8_t room[ROOM + LINE];
	uint8_t *out = room + (LINE - (uintptr_t)room % LINE) % LINE;
	size_t length = l.blocks * AE_SLICE_BLOCK;

	if (stream)
		l.skew_out = 0;
	memset(out, 0x5A, ROOM);
	memset(back, 0x5A, ROOM);
	memcpy(back + l.skew_out, content, length);
	ae_slice_scalar.slice(wanted + l.skew_in, content, l.pitch, l.step,
			      l.blocks);
	(stream ? kernel->unslice_stream
		: kernel->unslice)(out + l.skew_out, wanted + l.skew_in,
				   l.pitch, l.step, l.blocks);
	if (stream)
		kernel->drain();
	return !memcmp(out, back, ROOM);
}

static int in_place(const struct ae_slice_kernel *kernel)
{
	size_t blocks = random_below(BLOCKS + 1);
	size_t skew = random_below(LINE);
	uint8_t *at = got + skew;

	memset(wanted, 0x5A, ROOM);
	memset(got, 0x5A, ROOM);
	memcpy(at, content, blocks * AE_SLICE_BLOCK);
	memcpy(back, got, ROOM);
	ae_slice_scalar.slice(wanted + skew, content, LINE, AE_SLICE_BLOCK,
			      blocks);
	kernel->slice(at, at, LINE, AE_SLICE_BLOCK, blocks);
	if (memcmp(got, wanted, ROOM))
		return 0;
	kernel->unslice(at, at, LINE, AE_SLICE_BLOCK, blocks);
	return !memcmp(got, back, ROOM);
}

/* Content and planes that end where memory does, and begin so. */
static int stays_within(const struct ae_slice_kernel *kernel)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map = mmap(NULL, 3 * page, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *end = map + 2 * page - 3 * AE_SLICE_BLOCK;

	if (map == MAP_FAILED ||
	    mprotect(map + page, page, PROT_READ | PROT_WRITE))
		return 0;
	for (uint8_t *at = map + page; at; at = at < end ? end : NULL) {
		memcpy(at, content, 3 * AE_SLICE_BLOCK);
		kernel->slice(got, at, LINE, AE_SLICE_BLOCK, 3);
		kernel->slice(at, at, LINE, AE_SLICE_BLOCK, 3);
		kernel->unslice(got, at, LINE, AE_SLICE_BLOCK, 3);
		kernel->unslice(at, at, LINE, AE_SLICE_BLOCK, 3);
	}
	munmap(map, 3 * page);
	return !memcmp(got, content, 3 * AE_SLICE_BLOCK);
}

static void test_kernel(const struct ae_slice_kernel *kernel)
{
	int sliced = 1, unsliced = 1, kept = 1, stream = 1;

	if (!runs(kernel)) {
		skip("%s: this processor or build lacks it", kernel->name);
		return;
	}
	for (int i = 0; i < 300; i++) {
		sliced &= slices(kernel, 0);
		unsliced &= unslices(kernel, 0);
		kept &= in_place(kernel);
	}
	for (int i = 0; i < 300 && kernel->drain; i++)
		stream &= slices(kernel, 1) && unslices(kernel, 1);
	ok(sliced, "%s slices", kernel->name);
	ok(unsliced, "%s un-slices", kernel->name);
	ok(kept, "%s does both in place", kernel->name);
	ok(stays_within(kernel), "%s touches nothing else", kernel->name);
	if (kernel->drain)
		ok(stream, "%s does both past the caches", kernel->name);
}

/* A block is eight groups, a group eight words. */
static void test_scalar(void)
{
	uint8_t planes[AE_SLICE_BLOCK], block[AE_SLICE_BLOCK];
	uint64_t word;
	int words = 1;

	ae_slice_scalar.slice(planes, content, LINE, AE_SLICE_BLOCK, 1);
	for (size_t at = 0; at < LINE; at++) {
		memcpy(&word, content + 8 * at, 8);
		word = ae_slice_word(word);
		for (size_t p = 0; p < AETHER_PLANES; p++)
			words &= planes[p * LINE + at] ==
				 (uint8_t)(word >> 8 * p);
		words &= ae_slice_word(ae_slice_word(word)) == word;
	}
	ok(words, "scalar: a block is as its words");
	ae_slice_groups(block, content, LINE, LINE / 8);
	ok(!memcmp(block, planes, sizeof(block)), "and as its groups");
	ae_unslice_groups(block, planes, LINE, LINE / 8);
	ok(!memcmp(block, content, sizeof(block)), "also back");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)random_below(256);
	test_scalar();
	test_kernel(&ae_slice_scalar);
	test_kernel(&ae_slice_avx2);
	test_kernel(&ae_slice_avx512);
	test_kernel(&ae_slice_gfni);
	return tap_end();
}
