# SPDX-License-Identifier: Apache-2.0
# expect: epoch IDX_SUPERVISOR_POOL: is 95 of kind counter from index 32, but 96 of kind counter from index 32 in...
# expect: epoch IDX_SUPERVISOR_POOL: has 95 epochs, the limit epochPool says 96
@0xc7d20be4f1a80223;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = [Good.ready, Good.panic, Good.context,
    (index = 32, count = 95, name = "IDX_SUPERVISOR_POOL", kind = "counter")],
);
