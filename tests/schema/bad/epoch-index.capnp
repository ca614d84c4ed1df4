# SPDX-License-Identifier: Apache-2.0
# expect: epoch IDX_LATE: index 256 is not below the limit of 256 epochs
@0xc7d20be4f1a80039;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = [Good.ready, Good.panic, Good.context, Good.pool,
    (index = 256, name = "IDX_LATE", kind = "counter")],
);
