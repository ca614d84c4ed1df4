# SPDX-License-Identifier: Apache-2.0
# expect: epoch IDX_PANIC_STATE: is missing; every layout has it
@0xc7d20be4f1a80220;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = [Good.ready, Good.context, Good.pool],
);
