#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests the constants for Rust, Go, JavaScript, Python and NASM: each file is
compiled or loaded in its language, and every constant is compared with C's.

What C has is taken from the generated header itself, by name, and printed by a
C program; what a language should call it is worked out here, not by the
generator. Both sets must be the same: nothing is missing, nothing is more.
Real schema and golden one (awkward texts, large numbers) at once. Speaks TAP.
"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("O", "build")
GOLDEN = ROOT / "tests/schema/golden"
SETS = {
    "real": [ROOT / "schema/aether.capnp", ROOT / "schema/lean.capnp",
             ROOT / "schema/inos.capnp"],
    "small": [GOLDEN / "small.capnp", GOLDEN / "small-layout.capnp",
              GOLDEN / "bare-layout.capnp"],
}
FILES = {"c": "aether/layout.h", "rust": "rust/layout.rs",
         "go": "go/system/layout.go", "mjs": "js/layout.mjs",
         "dts": "js/layout.d.mts", "python": "python/aether_layout.py",
         "nasm": "nasm/layout.inc"}
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
PLAIN = "INOS"                      # has no prefix anywhere
tests = failures = 0


def ok(good, name, notes=""):
    global tests, failures
    tests += 1
    failures += not good
    print(f"{'ok' if good else 'not ok'} {tests} - {name}")
    for line in "" if good else str(notes).splitlines()[:40]:
        print(f"# {line}")
    sys.stdout.flush()


def run(command, **more):
    return subprocess.run([str(x) for x in command], capture_output=True,
                          text=True, check=False, **more)


def values(lines):
    """NAME=VALUE lines: numbers as numbers, texts behind a quotation mark."""
    pairs = [line.partition("=")[::2] for line in lines.splitlines()]
    found = {name: value if value[:1] == '"' else int(value)
             for name, value in pairs}
    assert len(found) == len(pairs), "a name twice"
    return found


# ---- what C has

PRELUDE = r"""
#include <stdio.h>
#include "layout.h"
static const char *space = "";
static void number(const char *name, unsigned long long value)
{
	printf("%s=%llu\n", name, value);
}
#define CODE(name, code, message, remedy) \
	printf("AETHER_MESSAGE_" #name "=\"%s\n", message); \
	printf("AETHER_REMEDY_" #name "=\"%s\n", remedy); \
	printf("AETHER_ERRORS_" #name "=\"%d|%s|%s\n", code, message, remedy);
#define LEVEL(id, value, text, level, doc) \
	printf("AETHER_LEVEL_" #id "=%d\n", level);
#define DATA(id, value, text, data) number("AETHER_DATA_TIER_" #id, data);
#define NAME(id, text, hash, tables, doc) \
	printf("AETHER_LAYOUT_" #id "_NAME=\"%s\n", text);
#define EPOCH(index, count, text, kind, signaler, waiter) \
	printf("%sKIND_%s=%d\n%sCOUNT_%s=%d\n", space, text, kind, space, \
	       text, count);
#define PAIR(text, n, a, b, c, bytes, epoch, mirror, item, fit) \
	pair(text, n, (unsigned long long[]) { a, b, c }, bytes, epoch, \
	     mirror, item, fit);
#define GUARD(text, at, bytes, mode, writers, readers, epoch) \
	printf("%s^GUARD_%s_MODE=%d\n%s^GUARD_%s_WRITERS=%u\n" \
	       "%s^GUARD_%s_READERS=%u\n%s^GUARD_%s_EPOCH=%d\n", \
	       space, text, mode, space, text, writers, space, text, readers, \
	       space, text, epoch);
#define TIER(name, bytes, fit, role) tier(#name, bytes, fit, role);
__attribute__((unused)) static void pair(const char *text, int n,
	const unsigned long long *at, unsigned long long bytes, int epoch,
	int mirror, unsigned long long item, unsigned long long fit)
{
	for (int i = 0; i < n; i++)
		printf("%s^PAIR_%s_OFFSET_%c=%llu\n", space, text, 'A' + i,
		       at[i]);
	printf("%s^PAIR_%s_BUFFERS=%d\n%s^PAIR_%s_SIZE=%llu\n"
	       "%s^PAIR_%s_EPOCH=%d\n%s^PAIR_%s_MIRROR=%d\n"
	       "%s^PAIR_%s_ITEM_SIZE=%llu\n%s^PAIR_%s_ITEMS=%llu\n", space,
	       text, n, space, text, bytes, space, text, epoch, space, text,
	       mirror, space, text, item, space, text, fit);
}
__attribute__((unused)) static void tier(const char *name,
	unsigned long long bytes, unsigned long long fit, const char *role)
{
	printf("%sSIZE_%s=%llu\n%sENTITIES_%s=%llu\n%sPEER_ROLE_%s=\"%s\n",
	       space, name + 7, bytes, space, name + 7, fit, space, name + 7,
	       role);
}
int main(void) {
"""


def from_c(directory, header):
    """All that the header has, by C's name without AETHER_."""
    text = header.read_text()
    names = re.findall(r"^#define (AETHER_\w+) (?!\\$)", text, re.M)
    names += re.findall(r"^\t(AETHER_\w+) = ", text, re.M)
    codes = set(re.findall(r"^\t(AETHER_\w+) = -?\d+,", text.partition(
        "};")[0], re.M))
    lines = [PRELUDE]
    for name in names:
        sign = "(long long)" if name in codes else ""
        form = "%lld" if name in codes else "%llu"
        lines.append(f'printf("{name}={form}\\n", '
                     f'{sign or "(unsigned long long)"}{name});')
    for record, member in re.findall(
            r"offsetof\(struct aether_(\w+)_seg,\s*(\w+)\)", text):
        name = f"AETHER_FIELD_{record}_{member}".upper()
        lines.append(f'number("{name}", '
                     f'offsetof(struct aether_{record}_seg, {member}));')
    lines += ["AETHER_ERROR_LIST(CODE) AETHER_ROLE_LIST(LEVEL)",
              "AETHER_TIER_LIST(DATA) AETHER_LAYOUT_LIST(NAME)"]
    layouts = re.findall(r"^#define AETHER_LAYOUT_(\w+)_HASH ", text, re.M)
    for layout in layouts:
        lines.append(f'space = "AETHER_{layout}_";')
        for what in ("EPOCH", "PAIR", "GUARD", "TIER"):
            lines.append(f"AETHER_LAYOUT_{layout}_{what}S({what})")
    source, program = directory / "all.c", directory / "all"
    source.write_text("\n".join([*lines, "return 0; }"]))
    done = run(["gcc", "-std=c11", *STRICT, "-I", header.parent, "-o", program,
                source])
    ok(done.returncode == 0, f"C compiles: {directory.name}", done.stderr)
    printed = re.sub(r"\^(PAIR|GUARD)_(\w+?)_(?=[A-Z_]+=)",
                     lambda m: f"{m[1]}_{upper(m[2])}_", run([program]).stdout)
    return values(printed), layouts


def upper(name):
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def spaced(found, layouts):
    """(layout or none, name) of each; what all layouts have in common is the
    plain layout's where there is one."""
    made = {}
    for name, value in found.items():
        name = name.removeprefix("AETHER_")
        layout = next((x for x in layouts if re.match(
            f"{x}_(OFFSET|SIZE|IDX|KIND_IDX|COUNT_IDX|PAIR|GUARD|ENTITIES|"
            "PEER_ROLE)_", name)), None)
        if layout:
            name = name.removeprefix(f"{layout}_")
        elif PLAIN in layouts and re.match("OFFSET_|SIZE_|IDX_", name):
            layout = PLAIN
        assert made.get((layout, name), value) == value, name
        made[layout, name] = value
    return made


# ---- what each language has; a function yields {set: {name: value}}

def camel(text):
    return "".join(part.capitalize() for part in text.split("_"))


def go_name(layout, name, value):
    if not layout and re.fullmatch("OK|E[A-Z0-9]+", name) and value <= 0:
        return name
    start, index, rest = name.partition("IDX_")
    return camel(layout or "") + camel(start) + index + rest


def nasm_name(layout, name, inos):
    return name if not layout and name in inos else \
        f"AETHER_{layout}_{name}" if layout else f"AETHER_{name}"


def read_python(directory, at):
    code = ("import json, sys; sys.dont_write_bytecode = True; sys.path[:0] ="
            " sys.argv[1:]; import aether_layout as m\n"
            "def show(d): return {k: v for k, v in d.items() if k[0] != '_'}\n"
            "top = show(vars(m)); out = {}\n"
            "for k, v in top.items():\n"
            " if isinstance(v, type):\n"
            "  out.update({k + '.' + a: b for a, b in show(vars(v)).items()})\n"
            " else: out[k] = v\n"
            "print(json.dumps(out))")
    found = {}
    for name, files in at.items():
        done = run([sys.executable, "-W", "error", "-c", code,
                    files["python"].parent])
        found[name] = json.loads(done.stdout) if not done.returncode else {}
        ok(found[name], f"Python loads: {name}", done.stderr)
    return {name: plain(x) for name, x in found.items()}


def plain(found):
    """Texts behind a quotation mark, errors as C prints them."""
    rows = found.pop("ERRORS", [])
    made = {name: f'"{x}' if isinstance(x, str) else x
            for name, x in found.items()}
    for code, name, message, remedy in rows:
        made[f"ERRORS {name}"] = f'"{code}|{message}|{remedy}'
    return made


def read_mjs(directory, at):
    main = directory / "main.mjs"
    main.write_text("""
const found = {};
for (const path of process.argv.slice(2)) {
  const all = await import(path);
  const out = found[path] = {};
  for (const [title, object] of Object.entries(all)) {
    if (title === "ERRORS") {
      out.ERRORS = object.map((e) => [e.code, e.name, e.message, e.remedy]);
      continue;
    }
    if (!Object.isFrozen(object)) throw new Error("not frozen");
    for (const [name, value] of Object.entries(object))
      out[`${title}.${name}`] = typeof value === "bigint" ? `#${value}` : value;
  }
}
console.log(JSON.stringify(found));
""")
    done = run(["node", main, *(files["mjs"] for files in at.values())])
    ok(done.returncode == 0, "JavaScript loads", done.stderr)
    found = json.loads(done.stdout) if done.returncode == 0 else {}
    made = {}
    for name, files in at.items():
        own = found.get(str(files["mjs"]), {})
        same_types(name, own, files["dts"].read_text())
        big = {key for key, x in own.items()
               if isinstance(x, str) and re.fullmatch(r"#\d+", x)}
        made[name] = plain({key: int(x[1:]) if key in big else x
                            for key, x in own.items()})
        words = {key for key in own if re.search(
            r"_(MASK|SHIFT)$|\.MAGIC$|\.LAYOUT_\w+_HASH$", key)}
        large = {key for key, x in made[name].items()
                 if isinstance(x, int) and abs(x) > 2 ** 53 - 1}
        ok(words <= big and large <= big, f"JavaScript: what needs 64 bits is "
           f"a BigInt: {name}", sorted((words | large) - big))
    return made


def same_types(name, own, text):
    """The declared type of each constant is its value."""
    told, title = {}, ""
    for line in text.splitlines():
        opened = re.match(r"export declare const (\w+): ", line)
        title = opened[1] if opened else title
        member = re.fullmatch(r"  (\w+): (.*);", line)
        if member and title != "ERRORS":
            value = member[2]
            told[f"{title}.{member[1]}"] = json.loads(value) \
                if value[0] == '"' else f"#{int(value[:-1], 0)}" \
                if value.endswith("n") else int(value, 0)
    own = {key: x for key, x in own.items() if key != "ERRORS"}
    ok(told == own and told, f"JavaScript: the types are the values: {name}",
       sorted(set(told.items()) ^ set(own.items())))


def read_rust(directory, at):
    lines, uses = [], []
    for name, files in at.items():
        place = {"real": "sdk"}.get(name, name)
        lines.append(f'mod {place} {{ #[path = "{files["rust"]}"] '
                     "pub mod layout; }")
        inner = ""
        for line in files["rust"].read_text().splitlines():
            opened = re.fullmatch(r"pub mod (\w+) \{", line)
            inner = f"{opened[1]}::" if opened else "" if line == "}" else inner
            found = re.match(r"\s*(?:#\[allow\(dead_code\)\] )?"
                             r"pub const (\w+): (&str|\w+) = ", line)
            if found:
                path = f"{place}::layout::{inner}{found[1]}"
                uses.append(f't("{name} {inner}{found[1]}", {path});'
                            if found[2] == "&str" else
                            f'n("{name} {inner}{found[1]}", {path} as i128);')
        uses.append(f"for e in {place}::layout::ERRORS {{ println!("
                    f'"{name} ERRORS {{}}=\\"{{}}|{{}}|{{}}", '
                    "e.1, e.0, e.2, e.3); }")
    lines += ['fn n(k: &str, v: i128) { println!("{}={}", k, v); }',
              'fn t(k: &str, v: &str) { println!("{}=\\"{}", k, v); }',
              "fn main() {", *uses, "}"]
    source = directory / "main.rs"
    source.write_text("\n".join(lines))
    done = run(["rustc", "--edition", "2018", "-D", "warnings", "-o",
                directory / "rust", source])
    few_in_rust(directory, at["real"]["rust"])
    return by_set(at, "Rust", done, [directory / "rust"], "stdout")


def few_in_rust(directory, path):
    """Who uses few of them hears of no others, whichever way they come in."""
    module = f'#[path = "{path}"] mod layout;'
    include = f'include!("{path}");'
    inner = f"mod sdk {{ pub mod layout {{ {include} }} }}"
    ways = {"module": (module, "layout::"), "include": (include, ""),
            "module with include": (inner, "sdk::layout::")}
    for way, (begin, at) in ways.items():
        for used in ("OFFSET_BIRD_STATE", "lean::OFFSET_PLANE_HEADER",
                     "ERRORS.len()"):
            source = directory / "few.rs"
            source.write_text(f'{begin}\nfn main() {{ println!("{{}}", '
                              f"{at}{used}); }}\n")
            for edition in ("2018", "2021"):
                done = run(["rustc", "--edition", edition, "-D", "warnings",
                            "--emit=metadata", "-o", directory / "few",
                            source])
                ok(done.returncode == 0, f"Rust: no warning, {way}, edition "
                   f"{edition}, {used} alone", done.stderr)


def read_go(directory, at):
    lines, uses = ["package main"], []
    (directory / "go.mod").write_text("module check\n\ngo 1.19\n")
    for name, files in at.items():
        package = {"real": "system"}.get(name, name)
        (directory / package).mkdir()
        shutil.copy(files["go"], directory / package)
        lines.append(f'import {package} "check/{package}"')
        for found in re.finditer(r"^const (\w+)(?: uint64)? = (.)",
                                 files["go"].read_text(), re.M):
            kind = {'"': "t", "-": "n"}.get(found[2], "u")
            uses.append(f'{kind}("{name} {found[1]}", {package}.{found[1]})')
        uses.append(f"for _, e := range {package}.Errors {{ println("
                    f'"{name} ERRORS " + e.Name + "=\\"" + d(e.Code) + "|" + '
                    'e.Message + "|" + e.Remedy) }')
    lines += ["func d(v int32) string { s := \"\"; for v = -v; v > 0; v /= 10 "
              "{ s = string(rune('0'+v%10)) + s }; return \"-\" + s }",
              "func t(k string, v string) { print(k, \"=\\\"\", v, \"\\n\") }",
              "func n(k string, v int64) { print(k, \"=\", v, \"\\n\") }",
              "func u(k string, v uint64) { print(k, \"=\", v, \"\\n\") }",
              "func main() {", *uses, "}"]
    (directory / "main.go").write_text("\n".join(lines))
    environment = {**os.environ, "GOCACHE": str(BUILD / "gocache"),
                   "GOPATH": str(directory / "gopath"), "GOFLAGS": "",
                   "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOWORK": "off",
                   "CGO_ENABLED": "0", "HOME": os.environ.get("HOME", "/")}
    done = run(["go", "build", "-o", "go", "."], cwd=directory,
               env=environment)
    return by_set(at, "Go", done, [directory / "go"], "stderr")


def by_set(at, language, done, program, stream):
    ok(done.returncode == 0, f"{language} compiles",
       done.stdout + done.stderr)
    text = getattr(run(program), stream) if done.returncode == 0 else ""
    return {name: values("\n".join(
        line.removeprefix(f"{name} ") for line in text.splitlines()
        if line.startswith(f"{name} "))) for name in at}


def read_nasm(directory, at):
    made = {}
    for name, files in at.items():
        numbers, texts = [], []
        for line in files["nasm"].read_text().splitlines():
            found = re.match(r"(?:%define )?(\w+) (equ|`)", line)
            if found:
                (texts if found[2] == "`" else numbers).append(found[1])
        source = directory / f"{name}.asm"
        source.write_text("\n".join([
            f'%include "{files["nasm"]}"', f'%include "{files["nasm"]}"',
            *(f"dq {x}" for x in numbers), *(f"db {x}, 0" for x in texts)]))
        done = run(["nasm", "-Werror", "-f", "bin", "-o",
                    directory / f"{name}.bin", source])
        ok(done.returncode == 0, f"NASM assembles: {name}", done.stderr)
        data = (directory / f"{name}.bin").read_bytes() \
            if done.returncode == 0 else b""
        size = 8 * len(numbers)
        made[name] = dict(zip(numbers, struct.unpack(
            f"<{len(numbers)}Q", data[:size]) if data else []))
        made[name].update(zip(texts, (
            f'"{x.decode()}' for x in data[size:].split(b"\0"))))
    return made


LANGUAGES = {   # command, reader, how a name is spelled, its own errors table
    "Python": (sys.executable, read_python, lambda layout, name, value, inos:
               f"{camel(layout)}.{name}" if layout else name, True),
    "JavaScript": ("node", read_mjs, lambda layout, name, value, inos:
                   f"{layout or 'CONSTS'}.{name}", True),
    "Rust": ("rustc", read_rust, lambda layout, name, value, inos:
             f"{layout.lower()}::{name}" if layout else name, True),
    "Go": ("go", read_go, lambda layout, name, value, inos:
           go_name(layout, name, value), True),
    "NASM": ("nasm", read_nasm, lambda layout, name, value, inos:
             nasm_name(layout, name, inos), False),
}
SPECIFICATION = {
    "Python": ("OFFSET_BIRD_STATE", "SIZE_BIRD_STATE", "IDX_KERNEL_READY"),
    "JavaScript": ("CONSTS.OFFSET_BIRD_STATE", "CONSTS.SIZE_BIRD_STATE",
                   "CONSTS.IDX_KERNEL_READY"),
    "Rust": ("OFFSET_BIRD_STATE", "SIZE_BIRD_STATE", "IDX_KERNEL_READY"),
    "Go": ("OffsetBirdState", "SizeBirdState", "IDX_KERNEL_READY"),
    "NASM": ("OFFSET_BIRD_STATE", "SIZE_BIRD_STATE", "IDX_KERNEL_READY"),
}


def compare(language, name, got, has):
    _, _, spelled, table = LANGUAGES[language]
    inos = {x for layout, x in has if layout == PLAIN}
    want = {}
    for (layout, constant), value in has.items():
        if constant.startswith("ERRORS_"):
            if table:
                want["ERRORS " + constant[7:]] = value
            continue
        own = None if layout == PLAIN else layout
        want[spelled(own, constant, value, inos)] = value
    if language == "NASM":
        want = {key: x % 2 ** 64 if isinstance(x, int) else x
                for key, x in want.items()}
    ok(len(want) > 100 and got == want,
       f"{language}: {len(want)} constants are C's: {name}", "\n".join(
           f"{key}: {got.get(key)}, C has {want.get(key)}"
           for key in sorted(got.keys() | want.keys())
           if got.get(key) != want.get(key)))
    if name == "real":
        spelling = [got.get(x) for x in SPECIFICATION[language]]
        ok(spelling == [0x160000, 0x1000, 0],
           f"{language}: spelled as the specification does", spelling)


def generate(directory):
    at = {}
    for name, sources in SETS.items():
        files = at[name] = {key: directory / name / path
                            for key, path in FILES.items()}
        layouts = [x for path in sources[1:] for x in ("--layout", path)]
        done = run([sys.executable, ROOT / "schema/gen.py", "--schema",
                    sources[0], *layouts,
                    *(x for key, path in files.items()
                      for x in (f"--{key}", path))])
        ok(done.returncode == 0 and not done.stderr, f"generates: {name}",
           done.stderr)
    for key, path in FILES.items():
        made = BUILD / "gen" / path
        if not made.exists():
            made = ROOT / "build/gen" / path
        ok(made.exists() and made.read_text() == at["real"][key].read_text(),
           f"make has written the same: {path}", made)
    return at


def main():
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        at = generate(directory)
        has = {key: spaced(*from_c(directory / key, files["c"]))
               for key, files in at.items()}
        for language, (command, read, _, _) in LANGUAGES.items():
            if not shutil.which(command):
                ok(True, f"{language} # SKIP no {command}")
                continue
            (directory / language).mkdir()
            found = read(directory / language, at)
            for key in at:
                compare(language, key, found[key], has[key])
    print(f"1..{tests}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
