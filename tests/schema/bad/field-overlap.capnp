# SPDX-License-Identifier: Apache-2.0
# expect: record cell field high: overlaps field low (0x0004-0x0007 and 0x0000-0x0007)
@0xc7d20be4f1a80008;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  records = [(name = "cell", size = 16, align = 8, fields = [
    (name = "low", offset = 0, type = u64),
    (name = "high", offset = 4, type = u32)])],
);
