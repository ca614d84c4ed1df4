#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The models of the lease protocol say what the code does.

Protects what was proved: a model that nobody changed when the code was changed
proves something about yesterday's code. model/functions.txt lists the functions
of core that the models stand for, one a line:

  FILE:FUNCTION  MODEL.pml:STEP[,STEP]... [MODEL.pml:...]  FINGERPRINT

The fingerprint is that of the function's text without comments and white space.
Refused: a function whose fingerprint differs, a function or a step that does
not exist, a function of core that swaps a shared word (compare-and-swap or
exchange) and is not listed. After a change: update the model, then run
tools/lint_model.py --accept, which writes the fingerprints anew.
"""
import hashlib
import re
import sys

sys.dont_write_bytecode = True
import csource  # noqa: E402

LIST = "model/functions.txt"
SWAP = re.compile(r"\bae_(?:cas|xchg)(?:32|64)_")
LINE = re.compile(r"(?P<key>core/\w+\.c:\w+)\s+"
                  r"(?P<models>\w+\.pml:[\w,]+(?:\s+\w+\.pml:[\w,]+)*)"
                  r"(?:\s+(?P<mark>[0-9a-f]{12}|-))?\s*\Z")


def text_of(source, function):
    lines = source.uncommented.split("\n")
    return "\n".join(lines[function.first - 1:function.last])


def read_core(root):
    """FILE:FUNCTION -> (its line, its fingerprint, does it swap)."""
    found = {}
    for source in csource.sources(root, ("core",), (".c",)):
        for function in source.functions:
            text = text_of(source, function)
            mark = hashlib.sha256(re.sub(r"\s+", "", text).encode())
            found[f"{source.rel}:{function.name}"] = (
                function.first, mark.hexdigest()[:12],
                SWAP.search(text) is not None)
    return found


def has_step(root, model, step, cache):
    """A step is a word of a comment of the model."""
    if model not in cache:
        path = root / "model" / model
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        comments = re.findall(r"/\*.*?\*/", text, re.S)
        cache[model] = set(re.findall(r"\w+", " ".join(comments)))
    return step in cache[model]


def check_steps(root, number, models, cache, report):
    for part in models.split():
        model, steps = part.split(":")
        for step in steps.split(","):
            if not has_step(root, model, step, cache):
                report.add(LIST, number,
                           f"no comment of model/{model} names step {step}",
                           "name the step where it is modelled")


def check(root, report):
    path = root / LIST
    if not path.parent.is_dir():
        return          # a tree without models
    if not path.is_file():
        report.add(LIST, 1, "is not there", "list what the models stand for")
        return
    core, listed, cache = read_core(root), set(), {}
    for number, line in enumerate(path.read_text().split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.match(line)
        if not match:
            report.add(LIST, number, "cannot be read",
                       "FILE:FUNCTION MODEL.pml:STEP,... FINGERPRINT")
            continue
        key = match["key"]
        listed.add(key)
        if key not in core:
            report.add(LIST, number, f"{key} does not exist",
                       "take it from the list, and from the model")
        elif core[key][1] != match["mark"]:
            report.add(key.split(":")[0], core[key][0],
                       f"{key.split(':')[1]} is not as it was modelled",
                       "update the model, then run "
                       "tools/lint_model.py --accept")
        check_steps(root, number, match["models"], cache, report)
    for key, (line, _, swaps) in core.items():
        if swaps and key not in listed:
            report.add(key.split(":")[0], line,
                       f"{key.split(':')[1]} swaps a shared word and is in "
                       "no model", f"model it and list it in {LIST}")


def accept(root, report):
    path = root / LIST
    core, lines = read_core(root), []
    for line in path.read_text().split("\n"):
        match = LINE.match(line)
        if match and match["key"] in core:
            line = (f"{match['key']}  {' '.join(match['models'].split())}  "
                    f"{core[match['key']][1]}")
        lines.append(line)
    path.write_text("\n".join(lines))
    check(root, report)


if __name__ == "__main__":
    ACCEPT = "--accept" in sys.argv[1:]
    sys.argv = [a for a in sys.argv if a != "--accept"]
    csource.run(__doc__, accept if ACCEPT else check)
