#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Public headers: each compiles alone and together, as C11 and as C++17, with
every warning an error, by each compiler that is here, without _GNU_SOURCE. A
C++ program links against the library and works."""

import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
OUT = os.path.join(ROOT, os.environ.get("O", "build"))
GEN = os.path.join(ROOT, "build", "gen")
INCLUDE = os.path.join(ROOT, "include")
LIBRARY = os.path.join(OUT, "libaether.a")
FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wundef",
         "-I" + INCLUDE, "-I" + GEN]
C = [("gcc", "-std=c11"), ("clang-14", "-std=c11"), ("gcc", "-std=c17"),
     ("gcc", "-std=gnu11")]
CPP = [("g++", "-std=c++17"), ("clang++-14", "-std=c++17"),
       ("g++", "-std=c++20")]

# a header is enough by itself, for the linker too
ALONE = """
#include <aether/rs.h>

int main()
{
    unsigned char matrix[2] = {};

    return aether_rs_encoder(1, 2, matrix);
}
"""

PROGRAM = """
#include <aether/aether.h>
#include <cstdint>
#include <cstring>

static int fail(int line) { return line; }

int main()
{
    aether_plane_options options = {};
    aether_error error = {};
    aether_plane *plane = nullptr;
    aether_participant *me = nullptr;
    std::uint64_t handle = 0;
    void *bytes = nullptr;
    std::size_t size = 0;

    options.strides = 8;
    if (aether_plane_create(nullptr, &options, &error, &plane) < 0)
        return fail(1);
    if (aether_participant_join(plane, nullptr, &error, &me) < 0)
        return fail(2);
    if (aether_stride_reserve(me, &handle) < 0)
        return fail(3);
    if (aether_stride_bytes(me, handle, &size, &bytes) < 0)
        return fail(4);
    std::memset(bytes, 1, size);
    if (aether_route(me, handle, aether_participant_tenancy(me)) < 0)
        return fail(5);
    if (aether_route_take_until(me, AETHER_FOREVER, &handle) < 0)
        return fail(6);
    if (aether_stride_release(me, handle) < 0)
        return fail(7);
    if (AETHER_HANDLE_MAKE(1, 2, 3) == AETHER_HANDLE_MAKE(1, 2, 4))
        return fail(8);
    aether_participant_leave(me);
    return aether_plane_detach(plane);
}
"""

count = 0
failed = 0


def ok(passed, name, output=""):
    global count, failed
    count += 1
    print(("ok" if passed else "not ok") + f" {count} - {name}")
    if not passed:
        failed += 1
        for line in output.splitlines()[:20]:
            print("#   " + line)
    sys.stdout.flush()


def skip(why):
    global count
    count += 1
    print(f"ok {count} # SKIP {why}")


def run(command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **more)
    return done.returncode == 0, done.stdout


def compiles(compiler, standard, text, suffix, work):
    path = os.path.join(work, "x" + suffix)
    with open(path, "w") as file:
        file.write(text)
    return run([compiler, standard] + FLAGS + ["-fsyntax-only", path])


def headers():
    names = sorted(os.listdir(os.path.join(INCLUDE, "aether")))
    return [n for n in names if n.endswith(".h")]


def each_way(work):
    every = headers()
    together = "".join(f"#include <aether/{n}>\n" for n in every)
    backwards = "".join(f"#include <aether/{n}>\n" for n in reversed(every))
    texts = [("aether.h", "#include <aether/aether.h>\n"),
             ("aether.h twice", "#include <aether/aether.h>\n" * 2),
             ("all, by the alphabet", together), ("backwards", backwards)]
    texts += [(n + " alone", f"#include <aether/{n}>\n") for n in every]
    for compiler, standard in C + CPP:
        if not shutil.which(compiler):
            skip(f"{compiler} is not here")
            continue
        suffix = ".cc" if "++" in compiler else ".c"
        tail = "int main(void);\nint main(void) { return 0; }\n"
        for name, text in texts:
            good, output = compiles(compiler, standard, text + tail, suffix,
                                    work)
            ok(good, f"{compiler} {standard}: {name}", output)


def needs_no_gnu_source():
    for name in headers():
        with open(os.path.join(INCLUDE, "aether", name)) as file:
            text = file.read()
        ok("_GNU_SOURCE" not in text and "__linux__" not in text,
           f"{name} asks for no extension")


def links(work):
    source = os.path.join(work, "program.cc")
    program = os.path.join(work, "program")
    sanitize = os.environ.get("SAN", "")
    extra = ["-fsanitize=" + sanitize] if sanitize else []
    for compiler, standard in CPP[:2]:
        if not shutil.which(compiler):
            skip(f"{compiler} is not here")
            continue
        for name, text in (("a C++ program", PROGRAM),
                           ("one with a single header", ALONE)):
            with open(source, "w") as file:
                file.write(text)
            good, output = run([compiler, standard] + FLAGS + extra +
                               [source, LIBRARY, "-lpthread", "-o", program])
            ok(good, f"{compiler}: {name} links", output)
            if good:
                good, output = run([program])
                ok(good, f"{compiler}: and works", output)


def main():
    if not os.path.exists(LIBRARY):
        print(f"Bail out! {LIBRARY} is not built")
        return 1
    with tempfile.TemporaryDirectory(prefix="aether-headers.",
                                     dir="/dev/shm") as work:
        each_way(work)
        needs_no_gnu_source()
        links(work)
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
