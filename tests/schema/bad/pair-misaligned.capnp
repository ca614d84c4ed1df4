# SPDX-License-Identifier: Apache-2.0
# expect: pair p: region odd is misaligned: a buffer needs a multiple of 64
@0xc7d20be4f1a80207;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    Good.control, Good.bufferA, Good.bufferB,
    (name = "odd", offset = 0x2160, size = 0x80, kind = "buffer")],
  epochs = Good.epochs,
  pairs = [(name = "p", buffers = ["bufferA", "odd"], itemSize = 16, items = 8)],
);
