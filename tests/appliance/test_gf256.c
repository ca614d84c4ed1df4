/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GF(2^8): the field against naive tables, and each kernel that this machine
 * has against the field: all products, random matrices of any shape, added or
 * not, past the caches or not, any address, nothing written beside the targets
 * and nothing touched beside shards. The program runs itself again with
 * AETHER_ISA set, to see which kernel is in use then.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <aether/aether.h>
#include "gf256.h"
#include "../isa_again.h"
#include "../tap.h"

#define BLOCK AETHER_GF256_BLOCK
#define SHARDS 255
#define ROOM (4 * BLOCK)
#define GUARD 64

static uint8_t product[256][256]; /* the field, by the definition */
static uint64_t seed = 5;

static uint32_t draw(uint32_t limit)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % limit;
}

/* Multiplies polynomials, then takes away multiples of the modulus. */
static void make_field(void)
{
	for (uint32_t a = 0; a < 256; a++) {
		for (uint32_t b = 0; b < 256; b++) {
			uint32_t sum = 0;

			for (int i = 0; i < 8; i++)
				sum ^= (b >> i & 1) * (a << i);
			for (int i = 14; i >= 8; i--)
				if (sum >> i & 1)
					sum ^= 0x11DU << (i - 8);
			product[a][b] = (uint8_t)sum;
		}
	}
}

static void test_field(void)
{
	int right = 1, inverse = aether_gf256_inverse(0) == 0;

	for (uint32_t a = 0; a < 256; a++) {
		uint8_t table[256];

		ae_gf256_table((uint8_t)a, table);
		right &= !memcmp(table, product[a], 256);
		for (uint32_t b = 0; b < 256; b++)
			right &= aether_gf256_multiply((uint8_t)a,
						       (uint8_t)b) ==
				 product[a][b];
		if (a)
			inverse &=
				product[a][aether_gf256_inverse((uint8_t)a)] ==
				1;
	}
	ok(right, "all 65536 products");
	ok(inverse, "all inverses");
}

/* c = a * b, n x n. */
static void multiply(const uint8_t *a, const uint8_t *b, uint32_t n, uint8_t *c)
{
	memset(c, 0, (size_t)n * n);
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < n; j++)
			for (uint32_t k = 0; k < n; k++)
				c[i * n + k] ^=
					product[a[i * n + j]][b[j * n + k]];
}

static int is_identity(const uint8_t *a, uint32_t n)
{
	for (uint32_t i = 0; i < n * n; i++)
		if (a[i] != (i % (n + 1) == 0))
			return 0;
	return 1;
}

static void fill(uint8_t *bytes, size_t length)
{
	while (length--)
		*bytes++ = (uint8_t)draw(256);
}

/* Many zeros, so that rows have to be exchanged and some have no inverse. */
static int inverts(uint32_t n, uint32_t zeros)
{
	static uint8_t a[255 * 255 + 1], b[sizeof(a)], c[sizeof(a)];
	int rc;

	fill(a, (size_t)n * n);
	for (uint32_t i = 0; i < n * n; i++)
		if (draw(100) < zeros)
			a[i] = 0;
	memset(b, 0xA5, sizeof(b));
	rc = aether_gf256_invert(a, n, b);
	if (rc == AETHER_EINVAL && b[0] == 0xA5 && zeros)
		return 2;
	if (rc < 0)
		return 0;
	multiply(a, b, n, c);
	if (!is_identity(c, n) || b[n * n] != 0xA5)
		return 0;
	memcpy(c, a, sizeof(c));
	return aether_gf256_invert(c, n, c) == 0 && !memcmp(c, b, n * n);
}

static void test_invert(void)
{
	uint8_t same[9] = { 1, 2, 3, 4, 5, 6, 5, 7, 5 }, out[9] = { 9 };
	int wrong = 0, none = 0;

	for (uint32_t n = 1; n <= 20; n++) {
		for (uint32_t zeros = 0; zeros <= 80; zeros += 10) {
			int rc = inverts(n, zeros);

			wrong += rc == 0;
			none += rc == 2;
		}
	}
	is_int(wrong, 0, "inverses of matrices of 1 to 20");
	ok(none > 5, "some of which there are none");
	ok(inverts(255, 5) == 1, "the inverse of one of 255");
	is_int(aether_gf256_invert(same, 3, out), AETHER_EINVAL,
	       "rows that depend on each other");
	is_int(out[0], 9, "what was there stays");
	is_int(aether_gf256_invert(same, 0, out), AETHER_EINVAL, "0 rows");
	is_int(aether_gf256_invert(same, 256, out), AETHER_EINVAL, "256");
}

/* Shards with something around each, sliced and not. */
struct shards {
	uint8_t *memory;
	uint8_t *bytes[SHARDS], *planes[SHARDS];
	uint32_t count;
	size_t length;
	int walled; /* nothing may be touched around them, not even to look */
};

static int take(struct shards *s, uint32_t count, size_t length, int aligned)
{
	size_t pitch = (length + 2 * GUARD) / 64 * 64 + 128;

	s->memory = aligned_alloc(64, 2 * count * pitch);
	s->count = count;
	s->length = length;
	if (!s->memory)
		return 0;
	memset(s->memory, 0xA5, 2 * count * pitch);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *at = s->memory + 2 * i * pitch + GUARD;

		s->bytes[i] = at;
		s->planes[i] = at + pitch + (aligned ? 0 : draw(64));
		fill(s->bytes[i], length);
		aether_slice(s->planes[i], s->bytes[i], length, AETHER_TILE);
	}
	return 1;
}

static int is_kept(const struct shards *s, uint32_t i)
{
	uint8_t around[GUARD];
	uint8_t *planes = s->planes[i];

	memset(around, 0xA5, GUARD);
	return !memcmp(planes - GUARD, around, GUARD) &&
	       !memcmp(planes + s->length, around, GUARD);
}

#define PAGE ((size_t)4096)
#define WALLED ((size_t)4 * PAGE) /* with a page before and one behind */

/* Shards that begin or end where no page may be touched; count 0: no room. */
static void take_walled(struct shards *s, uint32_t count, size_t length,
			int at_end)
{
	size_t pitch = WALLED + PAGE;
	void *memory = mmap(NULL, 2 * count * pitch + PAGE, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*s = (struct shards) { .memory = memory,
			       .length = length,
			       .walled = 1 };
	if (memory == MAP_FAILED)
		return;
	for (uint32_t i = 0; i < 2 * count; i++) {
		uint8_t *at = s->memory + i * pitch + PAGE;

		if (mprotect(at, WALLED, PROT_READ | PROT_WRITE) < 0)
			return;
		at += at_end ? WALLED - length : 0;
		if (i < count)
			s->bytes[i] = at;
		else
			s->planes[i - count] = at;
	}
	s->count = count;
	for (uint32_t i = 0; i < count; i++) {
		fill(s->bytes[i], length);
		aether_slice(s->planes[i], s->bytes[i], length, AETHER_TILE);
	}
}

static void drop_walled(struct shards *s, uint32_t count)
{
	if (s->memory != MAP_FAILED)
		munmap(s->memory, 2 * count * (WALLED + PAGE) + PAGE);
}

/* The targets' bytes by the definition. */
static void expect(const uint8_t *matrix, const struct shards *to,
		   const struct shards *from, uint32_t flags)
{
	for (uint32_t t = 0; t < to->count; t++) {
		uint8_t *bytes = to->bytes[t];

		if (!(flags & AETHER_GF256_ADD))
			memset(bytes, 0, to->length);
		for (uint32_t s = 0; s < from->count; s++, matrix++)
			for (size_t i = 0; i < to->length; i++)
				bytes[i] ^= product[*matrix][from->bytes[s][i]];
	}
}

static int is_right(const struct shards *s)
{
	static uint8_t got[WALLED];

	for (uint32_t i = 0; i < s->count; i++) {
		aether_unslice(got, s->planes[i], s->length, AETHER_TILE);
		if (memcmp(got, s->bytes[i], s->length) ||
		    (!s->walled && !is_kept(s, i)))
			return 0;
	}
	return 1;
}

static int applies(const struct ae_gf256_kernel *kernel, const uint8_t *matrix,
		   struct shards *to, struct shards *from, uint32_t flags)
{
	struct ae_gf256_matrix m = { matrix, to->count, from->count };
	struct ae_gf256_run run = { (void *const *)to->planes,
				    (const void *const *)from->planes,
				    to->length, flags };
	size_t size = ae_gf256_size(kernel, &m);
	struct aether_gf256 *gf256 = malloc(size + 8);
	int right;

	if (!gf256)
		return 0;
	memset((uint8_t *)gf256 + size, 0xA5, 8);
	ae_gf256_init(gf256, kernel, &m);
	right = ((uint8_t *)gf256)[size] == 0xA5 &&
		ae_gf256_apply(gf256, &run) == 0;
	expect(matrix, to, from, flags);
	free(gf256);
	return right && is_right(to) && is_right(from);
}

/* A matrix with zeros and ones among it. */
static int holds(const struct ae_gf256_kernel *kernel, uint32_t targets,
		 uint32_t sources)
{
	struct shards to = { 0 }, from = { 0 };
	size_t length = BLOCK * (1 + draw(ROOM / BLOCK));
	size_t size = (size_t)targets * sources;
	uint32_t sparse = draw(3) * 45;
	uint8_t *matrix = malloc(size);
	int right = matrix && take(&to, targets, length, draw(4) > 0) &&
		    take(&from, sources, length, draw(4) > 0);

	if (right) {
		fill(matrix, size);
		for (size_t i = 0; i < size; i++)
			if (draw(100) < sparse)
				matrix[i] = (uint8_t)(draw(4) == 0);
		right = applies(kernel, matrix, &to, &from, draw(4));
	}
	free(to.memory);
	free(from.memory);
	free(matrix);
	return right;
}

/* Each constant with a source that has every byte. */
static int multiplies(const struct ae_gf256_kernel *kernel)
{
	struct shards to = { 0 }, from = { 0 };
	int right = take(&to, 1, BLOCK, 1) && take(&from, 1, BLOCK, 1);

	for (uint32_t i = 0; right && i < BLOCK; i++)
		from.bytes[0][i] = (uint8_t)i;
	if (right)
		aether_slice(from.planes[0], from.bytes[0], BLOCK, AETHER_TILE);
	for (uint32_t a = 0; right && a < 256; a++)
		for (uint32_t flags = 0; right && flags < 4; flags++)
			right = applies(kernel, (uint8_t[]) { (uint8_t)a }, &to,
					&from, flags);
	free(to.memory);
	free(from.memory);
	return right;
}

/* Between pages that fault: what a kernel reads or writes beside its shards
 * ends the test. */
static int keeps_within(const struct ae_gf256_kernel *kernel, uint32_t targets,
			uint32_t sources)
{
	size_t length = BLOCK * (1 + draw(WALLED / BLOCK));
	uint8_t matrix[16 * 16];
	struct shards to, from;
	int at_end = (int)draw(2), right;

	take_walled(&to, targets, length, at_end);
	take_walled(&from, sources, length, at_end);
	fill(matrix, sizeof(matrix));
	right = to.count && from.count &&
		applies(kernel, matrix, &to, &from, draw(4));
	drop_walled(&to, targets);
	drop_walled(&from, sources);
	return right;
}

static void test_kernel(const struct ae_gf256_kernel *kernel, int runs)
{
	int wrong = 0;

	if (!kernel->plan || !runs) {
		skip("%s: this processor or build lacks it", kernel->name);
		return;
	}
	ok(multiplies(kernel), "%s: all 65536 products", kernel->name);
	for (uint32_t targets = 1; targets <= 20; targets++)
		for (uint32_t sources = 1; sources <= 20; sources++)
			wrong += !holds(kernel, targets, sources);
	is_int(wrong, 0, "%s: matrices of 1 to 20 x 1 to 20", kernel->name);
	ok(holds(kernel, 3, 255), "%s: 255 sources", kernel->name);
	ok(holds(kernel, 255, 3), "%s: 255 targets", kernel->name);
	ok(holds(kernel, 40, 255), "%s: 40 x 255", kernel->name);
	wrong = 0;
	for (int i = 0; i < 200; i++)
		wrong += !keeps_within(kernel, 1 + draw(6), 1 + draw(12));
	is_int(wrong, 0, "%s: nothing is touched beside shards", kernel->name);
}

static void test_refusals(void)
{
	static uint8_t memory[5 * BLOCK] __attribute__((aligned(64)));
	static const uint8_t matrix[] = { 1, 2, 3, 4 };
	struct aether_gf256 *code = NULL, *kept;
	void *to[] = { memory, memory + BLOCK };
	const void *from[] = { memory + 2 * BLOCK, memory + 3 * BLOCK };
	uint8_t before[sizeof(memory)];

	is_int(aether_gf256_make(matrix, 0, 2, &code), AETHER_EINVAL, "no row");
	is_int(aether_gf256_make(matrix, 2, 0, &code), AETHER_EINVAL,
	       "no column");
	is_int(aether_gf256_make(matrix, 256, 2, &code), AETHER_EINVAL,
	       "256 rows");
	is_int(aether_gf256_make(matrix, 2, 256, &code), AETHER_EINVAL,
	       "256 columns");
	ok(!code, "nothing was made");
	if (!ok(aether_gf256_make(matrix, 2, 2, &code) == 0, "2 x 2"))
		return;
	fill(memory, sizeof(memory));
	memcpy(before, memory, sizeof(memory));
	is_int(aether_gf256_apply(code, to, from, 511, 0), AETHER_EINVAL,
	       "a length that is no multiple");
	is_int(aether_gf256_apply(code, to, from, BLOCK, 4), AETHER_EINVAL,
	       "a flag that is none");
	is_int(aether_gf256_apply(NULL, to, from, BLOCK, 0), AETHER_EINVAL,
	       "no matrix");
	from[1] = memory + 2 * BLOCK - 1;
	is_int(aether_gf256_apply(code, to, from, BLOCK, 0), AETHER_EINVAL,
	       "a target that overlaps a source");
	from[1] = from[0];
	to[1] = memory + BLOCK - 1;
	is_int(aether_gf256_apply(code, to, from, BLOCK, 0), AETHER_EINVAL,
	       "a target that overlaps another");
	to[1] = memory + BLOCK;
	is_int(aether_gf256_apply(code, to, from, 0, 0), 0, "nothing at all");
	ok(!memcmp(before, memory, sizeof(memory)), "nothing was written");
	is_int(aether_gf256_apply(code, to, from, BLOCK, 0), 0,
	       "a source twice is allowed");
	kept = code;
	aether_gf256_free(kept);
	aether_gf256_free(NULL);
}

/* The kernel that a set of instructions has here. */
static const struct ae_gf256_kernel *kernel_of(enum aether_isa isa)
{
	if (isa >= AETHER_ISA_AVX512 && ae_gf256_avx512.plan)
		return &ae_gf256_avx512;
	if (isa >= AETHER_ISA_AVX2 && ae_gf256_avx2.plan)
		return &ae_gf256_avx2;
	return &ae_gf256_scalar;
}

/* What the program does when it is run with AETHER_ISA set and the name of the
 * set as its argument: 0 its kernel is in use, 2 it is not to be had here. */
static int run_as(const char *name)
{
	if (aether_isa_check(NULL))
		return 2;
	if (strcmp(aether_isa_name(aether_isa()), name) != 0)
		return 3;
	return ae_gf256_kernel() == kernel_of(aether_isa()) ? 0 : 1;
}

int main(int argc, char **argv)
{
	enum aether_isa isa = aether_isa();

	if (argc > 1)
		return run_as(argv[1]);
	make_field();
	test_field();
	test_invert();
	test_kernel(&ae_gf256_scalar, 1);
	test_kernel(&ae_gf256_avx2, isa >= AETHER_ISA_AVX2);
	test_kernel(&ae_gf256_avx512, isa >= AETHER_ISA_AVX512);
	test_refusals();
	for (uint32_t i = 0; aether_isa_name(i); i++)
		isa_again(argv[0], aether_isa_name(i), "its kernel is in use");
	return tap_end();
}
