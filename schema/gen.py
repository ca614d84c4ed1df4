#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the schema into what each language and the documents need.

Reads the .capnp sources, checks them, and writes one file per writer. Nothing
is written unless all is well: every output is made under a temporary name and
renamed at the end. A further language is one more module and a row of WRITERS.

    python3 schema/gen.py --schema schema/aether.capnp \\
        --layout schema/lean.capnp --c OUT/aether/layout.h --md OUT/tables.md

Exit status: 0 done, 1 a fault in a source or an output, 2 usage.
"""
import argparse
import os
import re
import sys

sys.dont_write_bytecode = True      # the source tree stays clean

import check                        # noqa: E402
import model                        # noqa: E402
import write_c                      # noqa: E402
import write_dts                    # noqa: E402
import write_go                     # noqa: E402
import write_md                     # noqa: E402
import write_mjs                    # noqa: E402
import write_nasm                   # noqa: E402
import write_py                     # noqa: E402
import write_rust                   # noqa: E402

# option: (module with write(model) -> text, what it makes)
WRITERS = {
    "c": (write_c, "C header"),
    "md": (write_md, "Markdown tables"),
    "rust": (write_rust, "Rust module"),
    "go": (write_go, "Go file of package system"),
    "mjs": (write_mjs, "JavaScript module"),
    "dts": (write_dts, "JavaScript module's types"),
    "python": (write_py, "Python module"),
    "nasm": (write_nasm, "NASM include file"),
}

CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")


def main(arguments):
    options = parse(arguments)
    outputs = {name: getattr(options, name) for name in WRITERS
               if getattr(options, name) is not None}
    try:
        loaded = model.load(options.schema, options.layout)
    except model.LoadError as error:
        return fail(error.lines)
    faults = check.check(loaded)
    if faults:
        return fail(faults)
    texts = {path: WRITERS[name][0].write(loaded)
             for name, path in outputs.items()}
    return fail(save(texts))


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="gen.py", description="Generates code and tables from the schema.")
    parser.add_argument("--schema", required=True, metavar="FILE",
                        help="the .capnp file with the const `schema`")
    parser.add_argument("--layout", required=True, metavar="FILE",
                        action="append", help="a .capnp file with the const "
                        "`layout`; may be given several times")
    parser.add_argument("--check", action="store_true",
                        help="check the sources, write nothing")
    for name, (_, what) in WRITERS.items():
        parser.add_argument(f"--{name}", metavar="OUT",
                            help=f"write the {what}")
    options = parser.parse_args(arguments)
    paths = [os.path.abspath(path) for name in WRITERS
             if (path := getattr(options, name)) is not None]
    if options.check == bool(paths):
        outputs = ", ".join(f"--{name}" for name in WRITERS)
        parser.error(f"give either --check or at least one of {outputs}")
    paths += [os.path.abspath(path)
              for path in {options.schema, *options.layout}]
    if len(set(paths)) < len(paths):
        parser.error("an output has the name of another file given")
    return options


def fail(lines):
    """Prints error lines; the exit status, 0 if there are none.

    A name in a source may hold anything: it must not act on a terminal, nor
    make two lines of one.
    """
    for line in lines:
        print(CONTROL.sub(lambda sign: f"\\x{ord(sign[0]):02x}", line),
              file=sys.stderr)
    return 1 if lines else 0


def save(texts):
    """Writes all files or none; returns error lines."""
    written = []
    try:
        for path, text in texts.items():
            if os.path.isdir(path):
                raise IsADirectoryError(0, "is a directory")
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            temporary = f"{path}.{os.getpid()}.tmp"
            written.append((temporary, path))
            with open(temporary, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
        for temporary, path in written:
            os.rename(temporary, path)
    except OSError as error:
        return [f"{path}: output: {error.strerror}"]
    finally:
        for temporary, _ in written:
            if os.path.exists(temporary):
                os.unlink(temporary)
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
