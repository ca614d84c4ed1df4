# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share: the program, a private directory
of planes, and TAP. Nothing outside that directory is touched, so that tests
can run beside each other and beside real planes.

    AETHER_BIN   the program (build/aether)
    AETHER_LIB   the shared library, for participants (build/libaether.so)
"""
import atexit
import ctypes
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = os.environ.get("AETHER_BIN") or str(ROOT / "build" / "aether")
LIB = os.environ.get("AETHER_LIB") or str(ROOT / "build" / "libaether.so")
HEADER = 0x1DC0     # of a plane, in every layout
# Seconds. Any process may stand still for some of them on a busy machine: what
# takes as long as this hangs.
TIMEOUT = 240
SOON = 30           # what comes at once where nothing else runs
INSTRUMENTED = re.search(rb"__[at]san_init", Path(BIN).read_bytes()) \
    if os.access(BIN, os.R_OK) else None

# as nohup and shells in the background leave them
for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)
# those that are to crash leave no file
resource.setrlimit(resource.RLIMIT_CORE,
                   (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


class Skip(Exception):
    """A test that cannot be done here; the text says why."""


def must(condition, text, *more):
    if not condition:
        raise AssertionError(" ".join([text, *map(repr, more)]))


def same(got, wanted, text=""):
    if got != wanted:
        raise AssertionError(f"{text}: got {got!r}, wanted {wanted!r}")


class Result:
    def __init__(self, status, out, err):
        self.status, self.raw, self.err = status, out, err
        self.out = out.decode("utf-8", "replace")

    def __repr__(self):
        return f"(status {self.status}, out {self.out!r}, err {self.err!r})"


TSAN = "exitcode=99"    # of a thread sanitizer; a test may add to it


def environment(**more):
    env = {k: v for k, v in os.environ.items() if k != "AETHER_DIR"}
    env.update(AETHER_DIR=str(planes), LC_ALL="C",
               UBSAN_OPTIONS="halt_on_error=1:exitcode=99",
               ASAN_OPTIONS="exitcode=99:verify_asan_link_order=0",
               TSAN_OPTIONS=TSAN)
    env.update(more)
    return env


def for_others():
    """A copy of the program that another user can reach, wherever this tree
    lies (a clone below /root is nobody else's)."""
    place = Path(tempfile.mkdtemp(prefix="aether-bin-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    place.chmod(0o755)
    return shutil.copy(BIN, place / "aether")


def aether(*words, stdin=b"", env=None, binary=None, **more):
    """Runs the program. A crash is a failure whatever the test thinks of it."""
    if "user" in more and not binary:
        binary = for_others()
    done = subprocess.run(
        [binary or BIN, *map(str, words)], input=stdin, timeout=TIMEOUT,
        stdout=more.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE,
        env=environment(**(env or {})), **more)
    err = done.stderr.decode("utf-8", "replace")
    must(done.returncode in (0, 1, 2, 3), "died:", words, done.returncode, err)
    return Result(done.returncode, done.stdout or b"", err)


def good(*words, **more):
    result = aether(*words, **more)
    same(result.status, 0, f"{words} {result.err}")
    return result


def objects(result):
    """All lines of standard output, each of which must be an object."""
    return [json.loads(line) for line in result.out.splitlines()]


def good_json(*words, keys=(), **more):
    """One object, with the keys of the contract."""
    found = objects(good(*words, "--json", **more))
    same(len(found), 1, f"objects of {words}")
    same((found[0]["verb"], found[0]["ok"]), (words[0], True), f"{words}")
    missing = set(keys) - set(found[0])
    must(not missing, f"{words} lacks keys", missing)
    return found[0]


def without_numbers(text):
    """What stays the same from one run to the next: free memory does not."""
    return re.sub(r"\d+", "N", text)


def bad(status, code, *words, says="", **more):
    """Fails with this status and code, in words and in JSON alike."""
    plain = aether(*words, **more)
    same(plain.status, status, f"status of {words} {plain.err}")
    same(plain.out, "", f"standard output of {words}")
    must(plain.err.startswith("aether ") and plain.err.count("\n") == 1,
         f"one line about {words}:", plain.err)
    must(says in plain.err, f"{words} should say {says!r}:", plain.err)
    result = aether(words[0], "--json", *words[1:], **more)
    same(result.status, status, f"status of {words} --json")
    must(without_numbers(result.err) == without_numbers(plain.err),
         f"{words} --json says:", result.err)
    found = objects(result)
    same(len(found), 1, f"objects of {words} --json")
    same([found[0].get(k) for k in ("verb", "ok", "code")],
         [words[0], False, code], f"{words} --json")
    must(found[0]["message"] in result.err, "message:", found[0]["message"])
    return plain


def plane_file(name):
    return planes / f"aether.{name}"


def patch(name, offset, data):
    with open(plane_file(name), "r+b") as file:
        file.seek(offset)
        file.write(data)


def until(what, text, seconds=2 * SOON):
    end = time.monotonic() + seconds
    while not what():
        must(time.monotonic() < end, "never:", text)
        time.sleep(0.005)


def stands_still(pid):
    """All its threads are stopped, or it has ended."""
    try:
        return all(task.joinpath("stat").read_text().rpartition(")")[2].split()
                   [0] in "TtZX" for task in Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return not os.path.exists(f"/proc/{pid}/stat")


def stop(pid):
    """Stops it. The signal alone does not: until one of its threads has met
    it, another may still reap somebody."""
    os.kill(pid, signal.SIGSTOP)
    until(lambda: stands_still(pid), "it stops")


# ---- participants: another process that joins through the library

class Options(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("role", ctypes.c_uint32),
                ("quota", ctypes.c_uint32), ("spin", ctypes.c_uint64),
                ("unwatched", ctypes.c_uint32)]


def open_files(pid):
    """What the process has open: path of the link, and what it names. A file
    may be closed while we look."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append((link, os.readlink(link)))
        except FileNotFoundError:
            pass
    return found


def member_main(plane, name, role, reserve, to):
    """Joins, reserves, routes the first ones to `to`, says so, waits."""
    lib = ctypes.CDLL(LIB)
    lib.aether_participant_tenancy.restype = ctypes.c_uint64
    error = ctypes.create_string_buffer(1024)
    here, me = ctypes.c_void_p(), ctypes.c_void_p()
    number, tenancy = ctypes.c_uint32(), ctypes.c_uint64()

    def call(result):
        must(result >= 0, "the library refused:", result, error.raw[8:200])

    call(lib.aether_plane_attach(plane.encode(), 0, error, ctypes.byref(here)))
    call(lib.aether_participant_role(role.encode(), ctypes.byref(number)))
    options = Options(os.fsencode(name), number.value, 0, 0)
    call(lib.aether_participant_join(here, ctypes.byref(options), error,
                                     ctypes.byref(me)))
    for _ in range(int(reserve)):
        handle = ctypes.c_uint64()
        call(lib.aether_stride_reserve(me, ctypes.byref(handle)))
    if to:
        call(lib.aether_participant_find(here, to.encode(),
                                         ctypes.byref(tenancy)))
        call(lib.aether_route(me, handle, tenancy))
    print("ready", flush=True)
    sys.stdin.read()
    lib.aether_participant_leave(me)


class Member:
    def __init__(self, plane, name, role="appliance", reserve=0, to=""):
        must(os.path.exists(LIB), f"{LIB} is missing; make all")
        self.process = subprocess.Popen(
            [sys.executable, __file__, plane, name, role, str(reserve), to],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(),
            start_new_session=True)
        self.pid = self.process.pid
        same(self.process.stdout.readline(), b"ready\n", "a member")

    def __enter__(self):
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(TIMEOUT)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.communicate(timeout=TIMEOUT)


# ---- TAP

planes = None


def run(tests):
    """Runs all tests, each in an empty directory of planes."""
    global planes
    if not os.access(BIN, os.X_OK):
        print(f"Bail out! {BIN} is missing; make all, or set AETHER_BIN")
        return 1
    failed = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        name = test.__name__.replace("test_", "").replace("_", " ")
        planes = Path(tempfile.mkdtemp(prefix="aether-test-", dir="/dev/shm"))
        try:
            test()
            print(f"ok {number} - {name}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception:   # a test must not end the others
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            for line in traceback.format_exc().splitlines():
                print(f"# {line}", file=sys.stderr, flush=True)
        finally:
            shutil.rmtree(planes, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    member_main(*sys.argv[1:])
