#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aether ingress, appliance and egress as shells start them: in any order, in
any number; when one is missing, is killed or interrupted, all end, say why,
leave the plane, and no half output has a name."""
import fcntl
import json
import os
import pty
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (BIN, SOON, TIMEOUT, bad, good, good_json,  # noqa: E402
                  must, same, until)

DATA = random.Random(6).randbytes(3000001)
BURNED = bytes(b ^ 0x5A for b in DATA)
SIZE = len(DATA)
KEYS = ("bytes_in", "bytes_out", "seconds", "strides_routed", "bytes_copied")
work = None


def start(*words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, **more):
    words += ("--wait", TIMEOUT)    # those who are started later may be slow
    return subprocess.Popen([BIN, *map(str, words)], stdin=stdin,
                            stdout=subprocess.PIPE, stderr=stderr,
                            env=tool.environment(), **more)


def end(process, seconds=TIMEOUT):
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out.decode(), err.decode()


def who():
    return [p for p in good_json("who", "p")["participants"] if p["alive"]]


def until_joined(*roles):
    until(lambda: sorted(p["role"] for p in who()) == sorted(roles),
          f"{roles} join")


def clean(*wanted):
    same(who(), [], "participants left")
    same(sorted(os.listdir(work)), sorted(wanted), "files left")


def in_order(order):
    words = {"i": ("ingress", "p", work / "in"),
             "a": ("appliance", "p", "--burn", "xor:5A"),
             "e": ("egress", "p", work / "out")}
    stages = {}
    for one in order:
        stages[one] = start(*words[one], "--json")
        time.sleep(0.05)
    said = {}
    for one, stage in stages.items():
        status, out, err = end(stage)
        same((status, err), (0, ""), f"{one} in {order}")
        said[one] = json.loads(out)
        must(not set(KEYS) - set(said[one]), "keys:", said[one])
        same(said[one]["name"], "p", "the plane")
        same((said[one]["bytes_in"], said[one]["bytes_out"]), (SIZE, SIZE))
    strides = SIZE // 131072 + 1
    same([said[one]["strides_routed"] for one in "iae"],
         [2 * strides, strides, 0], "strides")
    must((work / "out").read_bytes() == BURNED, f"wrong in order {order}")


def test_any_order():
    for order in ("iae", "iea", "aie", "aei", "eia", "eai"):
        in_order(order)
    clean("in", "out")


def test_again_on_the_same_plane():
    for _ in range(20):
        in_order("eai")
    clean("in", "out")


def test_two_appliances():
    stages = [start("appliance", "p", "--burn", "xor:FF", "--burn", "xor:A5")
              for _ in range(2)]
    egress = start("egress", "p", "-")
    ingress = start("ingress", "p", work / "in", "--workers", "2")
    out = egress.communicate(timeout=TIMEOUT)[0]
    must(out == BURNED, "two appliances, chained burns, standard output")
    same(end(ingress)[0], 0, "ingress")
    same([end(stage)[0] for stage in stages], [0, 0], "appliances")


def test_direct():
    idle = start("appliance", "p", "--burn", "xor:5A")
    until_joined("appliance")
    egress = start("egress", "p", work / "out", "--copy", "--json")
    said = good_json("ingress", "p", "-", "--direct", "--raw", "--copy",
                     stdin=DATA)
    same(said["bytes_copied"], SIZE, "copied in")
    same(json.loads(end(egress)[1])["bytes_copied"], SIZE, "copied out")
    must((work / "out").read_bytes() == DATA, "straight through is wrong")
    idle.send_signal(signal.SIGINT)
    same(end(idle)[0], -signal.SIGINT, "the idle one")


def test_missing_stages():
    def misses(*words, says):
        began = time.monotonic()    # of two runs: 10 s each, if not told
        bad(1, "AETHER_ETIMEDOUT", *words, "--wait", "0", says=says)
        must(time.monotonic() - began < 20, "waiting takes too long")

    misses("ingress", "p", work / "in", says="aether egress p OUT")
    egress = start("egress", "p", work / "out")
    until_joined("egress")
    misses("ingress", "p", work / "in", says="aether appliance p --burn SPEC")
    misses("appliance", "p", "--burn", "none", says="start an ingress")
    misses("egress", "p", work / "no", says="start an ingress")
    egress.terminate()
    same(end(egress)[0], -signal.SIGTERM, "egress")
    clean("in")


def test_refused():
    source = work / "in"
    for words in (("ingress", "none", source), ("egress", "none", work / "o"),
                  ("appliance", "none", "--burn", "none")):
        bad(1, "AETHER_ENOENT", *words, says="none")
    bad(1, "AETHER_ENOENT", "ingress", "p", work / "gone", says="gone")
    bad(1, "AETHER_EBURN", "appliance", "p", "--burn", "xor:0")
    bad(1, "AETHER_ENAME", "egress", "a b", work / "out")
    bad(1, "AETHER_ENOENT", "egress", "a/b", work / "out",
        says="no socket 'a/b'")
    for words in (("ingress", "p"), ("ingress",), ("egress", "p"),
                  ("appliance", "p"), ("appliance", "--burn", "none"),
                  ("ingress", "p", source, "--tile", "9"),
                  ("ingress", "p", source, "--workers", "0"),
                  ("egress", "p", source, "--wait", "x"),
                  ("egress", "p", source, "--wait", "-1")):
        bad(2, "AETHER_EUSAGE", *words)
    clean("in")


class Stream:
    """All three, with a stream that goes on until it is closed."""

    def __init__(self):
        self.egress = start("egress", "p", work / "out")
        self.appliance = start("appliance", "p", "--burn", "none")
        until_joined("egress", "appliance")
        self.ingress = start("ingress", "p", "-", stdin=subprocess.PIPE)
        until_joined("egress", "appliance", "orchestrator", "ingress")
        self.ingress.stdin.write(DATA[:100000])
        self.ingress.stdin.flush()
        # until then some may know of no stream, and wait for one to begin
        until(lambda: any(p["role"] == "egress" and p["counts"]["taken"]
                          for p in who()), "the stream reaches the egress")
        self.all = {"ingress": self.ingress, "appliance": self.appliance,
                    "egress": self.egress}

    def ends(self, spared, number):
        """All but `spared` fail with words, soon; that one dies by `number`."""
        began = time.monotonic()
        for role, stage in self.all.items():
            stage.wait(TIMEOUT) # its input stays open
            status, out, err = end(stage)
            if role == spared:
                same((status, err), (-number, ""), role)
                continue
            same((status, out), (1, ""), f"{role}: {err}")
            must(err.startswith(f"aether {role}: "), "says:", err)
        must(time.monotonic() - began < SOON, "that takes too long")
        clean("in")


def test_killed():
    """That of an appliance can be survived: test_survive.py."""
    for role in ("ingress", "egress"):
        stream = Stream()
        stream.all[role].kill()
        stream.ends(role, signal.SIGKILL)
        states = {s["state"] for s in good_json("map", "p")["strides"]}
        same(states, {"dormant"}, "all strides came back")


def test_killed_orchestrator():
    stream = Stream()
    pid = [p["pid"] for p in who() if p["role"] == "orchestrator"][0]
    os.kill(pid, signal.SIGKILL)
    stream.ends(None, 0)


def test_interrupted():
    for role in ("ingress", "appliance", "egress"):
        for number in (signal.SIGINT, signal.SIGTERM):
            stream = Stream()
            stream.all[role].send_signal(number)
            stream.ends(role, number)
            states = {s["state"] for s in good_json("map", "p")["strides"]}
            same(states, {"dormant"}, "all strides came back")


def test_interrupted_while_waiting():
    stage = start("ingress", "p", work / "in")
    until_joined("ingress", "orchestrator")
    stage.send_signal(signal.SIGINT)
    same(end(stage)[0], -signal.SIGINT, "ingress")
    clean("in")


def test_output_is_whole_or_not_there():
    stream = Stream()
    same(sorted(os.listdir(work)), ["in"], "while it goes on")
    stream.ingress.stdin.write(DATA[100000:])
    for role, stage in stream.all.items():
        same(end(stage)[0], 0, role)
    must((work / "out").read_bytes() == DATA, "afterwards")
    clean("in", "out")


# ---- what people see

def test_lines_name_their_stage():
    """Three in one terminal can be told apart."""
    stages = {"egress": start("egress", "p", work / "out"),
              "appliance": start("appliance", "p", "--burn", "none"),
              "ingress": start("ingress", "p", work / "in")}
    counts = {"ingress": 2, "appliance": 1, "egress": 0}
    strides = SIZE // 131072 + 1
    for role, stage in stages.items():
        same(end(stage), (0, f"{role} p: {SIZE} bytes in, {SIZE} bytes out, "
                          f"{counts[role] * strides} times handed on, 0 bytes "
                          "copied\n", ""), role)


class Terminal:
    """A stage whose standard error is a terminal, its own unless `foreign`."""

    def __init__(self, *words, foreign=False, stdin=subprocess.DEVNULL):
        self.master, self.slave = pty.openpty()
        self.screen = ""
        own = None if foreign else lambda: fcntl.ioctl(
            self.slave, termios.TIOCSCTTY, 0)
        self.stage = start(*words, stdin=stdin, stderr=self.slave,
                           start_new_session=True, preexec_fn=own,
                           pass_fds=(self.slave,))

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            self.screen += os.read(self.master, 4096).decode()
        return self.screen

    def shows(self, text):
        until(lambda: text in self.read(), f"{text!r} in {self.screen!r}")

    def end(self):
        out = self.stage.communicate(timeout=TIMEOUT)[0].decode()
        self.read()
        os.close(self.master)
        os.close(self.slave)
        return self.stage.returncode, out


# the thread that ThreadSanitizer begins in a program holds back all signals
SANITIZERS = b"__tsan_init" in Path(BIN).read_bytes()


def holding_back(pid, number):
    """How many of its threads hold back that signal."""
    masks = [line.split()[1] for task in Path(f"/proc/{pid}/task").iterdir()
             for line in task.joinpath("status").read_text().splitlines()
             if line.startswith("SigBlk:")]
    must(len(masks) > 1, "it has threads", masks)
    return sum(int(mask, 16) >> number - 1 & 1 for mask in masks)


def test_a_plane_that_gets_shorter():
    """Whichever of its threads meets that first: an error, and no signal."""
    good("create", "q", "--strides", 16)
    seen = Terminal("egress", "q", work / "shorter")
    seen.shows("waits")
    # one that just begins holds back all of them for a moment
    until(lambda: holding_back(seen.stage.pid, signal.SIGBUS) == SANITIZERS,
          "no thread of its own holds back the signal of its own faults")
    os.truncate(tool.plane_file("q"), 4096)
    same(seen.end()[0], 1, seen.screen)
    must("somebody wrote over it" in seen.screen, "says so", seen.screen)


def test_terminal():
    piped = start("egress", "p", work / "piped")
    until_joined("egress")
    appliance = Terminal("appliance", "p", "--burn", "none", foreign=True)
    appliance.shows("appliance p: waits for an ingress; start one: "
                    "aether ingress p IN\r\n")
    piped.terminate()
    same(end(piped), (-signal.SIGTERM, "", ""), "no terminal, not a word")
    ingress = Terminal("ingress", "p", "-", "--workers", 2,
                       stdin=subprocess.PIPE)
    ingress.shows("ingress p: waits for an egress; start one: "
                  "aether egress p OUT\r\n")
    egress = Terminal("egress", "p", work / "out")
    egress.shows("egress p: waits for the stream to begin\r\n")
    ingress.shows("ingress p: waits for appliances, 1 of 2 are there; start "
                  "more: aether appliance p --burn SPEC\r\n")
    other = start("appliance", "p", "--burn", "none")
    ingress.shows("ingress p: waits for input\r\n")
    must("\x1b" not in egress.read() + ingress.screen, "too early a line")
    ingress.stage.stdin.write(DATA[:1000])
    ingress.stage.stdin.flush()
    ingress.shows("\ringress p: 1 stride\x1b[K")
    egress.shows("\regress p: 1 stride\x1b[K")
    same(appliance.read().count("appliance p: waits"),
         appliance.screen.count("\n"), "who is in the background draws not")
    termios.tcflow(egress.slave, termios.TCOOFF)    # as Ctrl-S: nobody hangs
    ingress.stage.stdin.write(DATA[1000:])
    for one in (ingress, appliance, egress):
        status, out = one.end()
        same((status, out[:out.index(":")]),
             (0, " ".join(map(str, one.stage.args[1:3]))), "ends")
        lines = one.screen.split("\r\n")[:-1]
        same(len(lines), len(set(lines)), "each is said once")
    must(ingress.screen.endswith("\r\x1b[K"), "wiped", ingress.screen)
    same(end(other)[0], 0, "the other appliance")
    must((work / "out").read_bytes() == DATA, "and all that arrived")


def with_plane(test):
    """Each test has a plane p, and files of its own."""
    def inside():
        global work
        work = Path(tempfile.mkdtemp(prefix="aether-stages-"))
        try:
            (work / "in").write_bytes(DATA)
            good("create", "p")
            test()
        finally:
            shutil.rmtree(work, ignore_errors=True)
    inside.__name__ = test.__name__
    return inside


if __name__ == "__main__":
    sys.exit(tool.run([with_plane(test)
                       for name, test in list(globals().items())
                       if name.startswith("test_")]))
