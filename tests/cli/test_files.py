#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aether slice and unslice against a reference in Python, and what happens to
files: whole or not there, whatever is in the way. All verbs that write files
do so through the same few functions."""
import os
import random
import resource
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (BIN, TIMEOUT, Skip, aether, bad, good, must,  # noqa: E402
                  objects, same)

LENGTHS = (0, 1, 7, 8, 9, 63, 64, 65, 511, 512, 513, 4096 + 5, 131072,
           (1 << 20) - 1, (1 << 20) + 12345, (3 << 20) + 8)


# ---- the format, once more and by other means

def bit_table(plane, at):
    return bytes(((value >> plane) & 1) << at for value in range(256))


TABLES = [[bit_table(plane, at) for at in range(8)] for plane in range(8)]


def slice_tile(data):
    """Plane 0, plane 1 ... plane 7 of 8 * n bytes."""
    planes = []
    for plane in range(8):
        bits = 0
        for at in range(8):
            part = data[at::8].translate(TABLES[plane][at])
            bits |= int.from_bytes(part, "little")
        planes.append(bits.to_bytes(len(data) // 8, "little"))
    return b"".join(planes)


def reference(data, tile):
    """Whole tiles, then a short one, then what does not fill eight bytes."""
    whole = len(data) - len(data) % (8 * tile)
    tiles = [slice_tile(data[at:at + 8 * tile])
             for at in range(0, whole, 8 * tile)]
    short = (len(data) - whole) & ~7
    return b"".join(tiles) + slice_tile(data[whole:whole + short]) + \
        data[whole + short:]


def test_the_reference_itself():
    same(reference(b"\x01\0\0\0\0\0\0\0", 8), b"\x01" + bytes(7), "bit 0")
    same(reference(b"\0\x80\0\0\0\0\0\0", 8), bytes(7) + b"\x02", "bit 7")
    same(reference(b"\xff" * 8 + b"abc", 8), b"\xff" * 8 + b"abc", "the rest")


def test_slice_and_back():
    chance = random.Random(42)
    source, sliced, back = (tool.planes / n for n in ("in", "sliced", "back"))
    for length in LENGTHS:
        data = chance.randbytes(length)
        source.write_bytes(data)
        for tile in (8, 64, 4096):
            good("slice", source, sliced, "--tile", tile)
            must(sliced.read_bytes() == reference(data, tile),
                 f"slicing {length} bytes by {tile} differs")
            good("unslice", sliced, back, "--tile", tile)
            must(back.read_bytes() == data, "round trip", length, tile)
    same(sorted(os.listdir(tool.planes)), ["back", "in", "sliced"], "left")


def test_default_and_largest_tile():
    data = random.Random(1).randbytes((8 << 20) + 77)
    out = good("slice", "-", "-", stdin=data[:100000]).raw
    must(out == reference(data[:100000], 64), "the default tile is 64")
    out = good("slice", "-", "-", "--tile", "1M", stdin=data).raw
    must(out == reference(data, 1 << 20), "tile 1M")
    must(good("unslice", "-", "-", "--tile", "1M", stdin=out).raw == data,
         "tile 1M and back")


def test_slow_streams():
    data = random.Random(2).randbytes(300000)
    worker = subprocess.Popen([BIN, "slice", "-", "-"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, env=tool.environment())
    for at in range(0, len(data), 50021):   # no multiple of anything
        worker.stdin.write(data[at:at + 50021])
        worker.stdin.flush()
        time.sleep(0.01)
    out, _ = worker.communicate(timeout=TIMEOUT)
    same(worker.returncode, 0, "status")
    must(out == reference(data, 64), "short reads change the result")


def test_bad_tiles():
    for tile in ("0", "7", "4", "24", "2M", "x", "", "-8", "8.0"):
        bad(2, "AETHER_EUSAGE", "slice", "a", "b", "--tile", tile,
            says=f"'{tile}'")
    bad(2, "AETHER_EUSAGE", "slice", "a")
    bad(2, "AETHER_EUSAGE", "unslice", "a", "b", "c")


def test_json():
    source = tool.planes / "in"
    source.write_bytes(b"x" * 1000)
    result = good("slice", source, tool.planes / "out", "--json")
    found = objects(result)
    same(found, [{"verb": "slice", "ok": True, "bytes_in": 1000,
                  "bytes_out": 1000, "tile": 64}], "the object")
    result = good("slice", source, "-", "--json")
    same(result.raw, reference(b"x" * 1000, 64), "data and no more")
    must(result.err.startswith('{"verb":"slice","ok":true'), result.err)


# ---- input

def test_inputs_that_cannot_be_read():
    out = tool.planes / "out"
    bad(1, "AETHER_ENOENT", "slice", tool.planes / "nothing", out,
        says="nothing")
    bad(1, "AETHER_ENOENT", "slice", "", out)
    bad(1, "AETHER_EIO", "slice", tool.planes, out, says="directory")
    bad(1, "AETHER_EIO", "slice", "/proc/self/mem", out, says="cannot read")
    same(os.listdir(tool.planes), [], "left behind")


def test_input_without_permission():
    if os.getuid():
        raise Skip("acting as another user takes root")
    source = tool.planes / "in"
    source.write_bytes(b"secret")
    os.chmod(tool.planes, 0o777)
    os.chmod(source, 0o600)
    as_other = {"user": 65534, "group": 65534, "extra_groups": []}
    bad(1, "AETHER_EACCES", "slice", source, tool.planes / "out", **as_other)
    same(os.listdir(tool.planes), ["in"], "left behind")
    os.chmod(source, 0o644)
    os.chmod(tool.planes, 0o755)
    bad(1, "AETHER_EACCES", "slice", source, tool.planes / "out", **as_other)
    bad(1, "AETHER_EACCES", "slice", source, source.parent / "in2",
        **as_other)
    mine = tool.planes / "mine"
    mine.write_bytes(b"mine")
    os.chmod(tool.planes, 0o777)
    bad(1, "AETHER_EACCES", "slice", source, mine, **as_other)
    same(mine.read_bytes(), b"mine", "a file that may not be written")


# ---- output

def test_output_equal_to_input():
    source = tool.planes / "in"
    source.write_bytes(b"hello")
    (tool.planes / "soft").symlink_to("in")
    os.link(source, tool.planes / "hard")
    for name in ("in", "soft", "hard", "./in"):
        bad(1, "AETHER_EINVAL", "slice", source, f"{tool.planes}/{name}",
            says="is the input")
    command = f"{BIN} slice {source} - >>{source}"
    done = subprocess.run(["sh", "-c", command], capture_output=True,
                          env=tool.environment())
    same(done.returncode, 1, "through the shell")
    same(source.read_bytes(), b"hello", "the input")


def test_modes_and_links():
    source, out = tool.planes / "in", tool.planes / "out"
    source.write_bytes(b"x" * 100)
    good("slice", source, out, umask=0o027)
    same(stat.S_IMODE(out.stat().st_mode), 0o640, "a new file")
    os.chmod(out, 0o604)
    good("slice", source, out, umask=0o077)
    same(stat.S_IMODE(out.stat().st_mode), 0o604, "a file there was")
    link, dangling = tool.planes / "link", tool.planes / "dangling"
    link.symlink_to("out")
    out.write_bytes(b"old")
    good("slice", source, link)
    must(link.is_symlink(), "the link was replaced")
    same(out.read_bytes(), reference(b"x" * 100, 64), "through the link")
    dangling.symlink_to("fresh")
    good("slice", source, dangling)
    must(dangling.is_symlink() and (tool.planes / "fresh").exists(),
         "through a link to nothing")
    (tool.planes / "loop").symlink_to("loop")
    bad(1, "AETHER_EIO", "slice", source, tool.planes / "loop")
    relative = aether("slice", "in", "near", cwd=tool.planes)
    same(relative.status, 0, "a relative name")
    same(sorted(os.listdir(tool.planes)),
         ["dangling", "fresh", "in", "link", "loop", "near", "out"], "left")


def device(name, major, minor):
    """One of our own where that can be: root, testing a program that is
    wrong, would replace the machine's."""
    if os.getuid():
        return Path("/dev") / name
    node = tool.planes / name
    try:
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
        node.open("rb").close()
    except PermissionError as reason:
        raise Skip(f"no device of our own: {reason}") from None
    return node


def test_outputs_that_are_no_files():
    source, fifo = tool.planes / "in", tool.planes / "fifo"
    source.write_bytes(b"x" * 1000)
    null, full = device("null", 1, 3), device("full", 1, 7)
    good("slice", source, null)
    must(stat.S_ISCHR(os.stat(null).st_mode), "the device was replaced")
    bad(1, "AETHER_ENOSPC", "slice", source, full, says="full")
    for node in (null, full):
        if node.parent == tool.planes:
            node.unlink()
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", str(fifo)], stdout=subprocess.PIPE)
    good("slice", source, fifo)
    same(reader.communicate(timeout=TIMEOUT)[0], reference(b"x" * 1000, 64), "FIFO")
    must(stat.S_ISFIFO(fifo.stat().st_mode), "the FIFO was replaced")
    bad(1, "AETHER_EIO", "slice", source, tool.planes, says="directory")
    for name in ("", "no/such/dir", "in/x", "newdir/"):
        path = f"{tool.planes}/{name}" if name else ""
        bad(1, "AETHER_ENOENT", "slice", source, path)
    with open("/dev/full", "wb") as full:
        result = aether("slice", source, "-", stdout=full)
    same(result.status, 1, "standard output full")
    must("standard output" in result.err, result.err)
    same(sorted(os.listdir(tool.planes)), ["fifo", "in"], "left behind")


def limited():
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))


def check_failed_write(env=None):
    source, out = tool.planes / "in", tool.planes / "out"
    source.write_bytes(random.Random(3).randbytes(5 << 20))
    bad(1, "AETHER_ENOSPC", "slice", source, out, preexec_fn=limited, env=env)
    same(os.listdir(tool.planes), ["in"], "left behind")
    out.write_bytes(b"old")
    bad(1, "AETHER_ENOSPC", "slice", source, out, preexec_fn=limited, env=env)
    same(out.read_bytes(), b"old", "what was there before")
    same(sorted(os.listdir(tool.planes)), ["in", "out"], "left behind")


def test_write_that_fails_half_way():
    check_failed_write()


def test_full_file_system():
    small = tool.planes / "small"
    small.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M", "none",
                            str(small)], capture_output=True)
    if mount.returncode:
        raise Skip("mounting a small file system takes root")
    try:
        data = bytes(3 << 20)
        bad(1, "AETHER_ENOSPC", "slice", "-", small / "out", stdin=data,
            says="No space left")
        (small / "out").write_bytes(b"old")
        bad(1, "AETHER_ENOSPC", "slice", "-", small / "out", stdin=data)
        same((small / "out").read_bytes(), b"old", "what was there before")
        same(os.listdir(small), ["out"], "left behind")
    finally:
        subprocess.run(["umount", str(small)], check=True)


def wait_until_reading(process):
    """Until its output is open and it sleeps then: in read()."""
    def reads():
        opened = any(str(tool.planes) in name
                     for _, name in tool.open_files(process.pid))
        state = Path(f"/proc/{process.pid}/stat").read_text()
        return opened and state.rpartition(")")[2].split()[0] == "S"

    tool.until(reads, "it waits for its input")


def check_signals(env=None):
    out = tool.planes / "out"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        worker = subprocess.Popen([BIN, "slice", "-", str(out)],
                                  stdin=subprocess.PIPE,
                                  env=tool.environment(**(env or {})))
        wait_until_reading(worker)
        worker.send_signal(number)
        same(worker.wait(TIMEOUT), -number, "died by the signal")
        worker.stdin.close()
        same(os.listdir(tool.planes), [], "left behind")
    worker = subprocess.Popen(["nohup", BIN, "slice", "-", str(out)],
                              stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=tool.environment(**(env or {})))
    wait_until_reading(worker)
    worker.send_signal(signal.SIGHUP)
    worker.communicate(b"x", timeout=TIMEOUT)
    same((worker.returncode, out.exists()), (0, True), "under nohup")
    out.unlink()


def test_signals():
    check_signals()


SHIM = """
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>
int open(const char *path, int flags, ...)
{
	va_list list;
	int mode;
	va_start(list, flags);
	mode = va_arg(list, int);
	va_end(list);
	if ((flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...)
	__attribute__((alias("open")));
"""


def test_file_systems_without_nameless_files():
    """The same by a hidden name: some network file systems need it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise Skip("building the shim takes a C compiler")
    shims = tool.planes / "shims"
    shims.mkdir()
    (shims / "shim.c").write_text(SHIM)
    subprocess.run([compiler, "-w", "-shared", "-fPIC", "-o",
                    str(shims / "shim.so"), str(shims / "shim.c")], check=True)
    env = {"LD_PRELOAD": str(shims / "shim.so")}
    files = tool.planes / "files"
    files.mkdir()
    planes, tool.planes = tool.planes, files
    try:
        check_signals(env)
        check_failed_write(env)
        out = files / "out"
        out.chmod(0o640)
        good("slice", "-", out, stdin=b"new", env=env)
        same(out.read_bytes(), b"new", "replaced")
        same(stat.S_IMODE(out.stat().st_mode), 0o640, "its mode")
        good("slice", "-", files / "new", stdin=b"new", env=env, umask=0o022)
        same(stat.S_IMODE((files / "new").stat().st_mode), 0o644, "new")
        same(sorted(os.listdir(files)), ["in", "new", "out"], "left behind")
        trace(files, env)
    finally:
        tool.planes = planes


def trace(files, env):
    """That the shim was in the way at all: the hidden name is seen."""
    worker = subprocess.Popen([BIN, "slice", "-", str(files / "seen")],
                              stdin=subprocess.PIPE,
                              env=tool.environment(**env))
    wait_until_reading(worker)
    must(any(name.startswith(".aether-") for name in os.listdir(files)),
         "the shim does nothing", os.listdir(files))
    worker.communicate(b"x", timeout=TIMEOUT)
    must((files / "seen").exists(), "named in the end")


def test_closed_standard_streams():
    source = tool.planes / "in"
    source.write_bytes(b"x" * 100)
    quoted = shlex.quote(str(tool.planes / "out"))
    for redirect in ("<&-", "<&- 2>&-", "<&- >&-"):
        command = f"{BIN} slice {shlex.quote(str(source))} {quoted} {redirect}"
        subprocess.run(["sh", "-c", command], env=tool.environment())
        same(Path(tool.planes / "out").read_bytes(),
             reference(b"x" * 100, 64), f"with {redirect}")
        os.unlink(tool.planes / "out")
    done = subprocess.run(["sh", "-c", f"{BIN} slice - {quoted} <&-"],
                          env=tool.environment(), capture_output=True)
    same(done.returncode, 1, "no standard input")
    same(os.listdir(tool.planes), ["in"], "left behind")


TESTS = [value for name, value in list(globals().items())
         if name.startswith("test_")]
if __name__ == "__main__":
    sys.exit(tool.run(TESTS))
