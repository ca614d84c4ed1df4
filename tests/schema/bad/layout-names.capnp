# SPDX-License-Identifier: Apache-2.0
# expect: layout Bad: the name is not of the form [a-z][A-Za-z0-9]*
# expect: epoch tick tock: the name is not of the form IDX_[A-Z0-9]+(_[A-Z0-9]+)*
@0xc7d20be4f1a80104;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "Bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = [Good.ready, Good.panic, Good.context, Good.pool,
    (index = 1, name = "tick tock", kind = "counter")],
);
