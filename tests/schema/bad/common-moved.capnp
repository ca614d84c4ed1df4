# SPDX-License-Identifier: Apache-2.0
# expect: region atomicFlagsHigh: is at 0x1A40-0x1ABF, but at 0x1A40-0x1DBF in...
# expect: region planeHeader: is at 0x2000-0x223F, but at 0x1DC0-0x1FFF in...
# expect: region atomicFlagsHigh: has 0x80 bytes; 224 epochs take 0x380
@0xc7d20be4f1a80037;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags,
    (name = "planeHeader", offset = 0x2000, size = 0x240, kind = "table"),
    (name = "atomicFlagsHigh", offset = 0x1A40, size = 0x80, kind = "epochs")],
  epochs = Good.epochs,
);
