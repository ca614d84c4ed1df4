#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""encode, decode and repair whose workers are killed at any moment, and as often
as it takes: all comes out as if nothing had been. Killed themselves, ended by a
signal, out of room, or with an input that changes: nothing is left that looks
whole. Memory does not grow with the file."""
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from shards import PAGE, STRIDE, Place, data_of  # noqa: E402
from tool import BIN, TIMEOUT, aether, bad, good, must, same, until  # noqa: E402
from watched import alive, children  # noqa: E402

WORDS = ("-k", "10", "-m", "4", "--stride", str(STRIDE))
# Slow enough to be met at work: many small stripes, computed by words. Who looks
# for leaks at its end does so by a child, which is no worker.
SLOW = {"AETHER_ISA": "scalar",
        "ASAN_OPTIONS": "exitcode=99:verify_asan_link_order=0:detect_leaks=0"}
SIZE = 24 << 20
DATA = data_of(SIZE)
TRIES = 30


def ignores(pid, number):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return int(status.split("SigIgn:")[1].split()[0], 16) >> (number - 1) & 1


class Started:
    """A verb at work, whose workers can be found."""
    def __init__(self, *words, stdin=None, stdout=subprocess.PIPE, **more):
        self.process = subprocess.Popen(
            [BIN, words[0], "--json", *map(str, words[1:])], stdin=stdin,
            stdout=stdout, stderr=subprocess.PIPE,
            env=tool.environment(**SLOW), **more)
        self.pid = self.process.pid

    def ended(self):
        return self.process.poll() is not None

    def workers(self):
        try:
            return [pid for pid in children(self.pid) if alive(pid)]
        except (FileNotFoundError, ProcessLookupError):
            return []

    def begun(self):
        """Those that have come so far that they end with the orchestrator."""
        return [pid for pid in self.workers() if ignores(pid, signal.SIGINT)]

    def end(self):
        out, err = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, out, err.decode()


def met_at_work(start):
    """Starts it until its workers are stopped before they were done."""
    for _ in range(TRIES):
        started = start()
        until(lambda: started.ended() or started.workers() and
              len(started.begun()) == len(started.workers()), "workers")
        pids = started.begun()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGSTOP)
            except ProcessLookupError:
                pass
        time.sleep(0.02)
        if pids and not started.ended() and set(started.workers()) == set(pids):
            return started, pids
        for pid in pids:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
        started.end()
    raise AssertionError("never met at work")


def kill_at_random(started, chance):
    """Kills some of the workers, at some moments; how many."""
    wanted, killed = chance.randint(1, 6), 0
    while killed < wanted and not started.ended():
        time.sleep(chance.random() * 0.03)
        found = started.workers()
        if not found:
            continue
        victim = chance.choice(found)
        try:
            if chance.random() < 0.5:
                os.kill(victim, signal.SIGSTOP)
                time.sleep(chance.random() * 0.01)
            os.kill(victim, signal.SIGKILL)
            killed += 1
        except ProcessLookupError:
            continue
    return killed


def without_ids(place):
    """What does not differ from one encoding to the next: all but pages."""
    h = None
    found = {}
    for path in sorted(place.dir.iterdir()):
        data = path.read_bytes()
        h = h or place.header()
        blocks = [0] + [h.block_at(g) for g in range(-(-h.stripes // 504))]
        for at in blocks:
            data = data[:at] + bytes(56) + data[at + 56:-8] + data[-8:]
            end = at + PAGE
            data = data[:end - 8] + bytes(8) + data[end:]
        found[path.name] = data
    return found


def place(**more):
    return Place(data=DATA, k=10, m=4, **more)


def until_met(least, enough):
    """Seeds, `least` of them, and more until enough were met at work: on some
    machines most are done before."""
    for seed in range(100):
        if seed >= least and enough():
            return
        yield seed


# ---- workers

def test_encode_survives():
    respawned = 0
    with place() as p:
        whole = without_ids(p)
        for seed in until_met(8, lambda: respawned > 3):
            p.dir = p.path / f"e{seed}"
            started = Started("encode", *WORDS, "--workers", 1 + seed % 3, p.input, "-o",
                              p.dir)
            kill_at_random(started, random.Random(seed))
            status, out, err = started.end()
            same((status, err), (0, ""), "encode")
            respawned += json.loads(out)["respawned"]
            must(without_ids(p) == whole, f"seed {seed}: other shards")
            subprocess.run(["rm", "-r", p.dir], check=True)
    must(respawned > 3, "nobody was killed at work:", respawned)


def test_encode_of_a_pipe_survives():
    """What was in a stride when its worker died is read from the shards."""
    respawned = 0
    with place() as p:
        whole = without_ids(p)
        for seed in until_met(6, lambda: respawned > 2):
            p.dir = p.path / f"e{seed}"
            with open(p.input, "rb") as file:
                cat = subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE)
                started = Started("encode", *WORDS, "--workers", 2, "-", "-o", p.dir,
                                  stdin=cat.stdout)
                cat.stdout.close()
                kill_at_random(started, random.Random(seed))
                status, out, err = started.end()
                cat.wait()
            same((status, err), (0, ""), "encode")
            respawned += json.loads(out)["respawned"]
            must(without_ids(p) == whole, f"seed {seed}: other shards")
            subprocess.run(["rm", "-r", p.dir], check=True)
    must(respawned > 2, "nobody was killed at work:", respawned)


def test_decode_and_repair_survive():
    respawned = 0
    with place() as p:
        before = p.files()
        p.lose(0, 3, 5, 12)
        for seed in until_met(8, lambda: respawned > 3):
            to_pipe = seed % 2
            started = Started("decode", p.dir, "-o", "-" if to_pipe else p.out,
                              "--workers", 1 + seed % 3,
                              stdout=open(p.out, "wb") if to_pipe else subprocess.PIPE)
            kill_at_random(started, random.Random(seed))
            status, out, err = started.end()
            same(status, 0, f"decode {err}")
            must(p.out.read_bytes() == DATA, f"seed {seed}: another file")
            respawned += json.loads(err if to_pipe else out)["respawned"]
        good("repair", p.dir)
        for seed in range(4):
            p.lose(1, 3, 5, 12)
            started = Started("repair", p.dir)
            kill_at_random(started, random.Random(seed))
            status, out, err = started.end()
            same((status, err), (0, ""), "repair")
            must(p.files() == before, f"seed {seed}: other shards")
            respawned += json.loads(out)["respawned"]
        p.clean()
    must(respawned > 3, "nobody was killed at work:", respawned)


def killed_until_it_ends(p):
    subprocess.run(["rm", "-rf", p.path / "e"], check=True)
    started = Started("encode", "-k", 40, "-m", 20, "--stride", "1M", p.input, "-o",
                      p.path / "e")
    while not started.ended():
        for pid in started.workers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    return started.end()


def test_killed_again_and_again():
    """When no stripe is ever done it gives up. A stripe takes long here, but one
    may be done all the same where we stand still."""
    with place() as p:
        for _ in range(TRIES):
            status, out, err = killed_until_it_ends(p)
            if status:
                break
        same((status, json.loads(out)["code"]), (1, "AETHER_ESTAGE"), err)
        must("were killed and no stripe was done" in err, "it says", err)
        p.clean()


# ---- all of it

def test_killed_all():
    """Nothing under the name that was asked for; what is left elsewhere has no
    headers, and nobody takes it for shards."""
    with place() as p:
        target = p.path / "killed"
        started, pids = met_at_work(lambda: Started(
            "encode", *WORDS, p.input, "-o",
            p.path / f"e{random.random()}"))
        started.process.kill()
        status, _, _ = started.end()
        same(status, -signal.SIGKILL)
        until(lambda: not any(alive(pid) for pid in pids), "its workers end with it")
        left = [n for n in os.listdir(p.path) if n.startswith(".aether-")]
        same(len(left), 1, "the hidden directory")
        must(not target.exists(), "there is an output")
        hidden = p.path / left[0]
        files = sorted(os.listdir(hidden))
        same(len(files), 14)
        for name in files:
            with open(hidden / name, "rb") as file:
                same(file.read(PAGE).strip(b"\0"), b"", f"header of {name}")
        bad(3, "AETHER_EVERIFY", "check", hidden, says="never finished")
        bad(1, "AETHER_EIO", "decode", hidden, "-o", p.out, says="never finished")
        bad(1, "AETHER_EIO", "repair", hidden, says="never finished")
        # the next one says so; what is being made is not what is left
        started, pids = met_at_work(lambda: Started(
            "encode", *WORDS, p.input, "-o", p.path / f"e{random.random()}"))
        result = good("encode", *WORDS, p.input, "-o", target)
        same(result.err, f"aether encode: {left[0]} beside {target} was left by one that "
             "was killed; remove it.\n")
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        started.end()
        same(os.listdir(tool.planes), [], "planes left")


def test_killed_in_repair():
    """No shard is half there; the next one says what is left."""
    with place() as p:
        whole = p.files()

        def start():
            p.lose(*[n for n in (1, 2) if p.shard(n).exists()])
            return Started("repair", p.dir)

        def writes(pid):
            return any(".aether-" in name and "shard-001" in name
                       for _, name in tool.open_files(pid))

        # it checks first: met when it writes
        for _ in range(TRIES):
            for name in os.listdir(p.dir):
                if name.startswith("."):
                    (p.dir / name).unlink()
            started = start()
            until(lambda: started.ended() or writes(started.pid), "it writes")
            started.process.kill()
            if started.end()[0] == -signal.SIGKILL:
                break
        hidden = [n for n in os.listdir(p.dir) if n.startswith(".")]
        left = {name: data for name, data in p.files().items() if name not in hidden}
        must(all(whole[name] == data for name, data in left.items()), "half a shard")
        p.decode()
        must(p.repair([n for n in (1, 2) if not p.shard(n).exists()]), "repair")
        if any((p.dir / n).stat().st_size for n in hidden):
            must("was left by one that was killed" in good("check", p.dir).err or
                 "were left by some" in good("check", p.dir).err, "check says")
        for name in hidden:
            (p.dir / name).unlink()
        same(p.files(), whole, "shards")
        same(good("check", p.dir).err, "")
        p.clean()


def test_killed_in_decode():
    with place() as p:
        p.out.write_bytes(b"precious")
        p.lose(0, 3)
        started, pids = met_at_work(lambda: Started("decode", p.dir, "-o", p.out))
        whole = p.out.read_bytes() == DATA      # by one that was not met
        started.process.kill()
        same(started.end()[0], -signal.SIGKILL)
        until(lambda: not any(alive(pid) for pid in pids), "its workers end with it")
        must(p.out.read_bytes() == (DATA if whole else b"precious"), "half an output")
        p.clean()


def test_killed_at_any_moment():
    """Either all of it has the name, or nothing has."""
    seen = set()
    with place() as p:
        for seed in range(16):
            p.dir = p.path / f"e{seed}"
            started = Started("encode", *WORDS, p.input, "-o", p.dir)
            time.sleep(seed * 0.02)
            started.process.kill()
            started.end()
            if p.dir.exists():
                p.decode()
                same(p.check(), {})
            seen.add(p.dir.exists())
            subprocess.run(f"rm -rf {p.path}/e* {p.path}/.aether-*", shell=True, check=True)
    must(False in seen, "it was always done before")


def test_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with place() as p:
            p.lose(1, 2)
            before = p.files()
            for words in (("encode", *WORDS, p.input, "-o", p.path / "e"),
                          ("decode", p.dir, "-o", p.out), ("repair", p.dir)):
                def start(words=words):
                    if words[0] == "repair":
                        p.lose(*[n for n in (1, 2) if p.shard(n).exists()])
                    p.out.unlink(missing_ok=True)
                    subprocess.run(["rm", "-rf", p.path / "e"], check=True)
                    return Started(*words)
                started, _ = met_at_work(start)
                started.process.send_signal(number)
                status, out, err = started.end()
                same((status, out, err), (-number, b"", ""), f"{words[0]}")
                must(not p.out.exists() and not (p.path / "e").exists(), "an output")
                must(p.files() == before, "shards have changed")
                p.clean()


def limited(size):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        if tool.INSTRUMENTED:   # ThreadSanitizer writes a file before main()
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    return limit


def test_no_room():
    """A limit of a file's size is a full disk that anybody can have."""
    with place() as p:
        for size in (0, 100000, 3 << 19, p.shard(0).stat().st_size - 1):
            result = aether("encode", *WORDS, p.input, "-o", p.path / "e",
                            preexec_fn=limited(size))
            same(result.status, 1, f"encode with {size} {result.err}")
            # less than that, and there is no room for the plane
            must(size < 1 << 20 or "cannot write shard-" in result.err and
                 "make room" in result.err, "encode says", result.err)
            result = aether("encode", *WORDS, "-", "-o", p.path / "e", stdin=DATA,
                            preexec_fn=limited(size))
            same(result.status, 1, "encode of a pipe")
            p.clean()
        p.lose(2)
        before = p.files()
        result = aether("decode", p.dir, "-o", p.out, preexec_fn=limited(SIZE - 1))
        same(result.status, 1)
        must(not p.out.exists() and "cannot write" in result.err, "decode", result.err)
        same(aether("repair", p.dir, preexec_fn=limited(100000)).status, 1)
        must(p.files() == before, "shards have changed")
        p.clean()


def test_a_full_disk():
    with place() as p:
        disk = p.path / "in2"
        disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "none", disk],
                              capture_output=True)
        if done.returncode:
            raise tool.Skip("tmpfs cannot be mounted here")
        try:
            result = aether("encode", *WORDS, p.input, "-o", disk / "e")
            same(result.status, 1)
            must("No space left" in result.err, "it says", result.err)
            same(os.listdir(disk), [], "files left")
            bad(1, "AETHER_EEXIST", "encode", p.input, "-o", disk,
                says="is a mounted file system, which cannot be replaced; name a directory")
        finally:
            subprocess.run(["umount", disk], check=True)
            disk.rmdir()


def test_an_input_that_changes():
    for change, says in ((lambda f: os.truncate(f, SIZE // 2), "became shorter"),
                         (lambda f: os.truncate(f, SIZE + 1), "was changed while"),
                         (lambda f: f.write_bytes(DATA[::-1]), "was changed while")):
        with place() as p:
            count = iter(range(TRIES))
            started, pids = met_at_work(lambda: Started(
                "encode", *WORDS, p.input, "-o", p.path / f"e{next(count)}"))
            done = next(count) - 1
            change(p.input)
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            status, out, err = started.end()
            same((status, json.loads(out)["code"]), (1, "AETHER_EIO"), err)
            must(says in err, "it says", err)
            must(not (p.path / f"e{done}").exists(), "there is an output")
            same([n for n in os.listdir(p.path) if n.startswith(".")], [], "left")


# ---- memory

def peak(*words, **more):
    """KiB of the largest of its processes."""
    process = subprocess.Popen([BIN, *map(str, words)], env=tool.environment(),
                               stdout=subprocess.DEVNULL, **more)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    same(status, 0, f"{words}")
    return usage.ru_maxrss


def test_memory_does_not_grow():
    if tool.INSTRUMENTED:
        raise tool.Skip("a sanitizer's memory grows")
    peaks = {}
    for size in (8 << 20, 128 << 20):
        with Place(data=bytes(size), k=10, m=4, stride=None) as p:
            p.dir = p.path / "d"
            peaks[size] = [peak("encode", p.input, "-o", p.dir)]
            with open(p.input, "rb") as file:
                peaks[size].append(peak("encode", "-", "-o", p.path / "e", stdin=file))
            subprocess.run(["rm", "-r", p.path / "e"], check=True)
            p.lose(1, 2)
            peaks[size].append(peak("decode", p.dir, "-o", p.out))
            peaks[size].append(peak("repair", p.dir))
    small, large = peaks.values()
    for less, more in zip(small, large):
        must(more < less + 4096, "KiB for 8 and 128 MiB:", small, large)


if __name__ == "__main__":
    sys.exit(tool.run([t for name, t in list(globals().items()) if name.startswith("test_")]))
