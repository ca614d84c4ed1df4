/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stride multiplied by one constant, in place. Bytes go through a table.
 * Bit-planes are gathered a block at a time, whatever their tile, as tiles of
 * AETHER_TILE that a prepared matrix of one element takes.
 */
#include "gf256.h"

#include <string.h>

#define BLOCK AETHER_GF256_BLOCK

/* Where the rows of a block lie in content of another tile. */
struct rows {
	uint8_t *at;   /* the first tile that the block has a part of */
	size_t tile;   /* bytes */
	size_t row;    /* bytes that lie together: at most AETHER_TILE */
	size_t groups; /* how many of these a plane has, a tile each */
};

static void gather(const struct rows *rows, uint8_t *block)
{
	memset(block, 0, BLOCK);
	for (size_t g = 0; g < rows->groups; g++)
		for (size_t p = 0; p < AETHER_PLANES; p++)
			memcpy(block + p * AETHER_TILE + g * rows->row,
			       rows->at + (g * AETHER_PLANES + p) * rows->tile,
			       rows->row);
}

static void scatter(const struct rows *rows, const uint8_t *block)
{
	for (size_t g = 0; g < rows->groups; g++)
		for (size_t p = 0; p < AETHER_PLANES; p++)
			memcpy(rows->at + (g * AETHER_PLANES + p) * rows->tile,
			       block + p * AETHER_TILE + g * rows->row,
			       rows->row);
}

static void scale_block(const struct aether_gf256 *gf256,
			const struct rows *rows)
{
	uint8_t block[BLOCK], product[BLOCK];
	void *to = product;
	const void *from = block;
	struct ae_gf256_run run = { &to, &from, BLOCK, 0 };

	gather(rows, block);
	gf256->kernel->run(gf256->ops, &run);
	scatter(rows, product);
}

static void scale_planes(const struct aether_gf256 *gf256,
			 const struct aether_piece *piece)
{
	uint8_t *bytes = piece->bytes;
	struct rows rows = { bytes, piece->tile, AETHER_TILE, 1 };
	size_t tiles = piece->length / AETHER_PLANES / piece->tile;

	if (piece->tile < AETHER_TILE) {
		rows.row = piece->tile;
		rows.groups = AETHER_TILE / piece->tile;
	}
	for (size_t t = 0; t < tiles; t += rows.groups) {
		uint8_t *tile = bytes + t * AETHER_PLANES * piece->tile;

		if (rows.groups > tiles - t)
			rows.groups = tiles - t;
		for (size_t at = 0; at < piece->tile; at += rows.row) {
			rows.at = tile + at;
			scale_block(gf256, &rows);
		}
	}
}

int ae_gf256_scale(const struct ae_gf256_scale *scale,
		   const struct aether_piece *piece)
{
	uint8_t *bytes = piece->bytes;
	size_t tile = piece->tile;

	if (piece->format == AETHER_FORMAT_RAW) {
		for (size_t i = 0; i < piece->length; i++)
			bytes[i] = scale->products[bytes[i]];
		return 0;
	}
	/* Eight planes of a larger tile are more than a size can say: not in
	 * whole tiles, whatever the length. */
	if (piece->format != AETHER_FORMAT_SLICED || tile < 8 ||
	    tile > SIZE_MAX / AETHER_PLANES || (tile & (tile - 1)) ||
	    piece->length % (AETHER_PLANES * tile))
		return AETHER_EINVAL;
	scale_planes(scale->gf256, piece);
	return 0;
}
