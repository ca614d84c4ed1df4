#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GF(2^8) by WebAssembly's vectors, run under node against 64-bit words;
and all of it compiled for a machine of which it knows nothing."""
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SEES = ["-I", ROOT / "include", "-I", ROOT / "build" / "gen",
        "-I", ROOT / "appliance"]
FLAGS = ("--target=wasm32 -std=c11 -O2 -ffreestanding -mbulk-memory -Wall "
         "-Wextra -Wpedantic -Wshadow -Wundef -Wvla -Werror").split()
STRING = """#include <stddef.h>
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
"""
SCRIPT = """
const bytes = require('fs').readFileSync(process.argv[2]);
const { exports: gf256 } = new WebAssembly.Instance(
	new WebAssembly.Module(bytes));
gf256.__wasm_call_ctors();
console.log(gf256.wrong(), gf256.in_use());
"""
done = 0


def tap(text, passed=True):
    global done
    done += 1
    print(f"{'' if passed else 'not '}ok {done} - {text}", flush=True)
    return passed


def skip(why):
    global done
    done += 1
    print(f"ok {done} # SKIP {why}", flush=True)


def run(*words):
    result = subprocess.run([str(w) for w in words], capture_output=True,
                            text=True)
    for line in result.stderr.splitlines():
        print("#", line)
    return result


def build(compiler, folder, *more):
    """The objects of the kernels and of the test, or None."""
    objects = []
    sources = sorted((ROOT / "appliance").glob("gf256*.c"))
    for source in [*sources, ROOT / "tests" / "appliance" / "simd128.c"]:
        objects.append(folder / (source.stem + ".o"))
        if run(compiler, *FLAGS, *more, *SEES, "-I", folder, "-c", source,
               "-o", objects[-1]).returncode:
            return None
    return objects


def test_vectors(compiler, folder):
    linker = shutil.which("wasm-ld-14") or shutil.which("wasm-ld")
    node = shutil.which("node")
    objects = build(compiler, folder, "-msimd128")
    if not tap("compiles for WebAssembly with vectors", objects is not None):
        return
    if not linker:
        return skip("no wasm-ld: install lld-14 to run the module")
    if not node:
        return skip("no node to run the module")
    module = folder / "gf256.wasm"
    linked = run(linker, "--no-entry", "--export=__wasm_call_ctors",
                 *objects, "-o", module)
    if not tap("links", linked.returncode == 0):
        return
    script = folder / "run.cjs"
    script.write_text(SCRIPT)
    said = run(node, script, module).stdout.split()
    tap(f"computes as words do, and is in use {said}",
        said == ["0", "1"])


def main():
    compiler = shutil.which("clang-14") or shutil.which("clang")
    if not compiler:
        skip("no clang to compile for WebAssembly")
    else:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "string.h").write_text(STRING)
            tap("compiles for a machine without any kernel",
                build(compiler, folder) is not None)
            test_vectors(compiler, folder)
    print(f"1..{done}")


main()
