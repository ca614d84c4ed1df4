# SPDX-License-Identifier: Apache-2.0
# expect: pair p: does not have two or three buffers
@0xc7d20be4f1a80204;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    Good.control, Good.bufferA, Good.bufferB],
  epochs = Good.epochs,
  pairs = [(name = "p", buffers = ["bufferA"], itemSize = 16, items = 8)],
);
