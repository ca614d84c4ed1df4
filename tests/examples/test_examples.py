#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples do what they say, and README's commands run as they stand."""
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / (os.environ.get("O") or "build")
LIMIT = 240     # seconds; README's chaos alone takes 40
done = 0
failed = 0


def ok(good, name, more=""):
    global done, failed
    done += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {done} - {name}", flush=True)
    if not good:
        print("\n".join("# " + line for line in str(more).splitlines()))


def hello(env):
    run = subprocess.run([BUILD / "examples" / "01_hello"], env=env, timeout=LIMIT,
                         capture_output=True, text=True)
    ok(run.stdout == "hello from the same memory\n" and not run.returncode,
       "01_hello", run)


def two_processes(env, planes):
    receiver = subprocess.Popen([BUILD / "examples" / "02_receive"], env=env,
                                stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    sender = None
    while time.monotonic() < until:
        sender = subprocess.run([BUILD / "examples" / "03_send"], env=env,
                                timeout=LIMIT, capture_output=True, text=True)
        if not sender.returncode:
            break
        time.sleep(0.05)
    said = receiver.communicate(timeout=LIMIT)[0]
    ok(not sender.returncode and not receiver.returncode and
       said == "1000 strides; the last says: number 1000\n",
       "02_receive and 03_send", f"{sender} {said}")
    ok(os.listdir(planes) == [], "nothing is left", os.listdir(planes))


def burn(env, work):
    """The shared object that the build made, and one made as its page says."""
    data = os.urandom(1000003)
    (work / "IN").write_bytes(data)
    subprocess.run(["cc", "-shared", "-fPIC", "-Iinclude", "-Ibuild/gen",
                    "examples/burn_flip.c", "-o", work / "flip.so"], cwd=ROOT,
                   check=True)
    for path in (BUILD / "examples" / "burn_flip.so", work / "flip.so"):
        for raw in ([], ["--raw"]):
            run = subprocess.run(
                [BUILD / "aether", "run", "--burn", f"{path}:5a", "--verify",
                 *raw, "IN", "OUT"], cwd=work, env=env, timeout=LIMIT,
                capture_output=True, text=True)
            out = (work / "OUT").read_bytes() if not run.returncode else b""
            ok(out == bytes(b ^ 0x5A for b in data) and "verified" in run.stdout,
               f"burn_flip.so {raw}", run)
    run = subprocess.run([BUILD / "aether", "run", "--burn", "./flip.so:1ff",
                          "IN", "OUT"], cwd=work, env=env, timeout=LIMIT,
                         capture_output=True, text=True)
    ok(run.returncode == 1 and 'MASK is "1ff"' in run.stderr, "a wrong mask",
       run)
    (work / "OUT").unlink()


def readme(env, work):
    text = (ROOT / "README.md").read_text()
    part = text.split("## On the command line")[1].split("\n## ")[0]
    lines = re.findall(r"^    (.*)$", part, re.M)
    (work / "IN").write_bytes(os.urandom(1000003))
    env = dict(env, PATH=f"{BUILD}:{env['PATH']}")
    run = subprocess.run(["sh", "-e", "-c", "\n".join(lines)], cwd=work,
                         env=env, timeout=LIMIT, capture_output=True, text=True)
    ok(len(lines) > 5 and not run.returncode, "README's commands run", run)
    out = (work / "OUT").read_bytes() if (work / "OUT").exists() else b""
    want = bytes(b ^ 0x5A for b in (work / "IN").read_bytes())
    ok(out == want, "and their output is right")


def main():
    planes = tempfile.mkdtemp(prefix="aether-examples.", dir="/dev/shm")
    work = Path(tempfile.mkdtemp(prefix="aether-examples."))
    env = dict(os.environ, AETHER_DIR=planes)
    try:
        hello(env)
        two_processes(env, planes)
        burn(env, work)
        readme(env, work)
    finally:
        shutil.rmtree(planes, ignore_errors=True)
        shutil.rmtree(work, ignore_errors=True)
    print(f"1..{done}")
    return 1 if failed else 0


raise SystemExit(main())
