# SPDX-License-Identifier: Apache-2.0
# A layout for the golden test: gaps, a table of records, epochs out of order,
# pairs of two and of three buffers, guards, tiers of whole planes.
@0xb5f00c3a7d1e9a02;
using Meta = import "../../../schema/meta.capnp";

const layout :Meta.Layout = (
  name = "smallOne",
  doc = "a little of everything",
  tables = 0x3000,
  regions = [
    (name = "atomicFlags", offset = 0x0000, size = 0x80, kind = "epochs",
     doc = "epochs 0 to 31"),
    (name = "atomicFlagsHigh", offset = 0x1A40, size = 0x380, kind = "epochs",
     doc = "epochs 32 to 255"),
    (name = "planeHeader", offset = 0x1DC0, size = 0x240, kind = "header",
     record = "header", doc = "larger than its record"),
    (name = "cells", offset = 0x2000, size = 0x100, kind = "table",
     record = "dense", doc = "64 of them"),
    (name = "pairControl", offset = 0x2180, size = 0x40, kind = "control",
     record = "pair", doc = "two of them"),
    (name = "pairPins", offset = 0x21C0, size = 0x180, kind = "pins",
     record = "pins", addition = true, doc = "three, one more than needed"),
    (name = "twoA", offset = 0x2340, size = 0x40, kind = "buffer"),
    (name = "twoB", offset = 0x2380, size = 0x40, kind = "buffer"),
    (name = "threeA", offset = 0x2400, size = 0xC0, kind = "buffer"),
    (name = "threeB", offset = 0x2500, size = 0xC0, kind = "buffer"),
    (name = "threeC", offset = 0x2600, size = 0xC0, kind = "buffer"),
    (name = "guardTable", offset = 0x2700, size = 0x180, kind = "guards",
     record = "guard", doc = "two of them"),
  ],
  epochs = [
    (index = 255, name = "IDX_LAST_ONE", kind = "counter", signaler = "maker",
     waiter = "lateTaker"),
    (index = 3, name = "IDX_PANIC_STATE", kind = "flag", signaler = "anyone",
     waiter = "everyone"),
    (index = 0, name = "IDX_KERNEL_READY", kind = "flag"),
    (index = 31, name = "IDX_CONTEXT_ID_HASH", kind = "hash"),
    (index = 32, count = 96, name = "IDX_SUPERVISOR_POOL", kind = "counter",
     signaler = "owner"),
    (index = 200, count = 3, name = "IDX_SOME", kind = "lock"),
  ],
  pairs = [
    (name = "two", buffers = ["twoA", "twoB"], epoch = 255, itemSize = 16,
     items = 4),
    (name = "threeOfThem", buffers = ["threeA", "threeB", "threeC"],
     mirror = 201, itemSize = 100, items = 1),
  ],
  guards = [
    (region = "twoA", mode = "single", writers = ["maker", "lateTaker"],
     epoch = 255),
    (region = "planeHeader", mode = "readOnly", readers = ["maker"]),
  ],
  tiers = [
    (name = "light", size = 0x100000, entities = 50, peerRole = "Pulse"),
    (name = "vast", size = 0x180000000, entities = 3000000000,
     peerRole = "Relay/Seed"),
  ],
);
