#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each atomic operation says why its order is right and whom it pairs with.

Protects the only proof there is for orders weaker than sequential consistency:
a release nobody acquires orders nothing, and one side of a pair is easily
deleted without a look at the other. So each use has a comment, on its line or
directly above its statement inside the function:

  /* relaxed: only the tenant writes its counters. */
  /* release: the data before the word. pairs: acquire in aether_stride_take */

and the function named must hold that order and name this one back. One comment
may serve one statement, or operations on directly consecutive lines, if it
names each order. acq_rel stands for acquire and for release, seq_cst for all.
Functions that are no C of ours (JavaScript, assembler, a model) may be named
if model/pairs.txt lists them, one a line; nothing is checked behind those.
"""
import re
import sys

sys.dont_write_bytecode = True
import csource  # noqa: E402

WRAPPER = "core/ae_atomic.h"
FOLDERS = ("core", "host", "flow", "memory", "inos")
NEAR = 4        # lines a comment may lie above the operation
ORDER = r"(relaxed|acquire|release|acq_rel|seq_cst)"
OPERATION = re.compile(
    r"\bae_(?:load|store|cas|add|sub|or|and|xchg|fence)(?:32|64)?_"
    + ORDER + r"\b")
ITEM = r"(?:relaxed|acquire|release|acq_rel|seq_cst) in [A-Za-z_]\w*(?:\(\))?"
PAIRS = re.compile(r"\bpairs:\s*(%s(?:,? (?:and )?%s)*)(.?)" % (ITEM, ITEM))
STANDS_FOR = {
    "relaxed": {"relaxed"}, "acquire": {"acquire"}, "release": {"release"},
    "acq_rel": {"acquire", "release", "acq_rel"},
    "seq_cst": {"acquire", "release", "acq_rel", "seq_cst"},
}


class Note:
    """A comment, read: order -> (why, its pairs), and all pairs together."""

    def __init__(self, text):
        text = re.sub(r"^\s*(?:/?\*+(?!/)|//)", " ", text, flags=re.M)
        text = " ".join(re.sub(r"\*/", " ", text).split())
        parts = re.split(r"\b%s: ?" % ORDER, text)
        self.orders, self.all, self.broken = {}, [], False
        for order, body in zip(parts[1::2], parts[2::2]):
            pairs = self.read_pairs(body)
            why = re.split(r"\bpairs:", body)[0]
            self.orders[order] = (bool(re.search(r"[A-Za-z]{2}", why)), pairs)
            self.all += pairs

    def read_pairs(self, body):
        match = PAIRS.search(body)
        if not match:
            self.broken |= "pairs:" in body
            return []
        self.broken |= match.group(2) == ","
        return [tuple(i.rstrip("()").split(" in "))
                for i in re.findall(ITEM, match.group(1))]

    def mismatched(self, order):
        """Pairs of this order that cannot meet it (if each has its own)."""
        if any(o != "relaxed" and not own
               for o, (_, own) in self.orders.items()):
            return not any(can_pair(order, o) for o, _ in self.all)
        return not all(can_pair(order, o) for o, _ in self.pairs(order))

    def pairs(self, order):
        return self.orders[order][1] or self.all if order in self.orders else []


class Use:
    """One operation: where it is, its statement's lines, its comment."""

    def __init__(self, source, function, match):
        self.source, self.function = source, function
        self.name, self.order = match.group(), match.group(1)
        self.line = source.line_at(match.start())
        start = max(source.plain.rfind(c, 0, match.start()) for c in ";{}") + 1
        before = source.plain[start:match.start()]
        offset = match.start() - len(before.lstrip())
        self.first = min(source.line_at(offset), self.line)
        after = re.compile(r"[;{}]|\Z").search(source.plain, match.start())
        self.last = source.line_at(after.start())
        self.note, self.top = None, self.first


def can_pair(here, there):
    one, two = STANDS_FOR[here], STANDS_FOR[there]
    return ("release" in one and "acquire" in two
            or "acquire" in one and "release" in two)


def blocks(source):
    """Comments alone on their lines; those that touch are one block."""
    found = []
    for comment in source.comments:
        if not comment.alone:
            continue
        if found and found[-1][1] + 1 == comment.first:
            _, _, text = found.pop()
            comment = csource.Comment(comment.first - text.count("\n") - 1,
                                      comment.last, text + "\n" + comment.text,
                                      True)
        found.append((comment.first, comment.last, comment.text))
    return found


def notes_of(use, previous, above):
    """Give `use` its comment; `above`: the block before it in its function."""
    for comment in use.source.comments:
        beside = comment.first <= use.last and comment.last >= use.first
        if beside and not comment.alone:
            note = Note(comment.text)
            if use.order in note.orders:
                use.note = note
                return
    if not above:
        return
    shared = previous and previous.line > above[1]
    if shared and use.first > previous.last + 1:
        return          # the block is another statement's
    use.top = previous.top if shared else use.first
    if above[1] >= min(use.line - NEAR, use.top - 1):
        use.note = Note(above[2])


def collect(source, report):
    uses, standing = [], blocks(source)
    for match in OPERATION.finditer(source.code):
        line = source.line_at(match.start())
        function = source.function_at(line)
        if not function:
            report.add(source.rel, line, f"{match.group()} outside a function",
                       "write a function instead of a macro")
            continue
        use = Use(source, function, match)
        previous = uses[-1] if uses else None
        if previous and previous.function is not function:
            previous = None
        above = [b for b in standing if function.opens < b[0] and b[1] < line]
        notes_of(use, previous, above[-1] if above else None)
        uses.append(use)
    return uses


def check_note(use, report):
    """The comment alone; true if its pairs are worth following."""
    where = f"{use.function.name}: {use.name}"

    def say(what, todo):
        report.add(use.source.rel, use.line, f"{where} {what}", todo)

    form = f"{use.order}: why."
    if use.order != "relaxed":
        form += " pairs: ORDER in FUNCTION"
    if not use.note:
        say("has no comment of its own", f"say above it /* {form} */")
    elif use.order not in use.note.orders:
        say(f"has a comment that does not name {use.order}",
            f"say in it {form}")
    elif not use.note.orders[use.order][0]:
        say("names its order but not why", f"say in its comment {form}")
    elif use.order == "relaxed":
        return False
    elif use.note.broken:
        say("has a pairs: list that cannot be read",
            "write pairs: ORDER in FUNCTION[, ORDER in FUNCTION]...")
    elif not use.note.all:
        say("names no pair", f"say in its comment {form}")
    elif use.note.mismatched(use.order):
        say(f"is {use.order} and names an order that cannot meet it",
            "name the other side's order (acquire meets release)")
    else:
        return True
    return False


def check_pair(use, order, other, tree, report):
    """The other end: it exists, holds the order, and names us back."""
    name = use.function.name

    def say(what, todo):
        report.add(use.source.rel, use.line,
                   f"{name}: {use.name} pairs with {order} in {other}, {what}",
                   todo)

    if other not in tree.functions:
        say("which does not exist", "name the function it has become")
        return
    there = [u for u in tree.uses.get(other, ())
             if order in STANDS_FOR[u.order]]
    if not there:
        say(f"which holds no {order}", "correct the order or the function")
        return
    back = [o for u in there if u.note
            for o, f in u.note.pairs(u.order) if f == name]
    held = set().union(*(STANDS_FOR[u.order] for u in tree.uses[name]))
    if not back:
        say("which does not name it back",
            f"say at its {order}: pairs: {use.order} in {name}")
    elif not held & set(back):
        say(f"which names {back[0]} here, where none is",
            f"correct the order at {other}")


class Tree:
    def __init__(self, root, report):
        self.functions, self.uses, self.all = set(), {}, []
        for source in csource.sources(root, FOLDERS):
            self.functions |= {f.name for f in source.functions}
            if source.rel != WRAPPER:
                self.all += collect(source, report)
        for use in self.all:
            self.uses.setdefault(use.function.name, []).append(use)
        outside = root / "model" / "pairs.txt"
        lines = outside.read_text().split("\n") if outside.is_file() else []
        self.outside = {re.sub(r"#.*", "", line).strip() for line in lines}


def check(root, report):
    tree = Tree(root, report)
    for use in tree.all:
        if not check_note(use, report):
            continue
        for order, other in use.note.pairs(use.order):
            if can_pair(use.order, order) and other not in tree.outside:
                check_pair(use, order, other, tree, report)


if __name__ == "__main__":
    csource.run(__doc__, check)
