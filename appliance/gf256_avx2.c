/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of steps for gf256_avx2.S. Sums of eight planes fill half of the
 * registers, so a block of each target takes two passes over the sources, one
 * for each half of their lines. Passes alternate in direction: shards lie at
 * like places of the caches, more of them than these have ways, and what a
 * pass read last is still there for the next one.
 */
#include "gf256.h"

#if defined(__x86_64__) && defined(__ELF__) && !defined(__ILP32__)

enum {
	BEGIN_0 = 256,
	BEGIN_1,
	END_0,
	END_1,
	ALL,
	CODES
};

extern const int32_t ae_gf256_avx2_codes[CODES]; /* from its own address */

void ae_gf256_avx2_run(const struct ae_gf256_op *ops, void *const *targets,
		       const void *const *sources, size_t length,
		       uint32_t flags);

/* Sources that are fetched in a pass, at most: they share the first-level cache
 * with those of the block in hand. */
#define FETCHED_MAX 8

struct list {
	struct ae_gf256_op *ops; /* NULL: it is only counted */
	size_t count;
};

static void add(struct list *list, uint32_t code, uint64_t at)
{
	const int32_t *codes = ae_gf256_avx2_codes;

	if (list->ops)
		list->ops[list->count] = (struct ae_gf256_op) {
			(uintptr_t)codes + (uintptr_t)(intptr_t)codes[code], at
		};
	list->count++;
}

/* Begins pass p of all of them. Meanwhile a part of the next block is fetched,
 * of each source once in all passes: those that come first are fetched last. */
static void begin(struct list *list, const struct ae_gf256_matrix *matrix,
		  uint32_t pass)
{
	uint32_t passes = 2 * matrix->targets, back = passes - pass;
	uint64_t first = (uint64_t)matrix->sources * (back - 1) / passes;
	uint64_t end = (uint64_t)matrix->sources * back / passes;

	if (end - first > FETCHED_MAX)
		end = first + FETCHED_MAX;
	add(list, BEGIN_0 + pass % 2, 8 * (uint64_t)(pass / 2));
	if (list->ops)
		list->ops[list->count] = (struct ae_gf256_op) { 8 * first,
								8 * end };
	list->count++;
}

static size_t plan(const struct ae_gf256_matrix *matrix,
		   struct ae_gf256_op *ops)
{
	struct list list = { ops, 0 };
	uint32_t sources = matrix->sources;

	for (uint32_t pass = 0; pass < 2 * matrix->targets; pass++) {
		uint64_t target = pass / 2;
		const uint8_t *row = matrix->bytes + target * sources;

		begin(&list, matrix, pass);
		for (uint32_t i = 0; i < sources; i++) {
			uint32_t s = pass % 2 ? sources - 1 - i : i;

			if (row[s])
				add(&list, row[s], 8 * (uint64_t)s);
		}
		add(&list, END_0 + pass % 2, 8 * target);
	}
	add(&list, ALL, list.count * sizeof(struct ae_gf256_op));
	return list.count;
}

static void run(const struct ae_gf256_op *ops, const struct ae_gf256_run *run)
{
	ae_gf256_avx2_run(ops, run->targets, run->sources, run->length,
			  run->flags);
}

const struct ae_gf256_kernel ae_gf256_avx2 = { "avx2", plan, run };

#else
const struct ae_gf256_kernel ae_gf256_avx2 = { "avx2", NULL, NULL };
#endif
