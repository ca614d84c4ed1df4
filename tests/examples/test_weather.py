#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A user's own layout, examples/layout/weather.capnp, goes through the same
generator and build: a library of its own, a plane of that layout, a region that
is used, constants in other languages. The usual build is not touched by it."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = os.environ.get("O") or "build"
OWN = f"{BUILD}/weather"
done = failed = 0


def ok(good, name, more=""):
    global done, failed
    done += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {done} - {name}", flush=True)
    if not good:
        print("\n".join("# " + line for line in str(more).splitlines()[-30:]))


def commands():
    """The commands of docs/schema.md, with this build's directory."""
    text = (ROOT / "docs/schema.md").read_text()
    part = text.split("### A layout of your own")[1].split("\n### ")[0]
    return ["\n".join(re.findall("^    (.*)$", x, re.M)).replace(
        "build/weather", OWN) for x in re.findall("(?:^    .*\n)+", part, re.M)]


def stamps():
    return {path: path.stat().st_mtime_ns for path in
            (ROOT / "build/gen").rglob("*") if path.is_file()}


def program(env):
    """What the page says, as it stands: build, then run."""
    build, *others = commands()
    before = stamps()
    made = subprocess.run(["sh", "-e", "-c", build + " OPT=-O0"], cwd=ROOT,
                          env=env, capture_output=True, text=True)
    ok(made.returncode == 0, "builds with LAYOUTS, O and GEN",
       made.stdout + made.stderr)
    ok(stamps() == before and before, "the usual build is as it was")
    run = subprocess.run(["sh", "-e", "-c", others[0]], cwd=ROOT, env=env,
                         capture_output=True, text=True, timeout=60)
    ok(run.returncode == 0 and run.stdout == (
        "layout weather: region stations of 4096 bytes, measured 1 times\n"
        "Zugspitze: -4.5 C, 704.25 hPa\n"), "a plane of it, and a region used",
       run)
    ok(os.listdir(env["AETHER_DIR"]) == [], "nothing is left")


def languages():
    code = ("import sys; sys.dont_write_bytecode = True\n"
            "sys.path.insert(0, sys.argv[1])\n"
            "from aether_layout import Weather as w\n"
            "print(hex(w.OFFSET_STATIONS), w.IDX_FORECAST, "
            "w.PAIR_FORECAST_BUFFERS, hex(w.PAIR_FORECAST_OFFSET_C), "
            "w.GUARD_STATIONS_WRITERS)")
    run = subprocess.run([sys.executable, "-c", code, ROOT / OWN / "gen/python"],
                         capture_output=True, text=True)
    ok(run.stdout == "0x2000 9 3 0xc000 2\n", "Python knows it", run)
    for path, name in (("rust/layout.rs", "pub mod weather {"),
                       ("go/system/layout.go", "WeatherOffsetStations "),
                       ("js/layout.mjs", "export const WEATHER "),
                       ("nasm/layout.inc", "AETHER_WEATHER_OFFSET_STATIONS ")):
        file = ROOT / OWN / "gen" / path
        ok(file.exists() and name in file.read_text(), f"so does {path}")


def main():
    planes = tempfile.mkdtemp(prefix="aether-weather.", dir="/dev/shm")
    env = {name: x for name, x in os.environ.items()
           if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "O", "GEN")}
    env["AETHER_DIR"] = planes
    try:
        program(env)
        languages()
    finally:
        shutil.rmtree(planes, ignore_errors=True)
    print(f"1..{done}")
    return 1 if failed else 0


raise SystemExit(main())
