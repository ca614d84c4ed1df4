# SPDX-License-Identifier: Apache-2.0
# expect: format: is 0; the first format is 1
# expect: magic: is 0; an empty file must not look like a plane
# expect: endian: reads the same in both byte orders
@0xc7d20be4f1a80023;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 0, magic = 0, endian = 0x01020201, limits = Good.limits,
  epochKinds = Good.kinds,
);
