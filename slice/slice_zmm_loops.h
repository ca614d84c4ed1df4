/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loops over blocks of the two kernels of 512-bit vectors. Included once by
 * a file that has defined TARGET and INLINE, and the three functions that it
 * has for a block: slice_block, slice_block_in_place, unslice_block.
 */
#ifndef AE_SLICE_ZMM_LOOPS_H
#define AE_SLICE_ZMM_LOOPS_H

#include "slice_zmm.h"

/* In place a block is stored before the next is looked at. */
TARGET static void ae_zmm_slice_in_place(uint8_t *at, size_t blocks)
{
	for (; blocks; blocks--, at += AE_SLICE_BLOCK) {
		struct ae_zmm_from from = { at, AE_SLICE_LINE };
		struct ae_zmm_to to = { at, AE_SLICE_LINE, 0 };
		struct ae_zmm v = ae_zmm_load(from);

		ae_zmm_store(to, slice_block_in_place(v));
		ae_zmm_ahead(at, blocks);
	}
}

TARGET static void ae_zmm_unslice_in_place(uint8_t *at, size_t blocks)
{
	for (; blocks; blocks--, at += AE_SLICE_BLOCK) {
		struct ae_zmm_from from = { at, AE_SLICE_LINE };
		struct ae_zmm_to to = { at, AE_SLICE_LINE, 0 };
		struct ae_zmm v = ae_zmm_load(from);

		ae_zmm_store(to, unslice_block(v));
		ae_zmm_ahead(at, blocks);
	}
}

static INLINE void ae_zmm_slice_loop(struct ae_zmm_to to,
				     struct ae_zmm_from from, size_t step,
				     size_t blocks)
{
	struct ae_zmm next;

	if (!blocks)
		return;
	for (next = ae_zmm_load(from); --blocks; to.at += step) {
		from.at += AE_SLICE_BLOCK;
		next = ae_zmm_turns(to, slice_block(next), from);
	}
	ae_zmm_store(to, slice_block(next));
}

static INLINE void ae_zmm_unslice_loop(struct ae_zmm_to to,
				       struct ae_zmm_from from, size_t step,
				       size_t blocks)
{
	struct ae_zmm next;

	if (!blocks)
		return;
	for (next = ae_zmm_load(from); --blocks; to.at += AE_SLICE_BLOCK) {
		from.at += step;
		next = ae_zmm_turns(to, unslice_block(next), from);
	}
	ae_zmm_store(to, unslice_block(next));
}

/* Tile 64, the default, has loops of its own: distances are constants there. */
TARGET static void ae_zmm_slice(uint8_t *out, const uint8_t *in, size_t pitch,
				size_t step, size_t blocks)
{
	struct ae_zmm_from from = { in, AE_SLICE_LINE };
	struct ae_zmm_to to = { out, pitch, 0 };
	struct ae_zmm_to tile = { out, AE_SLICE_LINE, 0 };

	if (out == in)
		ae_zmm_slice_in_place(out, blocks);
	else if (pitch == AE_SLICE_LINE && step == AE_SLICE_BLOCK)
		ae_zmm_slice_loop(tile, from, AE_SLICE_BLOCK, blocks);
	else
		ae_zmm_slice_loop(to, from, step, blocks);
}

TARGET static void ae_zmm_unslice(uint8_t *out, const uint8_t *in, size_t pitch,
				  size_t step, size_t blocks)
{
	struct ae_zmm_from from = { in, pitch }, tile = { in, AE_SLICE_LINE };
	struct ae_zmm_to to = { out, AE_SLICE_LINE, 0 };

	if (out == in)
		ae_zmm_unslice_in_place(out, blocks);
	else if (pitch == AE_SLICE_LINE && step == AE_SLICE_BLOCK)
		ae_zmm_unslice_loop(to, tile, AE_SLICE_BLOCK, blocks);
	else
		ae_zmm_unslice_loop(to, from, step, blocks);
}

TARGET static void ae_zmm_slice_stream(uint8_t *out, const uint8_t *in,
				       size_t pitch, size_t step, size_t blocks)
{
	struct ae_zmm_from from = { in, AE_SLICE_LINE };
	struct ae_zmm_to to = { out, pitch, 1 };

	ae_zmm_slice_loop(to, from, step, blocks);
}

TARGET static void ae_zmm_unslice_stream(uint8_t *out, const uint8_t *in,
					 size_t pitch, size_t step,
					 size_t blocks)
{
	struct ae_zmm_from from = { in, pitch };
	struct ae_zmm_to to = { out, AE_SLICE_LINE, 1 };

	ae_zmm_unslice_loop(to, from, step, blocks);
}

static void ae_zmm_drain(void)
{
	_mm_sfence();
}

#endif
