#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every attack of docs/threats.md names a test that is there.

Protects the page from rot: under "## Attacks" the last cell of each row of the
table has `PATH` or `PATH: NAME, NAME` in backquotes. The file exists, and each
name is a function in it that is also called, or handed on, there; tests of a
Python file that finds them by itself need no caller.
"""
import re
import sys

sys.dont_write_bytecode = True
import csource  # noqa: E402

PAGE = "docs/threats.md"
HEAD = "## Attacks"
REFERENCE = re.compile(r"`([\w./-]+\.(?:c|py|sh))(?:: ([\w, ]+))?`")
MEND = "name the test that makes it"


def rows(lines):
    """Number and last cell of each row of the table, without its head."""
    inside, head = False, True
    for number, line in enumerate(lines, 1):
        if line.startswith("## "):
            inside = line.strip() == HEAD
        elif inside and line.startswith("|") and not line.startswith("|--"):
            if not head:
                yield number, line.strip().strip("|").rpartition("|")[2]
            head = False


def wrong_names(path, names, text):
    for name in filter(None, (n.strip() for n in names.split(","))):
        if not re.search(rf"^(?:def |(?:\w+ +\**)*){name}\(", text, re.M):
            yield f"{path} has no {name}"
        elif ("globals()" not in text
              and len(re.findall(rf"\b{name}\b", text)) < 2):
            yield f"{path} never calls {name}"


def check_row(root, cell):
    tests = REFERENCE.findall(cell)
    if not tests:
        yield "an attack without a test"
    for path, names in tests:
        if (root / path).is_file():
            yield from wrong_names(path, names, (root / path).read_text())
        else:
            yield f"there is no {path}"


def check(root, report):
    page = root / PAGE
    lines = page.read_text().splitlines() if page.is_file() else []
    found = list(rows(lines))
    if not found:
        report.add(PAGE, 1, "no table of attacks", f"it stands under {HEAD}")
    for number, cell in found:
        for what in check_row(root, cell):
            report.add(PAGE, number, what, MEND)


if __name__ == "__main__":
    csource.run(__doc__, check)
