#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every C example of docs/ compiles as it stands, every warning an error; what
has a main is run too, and leaves no plane behind."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / (os.environ.get("O") or "build")
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE",
         f"-I{ROOT}/include", f"-I{ROOT}/build/gen"]
done = failed = 0


def ok(good, name, more=""):
    global done, failed
    done += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {done} - {name}", flush=True)
    if not good:
        print("\n".join("# " + line for line in str(more).splitlines()))


def compiles(source, *more):
    return subprocess.run(["gcc", *FLAGS, source, *more], capture_output=True,
                          text=True)


def example(name, text, work, env):
    source, program = work / "example.c", work / "example"
    source.write_text(text)
    if not re.search(r"^int main\(", text, re.M):
        made = compiles(source, "-fsyntax-only", "-Wno-unused-function")
        ok(made.returncode == 0, f"{name} compiles", made.stderr)
        return
    made = compiles(source, BUILD / "libaether.a", "-lpthread", "-o", program)
    ok(made.returncode == 0, f"{name} compiles", made.stderr)
    if made.returncode:
        return
    run = subprocess.run([program], cwd=work, env=env, timeout=60,
                         capture_output=True, text=True)
    ok(run.returncode == 0, f"{name} runs", run)
    left = os.listdir(env["AETHER_DIR"])
    ok(left == [], f"{name} leaves no plane", left)


def main():
    planes = tempfile.mkdtemp(prefix="aether-docs.", dir="/dev/shm")
    work = Path(tempfile.mkdtemp(prefix="aether-docs."))
    env = dict(os.environ, AETHER_DIR=planes)
    try:
        for page in sorted((ROOT / "docs").glob("*.md")):
            blocks = re.findall("^```c\n(.*?)^```$", page.read_text(),
                                re.M | re.S)
            for number, text in enumerate(blocks, 1):
                example(f"{page.name}, example {number}", text, work, env)
    finally:
        shutil.rmtree(planes, ignore_errors=True)
        shutil.rmtree(work, ignore_errors=True)
    print(f"1..{done}")
    return 1 if failed else 0


raise SystemExit(main())
