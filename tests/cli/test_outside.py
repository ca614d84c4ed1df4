#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aether run and the files outside: inputs that are mapped, and what may happen
to them meanwhile; outputs on a file system that is nearly full. The file
systems are made and mounted by the test, which needs root for it."""
import mmap
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import Skip, bad, good, good_json, must, same, until  # noqa: E402
from watched import Run, alive  # noqa: E402

M = 1024 * 1024
STRIDE = 131072
DATA = random.Random(11).randbytes(9 * M + 12345)
work = None


def flipped(data):
    whole = int.from_bytes(b"\xff" * len(data), "little")
    return (int.from_bytes(data, "little") ^ whole).to_bytes(len(data),
                                                             "little")


class Mounted:
    """A directory with a file system of its own."""
    def __init__(self, name, *words):
        self.place, self.words = work / name, words

    def __enter__(self):
        self.place.mkdir()
        done = subprocess.run(["mount", *map(str, self.words), self.place],
                              stderr=subprocess.PIPE)
        if done.returncode:
            raise Skip(f"cannot mount here: {done.stderr.decode().strip()}")
        return self.place

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.place], check=True)
        self.place.rmdir()


def huge():
    return Mounted("huge", "-t", "tmpfs", "-o", "huge=always,size=200m", "none")


def put_huge(path, data):
    """A file whose beginning is in a huge page: memory may be too fragmented
    for one."""
    for _ in range(20):
        put(path, data)
        with open(path, "rb") as file, \
                mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
            must(view[0] == data[0], "it is not what was written")
            smaps = Path("/proc/self/smaps").read_text().split(str(path))[1]
            if int(re.search(r"ShmemPmdMapped: +(\d+)", smaps)[1]):
                return path
    raise Skip("the kernel has no huge page to give")


def small_ext4():
    image = work / "image"
    with open(image, "wb") as file:
        file.truncate(24 * M)
    if not shutil.which("mkfs.ext4"):
        raise Skip("mkfs.ext4 is missing")
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", image], check=True)
    return Mounted("small", "-o", "loop", image)


def put(path, data):
    path.write_bytes(data)
    return path


def is_mapped(pid, path):
    return str(path) in Path(f"/proc/{pid}/maps").read_text()


def held(*words, **more):
    """A run on the plane "mine", none of whose strides is free: it has begun
    and goes on when the member has left."""
    good("create", "mine", "--strides", "8")
    member = tool.Member("mine", "holder", reserve=8)
    return member, Run("--plane", "mine", *words, **more)


def waits():
    """The ingress of such a run waits: it is over with looking at its input,
    which it may have mapped for that alone."""
    return any(p["role"] == "ingress" and p["counts"]["waits"]
               for p in good_json("who", "mine")["participants"])


def bus_errors():
    """The environment in which no sanitizer catches them."""
    env = tool.environment()
    return {name: env[name] + ":handle_sigbus=0"
            for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}


def let(member):
    member.__exit__()


# ---- mapped inputs

def test_mapped_or_not():
    """Sliced, in huge pages, not copied: only that is mapped."""
    with huge() as place:
        source = put_huge(place / "in", DATA)
        put(work / "in", DATA)
        for words, wanted in (((), True), (("--verify",), False),
                              (("--raw",), False), (("--copy",), False)):
            member, run = held("--burn", "xor:ff", *words, source,
                               work / "out")
            try:
                until(lambda: is_mapped(run.stages[0], source) or not wanted,
                      f"it is mapped with {words}")
                same(is_mapped(run.stages[0], source), wanted,
                     f"mapped with {words}")
            finally:
                let(member)
            same(run.end()[::2], (0, ""), f"the run with {words}")
            must((work / "out").read_bytes() == flipped(DATA),
                 f"wrong with {words}")
            good("destroy", "mine")


def test_from_a_place_on():
    """Standard input that was read from before."""
    with huge() as place:
        source = put_huge(place / "in", DATA)
        for start in (5, 2 * M, 2 * M + 1, len(DATA) - 1, len(DATA)):
            with open(source, "rb") as file:
                file.seek(start)
                done = subprocess.run(
                    [tool.BIN, "run", "--burn", "xor:ff", "-", work / "out"],
                    stdin=file, stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE, timeout=tool.TIMEOUT,
                    env=tool.environment())
                same((done.returncode, done.stderr), (0, b""), f"from {start}")
                same(os.lseek(file.fileno(), 0, os.SEEK_CUR), len(DATA),
                     "what is read")
            must((work / "out").read_bytes() == flipped(DATA[start:]),
                 f"wrong from {start} on")


def test_input_grows():
    with huge() as place:
        source = put_huge(place / "in", DATA[:5 * M])
        member, run = held("--burn", "xor:ff", source, work / "out")
        try:
            until(waits, "it has mapped, or not, and waits for a stride")
            must(is_mapped(run.stages[0], source), "it is mapped")
            with open(source, "ab") as file:
                file.write(DATA[5 * M:])
        finally:
            let(member)
        same(run.end()[::2], (0, ""), "the run")
        must((work / "out").read_bytes() == flipped(DATA), "it is wrong")


def test_input_shrinks():
    with huge() as place:
        source = put_huge(place / "in", DATA)
        for length in (0, 2 * M, 2 * M + 5):
            put_huge(source, DATA)
            (work / "out").write_bytes(b"old")
            member, run = held(source, work / "out", env=bus_errors())
            try:
                until(waits, "it has mapped, or not, and waits for a stride")
                must(is_mapped(run.stages[0], source), "it is mapped")
                os.truncate(source, length)
            finally:
                let(member)
            status, _, err = run.end()
            same(status, 1, f"with {length} bytes left")
            must(err == f"aether run: the input {source} became shorter while "
                 "it was read; there is no output, run it again, and leave the "
                 "input alone.\n", "says:", err)
            must(not any(map(alive, run.stages)), "stages are left")
            same((work / "out").read_bytes(), b"old", "what was there")
            same({s["state"] for s in good_json("map", "mine")["strides"]},
                 {"dormant"}, "strides")
            same(good_json("who", "mine")["participants"], [], "participants")
            good("destroy", "mine")
        same(sorted(os.listdir(work)), ["huge", "out"], "files left")


def test_holes_stay():
    """Reading a hole through a mapping would fill it."""
    with huge() as place:
        source = place / "in"
        source.touch()
        os.truncate(source, 8 * M)
        good("run", "--burn", "xor:ff", source, work / "out")
        same(os.stat(source).st_blocks, 0, "blocks of the input")
        must((work / "out").read_bytes() == flipped(bytes(8 * M)), "wrong")


def test_other_bus_errors():
    """The input is as long as before: it has not become shorter. Sent when the
    stage waits: ThreadSanitizer itself crashes of a signal in a child that it
    is just beginning."""
    with huge() as place:
        source = put_huge(place / "in", DATA)
        member, run = held(source, work / "out", env=bus_errors())
        until(waits, "the ingress waits for a stride")
        os.kill(run.stages[0], signal.SIGBUS)
        status, _, err = run.died()
        let(member)
        same(status, 1, "status")
        must("the ingress" in err and "killed by signal 7 (Bus error)" in err,
             "says:", err)


def test_appliance_killed():
    """Its piece is read again from the file."""
    with huge() as place:
        source = put_huge(place / "in", DATA)
        run = Run("--strides", "16", "--burn", "xor:ff", source, "-",
                  "--json")
        until(lambda: is_mapped(run.stages[0], source), "it is mapped")
        os.kill(run.stages[2], signal.SIGKILL)
        status, out, err = run.end()
        same(status, 0, err)
        must('"respawned":1' in err, "says:", err)
        must(out == flipped(DATA), "it is wrong")


# ---- a file system that is nearly full

def used(place):
    # what was freed comes back when the journal is done with it
    os.sync()
    room = os.statvfs(place)
    return room.f_blocks - room.f_bfree


def test_full_ext4():
    with small_ext4() as place:
        source = put(work / "in", DATA * 4)
        before = used(place)
        bad(1, "AETHER_ENOSPC", "run", source, place / "out",
            says=f"cannot write {place}/out: No space left on device; make "
                 "room there, or name another place")
        same(os.listdir(place), ["lost+found"], "files left")
        until(lambda: used(place) == before, "all blocks come back")
        put(place / "out", b"old")
        bad(1, "AETHER_ENOSPC", "run", source, place / "out",
            says="No space left on device")
        same((place / "out").read_bytes(), b"old", "what was there")


def test_what_fits():
    """An output on ext4 has the blocks that it needs."""
    with small_ext4() as place:
        source = put(work / "in", DATA)
        good("run", "--burn", "xor:ff", source, place / "out")
        must((place / "out").read_bytes() == flipped(DATA), "it is wrong")
        blocks = (place / "out").stat().st_blocks * 512
        must(blocks < len(DATA) + 65536, "it has too many blocks:", blocks)


def test_input_shrinks_unmapped():
    """What was asked for ahead, for bytes that did not come, is given back."""
    with small_ext4() as place:
        source = put(work / "in", DATA)
        before = used(place)
        member, run = held("--raw", source, place / "out")  # not mapped
        os.truncate(source, M)
        let(member)
        same(run.end()[::2], (0, ""), "the run")
        must((place / "out").read_bytes() == DATA[:M], "it is wrong")
        until(lambda: (used(place) - before) * os.statvfs(place).f_frsize
              < 2 * M, "blocks that were asked for come back")


def test_other_outputs():
    """Appended to, or shown to nobody: as ever."""
    with small_ext4() as place:
        source = put(work / "in", DATA[:M])
        target = put(place / "out", b"before")
        with open(target, "ab") as file:
            good("run", source, "-", stdout=file)
        must(target.read_bytes() == b"before" + DATA[:M], "appended wrong")
        with open(target, "r+b") as file:
            file.seek(3)
            good("run", source, "-", stdout=file)
        must(target.read_bytes() == b"bef" + DATA[:M] + DATA[M - 3:M],
             "written over wrong")
        must(stat.S_ISREG(target.stat().st_mode), "a file")
        must(target.stat().st_blocks * 512 < M + 65536, "too many blocks")


def in_work(test):
    """Each test has an empty directory for files."""
    def inside():
        global work
        work = Path(tempfile.mkdtemp(prefix="aether-outside-"))
        try:
            test()
        finally:
            shutil.rmtree(work, ignore_errors=True)
    inside.__name__ = test.__name__
    return inside


if __name__ == "__main__":
    sys.exit(tool.run([in_work(test) for name, test in list(globals().items())
                       if name.startswith("test_")]))
