#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example of docs/guard.md compiles without a warning, as it stands, and
prints what the page says that it prints."""
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from common import ROOT, compiled, end, ok, places, run  # noqa: E402

page = (ROOT / "docs" / "guard.md").read_text()
code = re.search(r"```c\n(.*?)```", page, re.S).group(1)
wanted = re.search(r"```text\n(.*?)```", page, re.S).group(1)
with places() as (env, work):
    program = compiled("the page's example", code, work)
    said = run(program, env=env) if program else None
    ok(said and said.returncode == 0 and said.stdout == wanted,
       "and prints what it says", said)
sys.exit(end())
