# SPDX-License-Identifier: Apache-2.0
"""Refuses a layout whose regions or epochs cannot be what they say.

The fault is always in the layout's own file, even where another layout or the
schema is the measure. Called by check.py.
"""
import re

import check_parts
from c_names import COMMON_EPOCHS, COMMON_REGIONS
from check_lists import NAME, doubled, extent, overlaps, texts
from constants import RESERVED

EPOCH_SIZE = 4
TABLES_ALIGN = 64
LAYOUT_NAME_MAX = 15                # the header has 16 bytes, one is a zero
EPOCH_NAME = re.compile(r"IDX_[A-Z0-9]+(_[A-Z0-9]+)*")


def layout_faults(model, layout):
    """Yields (what, reason)."""
    what = f"layout {layout.name}"
    yield from texts(what, layout, "doc")
    yield from layout_name(model, layout)
    yield from doubled("region", layout.regions)
    records = {record.name: record for record in model.schema.records}
    for region in layout.regions:
        yield from region_faults(region, records)
    for late, early in overlaps(layout.regions, lambda x: x.offset,
                                lambda x: x.end):
        yield (f"region {late.name}", f"overlaps region {early.name} "
               f"({extent(late)} and {extent(early)})")
    yield from tables(layout)
    yield from common(model, layout)
    yield from epoch_regions(model.schema, layout)
    yield from epochs(model.schema, layout)
    yield from common_epochs(model, layout)
    yield from check_parts.part_faults(model.schema, layout)


def layout_name(model, layout):
    what = f"layout {layout.name}"
    if not NAME.fullmatch(layout.name):
        yield what, f"the name is not of the form {NAME.pattern}"
    if len(layout.name) > LAYOUT_NAME_MAX:
        yield what, f"the name has more than {LAYOUT_NAME_MAX} characters"
    if layout.name.lower() in RESERVED:
        yield what, "the name is a word of a language"
    for other in model.layouts:
        if other is layout:
            break
        if other.name == layout.name:
            yield what, f"the name is used twice, also in {other.path}"


def region_faults(region, records):
    what = f"region {region.name}"
    if not NAME.fullmatch(region.name):
        yield what, f"the name is not of the form {NAME.pattern}"
    yield from texts(what, region, "kind", "doc")
    if region.size == 0:
        yield what, "has no size"
    if not region.kind:
        yield what, "has no kind"
    if not region.record:
        return
    if region.record not in records:
        yield what, f"unknown record {region.record}"
        return
    record = records[region.record]
    if record.align and region.offset % record.align:
        yield what, f"offset 0x{region.offset:X} is misaligned: " \
            f"record {record.name} needs a multiple of {record.align}"
    if region.size < record.size:
        yield what, does_not_fit(region, record)


def does_not_fit(region, record):
    outside = [x.name for x in record.fields if x.end > region.size]
    reason = f"record {record.name} of 0x{record.size:X} bytes does not " \
        f"fit into 0x{region.size:X}"
    if not outside:
        return reason
    return f"{reason}: outside it lies field {', '.join(outside)}"


def tables(layout):
    if layout.tables % TABLES_ALIGN:
        yield "tables", f"offset 0x{layout.tables:X} is misaligned: " \
            f"tables need a multiple of {TABLES_ALIGN}"
    for region in layout.regions:
        if region.end > layout.tables:
            yield f"region {region.name}", f"reaches into the tables " \
                f"({extent(region)}, tables from 0x{layout.tables:X})"


def common(model, layout):
    """Anyone must find the header and the epochs without the layout."""
    first = model.layouts[0]
    for name in COMMON_REGIONS:
        own, model_region = find(layout, name), find(first, name)
        if own is None:
            yield f"region {name}", "is missing; every layout has it"
        elif model_region is not None and (
                (own.offset, own.size)
                != (model_region.offset, model_region.size)):
            yield f"region {name}", f"is at {extent(own)}, but at " \
                f"{extent(model_region)} in {first.path}; it must be " \
                f"alike in every layout"


def find(layout, name):
    return next((x for x in layout.regions if x.name == name), None)


def epoch_regions(schema, layout):
    low, all_of = schema.limit("epochsLow"), schema.limit("epochs")
    if low is None or all_of is None or low >= all_of:
        return                      # told where the limits are checked
    counts = {"atomicFlags": low, "atomicFlagsHigh": all_of - low}
    for region in layout.regions:
        what = f"region {region.name}"
        count = counts.get(region.name)
        if (count is not None) != (region.kind == "epochs"):
            yield what, "only atomicFlags and atomicFlagsHigh are of the " \
                "kind epochs, and both are"
        if count is not None and region.size != count * EPOCH_SIZE:
            yield what, f"has 0x{region.size:X} bytes; {count} epochs " \
                f"take 0x{count * EPOCH_SIZE:X}"
        if count is not None and region.offset % EPOCH_SIZE:
            yield what, f"offset 0x{region.offset:X} is misaligned: " \
                f"epochs need a multiple of {EPOCH_SIZE}"


def epochs(schema, layout):
    yield from doubled("epoch", layout.epochs)
    yield from doubled("epoch", layout.epochs, "index")
    limit = schema.limit("epochs")
    kinds = [kind.name for kind in schema.epoch_kinds]
    for epoch in layout.epochs:
        what = f"epoch {epoch.name}"
        if not EPOCH_NAME.fullmatch(epoch.name):
            yield what, f"the name is not of the form {EPOCH_NAME.pattern}"
        yield from texts(what, epoch, "signaler", "waiter")
        if epoch.count == 0:
            yield what, "count 0 names no epoch"
        if limit is not None and epoch.end > limit:
            yield what, f"index {epoch.end - 1} is not below the limit " \
                f"of {limit} epochs"
        if epoch.kind not in kinds:
            yield what, f"kind {epoch.kind or 'of no name'} is not one " \
                f"of {', '.join(kinds)}"
    for late, early in overlaps(layout.epochs, lambda x: x.index,
                                lambda x: x.end):
        if late.index != early.index:
            yield f"epoch {late.name}", f"has an index of epoch {early.name}"


def common_epochs(model, layout):
    """What panic is, and which epochs are the pool, is alike everywhere."""
    first = {epoch.name: epoch for epoch in model.layouts[0].epochs}
    own = {epoch.name: epoch for epoch in layout.epochs}
    for name in COMMON_EPOCHS:
        if name not in own:
            yield f"epoch {name}", "is missing; every layout has it"
        elif name in first and told(own[name]) != told(first[name]):
            yield f"epoch {name}", f"is {told(own[name])}, but " \
                f"{told(first[name])} in {model.layouts[0].path}; it must " \
                f"be alike in every layout"
    pool, size = own.get("IDX_SUPERVISOR_POOL"), model.schema.limit("epochPool")
    if pool and size and pool.count != size:
        yield f"epoch {pool.name}", f"has {pool.count} epochs, the limit " \
            f"epochPool says {size}"


def told(epoch):
    return f"{epoch.count} of kind {epoch.kind} from index {epoch.index}"
