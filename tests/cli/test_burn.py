#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Burns of the user's own in aether run and in the stages alone: what is wrong
with one is said before there is an output, and whatever one does in a stage,
crashing included, the run goes on or says which burn it was."""
import functools
import os
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
from tool import (BIN, ROOT, TIMEOUT, aether, bad, good,  # noqa: E402
                  good_json, must, same, until)
from watched import Run, alive, children  # noqa: E402

STRIDE = 131072
DATA = bytes(os.urandom(40 * STRIDE - 77))
SOURCE = ROOT / "tests" / "flow" / "burn_puppet.c"
INCLUDE = [f"-I{ROOT}/include", f"-I{ROOT}/build/gen"]
work = Path(tempfile.mkdtemp(prefix="aether-burn-"))


def flipped(data):
    return bytes(data).translate(bytes(255 - i for i in range(256)))


def added(data, step):
    return bytes(data).translate(bytes((i + step) % 256 for i in range(256)))


def compiler(name):
    found = shutil.which(name)
    if not found:
        raise tool.Skip(f"no {name}")
    return found


@functools.cache
def puppet(*macros):
    """The path of a puppet with these macros."""
    path = work / f"puppet{len(list(work.glob('*.so')))}.so"
    subprocess.run([compiler("cc"), "-shared", "-fPIC", "-w", *INCLUDE,
                    *(f"-D{m}" for m in macros), SOURCE, "-o", path],
                   check=True)
    return path


def crashes():
    """A sanitizer would catch the signals that burns are killed by here."""
    env = tool.environment()
    return {name: env[name] + ":handle_segv=0"
            for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}


def files():
    return work / "in", work / "out"


def burn(spec, *words, want=None, **more):
    """Runs it; the object that says how it went."""
    result = good_json("run", *(["--burn", spec] if spec else []), *words,
                       *files(), **more)
    must((work / "out").read_bytes() == (flipped(DATA) if want is None
                                         else want), f"{spec}: wrong output")
    (work / "out").unlink()
    return result


def refuses(spec, says, *words, status=1, code="AETHER_EBURN", hides="", **more):
    """Fails, in time, and leaves nothing."""
    began = time.monotonic()
    plain = bad(status, code, "run", "--burn", spec, *words, *files(),
                says=says, env=crashes(), **more)
    must(time.monotonic() - began < 2 * tool.SOON, f"{spec} takes too long")
    must(not hides or hides not in plain.err, "tells a secret:", plain.err)
    same([p.name for p in work.iterdir() if p.suffix != ".so"], ["in"], "left")
    same(os.listdir(tool.planes), [], "planes left")
    return plain


# ---- what one does when all is well

def test_burns():
    path = puppet()
    for words in ((), ("--raw",), ("--workers", "3"), ("--tile", "8")):
        same(burn(path, "--verify", *words)["verify"], "ok", words)
    burn(f"{path}:a:b:c")
    burn(None, *["--burn", path] * 3)
    burn(path, "--burn", "xor:ff", "--burn", f"{path}:x", "--verify",
         want=flipped(DATA))


def times(data, factor):
    """In GF(2^8), by the definition."""
    table = []
    for x in range(256):
        product = 0
        for bit in range(8):
            product ^= (factor >> bit & 1) * (x << bit)
        for bit in range(14, 7, -1):
            product ^= (product >> bit & 1) * (0x11D << bit - 8)
        table.append(product)
    return bytes(data).translate(bytes(table))


def test_gf256():
    for words in ((), ("--raw",), ("--workers", "3"), ("--tile", "8"),
                  ("--tile", "512")):
        same(burn("gf256:1d", "--verify", *words,
                  want=times(DATA, 0x1D))["verify"], "ok", words)
    burn("gf256:8E", "--burn", "gf256:02", "--verify", want=DATA)
    refuses("gf256:00", "gf256: what follows the colon is no constant; give two "
            "hexadecimal digits, 01 to FF, as in gf256:1D.")


def test_relative_path():
    good("run", "--burn", f"./{puppet().name}:x", *files(), cwd=work)
    must((work / "out").read_bytes() == flipped(DATA), "wrong output")


def test_only_bytes():
    path = puppet("FORMATS=1", "STEP=5")
    same(burn(path, "--raw", "--verify", "--burn", "xor:00",
              want=added(DATA, 5))["verify"], "ok")
    refuses(path, "the burn puppet takes only bytes, and the stream is sliced "
            "into bit-planes; send it raw (--raw).", status=2,
            code="AETHER_EUSAGE")


def test_only_planes():
    """Sums of bit-planes are not those of bytes: undoing must slice again."""
    up, down = (puppet("FORMATS=2", f"STEP={n}") for n in (5, -5))
    refuses(up, "takes only bit-planes", "--raw", status=2,
            code="AETHER_EUSAGE")
    for words in ([], ["--burn", "xor:0102", "--burn", up], ["--tile", "512"]):
        good_json("run", "--verify", "--burn", up, *words, *files())
    good("run", "--burn", up, *files())
    once = (work / "out").read_bytes()
    must(once not in (DATA, added(DATA, 5)), "not on planes")
    (work / "in").write_bytes(once)
    burn(down, want=DATA)


def test_wrong_undo():
    bad(3, "AETHER_EVERIFY", "run", "--verify", "--raw", "--burn",
        puppet("STEP=1", "UNDO=puppet_burn"), *files(), says="un-burning")
    must(not (work / "out").exists(), "an output is left")


def test_no_undo():
    path = puppet("UNDO=NULL")
    burn(path)
    refuses(path, "the burn puppet cannot be undone", "--verify", status=2,
            code="AETHER_EUSAGE")


def test_key_from_a_pipe():
    """Trying the user's burns must not read it twice."""
    reading, writing = os.pipe()
    os.write(writing, b"\xff")
    os.close(writing)
    done = subprocess.run([BIN, "run", "--burn", puppet(), "--burn",
                           f"xor-file:/dev/fd/{reading}", "--verify", *files()],
                          pass_fds=[reading], env=tool.environment(),
                          capture_output=True, timeout=TIMEOUT)
    os.close(reading)
    same((done.returncode, done.stderr), (0, b""))
    must((work / "out").read_bytes() == DATA, "wrong output")


def loaded(pid):
    return "puppet" in Path(f"/proc/{pid}/maps").read_text()


def test_who_loads_it():
    for words, egress in (((), False), (("--verify",), True)):
        run = Run("--burn", puppet(), *words, "-", work / "out")
        run.begin(DATA[:1000])  # whoever loads it has
        same([loaded(pid) for pid in (run.pid, *run.stages)],
             [False, False, False, True, egress], words)
        same(run.end()[0], 0)


def built(language, text, name):
    source = work / f"{name}.{'cpp' if language == 'c++' else 'c'}"
    source.write_text(text)
    path = source.with_suffix(".so")
    subprocess.run([compiler(language), "-Wall", "-Wextra", "-Werror",
                    "-fvisibility=hidden", "-shared", "-fPIC", *INCLUDE,
                    source, "-o", path], check=True)
    source.unlink()
    return path


# What is of the library is found in the program.
CPP = """
#include <aether/aether.h>
#include <memory>
#include <string>

struct shift { std::string args; std::unique_ptr<uint8_t[]> room; };

static int open(const char *args, aether_error *error, void **state)
{
    if (!args)
        return aether_error_fill(error, AETHER_EBURN, 0, "give %s.", "one");
    *state = new shift{args, std::make_unique<uint8_t[]>(1 << 20)};
    return 0;
}

static int burn(void *state, const aether_piece *piece)
{
    auto bytes = static_cast<uint8_t *>(piece->bytes);
    auto room = static_cast<shift *>(state)->room.get();

    if (aether_slice(room, bytes, piece->length, 64) < 0 ||
        aether_unslice(bytes, room, piece->length, 64) < 0)
        return AETHER_EINVAL;
    for (size_t i = 0; i < piece->length; i++)
        bytes[i] += static_cast<shift *>(state)->args.size();
    return 0;
}

static void close(void *state) { delete static_cast<shift *>(state); }

AETHER_BURN_MODULE = {AETHER_BURN_VERSION, sizeof(aether_burn_module), "shift",
    AETHER_BURN_RAW, 0, open, burn, nullptr, close};
"""


def test_cpp():
    path = built("c++", CPP, "shift")
    burn(f"{path}:abc", "--raw", want=added(DATA, 3))
    refuses(path, f"the burn {path}: give one.\n", "--raw")


# ---- what is wrong before the stream begins

def test_not_a_burn():
    refuses("./nowhere.so", "No such file or directory")
    refuses("/", "it is a directory")
    (work / "text.so").write_text("not an object")
    refuses(work / "text.so", "cannot be loaded: ")
    (work / "text.so").unlink()
    refuses(puppet("TABLE=other"), "has no symbol aether_burn_module")
    refuses(puppet("VERSION=2"), "has version 2, this library 1; rebuild it "
            "against this library's headers.")
    refuses(puppet("SIZE=8"), "has a table of 8 bytes")
    refuses(puppet("FORMATS=0xFFFF"), "0xFFFF as formats")
    path = built("cc", "#include <aether/aether.h>\nint missing(void *, const "
                 "struct aether_piece *);\nAETHER_BURN_MODULE = { "
                 ".version = 1, .size = sizeof(aether_burn_module), "
                 ".burn = missing };\n", "unlinked")
    refuses(path, "undefined symbol: missing")
    path.unlink()


def test_not_readable():
    path = work / "closed.so"
    shutil.copy(puppet(), path)
    path.chmod(0)
    work.chmod(0o755)
    other = {"user": "nobody"} if os.geteuid() == 0 else {}
    refuses(path, "Permission denied; it must be a shared object", **other)
    path.unlink()


def test_fails_to_open():
    path = puppet()
    refuses(f"{path}:open,-32", "refuses its arguments")
    refuses(f"{path}:open,5", "gave 5 when it was opened")
    refuses(f"{path}:open,text", "xxxx")
    refuses(f"{path}:open,crash,secret", f"the burn {path} crashed while it "
            "was opened: signal 11 (Segmentation fault)", hides="secret")
    refuses(f"{path}:open,exit", "ended its process while it was opened, with "
            "status 7")
    refuses(f"{path}:open,leave", "with status 0")
    refuses(f"{path}:close,crash", "crashed while it was closed")


def test_second_of_two():
    other = puppet("FORMATS=3")
    refuses("none", f"the burn {other} crashed", "--burn", puppet(), "--burn",
            f"{other}:open,crash")


def hanging():
    run = subprocess.Popen([BIN, "run", "--burn", f"{puppet()}:open,hang",
                            *files()], env=tool.environment(),
                           start_new_session=True)
    until(lambda: any(loaded(pid) for pid in children(run.pid)), "it hangs")
    return run, children(run.pid)


def test_hangs_in_open():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        run, those = hanging()
        run.send_signal(number)
        try:
            same(run.wait(TIMEOUT), -number)
            until(lambda: not any(map(alive, those)), "the other ends, too")
        finally:
            for pid in filter(alive, [run.pid, *those]):
                os.kill(pid, signal.SIGKILL)
        must(not (work / "out").exists(), "an output is left")


# ---- what is wrong at work

def test_crashes_once():
    for words in ((), ("--workers", "2"), ("--raw", "--verify")):
        spec = f"{puppet()}:burn,={work / 'mark'},{9 * STRIDE + 5}"
        said = burn(spec, *words, env=crashes())
        same(said["respawned"], 1, "respawned")
        (work / "mark").unlink()


def test_crashes_always():
    for words in ((), ("--workers", "3")):
        path = puppet()
        plain = refuses(f"{path}:burn,crash,{9 * STRIDE + 5}",
                        f"was killed by signal 11 (Segmentation fault) in the "
                        f"burn {path}, at byte {9 * STRIDE} of the stream: ",
                        *words)
        must("8 appliances in a row died" in plain.err, plain.err)


def test_fails_at_work():
    for number in (-1, 3, -9999):
        refuses(f"{puppet()}:burn,{number},{9 * STRIDE + 5}", "the appliance: "
                f"the burn puppet failed with {number} at byte {9 * STRIDE} of "
                "the stream", "--workers", "1")


def test_fails_and_does_not_end():
    """What ended it then was the supervisor, and is not what went wrong."""
    refuses(f"{puppet()}:burn,stick,{9 * STRIDE + 5}", "the appliance: the "
            f"burn puppet failed with 3 at byte {9 * STRIDE} of the stream",
            "--workers", "1")


def test_ends_its_process():
    for how, status in (("exit", 7), ("leave", 0)):
        refuses(f"{puppet()}:burn,{how},{9 * STRIDE}", f"ended with status "
                f"{status} in the burn {puppet()}, at byte {9 * STRIDE} of the "
                "stream", "--workers", "2", code="AETHER_ESTAGE")


def test_undoing():
    path = puppet()
    where = 9 * STRIDE
    refuses(f"{path}:undo,crash,{where}", f"(Segmentation fault) while it undid "
            f"the burn {path}, at byte {where} of the stream; there is no",
            "--verify", code="AETHER_ESTAGE")
    refuses(f"{path}:undo,exit,{where}", "ended with status 7 while it undid",
            "--verify", code="AETHER_ESTAGE")
    refuses(f"{path}:undo,leave,{where}", "ended with status 0 while it undid",
            "--verify", code="AETHER_ESTAGE")
    refuses(f"{path}:undo,-4,{where}", "the egress: undoing the burn puppet "
            f"failed with -4 at byte {where}", "--verify")
    burn(f"{path}:undo,crash")


# ---- the stages alone

def start(*words):
    if "--wait" not in words:   # those who are started later may be slow
        words += ("--wait", TIMEOUT)
    return subprocess.Popen([BIN, *map(str, words)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**tool.environment(), **crashes()})


def alone(spec, *words):
    """Appliance, ingress, egress: how each ended."""
    good("create", "p", "--strides", "8")
    others = [start("appliance", "p", "--burn", spec),
              start("egress", "p", work / "out")]
    until(lambda: len(good_json("who", "p")["participants"]) == 2 or
          any(s.poll() is not None for s in others), "both join")
    stages = [others[0],
              start("ingress", "p", work / "in", "--wait", "1", *words),
              others[1]]
    ended = [(s.communicate(timeout=TIMEOUT)[1].decode(), s.returncode)
             for s in stages]
    good("destroy", "p")
    return ended


def test_alone():
    ended = alone(puppet())
    same([status for _, status in ended], [0, 0, 0], ended)
    must((work / "out").read_bytes() == flipped(DATA), "wrong output")
    ended = alone(puppet("FORMATS=1"), "--raw")
    same([status for _, status in ended], [0, 0, 0], ended)


def test_alone_refuses():
    good("create", "p", "--strides", "8")
    bad(1, "AETHER_EBURN", "appliance", "p", "--burn", puppet("VERSION=2"),
        says="has version 2")
    bad(1, "AETHER_EBURN", "appliance", "p", "--burn",
        f"{puppet()}:open,-32", says="refuses its arguments")
    good("destroy", "p")
    ended = alone(puppet("FORMATS=1"))
    same([status for _, status in ended], [1, 1, 1], ended)
    must("takes only bytes" in ended[0][0], ended)
    must(not (work / "out").exists(), "an output is left")


def test_alone_crashes():
    ended = alone(f"{puppet()}:burn,crash,{9 * STRIDE}")
    same([status for _, status in ended], [-11, 1, 1], ended)


def with_input(test):
    """Each test has the input; the puppets stay."""
    @functools.wraps(test)
    def inside():
        (work / "in").write_bytes(DATA)
        try:
            test()
        finally:
            for path in work.iterdir():
                if path.suffix != ".so":
                    path.unlink()
    return inside


if __name__ == "__main__":
    try:
        status = tool.run([with_input(test) for name, test
                           in list(globals().items())
                           if name.startswith("test_")])
    finally:
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(status)
