#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run on a plane that somebody writes over: a stride that is lost so is an
error after some seconds, and not a run that stands still for ever. A run that
is only slow is left alone."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (BIN, TIMEOUT, good, good_json, must, objects,  # noqa: E402
                  same, stop, until)

sys.path.insert(0, str(tool.ROOT / "build" / "gen" / "python"))
import aether_layout as L  # noqa: E402
from test_doctor import Plane  # noqa: E402

PIECE = 20000   # three fit into a pipe that nobody reads
STILL = 3       # seconds after which it is said


class Run:
    """A run whose only appliance is stopped, with mail on its way to it."""

    def __init__(self):
        good("create", "p", "--strides", 16)
        self.plane = Plane()
        self.out = tool.planes / "out"
        self.process = subprocess.Popen(
            [BIN, "run", "--json", "--plane", "p", "--workers", "1", "--raw",
             "--burn", "xor:01", "-", self.out],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=tool.environment())
        self.bring(1)
        until(lambda: self.find("egress") and
              self.find("egress")["counts"]["taken"] > 0, "the first piece")
        self.appliance = self.find("appliance")
        stop(self.appliance["pid"])
        self.bring(2)
        until(self.mail, "mail for the appliance")

    def bring(self, count):
        self.process.stdin.write(b"\x20" * PIECE * count)
        self.process.stdin.flush()

    @staticmethod
    def find(role):
        return next((p for p in good_json("who", "p")["participants"]
                     if p["role"] == role), None)

    def mail(self):
        return [s["index"] for s in good_json("map", "p")["strides"]
                if s["state"] == "routed" and
                s["owner"] == self.appliance["slot"]]

    def go_on(self):
        os.kill(self.appliance["pid"], signal.SIGCONT)

    def end(self):
        out, err = self.process.communicate(timeout=TIMEOUT)
        return (self.process.returncode,
                tool.json.loads(out.splitlines()[-1]), err.decode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        if self.appliance:
            try:
                os.kill(self.appliance["pid"], signal.SIGKILL)
            except ProcessLookupError:
                pass


def fails(run, says):
    run.go_on()
    status, said, err = run.end()
    same((status, said["ok"], said["code"]), (1, False, "AETHER_ECORRUPT"),
         f"{said} {err}")
    must("nothing moves" in err and says in err, "says why", err)
    must(not run.out.exists(), "there is no output")


def test_a_stride_that_is_free_suddenly():
    with Run() as run:
        for index in run.mail():
            word = run.plane.number(run.plane.lease(index))
            run.plane.put(run.plane.lease(index),
                          word >> L.LEASE_GENERATION_SHIFT <<
                          L.LEASE_GENERATION_SHIFT)
        fails(run, "lost")


def test_a_stride_that_is_nobodys():
    with Run() as run:
        at = run.plane.lease(run.mail()[0])
        seat = 63 << L.LEASE_SEAT_SHIFT
        run.plane.put(at, run.plane.number(at) | seat)
        fails(run, "leaseGone")


def test_an_entry_that_is_gone():
    with Run() as run:
        for place in range(run.plane.places):
            at = run.plane.place(run.appliance["slot"], place)
            word = run.plane.number(at)
            if word & 1:    # empty, for the next lap
                run.plane.put(at, ((word >> 32) + 1) << 32)
        run.go_on()
        status, said, err = run.end()
        same((status, said["code"]), (1, "AETHER_ECORRUPT"), f"{said} {err}")


def test_slow():
    """Nothing moves for longer than that, and nobody is to blame."""
    with Run() as run:
        time.sleep(2 * STILL)   # the appliance is stopped
        same(run.process.poll(), None, "it waits")
        run.go_on()
        until(lambda: not run.mail(), "it works")
        time.sleep(2 * STILL)   # the input is silent
        same(run.process.poll(), None, "it waits")
        status, said, err = run.end()
        same((status, said["ok"]), (0, True), f"{said} {err}")
        same(run.out.read_bytes(), b"\x21" * PIECE * 3, "output")


# Takes every stride that it can get, until its input ends.
GREEDY = """
import ctypes, select, sys
lib = ctypes.CDLL(sys.argv[1])
lib.aether_clock_after.restype = ctypes.c_uint64
plane, me, handle = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint64()
assert lib.aether_plane_attach(b"m", 0, None, ctypes.byref(plane)) == 0
assert lib.aether_participant_join(plane, None, None, ctypes.byref(me)) == 0
while not select.select([sys.stdin], [], [], 0)[0]:
    lib.aether_stride_reserve_until(
        me, ctypes.c_uint64(lib.aether_clock_after(ctypes.c_uint64(50000000))),
        ctypes.byref(handle))
lib.aether_participant_leave(me)
"""


def test_others_have_the_strides():
    """A plane that the run made, and that somebody else uses as well."""
    out = tool.planes / "out"
    with subprocess.Popen(
            [BIN, "run", "--json", "--plane", "m", "--strides", "16",
             "--workers", "1", "--raw", "--burn", "xor:01", "-", out],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=tool.environment()) as run:
        until(lambda: tool.aether("who", "m").status == 0, "a plane")
        with subprocess.Popen(
                [sys.executable, "-c", GREEDY, tool.LIB],
                stdin=subprocess.PIPE, env=tool.environment()) as greedy:
            count = 0

            def has_all():
                nonlocal count
                count += 1
                run.stdin.write(b"\x20" * 100)
                run.stdin.flush()
                who = [p["slot"] for p in good_json("who", "m")["participants"]
                       if p["pid"] == greedy.pid]
                mine = [s for s in good_json("map", "m")["strides"]
                        if who and s["owner"] == who[0]]
                return len(mine) == 16

            until(has_all, "it has all strides")
            time.sleep(3 * STILL)
            same(run.poll(), None, "it waits")
            greedy.communicate(timeout=TIMEOUT)
        result, err = run.communicate(timeout=TIMEOUT)
    same(run.returncode, 0, err.decode())
    must(tool.json.loads(result.splitlines()[-1])["ok"], "done")
    same(out.read_bytes(), b"\x21" * 100 * count, "output")


if __name__ == "__main__":
    sys.exit(tool.run([test_a_stride_that_is_free_suddenly,
                       test_a_stride_that_is_nobodys,
                       test_an_entry_that_is_gone, test_slow,
                       test_others_have_the_strides]))
