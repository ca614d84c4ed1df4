# SPDX-License-Identifier: Apache-2.0
# expect: region control: has 0x40 bytes; 4 records pair take 0x100
# expect: pair q: its epoch 200 is the epoch of pair p
# expect: pair q: its mirror 201 is the mirror of pair p
# expect: pair r: its mirror 200 is the epoch of pair p
# expect: pair s: its mirror 3 is IDX_PANIC_STATE
@0xc7d20be4f1a8029a;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header, Good.control,
    (name = "a", offset = 0x2040, size = 0x80, kind = "buffer"),
    (name = "b", offset = 0x20C0, size = 0x80, kind = "buffer"),
    (name = "c", offset = 0x2140, size = 0x80, kind = "buffer"),
    (name = "d", offset = 0x21C0, size = 0x80, kind = "buffer"),
    (name = "e", offset = 0x2240, size = 0x80, kind = "buffer"),
    (name = "f", offset = 0x22C0, size = 0x80, kind = "buffer"),
    (name = "g", offset = 0x2340, size = 0x80, kind = "buffer"),
    (name = "h", offset = 0x23C0, size = 0x80, kind = "buffer")],
  epochs = [Good.ready, Good.panic, Good.context, Good.pool,
    (index = 200, count = 2, name = "IDX_TICK", kind = "counter")],
  pairs = [(name = "p", buffers = ["a", "b"], itemSize = 16, items = 8, epoch = 200,
    mirror = 201),
    (name = "q", buffers = ["c", "d"], itemSize = 16, items = 8, epoch = 200,
    mirror = 201),
    (name = "r", buffers = ["e", "f"], itemSize = 16, items = 8, mirror = 200),
    (name = "s", buffers = ["g", "h"], itemSize = 16, items = 8, mirror = 3)],
);
