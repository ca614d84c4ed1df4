/* SPDX-License-Identifier: Apache-2.0 */
/* A burn of one's own: flips those bits of each byte that MASK has. */
#include <aether/aether.h>
#include <stdlib.h>
#include <string.h>

static int flip_open(const char *args, struct aether_error *error, void **state)
{
	size_t digits = args ? strspn(args, "0123456789abcdefABCDEF") : 2;

	if (digits < 1 || digits > 2 || (args && args[digits]))
		return aether_error_fill(error, AETHER_EBURN, 0,
					 "MASK is \"%s\"; use 00 to FF.", args);
	*state = malloc(1);
	if (!*state)
		return AETHER_ENOMEM;
	*(uint8_t *)*state = (uint8_t)(args ? strtol(args, NULL, 16) : 0xFF);
	return 0;
}

/* A byte meets the mask. Bit-plane b has all of the bits b, so bit b of it. */
static int flip(void *state, const struct aether_piece *piece)
{
	uint8_t mask = *(uint8_t *)state, *bytes = piece->bytes;

	for (size_t i = 0; i < piece->length; i++)
		if (piece->format == AETHER_FORMAT_RAW)
			bytes[i] ^= mask;
		else if (mask >> i / piece->tile % AETHER_PLANES & 1)
			bytes[i] ^= 0xFF;
	return 0;
}

AETHER_BURN_MODULE = { .version = AETHER_BURN_VERSION,
		       .size = sizeof(struct aether_burn_module),
		       .name = "flip",
		       .open = flip_open,
		       .burn = flip,
		       .undo = flip,
		       .close = free };
