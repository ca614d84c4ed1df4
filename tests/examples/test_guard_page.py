#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example of docs/guard.md compiles without a warning, as it stands, and
prints what the page says that it prints."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / (os.environ.get("O") or "build")


def main():
    page = (ROOT / "docs" / "guard.md").read_text()
    program = re.search(r"```c\n(.*?)```", page, re.S).group(1)
    wanted = re.search(r"```text\n(.*?)```", page, re.S).group(1)
    with tempfile.TemporaryDirectory(prefix="aether-page.") as work:
        source, binary = Path(work) / "page.c", Path(work) / "page"
        source.write_text(program)
        made = subprocess.run(
            ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Iinclude",
             "-Ibuild/gen", source, BUILD / "libaether.a", "-lpthread", "-o",
             binary], cwd=ROOT, capture_output=True, text=True)
        good = [made.returncode == 0]
        print(f"{'ok' if good[0] else 'not ok'} 1 - the page's example compiles")
        said = subprocess.run([binary], capture_output=True, text=True,
                              timeout=60) if good[0] else made
        good.append(said.returncode == 0 and said.stdout == wanted)
        print(f"{'ok' if good[1] else 'not ok'} 2 - and prints what it says")
    if not all(good):
        print(made.stderr, said, file=sys.stderr)
    print("1..2")
    return 0 if all(good) else 1


raise SystemExit(main())
