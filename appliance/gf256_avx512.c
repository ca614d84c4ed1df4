/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of steps for gf256_avx512.S. Targets are done in pairs, so that a
 * source's lines are taken once for both; the last one of an odd number is
 * alone. Pairs alternate in direction: shards lie at like places of the
 * caches, more of them than these have ways, and what one pair read last is
 * still there for the next one.
 */
#include "gf256.h"

#if defined(__x86_64__) && defined(__ELF__) && !defined(__ILP32__)

/* In the table: products of the first target of a pair, the first of which only
 * takes the source in; products of the second; then these. */
enum {
	FIRST,
	SECOND = 256,
	BEGIN_A = 512,
	BEGIN_B,
	END_A,
	END_B,
	ALL,
	CODES
};

extern const int32_t ae_gf256_avx512_codes[CODES]; /* from its own address */

void ae_gf256_avx512_run(const struct ae_gf256_op *ops, void *const *targets,
			 const void *const *sources, size_t length,
			 uint32_t flags);

struct list {
	struct ae_gf256_op *ops; /* NULL: it is only counted */
	size_t count;
};

static void add(struct list *list, uint32_t code, uint64_t number)
{
	const int32_t *codes = ae_gf256_avx512_codes;

	if (list->ops)
		list->ops[list->count] = (struct ae_gf256_op) {
			(uintptr_t)codes + (uintptr_t)(intptr_t)codes[code],
			8 * number
		};
	list->count++;
}

/* Target t and, if there is one, the next. */
static void add_pair(struct list *list, const struct ae_gf256_matrix *matrix,
		     uint32_t t)
{
	uint32_t sources = matrix->sources, two = t + 1 < matrix->targets;
	const uint8_t *row = matrix->bytes + (size_t)t * sources;

	add(list, BEGIN_A, t);
	if (two)
		add(list, BEGIN_B, t + 1);
	for (uint32_t i = 0; i < sources; i++) {
		uint32_t s = t / 2 % 2 ? sources - 1 - i : i;
		uint8_t first = row[s], second = two ? row[sources + s] : 0;

		if (first || second)
			add(list, FIRST + first, s);
		if (second)
			add(list, SECOND + second, s);
	}
	add(list, END_A, t);
	if (two)
		add(list, END_B, t + 1);
}

static size_t plan(const struct ae_gf256_matrix *matrix,
		   struct ae_gf256_op *ops)
{
	struct list list = { ops, 0 };

	for (uint32_t t = 0; t < matrix->targets; t += 2)
		add_pair(&list, matrix, t);
	add(&list, ALL, list.count * sizeof(struct ae_gf256_op) / 8);
	return list.count;
}

static void run(const struct ae_gf256_op *ops, const struct ae_gf256_run *run)
{
	ae_gf256_avx512_run(ops, run->targets, run->sources, run->length,
			    run->flags);
}

const struct ae_gf256_kernel ae_gf256_avx512 = { "avx512", plan, run };

#else
const struct ae_gf256_kernel ae_gf256_avx512 = { "avx512", NULL, NULL };
#endif
