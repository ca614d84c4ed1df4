#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does `aether chaos` find what it is for? Defects that the simulator's test
plants in a copy of a file of core are planted here in the tool itself, and its
real kills must find them: exit 3, and by the right count. What it cannot find
is said in docs/chaos.md. A kill hits by chance, so each gets several runs.

    O    where the tool was built (build)
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests" / "sim"))
from test_planted import DEFECTS  # noqa: E402

O = ROOT / (os.environ.get("O") or "build")
CC = os.environ.get("CC") or "gcc"
TRIES, SECONDS, RATE = 10, 10, 100
# the defect, as test_planted.py has it, and what then is not zero
FOUND = {
    "an entry that comes after its commit": "lost",
    "a generation that does not rise at release": "double",
    "a reaper that stores instead of comparing": "double",
}


def run(*command, **more):
    return subprocess.run([str(x) for x in command], capture_output=True, text=True,
                          check=False, **more)


def plant(work, file, texts):
    """The tool with the defect; or an error."""
    source = (ROOT / "core" / file).read_text()
    for old, new in texts:
        if source.count(old) != 1:
            return None, f"core/{file} has this text {source.count(old)} times:\n{old}"
        source = source.replace(old, new)
    changed, tool = work / file, work / "aether"
    changed.write_text(source)
    objects = [path for path in (O / "obj").rglob("*.o")
               if path.parts[-2] != "bench" and path != O / "obj/core" / file.replace(".c", ".o")]
    done = run(CC, "-std=c11", "-O2", "-I" + str(ROOT / "include"), "-I" + str(ROOT / "build/gen"),
               "-I" + str(ROOT / "core"), "-rdynamic", changed, *objects, "-ljansson", "-lxxhash",
               "-o", tool)
    return (tool, "") if done.returncode == 0 else (None, done.stderr)


def find(tool, count):
    """Runs chaos until it finds something; what it said last."""
    for seed in range(TRIES):
        done = run(tool, "chaos", "--seconds", SECONDS, "--kill-rate", RATE, "--seed", seed,
                   "--json", env={**os.environ, "AETHER_DIR": str(tool.parent)})
        said = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
        if done.returncode == 3 and said[count] > 0:
            return True, f"{count} {said[count]}"
    return False, f"status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def main():
    failed = 0
    planted = [row for row in DEFECTS if row[0] in FOUND]
    for number, (what, _, file, *texts) in enumerate(planted, 1):
        with tempfile.TemporaryDirectory() as work:
            tool, why = plant(Path(work), file, list(zip(texts[::2], texts[1::2])))
            good, why = find(tool, FOUND[what]) if tool else (False, why)
        failed += not good
        print(f"{'' if good else 'not '}ok {number} - {what}: {why.splitlines()[0] if why else ''}")
        for line in why.splitlines() if not good else ():
            print("#   " + line)
        sys.stdout.flush()
    good = len(planted) == len(FOUND)
    print(f"{'' if good else 'not '}ok {len(planted) + 1} - every defect is planted")
    print(f"1..{len(planted) + 1}")
    return failed != 0 or not good


if __name__ == "__main__":
    sys.exit(main())
