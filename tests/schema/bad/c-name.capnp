# SPDX-License-Identifier: Apache-2.0
# expect: word seat bits free: its C name AETHER_SEAT_FREE is also that of seat state free
@0xc7d20be4f1a80024;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  seatStates = [(name = "free", number = 0)],
  words = [(name = "seat", fields = [(name = "free", bits = 6)])],
);
