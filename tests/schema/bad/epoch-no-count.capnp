# SPDX-License-Identifier: Apache-2.0
# expect: epoch IDX_TICK: count 0 names no epoch
@0xc7d20be4f1a8021d;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = [Good.ready, Good.panic, Good.context, Good.pool,
    (index = 1, count = 0, name = "IDX_TICK", kind = "counter")],
);
