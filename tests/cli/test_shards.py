#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""aether encode, decode, check, repair: files of all sizes, codes of all kinds,
any m shards lost, pipes; the format as docs/shards.md has it, read by that page
alone; parities computed anew, byte for byte."""
import os
import pty
import random
import resource
import select
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from shards import (GROUP, PAGE, STRIDE, BLOCK, Header, Place, data_of,  # noqa: E402
                    xxh3)
from tool import aether, bad, good, good_json, must, same  # noqa: E402

KEYS = ("id", "k", "m", "stride_size", "stripes", "size", "workers", "respawned", "seconds",
        "gbps")


def sizes(k):
    whole = k * STRIDE
    return [0, 1, 511, 512, STRIDE - 1, STRIDE, STRIDE + 1, whole - 1, whole, whole + 1,
            3 * whole, 3 * whole + STRIDE + 77, 1234567]


def test_sizes():
    for size in sizes(4):
        with Place(size, 4, 2) as p:
            p.decode()
            p.lose(1, 4)
            p.decode()
            p.clean()


CODES = [(1, 1), (1, 4), (2, 1), (3, 3), (5, 2), (10, 4), (12, 4), (20, 10), (200, 55),
         (254, 1), (1, 254)]


def test_codes_and_any_losses():
    chance = random.Random(5)
    for k, m in CODES:
        with Place(k * STRIDE + 5001, k, m) as p:
            lost = chance.sample(range(k + m), m)
            p.lose(*lost)
            p.decode()
            same(p.check(), {n: "missing" for n in lost}, f"{k}+{m}")
            p.repair(lost)
            p.lose(*[n for n in range(k + m) if n not in lost][:m])
            p.decode()
            p.clean()


def test_one_more_loss_is_too_many():
    for k, m in ((4, 2), (2, 1), (10, 4)):
        with Place(3 * k * STRIDE, k, m) as p:
            lost = sorted(random.Random(k).sample(range(k + m), m + 1))
            p.lose(*lost)
            p.lost([f"{k} of the {k + m} shards are needed", f"{k - 1} are there",
                         "missing: "])
            must(not p.out.exists(), "there is an output")
            same(aether("check", p.dir).status, 3)
            must(not p.check() == {} and not p.checked["decodable"], "decodable")
            p.clean()


def test_nothing_is_there():
    with Place(100) as p:
        p.lose(*range(6))
        for verb in ("check", "repair"):
            bad(1, "AETHER_ENOENT", verb, p.dir, says="there are no shards in")
        bad(1, "AETHER_ENOENT", "decode", p.dir, "-o", p.out, says="no shards in")
        bad(1, "AETHER_ENOENT", "check", p.path / "none", says="cannot open the directory")
        bad(1, "AETHER_ENOENT", "check", p.input, says="cannot open the directory")


def test_what_is_missing_is_named():
    with Place(100000, 10, 4) as p:
        p.lose(1, 4, 5, 6, 7)
        p.lost(["10 of the 14 shards are needed", "9 are there",
                     "missing: 1, 4-7;", "bring back 1 of them"])


def test_json():
    with Place(300000, 4, 2) as p:
        must(set(KEYS) | {"bytes_out"} <= set(p.said), "encode says", p.said)
        same((p.said["size"], p.said["k"], p.said["m"], p.said["stripes"]),
             (300000, 4, 2, 19))
        same(p.said["bytes_out"], sum(f.stat().st_size for f in p.dir.iterdir()))
        same(p.said["id"], p.header().id.hex())
        p.lose(2)
        same(p.decode()["strides_rebuilt"], 19)
        said = tool.objects(aether("check", "--json", p.dir))[0]
        same(set(said) >= {"verb", "ok", "wrong", "decodable", "shards", "strays", *KEYS},
             True, "check says")
        same(said["shards"][2], {"shard": 2, "name": "shard-002-of-006",
                                 "state": "missing", "readable": False,
                                 "strides_damaged": 0})
        same(p.repair([2])["strides_rebuilt"], 19)
        same(good_json("repair", p.dir)["repaired"], 0)


def test_text():
    with Place(300000, 4, 2) as p:
        must("300000 bytes into 4 + 2 shards" in
             good("encode", "-k", 4, "-m", 2, p.input, "-o", p.path / "e").out, "encode")
        must("nothing is wrong" in good("check", p.dir).out, "check")
        p.lose(5)
        result = aether("check", p.dir)
        same(result.out.splitlines()[0], "shard-005-of-006: missing")
        must("5 of 6 shards are good, 4 are needed at each place" in result.out,
             "check:", result.out)
        must("shard-005-of-006: was missing, made again" in good("repair", p.dir).out,
             "repair")
        must("300000 bytes in" in good("decode", p.dir, "-o", p.out).out, "decode")


# ---- the format

def test_the_format_is_as_documented():
    with Place(GROUP * 3 * STRIDE + 7 * STRIDE + 100, 3, 2) as p:
        for number in range(5):
            shard = p.shard(number).read_bytes()
            h = p.header(number)
            same((h.magic, h.version, h.number, h.k, h.m, h.stride, h.flags, h.size,
                  h.stripes, h.right), (b"AETHSHRD", 1, number, 3, 2, STRIDE, 0,
                                        len(p.data), GROUP + 3, True), "a header")
            same(h.zeros.strip(b"\0"), b"", "the rest of the header")
            same(len(shard), h.shard_length(), "length of a shard")
            for stripe in range(h.stripes):
                stride = shard[h.at(stripe):h.at(stripe) + h.length(stripe)]
                at = stripe * 3 * STRIDE + number * h.length(stripe)
                if number < 3:
                    want = p.data[at:at + len(stride)]
                    same(stride, want.ljust(len(stride), b"\0"), f"stripe {stripe}")
            for group in range(2):
                page = shard[h.block_at(group):h.block_at(group) + PAGE]
                count = (GROUP, 3)[group]
                same(BLOCK.unpack_from(page), (b"AETHSUMS", h.id, number, count,
                                               group * GROUP), "a block")
                sums = [int.from_bytes(page[56 + 8 * i:64 + 8 * i], "little")
                        for i in range(GROUP)]
                same(int.from_bytes(page[-8:], "little"), xxh3(page[:-8]), "of a block")
                first = group * GROUP
                for i in range(count):
                    at, length = h.at(first + i), h.length(first + i)
                    same(sums[i], xxh3(shard[at:at + length]), f"sum {i}")
                same(sums[count:], [0] * (GROUP - count), "sums without strides")


def products():
    """Tables of GF(2^8), polynomial 0x11D, the slow way."""
    def times(a, b):
        product = 0
        while b:
            product ^= a if b & 1 else 0
            a = a << 1 ^ (0x11D if a & 0x80 else 0)
            b >>= 1
        return product
    inverse = {a: b for a in range(1, 256) for b in range(1, 256) if times(a, b) == 1}
    return {c: bytes(times(c, x) for x in range(256)) for c in range(256)}, inverse


def test_parities_are_the_common_ones():
    table, inverse = products()
    for k, m, size in ((10, 4, 2 * 10 * STRIDE + 3001), (5, 3, 999), (1, 2, 5000)):
        with Place(size, k, m) as p:
            shards = [p.shard(n).read_bytes() for n in range(k + m)]
            h = p.header()
            for stripe in range(h.stripes):
                at, end = h.at(stripe), h.at(stripe) + h.length(stripe)
                for i in range(m):
                    want = 0
                    for j in range(k):
                        part = shards[j][at:end].translate(table[inverse[(k + i) ^ j]])
                        want ^= int.from_bytes(part, "little")
                    must(shards[k + i][at:end] == want.to_bytes(end - at, "little"),
                         f"parity {i} of {k}+{m}, stripe {stripe}")


def test_a_last_stripe_is_short():
    with Place(1, 10, 4, stride="128K") as p:
        same({f.stat().st_size for f in p.dir.iterdir()}, {2 * PAGE + 512})
    with Place(0, 10, 4, stride="128K") as p:
        same({f.stat().st_size for f in p.dir.iterdir()}, {PAGE})
        p.lose(0, 1, 2, 3)
        p.decode()
        p.repair([0, 1, 2, 3])


def test_encodings_have_ids_of_their_own():
    with Place(10000) as p:
        good("encode", "-k", 4, "-m", 2, p.input, "-o", p.path / "e")
        other = Header((p.path / "e" / "shard-000-of-006").read_bytes()[:PAGE])
        must(other.id != p.header().id and other.id != bytes(16), "the same id")


# ---- ways in and out

def test_pipes():
    for size in sizes(4)[::2] + [4 * STRIDE * 40, 4 * STRIDE * GROUP]:
        with Place(size, 4, 2) as p:
            good("encode", "-k", 4, "-m", 2, "--stride", STRIDE, "-", "-o",
                 p.path / "e", stdin=p.data)
            for number in range(6):
                name = f"shard-{number:03}-of-006"
                mine, other = (p.path / "e" / name).read_bytes(), p.shard(number)
                end = PAGE + (p.header().length(0) if size else 0)
                must(mine[PAGE:end] == other.read_bytes()[PAGE:end],
                     f"shard {number} of {size} from a pipe")
                same(len(mine), other.stat().st_size)
            p.lose(0, 3)
            result = good("decode", p.dir, "-o", "-")
            must(result.raw == p.data, "decode to a pipe gives another file")
            p.dir = p.path / "e"
            p.decode()
            p.lose(2, 4)
            p.decode()
            result = aether("decode", "--json", p.dir, "-o", "-")
            must(result.raw == p.data and '"ok":true' in result.err, "objects go beside")


def test_decode_onto_its_shards():
    with Place(50000) as p:
        before = p.files()
        for out in (p.shard(1), p.path / "link"):
            if not out.exists():
                out.symlink_to(p.shard(0))
            bad(1, "AETHER_EINVAL", "decode", p.dir, "-o", out, says="is one of the shards")
        with open(p.shard(2), "ab") as out:
            result = aether("decode", p.dir, "-o", "-", stdout=out)
        same(result.status, 1, result.err)
        must("standard output is one of the shards" in result.err, result.err)
        must(p.files() == before, "shards have changed")


def test_progress():
    """Standard error shows it, if that is a terminal, and nothing of it stays."""
    with Place(10) as p:
        here, there = pty.openpty()
        process = subprocess.Popen([tool.BIN, "encode", "-k", "4", "-m", "2", "-", "-o",
                                    p.path / "e"], stdin=subprocess.PIPE, stderr=there,
                                   stdout=subprocess.PIPE, env=tool.environment())
        os.close(there)
        shown = b""
        while b"GB/s" not in shown:     # as long as it takes until it begins
            process.stdin.write(bytes(1 << 19))
            while select.select([here], [], [], 0)[0]:
                shown += os.read(here, 4096)
        process.stdin.close()
        try:
            while True:
                shown += os.read(here, 4096) or 1 / 0
        except (OSError, ZeroDivisionError):
            pass    # nobody has the terminal any more
        os.close(here)
        same(process.wait(tool.TIMEOUT), 0)
        must(shown.startswith(b"\r  ") and shown.endswith(b"\r\x1b[K"), "shown:", shown)
        must(b"into 4 + 2 shards" in process.stdout.read(), "what stays")


def test_what_is_made_up_as_it_is_read():
    with Place(10) as p:
        good("encode", "/proc/self/status", "-o", p.path / "e")
        good("decode", p.path / "e", "-o", p.out)
        must(b"VmPeak" in p.out.read_bytes(), "/proc is not empty")


def test_a_reader_that_goes_away():
    with Place(4 << 20) as p:
        process = subprocess.Popen([tool.BIN, "decode", p.dir, "-o", "-"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=tool.environment())
        process.stdout.close()
        err = process.stderr.read()
        same(process.wait(tool.TIMEOUT), 1, "status")
        must(b"cannot write standard output" in err, "it says", err)


def test_workers():
    with Place(1 << 20, 4, 2) as p:
        for workers in (1, 2, 5, 32):
            said = good_json("encode", "-k", 4, "-m", 2, "--stride", STRIDE, "--workers",
                             workers, p.input, "-o", p.path / f"e{workers}")
            same(said["workers"], workers)
            made = p.path / f"e{workers}"
            for number in range(6):
                name = f"shard-{number:03}-of-006"
                must((made / name).read_bytes()[PAGE:8 * PAGE] ==
                     p.shard(number).read_bytes()[PAGE:8 * PAGE], f"{workers} workers")
            same(p.decode("--workers", workers)["workers"], workers)
            p.lose(1)
            p.decode("--workers", workers)
            good("repair", "--workers", workers, p.dir)
        with Place(100, 4, 2) as small:
            same(small.said["workers"], 1, "no more workers than stripes")


def test_every_instruction_set():
    with Place(300001, 10, 4) as p:
        p.lose(0, 3, 7, 11)
        for name in ("scalar", "avx2", "avx512", "gfni"):
            result = aether("decode", p.dir, "-o", p.out, env={"AETHER_ISA": name})
            if result.status == 2:
                continue    # this processor has no such one
            same(result.status, 0, result.err)
            must(p.out.read_bytes() == p.data, f"decode with {name}")


def test_many_files():
    """A shell's limit is no limit; that of the system is said."""
    def limited(soft, hard):
        return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    with Place(100000, 200, 55) as p:
        p.lose(*range(0, 110, 2))
        for verb, status in (("check", 3), ("repair", 0), ("check", 0)):
            result = aether(verb, p.dir, preexec_fn=limited(32, 1024))
            same(result.status, status, f"{verb} {result.err}")
        for words in (["check", p.dir], ["decode", p.dir, "-o", p.out]):
            result = aether(*words, preexec_fn=limited(32, 64))
            same(result.status, 1, result.err)
            must("cannot open all shards" in result.err, "it says", result.err)
        result = aether("encode", "-k", 200, "-m", 55, p.input, "-o", p.path / "e",
                        preexec_fn=limited(32, 64))
        must(result.status == 1 and "Too many open files" in result.err, result.err)
        p.clean()


def test_few_files():
    """However few may be open: it works, or it says that, and nothing is left."""
    def limited(count):
        return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))

    most = 64 if not tool.INSTRUMENTED else 200     # sanitizers open some, too
    with Place(100000, 4, 2) as p:
        p.lose(1)
        for words, goal in ((["encode", "-k", 4, "-m", 2, p.input, "-o", p.path / "e"], 0),
                            (["decode", p.dir, "-o", p.out], 0), (["check", p.dir], 3)):
            statuses = set()
            for count in [*range(8, 40), most]:
                result = aether(*words, preexec_fn=limited(count))
                statuses.add(result.status)
                if result.status == 1:
                    must("open files" in result.err and "raise the limit" in result.err,
                         f"{words[0]} with {count}:", result.err)
                    must(not (p.path / "e").exists() and not p.out.exists(), "an output")
                else:
                    same(result.status, goal, f"{words[0]} with {count}: {result.err}")
                subprocess.run(["rm", "-rf", p.path / "e", p.out], check=True)
                p.clean()
            same(statuses, {goal, 1}, f"{words[0]}")


# ---- the directory

def test_who_may_read_them():
    """Whoever may read the file, and nobody else."""
    mask = os.umask(0o022)
    try:
        with Place(5000) as p:
            for i, (mode, wanted) in enumerate(((0o600, 0o600), (0o666, 0o644),
                                                (0o440, 0o640))):
                p.input.chmod(mode)
                out = p.path / str(i)
                good("encode", "-k", 4, "-m", 2, p.input, "-o", out)
                same({s.stat().st_mode & 0o777 for s in out.iterdir()}, {wanted},
                     f"of a file with {mode:o}")
    finally:
        os.umask(mask)


def test_where_it_goes():
    with Place(5000) as p:
        def into(path, **more):
            return good("encode", "-k", 4, "-m", 2, p.input, "-o", path, **more)

        (p.path / "empty").mkdir(mode=0o750)
        into(p.path / "empty")
        same((p.path / "empty").stat().st_mode & 0o777, 0o750, "its mode stays")
        into("relative", cwd=p.path)
        into("slash/", cwd=p.path)
        os.symlink("real", p.path / "link")
        (p.path / "real").mkdir()
        into(p.path / "link")
        must((p.path / "link").is_symlink(), "the link is gone")
        for name in ("empty", "relative", "slash", "link", "real"):
            same(len(os.listdir(p.path / name)), 6, name)

        def refused(code, out, says, **more):
            bad(1, code, "encode", p.input, "-o", out, says=says, **more)

        refused("AETHER_EEXIST", p.dir, "not empty")
        refused("AETHER_EEXIST", p.input, "no directory")
        os.symlink("nowhere", p.path / "dangling")
        refused("AETHER_EEXIST", p.path / "dangling", "link to what is not there")
        refused("AETHER_ENOENT", p.path / "no" / "where", "beside")
        (p.path / "here").mkdir()
        refused("AETHER_EEXIST", ".", "current directory", cwd=p.path / "here")
        refused("AETHER_ENOENT", "", "no name")
        bad(1, "AETHER_ENOENT", "encode", p.path / "none", "-o", p.path / "x")
        bad(1, "AETHER_EIO", "encode", p.path, "-o", p.path / "x")
        must(not (p.path / "x").exists(), "an output without an input")
        same([n for n in os.listdir(p.path) if n.startswith(".")], [], "hidden ones")


def test_usage():
    for words, says in (
            (["encode"], "FILE is missing"), (["encode", "x"], "-o DIR is missing"),
            (["encode", "-k", "0", "x", "-o", "y"], "aether encode: -k is '0'"),
            (["encode", "-k", "200", "-m", "56", "x", "-o", "y"], "256 shards"),
            (["encode", "-k", "255", "x", "-o", "y"], " -k is '255'"),
            (["encode", "-k", "200", "-m", "55", "--stride", "1M", "x", "-o", "y"],
             "give 256K at most"),
            (["encode", "--stride", "5000", "x", "-o", "y"], "--stride is '5000'"),
            (["encode", "--workers", "33", "x", "-o", "y"], "--workers is '33'"),
            (["encode", "x", "-o", "-"], "-o is '-'; shards are a directory"),
            (["encode", "x", "y", "-o", "z"], ""),
            (["decode", "x"], "-o FILE is missing"), (["decode", "-o", "x"], "DIR is"),
            (["check"], "DIR is missing"), (["repair"], "DIR is missing"),
            (["repair", "x", "y"], "")):
        bad(2, "AETHER_EUSAGE", *words, says=says)
    for verb in ("encode", "decode", "check", "repair"):
        must("Usage: aether " + verb in good(verb, "--help").out, f"help of {verb}")


def test_decode_replaces_only_what_is_whole():
    with Place(50000) as p:
        p.out.write_bytes(b"precious")
        p.lose(0, 1, 2)
        same(aether("decode", p.dir, "-o", p.out).status, 1)
        same(p.out.read_bytes(), b"precious")
        p.clean()


if __name__ == "__main__":
    sys.exit(tool.run([t for name, t in list(globals().items()) if name.startswith("test_")]))
