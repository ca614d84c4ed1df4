# SPDX-License-Identifier: Apache-2.0
# expect: record cell field aBc: its C name is also that of field aBC
@0xc7d20be4f1a8000b;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  records = [(name = "cell", size = 16, align = 8, fields = [
    (name = "aBC", offset = 0, type = u32),
    (name = "aBc", offset = 8, type = u32)])],
);
