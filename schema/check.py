# SPDX-License-Identifier: Apache-2.0
"""Refuses a schema that would make wrong or ambiguous bytes.

check() reports every fault it finds, a line each: FILE: WHAT: REASON. Here is
what concerns the schema itself; check_layout.py has the layouts.
"""
import re

import check_layout
import constants
from c_names import ENUMS, KEYWORDS, identifiers, snake
from check_lists import NAME, doubled, extent, overlaps, texts
from model import TYPE_SIZES

INT_MAX = (1 << 31) - 1
BIT_LISTS = ("flags", "parcel_flags")
ROLE_LEVELS = range(0, 5)
ERROR_CODES = range(-127, 0)
NAMES = {                           # where names are of another form
    "errors": re.compile(r"E[A-Z0-9]+"),
    "keys": re.compile(r"[A-Z][A-Z0-9_]*"),
}
PADDING = re.compile(r"reserved_[0-9a-f]+")


def check(model):
    """All faults of all files, in the order of the files."""
    found = {model.schema.path: list(schema_faults(model.schema))}
    for layout in model.layouts:
        faults = found.setdefault(layout.path, [])
        faults += check_layout.layout_faults(model, layout)
    for path, what, reason in collisions(model):
        found[path].append((what, reason))
    if not any(found.values()):     # or what they name may not be there
        for layout, name in constants.twice(model):
            found[(layout or model.schema).path].append(
                (f"constant {name}", "two things have this name in languages "
                 "other than C"))
    return [f"{path}: {what}: {reason}"
            for path, faults in found.items() for what, reason in faults]


def schema_faults(schema):
    yield from numbers(schema)
    yield from errors(schema.errors)
    for enum in ENUMS:
        yield from named(enum, getattr(schema, enum.items))
    yield from limits(schema)
    yield from doubled("word", schema.words)
    for word in schema.words:
        yield from word_faults(word)
    yield from doubled("record", schema.records)
    for record in schema.records:
        yield from record_faults(record)


def numbers(schema):
    if schema.format < 1:
        yield "format", "is 0; the first format is 1"
    if schema.magic == 0:
        yield "magic", "is 0; an empty file must not look like a plane"
    if not 0 <= schema.endian < 1 << 32:
        yield "endian", "is no number of 32 bits"
    elif schema.endian == int.from_bytes(schema.endian.to_bytes(4, "big"),
                                         "little"):
        yield "endian", "reads the same in both byte orders"


def name_faults(what, name, form=NAME):
    if not form.fullmatch(name):
        yield f"{what} {name}", f"the name is not of the form {form.pattern}"


def errors(items):
    yield from doubled("error", items)
    yield from doubled("error", items, "code")
    for error in items:
        what = f"error {error.name}"
        yield from name_faults("error", error.name, NAMES["errors"])
        yield from texts(what, error, "message", "remedy")
        if error.code not in ERROR_CODES:
            yield what, f"code {error.code} is not one of -127 to -1"
        for part in ("message", "remedy"):
            if not getattr(error, part):
                yield what, f"has no {part}"


def named(enum, items):
    """One list of name and number."""
    yield from doubled(enum.what, items)
    yield from doubled(enum.what, items, "number")
    for item in items:
        what = f"{enum.what} {item.name}"
        yield from name_faults(enum.what, item.name,
                               NAMES.get(enum.items, NAME))
        yield from texts(what, item, "doc")
        if item.number > INT_MAX:
            yield what, f"number {item.number} does not fit a C enum"
        if enum.items == "roles" and item.level not in ROLE_LEVELS:
            yield what, f"level {item.level} is not one of 0 to 4"
        if enum.items in BIT_LISTS and item.number.bit_count() != 1:
            yield what, f"number {item.number} is not one bit"
        if enum.items == "tiers" and item.data == 0:
            yield what, "holds no data"


def limits(schema):
    yield from doubled("limit", schema.limits)
    for limit in schema.limits:
        what = f"limit {limit.name}"
        yield from name_faults("limit", limit.name)
        yield from texts(what, limit, "unit", "doc")
        if limit.value == 0:
            yield what, "value 0 allows nothing"
    for name in ("epochs", "epochsLow", "epochPool"):
        if schema.limit(name) is None:
            yield f"limit {name}", "is missing; the layouts need it"
    if (schema.limit("epochsLow") or 0) >= (schema.limit("epochs") or 1 << 64):
        yield "limit epochsLow", "is not below the limit epochs"


def word_faults(word):
    yield from name_faults("word", word.name)
    yield from texts(f"word {word.name}", word, "doc")
    yield from doubled(f"word {word.name} bits", word.fields)
    if not word.fields:
        yield f"word {word.name}", "has no bits"
    for bits in word.fields:
        what = f"word {word.name} bits {bits.name}"
        yield from name_faults(f"word {word.name} bits", bits.name)
        yield from texts(what, bits, "doc")
        if bits.bits == 0:
            yield what, "is 0 bits wide"
        if bits.shift + bits.bits > 64:
            yield what, f"ends at bit {bits.shift + bits.bits} of 64"
    for late, early in overlaps(word.fields, lambda x: x.shift,
                                lambda x: x.shift + x.bits):
        yield (f"word {word.name} bits {late.name}",
               f"overlaps bits {early.name} ("
               + " and ".join(f"{x.shift}-{x.shift + x.bits - 1}"
                              for x in (late, early)) + ")")


def record_faults(record):
    what = f"record {record.name}"
    yield from name_faults("record", record.name)
    yield from texts(what, record, "doc")
    yield from doubled(f"{what} field", record.fields)
    if not record.fields:
        yield what, "has no fields"
    if record.size == 0:
        yield what, "has no size"
    if record.align.bit_count() != 1:
        yield what, f"align {record.align} is not a power of two"
    elif record.size % record.align:
        yield what, f"size {record.size} is not a multiple of its " \
            f"align {record.align}"
    seen = {}
    for field in record.fields:
        yield from field_faults(what, record, field)
        other = seen.setdefault(snake(field.name), field.name)
        if other != field.name:
            yield (f"{what} field {field.name}",
                   f"its C name is also that of field {other}")
    for late, early in overlaps(record.fields, lambda x: x.offset,
                                lambda x: x.end):
        yield (f"{what} field {late.name}", f"overlaps field {early.name} "
               f"({extent(late)} and {extent(early)})")


def field_faults(of, record, field):
    what = f"{of} field {field.name}"
    yield from name_faults(f"{of} field", field.name)
    yield from texts(what, field, "doc", "writer")
    if snake(field.name) in KEYWORDS:
        yield what, "the name is a word of C or C++"
    if PADDING.fullmatch(snake(field.name)):
        yield what, "the name is kept for padding"
    if field.type not in TYPE_SIZES:
        yield what, f"unknown type {field.type}"
        return
    size = TYPE_SIZES[field.type]
    if field.count == 0:
        yield what, "count 0 takes no bytes"
    if field.offset % size:
        yield what, f"offset 0x{field.offset:X} is misaligned: " \
            f"{field.type} needs a multiple of {size}"
    if size > record.align:
        yield what, f"{field.type} needs more than the record's " \
            f"align {record.align}"
    if field.end > record.size:
        yield what, f"lies outside its record: ends at 0x{field.end:X}, " \
            f"the record at 0x{record.size:X}"


def collisions(model):
    """Two things of the schema with one name in the header."""
    owners, told = {}, set()
    for name, path, what in identifiers(model):
        _, other = owners.setdefault(name, (path, what))
        if other != what and (what, other) not in told:
            told.add((what, other))
            yield path, what, f"its C name {name} is also that of {other}"
