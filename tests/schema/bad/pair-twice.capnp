# SPDX-License-Identifier: Apache-2.0
# expect: region control: has 0x40 bytes; 2 records pair take 0x80
# expect: pair p: the name is used twice
@0xc7d20be4f1a80202;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    Good.control, Good.bufferA, Good.bufferB],
  epochs = Good.epochs,
  pairs = [(name = "p", buffers = ["bufferA", "bufferB"], itemSize = 16, items = 8),
    (name = "p", buffers = ["bufferA", "bufferB"], itemSize = 16, items = 8)],
);
