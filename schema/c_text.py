# SPDX-License-Identifier: Apache-2.0
"""How C text is laid out: comments, numbers, strings, long macros.

Knows nothing of Aether. Tabs count as eight columns, lines end at column 80
unless a single string is longer.
"""
import textwrap

WIDTH = 80


def columns(line):
    return len(line.expandtabs(8))


def titled(title, text):
    return f"{title}: {text}" if text else title


def comment(text, indent=""):
    """Block comment lines."""
    line = f"{indent}/* {text} */"
    if columns(line) <= WIDTH:
        return [line]
    room = WIDTH - columns(indent) - 3
    wrapped = textwrap.wrap(text, room, break_on_hyphens=False)
    lines = [f"{indent}/*", *(f"{indent} * {part}" for part in wrapped)]
    return [*lines, f"{indent} */"]


def remarked(code, text):
    """Code with a comment behind it, or above it where that is too long."""
    line = f"{code} /* {text} */"
    if not text:
        return [code]
    if columns(line) <= WIDTH:
        return [line]
    indent = code[:len(code) - len(code.lstrip("\t"))]
    return [*comment(text, indent), code]


def number(value):
    """Decimal; plain where every preprocessor and int can hold it."""
    return str(value) if value < 1 << 31 else f"UINT64_C({value})"


def hexed(value):
    text = f"0x{value:04X}"
    return text if value < 1 << 31 else f"UINT64_C({text})"


def hex64(value):
    return f"UINT64_C(0x{value:016X})"


def string(text):
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("??", "?\\?")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


def continued(lines):
    """A macro of several lines."""
    return [f"{line} \\" for line in lines[:-1]] + [lines[-1]]


def list_macro(name, rows):
    """#define NAME(X) X(..) X(..) ...; an empty list is an empty macro."""
    lines = [f"#define {name}(X)"]
    for row in rows:
        lines += call("\tX", row)
    return continued(lines)


def call(head, arguments):
    """HEAD(a, b, ..), filled to the width, further lines indented."""
    lines, line = [], f"{head}("
    for index, argument in enumerate(arguments):
        piece = argument + ("," if index < len(arguments) - 1 else ")")
        space = " " if index > 0 else ""
        if columns(line + space + piece) > WIDTH - 2 and (
                index > 0 or columns("\t\t" + piece) <= WIDTH - 2):
            lines.append(line)
            line, space = "\t\t", ""
        line += space + piece
    return [*lines, line]
