#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A name tells its layer, and no name of ours can meet a name of a user's.

Protects the line between public (aether_), internal (ae_) and one file's own
(no prefix): whoever reads a call knows how far it reaches, and the library
exports what its headers say. Public headers: functions aether_noun_verb with
AETHER_API (the header's noun alone may be a verb: route.h has aether_route),
types aether_noun, macros and enumerators AETHER_, no typedef.
Sources: what is not static has a prefix, what is static has none; functions
written out in a header are shared, so they have one. No name of ours ends in
_t, and a struct ..._seg, which lies in the plane, is only ever generated.
"""
import re
import sys

sys.dont_write_bytecode = True
import csource  # noqa: E402

PUBLIC = "include/aether/"
LINKED = ("core", "host", "inos", "slice", "appliance", "flow", "shard")
FOLDERS = LINKED + ("include", "memory", "cli", "hud", "bindings", "bridge",
                    "dos", "tests", "bench", "examples", "fuzz")
PREFIX = re.compile(r"(aether|ae)_")
NOUN_VERB = re.compile(r"aether(_[a-z0-9]+){2,}")
OWN_T = re.compile(r"\b(?:aether|ae)_\w*_t\b")
SEG = re.compile(r"\bstruct\s+(\w+_seg)\s*\{")
DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.M)
TYPE = re.compile(r"(?:struct|union|enum)\s+(\w+)\s*(?:\{|\Z)")
CALL = re.compile(r"(\w+)\s*\(")
ASSERT = re.compile(r"\w*(static_assert|_Static_assert|ASSERT)\s*\(")
FOREIGN_C = re.compile(r'extern\s+"[^"]*"\s*\Z')


def statements(code):
    """(offset, text) of what stands at file scope; extern "C" is no scope."""
    start, depth = 0, 0
    for at, char in enumerate(code):
        if char == "{":
            if depth == 0 and FOREIGN_C.search(code[start:at]):
                start = at + 1
                continue
            depth += 1
        elif char == "}":
            if depth == 0:
                start = at + 1
                continue
            depth -= 1
            body = depth == 0 and re.search(r"\)\s*\{", code[start:at])
            if body and not re.match(r"\s*(struct|union|enum)[^(]*\{",
                                     code[start:at]):
                yield start, code[start:at + 1]
                start = at + 1
        elif char == ";" and depth == 0:
            yield start, code[start:at]
            start = at + 1


def declared(text):
    """The function that a statement declares: (name, offset) or None."""
    inside = 0      # an attribute's parentheses end here
    for match in CALL.finditer(text):
        name = match.group(1)
        if match.start() < inside:
            continue
        if name != "__attribute__" and not name.isupper():
            return name, match.start()
        inside = csource.paren_end(text, match.end() - 1)
    return None


def check_type(source, line, text, report):
    kind = TYPE.match(text)
    if not kind.group(1).startswith("aether_"):
        report.add(source.rel, line, f"type {kind.group(1)}",
                   "name it aether_noun")
    if not text.startswith("enum"):
        return
    body = text[text.find("{") + 1:].rstrip("} \n") if "{" in text else ""
    for item in re.split(r",", re.sub(r"\([^()]*\)", "", body)):
        name = re.match(r"\s*(\w+)", item)
        if name and not name.group(1).startswith("AETHER_"):
            report.add(source.rel, line, f"enumerator {name.group(1)}",
                       "name it AETHER_...")


def check_function(source, start, text, report):
    found = declared(text)
    if not found:
        return
    name, offset = found
    line = source.line_at(start + offset)
    noun = "aether_(un)?" + re.escape(source.path.stem)
    if not NOUN_VERB.fullmatch(name) and not re.fullmatch(noun, name):
        report.add(source.rel, line, f"public function {name}",
                   "name it aether_noun_verb")
    if "AETHER_API" not in text and not re.search(r"\bstatic\b", text):
        report.add(source.rel, line, f"{name} without AETHER_API",
                   "declare it AETHER_API, or move it to a private header")


def check_public(source, report):
    for match in DEFINE.finditer(source.code):
        if not match.group(1).startswith("AETHER_"):
            report.add(source.rel, source.line_at(match.start()),
                       f"macro {match.group(1)}", "name it AETHER_...")
    for start, text in statements(source.plain):
        start += len(text) - len(text.lstrip())
        text, line = text.strip(), source.line_at(start)
        if re.match(r"typedef\b", text):
            report.add(source.rel, line, "typedef",
                       "write the struct or enum by its name")
        elif TYPE.match(text):
            check_type(source, line, text, report)
        elif not ASSERT.match(text):
            check_function(source, start, text, report)


def check_prefix(source, report):
    header = source.rel.endswith(".h")
    for function in source.functions:
        if function.name == "main":
            continue
        prefixed = PREFIX.match(function.name)
        shared = header or not function.static
        if shared and not prefixed:
            report.add(source.rel, function.first,
                       f"{function.name} is shared and has no prefix",
                       "name it ae_noun_verb, or make it static in a .c")
        elif prefixed and not shared:
            report.add(source.rel, function.first,
                       f"static {function.name} has a prefix",
                       "drop the prefix: it is one file's own")


def check(root, report):
    for source in csource.sources(root, FOLDERS):
        if source.rel.startswith(PUBLIC):
            check_public(source, report)
        elif source.rel.split("/")[0] in LINKED:
            check_prefix(source, report)
        for match in OWN_T.finditer(source.code):
            report.add(source.rel, source.line_at(match.start()),
                       f"the name {match.group()}", "drop the _t")
        for match in SEG.finditer(source.code):
            report.add(source.rel, source.line_at(match.start()),
                       f"struct {match.group(1)} by hand",
                       "describe it in schema/, which generates it")


if __name__ == "__main__":
    csource.run(__doc__, check)
