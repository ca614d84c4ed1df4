#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests the generator: golden files, bad schemas, and what the header does.

Speaks TAP, writes only in a temporary directory (--update: the golden files).
A bad schema is one file of bad/ with its expected errors in `# expect:` lines,
in order, and no others; ... at the end stands for the rest of a line.
"""
import compileall
import difflib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path("tests/schema")
GOLDEN, BAD = HERE / "golden", HERE / "bad"
SMALL = [GOLDEN / "small.capnp", GOLDEN / "small-layout.capnp",
         GOLDEN / "bare-layout.capnp"]
BARE = [GOLDEN / "bare.capnp", GOLDEN / "bare-layout.capnp"]
REAL = [Path("schema/aether.capnp"), Path("schema/lean.capnp"),
        Path("schema/inos.capnp")]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
OLD = "what was there before\n"
tests = failures = 0
generator = None


def ok(good, name, notes=""):
    global tests, failures
    tests += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {tests} - {name}")
    for line in "" if good else str(notes).splitlines():
        print(f"# {line}")
    sys.stdout.flush()


def run(command, **more):
    return subprocess.run([str(x) for x in command], capture_output=True,
                          text=True, check=False, **more)


def generate(sources, *more, root=ROOT, **rest):
    layouts = [x for path in sources[1:] for x in ("--layout", path)]
    command = [sys.executable, "-S", generator, "--schema", sources[0]]
    return run([*command, *layouts, *more], cwd=root, **rest)


def outputs(at):
    return {"--c": at / "layout.h", "--md": at / "tables.md"}


def both(sources, directory, root=ROOT):
    """Generates both outputs; their texts, or None and the errors."""
    files = outputs(directory)
    done = generate(sources, *(x for pair in files.items() for x in pair),
                    root=root)
    if done.returncode != 0 or done.stdout or done.stderr:
        return None, done.stdout + done.stderr
    return [path.read_text() for path in files.values()], ""


def golden(directory, update):
    texts, errors = both(SMALL, directory / "golden")
    ok(texts, "the small schema generates", errors)
    for text, name in zip(texts or [], ("small.h", "small.md")):
        path = ROOT / GOLDEN / name
        if update:
            path.write_text(text)
        want = path.read_text() if path.exists() else ""
        ok(text == want, f"{name} is as the golden file", "".join(
            difflib.unified_diff(want.splitlines(True), text.splitlines(True),
                                 str(GOLDEN / name), "generated")))


def bad(directory):
    for path in sorted((ROOT / BAD).glob("*.capnp")):
        text, path = path.read_text(), path.relative_to(ROOT)
        expected = re.findall("^# expect: (.*)$", text, re.M)
        is_schema = re.search("^const schema ", text, re.M)
        sources = [path, BARE[1]] if is_schema else [*BARE, path]
        refused(directory / path.stem, sources, path, expected)
    for name, sources in (("schema", ["no.capnp", REAL[1]]),
                          ("layout", [*REAL, "no.capnp"])):
        refused(directory / f"missing {name}", sources, "no.capnp",
                ["capnp: no such file"])


def refused(directory, sources, path, expected):
    """Exit 1, these errors in this file, and the outputs as they were."""
    directory.mkdir(parents=True)
    files = outputs(directory)
    files["--c"].write_text(OLD)
    done = generate(sources, *(x for pair in files.items() for x in pair),
                    env={**os.environ, "PWD": "/"})     # as after make -C
    lines = done.stderr.splitlines()
    told = len(lines) == len(expected) > 0 and all(
        line.startswith(f"{path}: {text[:-3]}") if text.endswith("...")
        else line == f"{path}: {text}" for line, text in zip(lines, expected))
    notes = "\n".join([f"exit {done.returncode}, expected 1 and:",
                       *(f"{path}: {x}" for x in expected), "got:", *lines])
    ok(done.returncode == 1 and told and not done.stdout,
       f"refused: {directory.name}", notes)
    left = [x.name for x in directory.iterdir()]
    ok(left == ["layout.h"] and files["--c"].read_text() == OLD,
       f"refused: {directory.name}: outputs are as they were", left)


def command_line(directory):
    one, two = directory / "deep/er/one.h", directory / "one.md"
    done = generate(REAL, "--c", one)
    ok(done.returncode == 0 and os.listdir(one.parent) == ["one.h"],
       "parents are made, no temporary file is left", done.stderr)
    done = generate(REAL, "--check")
    ok(done.returncode == 0 and not done.stderr, "--check", done.stderr)
    for name, sources, more in (
            ("no output", REAL, []),
            ("--check and --c", REAL, ["--check", "--c", two]),
            ("no layout", REAL[:1], ["--check"]),
            ("unknown option", REAL, ["--check", "--fortran", two]),
            ("one output twice", REAL, ["--c", two, "--md", two]),
            ("an output over a source", REAL, ["--c", REAL[0]])):
        done = generate(sources, *more)
        ok(done.returncode == 2 and not two.exists(), f"usage: {name}",
           done.stderr)
    for name in ("deep", "deep/er/one.h/two.md"):
        done = generate(REAL, "--c", two, "--md", directory / name)
        ok(done.returncode == 1 and f"/{name}: output: " in done.stderr
           and os.listdir(directory) == ["deep"],
           "an output that cannot be written: nor is another", done.stderr)
    done = generate(REAL, "--check", env={"PATH": str(directory)})
    ok(done.returncode == 1 and "install the package capnproto" in done.stderr
       and done.stderr.startswith(f"{REAL[0]}: "), "no capnp", done.stderr)


def imported(directory):
    for name, body in (("broken", "const x :UInt8 = ;"), ("user", "const "
                       'schema :UInt8 = import "broken.capnp".x;')):
        (directory / f"{name}.capnp").write_text(
            f"@0x{0xc7d20be4f1a80300 + len(name):x};\n{body}\n")
    done = generate(["user.capnp", ROOT / REAL[1]], "--check", root=directory)
    ok(done.returncode == 1 and done.stderr.startswith(
        "broken.capnp: capnp: 2:17: error: "), "a fault in an imported file "
       "is told with that file's name", done.stderr)


def repeatable(directory):
    first, errors = both(REAL, directory / "first")
    again, more = both([ROOT / path for path in REAL], directory / "again",
                       root=directory)
    ok(first and first == again, "twice the same bytes, from two directories",
       errors + more)


def compiles(directory):
    for name, sources in (("real", REAL), ("small", SMALL), ("bare", BARE)):
        header = directory / f"{name}.h"
        done = generate(sources, "--c", header)
        ok(done.returncode == 0, f"{name}: generates", done.stderr)
        for command in (["gcc", "-std=c11", "-xc"],
                        ["g++", "-std=c++17", "-xc++"]):
            test = f"{name}: {' '.join(command[:2])}"
            if not shutil.which(command[0]):
                ok(True, f"{test} # SKIP no {command[0]}")
                continue
            done = run([*command, *STRICT, "-fsyntax-only", header])
            ok(done.returncode == 0, test, done.stderr)
        names(sources, name, header.read_text())
        program(sources, name, directory)


def names(sources, name, text):
    """What check.py holds against collisions is what the header defines."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(ROOT / "schema"))
    import c_names
    import model
    loaded = model.load(str(ROOT / sources[0]),
                        [str(ROOT / x) for x in sources[1:]])
    listed = {x for x, _, _ in c_names.identifiers(loaded)}
    there = set(re.findall(r"^(?:#define |\t(?=\w+ = ))(\w+)", text, re.M))
    ok(listed == there, f"{name}: c_names.py lists what is defined",
       f"differ: {sorted(listed ^ there)}")


LISTS = {"errors": "ERROR", "roles": "ROLE", "states": "STATE", "keys": "KEY",
         "seatStates": "SEAT", "formats": "FORMAT", "policies": "POLICY",
         "flags": "FLAG", "parcelFlags": "PARCEL", "tiers": "TIER",
         "guardModes": "GUARD_MODE", "guardViolations": "GUARD_VIOLATION",
         "epochKinds": "EPOCH_KIND", "rights": "RIGHT"}


PRELUDE = r"""
#include <inttypes.h>
#include <stdio.h>
#define ONE(...) + 1
static int bad;
static void same(uint64_t got, uint64_t want, const char *what)
{
	bad += got != want;
	if (got != want) printf("%s is 0x%" PRIX64 "\n", what, got);
}
int main(void) {
"""


def snake(name):
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name)


def program(sources, name, directory):
    """Every maker, getter and list, against numbers that Python works out."""
    done = run(["capnp", "eval", "-o", "json", sources[0], "schema"], cwd=ROOT)
    random.seed(1)
    lines = [f'#include "{name}.h"', PRELUDE]
    schema = json.loads(done.stdout)
    for word in schema.get("words", []):
        for _ in range(20):
            lines += uses(word)
    for items, prefix in LISTS.items():
        lines.append(f'same(0 AETHER_{prefix}_LIST(ONE), '
                     f'{len(schema.get(items, []))}, "{prefix}_LIST");')
    lines.append("return bad != 0; }")
    source, binary = directory / f"{name}.c", directory / name
    source.write_text("\n".join(lines))
    done = run(["gcc", "-std=c11", *STRICT, "-o", binary, source])
    if done.returncode == 0:
        done = run([binary])
    ok(done.returncode == 0, f"{name}: makers, getters and lists",
       done.stdout + done.stderr)


def uses(word):
    """One call of each macro, with values that are often too wide."""
    def macro(*parts):
        return "_".join(["AETHER", *parts])

    upper, raw, values = snake(word["name"]).upper(), 0, []
    for bits in word["fields"]:
        value = random.choice([0, 1, 2**64 - 1, random.getrandbits(64)])
        values.append(f"UINT64_C({value})")
        raw |= (value % 2 ** bits["bits"]) << bits["shift"]
    made = f"{macro(upper, 'MAKE')}({', '.join(values)})"
    yield f'same({made}, UINT64_C({raw}), "{upper}");'
    noise = random.getrandbits(64)
    for bits in word["fields"]:
        name = macro(upper, snake(bits["name"]).upper())
        part = (noise >> bits["shift"]) % 2 ** bits["bits"]
        yield f'same({name}(UINT64_C({noise})), UINT64_C({part}), "{name}");'
        for end, number in (("SHIFT", bits["shift"]), ("BITS", bits["bits"]),
                            ("MASK", 2 ** bits["bits"] - 1)):
            yield f'same({name}_{end}, UINT64_C({number}), "{name}_{end}");'


def hashes(directory):
    shutil.copytree(ROOT / "schema", directory / "schema")
    shutil.copytree(ROOT / GOLDEN, directory / GOLDEN)
    first = layout_hash(directory)
    ok(first, "a hash")
    for line in (ROOT / GOLDEN / "changes.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        name, old, new, wanted = line.split(" | ")
        path = directory / GOLDEN / name
        text = path.read_text()
        path.write_text(text.replace(old, new))
        now = layout_hash(directory)
        good = now and (now == first) == (wanted == "same")
        ok(good and text.count(old) == 1, f"{wanted}: {old} -> {new}", now)
        path.write_text(text)


def layout_hash(directory):
    done = generate(SMALL, "--c", "out.h", root=directory)
    if done.returncode != 0:
        print("# " + done.stderr)
        return None
    text = (directory / "out.h").read_text()
    return re.search(r"LAYOUT_SMALL_ONE_HASH UINT64_C\((\w+)\)", text)[1]


def main(arguments):
    if arguments not in ([], ["--update"]):
        sys.exit("usage: test_generator.py [--update]")
    global generator
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "schema"    # compiled once for all runs of it
        shutil.copytree(ROOT / "schema", copy)
        compileall.compile_dir(copy, quiet=1)
        generator = copy / "gen.py"
        parts = [lambda x: golden(x, bool(arguments)), bad, command_line,
                 imported, repeatable, compiles, hashes]
        for number, part in enumerate(parts):
            directory = Path(name) / str(number)
            directory.mkdir()
            part(directory)
    print(f"1..{tests}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
