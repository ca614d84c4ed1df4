# SPDX-License-Identifier: Apache-2.0
# expect: region cells: overlaps region planeHeader (0x1FC0-0x203F and 0x1DC0-0x1FFF)
@0xc7d20be4f1a8002b;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    (name = "cells", offset = 0x1FC0, size = 0x80, kind = "table")],
  epochs = Good.epochs,
);
