#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the programs that multiply bit-planes by the constants of GF(2^8).

A product with a constant is an 8x8 matrix of bits: plane i of the product is
the sum of those planes of the source that row i names. For each constant the
sums that several rows share are found greedily, with ties broken by chance in
a fixed order, and the best of several tries is kept.

    gen_gf256.py --c FILE      64-bit words and the compiler's vectors, in C
"""
import argparse
import random

POLYNOMIAL = 0x11D
TRIES = 16


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
    """The sums of one constant.

    Operands 0 to 7 are the source's planes, 8 and up the temporaries, each of
    them a sum of two operands before it; rows[i] are the operands whose sum is
    plane i of the product.
    """

    def __init__(self, constant, chance):
        # users[x]: the rows that operand x is in, a bit each
        users = [multiply(constant, 1 << x) for x in range(8)]
        self.temps = []
        while True:
            pair = self.best_pair(users, chance)
            if not pair:
                break
            both = users[pair[0]] & users[pair[1]]
            for x in pair:
                users[x] &= ~both
            users.append(both)
            self.temps.append(pair)
        self.rows = [[x for x, rows in enumerate(users) if rows >> i & 1]
                     for i in range(8)]
        self.cost = len(self.temps) + sum(map(len, self.rows))

    @staticmethod
    def best_pair(users, chance):
        best, pairs = 1, []
        for b, rows in enumerate(users):
            for a in range(b):
                shared = bin(users[a] & rows).count("1")
                if shared > best:
                    best, pairs = shared, []
                if shared == best > 1:
                    pairs.append((a, b))
        return chance.choice(pairs) if pairs else None


def programs():
    """The program of each constant but 0."""
    chance = random.Random(POLYNOMIAL)
    found = {}
    for constant in range(1, 256):
        tries = [Program(constant, chance) for _ in range(TRIES)]
        found[constant] = min(tries, key=lambda p: p.cost)
    return found


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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--c", metavar="FILE")
    options = parser.parse_args()
    found = programs()
    for path, text in ((options.c, c_text),):
        if path:
            with open(path, "w", encoding="ascii") as out:
                out.writelines(text(found))


if __name__ == "__main__":
    main()
