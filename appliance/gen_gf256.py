#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the programs that multiply bit-planes by the constants of GF(2^8).

A product with a constant is an 8x8 matrix of bits: plane i of the product is
the sum of those planes of the source that row i names. For each constant the
sums that several rows share are found greedily, with ties broken by chance in
a fixed order, and the best of several tries is kept.

    --c FILE       functions in C, of 64-bit words or the compiler's vectors
    --avx2 FILE    instructions that gf256_avx2.S includes
    --avx512 FILE  the same for gf256_avx512.S
"""
import argparse
import os
import random

POLYNOMIAL = 0x11D
TRIES = 16
ONES = [bin(x).count("1") for x in range(256)]


def multiply(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 0x100:
            a ^= POLYNOMIAL
        b >>= 1
    return product


class Program:
    """The sums of one constant, by exclusive ors of two operands or of three.

    Operands 0 to 7 are the source's planes, 8 and up the temporaries, each of
    them a sum of operands before it; rows[i] are the operands whose sum is
    plane i of the product.
    """

    def __init__(self, constant, chance, three):
        # users[x]: the rows that operand x is in, a bit each
        users = [multiply(constant, 1 << x) for x in range(8)]
        self.temps = []
        while True:
            group = best_group(users, chance, three)
            if not group:
                break
            shared = 0xFF
            for x in group:
                shared &= users[x]
            for x in group:
                users[x] &= ~shared
            users.append(shared)
            self.temps.append(group)
        self.rows = [[x for x, rows in enumerate(users) if rows >> i & 1]
                     for i in range(8)]
        self.cost = len(self.temps) + sum(
            (len(row) + 1) // 2 if three else len(row) for row in self.rows)


def best_group(users, chance, three):
    """A group of operands whose sum saves most if it is a temporary."""
    groups, best = [], (0, 0)
    odd = 0  # rows that an operand less makes cheaper, if three are summed
    for rows in users:
        odd ^= rows
    for group in candidates(users, three):
        shared = 0xFF
        for x in group:
            shared &= users[x]
        both = shared & odd if three and len(group) == 2 else shared
        saved = (ONES[both] - 1, ONES[shared])
        if saved > best:
            best, groups = saved, []
        if saved == best > (0, 0):
            groups.append(group)
    return chance.choice(groups) if groups else None


def candidates(users, three):
    for b, rows in enumerate(users):
        for a in range(b):
            if ONES[users[a] & rows] < 2:
                continue
            yield a, b
            for c in range(a) if three else ():
                if ONES[users[a] & users[c] & rows] >= 2:
                    yield c, a, b


def programs(three):
    """The program of each constant but 0."""
    chance = random.Random(POLYNOMIAL)
    found = {}
    for constant in range(1, 256):
        tries = [Program(constant, chance, three) for _ in range(TRIES)]
        found[constant] = min(tries, key=lambda p: p.cost)
    return found


def ordered(program):
    """(plane of the sum or temporary, operands): sums as soon as they can be."""
    rows = {x: [i for i in range(8) if x in program.rows[i]]
            for x in range(8 + len(program.temps))}
    for number, group in enumerate(program.temps, 8):
        yield number, group
        for x in (*group, number):
            for i in rows.pop(x, ()):
                yield i, (x,)
    for x, users in rows.items():
        for i in users:
            yield i, (x,)


def by_twos(program):
    """The same with two operands for a sum, as soon as there are two."""
    waiting, left = {}, {i: len(row) for i, row in enumerate(program.rows)}
    for target, operands in ordered(program):
        if target >= 8:
            yield target, operands
            continue
        left[target] -= 1
        ready = waiting.pop(target, ()) + operands
        if len(ready) == 2 or left[target] == 0:
            yield target, ready
        else:
            waiting[target] = ready


def c_text(found):
    """All programs as functions of one word of each plane, and their table."""
    yield "/* Written by gen_gf256.py. */\n"
    yield "#define LINE (AETHER_TILE / sizeof(word))\n"
    yield "typedef void times_function(word *restrict, const word *restrict);\n"
    for constant, program in found.items():
        yield (f"\nstatic void times_{constant:02x}(word *restrict sums, "
               "const word *restrict source)\n{\n"
               "\tfor (size_t i = 0; i < LINE; i++, sums++, source++) {\n")
        for number, (a, b) in enumerate(program.temps, 8):
            yield f"\t\tword t{number} = {c_operand(a)} ^ {c_operand(b)};\n"
        for i, row in enumerate(program.rows):
            terms = " ^ ".join(map(c_operand, row))
            yield f"\t\tsums[{i} * LINE] ^= {terms};\n"
        yield "\t}\n}\n"
    yield "\nstatic times_function *const times[256] = {\n"
    for constant in found:
        yield f"\t[0x{constant:02x}] = times_{constant:02x},\n"
    yield "};\n"


def c_operand(x):
    return f"source[{x} * LINE]" if x < 8 else f"t{x}"


# ---- AVX2: half a line, 32 bytes, of each plane at once

class Avx2:
    """A program in instructions: sums in ymm0-7, ymm8-15 to work with.

    Planes of the source are operands in memory; one that is used again stays
    in a register as long as there is one that no temporary needs.
    """

    BIAS = 256  # of the address, so that half of the offsets fit into a byte

    def __init__(self, program):
        self.lines = []
        self.home = {}  # operand -> register
        self.free = list(range(8, 16))
        self.steps = list(ordered(program))
        for at, (target, operands) in enumerate(self.steps):
            self.emit(at, target, operands)

    def used_after(self, at, x):
        return any(x in operands for _, operands in self.steps[at + 1:])

    def say(self, name, *operands):
        words = [x if isinstance(x, str) else f"%ymm{x}" for x in operands]
        self.lines.append(f"\t{name} {', '.join(words)}\n")

    def where(self, x):
        if x in self.home:
            return self.home[x]
        return f"{64 * x - self.BIAS}(%r8)"

    def take(self):
        """A register; if none is free, one of a plane, which is in memory."""
        if not self.free:
            self.free.append(self.home.pop(min(self.home)))
        return self.free.pop(0)

    def emit(self, at, target, operands):
        for x in operands:
            if x not in self.home and self.free and self.used_after(at, x):
                self.home[x] = self.free.pop(0)
                self.say("vmovdqu", f"{64 * x - self.BIAS}(%r8)", self.home[x])
        places = sorted(map(self.where, operands), key=str)
        for x in operands:
            if x in self.home and not self.used_after(at, x):
                self.free.insert(0, self.home.pop(x))
        if target < 8:
            self.say("vpxor", places[0], target, target)
            return
        self.home[target] = to = self.take()
        in_register = [x for x in places if not isinstance(x, str)]
        in_memory = [x for x in places if isinstance(x, str)]
        if not in_register:
            self.say("vmovdqu", in_memory.pop(), to)
            in_register.append(to)
        self.say("vpxor", (in_memory or in_register[1:])[0], in_register[0],
                 to)


def avx2_text(found):
    """The kernels and their table; gf256_avx2.h has what is around them."""
    for constant, program in found.items():
        yield f"\n\tBEGIN(.Lm_{constant:02x})\n"
        yield from Avx2(program).lines
        yield "\tNEXT\n"
    yield "\n\tTABLE\n\t.long 0\n"
    for constant in found:
        yield f"\tENTRY(.Lm_{constant:02x})\n"


# ---- AVX-512: a line, 64 bytes, of each plane at once, three operands a step

def avx512_lines(program, sums):
    """Instructions, with the source in zmm16-23 and sums from that register."""
    steps = list(by_twos(program))
    home = {x: 16 + x for x in range(8)}
    free = list(range(24, 32))
    for at, (target, operands) in enumerate(steps):
        places = [home[x] for x in operands]
        if target < 8:
            yield exclusive_or(sums + target, *places)
        else:
            to = home[target] = free.pop(0)
            if len(places) == 3:  # copies of registers cost next to nothing
                yield f"\tvmovdqa64 %zmm{places.pop()}, %zmm{to}\n"
                yield exclusive_or(to, *places)
            else:
                yield f"\tvpxorq %zmm{places[0]}, %zmm{places[1]}, %zmm{to}\n"
        for x in operands:
            if x >= 8 and not any(x in later for _, later in steps[at + 1:]):
                free.insert(0, home.pop(x))


def exclusive_or(to, *places):
    """Adds one register or two to a third."""
    if len(places) == 2:
        return "\tvpternlogq $0x96, %zmm{}, %zmm{}, %zmm{}\n".format(*places, to)
    return f"\tvpxorq %zmm{places[0]}, %zmm{to}, %zmm{to}\n"


def avx512_text(found):
    """Products of first and second targets and their table, for
    gf256_avx512.S."""
    for constant, program in found.items():
        for which, sums in (("a", 0), ("b", 8)):
            yield f"\n\tBEGIN_{which.upper()}(.L{which}_{constant:02x})\n"
            yield from avx512_lines(program, sums)
            yield "\tNEXT\n"
    yield "\n\tTABLE\n"
    for which, zero in (("a", "\tENTRY(.Ltake)\n"), ("b", "\t.long 0\n")):
        yield zero
        for constant in found:
            yield f"\tENTRY(.L{which}_{constant:02x})\n"


def write(path, parts):
    """Whole or not at all: builds that run at once share the file."""
    unfinished = f"{path}.{os.getpid()}"
    try:
        with open(unfinished, "w", encoding="ascii") as out:
            out.writelines(parts)
        os.replace(unfinished, path)
    except BaseException:
        if os.path.exists(unfinished):
            os.unlink(unfinished)
        raise


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--c", "--avx2", "--avx512"):
        parser.add_argument(name, metavar="FILE")
    options = parser.parse_args()
    for path, three, text in ((options.c, False, c_text),
                              (options.avx2, False, avx2_text),
                              (options.avx512, True, avx512_text)):
        if path:
            write(path, text(programs(three)))


if __name__ == "__main__":
    main()
