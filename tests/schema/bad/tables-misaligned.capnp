# SPDX-License-Identifier: Apache-2.0
# expect: tables: offset 0x2010 is misaligned: tables need a multiple of 64
@0xc7d20be4f1a80035;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x2010,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = Good.epochs,
);
