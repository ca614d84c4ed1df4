# SPDX-License-Identifier: Apache-2.0
"""Writes the constants for JavaScript: an ES module, CONSTS.OFFSET_NAME.

Other layouts than inos are objects of their own name, LEAN.OFFSET_NAME. What
is to be used on a 64-bit word is a BigInt, and so is what no Number can hold.
write_dts.py has the types.
"""
from c_names import upper
from constants import head, hexed, quoted, spaces

SAFE = (1 << 53) - 1
BIG = ("word", "shift")


def write(model):
    """The text of the module."""
    lines = head(model, "//")
    for space in spaces(model):
        lines += [f"export const {title(space)} = Object.freeze({{"]
        for group in space.groups:
            lines.append(f"  // {group.title}")
            lines += [f"  {x.name}: {literal(x)},{remark(x)}"
                      for x in group.constants]
        lines += ["});", ""]
    lines += ["// The errors with their texts, to look up by code.",
              "export const ERRORS = Object.freeze(["]
    for error in model.schema.errors:
        lines += [f"  Object.freeze({{ code: {error.code}, "
                  f"name: {quoted(error.name)},",
                  f"    message: {quoted(error.message)},",
                  f"    remedy: {quoted(error.remedy)} }}),"]
    return "\n".join([*lines, "]);"]) + "\n"


def title(space):
    """The name of the object that a space becomes."""
    return upper(space.layout.name) if space.layout else "CONSTS"


def literal(constant):
    """The value as JavaScript and its types write it."""
    if constant.kind == "text":
        return quoted(constant.value)
    if constant.kind in BIG or constant.value > SAFE:
        return f"{hexed(constant)}n"
    return hexed(constant)


def remark(constant):
    return f" // {constant.doc}" if constant.doc else ""
