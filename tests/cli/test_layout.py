#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aether layout --layout inos is the specification's map, written out here once
more from its text: sections 1.2, 2.1, 3.2 and 5 of INOS SAB Layout v2.2. And
planes of that layout from create to destroy."""
import re
import struct
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (HEADER, bad, good, good_json, must,  # noqa: E402
                  plane_file, same)

# 1.2: first and last byte. The Arena has no bytes of its own but those of the
# regions in it. Matrix Buffer B is "to END"; it has the extent of A.
MAP = {
    "atomicFlags": (0x000000, 0x00007F),
    "supervisorAlloc": (0x000080, 0x00012F),
    "registryLock": (0x000130, 0x00013F),
    "moduleRegistry": (0x000140, 0x00193F),
    "bloomFilter": (0x001940, 0x001A3F),
    "supervisorHeaders": (0x002000, 0x002FFF),
    "syscallTable": (0x003000, 0x003FFF),
    "economicsRegion": (0x004000, 0x007FFF),
    "identityRegistry": (0x008000, 0x00BFFF),
    "socialGraph": (0x00C000, 0x00FFFF),
    "patternExchange": (0x010000, 0x01FFFF),
    "jobHistory": (0x020000, 0x03FFFF),
    "coordination": (0x040000, 0x04FFFF),
    "inbox": (0x050000, 0x0CFFFF),
    "outbox": (0x0D0000, 0x14FFFF),
    "diagnostics": (0x150000, 0x150FFF),
    "regionGuardTable": (0x15F000, 0x15FFFF),
    "birdState": (0x160000, 0x160FFF),
    "pingPongControl": (0x161000, 0x16103F),
    "birdBufferA": (0x162000, 0x3C1FFF),
    "birdBufferB": (0x3C2000, 0x621FFF),
    "matrixBufferA": (0x622000, 0xB21FFF),
    "matrixBufferB": (0xB22000, 0x1021FFF),
}
# What this library adds, in gaps of that map.
ADDITIONS = {
    "atomicFlagsHigh": (0x001A40, 0x001DBF),
    "planeHeader": (0x001DC0, 0x001FFF),
    "epochTable": (0x151000, 0x1527FF),
    "pingPongPins": (0x153000, 0x1538FF),
    "supervisorHeadersHigh": (0x154000, 0x155FFF),
}
# 2.1: name, signaler, waiter. Go is the kernel, Rust a module, JS the host.
SIDES = {"Go": "kernel", "Rust": "module", "JS": "host", "Any": "any",
         "All": "all", "Various": "any", "Dynamic": None}
EPOCHS = {
    0: ("IDX_KERNEL_READY", "Go", "JS"),
    1: ("IDX_INBOX_DIRTY", "Go", "Rust"),
    2: ("IDX_OUTBOX_DIRTY", "Rust", "Go"),
    3: ("IDX_PANIC_STATE", "Any", "All"),
    8: ("IDX_ARENA_ALLOCATOR", "Rust", "Go"),
    12: ("IDX_BIRD_EPOCH", "Rust", "JS"),
    13: ("IDX_MATRIX_EPOCH", "Rust", "JS"),
    14: ("IDX_PINGPONG_ACTIVE", "Rust", "JS"),
    15: ("IDX_REGISTRY_EPOCH", "Rust", "Go"),
    20: ("IDX_BIRD_COUNT", "Rust", "JS"),
    31: ("IDX_CONTEXT_ID_HASH", "JS", "All"),
    32: ("IDX_SUPERVISOR_POOL", "Dynamic", "Dynamic"),
}
# 2.1 again, where it names purposes and no names: 4-7, 9-10, 16-19.
PURPOSES = {4: "SENSOR", 5: "ACTOR", 6: "STORAGE", 7: "SYSTEM",
            16: "EVOLUTION", 17: "HEALTH", 18: "LEARNING", 19: "ECONOMY"}
NOT_COUNTERS = {0: "flag", 3: "flag", 8: "gauge", 9: "lock", 10: "lock",
                14: "flag", 20: "gauge", 31: "hash"}
# 3.2: offsets A and B, items, bytes of one.
PAIRS = {"bird": (0x162000, 0x3C2000, 10000, 236),
         "matrix": (0x622000, 0xB22000, 10000, 512)}
# 5: MiB, entities, role.
TIERS = {"light": (32, 5000, "Pulse"), "moderate": (64, 10000, "Gossip"),
         "heavy": (128, 50000, "Full DHT"),
         "dedicated": (256, 100000, "Relay/Seed")}
TABLES = ["participants", "mailboxes", "registers", "leases", "dataPlane"]


def inos():
    return good_json("layout", "--layout", "inos", keys="regions gaps epochs "
                     "pairs guards tiers".split())


def test_regions():
    found = inos()
    regions = {r["name"]: r for r in found["regions"]}
    same(len(regions), len(found["regions"]), "a name is used twice")
    for wanted, addition in ((MAP, False), (ADDITIONS, True)):
        for name, (first, last) in wanted.items():
            region = regions.pop(name)
            same((region["offset"], region["size"]),
                 (first, last - first + 1), name)
            same(region["addition"], addition, f"{name}: an addition?")
    same(sorted(regions), sorted(TABLES), "and no others but the tables")
    must(all(r["offset"] > 0x1021FFF for r in regions.values()),
         "a table within the map", regions)


def test_every_byte_once():
    found, at = inos(), 0
    for piece in sorted(found["regions"] + found["gaps"],
                        key=lambda x: x["offset"]):
        same(piece["offset"], at, "every byte is in one region or gap")
        must(piece["size"] > 0, "an empty piece", piece)
        at += piece["size"]
    same(at, found["plane_size"], "up to the end")
    same(at, 32 << 20, "which is 32 MiB")


def test_epochs():
    """The flags of 128 bytes hold 32 words: no other may lie on what follows
    them, and what is no counter must be told from those that are."""
    epochs = {e["index"]: e for e in inos()["epochs"]}
    for index, (name, signaler, waiter) in EPOCHS.items():
        epoch = epochs[index]
        same(epoch["name"], name, f"epoch {index}")
        if SIDES[signaler]:
            same((epoch["signaler"], epoch["waiter"]),
                 (SIDES[signaler], SIDES[waiter]), name)
    for index, purpose in PURPOSES.items():
        same(epochs[index]["name"], f"IDX_{purpose}_EPOCH", index)
    must("OUTBOX" in epochs[9]["name"] and "INBOX" in epochs[10]["name"],
         "9 and 10 are the locks", epochs[9], epochs[10])
    same(sorted(epochs), sorted({*EPOCHS, *PURPOSES, 9, 10}), "and no others")
    for index, epoch in epochs.items():
        same(epoch["kind"], NOT_COUNTERS.get(index, "counter"), epoch)
        same(epoch["count"], 96 if index == 32 else 1, epoch)
        same(epoch["offset"], 4 * index if index < 32 else
             0x1A40 + 4 * (index - 32), epoch)
        last = epoch["offset"] + 4 * epoch["count"] - 1
        must(last <= 0x7F or 0x1A40 <= epoch["offset"] and last <= 0x1DBF,
             "lies on what is no epoch", epoch)


def test_pairs():
    pairs = {p["name"]: p for p in inos()["pairs"]}
    same(list(pairs), list(PAIRS), "pairs, in the order of their control")
    for name, (a, b, items, item_size) in PAIRS.items():
        pair = pairs[name]
        same((pair["buffers"], pair["items"], pair["item_size"]),
             ([a, b], items, item_size), name)
        must(items * item_size <= pair["size"] == b - a, "they fit", pair)
    same([p["epoch"] for p in pairs.values()], [12, 13], "signalled")
    same([p["mirror"] for p in pairs.values()], [14, 0],
         "index 14 is one word, so it shows one pair")


def test_guards():
    """Single writer or not, and by whom, for each region that is shared."""
    found = inos()
    guards = {g["region"]: g for g in found["guards"]}
    names = {r["name"] for r in found["regions"]}
    epochs = {e["index"]: e["kind"] for e in found["epochs"]}
    must(len(guards) == len(found["guards"]) <= 64 and set(guards) <= names,
         "a guard each, of regions there are", guards)
    for guard in guards.values():
        must(guard["mode"] in ("readOnly", "single", "multi"), guard)
        must(guard["writers"] and guard["readers"], "roles", guard)
        must(not guard["epoch"] or epochs[guard["epoch"]] == "counter",
             "its epoch can be waited for", guard)
    same((guards["inbox"]["writers"], guards["inbox"]["epoch"]),
         (["kernel"], 1), "the kernel writes the inbox")
    must({"module", "kernel"} <= set(guards["outbox"]["writers"]) and
         {"kernel", "host"} <= set(guards["outbox"]["readers"]),
         "who writes and reads the outbox may", guards["outbox"])
    for buffer in ("birdBufferA", "birdBufferB", "matrixBufferA",
                   "matrixBufferB"):
        same((guards[buffer]["mode"], guards[buffer]["writers"]),
             ("single", ["module"]), buffer)


def test_tiers():
    tiers = inos()["tiers"]
    same([t["name"] for t in tiers], list(TIERS), "tiers")
    for tier in tiers:
        mib, entities, role = TIERS[tier["name"]]
        same((tier["size"], tier["entities"], tier["peer_role"]),
             (mib << 20, entities, role), tier["name"])
    same(good_json("layout")["tiers"], [], "lean has none")


def test_text():
    text = good("layout", "--layout", "inos").out
    for name in (*MAP, *ADDITIONS, "IDX_KERNEL_READY", "32-127"):
        must(name in text, "text lacks", name)
    same(sorted(line.split()[-2] for line in text.splitlines()
                if line.endswith(" (addition)")), sorted(ADDITIONS),
         "additions are marked")


def tables(text):
    """Those below the regions: {first heading: rows of {heading: cell}}. What
    is not aligned with its heading, on the left or on the right, is wrong."""
    found = {}
    for block in text.split("\n\n")[2:]:
        head, *lines = block.splitlines()
        spans = [(m.start(), m.end(), m[0])
                 for m in re.finditer(r"\S+(?: \S+)*", head)]
        rows = found[spans[0][2]] = []
        for line in lines:
            cells = [(m.start(), m.end(), m[0])
                     for m in re.finditer(r"\S+(?: \S+)*", line)]
            same(len(cells), len(spans), f"cells of {line!r}")
            for cell, span in zip(cells, spans):
                must(cell[0] == span[0] or cell[1] == span[1],
                     "not below its heading", cell, span)
            rows.append({s[2]: c[2] for s, c in zip(spans, cells)})
    return found


def roles(names):
    return "all" if len(names) == 8 else ",".join(names)


def test_text_has_what_json_has():
    good("create", "p", "--layout", "inos", "--tier", "moderate")
    for words in (("--layout", "inos"), ("p",)):
        text, wanted = good("layout", *words).out, good_json("layout", *words)
        must(not re.search(r"[ \t]$", text, re.M), "a blank ends a line")
        found = tables(text)
        same(list(found), ["epoch", "pair", "guard", "tier"], "tables")
        names = {e["index"]: e["name"] for e in wanted["epochs"]}
        names[0] = "-"          # no pair and no guard has that one
        same(found["pair"], [
            {"pair": str(n), "name": p["name"], "bytes": str(p["size"]),
             "item": str(p["item_size"]), "items": str(p["items"]),
             "epoch": names[p["epoch"]], "mirror": names[p["mirror"]],
             "buffers": " ".join(f"0x{b:010X}" for b in p["buffers"])}
            for n, p in enumerate(wanted["pairs"])], "pairs")
        same(found["guard"], [
            {"guard": str(n), "region": g["region"], "mode": g["mode"],
             "epoch": names[g["epoch"]], "readers": roles(g["readers"]),
             "writers": "nobody" if g["mode"] == "readOnly"
             else roles(g["writers"])}
            for n, g in enumerate(wanted["guards"])], "guards")
        same(found["tier"], [
            {"tier": t["name"], "bytes": str(t["size"]),
             "entities": str(t["entities"]), "role among peers":
             t["peer_role"]} for t in wanted["tiers"]], "tiers")
        same([(e["name"], e["kind"]) for e in found["epoch"]],
             [(e["name"], e["kind"]) for e in wanted["epochs"]], "epochs")
    text = good("layout").out
    must(not re.search(r"[ \t]$", text, re.M), "a blank ends a line")
    same(list(tables(text)), ["epoch"], "no table of nothing")


# ---- planes

def test_the_pages_extract():
    """What docs/layouts.md shows of the map are lines that are printed."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "layouts.md").read_text()
    extract = page.split("```\nlayout inos, ", 1)[1].split("```", 1)[0]
    shown = ["layout inos, " + extract.splitlines()[0], *extract.splitlines()[1:]]
    printed = good("layout", "--layout", "inos").out.splitlines()
    for line in filter(None, shown):
        must(line in printed, "docs/layouts.md shows a line that is not printed:", line)


def test_create_to_destroy():
    made = good_json("create", "p", "--layout", "inos")
    same((made["layout"], made["strides"], made["plane_size"]),
         ("inos", 126, 32 << 20), "light is the default")
    same(plane_file("p").stat().st_size, 32 << 20, "size of the file")
    of_plane, by_default = good_json("layout", "p"), inos()
    same(of_plane, by_default, "layout of the plane")
    with open(plane_file("p"), "rb") as file:
        file.seek(HEADER + 16)
        same(int(of_plane["hash"], 16), struct.unpack("<Q", file.read(8))[0],
             "hash in the plane")
    same([(p["name"], p["layout"]) for p in good_json("ls")["planes"]],
         [("p", "inos")], "ls")
    with tool.Member("p", "kernel", "kernel", 3) as member:
        who = good_json("who", "p")["participants"]
        same([(x["name"], x["role"], x["pid"]) for x in who],
             [("kernel", "kernel", member.pid)], "who")
        states = good_json("map", "p")["counts"]
        same((states["busy"], states["dormant"]), (3, 123), "map")
    good("destroy", "p")
    must(not plane_file("p").exists(), "destroyed")


def test_tiers_of_planes():
    for name, (mib, _, _) in TIERS.items():
        made = good_json("create", name, "--layout", "inos", "--tier", name)
        same(made["plane_size"], mib << 20, name)
        same(made["layout"], "inos", name)
        good("destroy", name)
    made = good_json("create", "own", "--layout", "inos", "--strides", 300)
    same(made["strides"], 300, "--strides overrides the tier")
    bad(1, "AETHER_EGEOMETRY", "create", "none", "--layout", "inos",
        "--stride", "16M")
    bad(2, "AETHER_EUSAGE", "create", "none", "--layout", "ino", says="inos")
    must(not plane_file("none").exists(), "nothing is left")


TESTS = [value for name, value in list(globals().items())
         if name.startswith("test_")]
if __name__ == "__main__":
    sys.exit(tool.run(TESTS))
