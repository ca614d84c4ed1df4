# SPDX-License-Identifier: Apache-2.0
# expect: record cell field tail: lies outside its record: ends at 0x14, the record at 0x10
@0xc7d20be4f1a80009;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  records = [(name = "cell", size = 16, align = 8, fields = [
    (name = "low", offset = 0, type = u64),
    (name = "tail", offset = 8, type = u8, count = 12)])],
);
