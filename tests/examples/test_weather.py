#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A user's own layout, examples/layout/weather.capnp, goes through the same
generator and build: a library of its own, a plane of that layout, a region that
is used, constants in other languages. The usual build is not touched by it."""
import os
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from common import ROOT, end, left, ok, places, run  # noqa: E402

OWN = f"{os.environ.get('O') or 'build'}/weather"


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
    made = run("sh", "-e", "-c", build + " OPT=-O0", cwd=ROOT, env=env,
               timeout=None)
    ok(made.returncode == 0, "builds with LAYOUTS, O and GEN",
       made.stdout + made.stderr)
    ok(stamps() == before and before, "the usual build is as it was")
    ran = run("sh", "-e", "-c", others[0], cwd=ROOT, env=env)
    ok(ran.returncode == 0 and ran.stdout == (
        "layout weather: region stations of 4096 bytes, measured 1 times\n"
        "Zugspitze: -4.5 C, 704.25 hPa\n"), "a plane of it, and a region used",
       ran)
    ok(left(env) == [], "nothing is left")


def languages():
    code = ("import sys; sys.dont_write_bytecode = True\n"
            "sys.path.insert(0, sys.argv[1])\n"
            "from aether_layout import Weather as w\n"
            "print(hex(w.OFFSET_STATIONS), w.IDX_FORECAST, "
            "w.PAIR_FORECAST_BUFFERS, hex(w.PAIR_FORECAST_OFFSET_C), "
            "w.GUARD_STATIONS_WRITERS)")
    ran = run(sys.executable, "-c", code, ROOT / OWN / "gen/python")
    ok(ran.stdout == "0x2000 9 3 0xc000 2\n", "Python knows it", ran)
    for path, name in (("rust/layout.rs", "pub mod weather {"),
                       ("go/system/layout.go", "WeatherOffsetStations "),
                       ("js/layout.mjs", "export const WEATHER "),
                       ("nasm/layout.inc", "AETHER_WEATHER_OFFSET_STATIONS ")):
        file = ROOT / OWN / "gen" / path
        ok(file.exists() and name in file.read_text(), f"so does {path}")


with places() as (full, _):
    plain = {name: x for name, x in full.items()
             if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "O", "GEN")}
    program(plain)
    languages()
sys.exit(end())
