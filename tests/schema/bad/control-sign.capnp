# SPDX-License-Identifier: Apache-2.0
# expect: epoch IDX_LAST\x0a\x1b[1m: the name is not of the form IDX_...
@0xc7d20be4f1a80225;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = [Good.ready, Good.panic, Good.context, Good.pool,
    (index = 200, name = "IDX_LAST\n\x1b[1m", kind = "counter")],
);
