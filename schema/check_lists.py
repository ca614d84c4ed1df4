# SPDX-License-Identifier: Apache-2.0
"""What check.py and check_layout.py share: doubles, overlaps, texts.

Each function yields (what, reason) or pairs; none of them prints.
"""
import re

NAME = re.compile(r"[a-z][A-Za-z0-9]*")


def doubled(what, items, key="name"):
    """Faults of items whose key came before in the same list."""
    seen = {}
    for item in items:
        value = getattr(item, key)
        if value not in seen:
            seen[value] = item
        elif key == "name":
            yield f"{what} {item.name}", "the name is used twice"
        else:
            yield (f"{what} {item.name}",
                   f"{key} {value} is also that of {seen[value].name}")


def overlaps(items, start, end):
    """Pairs (later in the list, earlier) that share a bit or byte."""
    for index, late in enumerate(items):
        for early in items[:index]:
            if max(start(late), start(early)) < min(end(late), end(early)):
                yield late, early


def extent(item):
    """First and last byte of something with offset and end."""
    return f"0x{item.offset:04X}-0x{item.end - 1:04X}"


def texts(what, item, *parts):
    """Texts end up in comments, strings and tables of several languages."""
    for part in parts:
        text = getattr(item, part, "")
        if not all(char.isprintable() for char in text):
            yield what, f"its {part} has a character that is not printable"
        if "/*" in text or "*/" in text:
            yield what, f"its {part} has a comment sign"
