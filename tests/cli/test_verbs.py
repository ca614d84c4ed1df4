#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is common to all verbs, and create, destroy, strerror and bench.
test_looking.py has ls, map, who and layout, test_files.py slice and unslice,
test_run.py the flow."""
import grp
import json
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (BIN, Skip, aether, bad, good, good_json,  # noqa: E402
                  must, objects, plane_file, same)

VERBS = ("create destroy ls map who reap guard layout serve grant run ingress "
         "appliance egress encode decode check repair slice unslice bench chaos "
         "strerror").split()
SLICING = ("run ingress appliance egress encode decode check repair slice unslice "
           "bench").split()
CREATE_KEYS = ("name layout strides stride_size participants plane_size "
               "data_size tables_size zero huge_bytes locked_bytes").split()


# ---- what is common

def test_help_and_version():
    top = good("--help").out
    for verb in VERBS:
        must(re.search(rf"^  {verb} ", top, re.M), "--help lacks", verb)
        text = good(verb, "--help").out
        must(text.startswith(f"Usage: aether {verb}"), verb, text)
        must("--json" in text, f"{verb} --help lacks --json")
        must(f"aether {verb}" in good(verb, "--usage").out, verb)
    must(re.match(r"aether \d+\.\d+\.\d+", good("--version").out), "version")


def test_manual():
    """Every verb and option of --help is in it, and it is well formed."""
    page = tool.ROOT / "docs" / "man" / "aether.1"
    text = page.read_text().replace("\\-", "-")
    for verb in VERBS:
        must(re.search(rf'^\.B "?{verb}|^\.B[IR] "?.*{verb}', text, re.M), verb)
        for option in re.findall(r"^ .*?(--[a-z]+)",
                                 good(verb, "--help").out, re.M):
            must(option in text, f"the manual lacks {option} of", verb)
    if not shutil.which("groff"):
        raise Skip("groff is not here to read the page")
    read = subprocess.run(["groff", "-man", "-ww", "-Tutf8", str(page)],
                          capture_output=True, text=True)
    same((read.returncode, read.stderr), (0, ""), "groff")


def test_no_verb_or_a_wrong_one():
    none = aether()
    same((none.status, none.out), (2, ""), "no verb")
    must("Usage: aether VERB" in none.err, "no verb says how", none.err)
    must("create" in aether("creat").err, "near names")
    must("ingress or egress" in aether("gress").err, "two near names")
    must("did you mean" not in aether("zzzzzzzz").err, "nothing is near")
    bad(2, "AETHER_EUSAGE", "creat", says="did you mean create?")
    bad(2, "AETHER_EUSAGE", "x" * 5000)
    must("verb 'a\\x1B[31mb'" in aether("a\x1b[31mb").err, "escaped")
    bad(2, "AETHER_EUSAGE", "--nothing")


def test_instruction_set():
    """AETHER_ISA is heeded, or a usage error of every verb that slices."""
    def run(isa, *words):
        return subprocess.run([BIN, *words], capture_output=True, text=True,
                              env=tool.environment(AETHER_ISA=isa))

    must("instruction set scalar" in run("scalar", "--version").stdout,
         "scalar is in use")
    same(run("", "ls").returncode, 0, "empty is as unset")
    for isa in ("none", "GFNI", "avx", "\x1b[31m" + "x" * 5000):
        for verb in SLICING:
            result = run(isa, verb, "--json")
            same(result.returncode, 2, f"AETHER_ISA={isa[:9]!r} {verb}")
            error = json.loads(result.stdout)
            same((error["verb"], error["ok"], error["code"]),
                 (verb, False, "AETHER_EUSAGE"), verb)
            must("AETHER_ISA is" in error["message"]
                 and "set it to one of: scalar" in error["message"],
                 error["message"])
            must("\x1b" not in result.stderr, "escaped")
    same(run("none", "--version").returncode, 0, "--version is no verb")
    same(run("none", "ls").returncode, 0, "ls slices nothing")


def test_usage_errors_of_every_verb():
    for verb in VERBS:
        bad(2, "AETHER_EUSAGE", verb, "--no-such-option",
            says="--no-such-option")
    for verb in "create destroy map who reap guard slice unslice strerror".split():
        bad(2, "AETHER_EUSAGE", verb)
    for verb in "create destroy map who reap layout strerror".split():
        bad(2, "AETHER_EUSAGE", verb, "a", "b")
    for verb in "ls chaos".split():
        bad(2, "AETHER_EUSAGE", verb, "a")


def test_options_before_and_after():
    good("create", "--strides", "64", "before")
    good("create", "after", "--strides", "64")
    good("create", "--strides=64", "--", "equal")
    same([p["strides"] for p in good_json("ls")["planes"]], [64] * 3, "ls")


def test_standard_output_that_fails():
    good("create", "p", "--strides", "8192")
    for words in (["--help"], ["--version"], ["ls"], ["create", "--help"],
                  ["map", "p", "--json"], ["map", "p"], ["layout"],
                  ["strerror", "--all"]):
        with open("/dev/full", "wb") as full:
            result = aether(*words, stdout=full)
        same(result.status, 1, f"{words} to a full device")
        must("cannot write standard output" in result.err, result.err)
    closed = subprocess.run(["sh", "-c", f'exec "{BIN}" ls >&-'],
                            env=tool.environment(), capture_output=True)
    same(closed.returncode, 1, "standard output closed")


# ---- create and destroy

def test_create_sizes():
    for strides in (256, 1024, 8192):
        made = good_json("create", f"s{strides}", "--strides", strides,
                         keys=CREATE_KEYS)
        same(made["strides"], strides, "strides")
        same(made["stride_size"], 131072, "default stride size")
        same(made["data_size"], strides * 131072, "data")
        same(made["tables_size"], made["plane_size"] - made["data_size"],
             "tables")
        same(plane_file(f"s{strides}").stat().st_size, made["plane_size"],
             "file size")
        must(made["participants"] == 64, "slots", made)
        if strides == 1024:
            must(made["tables_size"] <= 0.01 * made["plane_size"],
                 "metadata over 1 %", made)
        good("destroy", f"s{strides}")


def test_create_stride_sizes():
    for power in range(12, 25):
        made = good_json("create", "p", "--stride", 1 << power, "--strides",
                         max(8, (4 << 20) >> power), "--participants", 1)
        same(made["stride_size"], 1 << power, "stride size")
        good("destroy", "p")
    for text, size in (("4K", 4096), ("64KiB", 65536), ("1M", 1 << 20),
                       ("16MiB", 1 << 24), ("128k", 131072)):
        made = good_json("create", "p", "--stride", text, "--strides",
                         (64 << 20) // size, "--participants", 4)
        same(made["stride_size"], size, text)
        good("destroy", "p")


def test_create_tiers():
    for tier, megabytes in (("light", 32), ("moderate", 64), ("heavy", 128),
                            ("dedicated", 256)):
        made = good_json("create", "p", "--tier", tier)
        same(made["data_size"], megabytes << 20, tier)
        good("destroy", "p")
    same(good_json("create", "p")["data_size"], 32 << 20, "default tier")
    bad(2, "AETHER_EUSAGE", "create", "x", "--tier", "tiny", says="light")
    bad(2, "AETHER_EUSAGE", "create", "x", "--tier", "light", "--strides",
        "256", says="exclude")


def test_create_bad_numbers():
    for option, values in {
            "--strides": ("0", "-1", "x", "", "1TiB", "65537", "1.5", " 1",
                          "+1", "99999999999999999999999"),
            "--stride": ("0", "-4096", "x", "", "1TiB", "4095", "2K", "32M",
                         "12K", "4KB", "4 K", "4Q", "16777216T",
                         "18014398509481988K"),     # 4096, if it wrapped
            "--participants": ("0", "-1", "65", "x", ""),
            "--mode": ("", "x", "8", "999", "1777", "-600", "0", "400",
                       "0600x"),
            "--layout": ("", "x", "LEAN"),
            "--group": ("", "no-such-group", "-1", "4294967295")}.items():
        for value in values:
            bad(2, "AETHER_EUSAGE", "create", "x", option, value,
                says=f"'{value}'")
            bad(2, "AETHER_EUSAGE", "create", "x", f"{option}={value}")
    same(os.listdir(tool.planes), [], "left behind")


def test_create_bad_geometry():
    bad(1, "AETHER_EGEOMETRY", "create", "x", "--strides", "1", "--stride",
        "4K", says="%")
    bad(1, "AETHER_ENOSPC", "create", "x", "--strides", "65536", "--stride",
        "16M", says="1099")
    same(os.listdir(tool.planes), [], "left behind")


def test_plane_names():
    wrong = ["", "a/b", "/", "..", ".", ".x", "-x", "x" * 300, "x" * 201,
             "a b", "a\nb", "a\x1b[31m", "\u00e4", "a*", "../aether.p"]
    for name in wrong:
        for words in (("create",), ("destroy",), ("map",), ("who",),
                      ("reap",), ("layout",)):
            code = "AETHER_ENAME"
            if "/" in name and words[0] not in ("create", "destroy"):
                # the path of a socket, of which there is none
                code = "AETHER_EPLANE" if name == "/" else "AETHER_ENOENT"
            result = bad(1, code, *words, "--", name)
            must("\x1b" not in result.err, "a terminal is told", result.err)
    for name in ("a", "A.b_c-9", "x" * 200, "_"):
        good("create", name, "--strides", "64")
        must(plane_file(name).exists(), "the file of", name)
        good("destroy", name)
    same(os.listdir(tool.planes), [], "left behind")


def test_exists_and_does_not():
    good("create", "p", "--strides", "64")
    before = plane_file("p").stat().st_ino
    bad(1, "AETHER_EEXIST", "create", "p", says="'p'")
    same(plane_file("p").stat().st_ino, before, "the plane was replaced")
    good_json("destroy", "p", keys=["name"])
    for verb in ("destroy", "map", "who", "reap", "layout"):
        bad(1, "AETHER_ENOENT", verb, "p", says="'p'")
    same(os.listdir(tool.planes), [], "left behind")


def test_parallel_creates():
    words = [BIN, "create", "p", "--strides", "256", "--json"]
    many = [subprocess.Popen(words, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL,
                             env=tool.environment()) for _ in range(16)]
    outs = [one.communicate(timeout=tool.TIMEOUT)[0].decode() for one in many]
    same(sorted(one.returncode for one in many), [0] + [1] * 15, "one wins")
    same(sum('"AETHER_EEXIST"' in out for out in outs), 15, "others told")
    same(os.listdir(tool.planes), ["aether.p"], "left behind")
    good("map", "p")


def test_mode_and_group():
    def bits(name):
        return stat.S_IMODE(plane_file(name).stat().st_mode)

    good("create", "a", "--strides", "64")
    good("create", "b", "--strides", "64", "--mode", "640")
    same((bits("a"), bits("b")), (0o600, 0o640), "modes")
    if os.getuid():
        raise Skip("giving a plane to another group takes root")
    good("create", "c", "--strides", "64", "--group", "12345")
    good("create", "d", "--strides", "64", "--group", "tty", "--mode", "600")
    same((bits("c"), plane_file("c").stat().st_gid), (0o660, 12345), "c")
    same(bits("d"), 0o600, "d")
    same(plane_file("d").stat().st_gid, grp.getgrnam("tty").gr_gid, "by name")


def test_other_users_are_refused():
    if os.getuid():
        raise Skip("acting as another user takes root")
    os.chmod(tool.planes, 0o777)
    good("create", "p", "--strides", "64")
    as_other = {"user": 65534, "group": 65534, "extra_groups": []}
    bad(1, "AETHER_EACCES", "map", "p", **as_other)
    found = good_json("ls", **as_other)["planes"]
    same(found[0].get("code"), "AETHER_EACCES", "ls as another")
    os.chmod(tool.planes, 0o755)
    bad(1, "AETHER_EACCES", "create", "q", **as_other)
    bad(1, "AETHER_EACCES", "destroy", "p", **as_other)
    must(plane_file("p").exists(), "a plane was destroyed by another")


def test_huge_and_lock_are_explained():
    result = good("create", "p", "--strides", "64", "--huge", "--json")
    made = objects(result)[0]
    if made["huge_bytes"] < made["data_size"]:
        must("huge pages" in result.err and "shmem_enabled" in result.err,
             "huge pages are explained", result.err)
    else:
        same(result.err, "", "granted in full")
    tight = "ulimit -l 64; exec setpriv --bounding-set -ipc_lock " \
            f'--inh-caps -ipc_lock "{BIN}" create q --strides 64 --lock --json'
    done = subprocess.run(["sh", "-c", tight], env=tool.environment(),
                          capture_output=True, text=True)
    same(done.returncode, 0, f"locking refused: {done.stderr}")
    if tool.INSTRUMENTED:
        return      # sanitizers let no process lock memory, and say it did
    must("RLIMIT_MEMLOCK" in done.stderr, "locking explained", done.stderr)
    must('"locked_bytes":0' in done.stdout, "locked", done.stdout)


def test_zero():
    same([good_json("create", name, "--strides", "64", *more)["zero"]
          for name, more in (("p", []), ("q", ["--zero"]))], [False, True],
         "zero")
    must("zeroed" in good("create", "r", "--strides", "64", "--zero").out,
         "in words")
    for name, wanted in (("p", b"secret"), ("q", bytes(6))):
        data = [r["offset"] for r in good_json("layout", name)["regions"]
                if r["name"] == "dataPlane"][0]
        with tool.Member(name, "holder", reserve=1):
            tool.patch(name, data, b"secret")
        same(plane_file(name).read_bytes()[data:data + 6], wanted,
             "after the end of its lease")


def test_create_without_space():
    small = tool.planes / "small"
    small.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M", "none",
                            str(small)], capture_output=True)
    if mount.returncode:
        raise Skip("mounting a small file system takes root")
    try:
        bad(1, "AETHER_ENOSPC", "create", "p", env={"AETHER_DIR": str(small)},
            says="free")
        same(os.listdir(small), [], "left behind")
    finally:
        subprocess.run(["umount", str(small)], check=True)


def limited():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def test_create_over_a_file_limit():
    bad(1, "AETHER_ENOSPC", "create", "p", preexec_fn=limited)
    same(os.listdir(tool.planes), [], "left behind")


def test_directory_that_is_none():
    """Every verb that names a plane says which directory, by whom, what now:
    not that there is no such plane, which is true and helps nobody."""
    file = tool.planes / "file"
    file.write_text("text")
    words = [("ls",), ("run", "--plane", "p", file, tool.planes / "out"),
             ("ingress", "p", file), ("appliance", "p", "--burn", "none"),
             ("egress", "p", tool.planes / "out"),
             *((verb, "p") for verb in ("create", "destroy", "map", "who",
                                        "reap", "guard", "layout"))]
    for place, what in ((tool.planes / "nowhere", "there is no directory"),
                        (file, "is no directory")):
        for one in words:
            said = bad(1, "AETHER_ENOENT", *one, says=what,
                       env={"AETHER_DIR": str(place)}).err
            must(str(place) in said and "AETHER_DIR" in said and
                 "unset" in said, "names, and advises:", said)
    long = {"AETHER_DIR": "/" + "n" * 200}
    bad(1, "AETHER_ENOENT", "who", "p", says="unset AETHER_DIR.", env=long)
    bad(1, "AETHER_ENOENT", "who", "p", says="there is no plane 'p' in")
    same(os.listdir(tool.planes), ["file"], "nothing is left")
    for verb in (("layout",), ("run", file, "-")):
        good(*verb, env={"AETHER_DIR": str(file)})   # they need no name


# ---- strerror and bench

def test_strerror():
    same(len({good("strerror", *w).out for w in
              (["-16"], ["16"], ["AETHER_EFULL"], ["EFULL"], ["efull"])}), 1,
         "all ways to say it")
    found = good_json("strerror", "-16",
                      keys="name number message remedy".split())
    same((found["name"], found["number"]), ("AETHER_EFULL", -16), "EFULL")
    all_of_them = good_json("strerror", "--all")["errors"]
    must(len(all_of_them) >= 36, "all", len(all_of_them))
    for one in all_of_them:
        alone = good_json("strerror", one["number"])
        same({k: alone[k] for k in one}, one, "alone and in the list")
        must(one["message"] and one["remedy"], "texts", one)
    good("strerror", "0")
    for code in ("-999", "nonsense", "", "AETHER_", "1x",
                 "99999999999999999999"):
        bad(1, "AETHER_EINVAL", "strerror", code)
    bad(2, "AETHER_EUSAGE", "strerror", "--all", "1")


def test_an_argument_too_many():
    """Said in our words: which one, what the form is, what to do."""
    for words, form in ((("ls", "p"), "ls;"), (("map", "p", "q r"), "map NAME;"),
                        (("grant", *"abcde"),
                         "grant SOCKET [WHO RIGHT [SEGMENTS]];"),
                        (("serve", *"abc"), "serve NAME SOCKET|SOCKET|"
                         "--anonymous SOCKET;"),
                        (("egress", "p", "out", "--", "-x"),
                         "egress NAME OUT;")):
        bad(2, "AETHER_EUSAGE", *words, says=f"'{words[-1]}' is one argument "
            f"too many, for the form is aether {form} leave it out, or quote")
    bad(2, "AETHER_EUSAGE", "map", "p", "\x1b[1m", says="'\\x1B[1m' is one")
    for verb in good("--help").out.splitlines():
        if verb.startswith("  ") and verb.split()[0] != "bench":
            wrong = aether(verb.split()[0], *"123456")
            must(wrong.status == 2 and ": Too" not in wrong.err, wrong)


def test_bench_finds_its_program():
    place = tool.planes / "bin"
    place.mkdir()
    copy = shutil.copy(BIN, place / "aether")
    bad(1, "AETHER_ENOENT", "bench", binary=copy, says=f"{place}/")
    script = '#!/bin/sh\necho "$(basename "$0") $*"\nexit 3\n'
    beside = place / "aether-bench"
    installed = tool.planes / "libexec" / "aether" / "aether-bench"
    installed.parent.mkdir(parents=True)
    for program in (installed, beside):
        program.write_text(script)
        if program is installed:
            bad(1, "AETHER_ESYS", "bench", binary=copy, says="cannot run")
        program.chmod(0o755)
        result = aether("bench", "handoff", "--json", binary=copy)
        same(result.status, 3, "the status is the program's")
        same(sorted(result.out.split()), ["--json", "aether-bench", "handoff"],
             "its arguments")


TESTS = [value for name, value in list(globals().items())
         if name.startswith("test_")]
if __name__ == "__main__":
    sys.exit(tool.run(TESTS))
