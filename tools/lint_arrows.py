#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Includes go one way, and a difference of platforms stays in its folder.

Protects the house of DESIGN.md section 4: core stays freestanding, flow stands
on the public headers alone, and an operating system or an instruction set is
a folder or a file, never an #ifdef in the middle of a thought. The include
path already refuses most wrong arrows; this one names them, and finds those
that go by ../ or that a wide -I would let through.

An include is looked up beside its file, from the root, in include/, then by
the end of its path. What lies nowhere in the tree is generated or the
system's, and passes; core may take only the compiler's own headers from there.
"""
import re
import sys
from pathlib import PurePosixPath

sys.dont_write_bytecode = True
import csource  # noqa: E402

# folder -> what it may include besides itself; ANY: whatever is a product
ANY = None
ARROWS = {
    "include": set(),
    "core": {"include"},
    "host": {"include", "core"},
    "slice": {"include"},
    "appliance": {"include"},
    "shard": set(),
    "memory": {"include"},
    "inos": {"include", "core"},
    "flow": {"include", "slice", "appliance"},
    "cli": {"include", "flow", "slice", "appliance", "shard", "inos"},
    "hud": {"include", "flow", "inos"},
    "bindings": {"include", "flow", "inos"},
    "bridge": {"include", "flow", "inos"},
    "dos": {"include", "memory"},
    "bench": {"include", "core", "flow", "slice", "appliance"},
    "tests": ANY, "fuzz": ANY, "model": ANY, "examples": {"include"},
}
ENDS_HERE = {"tests", "bench", "fuzz", "examples", "tools"}
FREESTANDING = {"stdint.h", "stddef.h", "stdbool.h", "stdalign.h", "stdarg.h",
                "stdnoreturn.h", "limits.h", "float.h", "iso646.h"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)
TEST = re.compile(r"^[ \t]*#[ \t]*(?:el)?if[^\n\\]*(?:\\\n[^\n\\]*)*", re.M)
SYSTEM = re.compile(
    r"\b(__linux(?:__)?|__unix(?:__)?|_WIN32|_WIN64|__CYGWIN__|__APPLE__"
    r"|__FreeBSD__|__NetBSD__|__OpenBSD__|__ANDROID__|__EMSCRIPTEN__"
    r"|__wasm(?:32|64)?__|__wasi__|__MSDOS__|__DOS__)\b")
MACHINE = re.compile(
    r"\b(__(?:AVX|SSE|SSSE|GFNI|BMI|POPCNT|PCLMUL|VPCLMUL|VAES|AES)\w*__"
    r"|__ARM_\w+|__(?:x86_64|amd64|aarch64|arm|powerpc64|s390x)(?:__)?"
    r"|__i[3-6]86(?:__)?|__riscv|__wasm_simd128__|_M_(?:X64|IX86|ARM64))\b")
KERNEL = re.compile(
    r"(slice|appliance)/.*_(avx2|avx512|gfni|simd128)\.c")


def top(path):
    return PurePosixPath(path).parts[0]


def find(source, name, headers):
    """The file of the tree that an include means, or None."""
    beside = []
    for part in (PurePosixPath(source.rel).parent / name).parts:
        if part == ".." and beside:
            beside.pop()
        else:
            beside.append(part)
    for guess in ("/".join(beside), name, "include/" + name):
        if guess in headers:
            return guess
    tail = "/" + name.lstrip("./")
    found = sorted(h for h in headers if h.endswith(tail))
    own = [h for h in found if top(h) == top(source.rel)]
    return (own or found or [None])[0]


def refusal(source, target):
    """Why source may not include target, or None."""
    here, there = top(source.rel), top(target)
    if here == there:
        parts = PurePosixPath(target).parts
        if here == "host" and len(parts) > 2:
            if parts[1] != PurePosixPath(source.rel).parts[1]:
                return f"host/{parts[1]} is another port"
        return None
    if there in ENDS_HERE:
        return f"nothing may include from {there}/"
    may = ARROWS[here]
    if may is ANY or there in may:
        return None
    return f"{here}/ may include only {', '.join(sorted(may | {here}))}"


def check_includes(source, headers, report):
    for match in INCLUDE.finditer(source.uncommented):
        name, line = match.group(2), source.line_at(match.start())
        what = f"include of {name}"
        if top(source.rel) == "examples" and match.group(1) == '"':
            report.add(source.rel, line, what,
                       "an example includes only <aether/...>")
            continue
        target = find(source, name, headers)
        if target:
            why = refusal(source, target)
            if why:
                report.add(source.rel, line, f"{what} ({target})",
                           f"{why}; move what is needed down")
        elif (top(source.rel) == "core" and match.group(1) == "<"
              and not name.startswith("aether/") and name not in FREESTANDING):
            report.add(source.rel, line, what,
                       "core is freestanding; ask the port in ae_host.h")


def check_tests(source, report):
    parts = PurePosixPath(source.rel).parts
    in_port = parts[0] == "host" and len(parts) > 2
    for match in TEST.finditer(source.code):
        line = source.line_at(match.start())
        for word in () if in_port else SYSTEM.findall(match.group()):
            report.add(source.rel, line, f"#if on the system {word}",
                       "put the difference into host/<os>/")
        if (parts[0] == "host" or KERNEL.fullmatch(source.rel)
                or source.rel == "core/ae_atomic.h"):
            continue
        for word in MACHINE.findall(match.group()):
            report.add(source.rel, line, f"#if on the machine {word}",
                       "put it into a kernel file, *_avx2.c or the like")


def check(root, report):
    headers = {path.relative_to(root).as_posix()
               for path in csource.walk(root)
               if path.suffix in (".h", ".c", ".inc", ".hpp")}
    for folder in sorted({top(h) for h in headers if "/" in h}):
        if folder not in ARROWS and folder not in ("tools", "schema", "docs"):
            report.add(folder, 1, "folder with C and no arrow",
                       "add it to ARROWS in tools/lint_arrows.py")
    for source in csource.sources(root, ARROWS, (".c", ".h", ".cpp", ".hpp")):
        check_includes(source, headers, report)
        check_tests(source, report)


if __name__ == "__main__":
    csource.run(__doc__, check)
