#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Feeds the schema's generator what is almost a schema.

What a file says is changed in memory, thousands of times a second: numbers to
their extremes, texts to any text, items away, twice or elsewhere. Now and then
the file itself is changed and goes through capnp. The generator must answer
with its outputs, or with errors of one line each that begin with the file:
never with a traceback. The same seed makes the same changes.

    python3 fuzz/fuzz_schema.py [--runs N | --seconds S] [--seed N]
"""
import argparse
import contextlib
import copy
import io
import json
import os
import random
import re
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "schema"))

import check  # noqa: E402
import gen  # noqa: E402
import model  # noqa: E402

GOLDEN = ROOT / "tests/schema/golden"
SETS = [[ROOT / "schema/aether.capnp", ROOT / "schema/lean.capnp",
         ROOT / "schema/inos.capnp"],
        [GOLDEN / "small.capnp", GOLDEN / "small-layout.capnp",
         GOLDEN / "bare-layout.capnp"]]
NUMBERS = [0, 1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 255, 256, 4095, 4096, 8192,
           2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1]
TEXTS = ["", " ", "a", "A", "0", "_", "a b", "a\nb", "\x1b[1m", "é", "\u2028",
         "x" * 300, "*/", "\\", "\"", "%s", "{}", "int", "class", "aB", "IDX_A",
         "reserved_10", "__init__", "counter", "lock", "u64", "word64", "{0}"]
LINE = re.compile(r"\S+: .+")
TEXT_EVERY = 400    # runs of which one goes through capnp
CHARS = "(){}[]=,:;\"#0@ \n\\xAé"


class Wrong(Exception):
    pass


def places(node, found):
    """(container, key) of all that the tree holds."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        found.append((node, key))
        if isinstance(value, (dict, list)):
            places(value, found)
    return found


def other_number(value, dice):
    how = dice.randrange(4)
    if how == 0:
        return dice.choice(NUMBERS)
    if how == 1:
        return value ^ 1 << dice.randrange(33)
    return max(0, value + dice.choice([-64, -8, -4, -2, -1, 1, 2, 4, 8, 64]))


def other_text(value, dice, known):
    how = dice.randrange(4)
    if how == 0:
        return dice.choice(TEXTS)
    if how == 1 and value:
        at = dice.randrange(len(value))
        return value[:at] + dice.choice(TEXTS) + value[at + 1:]
    return dice.choice(known)


def change(facts, dice):
    """One change that keeps the types that capnp guarantees."""
    found = places(facts, [])
    node, key = dice.choice(found)
    value = node[key]
    known = [n[k] for n, k in found if isinstance(n[k], str)]
    if isinstance(value, bool):
        node[key] = not value
    elif isinstance(value, int):
        node[key] = other_number(value, dice)
    elif isinstance(value, str) and value.isdigit():
        node[key] = str(other_number(int(value), dice))
    elif isinstance(value, str):
        node[key] = other_text(value, dice, known)
    else:
        change_list(node, key, value, dice)


def change_list(node, key, value, dice):
    if isinstance(node, dict) and isinstance(value, dict):
        node.pop(key)
    elif isinstance(value, dict):
        how = dice.randrange(3)
        if how == 0:
            node.pop(key)
        elif how == 1:
            node.insert(dice.randrange(len(node) + 1), copy.deepcopy(value))
        elif value:
            value.pop(dice.choice(list(value)))
    elif value:
        dice.shuffle(value)
        del value[dice.randrange(len(value) + 1):]


def judge(said, count=None):
    lines = said.splitlines()
    for line in lines:
        if not LINE.fullmatch(line):
            raise Wrong(f"an error that is no line of a file: {line!r}")
    if count is not None and count != len(lines):
        raise Wrong(f"{count} errors in {len(lines)} lines")


def say(lines):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        gen.fail(lines)
    judge(said.getvalue(), len(lines))


def run_facts(files, facts, dice):
    facts = copy.deepcopy(facts)
    for _ in range(dice.choice([1, 1, 1, 2, 3, 8])):
        change(dice.choice(facts), dice)
    known = iter(facts)
    evaluate = model.evaluate
    model.evaluate = lambda path, const: json.dumps(next(known))
    try:
        loaded = model.load(str(files[0]), [str(x) for x in files[1:]])
        faults = check.check(loaded)
        say(faults)
        if not faults:
            for module, _ in gen.WRITERS.values():
                module.write(loaded)
    except model.LoadError as error:
        say(error.lines)
    finally:
        model.evaluate = evaluate
    return facts


def run_text(files, directory, dice):
    which = dice.randrange(len(files))
    text = files[which].read_text(encoding="utf-8")
    text = text.replace("../../../schema/", "").replace(
        'import "meta.capnp"', f'import "{ROOT}/schema/meta.capnp"')
    for _ in range(dice.choice([1, 1, 2, 5])):
        at = dice.randrange(len(text))
        end = at + dice.choice([0, 1, 1, 2, 40])
        text = text[:at] + dice.choice(CHARS) * dice.randrange(2) + text[end:]
    path = Path(directory) / files[which].name
    path.write_text(text, encoding="utf-8")
    paths = [str(x) for x in files]
    paths[which] = str(path)
    said = io.StringIO()
    layouts = [x for item in paths[1:] for x in ("--layout", item)]
    with contextlib.redirect_stderr(said):
        gen.main(["--schema", paths[0], *layouts, "--check"])
    judge(said.getvalue())
    return text


def one(number, seed, facts, directory):
    """The text of what is wrong, or None."""
    dice = random.Random(f"{seed}/{number}")
    which = 0 if dice.randrange(8) == 0 else 1      # the real one is slow
    try:
        if number % TEXT_EVERY == 0:
            run_text(SETS[which], directory, dice)
        else:
            run_facts(SETS[which], facts[which], dice)
    except (Exception, SystemExit):     # whatever it is, it is a finding
        return f"run {number} of seed {seed}:\n{traceback.format_exc()}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=4000)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    facts = [[json.loads(model.evaluate(str(path), "layout" if i else "schema"))
              for i, path in enumerate(files)] for files in SETS]
    os.chdir(ROOT)
    until = time.monotonic() + (options.seconds or 0)
    number = options.first
    with tempfile.TemporaryDirectory() as directory:
        while (time.monotonic() < until if options.seconds
               else number < options.first + options.runs):
            wrong = one(number, options.seed, facts, directory)
            if wrong:
                print(wrong, file=sys.stderr)
                return 1
            number += 1
    print(f"schema: {number - options.first} runs, seed {options.seed}: "
          "nothing but outputs and errors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
