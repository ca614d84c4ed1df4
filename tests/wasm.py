# SPDX-License-Identifier: Apache-2.0
"""Kernels for WebAssembly, run under node against the scalar one; and all of
their sources compiled for a machine of which they know nothing. A test's
simd128.c exports wrong() and in_use(), and includes wasm.h."""
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEES = ["-I", ROOT / "include", "-I", ROOT / "build" / "gen",
        "-I", ROOT / "tests"]
FLAGS = ("--target=wasm32 -std=c11 -O2 -ffreestanding -mbulk-memory -Wall "
         "-Wextra -Wpedantic -Wshadow -Wundef -Wvla -Werror").split()
STRING = """#include <stddef.h>
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
"""
SCRIPT = """
const bytes = require('fs').readFileSync(process.argv[2]);
const { exports: it } = new WebAssembly.Instance(
	new WebAssembly.Module(bytes));
it.__wasm_call_ctors();
console.log(it.wrong(), it.in_use());
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


def build(compiler, place, pattern, folder, *more):
    """The objects of the kernels and of the test, or None."""
    objects = []
    sources = sorted((ROOT / place).glob(pattern))
    for source in [*sources, ROOT / "tests" / place / "simd128.c"]:
        objects.append(folder / (source.stem + ".o"))
        if run(compiler, *FLAGS, *more, *SEES, "-I", ROOT / place, "-I",
               folder, "-c", source,
               "-o", objects[-1]).returncode:
            return None
    return objects


def test_vectors(compiler, place, pattern, folder):
    linker = shutil.which("wasm-ld-14") or shutil.which("wasm-ld")
    node = shutil.which("node")
    objects = build(compiler, place, pattern, folder, "-msimd128")
    if not tap("compiles for WebAssembly with vectors", objects is not None):
        return
    if not linker:
        return skip("no wasm-ld: install lld-14 to run the module")
    if not node:
        return skip("no node to run the module")
    module = folder / "kernels.wasm"
    linked = run(linker, "--no-entry", "--export=__wasm_call_ctors",
                 *objects, "-o", module)
    if not tap("links", linked.returncode == 0):
        return
    script = folder / "run.cjs"
    script.write_text(SCRIPT)
    said = run(node, script, module).stdout.split()
    tap(f"computes as the scalar kernel does, and is in use {said}",
        said == ["0", "1"])


def test(place, pattern="*.c"):
    """The sources in a folder that match, with its test's simd128.c."""
    compiler = shutil.which("clang-14") or shutil.which("clang")
    if not compiler:
        skip("no clang to compile for WebAssembly")
    else:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "string.h").write_text(STRING)
            tap("compiles for a machine without any kernel",
                build(compiler, place, pattern, folder) is not None)
            test_vectors(compiler, place, pattern, folder)
    print(f"1..{done}")
