# SPDX-License-Identifier: Apache-2.0
# expect: region control: has 0x40 bytes; 4 records pair take 0x100
# expect: pair q: its epoch 40 is the epoch of pair p
# expect: pair q: its mirror 41 is the mirror of pair p
# expect: pair r: its mirror 40 is the epoch of pair p
# expect: pair s: its mirror 3 is IDX_PANIC_STATE
@0xc7d20be4f1a8029a;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    Good.control, Good.bufferA, Good.bufferB],
  epochs = Good.epochs,
  pairs = [(name = "p", buffers = ["bufferA", "bufferB"], itemSize = 16, items = 8, epoch = 40,
    mirror = 41),
    (name = "q", buffers = ["bufferA", "bufferB"], itemSize = 16, items = 8, epoch = 40,
    mirror = 41),
    (name = "r", buffers = ["bufferA", "bufferB"], itemSize = 16, items = 8, mirror = 40),
    (name = "s", buffers = ["bufferA", "bufferB"], itemSize = 16, items = 8, mirror = 3)],
);
