# SPDX-License-Identifier: Apache-2.0
# expect: role maker: level 5 is not one of 0 to 4
@0xc7d20be4f1a80019;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  roles = [(name = "maker", number = 0, level = 5)],
);
