#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attacks of docs/threats.md that meet the tool: bytes for a terminal, an
environment for a program with more rights than its caller."""
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (BIN, HEADER, INSTRUMENTED, ROOT, Member, Skip,  # noqa: E402
                  aether, good, good_json, must, patch, plane_file, same)

sys.path.insert(0, str(ROOT / "build" / "gen" / "python"))
import aether_layout as L  # noqa: E402

NOBODY = 65534
NAME = 32   # bytes of a participant's, with the zero
# what terminals act on, what turns writing round, what is no UTF-8 at all
HOSTILE = (b"\x1b]0;gone\x07\x1b[2J", b"\x9b31m\x84", b"\xc2\x9b31m\xc2\x85",
           b"a\nslot 1\r\n\tb\x7f", b"\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8",
           b"\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80", b"%s%n\"\\',}]{[")
VERBS = ("who", "doctor", "map", "reap", "layout")


def number(offset):
    with open(plane_file("p"), "rb") as file:
        file.seek(offset)
        return int.from_bytes(file.read(8), "little")


def is_tame(text):
    return all(c == "\n" or ord(c) >= 0xA0 or " " <= c <= "~" for c in text) \
        and not any(c in "\u202e\u2066\u2028" for c in text)


def strings(value):
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else \
            value if isinstance(value, list) else ():
        yield from strings(inner)


def check_all_verbs(text):
    named = set()
    for verb in VERBS:
        for words in ((verb, "p"), (verb, "p", "--json")):
            result = aether(*words)
            out = result.raw.decode("utf-8")    # or it fails
            must(is_tame(out) and is_tame(result.err), f"{words} prints",
                 result.raw, result.err)
            if "\\x" in out or text in result.raw:
                named.add(verb)
        for line in out.splitlines():
            for value in strings(json.loads(line)):
                must(is_tame(value), f"{words}: a string", value)
    same(named, {"who", "doctor"}, f"who names him: {text}")


def test_bytes_for_a_terminal():
    good("create", "p", "--strides", "256")
    seats = number(HEADER + L.FIELD_HEADER_PARTICIPANTS_OFFSET)
    leases = number(HEADER + L.FIELD_HEADER_LEASES_OFFSET)
    with Member("p", "victim", reserve=1):
        slot = good_json("who", "p")["participants"][0]
        name = (seats + slot["slot"] * L.RECORD_PARTICIPANT_SIZE +
                L.FIELD_PARTICIPANT_NAME)
        # so that the doctor has something to say of him
        patch("p", leases + slot["strides"][0] * L.RECORD_LEASE_SIZE +
              L.FIELD_LEASE_LENGTH, b"\xff" * 8)
        for text in HOSTILE:
            patch("p", name, text.ljust(NAME, b"\0"))
            check_all_verbs(text)
        patch("p", name, b"\x1b" * NAME)    # no zero at its end
        check_all_verbs(b"\x1b")


def test_an_environment_for_more_rights():
    """A program that has more rights than its caller takes no directory of
    planes from him."""
    if os.geteuid() != 0:
        raise Skip("needs root to give rights")
    place = Path(tempfile.mkdtemp(prefix="aether-setuid-"))
    try:
        if os.statvfs(place).f_flag & os.ST_NOSUID or INSTRUMENTED:
            raise Skip("no set-user-ID programs here")
        place.chmod(0o755)
        plain = shutil.copy(BIN, place / "plain")
        more = shutil.copy(BIN, place / "more")
        os.chmod(more, 0o4755)
        good("create", "p", "--strides", "64", "--mode", "666")
        tool.planes.chmod(0o755)
        other = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        same([r["name"] for r in
              good_json("ls", binary=plain, **other)["planes"]], ["p"],
             "as its caller, it looks where it is told")
        must("p" not in [r["name"] for r in
                         good_json("ls", binary=more, **other)["planes"]],
             "with more rights it does not")
    finally:
        shutil.rmtree(place)


sys.exit(tool.run([test_bytes_for_a_terminal,
                   test_an_environment_for_more_rights]))
