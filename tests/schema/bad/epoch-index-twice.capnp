# SPDX-License-Identifier: Apache-2.0
# expect: epoch IDX_TOCK: index 1 is also that of IDX_TICK
@0xc7d20be4f1a8003b;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = [Good.ready, Good.panic, Good.context, Good.pool,
    (index = 1, name = "IDX_TICK", kind = "counter"),
    (index = 1, name = "IDX_TOCK", kind = "counter")],
);
