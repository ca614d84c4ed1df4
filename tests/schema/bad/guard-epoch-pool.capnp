# SPDX-License-Identifier: Apache-2.0
# expect: guard table: its epoch 40 is one of IDX_SUPERVISOR_POOL, which have owners of their own
@0xc7d20be4f1a802a3;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    (name = "table", offset = 0x2000, size = 0x80, kind = "table", record = "guard")],
  epochs = Good.epochs,
  guards = [(region = "table", mode = "single", epoch = 40)],
);
