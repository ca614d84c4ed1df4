# SPDX-License-Identifier: Apache-2.0
# expect: record cell field reservedC8: the name is kept for padding
@0xc7d20be4f1a8000d;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  records = [(name = "cell", size = 16, align = 8, fields = [
    (name = "reservedC8", offset = 0, type = u32)])],
);
