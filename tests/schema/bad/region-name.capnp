# SPDX-License-Identifier: Apache-2.0
# expect: region big cells: the name is not of the form [a-z][A-Za-z0-9]*
@0xc7d20be4f1a80033;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    (name = "big cells", offset = 0x2000, size = 0x40, kind = "table")],
  epochs = Good.epochs,
);
