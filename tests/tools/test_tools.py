#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lints of the source text: the good tree passes, each fault is found."""
import shutil
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from planted import Tap, plant, run  # noqa: E402

RING, API, TEST = "core/ring.c", "include/aether/api.h", "tests/core/test_ring.c"
NOTE = "TO" + "DO"
tap = Tap()


def atomics():
    tool = "lint_atomics.py"
    tap.good(tool)
    for text, what in (
            ("int x = __atomic_load_n(&a, 0);", "raw atomic __atomic_load_n"),
            ("int x = __sync_add(&a, 1);", "raw atomic __sync_add"),
            ("_Atomic int x;", "raw atomic _Atomic"),
            ("#include <stdatomic.h>", "raw atomic stdatomic.h"),
            ('#include "stdatomic.h"', "raw atomic stdatomic.h"),
            ("std::atomic<int> x;", "raw atomic std::atomic"),
            ("volatile int x;", "volatile"),
            ("int x = word->raw;", ".raw"),
            ("int x = word . raw;", ".raw")):
        for file in (RING, "flow/ingress.c", TEST):
            if file != TEST or "raw;" not in text:
                tap.fault(tool, file, None, "\n" + text + "\n", text, what)
    tap.fault(tool, TEST, "/* raw: plants what no store could write */",
              "/* no reason */", "raw = 7", ".raw")
    tap.fault(tool, TEST, None, "\n\nint x = w.raw;\n", "w.raw", ".raw")
    tap.fault(tool, RING, None, "/* raw: no test */\nint x = w.raw;\n",
              "w.raw", ".raw")
    tap.fault(tool, "tests/schema/golden/layout.h", None, "volatile int x;",
              "volatile", "volatile")


def arrows():
    tool = "lint_arrows.py"
    tap.good(tool)
    for file, name in (
            ("include/aether/api.h", "core/ae_atomic.h"),
            (RING, "host/posix/map.h"), (RING, "../slice/slice.h"),
            ("host/posix/map.c", "../wasm/wait.h"),
            ("host/posix/map.c", "slice/slice.h"),
            ("slice/slice_avx2.c", "core/ae_atomic.h"),
            ("slice/slice_avx2.c", "xor.h"), ("appliance/xor.h", "slice.h"),
            ("flow/ingress.c", "core/ae_atomic.h"),
            ("flow/ingress.c", "host/posix/map.h"), ("cli/main.c", "ae_atomic.h"),
            ("bench/bench.h", "host/posix/map.h"), ("cli/main.c", "tests/tap.h"),
            (TEST, "bench/bench.h"), ("memory/pool.c", "core/ae_atomic.h"),
            ("inos/table.c", "host/posix/map.h"),
            ("examples/01_hello.c", "aether/api.h")):
        text = f'#include "{name}"'
        tap.fault(tool, file, None, f"\n  {text}\n", text, f"include of {name}")
    tap.fault(tool, RING, None, "#include <pthread.h>\n", "pthread",
              "core is freestanding")
    tap.fault(tool, RING, None, "#include <ae_atomic.h>\n#include <map.h>\n",
              "map.h", "include of map.h (host/posix/map.h)")
    for word in ("__linux__", "__unix__", "_WIN32", "__APPLE__", "__FreeBSD__",
                 "__EMSCRIPTEN__", "__wasm__"):
        for test in (f"#ifdef {word}", f"#if 1 && !defined({word})"):
            tap.fault(tool, TEST, None, f"{test}\n#endif\n", word,
                      f"#if on the system {word}")
    tap.fault(tool, "host/port.h", None, "#ifdef __linux__\n#endif\n", "__linux__",
              "#if on the system __linux__")
    for word in ("__AVX2__", "__AVX512F__", "__SSE4_2__", "__GFNI__",
                 "__x86_64__", "__aarch64__", "__i386__", "__wasm_simd128__"):
        for file in ("slice/slice.h", "core/ring.c", "flow/slice_avx2.c"):
            tap.fault(tool, file, None, f"#if 0\n#elif defined({word})\n#endif\n",
                      word, f"#if on the machine {word}")


def sizes():
    tool = "lint_sizes.py"
    tap.good(tool)
    head = "\nint ae_long(void)\n{\n"
    deep = "".join("\t" * n + "if (n) {\n" for n in range(1, 5))
    tap.fault(tool, RING, None, head + "\tn++;\n" * 58 + "}\n", "int ae_long",
              "ae_long has 61 lines")
    tap.fault(tool, RING, None, head + deep + "\t}\n" * 4 + "}\n",
              "\t" * 4 + "if (n) {", "ae_long nests deeper than 3")
    tap.fault(tool, RING, None, head + deep.replace("if (n)", "each(a, (b))") +
              "\t}\n" * 4 + "}\n", "\t" * 4 + "each", "nests deeper")
    tap.fault(tool, RING, None, "\nint ae_many(int a, int (*b)(int, int), int c,"
              "\n\tint d, int e, int f, int g)\n{\n}\n", "int ae_many",
              "ae_many takes 7 parameters")
    wide = "\tint x = " + "1 + " * 17 + "1;"
    tap.fault(tool, RING, None, f"{wide}\n", wide, "line of 86 columns")
    tap.fault(tool, "tests/tool.sh", None, "#!/bin/sh\n" + "a " * 51 + "\n",
              "a a", "line of 102 columns")
    tap.fault(tool, "bench/bare.h", None, "/* No licence */\n", "No licence",
              "no licence on the first line")
    for word in (NOTE, "FIX" + "ME", "XX" + "X", "HA" + "CK"):
        for file in ("docs/ring.md", "Makefile", RING):
            tap.fault(tool, file, None, f"/* {word}: later */\n", word,
                      f"the word {word}")
    for place in ("work", "home", "farm", "Users"):
        for text in (f"see /{place}/me/x", f'"/{place}/x"'):
            tap.fault(tool, "docs/ring.md", None, text, text,
                      f"path of a machine /{place}/")


def names():
    tool = "lint_names.py"
    tap.good(tool)
    for text, what in (
            ("AETHER_API int ring_push(void);", "public function ring_push"),
            ("AETHER_API int aether_push(void);", "public function aether_push"),
            ("int aether_ring_pop(void);", "aether_ring_pop without AETHER_API"),
            ("struct ring { int a; };", "type ring"), ("struct ring;", "type ring"),
            ("enum aether_x { AETHER_A, MINE = 2 };", "enumerator MINE"),
            ("#define RING_SIZE 3", "macro RING_SIZE"),
            ("typedef struct aether_ring *aether_ring;", "typedef"),
            ("struct aether_y { aether_ring_t *a; };", "the name aether_ring_t"),
            ("struct aether_y_seg { int a; };", "struct aether_y_seg by hand")):
        tap.fault(tool, API, "#ifdef __cplusplus\n}", f"{text}\n"
                  "#ifdef __cplusplus\n}", text, what)
    for folder in ("core", "host/posix", "slice", "appliance", "flow", "inos"):
        for text, what in (("int ring_push(void)", "has no prefix"),
                           ("static int ae_slot(void)", "static ae_slot"),
                           ("static int aether_a_b(void)", "static aether_a_b")):
            tap.fault(tool, folder + "/new.c", None, f"{text}\n{{\n}}\n", text,
                      what)
    tap.fault(tool, "core/new.h", None, "static inline int slot(void)\n{\n}\n",
              "slot(void)", "slot is shared and has no prefix")
    tap.fault(tool, TEST, None, "struct x_seg {\n};\n", "x_seg", "struct x_seg by hand")


def threats():
    tool, page = "lint_threats.py", "docs/threats.md"
    tap.good(tool)
    for old, new, what in (
            ("`tests/cli/test_x.py: test_x`", "later", "without a test"),
            ("test_x.py", "test_y.py", "there is no tests/cli/test_y.py"),
            ("test_x`", "test_y`", "tests/cli/test_x.py has no test_y"),
            ("`core/ring.c`", "`core/ring.c: ae_ring_log`",
             "core/ring.c never calls ae_ring_log")):
        tap.fault(tool, page, old, new, new, what)
    tap.fault(tool, page, "## Attacks", "## Attack", "# Threats", "no table")


def whole_files():
    """Limits of whole files, where no marker can stand on the line."""
    with tempfile.TemporaryDirectory() as root:
        plant(root, {"fuzz/f.c": "int a;\n" * 499, "tests/x.py": "a\n" * 500})
        status, out, _ = run("lint_sizes.py", root)
        tap.ok((status, out) == (0, ""), "lint_sizes.py: 500 lines pass", out)
        plant(root, {"fuzz/f.c": "int a;\n" * 500, "tests/x.py": "a\n" * 501})
        status, out, _ = run("lint_sizes.py", root)
        tap.ok(status == 1 and out.count("\n") == 2
               and "fuzz/f.c:501: file of 501 lines" in out
               and "tests/x.py:501: file of 501 lines" in out,
               "lint_sizes.py: 501 lines do not", out)
        plant(root, {"fuzz/f.c": "", "tests/x.py": "", "cellar/x.c": ""})
        status, out, _ = run("lint_arrows.py", root)
        tap.ok(status == 1 and out.startswith("cellar:1: folder"),
               "lint_arrows.py: a folder without an arrow", out)


def formatting():
    if not (shutil.which("clang-format-14") or shutil.which("clang-format")):
        tap.ok(True, "format.sh # SKIP no clang-format 14 here")
        return
    with tempfile.TemporaryDirectory() as root:
        status, out, err = run("format.sh", "--check", root)
        tap.ok((status, out) == (0, ""), "format.sh: nothing is formatted", err)
        ugly = Path(root, "x.c")
        ugly.write_text("int a;\n\nint f( int a ){return a;}\n")
        Path(root, "build").mkdir()
        Path(root, "build", "y.c").write_text("int  a ;\n")
        status, out, err = run("format.sh", "--check", root)
        tap.ok(status == 1 and out.startswith(f"{ugly}:1: not formatted")
               and "+int f(int a)" in out and "y.c" not in out,
               "format.sh: --check shows the difference", out + err)
        status, out, err = run("format.sh", root)
        tap.ok(status == 0 and ugly.read_text() ==
               "int a;\n\nint f(int a)\n{\n\treturn a;\n}\n",
               "format.sh: formats", ugly.read_text())
        tap.ok(run("format.sh", "--check", root)[0] == 0,
               "format.sh: and is content with what it did")
        tap.ok(run("format.sh", "--wrong")[0] == 2, "format.sh: misuse is 2")
        status, _, err = run("format.sh", "--check", root + "/none")
        tap.ok(status == 2 and "no such file" in err, "format.sh: no such path")


def together():
    with tempfile.TemporaryDirectory() as root:
        plant(root, {})
        Path(root, "core", "ring.c").write_text("volatile int x;\n")
        status, out, err = run("lint.sh", root)
        lines = out.splitlines()
        tap.ok(status == 1 and "core/ring.c:1: volatile is not a memory order: "
               "use an operation of core/ae_atomic.h" in lines
               and "ok lint_atomics" not in lines and "ok lint_arrows" in lines
               and "ok lint_names" in lines,
               "lint.sh: says which lint is content and which is not", out + err)


for part in (atomics, arrows, sizes, names, threats, whole_files, formatting, together):
    part()
tap.done()
