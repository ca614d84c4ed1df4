# SPDX-License-Identifier: Apache-2.0
# expect: region cells: offset 0x2020 is misaligned: record pair needs a multiple of 64
@0xc7d20be4f1a8002d;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    (name = "cells", offset = 0x2020, size = 0x40, kind = "table", record = "pair")],
  epochs = Good.epochs,
);
