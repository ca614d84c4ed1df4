#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing is bigger than a reader can hold, and nothing is left for later.

Protects the reader: a file of at most 500 lines, a function of at most 60 (its
head counts), blocks nested at most 3 deep, at most 6 parameters, lines of at
most 80 columns with tabs of 8. A longer line passes if one token of it is
longer than 60, for that cannot be broken. Each C file begins with its licence
in one line. Scripts: 500 lines of at most 100 columns. No text file keeps a
note to oneself (to do, fix me) or a path of somebody's machine.
"""
import re
import sys

sys.dont_write_bytecode = True
import csource  # noqa: E402

FOLDERS = ("core", "include", "host", "slice", "appliance", "shard", "memory",
           "inos", "flow", "cli", "hud", "bindings", "bridge", "dos", "tests",
           "bench", "examples", "fuzz", "model")
SCRIPTS = ("schema", "tools", "tests")
FILE, FUNCTION, DEPTH, PARAMETERS = 500, 60, 3, 6
COLUMNS, SCRIPT_COLUMNS, TOKEN = 80, 100, 60
LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */"
NOTE = re.compile(r"\b(%s)\b" % "|".join(("TO" "DO", "FIX" "ME", "XX" "X",
                                          "HA" "CK")))
MACHINE = re.compile(r"(?<![\w.~})\]*/-])/(?:%s)/" % "|".join(
    ("work", "home", "farm", "Users")))
CONTROL = re.compile(r"\b(?:else|do)\s*\Z")
CALL = re.compile(r"(\w+)\s*\Z")


def opens_block(code, brace):
    """Is the brace at this offset the body of if, for, while, a macro...?"""
    before = code[max(0, brace - 2000):brace].rstrip()
    if CONTROL.search(before):
        return True
    if not before.endswith(")"):
        return False
    depth, at = 0, len(before)
    while at:
        at -= 1
        depth += (before[at] == ")") - (before[at] == "(")
        if depth == 0:
            break
    word = CALL.search(before[:at])
    return bool(word) and word.group(1) not in ("return", "sizeof")


def too_deep(source, function):
    """The line of the first block nested too deep, or None."""
    start = source.starts[function.opens - 1] + 1
    end = source.starts[function.last - 1]
    stack = []
    for at in range(start, end):
        char = source.plain[at]
        if char == "{":
            stack.append(opens_block(source.plain, at))
            if sum(stack) > DEPTH:
                return source.line_at(at)
        elif char == "}" and stack:
            stack.pop()
    return None


def check_functions(source, report):
    for function in source.functions:
        lines = function.last - function.first + 1
        if lines > FUNCTION:
            report.add(source.rel, function.first,
                       f"{function.name} has {lines} lines",
                       f"split it; {FUNCTION} at most")
        deep = too_deep(source, function)
        if deep:
            report.add(source.rel, deep,
                       f"{function.name} nests deeper than {DEPTH}",
                       "return early or move the inside to a function")
        if function.params() > PARAMETERS:
            report.add(source.rel, function.first,
                       f"{function.name} takes {function.params()} parameters",
                       f"gather them in a struct; {PARAMETERS} at most")


def check_lines(rel, lines, columns, report):
    if lines and not lines[-1]:
        lines = lines[:-1]
    if len(lines) > FILE:
        report.add(rel, FILE + 1, f"file of {len(lines)} lines",
                   f"split it by noun; {FILE} at most")
    for number, line in enumerate(lines, 1):
        width = len(line.expandtabs(8))
        if width <= columns:
            continue
        if max(map(len, line.split()), default=0) <= TOKEN:
            report.add(rel, number, f"line of {width} columns",
                       f"break it; {columns} at most")


def check_text(root, report):
    for path in csource.walk(root):
        data = path.read_bytes()
        if b"\0" in data[:8192]:
            continue
        rel = path.relative_to(root).as_posix()
        lines = data.decode("utf-8", "replace").split("\n")
        for number, line in enumerate(lines, 1):
            for word in NOTE.findall(line):
                report.add(rel, number, f"the word {word}",
                           "do it, or write it down as a limit in docs/")
            for place in MACHINE.findall(line):
                report.add(rel, number, f"path of a machine {place}",
                           "use a relative path or a variable")
        if rel.split("/")[0] in SCRIPTS and is_script(rel, lines):
            check_lines(rel, lines, SCRIPT_COLUMNS, report)


def is_script(rel, lines):
    if csource.is_golden(rel):
        return False
    return rel.endswith((".py", ".sh")) or lines[0].startswith("#!")


def check(root, report):
    for source in csource.sources(root, FOLDERS):
        if source.lines[0] != LICENCE:
            report.add(source.rel, 1, "no licence on the first line",
                       f"begin with {LICENCE}")
        check_lines(source.rel, source.lines, COLUMNS, report)
        check_functions(source, report)
    check_text(root, report)


if __name__ == "__main__":
    csource.run(__doc__, check)
