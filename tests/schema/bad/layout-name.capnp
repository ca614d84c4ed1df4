# SPDX-License-Identifier: Apache-2.0
# expect: layout farTooLongAName0: the name has more than 15 characters
@0xc7d20be4f1a8003e;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "farTooLongAName0", tables = 0x2000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = Good.epochs,
);
