#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How aether run uses a machine: how many appliances, on which processors, how
many strides of a plane of its own, and that batches of wakes neither stall nor
delay a stream, however few, small or large its strides are. Machines with more
processors than this one are played by a preloaded sched_getaffinity()."""
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import Skip, bad, good, good_json, must, same, until  # noqa: E402
from watched import Run, children  # noqa: E402

K, M = 1024, 1024 * 1024
DATA = random.Random(4).randbytes(3 * M + 77)
STRIDES_AT = tool.HEADER + 40     # in a plane
SHIM = """
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	int count = atoi(getenv("SHIM_PROCESSORS"));

	(void)pid;
	memset(set, 0, size);
	for (int i = 0; i < count; i++) /* every other one */
		CPU_SET_S((size_t)(2 * i), size, set);
	return 0;
}

int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
	int fd = open(getenv("SHIM_PINS"), O_WRONLY | O_APPEND | O_CREAT, 0600);
	char line[60];

	(void)pid;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET_S((size_t)i, size, set) &&
		    write(fd, line, (size_t)snprintf(line, sizeof(line),
						     "%d %d\\n", (int)getpid(),
						     i)) < 0)
			return -1;
	close(fd);
	errno = EINVAL;
	return getenv("SHIM_REFUSES") ? -1 : 0;
}
"""
work = None


def put(name, data):
    path = work / name
    path.write_bytes(data)
    return path


def machine(processors, **more):
    """The environment of a machine with so many: 0, 2, 4, ..."""
    shim = work / "shim.so"
    if not shim.exists():
        cc = shutil.which("cc") or shutil.which("gcc")
        if not cc:
            raise Skip("no compiler for a machine with other processors")
        put("shim.c", SHIM.encode())
        subprocess.run([cc, "-shared", "-fPIC", "-o", shim, work / "shim.c"],
                       check=True)
    return {"LD_PRELOAD": str(shim), "SHIM_PROCESSORS": str(processors),
            "SHIM_PINS": str(work / "pins"), **more}


def appliances(*words, env=None, **more):
    said = good_json("run", *words, put("in", DATA[:1000]), work / "out",
                     env=env or {}, **more)
    must((work / "out").read_bytes() == DATA[:1000], f"wrong with {words}")
    return [s["role"] for s in said["stages"]].count("appliance")


# ---- how many appliances

def test_default_workers():
    for processors, wanted in ((1, 1), (2, 1), (3, 1), (4, 2), (5, 3), (8, 6),
                               (16, 14), (34, 32), (35, 32), (400, 32)):
        same(appliances(env=machine(processors)), wanted,
             f"appliances with {processors} processors")
    same(appliances("--workers", "2", env=machine(16)), 2, "if said")


def test_one_allowed_processor():
    one = min(os.sched_getaffinity(0))
    same(appliances(preexec_fn=lambda: os.sched_setaffinity(0, {one})), 1)


def test_default_fits_the_plane():
    """A number that nobody asked for is no reason to refuse."""
    for slots, wanted in ((4, 1), (5, 2), (6, 3), (64, 6)):
        good("create", "mine", "--participants", slots)
        same(appliances("--plane", "mine", env=machine(8)), wanted,
             f"appliances with {slots} slots")
        good("destroy", "mine")
    good("create", "mine", "--participants", "6")
    with tool.Member("mine", "another"):
        same(appliances("--plane", "mine", env=machine(8)), 2, "one is taken")
        bad(1, "AETHER_ESEATS", "run", "--plane", "mine", "--workers", "4",
            work / "in", work / "no", env=machine(8), says="slots for 6")
    # dead ones are no hindrance
    with tool.Member("mine", "dead") as dead:
        dead.kill()
        same(appliances("--plane", "mine", env=machine(8)), 3, "one is dead")
    same(appliances("--strides", "4", "--stride", "64K", env=machine(64)), 20,
         "a plane that is too small for 32")


# ---- on which processors

def wanted_pins(numbers, workers):
    """As run_pin.c says: the last for the egress, the first for ingress and
    orchestrator, the others in turn for the appliances."""
    middle = numbers[1:-1] or numbers[:1]
    return [numbers[0], numbers[0],
            *(middle[i % len(middle)] for i in range(workers)), numbers[-1]]


def test_pins():
    for processors in (1, 2, 3, 4, 6):
        for workers in (1, 2, 5):
            (work / "pins").unlink(missing_ok=True)
            said = good_json("run", "--pin", "--workers", workers,
                             put("in", DATA), work / "out",
                             env=machine(processors))
            lines = (work / "pins").read_text().splitlines()
            pins = dict(map(int, line.split()) for line in lines)
            same([pins[s["pid"]] for s in said["stages"]],
                 wanted_pins(range(0, 2 * processors, 2), workers),
                 f"{workers} appliances on {processors} processors")
            same(len(lines), workers + 3, "each is pinned once")


def allowed(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("Cpus_allowed_list:"):
            return line.split()[1]


def test_pinned_processes():
    """The real thing, on the processors that there are; also who comes in a
    dead one's place."""
    numbers = sorted(os.sched_getaffinity(0))
    wanted = [str(n) for n in wanted_pins(numbers, 2)]
    run = Run("--pin", "--workers", "2", "-", work / "out", stages=5)
    until(lambda: list(map(allowed, run.stages)) == wanted, f"on {wanted}")
    os.kill(run.stages[2], signal.SIGKILL)
    until(lambda: len(set(children(run.pid)) - set(run.stages)) == 1,
          "another appliance")
    fresh = (set(children(run.pid)) - set(run.stages)).pop()
    until(lambda: allowed(fresh) == wanted[2], "it is pinned, too")
    run.feed(DATA)
    same(run.end()[0], 0, "the run")
    must((work / "out").read_bytes() == DATA, "the output is wrong")


def test_not_pinned():
    before = allowed(os.getpid())
    run = Run("-", work / "out")
    same(set(map(allowed, run.stages)), {before}, "where they may run")
    same(run.end()[0], 0)


def test_pinned_to_one():
    one = min(os.sched_getaffinity(0))
    run = Run("--pin", "--workers", "2", "-", work / "out", stages=5,
              preexec_fn=lambda: os.sched_setaffinity(0, {one}))
    run.feed(DATA)
    same(set(map(allowed, run.stages)), {str(one)}, "where they may run")
    same(run.end()[::2], (0, ""), "the run")
    must((work / "out").read_bytes() == DATA, "the output is wrong")


def test_pin_refused():
    """All stages are refused; any of them may be the one that says so."""
    result = tool.aether("run", "--pin", put("in", DATA), work / "out",
                         env=machine(2, SHIM_REFUSES="1"))
    same((result.status, result.out), (1, ""), "the run")
    for words in ("cannot keep the", "on processor", "leave --pin away"):
        must(words in result.err, f"should say {words!r}:", result.err)
    must(not (work / "out").exists(), "an output is left")


# ---- how many strides

def strides_of(run):
    """Those of its anonymous plane, by the plane's header."""
    for link, name in tool.open_files(run.pid):
        if name.startswith("/memfd:aether"):
            with open(link, "rb") as plane:
                header = plane.read(STRIDES_AT + 4)
            return struct.unpack_from("<I", header, STRIDES_AT)[0]
    return None


def strides_with(*words, workers=1):
    run = Run(*words, "--workers", workers, "-", "/dev/null",
              stages=workers + 3)
    found = strides_of(run)
    same(run.end()[0], 0, f"the run with {words}")
    return found


def test_default_strides():
    for words, workers, wanted in (
            ((), 1, 24), ((), 4, 48), ((), 14, 128), ((), 32, 256),
            (("--stride", "4K"), 1, 256), (("--stride", "16K"), 1, 192),
            (("--stride", "64K"), 1, 48), (("--stride", "1M"), 1, 24),
            (("--stride", "2M"), 4, 24), (("--stride", "4M"), 1, 12),
            (("--stride", "16M"), 1, 3)):
        same(strides_with(*words, workers=workers), wanted,
             f"strides with {words}, {workers} appliances")


def test_strides_that_were_asked_for():
    same(strides_with("--strides", "7"), 7)
    same(strides_with("--strides", "300", "--stride", "64K"), 300)
    light = good_json("layout")["strides"]
    same(strides_with("--tier", "light"), light, "the tier light")
    run = Run("--plane", "mine", "-", "/dev/null")
    same(good_json("ls")["planes"][0]["strides"], light, "a plane with a name")
    same(run.end()[0], 0)


# ---- batches

def test_few_small_and_large():
    """No way of cutting the stream stalls: 0.2 s is what a wake-up that is
    lost would cost each time, and there are hundreds."""
    data = DATA[:M] * 32
    source = put("in", data)
    for words in (["--strides", "1"], ["--strides", "2"], ["--strides", "3"],
                  ["--strides", "4"], ["--strides", "5", "--workers", "3"],
                  ["--stride", "4K"], ["--stride", "4K", "--raw"],
                  ["--stride", "16M"], ["--stride", "16M", "--strides", "1"],
                  ["--strides", "2", "--workers", "8"]):
        began = time.monotonic()
        said = good_json("run", "--verify", *words, source, work / "out")
        must(time.monotonic() - began < tool.SOON, f"{words} takes too long")
        same(said["verify"], "ok", f"with {words}")
        must((work / "out").read_bytes() == data, f"wrong with {words}")


def is_late(times):
    """Every time: a busy machine delays some of them, and what comes because
    a sleeper looks by himself, after a round of 0.2 s, is late always."""
    return sorted(times)[len(times) // 4] > 0.15


def test_trickle_is_not_held_back():
    """What the input gives now comes out now, though wakes are owed."""
    run = Run("--burn", "none", "-", "-")
    times = []
    for at in range(0, 20000, 1000):
        began = time.monotonic()
        run.feed(DATA[at:at + 1000])
        got = os.read(run.process.stdout.fileno(), 5000)
        times.append(time.monotonic() - began)
        must(got == DATA[at:at + 1000], "wrong")
    must(not is_late(times), "it is late:", times)
    same(run.end()[:2], (0, b""), "the end")


def test_bursts():
    """Several strides at a time, and then a pause: all of them come out."""
    run = Run("--stride", "16K", "--strides", "64", "-", "-")
    times = []
    for burst in range(20):
        data = DATA[burst * 16 * K:(burst + burst % 13 + 1) * 16 * K]
        began, got = time.monotonic(), b""
        run.feed(data)
        while len(got) < len(data):
            got += os.read(run.process.stdout.fileno(), 65536)
        times.append(time.monotonic() - began)
        must(got == data, "wrong")
    must(not is_late(times), "they are late:", times)
    same(run.end()[:2], (0, b""), "the end")


def in_work(test):
    """Each test has an empty directory for files."""
    def inside():
        global work
        work = Path(tempfile.mkdtemp(prefix="aether-pipeline-"))
        try:
            test()
        finally:
            shutil.rmtree(work, ignore_errors=True)
    inside.__name__ = test.__name__
    return inside


if __name__ == "__main__":
    sys.exit(tool.run([in_work(test) for name, test in list(globals().items())
                       if name.startswith("test_")]))
