#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""reap: what the dead left is settled and told. Whoever lives settles it by
itself at once; so those who live are stopped here while reap does it."""
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (LIB, TIMEOUT, aether, bad, good, good_json,  # noqa: E402
                  must, objects, same, until)

KEYS = "dead freed inherited suspect pending unseen".split()
DROP_OLDEST = 2


# ---- a participant that does what it is told, line by line

class Calls:
    def __init__(self, plane, name):
        self.lib = ctypes.CDLL(LIB)
        self.lib.aether_participant_tenancy.restype = ctypes.c_uint64
        self.plane, self.me = ctypes.c_void_p(), ctypes.c_void_p()
        self.held = []
        self.call("plane_attach", plane.encode(), 0, None,
                  ctypes.byref(self.plane))
        options = tool.Options(name.encode())
        self.call("participant_join", self.plane, ctypes.byref(options), None,
                  ctypes.byref(self.me))

    def call(self, name, *words):
        result = getattr(self.lib, "aether_" + name)(*words)
        must(result >= 0, name, "answers", result)
        return result

    def find(self, name):
        tenancy = ctypes.c_uint64()
        self.call("participant_find", self.plane, name.encode(),
                  ctypes.byref(tenancy))
        return tenancy

    def reserve(self, count):
        handle = ctypes.c_uint64()
        self.call("stride_reserve_run", self.me, int(count),
                  ctypes.byref(handle))
        self.held.append(handle)

    def route(self, name):
        self.call("route", self.me, self.held.pop(), self.find(name))

    def share(self, name):
        to = (ctypes.c_uint64 * 1)(self.find(name))
        self.call("share", self.me, self.held.pop(), to, 1, None)

    def heir(self, name):
        self.call("participant_heir", self.me, self.find(name))

    def flood(self, name, count):
        """Mail that was withdrawn leaves its entry in the box."""
        self.call("route_set", self.me, self.find(name), 1, DROP_OLDEST)
        for _ in range(int(count)):
            self.reserve(1)
            self.route(name)

    def take(self):
        handle = ctypes.c_uint64()
        while self.lib.aether_route_take(self.me, ctypes.byref(handle)) >= 0:
            pass

    def leave(self):
        self.lib.aether_participant_leave(self.me)


def puppet_main(plane, name):
    calls = Calls(plane, name)
    print("joined", flush=True)
    for line in sys.stdin:
        verb, *words = line.split()
        getattr(calls, verb)(*words)
        print("did", verb, flush=True)


class Puppet:
    def __init__(self, plane, name, *lines):
        must(os.path.exists(LIB), f"{LIB} is missing; make all")
        self.process = subprocess.Popen(
            [sys.executable, __file__, plane, name], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=tool.environment())
        same(self.process.stdout.readline(), "joined\n", name)
        for line in lines:
            self.do(line)

    def do(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        same(self.process.stdout.readline(), f"did {line.split()[0]}\n", line)

    def stop(self):
        tool.stop(self.process.pid)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait(TIMEOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.process.stdin.close()
        self.process.stdout.close()


def reap(status=0, **wanted):
    result = aether("reap", "p", "--json")
    same(result.status, status, f"status: {result.err}")
    found = objects(result)[-1]
    same((found["verb"], found["ok"]), ("reap", status == 0), "head")
    same({k: found[k] for k in KEYS}, {**dict.fromkeys(KEYS, 0), **wanted},
         "settled")


def states():
    counts = good_json("map", "p")["counts"]
    return {k: v for k, v in counts.items() if v and k != "dormant"}


# ---- tests

def test_nothing_to_reap():
    good("create", "p", "--strides", "64")
    reap()
    text = good("reap", "p").out
    same(text.split(), " 0 ".join(KEYS + [""]).split(), "in words")


def test_a_dead_one_is_settled():
    good("create", "p", "--strides", "64")
    with Puppet("p", "a", "reserve 1", "reserve 5", "reserve 1") as a:
        a.kill()
        who = good_json("who", "p")["participants"]
        same([(p["name"], p["alive"], len(p["strides"])) for p in who],
             [("a", False, 7)], "dead until it is reaped")
        must(" dead " in good("who", "p").out, "in words")
        reap(dead=1, freed=3)
    same(good_json("who", "p")["participants"], [], "who")
    same(states(), {}, "all are free")
    reap()


def test_an_heir():
    good("create", "p", "--strides", "64")
    with Puppet("p", "b") as b, Puppet("p", "a", "heir b") as a, \
            Puppet("p", "c", "reserve 1", "route a", "reserve 3") as c:
        same([p["heir"] for p in good_json("who", "p")["participants"]],
             [None, 0, None], "who")
        a.do("reserve 2")
        a.do("reserve 1")
        for one in (b, c):
            one.stop()
        a.kill()
        reap(dead=1, inherited=3, suspect=2)
        same(states(), {"busy": 1, "cont": 3, "routed": 1, "suspect": 2},
             "what the heir will find")
        c.kill()
        reap(dead=1, freed=1)
        b.go_on()
        b.do("take")
        b.kill()
        reap(dead=1, freed=3)
    same(states(), {}, "all are free")


def test_a_reader():
    good("create", "p", "--strides", "64")
    with Puppet("p", "b") as b:
        with Puppet("p", "a", "reserve 2", "share b", "reserve 1", "share b",
                    "leave"):
            who = good_json("who", "p")["participants"]
            same([(p["strides"], len(p["reading"])) for p in who], [([], 3)],
                 "who reads")
            shared = [s for s in good_json("map", "p")["strides"]
                      if s["state"] == "shared"]
            same([s["readers"] for s in shared], [[0], [0]], "map")
        b.kill()
        reap(dead=1, freed=2)
    same(states(), {}, "all are free")


def test_what_cannot_be_settled_yet():
    good("create", "p", "--strides", "64")
    with Puppet("p", "b") as b, Puppet("p", "a", "heir b", "reserve 1") as a:
        with Puppet("p", "c", "flood b 64", "leave"):
            for one in (b, a):
                one.stop()
            a.kill()
        reap(3, pending=1)
        said = aether("reap", "p")
        must("mailbox" in said.err and "pending 1" in said.out, "words", said)
        must(("a", False) in [(p["name"], p["alive"]) for p in
                              good_json("who", "p")["participants"]],
             "the dead one's slot is kept")
        b.go_on()
        def settled():
            b.do("take")
            return states() == {"busy": 1, "suspect": 1} and \
                len(good_json("who", "p")["participants"]) == 1

        until(settled, "the heir gets it at last")
        b.kill()
        reap(dead=1, freed=2)


def test_planes_that_cannot_be_reaped():
    good("create", "p", "--strides", "64", "--participants", "1")
    with Puppet("p", "a"):
        bad(1, "AETHER_ESEATS", "reap", "p")
    good("reap", "p")
    bad(1, "AETHER_ENOENT", "reap", "q", says="'q'")


TESTS = [value for name, value in list(globals().items())
         if name.startswith("test_")]
if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(puppet_main(*sys.argv[1:]))
    sys.exit(tool.run(TESTS))
