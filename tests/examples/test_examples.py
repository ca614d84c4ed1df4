#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples do what they say, and README's commands run as they stand."""
import os
import re
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from common import (BUILD, LIMIT, ROOT, end, left, ok, places,  # noqa: E402
                    run)


def hello(env):
    ran = run(BUILD / "examples" / "01_hello", env=env)
    ok(ran.stdout == "hello from the same memory\n" and not ran.returncode,
       "01_hello", ran)


def two_processes(env):
    receiver = subprocess.Popen([BUILD / "examples" / "02_receive"], env=env,
                                stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    sender = None
    while time.monotonic() < until:
        sender = run(BUILD / "examples" / "03_send", env=env)
        if not sender.returncode:
            break
        time.sleep(0.05)
    said = receiver.communicate(timeout=LIMIT)[0]
    ok(not sender.returncode and not receiver.returncode and
       said == "1000 strides; the last says: number 1000\n",
       "02_receive and 03_send", f"{sender} {said}")
    ok(left(env) == [], "nothing is left", left(env))


def erasure(env):
    ran = run(BUILD / "examples" / "04_erasure", env=env)
    ok(ran.stdout == "source 1\nsource 3\n" and not ran.returncode,
       "04_erasure", ran)


def burn(env, work):
    """The shared object that the build made, and one made as its page says."""
    data = os.urandom(1000003)
    (work / "IN").write_bytes(data)
    subprocess.run(["cc", "-shared", "-fPIC", "-Iinclude", "-Ibuild/gen",
                    "examples/burn_flip.c", "-o", work / "flip.so"], cwd=ROOT,
                   check=True)
    for path in (BUILD / "examples" / "burn_flip.so", work / "flip.so"):
        for raw in ([], ["--raw"]):
            ran = run(BUILD / "aether", "run", "--burn", f"{path}:5a",
                      "--verify", *raw, "IN", "OUT", cwd=work, env=env)
            out = (work / "OUT").read_bytes() if not ran.returncode else b""
            ok(out == bytes(b ^ 0x5A for b in data) and "verified" in ran.stdout,
               f"burn_flip.so {raw}", ran)
    ran = run(BUILD / "aether", "run", "--burn", "./flip.so:1ff", "IN", "OUT",
              cwd=work, env=env)
    ok(ran.returncode == 1 and 'MASK is "1ff"' in ran.stderr, "a wrong mask",
       ran)
    (work / "OUT").unlink()


def readme(env, work):
    text = (ROOT / "README.md").read_text()
    part = text.split("## On the command line")[1].split("\n## ")[0]
    lines = re.findall(r"^    (.*)$", part, re.M)
    (work / "IN").write_bytes(os.urandom(1000003))
    env = dict(env, PATH=f"{BUILD}:{env['PATH']}")
    ran = run("sh", "-e", "-c", "\n".join(lines), cwd=work, env=env)
    ok(len(lines) > 5 and not ran.returncode, "README's commands run", ran)
    out = (work / "OUT").read_bytes() if (work / "OUT").exists() else b""
    want = bytes(b ^ 0x5A for b in (work / "IN").read_bytes())
    ok(out == want, "and their output is right")


with places() as (planes, files):
    hello(planes)
    two_processes(planes)
    erasure(planes)
    burn(planes, files)
    readme(planes, files)
sys.exit(end())
