#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aether guard: what it shows of regions that other processes write: who they
are, that one was killed, who came next, what was refused; damaged tables."""
import ctypes
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (aether, bad, good, good_json, must, objects,  # noqa: E402
                  patch, plane_file, same)

TABLE = 0x15F000    # of the INOS map
EROLE, ETAKEN, EHELD, ENOTHELD, EORDER = -39, -40, -41, -42, -50
KINDS = ["writer", "reader", "readOnly", "contention", "epoch", "release"]
KEYS = ("region offset size mode writers readers holder epoch epoch_value "
        "epoch_at_acquire last_epoch acquires recovered violations").split()


# ---- a process that joins and does what it is told, a line each

def writer_main(plane, name, role):
    lib = ctypes.CDLL(tool.LIB)
    error = ctypes.create_string_buffer(1024)
    here, me = ctypes.c_void_p(), ctypes.c_void_p()
    number, guard = ctypes.c_uint32(), ctypes.c_uint32()
    lib.aether_layout_get.restype = ctypes.c_void_p

    def call(result):
        must(result >= 0, "the library refused:", result, error.raw[8:200])

    call(lib.aether_plane_attach(plane.encode(), 0, error, ctypes.byref(here)))
    call(lib.aether_participant_role(role.encode(), ctypes.byref(number)))
    options = tool.Options(name.encode(), number.value, 0, 0)
    call(lib.aether_participant_join(here, ctypes.byref(options), error,
                                     ctypes.byref(me)))
    call(lib.aether_geometry_layout(b"inos", ctypes.byref(number)))
    layout = ctypes.c_void_p(lib.aether_layout_get(number))
    print("ready", flush=True)
    for line in sys.stdin:
        verb, region = line.split()
        call(lib.aether_layout_find_guard(layout, region.encode(),
                                          ctypes.byref(guard)))
        if verb == "read":
            print(lib.aether_guard_check(me, guard, 0), flush=True)
        else:
            print(getattr(lib, f"aether_guard_{verb}")(me, guard), flush=True)
    lib.aether_participant_leave(me)


class Writer:
    def __init__(self, plane, name, role="kernel"):
        self.process = subprocess.Popen(
            [sys.executable, __file__, plane, name, role], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=tool.environment(), start_new_session=True)
        self.pid = self.process.pid
        same(self.process.stdout.readline(), "ready\n", "a writer")

    def tell(self, verb, region):
        self.process.stdin.write(f"{verb} {region}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(tool.TIMEOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate(timeout=tool.TIMEOUT)


def look(region, plane="p"):
    found = good_json("guard", plane, region, keys=["name", "layout", "guards"])
    same(len(found["guards"]), 1, region)
    return found["guards"][0]


def row(region):
    """The line of a region in text, and no other."""
    lines = good("guard", "p", region).out.splitlines()
    same(len(lines), 2, "a head and a row")
    return lines[1]


def plane(name="p"):
    good("create", name, "--layout", "inos", "--strides", "64",
         "--participants", "16")


def violations(**wanted):
    return {kind: wanted.get(kind, 0) for kind in KINDS}


# ---- tests

def test_all_regions():
    plane()
    found = good_json("guard", "p")["guards"]
    regions = {r["name"]: r for r in good_json("layout", "p")["regions"]}
    must(len(found) > 15, "the map's guards", len(found))
    for guard in found:
        must(set(guard) >= set(KEYS), "keys", guard)
        region = regions[guard["region"]]
        same((guard["offset"], guard["size"]),
             (region["offset"], region["size"]), guard["region"])
        same((guard["holder"], guard["acquires"], guard["violations"]),
             (None, 0, violations()), guard["region"])
    by_name = {g["region"]: g for g in found}
    inbox = by_name["inbox"]
    same((inbox["mode"], inbox["writers"], inbox["readers"], inbox["epoch"]),
         ("single", ["kernel"], ["module", "host"], 1), "inbox")
    same((by_name["planeHeader"]["mode"], by_name["planeHeader"]["writers"],
          by_name["jobHistory"]["epoch"]), ("readOnly", [], None), "others")
    lines = good("guard", "p").out.splitlines()
    same([line.split()[0] for line in lines],
         ["region"] + [g["region"] for g in found], "the table")
    must(re.match(r"inbox +single +kernel +- +- +- ", lines[1]), lines[1])
    must(re.match(r"planeHeader +readOnly +nobody ", lines[-1]), lines[-1])


def test_second_writer():
    plane()
    with Writer("p", "first") as first, Writer("p", "second") as second:
        same(first.tell("acquire", "inbox"), 0, "acquired")
        same(second.tell("acquire", "inbox"), ETAKEN, "a second writer")
        same(second.tell("release", "inbox"), ENOTHELD, "not its")
        same(first.tell("acquire", "inbox"), EHELD, "twice")
        shown = look("inbox")
        holder = shown["holder"]
        same((holder["name"], holder["role"], holder["pid"], holder["alive"]),
             ("first", "kernel", first.pid, True), "the holder")
        who = {p["name"]: p for p in good_json("who", "p")["participants"]}
        same(holder["slot"], who["first"]["slot"], "its slot")
        same(shown["violations"], violations(contention=1, release=1), "both")
        must(re.search(rf" {first.pid} alive .* first +contention 1, release 1$",
                       row("inbox")), row("inbox"))
        same(first.tell("release", "inbox"), EORDER, "not signalled")
        same(second.tell("acquire", "inbox"), 0, "its turn")
        same(second.tell("signal", "inbox"), 0, "signalled")
        same(second.tell("release", "inbox"), 0, "released")
        shown = look("inbox")
        same((shown["holder"], shown["acquires"], shown["recovered"]),
             (None, 2, 0), "nobody's")
        same((shown["epoch_value"], shown["epoch_at_acquire"],
              shown["last_epoch"]), (1, 0, 1), "its epoch")
        same(shown["violations"],
             violations(contention=1, release=1, epoch=1), "three")


def test_killed_holder():
    plane()
    first = Writer("p", "first")
    same(first.tell("acquire", "jobHistory"), 0, "acquired")
    first.kill()
    holder = look("jobHistory")["holder"]
    same((holder["name"], holder["pid"], holder["alive"]),
         ("first", first.pid, False), "shown as dead")
    must(f" {first.pid} dead " in row("jobHistory"), row("jobHistory"))
    with Writer("p", "second") as second:
        same(second.tell("acquire", "jobHistory"), 0, "the next one")
        shown = look("jobHistory")
        same((shown["holder"]["name"], shown["holder"]["alive"],
              shown["recovered"]), ("second", True, 1), "recovered")
    same(look("jobHistory")["holder"], None, "who leaves lets go")
    same(look("jobHistory")["recovered"], 1, "and needs no recovery")


def test_roles():
    plane()
    with Writer("p", "face", "host") as host, \
            Writer("p", "muscle", "module") as module:
        same(host.tell("acquire", "outbox"), EROLE, "no writer")
        same(host.tell("read", "outbox"), 0, "but a reader")
        same(module.tell("read", "outbox"), EROLE, "no reader")
        same(module.tell("acquire", "outbox"), 0, "but a writer")
        same(module.tell("acquire", "planeHeader"), EROLE, "nobody is")
        same(look("outbox")["violations"], violations(writer=1, reader=1),
             "counted")
        same(look("planeHeader")["violations"], violations(readOnly=1),
             "counted")
        same(look("outbox")["holder"], None, "several: none is shown")


def test_failures():
    plane()
    good("create", "lean", "--strides", "64")
    same(good_json("guard", "lean")["guards"], [], "a layout without guards")
    bad(1, "AETHER_EINDEX", "guard", "lean", "inbox", says="guards none")
    bad(1, "AETHER_EINDEX", "guard", "p", "atomicFlags",
        says="it guards: inbox outbox")
    bad(1, "AETHER_ENOENT", "guard", "q", says="no plane 'q'")
    bad(2, "AETHER_EUSAGE", "guard", "p", "inbox", "outbox")
    bad(2, "AETHER_EUSAGE", "guard")


def test_hostile_table():
    """Whatever stands there: an answer, and nothing a terminal acts on."""
    chance = random.Random(7)
    plane()
    for _ in range(20):
        patch("p", TABLE, chance.randbytes(64 * 20))
        plain = good("guard", "p")
        must(not re.search(r"[^\n -~]", plain.out), "prints", plain.out)
        same(len(objects(aether("guard", "p", "--json"))[0]["guards"]),
             len(plain.out.splitlines()) - 1, "guards")
    before = plane_file("p").read_bytes()
    good("guard", "p")
    must(plane_file("p").read_bytes() == before, "looking changes nothing")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        writer_main(*sys.argv[1:])
        sys.exit(0)
    sys.exit(tool.run([value for name, value in list(globals().items())
                       if name.startswith("test_")]))
