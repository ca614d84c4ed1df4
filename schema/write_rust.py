# SPDX-License-Identifier: Apache-2.0
"""Writes the constants for Rust: a file that is a module, `mod layout;`.

Layout inos is in the module itself, as its specification spells it
(sdk::layout::OFFSET_NAME); each other layout is a module in it.
"""
from c_names import snake
from constants import head, hexed, quoted, spaces

TYPES = {"number": "u32", "code": "i32", "size": "usize", "amount": "u64",
         "shift": "u32", "word": "u64", "text": "&str"}


def write(model):
    """The text of the module."""
    lines = head(model, "//")
    for space in spaces(model):
        if space.layout is None:
            lines += body(space, "")
            lines += table(model.schema)
        else:
            lines += ["", f"/// {space.layout.doc}".rstrip(),
                      f"pub mod {snake(space.layout.name)} {{",
                      *body(space, "    "), "}"]
    return "\n".join(lines) + "\n"


def body(space, indent):
    lines = []
    for group in space.groups:
        lines += ["", f"{indent}// {group.title}"]
        for constant in group.constants:
            if constant.doc:
                lines.append(f"{indent}/// {constant.doc}")
            value = quoted(constant.value) if constant.kind == "text" \
                else hexed(constant)
            lines.append(f"{indent}pub const {constant.name}: "
                         f"{TYPES[constant.kind]} = {value};")
    return lines[1:]


def table(schema):
    """The errors with their texts, to look up by code."""
    lines = ["", "/// Code, name, message, remedy.",
             "pub const ERRORS: &[(i32, &str, &str, &str)] = &["]
    for error in schema.errors:
        lines += [f"    ({error.name}, {quoted(error.name)},",
                  f"        {quoted(error.message)},",
                  f"        {quoted(error.remedy)}),"]
    return [*lines, "];"]
