# SPDX-License-Identifier: Apache-2.0
# expect: layout Bad: the name is not of the form [a-z][A-Za-z0-9]*
# expect: epoch tick tock: the name is not of the form [A-Za-z][A-Za-z0-9_]*
@0xc7d20be4f1a80104;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "Bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = [(index = 1, name = "tick tock", kind = "counter")],
);
