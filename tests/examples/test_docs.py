#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every C example of docs/ compiles as it stands, every warning an error; what
has a main is run too, and leaves no plane behind."""
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from common import (FLAGS, ROOT, compiled, end, left, ok,  # noqa: E402
                    places, run)

SYSTEM = "-D_GNU_SOURCE"    # some show what Linux alone has


def example(name, text, env, work):
    if not re.search(r"^int main\(", text, re.M):
        source = work / "example.c"
        source.write_text(text)
        made = run("gcc", *FLAGS, source, SYSTEM, "-fsyntax-only",
                   "-Wno-unused-function")
        ok(made.returncode == 0, f"{name} compiles", made.stderr)
        return
    program = compiled(name, text, work, SYSTEM)
    if not program:
        return
    ran = run(program, cwd=work, env=env)
    ok(ran.returncode == 0, f"{name} runs", ran)
    ok(left(env) == [], f"{name} leaves no plane", left(env))


with places() as (planes, files):
    for page in sorted((ROOT / "docs").glob("*.md")):
        blocks = re.findall("^```c\n(.*?)^```$", page.read_text(),
                            re.M | re.S)
        for number, block in enumerate(blocks, 1):
            example(f"{page.name}, example {number}", block, planes, files)
sys.exit(end())
