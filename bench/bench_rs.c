/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reed-Solomon with 10 sources and 4 targets on bit-planes, in strides of
 * 128 KiB that lie one after the other, beside Intel's ISA-L on the same bytes,
 * as bytes. From memory: 128 MiB of sources, a quarter of them a batch, targets
 * past the caches (ISA-L decides for itself). Hot: the same 14 strides again
 * and again, then others. ISA-L is loaded if it is there, and first of all both
 * have to give the same parities.
 *
 * Bytes are sliced before and un-sliced after, outside of what is measured: in
 * a flow they are sliced once, when they come in.
 */
#include <dlfcn.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "bench.h"

#define STRIDE ((size_t)128 * 1024)
#define K 10
#define M 4
#define GROUPS 102
#define QUARTER ((GROUPS + 3) / 4)
#define AREA (GROUPS * (K + M) * STRIDE)
#define HOT_TURNS 16
#define BASE_TURNS 1 /* of its C code */
#define TRIED 4096   /* bytes of each stride that are compared */

/* Of ISA-L. */
typedef void isal_tables(int k, int rows, unsigned char *matrix,
			 unsigned char *tables);
typedef void isal_encode(int length, int k, int rows, unsigned char *tables,
			 unsigned char **sources, unsigned char **targets);

struct scene {
	struct aether_gf256 *gf256;
	isal_encode *encode;
	unsigned char tables[32 * K * M];
	uint8_t *area;
	int hot;
};

/* The strides of a group. */
struct group {
	uint8_t *sources[K], *targets[M];
};

static struct group group_of(const struct scene *s, int number)
{
	uint8_t *at = s->area + (size_t)number * (K + M) * STRIDE;
	struct group g;

	for (int i = 0; i < K; i++, at += STRIDE)
		g.sources[i] = at;
	for (int i = 0; i < M; i++, at += STRIDE)
		g.targets[i] = at;
	return g;
}

static int ours(const struct scene *s, struct group *g, size_t length)
{
	return aether_gf256_apply(s->gf256, (void *const *)g->targets,
				  (const void *const *)g->sources, length,
				  s->hot ? 0 : AETHER_GF256_STREAM);
}

static int theirs(const struct scene *s, struct group *g, size_t length)
{
	s->encode((int)length, K, M, (unsigned char *)s->tables, g->sources,
		  g->targets);
	return 0;
}

typedef int coder(const struct scene *s, struct group *g, size_t length);

/* Parities of the common construction. */
static void cauchy(uint8_t *matrix)
{
	for (int i = 0; i < M; i++)
		for (int j = 0; j < K; j++)
			matrix[i * K + j] = aether_gf256_inverse(
				(uint8_t)((K + i) ^ j));
}

/* What gives the first 4 sources from the other 6 and the parities. */
static int rebuilder(uint8_t *matrix)
{
	uint8_t all[K * K] = { 0 };
	int err;

	for (int i = 0; i < K - M; i++)
		all[i * K + M + i] = 1;
	cauchy(all + (K - M) * K);
	err = aether_gf256_invert(all, K, all);
	memcpy(matrix, all, M * K);
	return err;
}

static int load(struct bench_row *row, struct scene *s, const char *name,
		uint8_t *matrix)
{
	void *library = dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
	isal_tables *tables = NULL;

	if (!library)
		return bench_skip(row, "there is no ISA-L; install libisal2");
	*(void **)&tables = dlsym(library, "ec_init_tables");
	*(void **)&s->encode = dlsym(library, name);
	if (!tables || !s->encode)
		return bench_skip(row, "this ISA-L has no %s", name);
	tables(K, M, matrix, s->tables);
	return 0;
}

static int take(struct scene *s)
{
	uint64_t state = 1;

	s->area = mmap(NULL, AREA, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->area == MAP_FAILED)
		return bench_fail("180 MiB", AETHER_ENOMEM);
	bench_pin(0);
	for (size_t i = 0; i < AREA; i += sizeof(state)) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		memcpy(s->area + i, &state, sizeof(state));
	}
	return 0;
}

/* Both give the same, in their own forms. */
static int agree(const struct scene *s)
{
	static uint8_t wanted[M][TRIED];
	struct group g = group_of(s, 0);
	int same = 1;

	theirs(s, &g, TRIED);
	for (int i = 0; i < M; i++)
		memcpy(wanted[i], g.targets[i], TRIED);
	for (int i = 0; i < K; i++)
		aether_slice(g.sources[i], g.sources[i], TRIED, AETHER_TILE);
	if (ours(s, &g, TRIED) < 0)
		return 0;
	for (int i = 0; i < M; i++) {
		aether_unslice(g.targets[i], g.targets[i], TRIED, AETHER_TILE);
		same &= !memcmp(g.targets[i], wanted[i], TRIED);
	}
	return same;
}

/* Nanoseconds of this thread's processor time: on a busy machine the slower
 * side would be interrupted more often, and look worse than it is. */
static double spent(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* GB/s of sources. */
static double batch(const struct scene *s, coder *side, int round, int turns,
		    int *err)
{
	int first = s->hot ? round % GROUPS : round % 4 * QUARTER, done = 0;
	struct group g = group_of(s, first);
	double start;

	if (s->hot)
		*err = side(s, &g, STRIDE);
	start = spent();
	for (; *err == 0 && done < turns && first + done < GROUPS; done++) {
		if (!s->hot)
			g = group_of(s, first + done);
		*err = side(s, &g, STRIDE);
	}
	return (double)(K * STRIDE) * done / (spent() - start);
}

static int measure(struct bench_row *row, struct scene *s, int base_turns)
{
	static double values[BENCH_ROUNDS], baselines[BENCH_ROUNDS];
	int rounds = bench_rounds(), turns = s->hot ? HOT_TURNS : QUARTER;
	int err = 0;

	for (int i = 0; err == 0 && i < rounds; i++) {
		baselines[i] = batch(s, theirs, i,
				     base_turns ? base_turns : turns, &err);
		if (err == 0)
			values[i] = batch(s, ours, s->hot ? i : i + 2, turns,
					  &err);
	}
	if (err == 0)
		bench_compare(row, values, baselines, (size_t)rounds);
	return err;
}

static int compare(struct bench_row *row, struct scene s, const char *name,
		   int decode, int base_turns)
{
	uint8_t matrix[M * K];
	int err = 0;

	cauchy(matrix);
	if (decode)
		err = rebuilder(matrix);
	if (err == 0)
		err = load(row, &s, name, matrix);
	if (err)
		return err;
	err = take(&s);
	if (err)
		return err;
	err = aether_gf256_make(matrix, M, K, &s.gf256);
	if (err == 0 && !agree(&s))
		err = bench_fail("what ISA-L computes is something else",
				 AETHER_ECORRUPT);
	if (err == 0)
		err = measure(row, &s, base_turns);
	aether_gf256_free(s.gf256);
	munmap(s.area, AREA);
	return err; /* said here, or by who called */
}

int bench_burn_rs(struct bench_row *row)
{
	return compare(row, (struct scene) { .hot = 0 }, "ec_encode_data", 0,
		       0);
}

int bench_burn_rs_hot(struct bench_row *row)
{
	return compare(row, (struct scene) { .hot = 1 }, "ec_encode_data", 0,
		       0);
}

int bench_burn_rs_avx2(struct bench_row *row)
{
	return compare(row, (struct scene) { .hot = 0 }, "ec_encode_data_avx2",
		       0, 0);
}

int bench_burn_rs_avx2_hot(struct bench_row *row)
{
	return compare(row, (struct scene) { .hot = 1 }, "ec_encode_data_avx2",
		       0, 0);
}

int bench_burn_rs_scalar(struct bench_row *row)
{
	return compare(row, (struct scene) { .hot = 1 }, "ec_encode_data_base",
		       0, BASE_TURNS);
}

int bench_decode_rs(struct bench_row *row)
{
	return compare(row, (struct scene) { .hot = 0 }, "ec_encode_data", 1,
		       0);
}
