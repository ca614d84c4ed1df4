# SPDX-License-Identifier: Apache-2.0
# expect: region more: has records guard, which region some has
@0xc7d20be4f1a8020d;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    (name = "some", offset = 0x2000, size = 0x40, kind = "table", record = "guard"),
    (name = "more", offset = 0x2040, size = 0x40, kind = "table", record = "guard")],
  epochs = Good.epochs,
);
