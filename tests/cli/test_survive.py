#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aether run with appliances that are killed, at any moment and as often as it
takes: the output is right and in order, the dead are replaced, nothing is left.
Where that cannot be, because the input cannot be read twice, it says so. The
stages alone: test_survive_alone.py."""
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
from tool import BIN, TIMEOUT, good, good_json, must, same, until  # noqa: E402
from watched import Run, alive, children, rests, within_a_second  # noqa: E402

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
    """aether run, mostly on a file, whose appliances can be found at any
    time."""
    def __init__(self, *words, workers=2, source=None, stdin=None):
        self.process = subprocess.Popen(
            [BIN, "run", "--json", "--workers", str(workers), *burns(),
             *map(str, words), source or work / "in", work / "out"],
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=tool.environment())
        self.pid = self.process.pid
        self.killed = []
        self.others = []

        def started():
            stages = self.children()
            if len(stages) == workers + 3:
                self.others = stages[:2] + stages[-1:]
            return self.others

        until(lambda: started() or self.ended(), "all stages started")

    def ended(self):
        return self.process.poll() is not None

    def children(self):
        try:
            return children(self.pid)
        except (FileNotFoundError, ProcessLookupError):
            return []

    def appliances(self):
        return [pid for pid in self.children() if self.others and alive(pid)
                and pid not in self.others and pid not in self.killed]

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)
        self.killed.append(pid)

    def kill_all(self, *pids):
        """Kills them and waits until others are in their places: without its
        egress the run cannot come to its end before that."""
        os.kill(self.others[2], signal.SIGSTOP)
        before = set(self.children())
        for pid in pids:
            self.kill(pid)
        until(lambda: len(set(self.children()) - before) == len(pids),
              "others in their places")
        os.kill(self.others[2], signal.SIGCONT)

    def end(self, seconds=TIMEOUT):
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
    respawned = seed = 0
    while seed < 12 or respawned <= 6:
        must(seed < 100, "few were killed in time:", respawned)
        respawned += at_random(seed)
        seed += 1
    nothing_left("in", "key", "out")


def test_killed_before_the_stream():
    """It cannot begin while somebody else has all strides."""
    good("create", "mine", "--strides", "8")
    for _ in range(5):
        with tool.Member("mine", "holder", reserve=8):
            run = Survivor("--plane", "mine", workers=3)
            before = set(run.children())
            for pid in run.appliances()[:2]:
                run.kill(pid)
            until(lambda: len(set(run.children()) - before) == 2,
                  "others in their places")
        same(run.survives()["respawned"], 2, "respawned")
        free("mine")
    good("destroy", "mine")


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
    respawned = seed = 0
    runs, deaths = (10, 25) if tool.INSTRUMENTED else (40, 100)
    while seed < runs or respawned <= deaths:
        must(seed < 200, "too few died:", respawned)
        respawned += as_they_come(seed)
        seed += 1


# ---- killed in the middle of a stride

def signal_all(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):   # ended meanwhile
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
            run.kill_all(met)
            met = stop_at_work(run, "mine")
        if met:
            return run, met
        run.end()
    raise AssertionError("no appliance was ever met at work")


def test_killed_in_mid_stride():
    good("create", "mine", "--strides", "8", "--stride", "1M")
    for workers in (1, 2):
        run, met = met_at_work(workers=workers)
        run.kill_all(met)
        said = run.survives()
        same(said["respawned"], 1, "respawned")
        # it may have died between handing one on and counting it
        must(said["strides_routed"] in (3 * 38, 3 * 38 - 1), "routed", said)
        free("mine")


def test_several_killed_on_a_plane_of_the_user():
    good("create", "mine", "--strides", "4", "--stride", "1M")
    run, met = met_at_work(workers=3, times=3)
    run.kill_all(met)
    same(run.survives()["respawned"], 3, "respawned")
    free("mine")
    same(good_json("ls")["planes"][0]["alive"], 0, "alive")


def test_no_slot_to_spare():
    """The slot of the dead one is the newcomer's."""
    good("create", "mine", "--strides", "4", "--stride", "1M",
         "--participants", "4")
    run, met = met_at_work(workers=1, times=2)
    run.kill_all(met)
    same(run.survives()["respawned"], 2, "respawned")
    free("mine")


def test_all_killed_at_once():
    good("create", "mine", "--strides", "4", "--stride", "1M")
    run, _ = met_at_work(workers=3)
    run.kill_all(*run.appliances())
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
    rests("mine")
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
    with feeder.stdout as stdin:
        run = Survivor("--plane", "mine", workers=1, source="-", stdin=stdin)
    return run, feeder


def test_pipe_lost():
    good("create", "mine", "--strides", "8", "--stride", "1M")
    victim = None
    for _ in range(20):
        run, feeder = piped()
        victim = stop_at_work(run, "mine")
        if victim:
            break
        run.end()
        feeder.wait(TIMEOUT)
        (work / "out").unlink()
    must(victim, "no appliance was ever met at work")
    began = time.monotonic()
    run.kill(victim)
    status, said, err = run.end()
    feeder.wait(TIMEOUT)
    must(time.monotonic() - began < tool.SOON, "that takes too long")
    same((status, said["ok"], said["code"]), (1, False, "AETHER_ESUSPECT"))
    for words in (f"appliance (pid {victim}) was killed by signal 9 (Killed)",
                  "the appliance in slot", "of the stream",
                  "cannot be read a second time"):
        must(words in err, f"should say {words!r}:", err)
    must(not (work / "out").exists(), "an output is left")
    free("mine")


# ---- the others

def with_a_death(number):
    """A run of which an appliance was killed and then one of the others, and
    how long it took to end; not one that was over before that."""
    for _ in range(20):
        run = Survivor("--strides", "8")
        signal_all(run.appliances()[:1], signal.SIGKILL)
        time.sleep(0.02)
        began = time.monotonic()
        signal_all(run.others[number:number + 1], signal.SIGKILL)
        run.said = run.end()
        if run.said[0] != 0:
            return run, time.monotonic() - began
        (work / "out").unlink()
    raise AssertionError("every run was over too soon")


def test_others_end_it():
    took = []
    for number, role in enumerate(("ingress", "orchestrator", "egress")):
        run, seconds = with_a_death(number)
        took.append(seconds)
        victim, (status, said, err) = run.others[number], run.said
        same((status, said["code"]), (1, "AETHER_ESTAGE"), role)
        must(f"the {role} (pid {victim}) was killed by signal 9" in err,
             "says:", err)
        must(not alive(victim) and not run.appliances(), "stages are left")
        nothing_left("in", "key")
    within_a_second(took)


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
