#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aether run with appliances that are killed, at any moment and as often as it
takes: the output is right and in order, the dead are replaced, nothing is left.
Where that cannot be, because the input cannot be read twice, it says so. The
same for the stages alone."""
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import BIN, good, good_json, must, same  # noqa: E402
from watched import Run, alive, children, until  # noqa: E402

RANDOM = random.Random(8)
STRIDE = 131072
DATA = RANDOM.randbytes(300 * STRIDE - 77)
# as slow as it gets: a key that is too long to be prepared
KEY = RANDOM.randbytes(3001)
BURNS = 15
work = None


def xor(data, key):
    whole = (key * (len(data) // len(key) + 1))[:len(data)]
    number = int.from_bytes(data, "little") ^ int.from_bytes(whole, "little")
    return number.to_bytes(len(data), "little")


BURNED = xor(DATA, KEY)


def burns(times=BURNS):
    """An odd number of times is once."""
    return ["--burn", f"xor-file:{work / 'key'}"] * times


class Survivor:
    """aether run on a file, whose appliances can be found at any time."""
    def __init__(self, *words, workers=2):
        self.workers = workers
        self.process = subprocess.Popen(
            [BIN, "run", "--json", "--workers", str(workers),
             *burns(), *map(str, words), work / "in", work / "out"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=tool.environment())
        self.pid = self.process.pid
        until(lambda: len(self.children()) == workers + 3 or self.ended(),
              "all stages started")
        stages = self.children() or [0, 0]  # it has ended already
        self.others = {stages[0], stages[1], stages[-1]}
        self.killed = []

    def ended(self):
        return self.process.poll() is not None

    def children(self):
        try:
            return children(self.pid)
        except (FileNotFoundError, ProcessLookupError):
            return []

    def appliances(self):
        return [pid for pid in self.children() if alive(pid)
                and pid not in self.others and pid not in self.killed]

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)
        self.killed.append(pid)

    def end(self, seconds=60):
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, json.loads(out), err.decode()

    def survives(self):
        status, said, err = self.end()
        same((status, err, said["ok"]), (0, "", True), "the run")
        must((work / "out").read_bytes() == BURNED, "the output is wrong")
        same([s["status"] for s in said["stages"] if s["role"] != "appliance"],
             [0] * 3, "the other stages")
        return said


def nothing_left(*files):
    same(sorted(os.listdir(work)), sorted(files), "files left")
    same(os.listdir(tool.planes), [], "planes left")


def free(plane):
    same({s["state"] for s in good_json("map", plane)["strides"]},
         {"dormant"}, "its strides")
    same(good_json("who", plane)["participants"], [], "its participants")


# ---- killed at any moment

def at_random(seed):
    chance = random.Random(seed)
    plane = chance.choice([[], ["--strides", "8"], ["--strides", "16",
                           "--stride", "64K"], ["--strides", "1", "--stride",
                           "512K"], ["--strides", "2", "--stride", "256K"]])
    run = Survivor("--verify", *plane, workers=1 + seed % 4)
    wanted = chance.randint(1, 6)
    while len(run.killed) < wanted and not run.ended():
        time.sleep(chance.random() * 0.05)
        found = run.appliances()
        if not found:
            continue
        victim = chance.choice(found)
        try:
            if chance.random() < 0.5:
                os.kill(victim, signal.SIGSTOP)
                time.sleep(chance.random() * 0.02)
            run.kill(victim)
        except ProcessLookupError:
            continue
    said = run.survives()
    same(said["verify"], "ok")
    must(said["respawned"] <= len(run.killed), "respawned:", said)
    same((said["bytes_in"], said["bytes_out"]), (len(DATA), len(DATA)))
    return said["respawned"]


def test_killed_at_random():
    respawned = sum(at_random(seed) for seed in range(12))
    must(respawned > 6, "few were killed in time:", respawned)
    nothing_left("in", "key", "out")


def test_killed_before_the_stream():
    for _ in range(5):
        run = Survivor(workers=3)
        for pid in run.appliances()[:2]:
            run.kill(pid)
        same(run.survives()["respawned"], 2, "respawned")


def as_they_come(seed):
    """Kills the only appliance and those that take its place, some of them
    before they have named an heir: the piece that they were called with is
    then in no stride at all. Fewer deaths than end a flow."""
    chance = random.Random(seed)
    run = Survivor("--verify", "--strides", "16", workers=1)
    while len(run.killed) < 7 and not run.ended():
        for pid in run.appliances():
            with contextlib.suppress(ProcessLookupError):
                run.kill(pid)
        time.sleep(chance.choice([0, 0.001, 0.005]) * chance.random())
    return run.survives()["respawned"]


def test_killed_as_they_come():
    must(sum(as_they_come(seed) for seed in range(40)) > 100, "too few died")


# ---- killed in the middle of a stride

def signal_all(pids, number):
    for pid in pids:
        os.kill(pid, number)


def stop_at_work(run, plane):
    """Stops an appliance while it has a stride in hand, and not its first one;
    its pid, or None if the run was over before one was met so. So that the
    stream does not end, nobody works while this looks."""
    while not run.ended():
        found = run.appliances()
        signal_all(found, signal.SIGSTOP)
        busy = {s["owner"] for s in good_json("map", plane)["strides"]
                if s["state"] == "busy"}
        for one in good_json("who", plane)["participants"]:
            if one["slot"] in busy and one["pid"] in found and \
               one["counts"]["taken"] > 2:
                found.remove(one["pid"])
                signal_all(found, signal.SIGCONT)
                return one["pid"]
        signal_all(found, signal.SIGCONT)
        time.sleep(0.003)
    return None


def met_at_work(*words, workers=1, times=1):
    """A run on the plane "mine" of which so many appliances were met at work;
    they are killed, but for the last, which is stopped; its pid."""
    for _ in range(20):
        run = Survivor("--plane", "mine", *words, workers=workers)
        met = stop_at_work(run, "mine")
        while met and times - 1 > len(run.killed):
            run.kill(met)
            met = stop_at_work(run, "mine")
        if met:
            return run, met
        run.end()
    raise AssertionError("no appliance was ever met at work")


def test_killed_in_mid_stride():
    good("create", "mine", "--strides", "8", "--stride", "1M")
    for workers in (1, 2):
        run, met = met_at_work(workers=workers)
        run.kill(met)
        said = run.survives()
        same((said["respawned"], said["strides_routed"]), (1, 3 * 38))
        free("mine")


def test_several_killed_on_a_plane_of_the_user():
    good("create", "mine", "--strides", "4", "--stride", "1M")
    run, met = met_at_work(workers=3, times=3)
    run.kill(met)
    same(run.survives()["respawned"], 3, "respawned")
    free("mine")
    same(good_json("ls")["planes"][0]["alive"], 0, "alive")


def test_no_slot_to_spare():
    """The slot of the dead one is the newcomer's."""
    good("create", "mine", "--strides", "4", "--stride", "1M",
         "--participants", "4")
    run, met = met_at_work(workers=1, times=2)
    run.kill(met)
    same(run.survives()["respawned"], 2, "respawned")
    free("mine")


def test_all_killed_at_once():
    good("create", "mine", "--strides", "4", "--stride", "1M")
    run, _ = met_at_work(workers=3)
    for pid in run.appliances():
        run.kill(pid)
    same(run.survives()["respawned"], 3, "respawned")
    free("mine")


def test_text_says_it():
    good("create", "mine", "--strides", "4", "--stride", "1M")
    run = Run("--plane", "mine", "-", work / "out")
    os.kill(run.stages[2], signal.SIGKILL)
    run.feed(DATA[:1000])
    status, out, err = run.end()
    same((status, err), (0, ""))
    must(b", 1 respawned\n" in out, "says:", out)
    must((work / "out").read_bytes() == DATA[:1000], "the output is wrong")


# ---- an input that cannot be read twice

def test_pipe_intact():
    """What the dead one had not touched is nobody's loss."""
    good("create", "mine", "--strides", "8")
    run = Run("--plane", "mine", "--json", "-", work / "out")
    run.feed(DATA[:1000])
    until(lambda: sorted(s["state"] for s in
                         good_json("map", "mine")["strides"])
          == ["busy"] + 7 * ["dormant"], "all rest, but the ingress reads")
    os.kill(run.stages[2], signal.SIGSTOP)
    run.feed(DATA[1000:300000])
    until(lambda: [s["state"] for s in good_json("map", "mine")["strides"]]
          .count("routed") >= 2, "it has mail")
    os.kill(run.stages[2], signal.SIGKILL)
    run.feed(DATA[300000:500000])
    status, out, err = run.end()
    same((status, err), (0, ""), "the run")
    same(json.loads(out)["respawned"], 1)
    must((work / "out").read_bytes() == DATA[:500000], "the output is wrong")
    free("mine")


def piped():
    """A run on the plane "mine" whose input is a pipe, and who fills it."""
    feeder = subprocess.Popen(["cat", work / "in"], stdout=subprocess.PIPE)
    run = Survivor.__new__(Survivor)
    run.process = subprocess.Popen(
        [BIN, "run", "--json", "--plane", "mine", "--workers", "1", *burns(),
         "-", work / "out"], stdin=feeder.stdout,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=tool.environment())
    feeder.stdout.close()
    run.pid, run.killed = run.process.pid, []
    until(lambda: len(run.children()) == 4, "all stages started")
    stages = run.children()
    run.others = {stages[0], stages[1], stages[3]}
    return run, feeder


def test_pipe_lost():
    good("create", "mine", "--strides", "8", "--stride", "1M")
    victim = None
    while not victim:
        run, feeder = piped()
        victim = stop_at_work(run, "mine")
    began = time.monotonic()
    run.kill(victim)
    status, said, err = run.end()
    feeder.wait(20)
    must(time.monotonic() - began < 2, "that takes too long")
    same((status, said["ok"], said["code"]), (1, False, "AETHER_ESUSPECT"))
    for words in (f"appliance (pid {victim}) was killed by signal 9 (Killed)",
                  "the appliance in slot", "of the stream",
                  "cannot be read a second time"):
        must(words in err, f"should say {words!r}:", err)
    must(not (work / "out").exists(), "an output is left")
    free("mine")


# ---- the others

def test_others_end_it():
    for number, role in ((0, "ingress"), (1, "orchestrator"), (-1, "egress")):
        run = Survivor("--strides", "8")
        victim = sorted(run.others, key=run.children().index)[number]
        os.kill(run.appliances()[0], signal.SIGKILL)
        time.sleep(0.02)
        began = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        status, said, err = run.end()
        must(time.monotonic() - began < 1.0, f"{role}: not within a second")
        same((status, said["code"]), (1, "AETHER_ESTAGE"), role)
        must(f"the {role} (pid {victim}) was killed by signal 9" in err,
             "says:", err)
        must(not alive(victim) and not run.appliances(), "stages are left")
        nothing_left("in", "key")


def test_all_stages_killed():
    """Nobody of them is left to settle what they had."""
    good("create", "mine", "--strides", "4", "--stride", "1M")
    run, _ = met_at_work(workers=2)
    stages = run.children()
    signal_all(stages, signal.SIGSTOP)
    signal_all(stages, signal.SIGKILL)
    status, said, err = run.end()
    same((status, said["code"]), (1, "AETHER_ESTAGE"), err)
    free("mine")
    good("destroy", "mine")
    nothing_left("in", "key")


# ---- the stages alone

def start(*words):
    return subprocess.Popen([BIN, *map(str, words)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=tool.environment())


def end(process, seconds=60):
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out.decode(), err.decode()


class Alone:
    def __init__(self, appliances, *words):
        good("create", "p", "--strides", "4", "--stride", "1M")
        self.egress = start("egress", "p", work / "out")
        self.appliances = [self.appliance() for _ in range(appliances)]
        self.ingress = start("ingress", "p", work / "in", "--workers",
                             appliances, *words)
        until(lambda: "orchestrator" in self.roles(), "an orchestrator")

    @staticmethod
    def appliance():
        return start("appliance", "p", *burns())

    @staticmethod
    def roles():
        return [p["role"] for p in good_json("who", "p")["participants"]
                if p["alive"]]

    def stop(self, *those):
        """Stops them when all are at work: a call, and more, were taken."""
        pids = {one.pid for one in those}
        until(lambda: pids <= {p["pid"] for p in
                               good_json("who", "p")["participants"]
                               if p["counts"]["taken"] > 1}, "at work")
        signal_all(pids, signal.SIGSTOP)

    def ends_well(self):
        for stage in (self.ingress, self.egress, *self.appliances):
            same(end(stage)[0], 0, "a stage")
        must((work / "out").read_bytes() == BURNED, "wrong output")
        free("p")


def test_alone_one_of_two():
    flow = Alone(2)
    flow.stop(flow.appliances[0])
    flow.appliances[0].kill()
    same(end(flow.appliances.pop(0))[0], -9)
    flow.ends_well()


def test_alone_another_comes():
    flow = Alone(2)
    flow.stop(*flow.appliances)
    for one in flow.appliances:
        one.kill()
        end(one)
    time.sleep(0.3)
    same(sorted(flow.roles()), ["egress", "ingress", "orchestrator"])
    flow.appliances = [flow.appliance()]
    flow.ends_well()


def test_alone_nobody_comes():
    flow = Alone(1, "--wait", "1")
    flow.stop(flow.appliances[0])
    began = time.monotonic()
    flow.appliances[0].kill()
    end(flow.appliances[0])
    status, _, err = end(flow.ingress)
    same(status, 1, "the ingress")
    must("no appliance has been there for 1.0 s" in err, "says:", err)
    status, _, err = end(flow.egress)
    same(status, 1, "the egress")
    must(0.9 < time.monotonic() - began < 4, "when:",
         time.monotonic() - began)
    must(not (work / "out").exists(), "an output is left")
    same(good_json("who", "p")["participants"], [], "participants")


def in_work(test):
    """Each test has a directory with the input, and a long key."""
    def inside():
        global work
        work = Path(tempfile.mkdtemp(prefix="aether-survive-"))
        try:
            (work / "in").write_bytes(DATA)
            (work / "key").write_bytes(KEY)
            test()
        finally:
            shutil.rmtree(work, ignore_errors=True)
    inside.__name__ = test.__name__
    return inside


if __name__ == "__main__":
    sys.exit(tool.run([in_work(test) for name, test in list(globals().items())
                       if name.startswith("test_")]))
