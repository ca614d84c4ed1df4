# SPDX-License-Identifier: Apache-2.0
# expect: region table: has 0x80 bytes; 3 records guard take 0xC0
# expect: layout bad: has 3 guards, the limit guardsMax says 2
@0xc7d20be4f1a80217;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    (name = "table", offset = 0x2000, size = 0x80, kind = "table", record = "guard")],
  epochs = Good.epochs,
  guards = [
    (region = "table", mode = "single"),
    (region = "planeHeader", mode = "readOnly"),
    (region = "atomicFlags", mode = "readOnly")],
);
