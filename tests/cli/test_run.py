#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aether run: what comes out, compared with a reference in Python, and what it
says and leaves behind when something is wrong. Whatever happens to a run, it
ends, says what it was, and leaves neither output nor plane nor process."""
import json
import os
import pty
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (TIMEOUT, Skip, bad, good, good_json, must,  # noqa: E402
                  same, until)
from watched import Run, alive, rests, within_a_second  # noqa: E402

KEYS = ("bytes_in", "bytes_out", "seconds", "gbps", "strides_routed",
        "bytes_copied", "verify", "stages", "respawned")
LENGTHS = (0, 1, 511, 512, 513, 131071, 131072, 131073, 5000003)
RANDOM = random.Random(5)
DATA = RANDOM.randbytes(max(LENGTHS))
KEY = RANDOM.randbytes(3001)
STRIDE = 131072
work = None


def xor(data, key):
    if not data:
        return b""
    whole = (key * (len(data) // len(key) + 1))[:len(data)]
    number = int.from_bytes(data, "little") ^ int.from_bytes(whole, "little")
    return number.to_bytes(len(data), "little")


def put(name, data):
    path = work / name
    path.write_bytes(data)
    return path


def left(*wanted):
    """Nothing but these files is in the work directory, and no plane."""
    same(sorted(os.listdir(work)), sorted(wanted), "files left")
    same([p for p in os.listdir(tool.planes)], [], "planes left")


# ---- what comes out

def test_bytes_are_right():
    key = put("key", KEY)
    burns = ([], ["none"], ["xor:5A"], ["xor:a1B2c3d4e5"],
             [f"xor-file:{key}"], ["xor:01", f"xor-file:{key}", "xor:fe00"])
    for length in LENGTHS:
        source = put("in", DATA[:length])
        for number, specs in enumerate(burns):
            wanted = DATA[:length]
            for spec in specs:
                if spec.startswith("xor:"):
                    wanted = xor(wanted, bytes.fromhex(spec[4:]))
                elif spec.startswith("xor-file:"):
                    wanted = xor(wanted, KEY)
            words = [w for s in specs for w in ("--burn", s)]
            words += ["--raw"] if (number + length) % 3 == 0 else []
            words += ["--workers", "3"] if number % 2 else []
            good("run", *words, source, work / "out")
            must((work / "out").read_bytes() == wanted,
                 f"{length} bytes through {words} are wrong")
    left("in", "key", "out")


def test_all_tiles_and_sizes():
    source = put("in", DATA[:700001])
    wanted = xor(DATA[:700001], b"\x11\x22\x33")
    for words in (["--tile", "8"], ["--tile", "512"], ["--stride", "64K"],
                  ["--tier", "moderate"], ["--stride", "1M"],
                  ["--strides", "4", "--stride", "64K"],
                  ["--strides", "2", "--stride", "256K", "--workers", "4"],
                  ["--strides", "1", "--stride", "1M", "--workers", "2"],
                  ["--workers", "32"]):
        good("run", "--burn", "xor:112233", *words, source, work / "out")
        must((work / "out").read_bytes() == wanted, f"wrong with {words}")
    left("in", "out")


def test_what_json_says():
    source = put("in", DATA)
    said = good_json("run", "--burn", "xor:77", "--workers", "2", source,
                     work / "out", keys=KEYS)
    same((said["bytes_in"], said["bytes_out"]), (len(DATA), len(DATA)))
    same(said["strides_routed"], 3 * (len(DATA) // STRIDE + 1), "strides")
    same((said["bytes_copied"], said["verify"], said["respawned"]),
         (0, None, 0))
    must(said["seconds"] > 0 and said["gbps"] > 0, "speed:", said)
    same([s["role"] for s in said["stages"]],
         ["ingress", "orchestrator", "appliance", "appliance", "egress"])
    status = [s["status"] for s in said["stages"]]
    same(status[:2] + status[4:], [0] * 3, "statuses")
    # an appliance that is late to leave, when all is done, is not waited for
    must(set(status[2:4]) <= {0, 137}, "statuses of appliances:", status)
    same(len({s["pid"] for s in said["stages"]}), 5, "processes")


def test_copies_are_counted():
    source = put("in", DATA)
    said = good_json("run", "--copy", source, work / "out")
    same(said["bytes_copied"], 2 * len(DATA))
    must((work / "out").read_bytes() == DATA, "copied, but wrong")


def test_verify():
    source = put("in", DATA)
    for words in (["--burn", "xor:0102", "--burn", "xor:9988"], ["--raw"]):
        said = good_json("run", "--verify", *words, source, work / "out")
        same(said["verify"], "ok")


def test_streams():
    wanted = xor(DATA, b"\x5a")
    result = good("run", "--burn", "xor:5a", "-", "-", stdin=DATA)
    must(result.raw == wanted, "through a pipe it is wrong")
    result = good("run", "--json", "-", "-", stdin=b"hello")
    same(result.out, "hello", "only the stream goes to standard output")
    same(json.loads(result.err)["bytes_out"], 5, "JSON on standard error")
    good("run", "-", work / "out", stdin=DATA)
    must((work / "out").read_bytes() == DATA, "from a pipe it is wrong")


def test_trickle():
    run = Run("--burn", "xor:0ff0", "-", "-")
    for at in range(0, 3000, 1000):
        run.feed(DATA[at:at + 1000])
        got = os.read(run.process.stdout.fileno(), 5000)
        must(got == xor(DATA[at:at + 1000], b"\x0f\xf0"), "late or wrong")
    same(run.end()[:2], (0, b""), "the end")


def test_slow_stage_holds_back():
    run = Run("--strides", "4", "--stride", "64K", "-", work / "out")
    run.begin(DATA[:1000])
    os.kill(run.stages[3], signal.SIGSTOP)
    os.set_blocking(run.process.stdin.fileno(), False)
    sent, idle = 1000, 0
    while idle < 40:
        try:
            sent += os.write(run.process.stdin.fileno(), DATA[sent:sent + 4096])
            idle = 0
        except BlockingIOError:
            idle += 1
            time.sleep(0.005)
        must(sent < 1000000, "nothing holds it back")
    os.kill(run.stages[3], signal.SIGCONT)
    os.set_blocking(run.process.stdin.fileno(), True)
    run.feed(DATA[sent:])
    same(run.end()[0], 0, "the end")
    must((work / "out").read_bytes() == DATA, "wrong after a pause")


def test_progress_bar():
    try:
        source, sink = pty.openpty()
    except OSError as error:
        raise Skip(f"no terminal can be had: {error}") from error
    run = Run("-", work / "out", stderr=sink)
    os.close(sink)
    run.feed(DATA)
    shown = b""
    while b"4.8 MiB" not in shown:      # earlier ones show less
        must(len(shown) < 1 << 20, "bar:", shown[-1000:])
        shown += os.read(source, 1000)
    while b"GB/s" not in shown[shown.index(b"4.8 MiB"):]:
        shown += os.read(source, 1000)
    run.end()
    must(b"\r" in shown, "bar:", shown)
    os.close(source)
    run = Run("-", work / "out")
    run.feed(DATA)
    time.sleep(0.5)
    same(run.end()[2], "", "no bar without a terminal")


# ---- planes

def test_named_planes():
    source = put("in", DATA)
    good("run", "--plane", "mine", source, work / "out")
    left("in", "out")
    good("create", "mine", "--strides", "8")
    good("run", "--plane", "mine", "--workers", "3", source, work / "out")
    must((work / "out").read_bytes() == DATA, "wrong on a plane of the user")
    same(good_json("ls")["planes"][0]["name"], "mine", "it is still there")
    counts = good_json("map", "mine")["strides"]
    same({s["state"] for s in counts}, {"dormant"}, "its strides")
    good("destroy", "mine")


def test_plane_with_few_slots():
    good("create", "small", "--participants", "4")
    source = put("in", DATA)
    good("run", "--plane", "small", "--workers", "1", source, work / "out")
    bad(1, "AETHER_ESEATS", "run", "--plane", "small", "--workers", "2",
        source, work / "no", says="slots for 4")
    must(not (work / "no").exists(), "an output is left")


# ---- outputs

def test_kinds_of_output():
    source = put("in", DATA[:200000])
    good("run", source, "/dev/null")
    bad(1, "AETHER_ENOSPC", "run", source, "/dev/full", says="/dev/full")
    os.mkfifo(work / "fifo")
    with open(work / "copy", "wb") as copy:
        reader = subprocess.Popen(["cat", work / "fifo"], stdout=copy)
        good("run", source, work / "fifo")
        reader.wait(TIMEOUT)
    must((work / "copy").read_bytes() == DATA[:200000], "wrong through a FIFO")
    target = put("target", b"old")
    target.chmod(0o640)
    (work / "link").symlink_to("target")
    good("run", source, work / "link")
    must((work / "link").is_symlink(), "the link was replaced")
    must(target.read_bytes() == DATA[:200000], "the target was not")
    same(stat.S_IMODE(target.stat().st_mode), 0o640, "mode")
    left("in", "fifo", "copy", "target", "link")


def test_reader_goes_away():
    run = Run("-", "-")
    run.process.stdout.close()
    run.process.stdout = None
    try:
        run.feed(DATA)
    except BrokenPipeError:
        run.process.stdin = None
    status, _, err = run.end()
    same(status, 1, "status")
    must("roken pipe" in err, "says:", err)


def mount_small():
    small = work / "small"
    small.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none",
                           small], stderr=subprocess.PIPE)
    if done.returncode:
        raise Skip("a small file system cannot be mounted here")
    return small


def test_full_file_system():
    source = put("in", DATA)
    small = mount_small()
    try:
        bad(1, "AETHER_ENOSPC", "run", source, small / "out",
            says="No space left on device")
        bad(1, "AETHER_ENOSPC", "run", source, small / "out", says="small/out")
        same(os.listdir(small), [], "files left on it")
        (small / "out").write_bytes(b"old")
        bad(1, "AETHER_ENOSPC", "run", source, small / "out")
        same((small / "out").read_bytes(), b"old", "what was there")
    finally:
        subprocess.run(["umount", small], check=True)
    os.rmdir(small)
    left("in")


# ---- what is refused

def test_bad_files():
    source = put("in", b"content")
    out = work / "out"
    bad(1, "AETHER_ENOENT", "run", work / "none", out, says="none")
    bad(1, "AETHER_EIO", "run", work, out, says="Is a directory")
    bad(1, "AETHER_EIO", "run", source, work, says="Is a directory")
    bad(1, "AETHER_ENOENT", "run", source, work / "no" / "out", says="no/out")
    bad(1, "AETHER_EINVAL", "run", source, source, says="is the input")
    bad(1, "AETHER_EINVAL", "run", source, f"{work}/./in", says="is the input")
    os.link(source, work / "same")
    bad(1, "AETHER_EINVAL", "run", source, work / "same", says="is the input")
    same(source.read_bytes(), b"content", "the input")
    left("in", "same")


def test_without_permission():
    as_nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    if os.geteuid():
        as_nobody = {}
    source = put("in", b"content")
    secret = put("secret", b"content")
    secret.chmod(0)
    work.chmod(0o755)
    bad(1, "AETHER_EACCES", "run", secret, "/dev/null", says="secret",
        **as_nobody)
    if as_nobody:
        bad(1, "AETHER_EACCES", "run", source, work / "out",
            says="Permission denied", **as_nobody)
    left("in", "secret")


def test_bad_burns():
    source = put("in", b"content")
    empty = put("empty", b"")
    out = work / "out"
    for spec, code, word in (
            ("rot13", "AETHER_EBURN", "rot13"),
            ("xor:", "AETHER_EBURN", "empty"),
            ("xor:123", "AETHER_EBURN", "3 digits"),
            ("xor:12z4", "AETHER_EBURN", "'z' in place 3"),
            (f"xor-file:{empty}", "AETHER_EBURN", "empty"),
            (f"xor-file:{work}", "AETHER_EIO", "directory"),
            (f"xor-file:{work}/none", "AETHER_EIO", "No such file")):
        bad(1, code, "run", "--burn", "none", "--burn", spec, source, out,
            says=word)
    left("in", "empty")


def test_bad_usage():
    source = put("in", b"content")
    out = work / "out"
    for words in (["--workers", "0"], ["--workers", "33"],
                  ["--workers", "x"], ["--workers", "-1"], ["--tier", "tiny"],
                  ["--strides", "0"], ["--strides", "65537"],
                  ["--stride", "0"], ["--stride", "2K"], ["--stride", "32M"],
                  ["--stride", "5000"], ["--stride", "1TiB"],
                  ["--stride", "x"], ["--tile", "4"], ["--tile", "65"],
                  ["--tile", "1024"], ["--raw", "--tile", "8"],
                  ["--tier", "light", "--strides", "4"], ["--what"],
                  ["--burn=none"] * 17):
        bad(2, "AETHER_EUSAGE", "run", *words, source, out)
    bad(2, "AETHER_EUSAGE", "run")
    bad(2, "AETHER_EUSAGE", "run", source, says="OUT")
    bad(2, "AETHER_EUSAGE", "run", source, out, "more")
    left("in")


def test_bad_planes():
    source = put("in", b"content")
    out = work / "out"
    for name in ("", "x" * 300, ".hidden"):
        bad(1, "AETHER_ENAME", "run", "--plane", name, source, out)
    bad(1, "AETHER_ENOENT", "run", "--plane", "a/b", source, out, says="socket")
    bad(1, "AETHER_EGEOMETRY", "run", "--strides", "1", "--stride", "4K",
        source, out)
    left("in")
    tool.plane_file("junk").write_bytes(b"no plane at all" * 1000)
    bad(1, "AETHER_EPLANE", "run", "--plane", "junk", source, out)
    must(not out.exists(), "an output is left")


# ---- killed

ROLES = {0: "ingress", 1: "orchestrator", 4: "egress"}


def test_killed_stage():
    """The appliances can be spared: test_survive.py."""
    took = []
    for number, role in ROLES.items():
        run = Run("--workers", "2", "--json", "-", work / "out", stages=5)
        run.feed(DATA[:300000])
        pid = run.stages[number]
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        status, out, err = run.died()
        took.append(time.monotonic() - began)
        same(status, 1, f"{role} killed")
        must(f"the {role} (pid {pid}) was killed by signal 9 (Killed)" in err,
             "says:", err)
        said = json.loads(out)
        same((said["ok"], said["code"]), (False, "AETHER_ESTAGE"), role)
        same(said["stages"][number]["status"], 137, "its status")
        must(not any(map(alive, run.stages)), "stages are left")
        left()
    within_a_second(took)


def test_terminated_stage():
    run = Run("-", work / "out")
    os.kill(run.stages[2], signal.SIGTERM)
    status, _, err = run.died()
    same(status, 1, "status")
    must("appliance" in err and "signal 15 (Terminated)" in err, err)
    left()


def test_killed_on_a_plane_of_the_user():
    good("create", "mine", "--strides", "8")
    took = []
    for number in (0, 1, 3):
        run = Run("--plane", "mine", "-", work / "out")
        run.feed(DATA[:300000])
        os.kill(run.stages[number], signal.SIGKILL)
        began = time.monotonic()
        same(run.died()[0], 1, "status")
        took.append(time.monotonic() - began)
        same(good_json("who", "mine")["participants"], [], "participants")
        same({s["state"] for s in good_json("map", "mine")["strides"]},
             {"dormant"}, "strides")
    within_a_second(took)
    good("destroy", "mine")
    left()


def test_interrupted_on_a_plane_of_the_user():
    good("create", "mine", "--strides", "8")
    run = Run("--plane", "mine", "-", work / "out")
    run.feed(DATA[:300000])
    os.kill(run.pid, signal.SIGINT)
    same(run.died()[0], -signal.SIGINT, "status")
    same(good_json("who", "mine")["participants"], [], "participants")
    same({s["state"] for s in good_json("map", "mine")["strides"]},
         {"dormant"}, "strides")
    good("destroy", "mine")
    left()


def test_interrupted():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        old = put("out", b"old")
        run = Run("--plane", "mine", "-", old)
        run.feed(DATA[:300000])
        os.kill(run.pid, number)
        status, out, _ = run.died()
        same((status, out), (-number, b""), "ends by the signal")
        must(not any(map(alive, run.stages)), "stages are left")
        same(old.read_bytes(), b"old", "the old output")
        left("out")


def test_interrupted_from_the_keyboard():
    run = Run("-", work / "out")
    run.feed(DATA[:300000])
    os.killpg(run.pid, signal.SIGINT)
    status, out, err = run.died()
    same((status, out, err), (-signal.SIGINT, b"", ""), "all get the signal")
    left()


def test_parent_killed():
    run = Run("--workers", "2", "-", work / "out", stages=5)
    run.feed(DATA[:300000])
    os.kill(run.pid, signal.SIGKILL)
    run.process.wait()      # its input is still open
    until(lambda: not any(map(alive, run.stages)), "stages die with it")
    run.died()
    left()


def test_verify_fails():
    made = good_json("create", "mine", "--strides", "64")
    first = made["plane_size"] - made["data_size"]
    run = Run("--plane", "mine", "--verify", "--json", "-", work / "out")
    run.begin(DATA[:1000])
    rests("mine")
    os.kill(run.stages[2], signal.SIGSTOP)
    run.feed(DATA[1000:400000])

    def routed():
        return [s for s in good_json("map", "mine")["strides"]
                if s["state"] == "routed"]

    until(lambda: len(routed()) >= 3, "it has mail")
    for one in routed():
        tool.patch("mine", first + one["index"] * STRIDE, b"\x55" * 64)
    os.kill(run.stages[2], signal.SIGCONT)
    status, out, err = run.end()
    same(status, 3, f"status {err}")
    said = json.loads(out)
    same((said["ok"], said["code"], said["verify"]),
         (False, "AETHER_EVERIFY", "failed"))
    good("destroy", "mine")
    left()


def in_work(test):
    """Each test has an empty directory for files, too."""
    def inside():
        global work
        work = Path(tempfile.mkdtemp(prefix="aether-run-"))
        work.chmod(0o755)
        try:
            test()
        finally:
            shutil.rmtree(work, ignore_errors=True)
    inside.__name__ = test.__name__
    return inside


if __name__ == "__main__":
    sys.exit(tool.run([in_work(test) for name, test in list(globals().items())
                       if name.startswith("test_")]))
