# SPDX-License-Identifier: Apache-2.0
# expect: pair p: region guards holds records guard of the library's, and is no buffer
# expect: pair p: region atomicFlags is the library's, no buffer
@0xc7d20be4f1a802a1;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header, Good.control,
    (name = "guards", offset = 0x2040, size = 0x80, kind = "table", record = "guard")],
  epochs = Good.epochs,
  pairs = [(name = "p", buffers = ["guards", "atomicFlags"], itemSize = 16, items = 8)],
);
