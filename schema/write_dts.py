# SPDX-License-Identifier: Apache-2.0
"""Writes the types of the JavaScript module: each constant is its own type, so
that a tool knows the value. write_mjs.py has the module.
"""
from constants import head, spaces
from write_mjs import literal, title


def write(model):
    """The text of the declarations."""
    lines = head(model, "//")
    for space in spaces(model):
        lines.append(f"export declare const {title(space)}: Readonly<{{")
        for group in space.groups:
            lines.append(f"  // {group.title}")
            for constant in group.constants:
                if constant.doc:
                    lines.append(f"  /** {constant.doc} */")
                lines.append(f"  {constant.name}: {literal(constant)};")
        lines += ["}>;", ""]
    lines += ["export declare const ERRORS: readonly Readonly<{",
              "  code: number;", "  name: string;", "  message: string;",
              "  remedy: string;", "}>[];"]
    return "\n".join(lines) + "\n"
