/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel of whatever `word` is, an unsigned integer or a vector of the
 * compiler's, on top of <gf256/programs.h>: for each constant a function of
 * type times_function, in the table `times`, that adds its product with one
 * tile to another. The list has for each target an entry without code and with
 * its number, then those of its sources; one without code and with the number
 * ALL ends it. To be included once in a file.
 */
#define ALL UINT64_MAX
#define WORDS (AETHER_GF256_BLOCK / sizeof(word))

static size_t ae_gf256_words_plan(const struct ae_gf256_matrix *matrix,
				  struct ae_gf256_op *ops)
{
	const struct ae_gf256_op all = { 0, ALL };
	const uint8_t *element = matrix->bytes;
	size_t count = 0;

	for (uint32_t t = 0; t < matrix->targets; t++) {
		if (ops)
			ops[count] = (struct ae_gf256_op) { 0, t };
		count++;
		for (uint32_t s = 0; s < matrix->sources; s++) {
			uint8_t constant = *element++;

			if (constant == 0)
				continue;
			if (ops)
				ops[count] = (struct ae_gf256_op) {
					(uintptr_t)times[constant], s
				};
			count++;
		}
	}
	if (ops)
		ops[count] = all;
	return count + 1;
}

/* One tile of one target; returns the entry after it. */
static const struct ae_gf256_op *
ae_gf256_words_tile(const struct ae_gf256_op *op,
		    const struct ae_gf256_run *run, size_t at)
{
	word *target = (word *)((uint8_t *)run->targets[op->at] + at);
	word sums[WORDS];

	for (size_t i = 0; i < WORDS; i++)
		sums[i] = run->flags & AETHER_GF256_ADD ? target[i]
							: (word) { 0 };
	for (op++; op->code; op++)
		((times_function *)op->code)(
			sums,
			(const word *)((const uint8_t *)run->sources[op->at] +
				       at));
	for (size_t i = 0; i < WORDS; i++)
		target[i] = sums[i];
	return op;
}

static void ae_gf256_words_run(const struct ae_gf256_op *ops,
			       const struct ae_gf256_run *run)
{
	for (size_t at = 0; at < run->length; at += AETHER_GF256_BLOCK) {
		const struct ae_gf256_op *op = ops;

		while (op->at != ALL)
			op = ae_gf256_words_tile(op, run, at);
	}
}
