# SPDX-License-Identifier: Apache-2.0
"""Writes the constants for Python: a module, aether_layout.OFFSET_NAME.

Other layouts than inos are classes of their own name, aether_layout.Lean.
"""
from constants import head, hexed, quoted, spaces


def write(model):
    """The text of the module."""
    lines = [*head(model, "#")[:-1],
             '"""The numbers of Aether\'s planes."""']
    for space in spaces(model):
        if space.layout is None:
            lines += body(space, "")
            lines += table(model.schema)
        else:
            lines += ["", "", f"class {title(space.layout)}:",
                      f"    # layout {space.layout.name}: "
                      f"{space.layout.doc}".rstrip(), *body(space, "    ")]
    return "\n".join(lines) + "\n"


def title(layout):
    """The name of a layout's class."""
    return layout.name[0].upper() + layout.name[1:]


def body(space, indent):
    lines = []
    for group in space.groups:
        lines += ["", f"{indent}# {group.title}"]
        for constant in group.constants:
            value = quoted(constant.value) if constant.kind == "text" \
                else hexed(constant)
            remark = f"  # {constant.doc}" if constant.doc else ""
            lines.append(f"{indent}{constant.name} = {value}{remark}")
    return lines


def table(schema):
    """The errors with their texts, to look up by code."""
    lines = ["", "# code, name, message, remedy", "ERRORS = ("]
    for error in schema.errors:
        lines += [f"    ({error.name}, {quoted(error.name)},",
                  f"     {quoted(error.message)},",
                  f"     {quoted(error.remedy)}),"]
    return [*lines, ")"]
