# SPDX-License-Identifier: Apache-2.0
# expect: state busy: number 2147483648 does not fit a C enum
@0xc7d20be4f1a8001d;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  states = [(name = "busy", number = 2147483648)],
);
