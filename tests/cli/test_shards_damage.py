#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shards that are damaged, or are not what they seem: whatever m of them are,
at each place of the file, the file comes back and repair makes all of them
again; one more is an error that names them. What was not written by aether
encode is hostile."""
import os
import random
import shutil
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tool  # noqa: E402
from shards import GROUP, PAGE, STRIDE, Header, Place, xxh3  # noqa: E402
from tool import aether, bad, good, must, same  # noqa: E402

SIZE = 9 * 4 * STRIDE + 1000     # ten stripes


def survives(damage, wrong, size=SIZE, k=4, m=2):
    """Damages a directory; decode, check and repair see to it."""
    with Place(size, k, m) as p:
        damage(p)
        p.decode()
        same(p.check(), wrong, "what check finds")
        p.repair(wrong)
        p.decode()
        p.clean()


def test_a_byte_anywhere():
    with Place(SIZE) as p:
        h = p.header()
        length = h.shard_length()
        places = [0, 8, 12, 16, 31, 32, 36, 40, 44, 48, 56, 64, 4087, 4088, 4095]
        places += [PAGE, PAGE + STRIDE - 1, h.at(5) + 7, h.at(9), h.block_at(0) - 1]
        places += [h.block_at(0) + i for i in (0, 8, 24, 28, 32, 40, 56, 64, 4087, 4095)]
        places += random.Random(3).sample(range(length), 12)
        for number, at in enumerate(places):
            shard = number % 6
            before = p.shard(shard).read_bytes()
            p.flip(shard, at)
            p.decode()
            wrong = p.check()
            must(list(wrong) == [shard] and wrong[shard] != "missing", f"at {at}:", wrong)
            p.repair(wrong)
            must(p.shard(shard).read_bytes() == before, f"byte {at} is not as it was")


def test_each_stripe_may_lose_others():
    """More shards than m are damaged, but at no place more than m."""
    def damage(p):
        h = p.header()
        for stripe in range(h.stripes):
            for number in (stripe % 6, (stripe + 2) % 6):
                p.flip(number, h.at(stripe) + stripe)

    survives(damage, {n: "damaged" for n in range(6)})


def test_one_too_many_in_one_stripe():
    with Place(SIZE) as p:
        for number in (0, 3, 5):
            p.flip(number, p.header().at(7))
        p.lost([f"at byte {7 * 4 * STRIDE} of the file 4 shards are needed, and 3 are good",
                "missing: none; damaged there: 0, 3, 5;"], late=True)
        same(p.check(), {0: "damaged", 3: "damaged", 5: "damaged"})
        must(not p.checked["decodable"], "check says that it can be decoded")
        same([s["strides_damaged"] for s in p.checked["shards"]], [1, 0, 0, 1, 0, 1])
        p.clean()


def test_what_is_too_much_is_named():
    with Place(SIZE) as p:
        p.lose(1)
        for number in (0, 5):
            p.flip(number, p.header().at(7))
        said = aether("decode", p.dir, "-o", p.out).err
        must(f"at byte {7 * 4 * STRIDE} of the file 4 shards are needed, and 3 are good; "
             "missing: 1; damaged there: 0, 5;" in said, "decode says:", said)


def test_truncated():
    for left in (0, 100, PAGE - 1, PAGE, PAGE + 3 * STRIDE, -1, -PAGE):
        def damage(p, left=left):
            length = p.header().shard_length()
            os.truncate(p.shard(2), left if left >= 0 else length + left)

        word = "truncated" if left < 0 or left >= PAGE else "no-shard"
        survives(damage, {2: word})


def test_zero_length():
    survives(lambda p: [os.truncate(p.shard(n), 0) for n in (1, 4)],
             {1: "no-shard", 4: "no-shard"})


def test_zeros():
    def damage(p):
        p.write(1, 0, bytes(PAGE))
        p.write(3, 0, bytes(p.header(3).shard_length()))
    survives(damage, {1: "unfinished", 3: "unfinished"})


def test_longer():
    def damage(p):
        with open(p.shard(0), "ab") as file:
            file.write(b"more")
    survives(damage, {0: "longer"})


def test_duplicated():
    survives(lambda p: shutil.copy(p.shard(0), p.shard(4)), {4: "misnamed"})


def test_swapped():
    def damage(p):
        p.shard(0).rename(p.dir / "x")
        p.shard(5).rename(p.shard(0))
        (p.dir / "x").rename(p.shard(5))

    def check(p):
        damage(p)
        same(p.decode()["strides_rebuilt"], 0, "both are read for what they are")

    with Place(SIZE) as p:
        check(p)
    survives(damage, {0: "misnamed", 5: "misnamed"})


def test_all_moved_round():
    """Every shard under another's name: nothing is lost."""
    def damage(p):
        for number in range(6):
            p.shard(number).rename(p.dir / f"x{number}")
        for number in range(6):
            (p.dir / f"x{number}").rename(p.shard((number + 1) % 6))
    survives(damage, {n: "misnamed" for n in range(6)})


def cross(p):
    """The first three and the last three of seven under each other's names."""
    moved = {number: p.shard(number).read_bytes() for number in (0, 1, 2, 4, 5, 6)}
    for number, data in moved.items():
        p.shard((number + 4) % 8 if number < 3 else number - 4).write_bytes(data)


def test_repair_loses_nothing_on_its_way():
    """A name that cannot be replaced ends it; what other names held is needed."""
    with Place(SIZE, 4, 3) as p:
        cross(p)
        p.lose(3)
        p.shard(3).mkdir()
        p.decode()
        bad(1, "AETHER_EIO", "repair", p.dir, says="shard-003-of-007 in " + str(p.dir) +
            " is a directory, in the place of a shard; move it away")
        p.decode()
        p.shard(3).rmdir()
        wrong = p.check()
        same(wrong.pop(3), "missing")
        same(wrong, {n: "misnamed" for n in (0, 1, 2, 4, 5, 6)})
        p.repair(range(7))
        p.decode()
        p.clean()


def test_repair_shows_no_more_than_before():
    with Place(SIZE) as p:
        mask = os.umask(0o022)
        for number in range(6):
            p.shard(number).chmod(0o600 if number != 2 else 0o640)
        p.lose(1)
        p.flip(2, PAGE)
        p.repair([1, 2])
        os.umask(mask)
        same([p.shard(n).stat().st_mode & 0o777 for n in (1, 2)], [0o600, 0o640])
        if os.geteuid() == 0:
            for number in range(6):
                os.chown(p.shard(number), 65534, 65534)
            p.lose(1)
            p.repair([1])
            same(p.shard(1).stat().st_uid, 65534, "its owner")


def test_strides_swapped_within_a_shard():
    def damage(p):
        shard = p.shard(2).read_bytes()
        p.write(2, PAGE, shard[PAGE + STRIDE:PAGE + 2 * STRIDE])
        p.write(2, PAGE + STRIDE, shard[PAGE:PAGE + STRIDE])
    survives(damage, {2: "damaged"})


def test_blocks_swapped():
    """A good block in another's place is not believed."""
    def within(p):
        h = p.header(1)
        shard = p.shard(1).read_bytes()
        blocks = [shard[h.block_at(g):h.block_at(g) + PAGE] for g in (0, 1)]
        p.write(1, h.block_at(0), blocks[1])
        p.write(1, h.block_at(1), blocks[0])

    def between(p):
        at = p.header().block_at(0)
        p.write(0, at, p.shard(3).read_bytes()[at:at + PAGE])

    def groups(p):
        """With their strides: each stride fits its checksum."""
        shard = p.shard(1).read_bytes()
        size = GROUP * STRIDE + PAGE
        first, second = shard[PAGE:PAGE + size], shard[PAGE + size:PAGE + 2 * size]
        p.write(1, PAGE, second + first)

    survives(within, {1: "damaged"}, size=(GROUP + 2) * 4 * STRIDE)
    survives(groups, {1: "damaged"}, size=(2 * GROUP + 2) * 4 * STRIDE)
    survives(between, {0: "damaged"})


def test_foreign():
    with Place(SIZE) as p, Place(SIZE) as other:
        shutil.copy(other.shard(1), p.shard(1))
        shutil.copy(other.shard(2), p.shard(2))
        p.decode()
        same(p.check(), {1: "foreign", 2: "foreign"})
        p.repair([1, 2])
        # no majority: neither is guessed at
        for number in (0, 1, 2):
            shutil.copy(other.shard(number), p.shard(number))
        for verb in ("decode", "check", "repair"):
            words = [verb, p.dir] + (["-o", p.out] if verb == "decode" else [])
            status = 3 if verb == "check" else 1
            code = "AETHER_EVERIFY" if verb == "check" else "AETHER_EIO"
            said = bad(status, code, *words, says="holds as many shards of").err
            for one in (p, other):
                must(one.said["id"] in said, "it names both:", said)
        # the others have it
        shutil.copy(other.shard(3), p.shard(3))
        result = good("decode", p.dir, "-o", p.out)
        must(p.out.read_bytes() == other.data, result.err)
        p.clean()


def test_strays_are_left_alone():
    with Place(SIZE) as p, Place(SIZE, 3, 2) as other:
        shutil.copy(other.shard(0), p.dir / "shard-000-of-005")
        (p.dir / "shard-999-of-006").write_bytes(b"x")
        (p.dir / "notes").write_bytes(b"mine")
        (p.dir / "shard-1-of-6").write_bytes(b"no such name")
        p.lose(3)
        p.decode()
        same(p.check(), {3: "missing"})
        same(sorted(p.checked["strays"]), ["shard-000-of-005", "shard-999-of-006"])
        p.repair([3])
        same(sorted(p.checked["strays"]), ["shard-000-of-005", "shard-999-of-006"])
        same((p.dir / "notes").read_bytes(), b"mine")
        must("shard-999-of-006: does not belong here" in good("check", p.dir).out, "text")


def test_no_files():
    """Neither followed nor waited for; repair puts files in their places."""
    with Place(SIZE, 4, 4) as p:
        target = p.path / "d2"
        p.shard(0).rename(target)
        p.shard(0).symlink_to(target)
        p.lose(1, 2, 3)
        os.mkfifo(p.shard(1))
        p.shard(2).symlink_to("/dev/zero")
        p.shard(3).mkdir()
        p.decode()
        same(p.check(), {n: "not-a-file" for n in range(4)})
        # what is a directory has to be moved by whoever made it
        same(aether("repair", p.dir).status, 1)
        p.shard(3).rmdir()
        p.repair([n for n in range(4) if n in p.check()])
        must(not p.shard(0).is_symlink() and target.exists(), "the link's target")
        target.unlink()
        p.clean()


def test_unreadable():
    more = {"user": "nobody"} if os.geteuid() == 0 else {}
    with Place(SIZE) as p:
        p.path.chmod(0o755)
        p.shard(0).chmod(0)
        result = aether("decode", p.dir, "-o", "-", **more)
        must(result.status == 0 and result.raw == p.data, "decode:", result.err)
        result = aether("check", "--json", p.dir, **more)
        same((result.status, tool.objects(result)[0]["shards"][0]["state"]),
             (3, "unreadable"))


def forge(p, shard, **fields):
    h = p.header(shard)
    for name, value in fields.items():
        setattr(h, name, value)
    p.write(shard, 0, h.page())


def test_forged_headers():
    """With right checksums: nothing in them is believed."""
    huge = 1 << 62
    for fields, word in (
            ({"version": 2}, "unknown-version"), ({"flags": 1}, "unknown-version"),
            ({"number": 6}, "header-absurd"), ({"number": 1 << 31}, "header-absurd"),
            ({"k": 0}, "header-absurd"), ({"m": 0}, "header-absurd"),
            ({"k": 254}, "header-absurd"), ({"k": 0xFFFFFFFF, "m": 2}, "header-absurd"),
            ({"stride": 0}, "header-absurd"), ({"stride": 4095}, "header-absurd"),
            ({"stride": 1 << 31}, "header-absurd"), ({"size": huge}, "header-absurd"),
            ({"size": huge, "stripes": huge // (4 * STRIDE)}, "foreign"),
            ({"size": 1 << 63, "stripes": (1 << 63) // (4 * STRIDE)}, "header-absurd"),
            ({"size": (1 << 64) - 1, "stripes": 1 << 50}, "header-absurd"),
            ({"stripes": 11}, "header-absurd"), ({"size": SIZE + 1}, "foreign"),
            ({"m": 3}, "foreign"), ({"zeros": b"\1" * (PAGE - 72)}, "header-absurd"),
            ({"number": 1}, "misnamed"), ({"id": bytes(16)}, "foreign"),
            ({"magic": b"AETHPLAN"}, "no-shard")):
        with Place(SIZE) as p:
            forge(p, 0, **fields)
            same(p.check(), {0: word}, f"{fields}")
            p.decode()
            p.repair([0])


def test_a_forged_majority():
    """All headers agree on what cannot be: an error, soon, and no output."""
    huge = 1 << 55
    with Place(SIZE) as p:
        for number in range(6):
            forge(p, number, size=huge, stripes=-(-huge // (4 * STRIDE)))
        p.lost(["4 shards are needed, and 0 are good", "damaged there: 0-5"])
    with Place(SIZE) as p:
        for number in range(6):
            forge(p, number, k=3, m=3, stripes=-(-SIZE // (3 * STRIDE)))
        p.lost(["3 shards are needed"])


def test_forged_strides():
    """A stride changed together with its checksum: the others contradict it
    when it is computed, or it is what is given."""
    with Place(SIZE) as p:
        h = p.header(4)
        shard = bytearray(p.shard(4).read_bytes())
        shard[h.at(0)] ^= 1
        block = h.block_at(0)
        sum0 = xxh3(shard[h.at(0):h.at(1)])
        shard[block + 56:block + 64] = sum0.to_bytes(8, "little")
        shard[block + PAGE - 8:block + PAGE] = xxh3(shard[block:block + PAGE - 8]).to_bytes(
            8, "little")
        p.shard(4).write_bytes(shard)
        p.flip(0, PAGE)     # its checksum is still there
        p.lost(["the shards contradict each other"])


def test_forged_blocks():
    """Where zeros belong, and the checksum is right: it is not this version's."""
    for at in (40, 55, 56 + 8 * 10, PAGE - 9):
        with Place(SIZE) as p:
            start = p.header().block_at(0)
            page = bytearray(p.shard(2).read_bytes()[start:start + PAGE])
            page[at] = 1
            page[-8:] = xxh3(page[:-8]).to_bytes(8, "little")
            p.write(2, start, page)
            same(p.check(), {2: "damaged"}, f"at {at}")
            p.decode()
            p.repair([2])


def test_too_many_names():
    with Place(SIZE) as p:
        for number in range(1030):
            (p.dir / f"shard-{number % 1000:03}-of-{500 + number // 1000}").touch()
        for verb in ("check", "repair"):
            must("more than 1024 files" in aether(verb, p.dir).err, verb)


def test_random_damage():
    """Anything at all: the file, or an error; never another file, no crash."""
    chance = random.Random(11)
    outcomes = set()
    for _ in range(25):
        with Place(SIZE) as p:
            for _ in range(chance.randint(1, 12)):
                number = chance.randrange(6)
                length = p.shard(number).stat().st_size
                kind = chance.randrange(4)
                if kind == 0:
                    os.truncate(p.shard(number), chance.randrange(length + 1))
                else:
                    at = chance.choice([chance.randrange(4096), chance.randrange(length + 1)])
                    p.write(number, at, chance.randbytes(chance.randint(1, 5000)))
            result = aether("decode", p.dir, "-o", p.out)
            outcomes.add(result.status)
            if result.status == 0:
                must(p.out.read_bytes() == p.data, "another file")
                wrong = aether("check", p.dir)
                must(wrong.status in (0, 3), "check:", wrong)
                good("repair", p.dir)
                good("check", p.dir)
            else:
                must(not p.out.exists(), "an output")
                must(aether("check", p.dir).status == 3, "check")
                same(aether("repair", p.dir).status, 1)
            p.clean()
    same(outcomes, {0, 1}, "both come out")


if __name__ == "__main__":
    sys.exit(tool.run([t for name, t in list(globals().items()) if name.startswith("test_")]))
