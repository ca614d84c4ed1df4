# SPDX-License-Identifier: Apache-2.0
"""A run that is watched while it goes on: its input is a pipe in the test's
hand, its stages are known by pid. For tests that kill, stop or interrupt."""
import subprocess
import time
from pathlib import Path

import tool
from tool import BIN, must


def children(pid):
    path = f"/proc/{pid}/task/{pid}/children"
    return [int(p) for p in Path(path).read_text().split()]


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1]
        return state.split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(what, text, seconds=10.0):
    end = time.monotonic() + seconds
    while not what():
        must(time.monotonic() < end, f"never: {text}")
        time.sleep(0.005)


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
        until(lambda: len(children(self.pid)) == stages or
              self.process.poll() is not None, "all stages started")
        self.stages = children(self.pid)
        time.sleep(0.05)    # joined

    def feed(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def died(self, seconds=20):
        """Ends by itself, though its input stays open."""
        self.process.wait(seconds)
        return self.end()

    def end(self, seconds=20):
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out or b"", (err or b"").decode()
