# SPDX-License-Identifier: Apache-2.0
"""Writes the constants for NASM: a file to %include, names with equ.

An assembler has one space of names: what layout inos has is spelled as in its
specification, all else has AETHER_ before it, as in C. Texts are %defines, for
db.
"""
from constants import head, hexed, prefix, spaces


def write(model):
    """The text of the file."""
    lines = head(model, ";")
    lines += ["%ifndef AETHER_LAYOUT_INC", "%define AETHER_LAYOUT_INC"]
    for space in spaces(model):
        for group in space.groups:
            lines += ["", f"; {kept(group.title)}"]
            before = "" if group.of and not space.layout \
                else "AETHER_" + prefix(space)
            lines += [x for c in group.constants for x in line(before, c)]
    return "\n".join([*lines, "", "%endif"]) + "\n"


def line(before, constant):
    name = before + constant.name
    if constant.kind == "text":
        return [f"%define {name} {string(constant.value)}"]
    code = f"{name} equ {hexed(constant)}"
    return [f"{code} ; {kept(constant.doc)}" if constant.doc else code]


def string(text):
    """In backquotes NASM knows the escapes of C."""
    return "`" + text.replace("\\", "\\\\").replace("`", "\\`") + "`"


def kept(text):
    """A backslash at the end would join the next line to a comment."""
    return f"{text} ." if text.endswith("\\") else text
