# SPDX-License-Identifier: Apache-2.0
# expect: region atomicFlagsHigh: is at 0x1A3E-0x1DBD, but at 0x1A40-0x1DBF in...
# expect: region atomicFlagsHigh: offset 0x1A3E is misaligned: epochs need a multiple of 4
@0xc7d20be4f1a80106;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.header,
    (name = "atomicFlagsHigh", offset = 0x1A3E, size = 0x380,
     kind = "epochs")],
  epochs = Good.epochs,
);
