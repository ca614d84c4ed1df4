#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example of docs/pingpong.md compiles as it stands, and does what the page says."""
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from common import ROOT, compiled, end, ok, places, run  # noqa: E402

MAIN = """
#include <stdio.h>

static void rise(void *bird, const void *before)
{
	memcpy(bird, before, 236);
	++*(unsigned char *)bird;
}

static void say(const void *birds, uint32_t count)
{
	printf("%u birds, the last is at %d\\n", count,
	       ((const unsigned char *)birds)[(count - 1) * 236]);
}

int main(void)
{
	struct aether_plane_options options = { .layout = "inos" };
	struct aether_pingpong_write w;
	struct aether_participant *me;
	struct aether_plane *plane;
	unsigned char bird[236];
	uint32_t pair;

	if (aether_plane_create(NULL, &options, NULL, &plane) < 0 ||
	    aether_participant_join(plane, NULL, NULL, &me) < 0 ||
	    aether_layout_find_pair(aether_layout_get(1), "bird", &pair) < 0 ||
	    aether_pingpong_begin(me, pair, 0, &w) < 0)
		return 1;
	memset(w.bytes, 0, w.size);
	if (aether_pingpong_commit(me, pair, w.capacity) < 0)
		return 2;
	for (int i = 0; i < 7; i++)
		if (step(me, pair, rise) < 0)
			return 3;
	if (copy_bird(plane, pair, 9999, bird) < 0 || draw(me, pair, say) < 0)
		return 4;
	printf("bird 10,000 is at %d, bird 10,001 is %s\\n", bird[0],
	       aether_error_name(copy_bird(plane, pair, 10000, bird)));
	aether_participant_leave(me);
	return aether_plane_detach(plane) < 0;
}
"""
WANTED = ("10000 birds, the last is at 7\n"
          "bird 10,000 is at 7, bird 10,001 is AETHER_EINDEX\n")

page = (ROOT / "docs" / "pingpong.md").read_text()
code = re.search(r"^```c\n(.*?)^```", page, re.M | re.S).group(1)
with places() as (env, work):
    program = compiled("the example of docs/pingpong.md", code + MAIN, work)
    said = run(program, env=env) if program else None
    ok(said and said.returncode == 0 and said.stdout == WANTED,
       "and does what the page says", said)
sys.exit(end())
