# SPDX-License-Identifier: Apache-2.0
# expect: region cells: record pair of 0x40 bytes does not fit into 0x30
@0xc7d20be4f1a8002f;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    (name = "cells", offset = 0x2000, size = 0x30, kind = "table", record = "pair")],
  epochs = Good.epochs,
);
