# SPDX-License-Identifier: Apache-2.0
# expect: layout bad: has no region with 1 records guard
@0xc7d20be4f1a80216;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = Good.epochs,
  guards = [(region = "planeHeader", mode = "readOnly")],
);
