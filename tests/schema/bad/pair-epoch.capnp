# SPDX-License-Identifier: Apache-2.0
# expect: pair p: its epoch 7 is no epoch of the layout
# expect: pair p: its mirror 128 is no epoch of the layout
@0xc7d20be4f1a8020a;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    Good.control, Good.bufferA, Good.bufferB],
  epochs = Good.epochs,
  pairs = [(name = "p", buffers = ["bufferA", "bufferB"], itemSize = 16, items = 8, epoch = 7,
    mirror = 128)],
);
