/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slicing and un-slicing with tile 64, in strides of 128 KiB, beside memcpy of
 * the same strides. From memory: 128 MiB in and 128 MiB out, a quarter of them
 * a batch, so that nothing that a batch touches is in a cache still. Hot: one
 * stride again and again, then another. The instruction set is the one in use:
 * AETHER_ISA chooses another.
 */
#include <string.h>
#include <sys/mman.h>
#include "bench.h"

#define STRIDE ((size_t)128 * 1024)
#define AREA ((size_t)128 << 20)
#define STRIDES 1024
#define QUARTERS 4
#define PART (AREA / QUARTERS)
#define HOT_TURNS 32

typedef int slicer(void *out, const void *in, size_t length, size_t tile);

/* What a row measures. */
struct what {
	slicer *call; /* NULL: memcpy */
	int in_place;
};

struct areas {
	uint8_t *in, *out;
};

/* Untouched pages would all be one page of zeros. */
static int take(struct areas *a)
{
	uint8_t *bytes = mmap(NULL, 2 * AREA, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED)
		return bench_fail("256 MiB", AETHER_ENOMEM);
	bench_pin(0);
	memset(bytes, 0x5A, 2 * AREA);
	a->in = bytes;
	a->out = bytes + AREA;
	return 0;
}

static void give(struct areas *a)
{
	munmap(a->in, 2 * AREA);
}

static int stride(const struct what *what, uint8_t *out, const uint8_t *in)
{
	if (what->call)
		return what->call(out, what->in_place ? out : in, STRIDE,
				  AETHER_TILE);
	memcpy(out, in, STRIDE);
	/* the copy is wanted, though nobody reads it */
	__asm__ volatile("" : : "r"(out) : "memory");
	return 0;
}

/* GB/s over one quarter of the areas. */
static double cold_batch(const struct what *what, const struct areas *a,
			 int quarter, int *err)
{
	size_t at = PART * (size_t)(quarter % QUARTERS), end = at + PART;
	double start = bench_now();

	for (; *err == 0 && at < end; at += STRIDE)
		*err = stride(what, a->out + at, a->in + at);
	return PART / (bench_now() - start);
}

/* GB/s over one stride that is in the caches. Another one each round, the
 * same for both sides: where its pages lie in a cache makes a tenth of
 * difference. */
static double hot_batch(const struct what *what, const struct areas *a,
			int round, int *err)
{
	uint8_t *out = a->out + STRIDE * (size_t)(round * 101 % STRIDES);
	const uint8_t *in = a->in + STRIDE * (size_t)(round * 37 % STRIDES);
	double start;

	*err = stride(what, out, in);
	start = bench_now();
	for (int i = 0; *err == 0 && i < HOT_TURNS; i++)
		*err = stride(what, out, in);
	return (double)STRIDE * HOT_TURNS / (bench_now() - start);
}

static int compare(struct bench_row *row, struct what what, int hot)
{
	static double values[BENCH_ROUNDS], baselines[BENCH_ROUNDS];
	static const struct what copy;
	int rounds = bench_rounds();
	struct areas areas;
	int err = take(&areas);

	if (err < 0)
		return err;
	for (int i = 0; err == 0 && i < rounds; i++) {
		if (hot) {
			baselines[i] = hot_batch(&copy, &areas, i, &err);
			if (err == 0)
				values[i] = hot_batch(&what, &areas, i, &err);
		} else {
			baselines[i] = cold_batch(&copy, &areas, i, &err);
			values[i] = cold_batch(&what, &areas, i + 2, &err);
		}
	}
	give(&areas);
	if (err < 0)
		return bench_fail(row->name, err);
	bench_compare(row, values, baselines, (size_t)rounds);
	return 0;
}

int bench_slice(struct bench_row *row)
{
	return compare(row, (struct what) { .call = aether_slice }, 0);
}

int bench_unslice(struct bench_row *row)
{
	return compare(row, (struct what) { .call = aether_unslice }, 0);
}

int bench_slice_stream(struct bench_row *row)
{
	return compare(row, (struct what) { .call = aether_slice_stream }, 0);
}

int bench_unslice_stream(struct bench_row *row)
{
	return compare(row, (struct what) { .call = aether_unslice_stream }, 0);
}

int bench_slice_hot(struct bench_row *row)
{
	return compare(row, (struct what) { .call = aether_slice }, 1);
}

int bench_unslice_hot(struct bench_row *row)
{
	return compare(row, (struct what) { .call = aether_unslice }, 1);
}

int bench_slice_inplace(struct bench_row *row)
{
	return compare(
		row, (struct what) { .call = aether_slice, .in_place = 1 }, 0);
}

int bench_unslice_inplace(struct bench_row *row)
{
	return compare(row,
		       (struct what) { .call = aether_unslice, .in_place = 1 },
		       0);
}

/*
 * The naive way, into tiles of 64: a byte at a time, each of its bits shifted
 * to its place in its plane. It keeps nothing in registers that a reader of
 * the definition would not. Compiled as the rest, with one exception: the
 * compiler is told not to use vectors, for then it would not be a byte at a
 * time any more.
 */
#if defined(__clang__)
#define BYTEWISE
#define NO_VECTORS _Pragma("clang loop vectorize(disable) interleave(disable)")
#else
#define BYTEWISE \
	__attribute__((optimize("no-tree-vectorize", "no-tree-slp-vectorize")))
#define NO_VECTORS
#endif

BYTEWISE static void slice_bytewise(uint8_t *restrict out,
				    const uint8_t *restrict in, size_t length)
{
	memset(out, 0, length);
	NO_VECTORS
	for (size_t i = 0; i < length; i++) {
		uint8_t *tile = out + i / 512 * 512 + i % 512 / 8;

		NO_VECTORS
		for (size_t p = 0; p < 8; p++)
			tile[64 * p] |= (uint8_t)((in[i] >> p & 1) << (i % 8));
	}
}

static double bytewise_batch(const struct areas *a)
{
	double start = bench_now();

	slice_bytewise(a->out, a->in, STRIDE);
	__asm__ volatile("" : : "r"(a->out) : "memory");
	return STRIDE / (bench_now() - start);
}

int bench_slice_scalar_hot(struct bench_row *row)
{
	static double values[BENCH_ROUNDS], baselines[BENCH_ROUNDS];
	static const struct what what = { .call = aether_slice };
	int rounds = bench_rounds();
	struct areas areas;
	int err;

	if (aether_isa() != AETHER_ISA_SCALAR)
		return bench_fail("AETHER_ISA is not scalar", AETHER_EINVAL);
	err = take(&areas);
	if (err < 0)
		return err;
	for (int i = 0; err == 0 && i < rounds; i++) {
		baselines[i] = bytewise_batch(&areas);
		values[i] = hot_batch(&what, &areas, HOT_TURNS, &err);
	}
	give(&areas);
	if (err < 0)
		return bench_fail(row->name, err);
	bench_compare(row, values, baselines, (size_t)rounds);
	return 0;
}
