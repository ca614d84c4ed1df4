# SPDX-License-Identifier: Apache-2.0
# expect: region control: has 0x40 bytes; 4 records pair take 0x100
# expect: pair q: region bufferA is a buffer of pair p
# expect: pair r: region bufferB is a buffer of pair p
# expect: pair s: region bufferA is a buffer of pair p
# expect: pair s: region bufferB is a buffer of pair p
@0xc7d20be4f1a802a0;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    Good.control, Good.bufferA, Good.bufferB,
    (name = "other", offset = 0x2140, size = 0x80, kind = "buffer"),
    (name = "another", offset = 0x21C0, size = 0x80, kind = "buffer")],
  epochs = Good.epochs,
  pairs = [(name = "p", buffers = ["bufferA", "bufferB"], itemSize = 16, items = 8),
    (name = "q", buffers = ["other", "bufferA"], itemSize = 16, items = 8),
    (name = "r", buffers = ["bufferB", "another"], itemSize = 16, items = 8),
    (name = "s", buffers = ["bufferA", "bufferB"], itemSize = 16, items = 8)],
);
