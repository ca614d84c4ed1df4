# SPDX-License-Identifier: Apache-2.0
"""The schema in memory: what `capnp eval` says, as plain dataclasses.

Shapes are those of meta.capnp, with snake_case attributes. Nothing is judged
here (check.py does that); a file that cannot be read at all is a LoadError.
"""
import dataclasses
import hashlib
import json
import os
import re
import subprocess
import typing
from dataclasses import dataclass

TYPE_SIZES = {"u8": 1, "u32": 4, "u64": 8, "word32": 4, "word64": 8}


class LoadError(Exception):
    """Carries finished error lines, one per fault."""

    def __init__(self, lines):
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass
class Error:
    name: str
    code: int
    message: str
    remedy: str


@dataclass
class Role:
    name: str
    number: int
    level: int
    doc: str


@dataclass
class Named:
    name: str
    number: int
    doc: str


@dataclass
class Limit:
    name: str
    value: int
    unit: str
    doc: str


@dataclass
class Bits:
    name: str
    shift: int
    bits: int
    doc: str

    @property
    def mask(self):
        return (1 << self.bits) - 1


@dataclass
class Word:
    name: str
    doc: str
    fields: list[Bits]


@dataclass
class Field:
    name: str
    offset: int
    type: str
    count: int
    writer: str
    doc: str

    @property
    def size(self):
        return TYPE_SIZES.get(self.type, 0) * self.count

    @property
    def end(self):
        return self.offset + self.size


@dataclass
class Record:
    name: str
    size: int
    align: int
    doc: str
    fields: list[Field]


@dataclass
class Tier:
    name: str
    number: int
    data: int


@dataclass
class Schema:
    format: int
    magic: int
    endian: int
    errors: list[Error]
    roles: list[Role]
    states: list[Named]
    seat_states: list[Named]
    formats: list[Named]
    policies: list[Named]
    keys: list[Named]
    limits: list[Limit]
    words: list[Word]
    records: list[Record]
    tiers: list[Tier]
    flags: list[Named]
    parcel_flags: list[Named]
    guard_modes: list[Named]
    guard_violations: list[Named]
    epoch_kinds: list[Named]
    rights: list[Named]
    path: str = dataclasses.field(default="", metadata={"own": True})

    def limit(self, name):
        """The value of a limit, None if there is no such limit."""
        return next((x.value for x in self.limits if x.name == name), None)


@dataclass
class Region:
    name: str
    offset: int
    size: int
    kind: str
    record: str
    doc: str
    addition: bool

    @property
    def end(self):
        return self.offset + self.size


@dataclass
class Epoch:
    index: int
    name: str
    kind: str
    signaler: str
    waiter: str
    count: int

    @property
    def end(self):
        return self.index + self.count


@dataclass
class Pair:
    name: str
    buffers: list[str]
    epoch: int
    mirror: int
    item_size: int
    items: int


@dataclass
class Guard:
    region: str
    mode: str
    writers: list[str]
    readers: list[str]
    epoch: int

    @property
    def name(self):
        return self.region


@dataclass
class PlaneTier:
    name: str
    size: int
    entities: int
    peer_role: str


@dataclass
class Layout:
    name: str
    doc: str
    tables: int
    regions: list[Region]
    epochs: list[Epoch]
    pairs: list[Pair]
    guards: list[Guard]
    tiers: list[PlaneTier]
    path: str = dataclasses.field(default="", metadata={"own": True})
    hash: int = dataclasses.field(default=0, metadata={"own": True})

    def region(self, name):
        """The region of that name, None if there is none."""
        return next((x for x in self.regions if x.name == name), None)


@dataclass
class Model:
    schema: Schema
    layouts: list[Layout]


def load(schema_path, layout_paths):
    """Reads all files; raises LoadError with the faults of all of them."""
    lines, loaded = [], []
    jobs = [(schema_path, "schema", Schema)]
    jobs += [(path, "layout", Layout) for path in layout_paths]
    for path, const, kind in jobs:
        try:
            loaded.append(load_one(path, const, kind))
        except LoadError as error:
            lines += error.lines
    if lines:
        raise LoadError(list(dict.fromkeys(lines)))
    model = Model(loaded[0], loaded[1:])
    for layout in model.layouts:
        layout.hash = layout_hash(model.schema, layout)
    return model


def load_one(path, const, kind):
    try:
        result = build(kind, json.loads(evaluate(path, const)))
    except (AttributeError, TypeError, ValueError) as error:
        raise LoadError([f"{path}: const {const}: is not what model.py "
                         f"knows: {error}"]) from None
    result.path = path
    return result


def evaluate(path, const):
    """The JSON text of one const, by the capnp command.

    It runs in the root: capnp 0.9 fails on an import that leaves its working
    directory, and warns where PWD is wrong, as make -C leaves it.
    """
    command = ["capnp", "eval", "-o", "json", os.path.abspath(path), const]
    try:
        done = subprocess.run(command, capture_output=True, check=False,
                              stdin=subprocess.DEVNULL, text=True,
                              encoding="utf-8", errors="replace",
                              cwd="/", env={**os.environ, "PWD": "/"})
    except FileNotFoundError:
        raise LoadError([f"{path}: capnp: the command is not installed; "
                         f"install the package capnproto"]) from None
    except OSError as error:
        raise LoadError([f"{path}: capnp: {error.strerror}"]) from None
    if done.returncode != 0:
        raise LoadError(capnp_lines(path, done.stderr))
    return done.stdout


def capnp_lines(path, text):
    """capnp's own message, a line each, with the file that it means."""
    lines = [line for line in text.splitlines()
             if line.strip() and not line.startswith("Try 'capnp")]
    first = [line for line in lines if not line.endswith("is not defined.")]
    return [capnp_line(path, line.removeprefix("capnp eval: "))
            for line in first or lines or ["failed without a message"]]


def capnp_line(path, line):
    """Names the file as it was given; an imported one from here."""
    found = re.fullmatch(r"/?(\S[^:]*): ?(no such file|\d+:.*)", line)
    if not found:
        return f"{path}: capnp: {line}"
    if "/" + found[1] != os.path.abspath(path):
        path = os.path.relpath("/" + found[1])
    return f"{path}: capnp: {found[2]}"


def build(kind, data):
    """One dataclass from one JSON object; what is missing is empty."""
    values = {}
    hints = typing.get_type_hints(kind)
    keys = {re.sub("_(.)", lambda m: m[1].upper(), item.name): item
            for item in dataclasses.fields(kind)
            if not item.metadata.get("own")}
    unknown = ", ".join(sorted(data.keys() - keys.keys()))
    if unknown:
        raise ValueError(f"a {kind.__name__} with {unknown}")
    for key, item in keys.items():
        hint = hints[item.name]
        if typing.get_origin(hint) is list:
            inner = typing.get_args(hint)[0]
            values[item.name] = [build(inner, x) for x in data.get(key, [])] \
                if dataclasses.is_dataclass(inner) else data.get(key, [])
        else:
            values[item.name] = hint(data.get(key, hint()))
    return kind(**values)


# The limits that decide where something lies or how large it is.
LIMITS_OF_BYTES = {"planes", "userSize", "participantNameMax", "epochs",
                   "epochsLow", "epochPool", "registerBits", "lineSize",
                   "hugePageSize"}


def layout_hash(schema, layout):
    """64 bits that differ when two builds would read bytes differently.

    Texts for people, writers and the order of lines in a file do not count.
    """
    def pick(items, *names):
        return sorted([getattr(x, n) for n in names] for x in items)

    facts = {
        "format": schema.format,
        "words": sorted([w.name, pick(w.fields, "shift", "bits", "name")]
                        for w in schema.words),
        "records": sorted(
            [r.name, r.size, r.align, pick(r.fields, "offset", "name", "type", "count")]
            for r in schema.records),
        "states": pick(schema.states, "number", "name"),
        "seatStates": pick(schema.seat_states, "number", "name"),
        "formats": pick(schema.formats, "number", "name"),
        "roles": pick(schema.roles, "number", "name"),
        "flags": pick(schema.flags, "number", "name"),
        "parcelFlags": pick(schema.parcel_flags, "number", "name"),
        "regions": pick(layout.regions,
                        "offset", "size", "name", "kind", "record"),
        "tables": layout.tables,
        "limits": sorted([x.name, x.value] for x in schema.limits
                         if x.name in LIMITS_OF_BYTES),
        "guardModes": pick(schema.guard_modes, "number", "name"),
        "guardViolations": pick(schema.guard_violations, "number", "name"),
        "epochKinds": pick(schema.epoch_kinds, "number", "name"),
        "epochs": pick(layout.epochs, "index", "count", "name", "kind"),
        # what lies at a place of a list is in the order of the list
        "pairs": [dataclasses.astuple(x) for x in layout.pairs],
        "guards": [dataclasses.astuple(x) for x in layout.guards],
    }
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
