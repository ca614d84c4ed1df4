# SPDX-License-Identifier: Apache-2.0
"""Refuses pairs, guards and tiers of a layout that cannot be what they say,
and a layout that lacks the region in which their records lie. Called by
check_layout.py.
"""
from c_names import COMMON_EPOCHS, COMMON_REGIONS
from check_lists import NAME, doubled, texts

BUFFERS = range(2, 4)
BUFFERS_ALIGN = 64
PAIRS = 64                          # a bit each, core/ae_pair.h
MASK_BITS = 32                      # a role is a bit of a guard's masks


def part_faults(schema, layout):
    """Yields (what, reason)."""
    yield from records(schema, layout)
    yield from signalled(layout)
    yield from owners(layout)
    yield from doubled("pair", layout.pairs)
    yield from buffers(layout)
    if len(layout.pairs) > PAIRS:
        yield f"layout {layout.name}", f"has {len(layout.pairs)} pairs, " \
            f"no more than {PAIRS} are possible"
    for pair in layout.pairs:
        yield from pair_faults(layout, pair)
        yield from indices(schema, layout, f"pair {pair.name}", pair,
                           ("epoch", "mirror"))
    yield from doubled("guard", layout.guards, "region")
    limit = schema.limit("guardsMax")
    if limit and len(layout.guards) > limit:
        yield f"layout {layout.name}", f"has {len(layout.guards)} guards, " \
            f"the limit guardsMax says {limit}"
    yield from own_words(layout)
    for guard in layout.guards:
        yield from guard_faults(schema, layout, guard)
        yield from indices(schema, layout, f"guard {guard.region}", guard,
                           ("epoch",))
    yield from tiers(schema, layout)


def records(schema, layout):
    """Enough records for what the layout names."""
    sizes = {record.name: record.size for record in schema.records}
    needed = {"epoch": schema.limit("epochs") or 0,
              "pair": len(layout.pairs), "pins": len(layout.pairs),
              "guard": len(layout.guards)}
    for name, count in needed.items():
        regions = [x for x in layout.regions if x.record == name]
        if name not in sizes:
            continue
        if count and not regions:
            yield f"layout {layout.name}", f"has no region with {count} " \
                f"records {name}"
        for region in regions[:1]:
            if region.size < count * sizes[name]:
                yield f"region {region.name}", f"has 0x{region.size:X} " \
                    f"bytes; {count} records {name} take " \
                    f"0x{count * sizes[name]:X}"
        for region in regions[1:]:
            yield f"region {region.name}", f"has records {name}, which " \
                f"region {regions[0].name} has"


def pair_faults(layout, pair):
    what = f"pair {pair.name}"
    if not NAME.fullmatch(pair.name):
        yield what, f"the name is not of the form {NAME.pattern}"
    if len(pair.buffers) not in BUFFERS or \
            len(set(pair.buffers)) < len(pair.buffers):
        yield what, "does not have two or three buffers"
    if not pair.item_size or not pair.items:
        yield what, "has no items"
    sizes = set()
    for name in pair.buffers:
        region = layout.region(name)
        if region is None:
            yield what, f"unknown region {name}"
            continue
        sizes.add(region.size)
        if region.offset % BUFFERS_ALIGN:
            yield what, f"region {name} is misaligned: a buffer needs a " \
                f"multiple of {BUFFERS_ALIGN}"
        if region.size < pair.item_size * pair.items:
            yield what, f"{pair.items} items of {pair.item_size} bytes do " \
                f"not fit into region {name}"
    if len(sizes) > 1:
        yield what, "its buffers differ in size"


def buffers(layout):
    """The bytes of a buffer are one pair's, and nothing of the library's."""
    taken = {}
    for pair in layout.pairs:
        what = f"pair {pair.name}"
        for name in dict.fromkeys(pair.buffers):
            region = layout.region(name)
            if taken.get(name, pair.name) != pair.name:
                yield what, f"region {name} is a buffer of pair {taken[name]}"
            elif name in COMMON_REGIONS:
                yield what, f"region {name} is the library's, no buffer"
            elif region is not None and region.record:
                yield what, f"region {name} holds records {region.record} " \
                    f"of the library's, and is no buffer"
            taken.setdefault(name, pair.name)


def indices(schema, layout, what, item, names):
    """Epochs that a part names are epochs of the layout; 0 names none."""
    known = {x for epoch in layout.epochs
             for x in range(epoch.index, min(epoch.end, 1 << 10))}
    for name in names:
        index = getattr(item, name)
        if index and index not in known:
            yield what, f"its {name} {index} is no epoch of the layout"


def own_words(layout):
    """The parity of a pair's epoch and its mirror say which buffer is active:
    no other pair writes there; no mirror is where every layout has a word."""
    common = {epoch.index: epoch.name for epoch in layout.epochs
              if epoch.name in COMMON_EPOCHS and epoch.count == 1}
    taken = {}
    for pair in layout.pairs:
        for part in ("epoch", "mirror"):
            index = getattr(pair, part)
            if part == "mirror" and index in common and index:
                yield f"pair {pair.name}", f"its mirror {index} is " \
                    f"{common[index]}"
            elif index and index in taken:
                yield f"pair {pair.name}", f"its {part} {index} is " \
                    f"{taken[index]}"
            elif index:
                taken[index] = f"the {part} of pair {pair.name}"


def owners(layout):
    """Epochs of the pool have owners that come and go, and names that end."""
    pool = {x: epoch.name for epoch in layout.epochs
            for x in range(epoch.index, min(epoch.end, 1 << 10))
            if epoch.name in COMMON_EPOCHS and epoch.count > 1}
    items = [(f"pair {pair.name}", part, getattr(pair, part))
             for pair in layout.pairs for part in ("epoch", "mirror")]
    items += [(f"guard {guard.region}", "epoch", guard.epoch)
              for guard in layout.guards]
    for what, part, index in items:
        if index in pool:
            yield what, f"its {part} {index} is one of {pool[index]}, which " \
                f"have owners of their own"


def signalled(layout):
    """What is signalled is a counter, or nobody could wait for it."""
    kinds = {x: epoch.kind for epoch in layout.epochs
             for x in range(epoch.index, min(epoch.end, 1 << 10))}
    items = [(f"pair {pair.name}", pair.epoch) for pair in layout.pairs]
    items += [(f"guard {guard.region}", guard.epoch)
              for guard in layout.guards]
    for what, index in items:
        if index and kinds.get(index, "counter") != "counter":
            yield what, f"its epoch {index} is a {kinds[index]}, no counter"


def guard_faults(schema, layout, guard):
    what = f"guard {guard.region}"
    modes = [mode.name for mode in schema.guard_modes]
    roles = {role.name: role.number for role in schema.roles}
    if layout.region(guard.region) is None:
        yield what, "there is no such region"
    if guard.mode not in modes:
        yield what, f"mode {guard.mode or 'of no name'} is not one of " \
            f"{', '.join(modes)}"
    for role in [*guard.writers, *guard.readers]:
        if role not in roles:
            yield what, f"unknown role {role}"
        elif roles[role] >= MASK_BITS:
            yield what, f"role {role} has number {roles[role]}; a guard " \
                f"knows 0 to {MASK_BITS - 1}"


def tiers(schema, layout):
    yield from doubled("tier", layout.tiers)
    known = [tier.name for tier in schema.tiers]
    for tier in layout.tiers:
        what = f"tier {tier.name}"
        yield from texts(what, tier, "peer_role")
        if tier.name not in known:
            yield what, f"is not one of {', '.join(known)}"
        if tier.size <= layout.tables:
            yield what, "is smaller than the layout's regions"
    if layout.tiers and len(layout.tiers) < len(known):
        yield f"layout {layout.name}", "does not give every tier a size"
