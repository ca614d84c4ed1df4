#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No raw atomic outside the one wrapper, core/ae_atomic.h.

Protects the argument for every memory order: the wrapper puts the order into
the operation's name, so that it can be read, found and paired (tools/pairs.py),
and the simulator can stop at each step. One raw builtin, one volatile or one
plain read of a shared word, and neither holds any more.

Refused: __atomic_*, __sync_*, _Atomic, stdatomic.h, std::atomic, volatile
(but `volatile sig_atomic_t` and `asm volatile` are fine) and the field .raw of
a shared word. Schema goldens may touch .raw; a test may where the same line or
the line above says /* raw: reason */. An ordinary field of that name is known
by its struct, declared in the same file with more than the one field.
"""
import re
import sys

sys.dont_write_bytecode = True
import csource  # noqa: E402

WRAPPER = "core/ae_atomic.h"
FOLDERS = ("core", "include", "host", "slice", "appliance", "memory", "inos",
           "flow", "cli", "bench", "tests", "examples", "fuzz")
ENDS = (".c", ".h", ".cc", ".cpp", ".hpp")
RAW_WORDS = re.compile(
    r"\b(__atomic_\w+|__sync_\w+|_Atomic|stdatomic\.h|std::atomic\w*)")
VOLATILE = re.compile(r"\bvolatile\b(?!\s+sig_atomic_t\b)")
ASM = re.compile(r"\b(__asm__|__asm|asm)\s*$")
FIELD = re.compile(r"(?:\.|->)\s*raw\b")
BODY = re.compile(r"\bstruct\b[^;{}()]*\{([^{}]*)\}")
REASON = re.compile(r"/\*\s*raw:\s*\w")


def has_reason(source, line):
    return any(REASON.search(c.text) and c.first <= line <= c.last + 1
               for c in source.comments)


def check_words(source, report):
    include = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"[^"\n]*"', re.M)
    quoted = {m.start(): m.group() for m in include.finditer(source.uncommented)}
    code = source.code
    for start, text in quoted.items():
        code = code[:start] + text + code[start + len(text):]
    for match in RAW_WORDS.finditer(code):
        report.add(source.rel, source.line_at(match.start()),
                   f"raw atomic {match.group()}",
                   f"use an operation of {WRAPPER}")
    for match in VOLATILE.finditer(code):
        if ASM.search(code[:match.start()]):
            continue
        report.add(source.rel, source.line_at(match.start()),
                   "volatile is not a memory order",
                   f"use an operation of {WRAPPER}")


def is_ordinary(source):
    """A shared word has one field; a struct with more is none."""
    return any(body.count(";") > 1 and re.search(r"\braw\s*[;,:]", body)
               for body in BODY.findall(source.plain))


def check_field(source, report):
    if is_ordinary(source):
        return
    for match in FIELD.finditer(source.code):
        line = source.line_at(match.start())
        if source.rel.startswith("tests/") and has_reason(source, line):
            continue
        report.add(source.rel, line, ".raw of a shared word touched directly",
                   "load or store it by the wrapper; a test may say "
                   "/* raw: reason */")


def check(root, report):
    for source in csource.sources(root, FOLDERS, ENDS, golden=True):
        if source.rel == WRAPPER:
            continue
        check_words(source, report)
        if not csource.is_golden(source.rel):
            check_field(source, report)


if __name__ == "__main__":
    csource.run(__doc__, check)
