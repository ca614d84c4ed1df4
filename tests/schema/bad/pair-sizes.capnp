# SPDX-License-Identifier: Apache-2.0
# expect: pair p: its buffers differ in size
@0xc7d20be4f1a80209;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    Good.control, Good.bufferA, Good.bufferB,
    (name = "large", offset = 0x2180, size = 0xC0, kind = "buffer")],
  epochs = Good.epochs,
  pairs = [(name = "p", buffers = ["bufferA", "large"], itemSize = 16, items = 8)],
);
