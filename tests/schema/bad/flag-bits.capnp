# SPDX-License-Identifier: Apache-2.0
# expect: flag huge: number 3 is not one bit
# expect: parcel flag last: number 0 is not one bit
@0xc7d20be4f1a8001e;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  flags = [(name = "huge", number = 3)],
  parcelFlags = [(name = "last", number = 0)],
);
