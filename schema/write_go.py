# SPDX-License-Identifier: Apache-2.0
"""Writes the constants for Go: package system, as the specification of layout
inos spells it: system.OffsetName, system.SizeName, system.IDX_NAME.

Other layouts have their name before each: system.LeanOffsetName. A constant
has no type, unless it is 64 bits to be used on a 64-bit word.
"""
from constants import head, hexed, prefix, quoted, spaces


def write(model):
    """The text of the package's file."""
    lines = [*head(model, "//"),
             "// Package system has the numbers of Aether's planes.",
             "package system", ""]
    for space in spaces(model):
        for group in space.groups:
            lines += [f"// {group.title}", ""]
            for constant in group.constants:
                lines += declared(prefix(space), constant)
    return "\n".join([*lines, *table(model.schema)]) + "\n"


def declared(before, constant):
    value = quoted(constant.value) if constant.kind == "text" \
        else hexed(constant)
    kind = " uint64" if constant.kind == "word" else ""
    name = constant.name if constant.kind == "code" \
        else spelled(before + constant.name)
    doc = [f"// {name}: {constant.doc}"] if constant.doc else []
    return [*doc, f"const {name}{kind} = {value}", ""]


def spelled(name):
    """OFFSET_BIRD_STATE is OffsetBirdState; what is after IDX_ stays."""
    start, index, epoch = name.partition("IDX_")
    parts = [part.capitalize() for part in start.split("_")]
    return "".join(parts) + index + epoch


def table(schema):
    """The errors with their texts, to look up by code."""
    lines = ["// Error is a code with its texts.", "type Error struct {",
             "\tCode                  int32",
             "\tName, Message, Remedy string", "}", "",
             "// Errors has every error.", "var Errors = []Error{"]
    for error in schema.errors:
        lines.append(f"\t{{{error.name}, {quoted(error.name)}, "
                     f"{quoted(error.message)}, {quoted(error.remedy)}}},")
    return [*lines, "}"]
