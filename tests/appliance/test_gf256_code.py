#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The machine code for GF(2^8) of instruction sets that the machine at hand may
lack, in an emulator (emulate.py): every constant, matrices of several shapes,
all flags, nothing touched beside the shards. What runs natively, too, shows
that the emulator is right."""
import platform
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests" / "appliance"), str(ROOT / "appliance")]
import emulate  # noqa: E402
from gen_gf256 import multiply, write  # noqa: E402

ADD, STREAM = 1, 2
BLOCK, LINE = 512, 64
LIST, TARGETS, SOURCES, SHARDS = 0x1000_0000, 0x2000_0000, 0x2100_0000, 0x3000_0000
chance = random.Random(7)
done = 0


def tap(passed, text):
    global done
    done += 1
    print(f"{'' if passed else 'not '}ok {done} - {text}", flush=True)


def build(compiler, folder):
    """The program that prints lists, with all of the code in it; or None."""
    sources = [ROOT / "appliance" / f"gf256_{name}" for name in
               ("avx2.c", "avx2.S", "avx512.c", "avx512.S")]
    program = folder / ("lists-" + compiler)
    result = subprocess.run(
        [compiler, "-O1", "-I", ROOT / "include", "-I", ROOT / "build" / "gen",
         "-I", ROOT / "appliance", ROOT / "tests" / "appliance" / "gf256_lists.c",
         *sources, "-o", program], capture_output=True, text=True)
    for line in result.stderr.splitlines():
        print("#", line)
    return None if result.returncode else program


class Kernel:
    def __init__(self, program, name):
        self.program, self.name = program, name
        self.code = emulate.disassemble(program, f"ae_gf256_{name}_run")
        self.entry = min(self.code)

    def steps(self, matrix):
        said = subprocess.run(
            [self.program, self.name, str(len(matrix)), str(len(matrix[0])),
             "".join(f"{x:02x}" for row in matrix for x in row)],
            capture_output=True, text=True, check=True).stdout
        words = []
        for line in said.splitlines():
            code, at = map(int, line.split())
            words += [self.entry + code if code >= 0 else -1 - code, at]
        return words

    def run(self, matrix, length, flags, off=0):
        """Are targets and sources, each so many bytes off alignment or more,
        what they should be afterwards?"""
        machine = emulate.Machine(self.code)
        place = SHARDS + off

        def shard():
            nonlocal place
            place += 0x10000 + (off and 2)
            machine.map(place, chance.randbytes(length))
            return place

        sources = [shard() for _ in matrix[0]]
        targets = [shard() for _ in matrix]
        for at, words in ((LIST, self.steps(matrix)), (TARGETS, targets),
                          (SOURCES, sources)):
            machine.map(at, b"".join(x.to_bytes(8, "little") for x in words))
        before = [bytes(machine.memory[at]) for at in sources]
        wanted = [expect(row, before, bytes(machine.memory[at]), flags)
                  for row, at in zip(matrix, targets)]
        machine.call(self.entry, LIST, TARGETS, SOURCES, length, flags)
        got = [bytes(machine.memory[at]) for at in (*targets, *sources)]
        return got == wanted + before


def expect(row, sources, old, flags):
    """A target by the definition, plane by plane."""
    sums = [0] * (len(old) // LINE)
    if flags & ADD:
        sums = lines(old)
    for constant, source in zip(row, map(lines, sources)):
        for bit in range(8):
            product = multiply(constant, 1 << bit)
            for at in range(len(sums)):
                if product >> at % 8 & 1:
                    sums[at] ^= source[at - at % 8 + bit]
    return b"".join(x.to_bytes(LINE, "little") for x in sums)


def lines(data):
    return [int.from_bytes(data[at:at + LINE], "little")
            for at in range(0, len(data), LINE)]


def shape(targets, sources):
    """Zeros, ones and others."""
    return [[chance.choice((0, 1, chance.randrange(256), chance.randrange(256)))
             for _ in range(sources)] for _ in range(targets)]


def try_run(kernel, *what):
    try:
        return kernel.run(*what)
    except emulate.Fault as fault:
        print("#", kernel.name, fault)
        return False


def test_kernel(kernel):
    name = kernel.name
    constants = [[x] for x in range(1, 256)]
    tap(try_run(kernel, constants, BLOCK, 0), f"{name}: 255 constants")
    tap(try_run(kernel, constants[1:], BLOCK, STREAM),
        f"{name}: the other way round")
    for targets, sources in ((1, 1), (1, 7), (2, 3), (3, 5), (4, 10), (5, 2)):
        passed = all(try_run(kernel, shape(targets, sources), BLOCK * blocks, flags)
                     for blocks in (1, 3) for flags in range(4))
        tap(passed, f"{name}: {targets} x {sources}, all flags")
    tap(try_run(kernel, [[0] * 3] * 3, BLOCK, 0), f"{name}: nothing but zeros")
    tap(all(try_run(kernel, constants, BLOCK, flags, 1) and
            try_run(kernel, constants[1:], BLOCK, flags, 1) and
            try_run(kernel, shape(3, 5), 2 * BLOCK, flags, 1)
            for flags in (0, ADD)), f"{name}: shards at odd addresses")


def test_written_whole(folder):
    """A generator that is killed half way leaves what was there."""
    def parts():
        yield "half of it"
        raise KeyboardInterrupt

    path = folder / "programs"
    path.write_text("before")
    try:
        write(path, parts())
    except KeyboardInterrupt:
        pass
    tap(path.read_text() == "before" and list(folder.iterdir()) == [path],
        "programs are written whole or not at all")


def main():
    compilers = [c for c in ("gcc", "clang-14") if shutil.which(c)]
    if platform.machine() != "x86_64" or not compilers or not shutil.which("objdump"):
        print("ok 1 # SKIP no compiler, no objdump, or another machine\n1..1")
        return
    with tempfile.TemporaryDirectory() as name:
        test_written_whole(Path(name))
        for compiler in compilers:
            program = build(compiler, Path(name))
            tap(program is not None, f"{compiler} builds all kernels")
            if program:
                for isa in ("avx2", "avx512"):
                    test_kernel(Kernel(program, isa))
    print(f"1..{done}")


main()
