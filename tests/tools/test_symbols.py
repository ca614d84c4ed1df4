#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/lint_symbols.sh, on little objects and libraries built here."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from planted import Tap, run  # noqa: E402

TOOL, CC = "lint_symbols.sh", os.environ.get("CC", "cc").split()
tap = Tap()

HEADER = """\
/* AETHER_API int aether_in_comment(void); */
#define AETHER_API __attribute__((visibility("default")))
AETHER_API __attribute__((format(printf, 1, 2))) int
aether_ring_say(const char *text,
		...);
AETHER_API struct aether_ring *aether_ring_open(int (*step)(int));
"""
LIBRARY = """
int aether_ring_say(const char *text, ...) { return text != 0; }
struct aether_ring *aether_ring_open(int (*step)(int)) { return (void *)step; }
"""


def compile(folder, name, text, *flags):
    source = Path(folder, name).with_suffix(".c")
    source.write_text(text)
    out = Path(folder, name)
    subprocess.run([*CC, "-O1", "-fPIC", "-fno-builtin", "-w",
                    "-fno-stack-protector", "-U_FORTIFY_SOURCE", *flags,
                    str(source), "-o", str(out)], check=True)
    return out


def core(folder):
    def needing(name, call):
        text = f"void {call}(void);\nvoid ae_{name}(void) {{ {call}(); }}\n"
        return compile(folder, name + ".o", text, "-c")

    fine = [needing("one", "ae_host_map"), needing("two", "memcpy"),
            needing("three", "ae_one"), needing("four", "memcmp")]
    status, out, err = run(TOOL, "core", *fine)
    tap.ok((status, out) == (0, ""), "core: its port, memcpy and itself",
           out + err)
    for call in ("memchr", "abort", "ae_other", "aether_host_map",
                 "__stack_chk_fail", "memcpy_s"):
        bad = needing("bad", call)
        status, out, err = run(TOOL, "core", *fine, bad)
        tap.ok(status == 1 and out == f"{bad}:0: core needs {call}: ask the "
               "port for it in core/ae_host.h\n", f"core: {call}", out + err)


def nomalloc(folder):
    for call in ("memcpy", "my_malloc", "free_slot", "ae_mmap"):
        good = compile(folder, "g.o", f"void f(void) {{ {call}(); }}", "-c")
        status, out, err = run(TOOL, "nomalloc", good)
        tap.ok((status, out) == (0, ""), f"nomalloc: {call} passes", out + err)
    for call in ("malloc", "calloc", "realloc", "free", "reallocarray",
                 "strdup", "strndup", "asprintf", "vasprintf", "aligned_alloc",
                 "posix_memalign", "getline", "open_memstream", "fopen",
                 "mmap", "brk", "sbrk", "alloca", "_Znwm", "__strdup"):
        bad = compile(folder, "b.o", f"void g(void) {{ {call}(); }}", "-c")
        status, out, err = run(TOOL, "nomalloc", good, bad)
        tap.ok(status == 1 and out.startswith(
            f"{bad}:0: a data path needs {call}: ")
            and out.count("\n") == 1, f"nomalloc: {call}", out + err)


def exports(folder):
    include = Path(folder, "include")
    include.mkdir()
    header, names = include / "ring.h", Path(folder, "aether.map")

    def check(what, *wanted, library=LIBRARY, declared=HEADER,
              symbols="aether_ring_*;"):
        header.write_text(declared)
        names.write_text("/* ours */\nAETHER_0 {\nglobal:\n\t%s\nlocal:\n\t*;\n};\n"
                         % symbols.replace(" ", "\n\t"))
        lib = compile(folder, "lib.so", library, "-shared",
                      f"-Wl,--version-script={names}")
        status, out, err = run(TOOL, "exports", lib, names, include)
        ours = sorted(line.replace(folder + "/", "") for line in out.split("\n"))
        good = len(ours) - 1 == len(wanted) and all(
            line.startswith(want) for line, want in zip(ours[1:], wanted))
        tap.ok(status == bool(wanted) and good, f"exports: {what}", out + err)

    more = LIBRARY + "int aether_ring_pop(void) { return 0; }\n"
    check("exactly what is declared")
    check("a map that lists each", symbols="aether_ring_say; aether_ring_open;")
    check("one too many", "lib.so:0: exports aether_ring_pop, which no public",
          library=more)
    check("hidden by the map", library=more,
          symbols="aether_ring_say; aether_ring_open;")
    check("one declared that is not there",
          "include/ring.h:7: aether_ring_pop is declared, not exported",
          declared=HEADER + "AETHER_API int aether_ring_pop(void);\n")
    check("a map that lacks one",
          "include/ring.h:3: aether_ring_say is declared, not exported",
          symbols="aether_ring_open;")
    check("a map that invents one",
          "aether.map:5: aether_gone is declared in no public header",
          symbols="aether_ring_*; aether_gone;")
    check("a name that is not ours", "lib.so:0: exports ring_pop: name it",
          library=LIBRARY + "int ring_pop(void) { return 0; }\n",
          declared=HEADER + "AETHER_API int ring_pop(void);\n",
          symbols="aether_ring_*; ring_pop;")
    check("a comment declares nothing",
          "lib.so:0: exports aether_in_comment, which no public",
          library=LIBRARY + "int aether_in_comment(void) { return 0; }\n",
          symbols="aether_*;")


def libc(folder):
    text = "int puts(const char *); int f(void) { return puts(\"\"); }\n"
    lib = compile(folder, "a.so", text, "-shared")
    status, out, err = run(TOOL, "libc", lib)
    tap.ok((status, out) == (0, ""), "libc: libc alone passes", out + err)
    lib = compile(folder, "b.so", text, "-shared", "-Wl,--no-as-needed", "-lm")
    status, out, err = run(TOOL, "libc", lib)
    tap.ok(status == 1 and out.startswith(f"{lib}:0: needs libm.so.6: "),
           "libc: libm is one too many", out + err)


def misuse(folder):
    status, out, _ = run(TOOL, "--help")
    tap.ok(status == 0 and "usage:" in out, "has --help")
    for args in ((), ("core",), ("nomalloc", folder + "/no.o"), ("odd", "a"),
                 ("exports", "a"), ("libc", "a", "b")):
        status, out, err = run(TOOL, *args)
        tap.ok(status == 2 and not out and "usage:" in err,
               f"misuse: {' '.join(args[:1])}", out + err)


for part in (core, nomalloc, exports, libc, misuse):
    with tempfile.TemporaryDirectory() as folder:
        part(folder)
tap.done()
