#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""doctor: says of each thing that is done to a plane what it is, and repairs
what can be repaired; has nothing to say of planes that are sound, at rest, at
work, or left by the dead."""
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from tool import (BIN, HEADER, ROOT, TIMEOUT, Member, aether,  # noqa: E402
                  bad, good, must, objects, patch, same)

sys.path.insert(0, str(ROOT / "build" / "gen" / "python"))
import aether_layout as L  # noqa: E402

STRIDES = 16
GENERATION = 1 << L.LEASE_GENERATION_SHIFT


def create(layout="lean"):
    good("create", "p", "--layout", layout, "--strides", STRIDES)
    return Plane()


class Plane:
    """The file of the plane, by what lies in it."""

    def __init__(self):
        self.path = tool.plane_file("p")
        self.places = self.number(HEADER + L.FIELD_HEADER_PLACES, 4)

    def number(self, offset, size=8):
        with open(self.path, "rb") as file:
            file.seek(offset)
            return int.from_bytes(file.read(size), "little")

    def put(self, offset, value, size=8):
        patch("p", offset, value.to_bytes(size, "little"))

    def table(self, field):
        return self.number(HEADER + field)

    def lease(self, index, field=L.FIELD_LEASE_WORD):
        return (self.table(L.FIELD_HEADER_LEASES_OFFSET) +
                index * L.RECORD_LEASE_SIZE + field)

    def seat(self, slot, field=L.FIELD_PARTICIPANT_SEAT):
        return (self.table(L.FIELD_HEADER_PARTICIPANTS_OFFSET) +
                slot * L.RECORD_PARTICIPANT_SIZE + field)

    def place(self, slot, at):
        return (self.table(L.FIELD_HEADER_MAILBOXES_OFFSET) +
                8 * (slot * self.places + at))

    def register(self):
        return self.table(L.FIELD_HEADER_REGISTERS_OFFSET)


def doctor(*words):
    """Exit status and findings, by name."""
    result = aether("doctor", "p", "--json", *words)
    found = objects(result)
    same(len(found), 1, f"objects {result}")
    for finding in found[0]["findings"]:
        must({"what", "where", "whom", "wrong", "repairable", "repaired",
              "why"} <= set(finding), "keys", finding)
        must(finding["repairable"] or not finding["repaired"],
             "what is repaired could be", finding)
    same(found[0]["ok"], result.status == 0, "ok and the status")
    return result.status, found[0]["findings"]


def names(findings, **having):
    return sorted(f["what"] for f in findings
                  if all(f[k] == v for k, v in having.items()))


def wrong(*words):
    status, findings = doctor(*words)
    same(status, 3, f"status {findings}")
    return names(findings, wrong=True)


def healthy(text):
    status, findings = doctor()
    same((status, names(findings, wrong=True)), (0, []), text)


def repaired(*what, notes=()):
    """These are wrong; a repair mends them; then nothing is wrong."""
    status, findings = doctor()
    same((status, names(findings, wrong=True)), (3, sorted(what)), "found")
    must(all(f["repairable"] for f in findings if f["wrong"]), "can be",
         findings)
    status, findings = doctor("--repair")
    same(status, 0, f"status of a repair that mends all: {findings}")
    must(set(names(findings, repaired=True)) >= set(what) | set(notes),
         "repaired", findings)
    status, findings = doctor()
    same((status, findings), (0, []), "afterwards")


def test_nothing():
    for layout in ("lean", "inos"):
        create(layout)
        same(doctor(), (0, []), "a new plane")
        same(doctor("--repair"), (0, []), "repair of a new plane")
        must("nothing" in good("doctor", "p").out, "says so in words")
        good("destroy", "p")


def test_usage():
    bad(2, "AETHER_EUSAGE", "doctor", says="NAME")
    bad(2, "AETHER_EUSAGE", "doctor", "p", "q")
    bad(1, "AETHER_ENOENT", "doctor", "p", says="no plane")
    must("--repair" in good("doctor", "--help").out, "help")


def test_header():
    plane = create()
    for field in (L.FIELD_HEADER_MAGIC, L.FIELD_HEADER_FORMAT,
                  L.FIELD_HEADER_LAYOUT_HASH, L.FIELD_HEADER_LEASES_OFFSET,
                  L.FIELD_HEADER_TAG + 1):
        byte = plane.number(HEADER + field, 1)
        plane.put(HEADER + field, byte ^ 0x40, 1)
        for words in ((), ("--repair",)):
            status, findings = doctor(*words)
            same((status, names(findings), findings[0]["repairable"]),
                 (3, ["header"], False), f"header byte {field}")
        plane.put(HEADER + field, byte, 1)
    with open(plane.path, "r+b") as file:
        file.truncate(plane.table(L.FIELD_HEADER_PLANE_SIZE) - 4096)
    status, findings = doctor()
    same((status, names(findings)), (3, ["header"]), "truncated")
    must("bytes" in findings[0]["why"], "says the sizes", findings)


def test_lease_words():
    plane = create()
    seat, stamp = L.LEASE_SEAT_SHIFT, L.LEASE_STAMP_SHIFT
    plane.put(plane.lease(2), 5)                        # no such state
    plane.put(plane.lease(3), L.STATE_BUSY | 3 << seat | 9 << stamp)
    plane.put(plane.lease(4), L.STATE_ROUTED | 3 << seat | 9 << stamp)
    plane.put(plane.lease(5), L.STATE_ENDING | 60 << seat)
    plane.put(plane.lease(6), L.STATE_CONT | 7 << 3)    # before the plane
    plane.put(plane.lease(8), L.STATE_CONT | 1 << 3)    # of a free one
    plane.put(plane.lease(10), 1 << 63 | 5 * GENERATION)    # free, suspect
    plane.put(plane.lease(11), L.STATE_SHARED | 7 * GENERATION)
    plane.put(plane.lease(12), L.STATE_SHARED)          # read by nobody
    repaired("leaseState", "leaseGone", "leaseGone", "leaseGone", "tail",
             "tail", "leaseBits", "readers", "readersGone",
             notes=["registerClear"])
    # what was freed has another generation, so that no old name of it works
    for index in (2, 3, 4, 6, 8, 11, 12):
        must(plane.number(plane.lease(index)) >= GENERATION, "stride", index)
    same(plane.number(plane.lease(11)), 9 * GENERATION, "generation")


def test_one_word_twice():
    """Faults that lie over each other in one word are mended by one repair."""
    plane = create()
    for word in (1 << 63 | L.STATE_CONT, 0x40E2A20A1BD7CE73):
        plane.put(plane.lease(9), word)
        must("leaseBits" in wrong(), "bits that its state does not have", hex(word))
        status, findings = doctor("--repair")
        same((status, names(findings, repaired=False, wrong=True)), (0, []), f"{findings}")
        healthy("after one repair")


def test_slot_that_there_is_not():
    good("create", "p", "--strides", STRIDES, "--participants", 4)
    plane = Plane()
    plane.put(plane.lease(0), L.STATE_BUSY | 5 << L.LEASE_SEAT_SHIFT)
    repaired("leaseSlot")


def test_registers():
    plane = create()
    plane.put(plane.register(), plane.number(plane.register(), 4) | 4, 4)
    status, findings = doctor()
    same((status, names(findings)), (0, ["registerSet"]), "a note alone")
    same(doctor("--repair")[0], 0, "repair")
    same(doctor(), (0, []), "afterwards")


def test_seats():
    plane = create()
    plane.put(plane.seat(3), 6 | 1 << 3)
    plane.put(plane.seat(4), L.SEAT_ACTIVE | 1 << 40)
    plane.put(plane.seat(5), L.SEAT_DEAD | 1 << 3)
    plane.put(plane.seat(6, L.FIELD_PARTICIPANT_HEIR), 1 << 62)
    repaired("seatState", "seatStamp", "seatDead", "seatDead", "seatStamp",
             "heir")


def test_a_living_seat():
    plane = create()
    with Member("p", "one", reserve=2):
        word = plane.number(plane.seat(0))
        plane.put(plane.seat(0), L.SEAT_FREE)
        found = wrong()
        must("seatLost" in found, "lost", found)
        status, findings = doctor()
        must(all(f["whom"].startswith("slot 0") for f in findings
                 if f["what"] in ("seatLost", "leaseGone")), "whom", findings)
        plane.put(plane.seat(0), word)
        healthy("as it was")
        plane.put(HEADER + L.FIELD_HEADER_JOINS, 0)
        same(wrong(), ["seatStamp"], "counter of joins")
        same(doctor("--repair")[0], 0, "it is raised again")
        must(plane.number(HEADER + L.FIELD_HEADER_JOINS) >= 1, "raised")
    healthy("left")


def test_content():
    """What the living hold is told, and left to them."""
    plane = create()
    with Member("p", "one", reserve=1):
        index = next(i for i in range(STRIDES) if plane.number(plane.lease(i)))
        plane.put(plane.lease(index, L.FIELD_LEASE_LENGTH), 1 << 50)
        plane.put(plane.lease(index, L.FIELD_LEASE_RUN), 3, 4)
        for words in ((), ("--repair",)):
            status, findings = doctor(*words)
            same((status, names(findings)),
                 (3, ["leaseContent", "leaseRun"]), "told")
            must(all("one" in f["whom"] and not f["repairable"]
                     for f in findings), "whom", findings)
    healthy("left")


def test_mail():
    plane = create()
    with Member("p", "to", reserve=0):
        with Member("p", "from", reserve=1, to="to"):
            healthy("on its way")
            at = plane.place(0, 0)
            same(plane.number(at) & 1, 1, "an entry")
            plane.put(at, 0)
            status, findings = doctor()
            same((status, names(findings)), (0, ["routeLate"]), "a note")
            plane.put(plane.seat(0, L.FIELD_PARTICIPANT_PARKED), 1, 4)
            status, findings = doctor()
            same((status, names(findings)), (3, ["route"]), "it sleeps")
            must("to" in findings[0]["whom"], "whom", findings)
            same(doctor("--repair")[0], 0, "entered again")
            same(plane.number(at) & 1, 1, "an entry again")
            plane.put(plane.seat(0, L.FIELD_PARTICIPANT_PARKED), 0, 4)
            healthy("afterwards")
    healthy("left")


def test_boxes():
    plane = create()
    plane.put(plane.place(7, 3), 77 << 32)              # lap 77
    plane.put(plane.place(7, 4), 1 | 900 << 1)          # no such stride
    plane.put(plane.place(7, 5), 1 | 2 << 1)            # of a free one
    plane.put(plane.seat(8, L.FIELD_PARTICIPANT_HEAD), 12345678 << 20)
    for at in range(plane.places):
        plane.put(plane.place(9, at), (at * 0x1234567 & 0xffffffff) << 32)
    repaired("placeLap", "placeStride", "boxHead", "box",
             notes=["placeEntry"])
    # and the boxes are good for something
    members = [Member("p", f"m{i}") for i in range(10)]
    try:
        with Member("p", "from", reserve=1, to="m9"):
            healthy("mail to the mended box")
    finally:
        for member in members:
            member.__exit__()
    healthy("left")


def test_the_dead():
    plane = create()
    with Member("p", "dead", reserve=3) as dead:
        dead.kill()
    found = wrong()
    same(found, ["seatDead"], "what it left")
    concerned = f"slot 0 (dead, pid {dead.pid}, dead)"
    same(doctor()[1][0]["whom"], concerned, "whom")
    status, findings = doctor("--repair")
    same((status, [(f["what"], f["whom"]) for f in findings]),
         (0, [("seatDead", concerned)]), "settled, and whose it was")
    same(doctor(), (0, []), "afterwards")
    with Member("p", "again", reserve=1) as dead:
        dead.kill()
    must(f"; slot 0 (again, pid {dead.pid}, dead) (repaired)" in
         good("doctor", "--repair", "p").out, "in words")


def test_words():
    plane = create("inos")
    guards, pairs = objects(good("layout", "--layout", "inos", "--json"))[0], 0
    pairs = [p["name"] for p in guards["pairs"]]
    held = 1 | 5 << 1 | 3 << 7 | 2 << 24
    spot = places_of("inos")
    plane.put(spot["epoch"] + 24 * (L.IDX_SUPERVISOR_POOL + 1) + 16, held)
    single = next(i for i, g in enumerate(guards["guards"])
                  if g["mode"] == "single")
    other = next(i for i, g in enumerate(guards["guards"])
                 if g["mode"] != "single")
    plane.put(spot["guard"] + 64 * single, held)
    plane.put(spot["guard"] + 64 * other, held)
    plane.put(spot["pair"], 3)                          # no such buffer
    plane.put(spot["pins"] + 1152 + 64 + 8 * 5, 1 | 3 << 3)
    status, findings = doctor()
    same(status, 3, "status")
    same(names(findings), sorted(["epochOwner", "guardWriter", "guardMode",
                                  "pairState", "pin"]), "found")
    wheres = " ".join(f["where"] for f in findings)
    must(pairs[0] in wheres and guards["guards"][single]["region"] in wheres,
         "by their names", wheres)
    same(doctor("--repair")[0], 0, "repair")
    same(doctor(), (0, []), "afterwards")
    plane.put(spot["pair"] + 16, 1, 4)                  # half written
    status, findings = doctor("--repair")
    same((status, names(findings), findings[0]["repairable"]),
         (3, ["pairBegun"], False), "the next commit mends it")


def test_what_pairs_keep():
    """A run that its pair does not name, tails and all; what it names; a run
    whose tails are not as many as it says."""
    plane = create("inos")
    spot = places_of("inos")
    name, word = spot["pins"] + 1104, L.STATE_KEPT | 7 * GENERATION
    tag = plane.number(HEADER + L.FIELD_HEADER_TAG, 1)

    def run(word):
        plane.put(plane.lease(2), word)
        plane.put(plane.lease(2, L.FIELD_LEASE_RUN), 2, 4)
        plane.put(plane.lease(3), L.STATE_CONT | 1 << 3)
        plane.put(plane.register(), 12, 4)

    run(word)
    repaired("keptUnnamed")
    same(plane.number(plane.lease(2)), 9 * GENERATION, "ended, then freed")
    same(plane.number(plane.lease(3)), GENERATION, "its tail")
    for odd in (63 << L.KEPT_PAIR_SHIFT, 3 << L.KEPT_BUFFER_SHIFT):
        run(word | odd)
        repaired("keptPair")
    run(word)
    plane.put(name, 2 | tag << 16 | 7 << 24)
    same(doctor(), (0, []), "named, and its tail")
    same(doctor("--repair"), (0, []), "is left")
    plane.put(plane.lease(2, L.FIELD_LEASE_RUN), 3, 4)
    for words in ((), ("--repair",)):
        status, findings = doctor(*words)
        same((status, names(findings), findings[0]["repairable"]),
             (3, ["keptRun"], False), "the next writer mends it")
    plane.put(name, 2 | tag << 16 | 8 << 24)
    repaired("keptUnnamed")
    same(doctor(), (0, []), "a name in vain is stale")


def test_withdrawals():
    plane = create()
    at = plane.seat(0, L.FIELD_PARTICIPANT_WITHDRAWAL)
    with Member("p", "one"):
        of = (plane.number(plane.seat(0)) >> 3) << L.WITHDRAWAL_OF_SHIFT
        plane.put(at, 1 | 2 << 1 | 3 << 17 | of)
        same(doctor(), (0, []), "one that can be")
        plane.put(at, 1 | 60000 << 1 | of)
        status, findings = doctor()
        same((status, names(findings)), (0, ["withdrawal"]), "a note")
        must("one" in findings[0]["whom"], "whom", findings)
        same(doctor("--repair")[0], 0, "repair")
        same((doctor(), plane.number(at)), ((0, []), 0), "afterwards")
        plane.put(at, 1 | 60000 << 1)
        same(doctor(), (0, []), "what an earlier tenant left")


def test_gone():
    """Holder words that say gone; of pairs and guards they may, if nobody
    holds them."""
    create("inos")
    plane, spot = Plane(), places_of("inos")
    guards = objects(good("layout", "--layout", "inos", "--json"))[0]["guards"]
    single = next(i for i, g in enumerate(guards) if g["mode"] == "single")
    gone = 1 << L.HOLDER_GONE_SHIFT | 2 << L.HOLDER_GENERATION_SHIFT
    plane.put(spot["pair"] + 8, gone)
    same(doctor(), (0, []), "a pair's may")
    plane.put(spot["guard"] + 64 * single, gone)
    same(doctor(), (0, []), "a guard's may")
    plane.put(spot["guard"] + 64 * single, gone | 1 << L.HOLDER_SLOT_SHIFT)
    plane.put(spot["epoch"] + 24 * (L.IDX_SUPERVISOR_POOL + 1) + 16, gone)
    plane.put(spot["pair"] + 8, gone | 1 << L.HOLDER_SLOT_SHIFT)
    repaired("guardBits", "epochBits", "pairBits")
    same(plane.number(spot["pair"] + 8) & (1 << 24) - 1,
         1 << L.HOLDER_GONE_SHIFT, "and the next writer is told")
    same(plane.number(spot["guard"] + 64 * single) & (1 << 24) - 1,
         1 << L.HOLDER_GONE_SHIFT, "and the next holder counts it")


def test_notes_that_can_be_repaired():
    """The field means of notes what it means of faults."""
    plane, spot = create("inos"), places_of("inos")
    plane.put(spot["pair"] + 8, 1 | 5 << 1 | 3 << 7 | 2 << 24)  # a gone one's
    plane.put(spot["pins"] + 1152 + 64 + 8 * 5, 1 | 3 << 3)
    plane.put(plane.register(), plane.number(plane.register(), 4) | 4, 4)
    plane.put(4 * L.IDX_PANIC_STATE, 1, 4)
    text = good("doctor", "p").out
    same(text.count("(note, can be repaired)"), 3, text)
    same(text.count("(note)"), 1, text)
    can = {"panic": False, "pairWriter": True, "pin": True,
           "registerSet": True}
    for words, repaired in (((), set()), (("--repair",), set(can) - {"panic"})):
        status, findings = doctor(*words)
        same((status, {f["what"]: f["repairable"] for f in findings}),
             (0, can), "notes")
        same(set(names(findings, repaired=True)), repaired, "repaired")
    same(names(doctor()[1]), ["panic"], "afterwards")


def places_of(layout):
    """Where the records of the layout lie, from the generated header."""
    text = (ROOT / "build/gen/aether/layout.h").read_text()
    part = text[text.index(f"#define AETHER_LAYOUT_{layout.upper()}_RECORDS"):]
    found = {}
    for line in part.replace("\\\n", " ").split("\n")[0].split("X(")[1:]:
        name, offset = line.split(",")[:2]
        found[name.strip()] = eval(offset.strip().rstrip("u"),
                                   {"UINT64_C": int})
    return found


def test_at_work():
    """A plane at work has nothing wrong, whenever one looks."""
    source = tool.planes / "in"
    source.write_bytes(bytes(range(256)) * 4096 * 160)
    good("create", "p", "--strides", 8)
    work = subprocess.Popen(
        [BIN, "run", "--plane", "p", "--burn", "xor:5A", "--burn", "xor:5A",
         str(source), "/dev/null"], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, env=tool.environment())
    looks = 0
    try:
        while work.poll() is None or looks < 2:
            healthy("at work")
            looks += 1
    finally:
        work.kill()
        work.communicate(timeout=TIMEOUT)


if __name__ == "__main__":
    sys.exit(tool.run([test_nothing, test_usage, test_header, test_lease_words, test_one_word_twice,
                       test_slot_that_there_is_not, test_registers, test_seats,
                       test_a_living_seat, test_content, test_mail, test_boxes,
                       test_the_dead, test_words, test_what_pairs_keep,
                       test_withdrawals, test_gone,
                       test_notes_that_can_be_repaired, test_at_work]))
