#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/pairs.py: the good tree passes, each broken pair is found."""
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from planted import Tap  # noqa: E402

TOOL, RING = "pairs.py", "core/ring.c"
POP = "/* acquire: the cursor first. pairs: release in aether_ring_push */"
PUSH = "pairs: acquire in\n\t * aether_ring_pop, acquire in kernel_js"

tap = Tap()
tap.good(TOOL)


def one_comment():
    pop, push = "ae_load32_acquire(&ring->head)", "ae_store32_release(&"
    back = (push, "pairs with acquire in aether_ring_pop, which does not name "
            "it back")
    for old, new, *expected in (
            (POP, "", pop, "aether_ring_pop: ae_load32_acquire has no comment",
             *back),
            (POP, POP + "\n\n\n\n\n", pop, "has no comment", *back),
            ("acquire: the cursor", "release: the cursor", pop,
             "does not name acquire", *back),
            ("acquire: the cursor first.", "acquire:", pop, "but not why"),
            ("relaxed: only this side writes.", "relaxed:", "_relaxed(&",
             "but not why"),
            ("first. pairs: release in aether_ring_push", "first.", pop,
             "names no pair", *back),
            ("first. pairs: release in", "first. pairs: release of", pop,
             "cannot be read", *back),
            ("release in aether_ring_push */", "release in aether_ring_push, x */",
             pop, "cannot be read"),
            ("pairs: release in aether_ring_push",
             "pairs: acquire in aether_ring_push", pop, "cannot meet it", push,
             "which names acquire here, where none is"),
            ("pairs: release in aether_ring_push", "pairs: release in gone",
             pop, "release in gone, which does not exist", *back),
            ("pairs: release in aether_ring_push", "pairs: release in slot_at",
             pop, "release in slot_at, which holds no release", *back),
            ("acquire in kernel_js", "acquire in kernel_c", push,
             "acquire in kernel_c, which does not exist"),
            # One end of a pair gone: the other end is told.
            (PUSH, "pairs: acquire in kernel_js", pop, "aether_ring_pop: "
             "ae_load32_acquire pairs with release in aether_ring_push, which "
             "does not name it back"),
            # A comment is not shared over another statement.
            ("\tae_store32_relaxed(&ring->tail",
             "\tslot_at(0);\n\tae_store32_relaxed(&ring->tail", "ring->tail",
             "no comment of its own")):
        tap.fault(TOOL, RING, old, new, *expected)


def two_functions():
    one, two = "ae_fence_seq_cst();", "ae_store32_release(&word);"
    tap.fault(TOOL, "flow/ingress.c", None, f"""
int ae_one(void)
{{
	/* seq_cst: announced first. pairs: seq_cst in ae_two */
	{one}
}}
int ae_two(void)
{{
	/* release: is less. pairs: acquire in ae_one */
	{two}
}}
""", one, "seq_cst in ae_two, which holds no seq_cst", two,
              "which names seq_cst here, where none is")


def places():
    # A comment above the function is not inside it.
    tap.fault(TOOL, "host/posix/map.c", None,
              "/* relaxed: outside. */\nint ae_host_one(void)\n{\n"
              "\treturn ae_load32_relaxed(&word);\n}\n", "ae_load32_relaxed",
              "ae_host_one: ae_load32_relaxed has no comment")
    for folder in ("host/sim", "memory", "inos"):
        tap.fault(TOOL, folder + "/x.h", None,
                  "#define LOOK() ae_add64_relaxed(&word)\n", "LOOK",
                  "ae_add64_relaxed outside a function")


one_comment()
two_functions()
places()
tap.done()
