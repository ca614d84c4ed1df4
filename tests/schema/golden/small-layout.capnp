# SPDX-License-Identifier: Apache-2.0
# A layout for the golden test: gaps, a table of records, epochs out of order.
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
  ],
  epochs = [
    (index = 39, name = "lastOne", kind = "counter", signaler = "maker",
     waiter = "lateTaker"),
    (index = 3, name = "IDX_PANIC", kind = "flag", signaler = "anyone",
     waiter = "everyone"),
  ],
);
