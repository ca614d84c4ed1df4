# SPDX-License-Identifier: Apache-2.0
# expect: pair p: its epoch 32 is one of IDX_SUPERVISOR_POOL, which have owners of their own
# expect: pair p: its mirror 127 is one of IDX_SUPERVISOR_POOL, which have owners of their own
@0xc7d20be4f1a802a2;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    Good.control, Good.bufferA, Good.bufferB],
  epochs = Good.epochs,
  pairs = [(name = "p", buffers = ["bufferA", "bufferB"], itemSize = 16, items = 8,
    epoch = 32, mirror = 127)],
);
