# SPDX-License-Identifier: Apache-2.0
# expect: layout bad: its doc has a comment sign
# expect: region cells: its kind has a comment sign
# expect: region cells: its doc has a comment sign
# expect: epoch IDX_TICK: its signaler has a comment sign
# expect: epoch IDX_TICK: its waiter has a comment sign
@0xc7d20be4f1a80105;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", doc = "/*", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    (name = "cells", offset = 0x2000, size = 0x40, kind = "*/", doc = "*/")],
  epochs = [Good.ready, Good.panic, Good.context, Good.pool,
    (index = 1, name = "IDX_TICK", kind = "counter",
    signaler = "*/", waiter = "*/")],
);
