/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gf256:HH multiplies each byte of the stream by a constant of GF(2^8), and by
 * its inverse to undo it. Both are prepared here, before the stream.
 */
#include "gf256_burn.h"

#include <stdlib.h>
#include <string.h>
#include <aether/aether.h>
#include "gf256.h"

struct state {
	struct ae_gf256_scale burn, undo;
	struct aether_gf256 *prepared[2];
};

static int burn_piece(void *state, const struct aether_piece *piece)
{
	return ae_gf256_scale(&((const struct state *)state)->burn, piece);
}

static int undo_piece(void *state, const struct aether_piece *piece)
{
	return ae_gf256_scale(&((const struct state *)state)->undo, piece);
}

static void close_state(void *state)
{
	struct state *s = state;

	aether_gf256_free(s->prepared[0]);
	aether_gf256_free(s->prepared[1]);
	free(s);
}

static int prepare(uint8_t constant, struct ae_gf256_scale *scale,
		   struct aether_gf256 **prepared)
{
	int rc = aether_gf256_make(&constant, 1, 1, prepared);

	if (rc == 0) {
		ae_gf256_table(constant, scale->products);
		scale->gf256 = *prepared;
	}
	return rc;
}

/* 1 to 255, or 0: it is no constant to burn with. */
static uint8_t parse(const char *digits)
{
	static const char hex[] = "0123456789abcdef0123456789ABCDEF";
	const char *high = memchr(hex, digits[0], sizeof(hex) - 1), *low;

	if (!high || strlen(digits) != 2)
		return 0;
	low = memchr(hex, digits[1], sizeof(hex) - 1);
	if (!low)
		return 0;
	return (uint8_t)((high - hex) % 16 * 16 + (low - hex) % 16);
}

int ae_gf256_burn_open(const char *constant, struct aether_error *error,
		       struct aether_burn *burn)
{
	uint8_t factor = parse(constant);
	struct state *state;
	int rc = AETHER_ENOMEM;

	if (!factor)
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"gf256: what follows the colon is no constant; give "
			"two hexadecimal digits, 01 to FF, as in gf256:1D.");
	state = calloc(1, sizeof(*state));
	if (state)
		rc = prepare(factor, &state->burn, &state->prepared[0]);
	if (rc == 0)
		rc = prepare(aether_gf256_inverse(factor), &state->undo,
			     &state->prepared[1]);
	if (rc < 0) {
		if (state)
			close_state(state);
		return aether_error_fill(error, rc, 0,
					 "no memory for the burn gf256.");
	}
	*burn = (struct aether_burn) { .name = "gf256",
				       .state = state,
				       .burn = burn_piece,
				       .undo = undo_piece,
				       .close = close_state };
	return 0;
}
