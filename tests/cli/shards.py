# SPDX-License-Identifier: Apache-2.0
"""What the tests of encode, decode, check and repair share. Shards are read and
forged here as docs/shards.md describes them, by nothing else: no number is
taken from the program."""
import ctypes
import os
import random
import shutil
import struct
import tempfile
from pathlib import Path

import tool
from tool import aether, good, good_json, must, same

PAGE = 4096         # header, block of checksums
GROUP = 504
HEADER = struct.Struct("<8sII16sIIIIQQ")
BLOCK = struct.Struct("<8s16sIIQ16x")
STRIDE = 4096       # small, so that files of some MiB have many stripes

try:
    LIBRARY = ctypes.CDLL("libxxhash.so.0")
    LIBRARY.XXH3_64bits.restype = ctypes.c_uint64
    LIBRARY.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
except OSError:
    LIBRARY = None


def xxh3(data):
    if not LIBRARY:
        raise tool.Skip("there is no libxxhash.so.0")
    return LIBRARY.XXH3_64bits(bytes(data), len(data))


def data_of(size, seed=1):
    return random.Random(seed * 1000003 + size).randbytes(size)


class Header:
    def __init__(self, page):
        (self.magic, self.version, self.number, self.id, self.k, self.m, self.stride,
         self.flags, self.size, self.stripes) = HEADER.unpack_from(page)
        self.zeros = page[HEADER.size:PAGE - 8]
        self.sum = struct.unpack_from("<Q", page, PAGE - 8)[0]
        self.right = self.sum == xxh3(page[:PAGE - 8])

    def page(self):
        page = HEADER.pack(self.magic, self.version, self.number, self.id, self.k,
                           self.m, self.stride, self.flags, self.size, self.stripes)
        page += self.zeros
        return page + struct.pack("<Q", xxh3(page))

    def length(self, stripe):
        """Bytes of a stride of this stripe."""
        if stripe < self.stripes - 1:
            return self.stride
        left = self.size - stripe * self.k * self.stride
        return -(-(-(-left // self.k)) // 512) * 512

    def at(self, stripe):
        return PAGE + stripe // GROUP * PAGE + stripe * self.stride

    def block_at(self, group):
        last = min(self.stripes, (group + 1) * GROUP) - 1
        return self.at(last) + self.length(last)

    def shard_length(self):
        if not self.stripes:
            return PAGE
        return self.block_at((self.stripes - 1) // GROUP) + PAGE


class Place:
    """A directory for one test: `data` in the file `in`, shards in `d`."""
    def __init__(self, size=None, k=4, m=2, stride=STRIDE, data=None, words=()):
        self.path = Path(tempfile.mkdtemp(prefix="aether-shards-", dir="/dev/shm"))
        self.data = data if data is not None else data_of(size)
        self.k, self.m, self.n = k, m, k + m
        self.input, self.dir = self.path / "in", self.path / "d"
        self.out = self.path / "out"
        self.input.write_bytes(self.data)
        self.said = good_json("encode", "-k", k, "-m", m, "--stride", stride,
                              *words, self.input, "-o", self.dir) \
            if stride else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def shard(self, number):
        return self.dir / f"shard-{number:03}-of-{self.n:03}"

    def header(self, number=0):
        return Header(self.shard(number).read_bytes()[:PAGE])

    def lose(self, *numbers):
        for number in numbers:
            self.shard(number).unlink()

    def write(self, number, at, data):
        with open(self.shard(number), "r+b") as file:
            file.seek(at)
            file.write(data)

    def flip(self, number, at):
        with open(self.shard(number), "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 0x40]))

    def decode(self, *words):
        """It gives the file back."""
        self.out.unlink(missing_ok=True)
        said = good_json("decode", *words, self.dir, "-o", self.out)
        must(self.out.read_bytes() == self.data, "decode gives another file back")
        return said

    def check(self):
        """States by number, of those that are not good."""
        result = aether("check", "--json", self.dir)
        said = tool.objects(result)[0]
        wrong = {s["shard"]: s["state"] for s in said["shards"]
                 if s["state"] != "good"}
        same(result.status, 3 if wrong else 0, "status of check")
        same((said["ok"], said["wrong"]), (not wrong, len(wrong)), "what check says")
        self.checked = said
        return wrong

    def repair(self, wrong):
        """It makes those again that are wrong, and everything is as it was."""
        said = good_json("repair", self.dir)
        same(said["repaired"], len(wrong), "shards repaired")
        same(self.check(), {}, "what is wrong after repair")
        return said

    def lost(self, says, late=False):
        """Nothing gives the file back; it says why, and leaves no output (late: on
        a pipe what comes before is out already)."""
        self.out.unlink(missing_ok=True)
        for place in (self.out, "-"):
            result = aether("decode", self.dir, "-o", place)
            same(result.status, 1, f"status of decode {result.err}")
            must(self.data.startswith(result.raw), "another file's bytes")
            must(late or not result.raw, "there is output")
            for text in says:
                must(text in result.err, f"decode should say {text!r}:", result.err)
        must(not self.out.exists(), "there is an output")
        before = self.files()
        same(aether("repair", self.dir).status, 1, "status of repair")
        must(self.files() == before, "repair has changed something")

    def files(self):
        return {p.name: p.read_bytes() for p in self.dir.iterdir() if p.is_file()}

    def clean(self):
        """Nothing is left but what was asked for."""
        left = set(os.listdir(self.path)) - {"in", "d", "out"}
        same(left, set(), "files left")
        if self.dir.exists():
            same([n for n in os.listdir(self.dir) if not n.startswith("shard-")], [],
                 "files left beside the shards")
        same(os.listdir(tool.planes), [], "planes left")


def encode(*words, **more):
    return good("encode", *words, **more)
