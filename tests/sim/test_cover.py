#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is each atomic operation of core tried by the simulator? All operations are
read from the sources; the scenes, within their quick bounds, say by which of
them an actor came and before which one was killed (host/sim/cover.c). A line
that holds one must have had a death, or stand in EXCEPT with the reason; an
exception that is not needed is a failure as well.

    O            where the simulator was built (build)
    SIM_COVER    the folder into which the sim tests wrote what they covered
                 (O/sim/cover); those that did not, or are newer, are run here
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
O = Path(os.environ.get("O") or ROOT / "build").resolve()
COVER = Path(os.environ.get("SIM_COVER") or O / "sim" / "cover")

sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))
import csource  # noqa: E402

WRAPPER = "core/ae_atomic.h"
# Run by a person: it looks, and each of its repairs is one swap of the word that it found, or
# a step that is covered where it is.
DOCTOR = "core/doctor"
OPERATION = re.compile(r"\bae_([a-z]+)(?:32|64)_(?:relaxed|acquire|release|seq_cst)\b")

# By function, and a part of the line's text; None: all loads of the function. A swap never.
LOOKS = "only looks: who dies of it leaves nothing behind"
ALONE = "nobody else sees the plane yet"
PRIVATE = "in the private memory of the one that dies"

EXCEPT = [
    ("epoch.c:aether_epoch_in_panic", None, LOOKS),
    ("guard.c:aether_guard_look", None, LOOKS),
    ("participant.c:aether_participant_find", None, LOOKS),
    ("participant.c:aether_participant_look", None, LOOKS),
    ("participant.c:read_counts", None, LOOKS),
    ("participant.c:read_heir", None, LOOKS),
    ("participant.c:read_name", None, LOOKS),
    ("participant.c:read_record", None, LOOKS),
    ("plane.c:close_registers", "ae_store32_relaxed(", ALONE),
    ("pool.c:aether_epoch_find", None, LOOKS),
    ("pool.c:aether_epoch_owner", None, LOOKS),
    ("registry.c:aether_registry_bits", None, LOOKS),
    ("registry.c:aether_registry_count", None, LOOKS),
    ("registry.c:aether_registry_look", None, LOOKS),
    ("registry.c:decode", None, LOOKS),
    ("registry.c:readers", None, LOOKS),
    ("settle.c:ae_settle_one", "ae_add32_relaxed(&me->owed", PRIVATE),
]


class Line:
    """A line of core with an operation, or several."""

    def __init__(self, file, number, function, text):
        self.file, self.number, self.function, self.text = file, number, function, text
        self.kinds, self.spans = set(), set()
        self.came = self.killed = 0
        self.reason = None

    def __str__(self):
        what = "no death before it" if self.came else "nobody came by"
        return f"{self.file}:{self.number}: {self.function}: {what}: {self.text.strip()}"


def span(source, at, end):
    """The lines that a compiler may take a macro's call for: those of the outermost call
    of a macro around it, or of its own."""
    first, last, depth = at, csource.paren_end(source.code, end) - 1, 0
    for back in range(at - 1, -1, -1):
        depth += (source.code[back] == ")") - (source.code[back] == "(")
        if source.code[back] in ";{}":
            break
        if depth < 0:
            depth = 0
            macro = re.search(r"\b[A-Z][A-Z0-9_]+\s*\Z", source.code[:back])
            if macro:
                first, last = macro.start(), csource.paren_end(source.code, back) - 1
    return source.line_at(first), source.line_at(last)


def operations():
    """(file, line) -> Line, of all sources of core but the wrapper."""
    found = {}
    for source in csource.sources(ROOT, ("core",)):
        if source.rel == WRAPPER or source.rel.startswith(DOCTOR):
            continue
        for match in OPERATION.finditer(source.plain):
            number = source.line_at(match.start())
            function = source.function_at(number)
            line = found.setdefault((source.rel, number), Line(
                source.rel, number, function.name if function else "?",
                source.lines[number - 1]))
            line.kinds.add(match[1])
            line.spans.add(span(source, match.start(), match.end()))
    return found


def made_of(test):
    """A sim test's source, and the headers beside it that it includes."""
    names = ["scene.h", *re.findall(r'^#include "(\w+\.h)"', test.read_text(), re.M)]
    return [test] + [test.parent / name for name in names if (test.parent / name).is_file()]


def newest(*paths):
    return max(p.stat().st_mtime for path in paths
               for p in (path.iterdir() if path.is_dir() else [path]))


def covered(program, work):
    """What a sim test says that it covered: [file, line, function, came, killed]."""
    record = COVER / program.name
    if not record.is_file() or newest(record) < newest(program):
        record = work / program.name
        env = {name: value for name, value in os.environ.items() if name != "SOAK"}
        subprocess.run([program], env={**env, "SIM_COVER": str(work)},
                       stdout=subprocess.DEVNULL, check=False)
    rows = [row.split("\t") for row in record.read_text().split("\n")] if record.is_file() else []
    if rows[-2:] != [["end"], [""]]:
        raise RuntimeError(f"{program.name} does not say what it covered")
    return [row for row in rows[:-2] if "/" in row[0] and row[0].split("/")[-2] == "core"]


def merge(lines, rows):
    """Adds what was covered; returns what matches no operation."""
    strange, by_span = set(), {}
    for line in lines.values():
        for first, last in line.spans:
            for number in range(first, last + 1):
                by_span.setdefault((line.file, number), []).append(line)
    for file, number, function, came, killed in rows:
        file = "core/" + file.split("/")[-1]
        met = by_span.get((file, int(number)), [])
        if not met:
            strange.add(f"{file}:{number}: {function}: no operation stands there")
        for line in met:
            line.came += int(came)
            line.killed += int(killed)
    return sorted(strange)


def excuse(lines):
    """Gives each line without a death its reason; returns what is wrong with EXCEPT."""
    wrong = []
    for place, what, reason in EXCEPT:
        file, function = place.split(":")
        mine = [line for line in lines.values() if line.file == "core/" + file and
                line.function == function and not line.killed and
                (what in line.text if what else line.kinds == {"load"})]
        if not mine:
            wrong.append(f"{place} {what or ''}: is not needed, or names nothing")
        for line in mine:
            if line.kinds & {"cas", "xchg"}:
                wrong.append(f"{line}: a swap is never excepted")
            line.reason = reason
    return wrong


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def say(self, good, name, why=()):
        self.count += 1
        self.failed += not good
        print(f"{'' if good else 'not '}ok {self.count} - {name}")
        for line in () if good else why:
            print("#   " + line)


def main():
    tap, rows = Tap(), []
    tests = sorted((ROOT / "tests" / "sim").glob("test_*.c"))
    with tempfile.TemporaryDirectory() as work:
        for test in tests:
            program = O / "tests" / "sim" / test.stem
            if not program.is_file() or newest(program) < newest(
                    ROOT / "core", ROOT / "host" / "sim", *made_of(test)):
                print(f"Bail out! {program} is missing or old: make {program}")
                return 1
            rows += covered(program, Path(work))
    lines = operations()
    strange = merge(lines, rows)
    tap.say(lines and not strange, "what ran stands in the sources", strange)
    wrong = excuse(lines)
    tap.say(not wrong, "each exception is needed", wrong)
    for file in sorted({line.file for line in lines.values()}):
        here = [line for line in lines.values() if line.file == file]
        died = sum(line.killed > 0 for line in here)
        bare = [str(line) for line in here if not line.killed and not line.reason]
        excused = sum(line.reason is not None for line in here)
        tap.say(not bare, f"{file}: of {len(here)} lines with an atomic operation, deaths "
                f"at {died}, {excused} excepted", bare)
    died = sum(line.killed > 0 for line in lines.values())
    excused = sum(line.reason is not None for line in lines.values())
    print(f"# in all: deaths at {died} of {len(lines)} lines; {excused} are excepted")
    print(f"1..{tap.count}")
    return tap.failed != 0


if __name__ == "__main__":
    sys.exit(main())
