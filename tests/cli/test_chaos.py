#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""chaos: a short one finds nothing in a plane that is sound, and finds what is
done to it from outside: somebody writes into its strides, into its lease
words, stops one of its participants. The plane is anonymous, but this test may
open its memory by the supervisor's descriptors."""
import mmap
import os
import random
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (BIN, HEADER, TIMEOUT, bad, good, good_json,  # noqa: E402
                  must, same, until)

# What one process clears in the place of a dead one is ordered by way of others,
# which a thread sanitizer does not see: runs and shares look like races to it.
# Where all are threads it sees everything: tests/core/test_zero_threads.c.
tool.TSAN += (":print_suppressions=0:suppressions="
              f"'{Path(__file__).with_name('tsan.supp')}'")
KEYS = "kills lost double hung seconds".split()
STRIDES, STRIDE_SIZE, LEASES, DATA = 40, 32, 88, 96     # in the header
CORRUPT = 4 | 60 << 3       # a later stride of a run that begins before the plane


def lost_and_more(found):
    return {k: found[k] for k in ("lost", "double", "hung", "dirty")}


NOTHING = dict.fromkeys(("lost", "double", "hung", "dirty"), 0)


class Chaos:
    """One that runs while the test does something to it."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [BIN, "chaos", "--json", *map(str, words)], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=tool.environment())
        self.pid = self.process.pid
        until(lambda: len(self.children()) > 1, "participants start")

    def children(self):
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        try:
            return [int(pid) for pid in path.read_text().split()]
        except OSError:
            return []

    def memory(self):
        for link, name in tool.open_files(self.pid):
            if "memfd:" in name:
                with open(link, "r+b") as file:
                    return mmap.mmap(file.fileno(), 0)
        raise AssertionError("the plane has no descriptor")

    def end(self):
        """Exit status, what the last line says, what was said meanwhile."""
        out, err = self.process.communicate(timeout=TIMEOUT)
        found = tool.json.loads(out.splitlines()[-1]) if out else {}
        return self.process.returncode, found, err

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def number(memory, offset, form="<Q"):
    return struct.unpack_from(form, memory, HEADER + offset)[0]


def lives(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return False
    return state not in "ZX"


DONE = "reserved routed taken shared inherited suspect stops".split()


def test_short_one():
    """A slow machine may need longer to do some of everything."""
    for seconds in (3, 15, 60):
        found = good_json("chaos", "--seconds", seconds, "--kill-rate", 100,
                          keys=KEYS)
        same(lost_and_more(found), NOTHING, f"found: {found['findings']}")
        # some die before they have joined
        must(found["deaths"] > found["kills"] / 10, "deaths were seen", found)
        must(seconds - 0.1 < found["seconds"] < seconds + 2 * tool.SOON,
             "seconds", found)
        if found["kills"] >= 200 and all(found[key] > 0 for key in DONE):
            break
    must(found["kills"] >= 200, "kills", found)
    for key in DONE:
        must(found[key] > 0, "nothing of this was done:", key, found)
    same(list(tool.planes.iterdir()), [], "left behind")


def test_scribbling():
    """Somebody writes over the plane: that is noticed, and kills nobody."""
    found = good_json("chaos", "--scribble", "--seconds", 5, "--kill-rate", 10,
                      keys="crashes hangs flips noticed seconds".split())
    same([found["crashes"], found["hangs"]], [0, 0], f"{found['findings']}")
    must(found["flips"] > 20 and found["noticed"] > 20, "it scribbled", found)
    must(found["operations"] > 200, "and others worked", found)
    same(list(tool.planes.iterdir()), [], "left behind")


def test_zeroing():
    found = good_json("chaos", "--seconds", 2, "--zero", "--participants", 5,
                      "--strides", 64, "--seed", 4711, keys=KEYS)
    same(lost_and_more(found), NOTHING, f"found: {found['findings']}")
    same([found[k] for k in ("seed", "participants", "strides")],
         [4711, 5, 64], "as asked for")


def test_divided():
    """All see all; who dies is settled segment by segment."""
    found = good_json("chaos", "--seconds", 2, "--kill-rate", 100, "--segments", 4,
                      "--zero", keys=KEYS)
    same(lost_and_more(found), NOTHING, f"found: {found['findings']}")
    same(found["segments"], 4, "as asked for")
    must(found["kills"] and found["taken"] and found["reserved"], "it worked", found)
    same(list(tool.planes.iterdir()), [], "left behind")
    bad(2, "AETHER_EUSAGE", "chaos", "--segments", 2, "--scribble", says="--segments")
    bad(1, "AETHER_EGEOMETRY", "chaos", "--segments", 9, says="8 segments of 32")


def test_words():
    lines = good("chaos", "--seconds", 1).out.splitlines()
    same(lines[-1].split()[::2], "kills lost double hung dirty seconds".split(),
         "the last line")
    same(lines[0].split()[0], "seed", "says its seed")


def test_usage():
    for option, values in {
            "--seconds": ("0", "-1", "x", "", "1.5"),
            "--kill-rate": ("-1", "x", "10001"),
            "--participants": ("1", "65", "x"),
            "--strides": ("7", "4097", "x"),
            "--segments": ("0", "65", "x"),
            "--seed": ("-1", "x")}.items():
        for value in values:
            bad(2, "AETHER_EUSAGE", "chaos", option, value, says=f"'{value}'")
    bad(2, "AETHER_EUSAGE", "chaos", "name")


def chaos_with(harm, *words):
    """How it ended when this was done to its memory: a longer one, if it was
    over before."""
    for seconds in (2, 20):
        with Chaos("--seconds", seconds, *words) as chaos, \
                chaos.memory() as memory:
            harm(memory)
            status, found, err = chaos.end()
        if status:
            break
    return status, found, err


def test_somebody_writes_into_strides():
    chance = random.Random(1)

    def harm(memory):
        data, size = number(memory, DATA), number(memory, STRIDE_SIZE)
        strides = number(memory, STRIDES, "<I")
        for _ in range(300):
            at = data + chance.randrange(strides) * size
            memory[at + size // 2:at + size // 2 + 8] = b"somebody"
            time.sleep(0.001)

    status, found, err = chaos_with(harm, "--kill-rate", 10)
    same((status, found["ok"]), (3, False), "found")
    must(found["double"] > 0, "changed while held", found)
    must("changed while I" in err, "said at once", err)


def test_somebody_writes_into_a_word():
    def harm(memory):
        at = number(memory, LEASES) + 128 * 5
        memory[at:at + 8] = struct.pack("<Q", CORRUPT | 99 << 23)

    status, found, err = chaos_with(harm, "--kill-rate", 10)
    same((status, found["ok"]), (3, False), "found")
    must(found["lost"] > 0, "a stride that nobody can have", found)
    must("stride 5 is not free though nobody is there" in err, "said", err)


def test_somebody_is_held():
    """The second, who waits for moments alone. The supervisor stops some, too,
    and lets go on whom it meant to stop: so it is held again and again."""
    with Chaos("--seconds", 4, "--kill-rate", 0) as chaos:
        held = chaos.children()[1]
        while held in chaos.children():
            os.kill(held, signal.SIGSTOP)
            time.sleep(0.05)
        status, found, err = chaos.end()
    same((status, found["ok"]), (3, False), "found")
    must(found["hung"] > 0 and "makes no progress" in err, "said", err)
    same((found["lost"], found["double"]), (0, 0), err)


def test_ends_by_a_signal():
    for signum in (signal.SIGINT, signal.SIGTERM):
        with Chaos("--seconds", 60, "--kill-rate", 50) as chaos:
            time.sleep(0.3)
            children = chaos.children()     # none, for a moment: fine
            began = time.monotonic()
            os.kill(chaos.pid, signum)
            status, found, err = chaos.end()
            must(time.monotonic() - began < tool.SOON, "ends soon")
        same((status, found["ok"]), (-signum, True), f"{signum} {err}")
        must(not any(map(lives, children)), "left behind", children)


def test_dies_with_its_supervisor():
    with Chaos("--seconds", 60) as chaos:
        time.sleep(0.2)
        children = []
        until(lambda: children.extend(chaos.children()) or children,
              "participants")
        os.kill(chaos.pid, signal.SIGKILL)
        try:
            until(lambda: not any(map(lives, children)), "they end")
        finally:    # those of a chaos that fails this test
            for pid in filter(lives, children):
                os.kill(pid, signal.SIGKILL)


def test_a_machine_that_is_too_small():
    """That participants cannot start is a failure, and no finding."""
    few = f'ulimit -n 6; exec "{BIN}" chaos --seconds 5'
    env = tool.environment()
    env["ASAN_OPTIONS"] += ":detect_leaks=0"    # takes descriptors
    done = subprocess.run(["sh", "-c", few], env=env, capture_output=True,
                          text=True, timeout=TIMEOUT)
    same(done.returncode, 1, f"{done}")
    must("aether chaos: participant" in done.stderr, "says so", done.stderr)


TESTS = [value for name, value in list(globals().items())
         if name.startswith("test_")]
if __name__ == "__main__":
    sys.exit(tool.run(TESTS))
