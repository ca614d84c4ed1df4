# SPDX-License-Identifier: Apache-2.0
# expect: layout bare: the name is used twice, also in...
@0xc7d20be4f1a8003d;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bare", tables = 0x2000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = Good.epochs,
);
