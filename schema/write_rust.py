# SPDX-License-Identifier: Apache-2.0
"""Writes the constants for Rust: a file that is a module, `mod layout;`, or
that is included, `include!("layout.rs")`. A program uses few of them, and must
not hear about the others. `#![allow(dead_code)]` would say so once, but cannot
stand in what is included: so each item says it for itself.

Layout inos is in the module itself, as its specification spells it
(sdk::layout::OFFSET_NAME); each other layout is a module in it.
"""
from c_names import snake
from constants import head, hexed, quoted, spaces

QUIET = "#[allow(dead_code)]"
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
            lines += ["", f"/// {space.layout.doc}".rstrip(), QUIET,
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
            # what is in a module has the module's attribute
            quiet = "" if indent else f"{QUIET} "
            lines.append(f"{indent}{quiet}pub const {constant.name}: "
                         f"{TYPES[constant.kind]} = {value};")
    return lines[1:]


def table(schema):
    """The errors with their texts, to look up by code."""
    lines = ["", "/// Code, name, message, remedy.", QUIET,
             "pub const ERRORS: &[(i32, &str, &str, &str)] = &["]
    for error in schema.errors:
        lines += [f"    ({error.name}, {quoted(error.name)},",
                  f"        {quoted(error.message)},",
                  f"        {quoted(error.remedy)}),"]
    return [*lines, "];"]
