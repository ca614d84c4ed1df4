#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The functions that docs/rs.md and docs/rlnc.md show do what the pages say: a
source that changed is patched into the parities without scratch, and a packet
that was recoded is one for the participant that gets it."""
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from common import ROOT, compiled, end, ok, places, run  # noqa: E402

START = """
#include <stdio.h>
#include <string.h>

enum { LENGTH = 4096, STRIDES = 8 };

static struct aether_plane *plane;
static struct aether_participant *me, *next;
static uint64_t stride[STRIDES];
static unsigned char *bytes[STRIDES];

/* Strides of mine that hold something, no two the same. */
static int start(void)
{
	void *at;

	if (aether_plane_create(NULL, NULL, NULL, &plane) < 0 ||
	    aether_participant_join(plane, NULL, NULL, &me) < 0 ||
	    aether_participant_join(plane, NULL, NULL, &next) < 0)
		return -1;
	for (int i = 0; i < STRIDES; i++) {
		if (aether_stride_reserve(me, &stride[i]) < 0 ||
		    aether_stride_bytes(me, stride[i], NULL, &at) < 0)
			return -1;
		bytes[i] = at;
		for (int b = 0; b < LENGTH; b++)
			bytes[i][b] = (unsigned char)(b * b * (2 * i + 1) >> 3);
	}
	return 0;
}

/* targets = matrix x sources */
static int make(const uint8_t *matrix, uint32_t count, uint32_t from,
		const uint64_t *targets, const uint64_t *sources)
{
	struct aether_gf256 *code;
	int err = aether_gf256_make(matrix, count, from, &code);

	if (err == 0)
		err = aether_gf256_burn(me, code, targets, sources, LENGTH, 0);
	if (err == 0)
		aether_gf256_free(code);
	return err;
}
"""

# strides 0 to 2 are sources, 3 is source 1 anew, 4 and 5 parities, then those
# made from the changed sources
PATCH = START + """
int main(void)
{
	uint64_t contents[2];
	uint8_t matrix[2 * 3];

	if (start() < 0 || aether_rs_encoder(3, 2, matrix) < 0 ||
	    make(matrix, 2, 3, stride + 4, stride) < 0)
		return 1;
	contents[0] = stride[1];
	contents[1] = stride[3];
	if (patch(me, 3, 2, 1, contents, stride + 4, LENGTH) < 0)
		return 2;
	stride[1] = stride[3];
	if (make(matrix, 2, 3, stride + 6, stride) < 0)
		return 3;
	printf("%d %d\\n", memcmp(bytes[4], bytes[6], LENGTH) != 0,
	       memcmp(bytes[5], bytes[7], LENGTH) != 0);
	return 0;
}
"""

# the relay has two packets of sources of which nobody asks; its packet is one
# of both, for the coefficients say so
RECODE = START + """
int main(void)
{
	struct aether_pointer is;
	uint64_t seed = 5, taken, again[2];
	uint8_t *user;
	void *at;

	if (start() < 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		if (aether_stride_user(me, stride[i], &at) < 0)
			return 2;
		((uint8_t *)at)[i] = 1;
	}
	if (recode(me, &seed, stride, 2, stride[2], LENGTH) < 0 ||
	    aether_route(me, stride[2], aether_participant_tenancy(next)) < 0 ||
	    aether_route_take(next, &taken) < 0 ||
	    aether_stride_resolve(next, taken, &is) < 0 ||
	    aether_stride_user(next, taken, &at) < 0)
		return 3;
	user = at;
	again[0] = stride[3];
	if (make(user, 1, 2, again, stride) < 0)
		return 4;
	printf("%d bytes, %s, tile %d, of both %d, the sum %d\\n",
	       (int)is.length,
	       is.format == AETHER_FORMAT_SLICED ? "sliced" : "raw",
	       (int)is.tile, user[0] && user[1],
	       memcmp(bytes[2], bytes[3], LENGTH) == 0);
	return 0;
}
"""


def function(page, name):
    """The block of a page that defines a function."""
    blocks = re.findall(r"^```c\n(.*?)^```", (ROOT / "docs" / page).read_text(),
                        re.M | re.S)
    return next(b for b in blocks if f"int {name}(" in b)


def works(page, name, main, wanted, what):
    with places() as (env, work):
        program = compiled(f"{name} of docs/{page}",
                           function(page, name) + main, work)
        said = run(program, env=env) if program else None
        ok(said and said.returncode == 0 and said.stdout == wanted, what, said)


works("rs.md", "patch", PATCH, "0 0\n", "parities are those of what is there")
works("rlnc.md", "recode", RECODE,
      "4096 bytes, sliced, tile 64, of both 1, the sum 1\n",
      "who gets the packet sees what it is, and decodes it")
sys.exit(end())
