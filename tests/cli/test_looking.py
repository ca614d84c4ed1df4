#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The verbs that look at planes: ls, map, who, layout; at good planes, at
damaged ones, at files that are none, and at planes made to do harm."""
import os
import random
import re
import signal
import struct
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (HEADER, Member, aether, bad, good, good_json,  # noqa: E402
                  must, objects, patch, plane_file, same, until)


# ---- planes that are none

def damage(name):
    good("create", name, "--strides", "256")


def test_damaged_planes():
    cases = {
        "magic": (0, b"X" * 8, "AETHER_EPLANE"),
        "format": (8, struct.pack("<I", 99), "AETHER_EFORMAT"),
        "endian": (12, bytes([1, 2, 3, 4]), None),
        "hash": (16, b"\1" * 8, "AETHER_ELAYOUT"),
        "size": (24, struct.pack("<Q", 1 << 50), None),
        "stride": (32, struct.pack("<Q", 3), None),
        "strides": (40, struct.pack("<I", 0xFFFFFFFF), None),
        "slots": (44, struct.pack("<I", 1000), None),
        "places": (48, struct.pack("<I", 3), None),
        "registers": (52, struct.pack("<I", 0), None),
        "tables": (64, struct.pack("<Q", 1 << 60), None),
        "data": (96, struct.pack("<Q", 4095), None)}
    for name, (offset, data, code) in cases.items():
        damage(name)
        patch(name, HEADER + offset, data)
        for verb in ("map", "who", "layout"):
            result = aether(verb, name, "--json")
            same(result.status, 1, f"{verb} {name}")
            found = objects(result)[0]
            must(found["code"] == (code or found["code"]), name, found)
            must(len(found["message"]) > 20, "says what differs", found)
    listed = {p["name"]: p for p in good_json("ls")["planes"]}
    same(set(listed), set(cases), "ls shows them all")
    for name in cases:
        same(set(listed[name]), {"name", "code", "message"}, name)
        must(name in good("ls").out, "ls in text lacks", name)
        good("destroy", name)


def test_files_that_are_no_planes():
    damage("short")
    os.truncate(plane_file("short"), 100000)
    damage("long")
    with open(plane_file("long"), "ab") as file:
        file.write(b"x")
    plane_file("empty").write_bytes(b"")
    plane_file("text").write_bytes(b"hello, world\n" * 1000)
    plane_file("folder").mkdir()
    os.mkfifo(plane_file("fifo"))
    plane_file("link").symlink_to("/etc/passwd")
    wanted = {"short": "AETHER_ETRUNC", "long": "AETHER_ETRUNC",
              "empty": None, "text": "AETHER_EPLANE", "folder": None,
              "fifo": None, "link": None}
    for name, code in wanted.items():
        found = objects(aether("map", name, "--json"))[0]
        same(found["ok"], False, name)
        must(found["code"] == (code or found["code"]), name, found)
    good("create", "fine", "--strides", "64")
    listed = {p["name"]: p for p in good_json("ls")["planes"]}
    must("code" not in listed["fine"], "a good plane among bad ones")
    for name in ("short", "long", "empty", "text"):
        must("code" in listed[name], name, listed[name])
        good("destroy", name)


def test_hostile_planes():
    """Whatever stands in a plane: an answer, no crash (aether() checks)."""
    chance = random.Random(4711)
    good("create", "p", "--strides", "256", "--participants", "8")
    clean = plane_file("p").read_bytes()
    regions = good_json("layout", "p")["regions"]
    spots = [r for r in regions if r["kind"] in ("header", "table")]
    for _ in range(25):
        plane_file("p").write_bytes(clean)
        for spot in spots if chance.random() < 0.5 else spots[1:]:
            for _ in range(chance.choice([0, 1, 20])):
                at = spot["offset"] + 8 * chance.randrange(spot["size"] // 8)
                patch("p", at, chance.randbytes(8))
        for words in (["ls"], ["map", "p"], ["who", "p"], ["layout", "p"]):
            plain = aether(*words)
            must(plain.status in (0, 1), words, plain)
            must(not re.search(r"[^\n -~]", plain.out + plain.err),
                 "prints what a terminal would act on", words)
            objects(aether(*words, "--json"))


# ---- looking

def lease_offset(name, index):
    table = [r for r in good_json("layout", name)["regions"]
             if r["name"] == "leases"][0]
    return table["offset"] + 128 * index


def put_word(name, index, state, seat=0, stamp=1, generation=5, suspect=0):
    word = state | seat << 3 | stamp << 9 | generation << 23 | suspect << 63
    patch(name, lease_offset(name, index), struct.pack("<Q", word))


def put_readers(name, index, even, odd, generation=5):
    """Each half: a bit per slot, and the low bits of the generation."""
    patch(name, lease_offset(name, index) + 64,
          struct.pack("<QQ", even | generation << 32, odd | generation << 32))


def test_map_of_an_empty_plane():
    good("create", "p", "--strides", "130")
    found = good_json("map", "p", keys=["strides", "counts"])
    same([s["index"] for s in found["strides"]], list(range(130)), "indexes")
    for stride in found["strides"]:
        same((stride["state"], stride["owner"]), ("dormant", None), "free")
        must(isinstance(stride["generation"], int), "generation")
    same(found["counts"]["dormant"], 130, "counts")
    lines = good("map", "p").out.splitlines()
    same([line.split() for line in lines[:3]],
         [["0", "." * 64], ["64", "." * 64], ["128", ".."]], "the picture")
    must("dormant 130" in lines[4], "the legend", lines)


def test_map_of_all_states():
    good("create", "p", "--strides", "256")
    put_word("p", 0, 1, seat=3)
    put_word("p", 1, 2, seat=4, generation=7)
    put_word("p", 2, 3)
    put_readers("p", 2, 0b101, 0b10)
    put_word("p", 3, 1, seat=2)
    put_word("p", 4, 4, seat=1, stamp=0)
    put_word("p", 5, 1, seat=6, suspect=1)
    put_word("p", 6, 2, seat=7, suspect=1)
    put_word("p", 7, 6, seat=8)
    put_word("p", 8, 7)
    put_word("p", 9, 5)
    strides = good_json("map", "p")["strides"]
    same([s["state"] for s in strides[:11]],
         ["busy", "routed", "shared", "busy", "cont", "suspect", "suspect",
          "ending", "corrupt", "corrupt", "dormant"], "states")
    same([s["owner"] for s in strides[:11]],
         [3, 4, None, 2, None, 6, 7, 8, None, None, None], "owners")
    same(strides[1]["generation"], 7, "generation")
    same(strides[2]["readers"], [0, 3, 4], "readers")
    same(strides[4]["head"], 3, "the head of a run")
    same({frozenset(s) - {"readers", "head"} for s in strides},
         {frozenset(("index", "segment", "state", "owner", "generation"))},
         "keys")
    counts = good_json("map", "p")["counts"]
    same(counts, {"busy": 2, "routed": 1, "shared": 1, "cont": 1,
                  "suspect": 2, "ending": 1, "kept": 0, "corrupt": 2,
                  "dormant": 246, "unseen": 0},
         "counts")
    same(good("map", "p").out.split()[1][:11], "#>=#-!!~??.", "the picture")


def test_what_a_pair_keeps():
    """A kept run names pair and buffer where others name an owner."""
    good("create", "p", "--layout", "inos")
    same(good_json("who", "p")["pairs"],
         [{"name": "bird", "strides": []}, {"name": "matrix", "strides": []}],
         "nothing yet")
    put_word("p", 0, 7, seat=1, stamp=1)
    put_word("p", 1, 4, seat=1, stamp=0)
    put_word("p", 2, 7, seat=0, stamp=0)
    put_word("p", 3, 7, seat=2, stamp=0)
    put_word("p", 4, 7, seat=0, stamp=2)
    found = good_json("map", "p")
    same([s["state"] for s in found["strides"][:6]],
         ["kept", "cont", "kept", "corrupt", "corrupt", "dormant"], "states")
    same([(s["owner"], s.get("pair"), s.get("buffer"))
          for s in found["strides"][:3]],
         [(None, "matrix", 1), (None, None, None), (None, "bird", 0)],
         "whose they are")
    same(found["counts"]["kept"], 2, "counts")
    same(good("map", "p").out.split()[1][:6], "+-+??.", "the picture")
    same(good_json("who", "p")["pairs"],
         [{"name": "bird", "strides": [2]},
          {"name": "matrix", "strides": [0, 1]}], "who")
    text = good("who", "p").out.splitlines()
    same(text[1:], ["strides kept by pair bird: 1", "strides kept by pair matrix: 2"],
         "in words")
    same(good("who", "p", "--pid").out, "", "--pid")
    same(good_json("reap", "p")["freed"], 0, "a reap leaves them")
    same(good_json("map", "p")["counts"]["kept"], 2, "as they are")


WHO_KEYS = {"slot", "name", "role", "level", "pid", "alive", "strides",
            "arriving", "reading", "heir", "quota", "counts"}


def test_who():
    good("create", "p", "--strides", "256")
    same(good_json("who", "p", keys=["participants"])["participants"], [],
         "nobody")
    with Member("p", "worker", "appliance") as worker, \
            Member("p", "source", "ingress", 3, "worker") as source:
        found = {p["name"]: p for p in good_json("who", "p")["participants"]}
        same(set(found), {"worker", "source"}, "names")
        must(all(WHO_KEYS <= set(p) for p in found.values()), "keys", found)
        same((found["source"]["role"], found["source"]["level"],
              found["source"]["pid"], found["source"]["alive"]),
             ("ingress", 2, source.pid, True), "the source")
        same((len(found["source"]["strides"]), found["worker"]["strides"],
              len(found["worker"]["arriving"])), (2, [], 1), "strides")
        same(found["source"]["counts"]["reserved"], 3, "counters")
        held = {s["index"]: s for s in good_json("map", "p")["strides"]
                if s["state"] == "busy"}
        same(sorted(held), found["source"]["strides"], "map and who agree")
        same({s["owner"] for s in held.values()}, {found["source"]["slot"]},
             "owner")
        same(good("who", "p", "--pid", "--role", "appliance").out,
             f"{worker.pid}\n", "--pid")
        same(good("who", "p", "--pid", "--role", "egress").out, "", "none")
        same([p["alive"] for p in good_json("ls")["planes"]], [2], "ls")
        text = good("who", "p").out.splitlines()
        must(len(text) == 3 and "worker" in text[1] + text[2], "text", text)
        slot = found["source"]["slot"]
        put_word("p", 200, 1, seat=slot, stamp=12345)
        now = {p["slot"]: p for p in good_json("who", "p")["participants"]}
        same(now[slot]["strides"], found["source"]["strides"],
             "what an earlier tenant of the slot left is not credited")
        tool.stop(worker.pid)   # or it reaps at once
        source.kill()
        same([p["alive"] for p in good_json("ls")["planes"]], [1], "ls")
        one = good_json("who", "p", "--role", "ingress")["participants"]
        same([p["alive"] for p in one], [False], "a killed one")
        same(good("who", "p", "--pid").out, f"{worker.pid}\n",
             "PIDs of the dead may be reused")
        must(re.search(r" dead .* source$", good("who", "p").out, re.M),
             "in words")
        os.kill(worker.pid, signal.SIGCONT)
        until(lambda: not good_json("who", "p", "--role", "ingress")
              ["participants"], "a dead one is reaped soon")
    bad(2, "AETHER_EUSAGE", "who", "p", "--role", "boss", says="orchestrator")


def test_hostile_participant_name():
    good("create", "p", "--strides", "256")
    table = [r for r in good_json("layout", "p")["regions"]
             if r["name"] == "participants"][0]
    with Member("p", "victim"):
        slot = good_json("who", "p")["participants"][0]["slot"]
        patch("p", table["offset"] + 256 * slot + 32, b"\x1b]0;\xff" * 8)
        result = good("who", "p")
        must("\x1b" not in result.out, "an escape sequence", result.out)
        same(len(good_json("who", "p")["participants"]), 1, "JSON")


# ---- layout

def check_cover(found):
    pieces = sorted((p["offset"], p["size"])
                    for p in found["regions"] + found["gaps"])
    at = 0
    for offset, size in pieces:
        same(offset, at, "every byte is in one region or gap")
        must(size > 0, "an empty piece")
        at += size
    same(at, found["plane_size"], "the end")


def test_layout():
    keys = "layout hash regions epochs gaps".split()
    by_default = good_json("layout", keys=keys)
    same(good_json("layout", "--layout", "lean"), by_default, "default")
    made = good_json("create", "p", "--strides", "1024")
    good("create", "light")
    of_plane = good_json("layout", "p", keys=keys)
    same(good_json("layout", "light"), by_default, "what create would make")
    for found in (by_default, of_plane):
        check_cover(found)
        must(re.fullmatch("0x[0-9A-F]{16}", found["hash"]), found["hash"])
    same(of_plane["plane_size"], made["plane_size"], "size")
    places = {r["name"]: r for r in of_plane["regions"]}
    same([(places[n]["offset"], places[n]["size"]) for n in
          ("atomicFlags", "atomicFlagsHigh", "planeHeader")],
         [(0, 0x80), (0x1A40, 0x380), (HEADER, 0x240)], "the first 8 KiB")
    same(places["dataPlane"]["size"], made["data_size"], "data")
    with open(plane_file("p"), "rb") as file:
        file.seek(HEADER + 16)
        same(int(of_plane["hash"], 16), struct.unpack("<Q", file.read(8))[0],
             "hash in the plane")
    text = good("layout", "p").out
    must(all(name in text for name in places), "text lacks a region", text)
    bad(2, "AETHER_EUSAGE", "layout", "--layout", "x", says="lean")
    bad(2, "AETHER_EUSAGE", "layout", "p", "--layout", "lean")


TESTS = [value for name, value in list(globals().items())
         if name.startswith("test_")]
if __name__ == "__main__":
    sys.exit(tool.run(TESTS))
