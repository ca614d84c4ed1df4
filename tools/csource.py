# SPDX-License-Identifier: Apache-2.0
"""What the lints share: reading C without being fooled by it.

Every check here looks at text, not at a compiler's tree, so that it runs
anywhere Python runs and says the same on each machine. This file protects
that: comments and strings are blanked but keep their place, so a finding
always points at the right line, and functions are found by the one style we
write (`{` and `}` in column 0). It must never import anything but the
standard library.
"""
import os
import re
import sys
from bisect import bisect_right
from pathlib import Path

SKIP = {"build", ".git", "__pycache__", "node_modules"}
TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)


def spaces(text):
    return re.sub(r"[^\n]", " ", text)


class Comment:
    def __init__(self, first, last, text, alone):
        self.first, self.last, self.text = first, last, text
        self.alone = alone      # no code on its first line


class Function:
    def __init__(self, name, head, first, opens, last):
        self.name, self.head = name, head       # head: text before the brace
        self.first, self.opens, self.last = first, opens, last
        self.static = re.search(r"\bstatic\b", head) is not None

    def params(self):
        """How many parameters the head declares, `...` not counted."""
        name = re.search(r"\b%s\s*\(" % self.name, self.head)
        inside = self.head[name.end():paren_end(self.head, name.end() - 1) - 1]
        for _ in range(inside.count("(")):
            inside = re.sub(r"\([^()]*\)", "", inside)
        inside = re.sub(r",\s*\.\.\.\s*\Z", "", inside)
        return 0 if inside.strip() in ("", "void") else inside.count(",") + 1


def paren_end(text, at):
    """The offset behind the parenthesis that closes the one at `at`."""
    depth = 0
    for end in range(at, len(text)):
        depth += (text[end] == "(") - (text[end] == ")")
        if depth == 0:
            return end + 1
    return len(text)


class Source:
    """One C file: its text, and its text with what is not code blanked."""

    def __init__(self, path, rel):
        self.path, self.rel = path, rel
        self.text = path.read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.comments = []
        self.uncommented = TOKEN.sub(self.drop_comment, self.text)
        self.code = TOKEN.sub(self.drop_string, self.uncommented)
        self.plain = DIRECTIVE.sub(lambda m: spaces(m.group()), self.code)
        self.functions = list(self.find_functions())

    def line_at(self, offset):
        return bisect_right(self.starts, offset)

    def drop_comment(self, match):
        text = match.group()
        if text[0] != "/":
            return text
        first = self.line_at(match.start())
        before = self.text[self.starts[first - 1]:match.start()]
        self.comments.append(Comment(
            first, self.line_at(match.end() - 1), text, not before.strip()))
        return spaces(text)

    @staticmethod
    def drop_string(match):
        text = match.group()
        return text[0] + " " * (len(text) - 2) + text[-1]

    def find_functions(self):
        lines = self.plain.split("\n")
        at = 0
        while at < len(lines):
            if not lines[at].startswith("{"):
                at += 1
                continue
            first = at
            while first and re.search(r"[^;{}\s]\s*$", lines[first - 1]):
                first -= 1
            last = at + 1
            while last < len(lines) and not lines[last].startswith("}"):
                last += 1
            head = "\n".join(lines[first:at])
            name = function_name(head)
            if name:
                yield Function(name, head, first + 1, at + 1, last + 1)
            at = last

    def function_at(self, line):
        for function in self.functions:
            if function.first <= line <= function.last:
                return function
        return None


def function_name(head):
    """The name before the parameter list; None if head is no function."""
    name = None
    end = len(head.rstrip())
    while end and head[end - 1] == ")":
        depth, start = 0, end
        while start:
            start -= 1
            depth += (head[start] == ")") - (head[start] == "(")
            if depth == 0:
                break
        word = re.search(r"(\w+)\s*$", head[:start])
        if not word:
            break
        name = word.group(1)
        if not (name == "__attribute__" or name.isupper()):
            break
        end = len(head[:word.start()].rstrip())
    return name


def walk(root):
    """All files below root that belong to the project, sorted."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(d for d in folders if d not in SKIP)
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def is_golden(rel):
    """Goldens are copies of generated files: the generator answers for them."""
    return "golden" in Path(rel).parts


def sources(root, folders, ends=(".c", ".h"), golden=False):
    for folder in folders:
        for path in walk(root / folder):
            rel = path.relative_to(root).as_posix()
            if path.suffix in ends and (golden or not is_golden(rel)):
                yield Source(path, rel)


class Report:
    """Findings, printed as FILE:LINE: what: what to do."""

    def __init__(self):
        self.found = set()

    def add(self, rel, line, what, todo):
        self.found.add((str(rel), line, what, todo))

    def status(self):
        for rel, line, what, todo in sorted(self.found):
            print(f"{rel}:{line}: {what}: {todo}")
        return 1 if self.found else 0


def run(doc, check):
    """The common main: [ROOT] or --help in, exit status out."""
    name = Path(sys.argv[0]).name
    usage = f"usage: tools/{name} [--help] [ROOT]"
    args = sys.argv[1:]
    if args and args[0] in ("--help", "-h"):
        print(f"{usage}\n\n{doc.strip()}")
        sys.exit(0)
    root = Path(args[0] if args else Path(__file__).resolve().parent.parent)
    if len(args) > 1 or str(root).startswith("-") or not root.is_dir():
        print(f"{usage}\nROOT must be a folder", file=sys.stderr)
        sys.exit(2)
    report = Report()
    check(root, report)
    sys.exit(report.status())
