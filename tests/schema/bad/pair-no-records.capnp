# SPDX-License-Identifier: Apache-2.0
# expect: layout bad: has no region with 1 records pair
@0xc7d20be4f1a8020c;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    Good.bufferA, Good.bufferB],
  epochs = Good.epochs,
  pairs = [(name = "p", buffers = ["bufferA", "bufferB"], itemSize = 16, items = 8)],
);
