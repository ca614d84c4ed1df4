#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does `aether chaos` find what it is for? Defects that the simulator's test
plants in a copy of a file of core are planted here in the tool itself, and its
real kills must find them: exit 3, and by the right count. What it cannot find
is said in docs/chaos.md. A kill hits by chance, so each gets several runs, and
a defect that needs two processes in one place at once has its moment stretched
there; the same moment stretched in the right code must be found harmless.

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
# what comes before the act that a defect spoils, where chance alone seldom puts
# two processes between the look and the act: the defect, and the act's line
PAUSE = "	extern int usleep(unsigned int);\n\n	usleep(200);\n"
STRETCHED = {
    "a reaper that stores instead of comparing":
        "	ae_store64_release(&s->plane->leases[index].word, next);\n",
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


def chaos(tool, seed):
    """One run: its status, its figures, and all that it said."""
    done = run(tool, "chaos", "--seconds", SECONDS, "--kill-rate", RATE, "--seed", seed,
               "--json", env={**os.environ, "AETHER_DIR": str(tool.parent)})
    said = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
    return done.returncode, said, (f"status {done.returncode}\n{done.stdout[-2000:]}"
                                   f"{done.stderr[-2000:]}")


def catches(what, file, texts):
    """Whether some run finds the defect; why not."""
    act = STRETCHED.get(what)
    if act:
        texts = [(old, new.replace(act, PAUSE + act)) for old, new in texts]
    with tempfile.TemporaryDirectory() as work:
        tool, why = plant(Path(work), file, texts)
        for seed in range(TRIES) if tool else ():
            status, said, why = chaos(tool, seed)
            if status == 3 and said[FOUND[what]] > 0:
                return True, f"{FOUND[what]} {said[FOUND[what]]}"
    return False, why


def spares(file, texts):
    """Whether the right code with its moment stretched is found right."""
    with tempfile.TemporaryDirectory() as work:
        tool, why = plant(Path(work), file, [(old, PAUSE + old) for old, _ in texts])
        if tool:
            status, said, why = chaos(tool, 0)
            if status == 0 and said["kills"] > 0:
                return True, f"{said['kills']} kills"
    return False, why


def report(number, what, good, why):
    print(f"{'' if good else 'not '}ok {number} - {what}: {why.splitlines()[0] if why else ''}")
    for line in why.splitlines() if not good else ():
        print("#   " + line)
    sys.stdout.flush()


def main():
    results = []
    for what, _, file, *texts in DEFECTS:
        if what not in FOUND:
            continue
        texts = list(zip(texts[::2], texts[1::2]))
        results.append((what, *catches(what, file, texts)))
        report(len(results), *results[-1])
        if what in STRETCHED:
            results.append((f"harmless without it: {what}", *spares(file, texts)))
            report(len(results), *results[-1])
    planted = len(results) - len(STRETCHED)
    results.append(("every defect is planted", planted == len(FOUND), f"{planted}"))
    report(len(results), *results[-1])
    print(f"1..{len(results)}")
    return not all(good for _, good, _ in results)


if __name__ == "__main__":
    sys.exit(main())
