# SPDX-License-Identifier: Apache-2.0
"""Every name that the C header defines, and what each one stands for.

write_c.py spells names only through this file, and check.py refuses a schema
in which two of them are the same. A test compares the list with the header.
"""
import re
from dataclasses import dataclass

# The regions that every layout has at the same place.
COMMON_REGIONS = ("atomicFlags", "atomicFlagsHigh", "planeHeader")
# The epochs that every layout has at the same index.
COMMON_EPOCHS = ("IDX_KERNEL_READY", "IDX_PANIC_STATE", "IDX_CONTEXT_ID_HASH",
                 "IDX_SUPERVISOR_POOL")

# The records that the library keeps in a region of a layout.
KEPT_RECORDS = ("epoch", "pair", "pins", "guard", "supervisorAlloc")
# The lists of a layout: AETHER_LAYOUT_NAME_LIST.
LAYOUT_LISTS = ("REGIONS", "RECORDS", "EPOCHS", "PAIRS", "GUARDS", "TIERS")


@dataclass(frozen=True)
class Enum:
    """A list of the schema that becomes an enum and a list macro."""
    items: str          # attribute of model.Schema
    tag: str            # enum aether_TAG
    prefix: str         # AETHER_PREFIX_NAME, AETHER_PREFIX_LIST
    what: str           # for people
    doc: str


ENUMS = (
    Enum("roles", "role", "ROLE", "role", "roles: what a participant is for"),
    Enum("states", "state", "STATE", "state", "states of a lease"),
    Enum("seat_states", "seat_state", "SEAT", "seat state",
         "states of a participant's slot"),
    Enum("formats", "format", "FORMAT", "format",
         "formats: what a stride holds"),
    Enum("policies", "policy", "POLICY", "policy",
         "policies: what a route does when it is full"),
    Enum("keys", "key", "KEY", "key", "semantic keys of the specification"),
    Enum("flags", "flag", "FLAG", "flag", "flags of a plane, one bit each"),
    Enum("parcel_flags", "parcel_flag", "PARCEL", "parcel flag",
         "flags of a parcel, one bit each"),
    Enum("guard_modes", "guard_mode", "GUARD_MODE", "guard mode",
         "modes of a guarded region"),
    Enum("guard_violations", "guard_violation", "GUARD_VIOLATION",
         "guard violation", "what goes wrong at a guard"),
    Enum("epoch_kinds", "epoch_kind", "EPOCH_KIND", "epoch kind",
         "kinds of epochs: what their words mean"),
    Enum("rights", "right", "RIGHT", "right",
         "rights in a segment, each more than the one before"),
    Enum("tiers", "tier", "TIER", "tier", "tiers: sizes to choose from"),
)

KEYWORDS = frozenset("""
alignas alignof and and_eq asm auto bitand bitor bool break case catch char
class compl const constexpr continue decltype default delete do double else
enum explicit export extern false float for friend goto if inline int long
mutable namespace new noexcept not not_eq nullptr operator or or_eq private
protected public register restrict return short signed sizeof static struct
switch template this throw true try typedef typeid typename union unsigned
using virtual void volatile wchar_t while xor xor_eq
""".split())


def split(name):
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"(?<=[A-Z])(?=[A-Z][a-z])", "_", name)


def upper(name):
    return split(name).upper()


def snake(name):
    return split(name).lower()


def macro(*parts):
    return "_".join(["AETHER", *(upper(part) for part in parts)])


def once(items):
    """The items whose name did not come before in the same list."""
    seen = set()
    for item in items:
        if item.name not in seen:
            seen.add(item.name)
            yield item


def identifiers(model):
    """Yields (name, file, what it stands for): macros and enumerators."""
    yield from fixed(model)
    schema = model.schema
    for error in once(schema.errors):
        yield macro(error.name), schema.path, f"error {error.name}"
    for enum in ENUMS:
        yield macro(enum.prefix, "LIST"), schema.path, f"{enum.what} list"
        for item in once(getattr(schema, enum.items)):
            yield (macro(enum.prefix, item.name), schema.path,
                   f"{enum.what} {item.name}")
    for limit in once(schema.limits):
        yield macro(limit.name), schema.path, f"limit {limit.name}"
    for word in once(schema.words):
        yield from word_names(schema.path, word)
    for record in once(schema.records):
        for part in ("SIZE", "ALIGN"):
            yield (macro("RECORD", record.name, part), schema.path,
                   f"record {record.name}")
    for layout in once(model.layouts):
        yield from layout_names(layout)


def fixed(model):
    path = model.schema.path
    for name in ("LAYOUT_H", "ASSERT", "FORMAT", "MAGIC", "ENDIAN", "OK",
                 "ERROR_LIST", "LAYOUT_LIST"):
        yield macro(name), path, "the header itself"
    for region in COMMON_REGIONS:
        for part in ("OFFSET", "SIZE"):
            yield macro(part, region), path, f"region {region} of all layouts"
    for epoch in COMMON_EPOCHS:
        yield macro(epoch), path, f"epoch {epoch} of all layouts"


def word_names(path, word):
    yield macro(word.name, "MAKE"), path, f"word {word.name}"
    for bits in once(word.fields):
        what = f"word {word.name} bits {bits.name}"
        yield macro(word.name, bits.name), path, what
        for part in ("SHIFT", "BITS", "MASK"):
            yield macro(word.name, bits.name, part), path, what


def layout_names(layout):
    for part in ("HASH", "TABLES", *LAYOUT_LISTS):
        yield (macro("LAYOUT", layout.name, part), layout.path,
               f"layout {layout.name}")
    for region in once(layout.regions):
        for part in ("OFFSET", "SIZE"):
            yield (macro(layout.name, part, region.name), layout.path,
                   f"region {region.name}")
    for epoch in once(layout.epochs):
        yield (macro(layout.name, epoch.name), layout.path,
               f"epoch {epoch.name}")
    for part, items in (("PAIR", layout.pairs), ("GUARD", layout.guards)):
        for item in once(items):
            yield (macro(layout.name, part, item.name), layout.path,
                   f"{part.lower()} {item.name}")
