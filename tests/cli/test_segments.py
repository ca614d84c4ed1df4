#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Segments on the command line: create, what ls, layout and map say of them,
what a second user sees, and that a flow runs on a divided plane."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (Skip, aether, bad, good, good_json, must,  # noqa: E402
                  objects, same, until)

from watched import Run  # noqa: E402

NOBODY = 65534
SMALL = ("--strides", 200, "--stride", "8K", "--participants", 4)


def files(part=""):
    return sorted(p.name for p in tool.planes.iterdir() if part in p.name)


def test_create():
    made = good_json("create", "p", "--segments", 4, *SMALL)
    same((made["segments"], made["segment_strides"]), (4, 64), "segments")
    same(len(files()), 9, "files")
    must(all(p.stat().st_mode & 0o777 == 0o600 for p in tool.planes.iterdir()),
         "modes")
    good("destroy", "p")
    same(files(), [], "files")
    text = good("create", "p", "--segments", 4, *SMALL).out
    must("in 4 segments of 64" in text, text)
    undivided = good_json("create", "q", "--strides", 64)
    same((undivided["segments"], undivided["segment_strides"]), (0, 64),
         "undivided")
    bad(1, "AETHER_EGEOMETRY", "create", "r", "--segments", 8, "--strides",
        200, says="200 strides in segments of a multiple of 32 are 7 "
        "segments of 32, and not 8")
    bad(2, "AETHER_EUSAGE", "create", "r", "--segments", 65, says="1 to 64")
    bad(2, "AETHER_EUSAGE", "create", "r", "--segments", 0, says="1 to 64")
    inos = good_json("create", "i", "--layout", "inos", "--segments", 4)
    must(inos["plane_size"] <= 32 << 20, "a tier of inos is the whole plane",
         inos)


def test_modes():
    """All files have the mode and the group that the plane was created with."""
    good("create", "p", "--segments", 2, "--mode", 640, *SMALL)
    same({p.stat().st_mode & 0o777 for p in tool.planes.iterdir()}, {0o640},
         "modes")


def test_looking():
    good("create", "p", "--segments", 4, *SMALL)
    row = good_json("ls")["planes"][0]
    same((row["segments"], row["rights"]), (4, ["write"] * 4), "ls")
    same((row["free"], row["unseen"]), (200, 0), "ls")
    must(good("ls").out.splitlines()[1].endswith(" 200  wwww"), "the letters")
    found = good_json("layout", "p")
    same([(s["segment"], s["right"], s["first"], s["strides"])
          for s in found["segments"]],
         [(0, "write", 0, 64), (1, "write", 64, 64), (2, "write", 128, 64),
          (3, "write", 192, 8)], "layout")
    same(files(f".p@{found['id']}."), files(".p@"), "the ID in the names")
    ends = [s["data_offset"] + s["data_size"] for s in found["segments"]]
    same(ends[:-1], [s["data_offset"] for s in found["segments"]][1:], "data")
    same(ends[-1], found["plane_size"], "the end")
    must(f"aether..p@{found['id']}.leases.N" in good("layout", "p").out,
         "the text names the files")
    strides = good_json("map", "p")["strides"]
    same([s["segment"] for s in strides], [i // 64 for i in range(200)], "map")
    same([line.split()[0] for line in good("map", "p").out.splitlines()[:4]],
         ["0", "64", "128", "192"], "a segment begins a line")
    good("create", "u", "--strides", 64)
    same(good_json("layout", "u")["segments"], [], "undivided")
    same({s["segment"] for s in good_json("map", "u")["strides"]}, {0}, "map")


def test_signs_are_explained():
    """Each sign of map and each letter of ls has its row in docs/cli.md."""
    good("create", "p", *SMALL)
    text = (tool.ROOT / "docs" / "cli.md").read_text()
    legend = good("map", "p").out.splitlines()[-1].split("   ")
    same(len(legend), 10, "signs")
    for sign, state, _ in (part.split() for part in legend):
        must(f"| `{sign}` | `{state}` |" in text, "docs/cli.md lacks", sign)
    for letter, right in zip("wro-", ("write", "read", "route", "none")):
        must(f"| `{letter}` | `{right}` |" in text, "it lacks", letter)


def test_a_second_user():
    if os.geteuid() != 0:
        raise Skip("needs root to become nobody")
    good("create", "p", "--segments", 4, "--mode", 666, *SMALL)
    tool.planes.chmod(0o755)

    def mode(part, number):
        for name in files(part):
            (tool.planes / name).chmod(number)

    mode("data.1", 0o644)
    mode("data.2", 0o600)
    mode("leases.3", 0o600)
    other = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    row = good_json("ls", **other)["planes"][0]
    same(row["rights"], ["write", "read", "route", "none"], "ls")
    same((row["free"], row["unseen"]), (192, 8), "free of those seen")
    must(good("ls", **other).out.splitlines()[1].endswith(" 192+?  wro-"),
         "letters")
    same([s["right"] for s in good_json("layout", "p", **other)["segments"]],
         ["write", "read", "route", "none"], "layout")
    found = good_json("map", "p", **other)
    same([s["state"] for s in found["strides"]],
         ["dormant"] * 192 + ["unseen"] * 8, "map")
    same((found["counts"]["unseen"], found["counts"]["dormant"]), (8, 192),
         "counts")
    text = good("map", "p", **other).out
    must(". dormant 192+?   # busy 0+?" in text and "x unseen 8\n" in text,
         "the legend", text)
    with tool.Member("p", "one", reserve=3):
        who = good_json("who", "p", **other)
        same((who["unseen"], len(who["participants"][0]["strides"])), (8, 3),
             "who")
        row = good("who", "p", **other).out.splitlines()[1].split()
        same(row[5:8], ["3+?", "0+?", "0+?"], "of those seen")
    same(good_json("who", "p")["unseen"], 0, "who sees all")
    good("who", "p", **other)
    good("reap", "p", **other)
    mode("leases", 0o600)
    row = good_json("ls", **other)["planes"][0]
    same((row["free"], row["unseen"]), (None, 200), "none is seen")
    must(good("ls", **other).out.splitlines()[1].endswith(" ?  ----"),
         "no number that is none")
    counts = good_json("map", "p", **other)["counts"]
    same((counts.pop("unseen"), set(counts.values())), (200, {None}), "map")
    must(". dormant ?   # busy ?" in good("map", "p", **other).out, "legend")
    same(good_json("who", "p", **other)["unseen"], 200, "who")
    mode("leases", 0o666)
    mode("aether.p", 0o644)
    same(good_json("ls", **other)["planes"][0]["rights"], ["none"] * 4,
         "who may not write control takes no part")
    bad(1, "AETHER_EACCES", "reap", "p", **other)


def test_reaping_what_is_not_seen():
    """Somebody dies; who sees a part of what it may have had says so."""
    if os.geteuid() != 0:
        raise Skip("needs root to become nobody")
    good("create", "p", "--segments", 4, "--mode", 666, *SMALL)
    tool.planes.chmod(0o755)
    for name in files("leases.3"):
        (tool.planes / name).chmod(0o600)
    other = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    with tool.Member("p", "one", reserve=3) as one:
        one.kill()
    result = aether("reap", "p", "--json", **other)
    same(result.status, 3, result.err)
    found = objects(result)[0]
    same((found["ok"], found["unseen"], found["dead"]), (False, 1, 0), "reap")
    must("segments that you may not see" in result.err, result.err)
    doctor = objects(aether("doctor", "p", "--json", **other))[0]
    part = doctor["unseen"]
    must(part > 0, str(doctor))
    dead = [f for f in doctor["findings"] if f["what"] == "seatDead"]
    same([f["repairable"] for f in dead], [False], "others must settle it")
    must(f"{part} strides are of segments that you may not see" in
         aether("doctor", "p", **other).out, str(doctor))
    doctor = objects(aether("doctor", "p", "--json"))[0]
    same(doctor["unseen"], 0, "who sees all")
    same([f["repairable"] for f in doctor["findings"]
          if f["what"] == "seatDead"], [True], "who sees all can")
    found = good_json("reap", "p")
    same((found["unseen"], found["dead"]), (0, 1), "who sees all")


def test_damaged():
    good("create", "p", "--segments", 2, *SMALL)
    (tool.planes / files("data.1")[0]).unlink()
    row = good_json("ls")["planes"][0]
    same(row["code"], "AETHER_ECORRUPT", "a file is missing")
    must("data of segment 1" in row["message"], row)
    bad(1, "AETHER_ECORRUPT", "map", "p", says="data of segment 1")
    good("destroy", "p")
    same(files(), [], "destroyed")


def test_a_flow():
    good("create", "p", "--segments", 4, "--strides", 128, "--stride", "64K",
         "--participants", 8)
    with tempfile.TemporaryDirectory() as work:
        source, out = Path(work) / "in", Path(work) / "out"
        source.write_bytes(os.urandom(3_000_001))
        good("run", "--plane", "p", "--burn", "xor:A5", "--verify", source,
             out)
        same(len(out.read_bytes()), 3_000_001, "length")
    same(good_json("map", "p")["counts"]["dormant"], 128, "all are free")


def mapped(pid):
    """Bytes of the plane's files that a process may read."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    spans = [line.split()[0].split("-") for line in lines
             if f"{tool.planes}/" in line and line.split()[1][0] == "r"]
    return sum(int(to, 16) - int(start, 16) for start, to in spans)


def test_an_orchestrator_has_no_data():
    """On a plane divided or not; the stream goes through it all the same."""
    data = os.urandom(3_000_001)
    for segments in ((), ("--segments", 4)):
        good("create", "p", *segments, "--strides", 128, "--stride", "64K",
             "--participants", 8)
        run = Run("--plane", "p", "--burn", "xor:FF", "-", "-")
        until(lambda: len(good_json("who", "p")["participants"]) == 4,
              "all have joined")
        have = {p["role"]: mapped(p["pid"]) for p in
                good_json("who", "p")["participants"]}
        must(0 < have.pop("orchestrator") < 128 << 16, "it maps tables", have)
        same([size > 128 << 16 for size in have.values()], [True] * 3, have)
        run.end()
        stages = [subprocess.Popen([tool.BIN, *words],
                                   stdout=subprocess.DEVNULL,
                                   env=tool.environment())
                  for words in (("egress", "p", tool.planes / "out"),
                                ("appliance", "p", "--burn", "xor:FF"))]
        good("ingress", "p", "-", stdin=data)
        same([stage.wait(tool.TIMEOUT) for stage in stages], [0, 0], "stages")
        must((tool.planes / "out").read_bytes() ==
             bytes(b ^ 255 for b in data), "single stages: wrong")
        same(good_json("map", "p")["counts"]["dormant"], 128, "all are free")
        good("destroy", "p")


TESTS = [value for name, value in list(globals().items())
         if name.startswith("test_")]
if __name__ == "__main__":
    sys.exit(tool.run(TESTS))
