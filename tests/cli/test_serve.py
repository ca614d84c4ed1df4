#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aether serve and aether grant, and the other verbs over an attach socket: by
a second user, after the death of a server, and from namespaces of PIDs, mounts
and IPC with which nothing is shared but the socket."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (BIN, TIMEOUT, Skip, aether, bad, good,  # noqa: E402
                  good_json, must, objects, same)

NOBODY = 65534
OTHER = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
SMALL = ("--segments", 4, "--strides", 128, "--stride", "8K",
         "--participants", 8)


class Server:
    """A server that serves when this is made."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [BIN, "serve", "--json", *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=tool.environment())
        line = self.process.stdout.readline()
        must(line, "no server:", self.process.stderr.read() if not line
             else b"")
        self.says = json.loads(line)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.end(signal.SIGKILL)


def socket():
    tool.planes.chmod(0o755)
    return tool.planes / "plane.sock"


def test_serving():
    at = socket()
    good("create", "p", *SMALL)
    with Server("p", at) as server:
        same((server.says["name"], server.says["socket"],
              server.says["along"]), ("p", str(at), False), "it says")
        must(at.is_socket(), "a socket")
        same(at.stat().st_mode & 0o777, 0o666, "mode")
        for verb in ("map", "who", "layout", "guard", "reap", "doctor"):
            good_json(verb, at)
        same([s["right"] for s in good_json("layout", at)["segments"]],
             ["write"] * 4, "rights")
        with tool.Member(str(at), "one", reserve=3):
            same([(p["name"], p["alive"], len(p["strides"]))
                  for p in good_json("who", "p")["participants"]],
                 [("one", True, 3)], "who, by name")
            same(good_json("map", at)["counts"]["busy"], 3, "map, by socket")
        bad(1, "AETHER_EEXIST", "serve", "p", at, says="by somebody who lives")
        same(server.end(), -signal.SIGTERM, "ends by the signal")
    must(not at.exists(), "the socket is left")
    bad(1, "AETHER_ENOENT", "who", at, says="there is no socket")
    with Server("p", at, "--mode", 600) as server:
        same(at.stat().st_mode & 0o777, 0o600, "mode")
        same(server.end(signal.SIGKILL), -signal.SIGKILL, "killed")
    bad(1, "AETHER_ENOENT", "who", at, says="nobody serves at")
    with Server("p", at):
        good("who", at)


def test_wrong():
    at = socket()
    good("create", "p", *SMALL)
    bad(1, "AETHER_ENOENT", "serve", "none", at, says="no plane 'none'")
    bad(1, "AETHER_ENOENT", "serve", "p", at / "x" / "y")
    bad(1, "AETHER_ENAME", "serve", "p", tool.planes / ("x" * 200))
    bad(1, "AETHER_ENOENT", "serve", at, says="no socket")
    bad(1, "AETHER_EEXIST", "serve", "p", tool.planes / "aether.p",
        says="no socket")
    for words in ((), ("p",), ("p", at, at), ("--anonymous",),
                  ("--anonymous", "p", at), ("--segments", 3, "p", at),
                  ("p", at, "--clients", 0), ("p", at, "--mode", "99"),
                  ("p", at, "--mode", "444"), ("p", at, "--group", "no-such"),
                  ("p", at, "--grant", "1000"),
                  ("p", at, "--grant", "no-such:read"),
                  ("p", at, "--grant", "1:reed"),
                  ("p", at, "--grant", "1:read:70"),
                  ("p", at, "--grant", "1:read:3-1"),
                  ("p", at, "--grant", "1:read:0:0"),
                  (at, at), (at, "--mode", 600), (at, "--grant", "1:read")):
        bad(2, "AETHER_EUSAGE", "serve", *words)
    for words in ((), (at, 1), (at, 1, "reed"), (at, "@no-such", "read"),
                  (at, 1, "read", "x"), (at, 1, "read", 0, 0)):
        bad(2, "AETHER_EUSAGE", "grant", *words)
    bad(1, "AETHER_EINVAL", "serve", "p", at, "--grant", "1:read:4",
        says="the plane has segments 0 to 3.")
    must(not at.exists(), "a socket is left")


def test_rules():
    at = socket()
    with Server("--anonymous", at, *SMALL, "--grant", "65534:read:0-1,3",
                "--grant", "@7:write") as server:
        same(server.says["name"], None, "no name")
        same(good_json("ls")["planes"], [], "no named plane")
        rules = good_json("grant", at)["grants"]
        same([(r["who"], r["id"], r["right"], r["segments"], r["serve"])
              for r in rules],
             [("user", 65534, "read", [0, 1, 3], False),
              ("group", 7, "write", [0, 1, 2, 3], False)],
             "from the beginning")
        made = good_json("grant", at, "anyone", "observe", 2)["grant"]
        same((made["who"], made["id"], made["right"], made["observe"]),
             ("anyone", None, "read", True), "grant")
        good("grant", at, 65534, "default")
        same([r["who"] for r in good_json("grant", at)["grants"]],
             ["group", "anyone"], "what is forgotten is gone")
        must("anyone  read, observes  2" in good("grant", at).out, "in words")
        bad(1, "AETHER_EINVAL", "grant", at, 5, "read", 4)
    with Server("--anonymous", at, "--strides", 64):
        same(good_json("grant", at, 5, "read")["grant"]["segments"], [0],
             "an undivided plane")


def test_rules_in_vain():
    """What could never mean what it says is refused, with what to say
    instead; and is not if it could."""
    at = socket()

    def refused(says, *rule):
        before = good_json("grant", at)["grants"]
        bad(1, "AETHER_EINVAL", "grant", at, *rule, says=says)
        same(good_json("grant", at)["grants"], before, "as they were")

    me = os.geteuid()
    with Server("--anonymous", at, *SMALL):
        for who in (12345, "@12345", "anyone"):
            refused(f"only user {me} and root could serve", who, "write+serve")
        good("grant", at, me, "write+serve")
        good("grant", at, 0, "read+serve")
        refused("grant write+serve, or observe alone.", me, "observe+serve")
        refused("or default alone.", me, "default+serve")
        for right in ("none", "route"):
            refused(f"with {right} has not; grant write+serve, or {right} "
                    "alone.", me, right + "+serve")
    with Server("--anonymous", at, "--strides", 64):
        refused("route allows nothing there; grant write, or read",
                12345, "route")
        refused("with read has not", me, "read+serve")
        for right in ("none", "read", "observe", "write", "default"):
            good("grant", at, 12345, right)
    bad(1, "AETHER_EINVAL", "serve", "--anonymous", at, "--grant",
        "12345:write+serve", says="grant it without +serve")
    bad(1, "AETHER_EINVAL", "serve", "--anonymous", "--strides", 64, at,
        "--grant", "12345:route", says="--segments 1.")
    good("create", "p", "--mode", 660, *SMALL)
    with Server("p", at, "--grant", "12345:write+serve"):
        good("grant", at, "@12345", "read+serve")
        next(tool.planes.glob("*.data.2")).chmod(0o600)
        refused(f"only user {me} and root could serve", 12345, "write+serve")


def test_takeover():
    at = socket()
    with Server("--anonymous", at, *SMALL) as first, Server(at) as second:
        same(second.says["along"], True, "along")
        inode = at.stat().st_ino
        with tool.Member(str(at), "one", reserve=3) as one:
            first.end(signal.SIGKILL)
            good_json("who", at)
            with Server(at) as third:
                same(second.end(), -signal.SIGTERM, "in order")
                same(at.stat().st_ino, inode, "the same socket")
                good("grant", at, 5, "read")
                same(good_json("map", at)["counts"]["busy"], 3, "goes on")
                one.kill()
                tool.until(lambda: good_json("map", at)["counts"]["dormant"]
                           == 128, "the server settles what it left")
                third.end()
    must(not at.exists(), "the socket is left")


def flow(at, size, **who):
    """A flow of somebody's own on what is served there."""
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o777)
        source, out = Path(work) / "in", Path(work) / "out"
        source.write_bytes(os.urandom(size))
        source.chmod(0o644)
        good("run", "--plane", at, "--burn", "xor:A5", "--verify", source,
             out, **who)
        same(len(out.read_bytes()), size, "length")


def test_a_flow():
    at = socket()
    with Server("--anonymous", at, "--segments", 4, "--strides", 128,
                "--stride", "64K", "--participants", 8):
        flow(at, 3_000_001)
        same(good_json("map", at)["counts"]["dormant"], 128, "all are free")


def needs_root():
    if os.geteuid() != 0:
        raise Skip("needs root to become nobody")


GRANTS = ("--grant", f"{NOBODY}:write:0", "--grant", f"{NOBODY}:read:1",
          "--grant", f"{NOBODY}:route:2")


def test_a_second_user():
    needs_root()
    at = socket()
    with Server("--anonymous", at, *SMALL, *GRANTS):
        same([s["right"] for s in
              good_json("layout", at, **OTHER)["segments"]],
             ["write", "read", "route", "none"], "what it would have")
        must("files of segment" not in good("layout", at, **OTHER).out,
             "there are none")
        same(good_json("map", at, **OTHER)["counts"],
             {**good_json("map", at)["counts"], "dormant": 96, "unseen": 32},
             "map")
        same(good_json("reap", at, **OTHER)["dead"], 0, "it can join")
        flow(at, 300_001, **OTHER)
        bad(1, "AETHER_EACCES", "grant", at, NOBODY, "write", **OTHER)
        bad(1, "AETHER_EACCES", "serve", at, **OTHER)
        good("grant", at, NOBODY, "none")
        bad(1, "AETHER_EACCES", "who", at, says=f"aether grant SOCKET {NOBODY}",
            **OTHER)


def test_what_to_ask_for():
    """Who came over a socket and lacks a right is told of aether grant; who
    came by name, of modes."""
    needs_root()
    at = socket()
    grant = f"for aether grant SOCKET {NOBODY} write."
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o777)
        source = Path(work) / "in"
        source.write_bytes(b"x")
        source.chmod(0o644)
        words = source, Path(work) / "out"
        with Server("--anonymous", at, *SMALL, "--grant", f"{NOBODY}:read"):
            bad(1, "AETHER_EACCES", "run", "--plane", at, *words, says=grant,
                **OTHER)
        with Server("--anonymous", at, "--strides", 64, "--grant",
                    f"{NOBODY}:read"):
            bad(1, "AETHER_EACCES", "run", "--plane", at, *words, says=grant
                .replace("write.", "write, or"), **OTHER)
        good("create", "p", "--mode", 666, *SMALL)
        for file in tool.planes.glob("*.data.*"):
            file.chmod(0o644)
        bad(1, "AETHER_EACCES", "run", "--plane", "p", *words,
            says="ask the plane's owner for its mode or group", **OTHER)


def test_stages_that_may_not():
    """A stage that could never work says at once what it lacks; it does not
    wait for the others."""
    needs_root()
    at = socket()
    good("create", "p", "--mode", 666, *SMALL)
    for file in tool.planes.glob("*.data.*"):
        file.chmod(0o600)
    with Server("--anonymous", at, *SMALL, "--grant", f"{NOBODY}:route"), \
            tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o777)
        source, out = Path(work) / "in", Path(work) / "out"
        source.write_bytes(b"x")
        source.chmod(0o644)
        for name, ask in ((at, f"aether grant SOCKET {NOBODY} write."),
                          ("p", "for its mode or group")):
            for words in (("appliance", name, "--burn", "none"),
                          ("egress", name, out),
                          ("ingress", name, source, "--wait", 3600)):
                text = bad(1, "AETHER_EACCES", *words, says=ask, **OTHER).err
                must("needs the right write" in text and "is route;" in text,
                     text)
        same(os.listdir(work), ["in"], "no output")
        good("grant", at, NOBODY, "read")
        bad(1, "AETHER_EACCES", "appliance", at, "--burn", "none",
            says="the most that it has is read;", **OTHER)


def test_a_flow_where_it_may():
    """Its orchestrator, which needs no data, uses no stride but where the
    other stages may write."""
    needs_root()
    for may in range(4):
        at = socket()
        with Server("--anonymous", at, *SMALL, "--grant", f"{NOBODY}:route",
                    "--grant", f"{NOBODY}:write:{may}"):
            flow(at, 300_001, **OTHER)


def test_one_client_too_many():
    """Each stage is a client: who is refused is told why, also in a flow."""
    needs_root()
    at = socket()
    with Server("--anonymous", at, *SMALL, *GRANTS, "--per-user", 4), \
            tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o777)
        source = Path(work) / "in"
        source.write_bytes(b"x")
        source.chmod(0o644)
        done = aether("run", "--plane", at, "--workers", 1, source,
                      Path(work) / "out", **OTHER)
        must(done.status == 1 and "4 of user 65534" in done.err, done.err)
        same(os.listdir(work), ["in"], "no output")


def test_rules_are_told():
    """What a change says is what holds for that one now."""
    at = socket()
    with Server("--anonymous", at, *SMALL):
        good("grant", at, NOBODY, "observe", 0)
        same(good("grant", at, NOBODY, "write", 1).out.splitlines(),
             [f"{NOBODY} (nobody)  read  0", f"{NOBODY} (nobody)  write  1"],
             "all of its rules")
        good("grant", at, "anyone", "read")
        must("65534" in good("grant", at, NOBODY, "none").out, "none")
        bad(1, "AETHER_EINVAL", "grant", at, NOBODY, "read", 9,
            says="a rule is for segment 9, and the plane has segments 0 to 3.")
        bad(1, "AETHER_EPLANE", "doctor", "/etc/passwd", says="is no socket")
        with open("/dev/full", "w", encoding="utf-8") as full:
            server = subprocess.run([BIN, "serve", "--anonymous",
                                     tool.planes / "other.sock"],
                                    stdout=full, stderr=subprocess.PIPE,
                                    timeout=TIMEOUT, check=False,
                                    env=tool.environment())
        must(b"cannot write standard output" in server.stderr,
             str(server.stderr))
        same(server.returncode, 1, "who cannot say that it serves ends")


# ---- namespaces

INSIDE = """
set -e
mount --make-rprivate /
mount -t tmpfs none /mnt
cp "$1" /mnt/aether
cp "$2" /mnt/libaether.so
cp "$3" /mnt/served.py
touch /mnt/plane.sock
mount --bind "$4" /mnt/plane.sock
mount -t tmpfs none /dev/shm
mount -t tmpfs none /tmp
chmod 755 /mnt
cd /mnt
[ "$5" = proc ] || mount -t tmpfs none /proc
shift 5
exec "$@"
"""


def inside(at, *words, proc=True, start=False):
    """A command in namespaces of its own, in a directory /mnt that has the
    program, the library and the socket."""
    here = Path(__file__).parent
    words = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--ipc",
             "--mount-proc", "sh", "-c", INSIDE, "sh",
             BIN, tool.LIB, str(here / "served.py"), str(at),
             "proc" if proc else "none", *map(str, words)]
    env = tool.environment()
    del env["AETHER_DIR"]
    process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if start:
        return process
    out, err = process.communicate(timeout=TIMEOUT)
    same(process.returncode, 0, f"{words[14:]} {out} {err}")
    return out.decode()


def needs_namespaces():
    needs_root()
    tried = subprocess.run(["unshare", "--pid", "--fork", "--mount", "--ipc",
                            "--mount-proc", "true"], capture_output=True)
    if tried.returncode:
        raise Skip("namespaces cannot be made here: " +
                   tried.stderr.decode().strip())


def test_namespaces():
    """Nothing is shared but the socket: no PIDs, no directory, no IPC."""
    needs_namespaces()
    at = socket()
    with Server("--anonymous", at, *SMALL, *GRANTS):
        same(json.loads(inside(at, "./aether", "ls", "--json"))["planes"], [],
             "no plane is there by name")
        with tool.Member(str(at), "one", reserve=3):
            found = json.loads(inside(at, "./aether", "who", "--json",
                                      "./plane.sock"))["participants"]
            same([(p["name"], p["alive"]) for p in found], [("one", True)],
                 "who lives, though its PID means nothing there")
            found = json.loads(inside(at, "./aether", "map", "--json",
                                      "./plane.sock"))
            same(found["counts"]["busy"], 3, "map")
        for proc in (True, False):
            found = json.loads(inside(
                at, "setpriv", "--reuid", NOBODY, "--regid", NOBODY,
                "--clear-groups", sys.executable, "./served.py",
                "./libaether.so", "./plane.sock", proc=proc))
            same(found["rights"], [3, 2, 1, 0], "rights")
            same(found["stores"], ["done", "SIGSEGV", "SIGSEGV", "SIGSEGV"],
                 "really trying to write")
            denied = "Permission denied"
            same([found[k] for k in ("map", "protect", "write", "reopen")],
                 [denied, denied, "Bad file descriptor",
                  denied if proc else "No such file or directory"],
                 "nor by the descriptor")
            same(found["joined"], True, "it takes part")
        same(good_json("map", at)["counts"]["dormant"], 128, "all are free")


def test_a_death_in_a_namespace():
    needs_namespaces()
    at = socket()
    code = ("import ctypes,sys,time;sys.path.insert(0,'.');import served;"
            "l=ctypes.CDLL('./libaether.so');p=served.attach(l,'./plane.sock');"
            "m=ctypes.c_void_p();h=ctypes.c_uint64();e=ctypes.create_string_"
            "buffer(999);l.aether_participant_join(p,None,e,ctypes.byref(m));"
            "l.aether_stride_reserve(m,ctypes.byref(h));time.sleep(300)")
    with Server("--anonymous", at, *SMALL, *GRANTS):
        for words in ((), ("setpriv", "--reuid", NOBODY, "--regid", NOBODY,
                           "--clear-groups")):
            there = inside(at, *words, sys.executable, "-c", code, start=True)
            tool.until(lambda: good_json("map", at)["counts"]["busy"] == 1,
                       "it reserves")
            # the first process of its namespace: with it go all others
            first = Path(f"/proc/{there.pid}/task/{there.pid}/children")
            os.kill(int(first.read_text()), signal.SIGKILL)
            there.communicate(timeout=TIMEOUT)
            tool.until(lambda: good_json("map", at)["counts"]["dormant"]
                       == 128, "its stride comes back")
        same(good_json("who", at)["participants"], [], "and its slot")


def test_a_flow_through_a_namespace():
    """Read here, burned there, written here."""
    needs_namespaces()
    at = socket()
    data = os.urandom(3_000_001)
    work = Path(tempfile.mkdtemp())
    try:
        (work / "in").write_bytes(data)
        with Server("--anonymous", at, "--segments", 4, "--strides", 128,
                    "--stride", "64K", "--participants", 8):
            stages = [
                inside(at, "./aether", "appliance", "./plane.sock", "--burn",
                       "xor:5A", "--wait", TIMEOUT, start=True)]
            for words in (("ingress", at, work / "in"),
                          ("egress", at, work / "out")):
                stages.append(subprocess.Popen(
                    [BIN, *map(str, words), "--wait", str(TIMEOUT)],
                    env=tool.environment(), stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE))
            for stage in stages:
                out, err = stage.communicate(timeout=TIMEOUT)
                same(stage.returncode, 0, f"{out} {err}")
            same((work / "out").read_bytes(), bytes(b ^ 0x5A for b in data),
                 "every byte, burned in the namespace")
            same(good_json("map", at)["counts"]["dormant"], 128,
                 "all are free")
    finally:
        shutil.rmtree(work)


TESTS = [value for name, value in list(globals().items())
         if name.startswith("test_")]
if __name__ == "__main__":
    sys.exit(tool.run(TESTS))
