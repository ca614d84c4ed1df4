# SPDX-License-Identifier: Apache-2.0
# expect: epoch IDX_PANIC_STATE: is 1 of kind lock from index 3, but 1 of kind flag from index 3 in...
@0xc7d20be4f1a80222;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = [Good.ready, Good.context, Good.pool,
    (index = 3, name = "IDX_PANIC_STATE", kind = "lock")],
);
