# SPDX-License-Identifier: Apache-2.0
# expect: role taker: number 3 is also that of maker
@0xc7d20be4f1a8001a;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  roles = [(name = "maker", number = 3), (name = "taker", number = 3)],
);
