# SPDX-License-Identifier: Apache-2.0
"""Every constant of the schema, for the languages that have no C header.

Names are those of C without AETHER_. What C has as structs and list macros is
here a constant for each number and text. The layout of PLAIN is spelled as its
specification does, without a prefix; each other layout is a space of its own.
A writer decides what its language makes of a space and of a kind.
"""
import json
import os
from dataclasses import dataclass

from c_names import COMMON_EPOCHS, COMMON_REGIONS, ENUMS, macro, upper

PLAIN = "inos"
TABLES = ("CONSTS", "ERRORS")       # what writers make besides constants
ALL_ROLES = 0xFFFFFFFF

# Layouts are modules, classes or objects somewhere; these cannot be.
RESERVED = frozenset("""
as async await break const continue crate dyn else enum extern false fn for gen
if impl in let loop match mod move mut pub ref return self static struct super
trait true type unsafe use where while abstract become box do final macro
override priv try typeof unsized virtual yield none consts errors
""".split())


@dataclass(frozen=True)
class Constant:
    name: str           # UPPER_CASE
    value: object       # int or str
    kind: str           # a key of the writers' tables, see KINDS
    doc: str = ""


# number: up to 32 bits; code: may be negative; size: an offset or bytes of a
# mapping; amount: up to 64 bits; shift and word: to be used on 64-bit words
KINDS = ("number", "code", "size", "amount", "shift", "word", "text")


@dataclass
class Group:
    title: str
    constants: list[Constant]
    of: object = None   # the layout that spells these names


@dataclass
class Space:
    layout: object      # None: what is not in a space of its own
    groups: list[Group]


def name(*parts):
    return macro(*parts).removeprefix("AETHER_")


def spaces(model):
    """First what has no prefix, then a space per other layout."""
    plain = [x for x in model.layouts if x.name == PLAIN][:1]
    groups = [*general(model.schema), hashes(model.layouts)]
    if plain:
        groups += layout_groups(model.schema, plain[0])
    else:
        groups.append(common(model.layouts[0]))
    others = [x for x in model.layouts if x not in plain]
    made = [Space(None, groups), *(
        Space(x, layout_groups(model.schema, x)) for x in others)]
    for space in made:
        space.groups = [x for x in space.groups if x.constants]
    return made


def general(schema):
    yield Group("the format", [
        Constant("FORMAT", schema.format, "number"),
        Constant("MAGIC", schema.magic, "word"),
        Constant("ENDIAN", schema.endian, "number"),
        Constant("OK", 0, "code")])
    yield Group("errors", [Constant(x.name, x.code, "code", x.message)
                           for x in schema.errors])
    yield Group("what errors say", [
        Constant(name(part, x.name), getattr(x, part), "text")
        for x in schema.errors for part in ("message", "remedy")])
    for enum in ENUMS:
        yield Group(enum.doc, enumeration(enum, getattr(schema, enum.items)))
    yield Group("limits", [
        Constant(name(x.name), x.value, "amount",
                 f"{x.unit}: {x.doc}" if x.unit else x.doc)
        for x in schema.limits])
    for word in schema.words:
        yield Group(f"word {word.name}: {word.doc}",
                    list(word_constants(word)))
    for record in schema.records:
        yield Group(f"record {record.name}: {record.doc}",
                    list(record_constants(record)))


def enumeration(enum, items):
    made = [Constant(name(enum.prefix, x.name), x.number, "number",
                     getattr(x, "doc", "")) for x in items]
    if enum.items == "roles":
        made += [Constant(name("LEVEL", x.name), x.level, "number")
                 for x in items]
    if enum.items == "tiers":
        made += [Constant(name("DATA", "TIER", x.name), x.data, "amount",
                          "bytes of the data") for x in items]
    return made


def word_constants(word):
    for bits in word.fields:
        start = name(word.name, bits.name)
        yield Constant(f"{start}_SHIFT", bits.shift, "shift", bits.doc)
        yield Constant(f"{start}_BITS", bits.bits, "number")
        yield Constant(f"{start}_MASK", bits.mask, "word")


def record_constants(record):
    yield Constant(name("RECORD", record.name, "SIZE"), record.size, "size")
    yield Constant(name("RECORD", record.name, "ALIGN"), record.align, "size")
    for item in record.fields:
        yield Constant(name("FIELD", record.name, item.name), item.offset,
                       "size", item.doc)


def hashes(layouts):
    made = []
    for layout in layouts:
        start = name("LAYOUT", layout.name)
        made += [Constant(f"{start}_NAME", layout.name, "text", layout.doc),
                 Constant(f"{start}_HASH", layout.hash, "word"),
                 Constant(f"{start}_TABLES", layout.tables, "size")]
    return Group("layouts", made)


def common(layout):
    made = [x for region in layout.regions if region.name in COMMON_REGIONS
            for x in place(region)]
    made += [Constant(x.name, x.index, "number") for x in layout.epochs
             if x.name in COMMON_EPOCHS]
    return Group("regions and epochs that every layout has alike", made)


def place(region):
    doc = f"{region.doc} (addition)" if region.addition else region.doc
    return [Constant(name("OFFSET", region.name), region.offset, "size", doc),
            Constant(name("SIZE", region.name), region.size, "size")]


def layout_groups(schema, layout):
    made = {
        "regions": [x for region in layout.regions for x in place(region)],
        "epochs": [x for epoch in layout.epochs
                   for x in epoch_constants(schema, epoch)],
        "pairs of buffers": [x for index, pair in enumerate(layout.pairs)
                             for x in pair_constants(layout, index, pair)],
        "guarded regions": [x for index, guard in enumerate(layout.guards)
                            for x in guard_constants(schema, index, guard)],
        "sizes of the whole plane": [x for tier in layout.tiers
                                     for x in tier_constants(tier)],
    }
    return [Group(f"layout {layout.name}: {title}", constants, layout)
            for title, constants in made.items()]


def epoch_constants(schema, epoch):
    kinds = {kind.name: kind.number for kind in schema.epoch_kinds}
    return [Constant(epoch.name, epoch.index, "number",
                     f"{epoch.kind}: from {epoch.signaler or 'any'} "
                     f"to {epoch.waiter or 'any'}"),
            Constant(f"KIND_{epoch.name}", kinds[epoch.kind], "number"),
            Constant(f"COUNT_{epoch.name}", epoch.count, "number")]


def pair_constants(layout, index, pair):
    start = name("PAIR", pair.name)
    places = [layout.region(buffer) for buffer in pair.buffers]
    made = [Constant(start, index, "number", "place in the list of pairs"),
            Constant(f"{start}_BUFFERS", len(places), "number"),
            Constant(f"{start}_SIZE", places[0].size, "size",
                     "bytes of each buffer"),
            Constant(f"{start}_EPOCH", pair.epoch, "number"),
            Constant(f"{start}_MIRROR", pair.mirror, "number"),
            Constant(f"{start}_ITEM_SIZE", pair.item_size, "size"),
            Constant(f"{start}_ITEMS", pair.items, "number")]
    return made + [Constant(f"{start}_OFFSET_{letter}", region.offset, "size")
                   for letter, region in zip("ABC", places)]


def guard_constants(schema, index, guard):
    modes = {mode.name: mode.number for mode in schema.guard_modes}
    start = name("GUARD", guard.region)
    return [Constant(start, index, "number", "place in the list of guards"),
            Constant(f"{start}_MODE", modes[guard.mode], "number"),
            Constant(f"{start}_WRITERS", role_mask(schema, guard.writers),
                     "number", "a bit per role"),
            Constant(f"{start}_READERS", role_mask(schema, guard.readers),
                     "number", "a bit per role"),
            Constant(f"{start}_EPOCH", guard.epoch, "number")]


def role_mask(schema, names):
    """A bit per role of that name; none named means every role."""
    roles = {role.name: role.number for role in schema.roles}
    return sum(1 << roles[x] for x in set(names)) if names else ALL_ROLES


def tier_constants(tier):
    start = name("TIER", tier.name)
    return [Constant(f"SIZE_{start}", tier.size, "amount",
                     "bytes of the plane"),
            Constant(f"ENTITIES_{start}", tier.entities, "number"),
            Constant(f"PEER_ROLE_{start}", tier.peer_role, "text")]


def prefix(space):
    """What stands before a name where there is but one space of names."""
    return f"{upper(space.layout.name)}_" if space.layout else ""


def twice(model):
    """Yields (layout, name) of names that two constants have."""
    seen = set(TABLES)
    for space in spaces(model):
        for group in space.groups:
            for constant in group.constants:
                flat = prefix(space) + constant.name
                if flat in seen:
                    yield group.of, flat
                seen.add(flat)


def hexed(constant):
    """Offsets and words as people read them."""
    if constant.kind in ("size", "word"):
        return f"0x{constant.value:X}"
    return str(constant.value)


def quoted(text):
    """Good in Rust, Go, JavaScript and Python, for what check.py lets pass."""
    return json.dumps(text, ensure_ascii=False)


def head(model, sign):
    """The first lines of a file; `sign` begins a comment. Go's tools know the
    words of the second."""
    paths = [model.schema.path, *(x.path for x in model.layouts)]
    sources = ", ".join(os.path.basename(path) for path in paths)
    return [f"{sign} SPDX-License-Identifier: Apache-2.0",
            f"{sign} Code generated by schema/gen.py from {sources}. "
            "DO NOT EDIT.", ""]
