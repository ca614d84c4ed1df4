# SPDX-License-Identifier: Apache-2.0
"""A run that is watched while it goes on: its input is a pipe in the test's
hand, its stages are known by pid. For tests that kill, stop or interrupt."""
import array
import fcntl
import subprocess
import termios
from pathlib import Path

import tool
from tool import BIN, TIMEOUT, must, until


def children(pid):
    path = f"/proc/{pid}/task/{pid}/children"
    return [int(p) for p in Path(path).read_text().split()]


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1]
        return state.split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def within_a_second(took):
    """One of them at least: a busy machine delays some, what waits for nothing
    delays all. A sanitizer is slower than any promise."""
    must(max(took) < tool.SOON, "that takes too long:", took)
    must(tool.INSTRUMENTED or min(took) < 1, "not within a second:", took)


def rests(plane):
    """Waits until the first piece is out, and nobody has a stride but the
    ingress, which reads into it: every stage knows all others by then."""
    until(lambda: [p["counts"]["taken"] for p in
                   tool.good_json("who", plane)["participants"]
                   if p["role"] == "egress"] > [0], "the first piece is out")

    def states():
        found = tool.good_json("map", plane)["strides"]
        return sorted(s["state"] for s in found)

    until(lambda: states()[:1] == ["busy"] and
          set(states()[1:]) == {"dormant"}, "all rest, but the ingress reads")


class Run:
    """aether run, fed through a pipe that is in the test's hand; with one
    appliance, on whatever machine, if not said otherwise."""
    def __init__(self, *words, stages=4, **more):
        if "--workers" not in words:
            words = ("--workers", "1", *words)
        self.process = subprocess.Popen(
            [BIN, "run", *map(str, words)],
            stdin=more.pop("stdin", subprocess.PIPE),
            stdout=more.pop("stdout", subprocess.PIPE),
            stderr=more.pop("stderr", subprocess.PIPE),
            env=tool.environment(**more.pop("env", {})),
            start_new_session=True, **more)
        self.pid = self.process.pid
        until(lambda: len(self.look()) == stages or
              self.process.poll() is not None, "all stages started")

    def look(self):
        self.stages = children(self.pid)
        return self.stages

    def feed(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def unread(self):
        """Bytes that are still in the pipe."""
        count = array.array("i", [0])
        fcntl.ioctl(self.process.stdin, termios.FIONREAD, count)
        return count[0]

    def begin(self, data):
        """Feeds it and waits until it is read: all stages have joined and met
        by then. One that is stopped before lets no stream begin."""
        self.feed(data)
        until(lambda: self.unread() == 0, "the stream begins")

    def died(self, seconds=TIMEOUT):
        """Ends by itself, though its input stays open."""
        self.process.wait(seconds)
        return self.end()

    def end(self, seconds=TIMEOUT):
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out or b"", (err or b"").decode()
