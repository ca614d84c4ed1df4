# SPDX-License-Identifier: Apache-2.0
# expect: epoch tock: index 1 is also that of tick
@0xc7d20be4f1a8003b;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = [
    (index = 1, name = "tick", kind = "counter"),
    (index = 1, name = "tock", kind = "counter")],
);
