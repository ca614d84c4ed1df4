#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stages alone, with appliances that are killed at work: others do it, or
another one that comes, or, if nobody comes, all stages say so and end."""
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import test_survive as survive  # noqa: E402
import tool  # noqa: E402
from test_survive import BURNED, burns, free, signal_all  # noqa: E402
from tool import BIN, TIMEOUT, good, good_json, must, same, until  # noqa: E402


def start(*words):
    if "--wait" not in words:   # those who are started later may be slow
        words += ("--wait", TIMEOUT)
    return subprocess.Popen([BIN, *map(str, words)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=tool.environment())


def end(process, seconds=TIMEOUT):
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out.decode(), err.decode()


class Alone:
    def __init__(self, appliances, *words):
        good("create", "p", "--strides", "4", "--stride", "1M")
        self.egress = start("egress", "p", survive.work / "out")
        self.appliances = [self.appliance() for _ in range(appliances)]
        until(lambda: len(self.roles()) == appliances + 1, "the others")
        self.ingress = start("ingress", "p", survive.work / "in", "--workers",
                             appliances, *words)

    @staticmethod
    def appliance():
        return start("appliance", "p", *burns())

    @staticmethod
    def roles():
        return [p["role"] for p in good_json("who", "p")["participants"]
                if p["alive"]]

    def stop(self, *those):
        """Stops them when all are at work: a call, and more, were taken. False:
        the stream was over before that was seen."""
        pids = {one.pid for one in those}

        def at_work():
            return pids <= {p["pid"] for p in
                            good_json("who", "p")["participants"]
                            if p["counts"]["taken"] > 1}

        until(lambda: at_work() or self.ingress.poll() is not None, "at work")
        signal_all(pids, signal.SIGSTOP)
        if self.ingress.poll() is None and at_work():
            return True
        signal_all(pids, signal.SIGCONT)
        return False

    def ends_well(self):
        for stage in (self.ingress, self.egress, *self.appliances):
            same(end(stage)[0], 0, "a stage")
        must((survive.work / "out").read_bytes() == BURNED, "wrong output")
        free("p")


def at_work(appliances, stopped, *words):
    """A flow so many of whose appliances were stopped at work."""
    for _ in range(20):
        flow = Alone(appliances, *words)
        if flow.stop(*flow.appliances[:stopped]):
            return flow
        flow.ends_well()
        good("destroy", "p")
        (survive.work / "out").unlink()
    raise AssertionError("every stream was over too soon")


def test_alone_one_of_two():
    flow = at_work(2, 1)
    flow.appliances[0].kill()
    same(end(flow.appliances.pop(0))[0], -9)
    flow.ends_well()


def test_alone_another_comes():
    flow = at_work(2, 2)
    for one in flow.appliances:
        one.kill()
        end(one)
    time.sleep(0.3)
    same(sorted(flow.roles()), ["egress", "ingress", "orchestrator"])
    flow.appliances = [flow.appliance()]
    flow.ends_well()


def test_alone_nobody_comes():
    flow = at_work(1, 1, "--wait", "1")
    began = time.monotonic()
    flow.appliances[0].kill()
    end(flow.appliances[0])
    status, _, err = end(flow.ingress)
    same(status, 1, "the ingress")
    must("no appliance has been there for 1.0 s" in err, "says:", err)
    status, _, err = end(flow.egress)
    same(status, 1, "the egress")
    must(0.9 < time.monotonic() - began < tool.SOON, "when:",
         time.monotonic() - began)
    must(not (survive.work / "out").exists(), "an output is left")
    same(good_json("who", "p")["participants"], [], "participants")


if __name__ == "__main__":
    sys.exit(tool.run([survive.in_work(test)
                       for name, test in list(globals().items())
                       if name.startswith("test_")]))
