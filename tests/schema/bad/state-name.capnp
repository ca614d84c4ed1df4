# SPDX-License-Identifier: Apache-2.0
# expect: state Busy_1: the name is not of the form [a-z][A-Za-z0-9]*
@0xc7d20be4f1a8001c;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  states = [(name = "Busy_1", number = 0)],
);
