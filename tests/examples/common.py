# SPDX-License-Identifier: Apache-2.0
"""What the tests of examples and pages share: TAP, a directory of planes and
one of files that are gone afterwards, a compiler that forgives nothing."""
import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / (os.environ.get("O") or "build")
LIMIT = 240     # seconds; README's chaos alone takes 40
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include",
         f"-I{ROOT}/build/gen"]
done = failed = 0


def ok(good, name, more=""):
    global done, failed
    done += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {done} - {name}", flush=True)
    if not good:
        print("\n".join("# " + line for line in str(more).splitlines()[-40:]))


def end():
    """The plan; the status to exit with."""
    print(f"1..{done}")
    return 1 if failed or not done else 0


def run(*command, **more):
    more.setdefault("timeout", LIMIT)
    return subprocess.run(command, capture_output=True, text=True, **more)


@contextlib.contextmanager
def places():
    """The environment with a directory of planes, and a directory to work in."""
    planes = tempfile.mkdtemp(prefix="aether-examples.", dir="/dev/shm")
    work = Path(tempfile.mkdtemp(prefix="aether-examples."))
    try:
        yield dict(os.environ, AETHER_DIR=planes), work
    finally:
        shutil.rmtree(planes, ignore_errors=True)
        shutil.rmtree(work, ignore_errors=True)


def left(env):
    """The planes that are there."""
    return os.listdir(env["AETHER_DIR"])


def compiled(name, text, work, *more):
    """The program made of a C text, or None: that is a failure, and said."""
    source, program = work / "example.c", work / "example"
    source.write_text(text)
    made = run("gcc", *FLAGS, source, BUILD / "libaether.a", "-lpthread", "-o",
               program, *more)
    ok(made.returncode == 0, f"{name} compiles", made.stderr)
    return None if made.returncode else program
