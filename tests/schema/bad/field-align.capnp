# SPDX-License-Identifier: Apache-2.0
# expect: record cell field low: u64 needs more than the record's align 4
@0xc7d20be4f1a8000f;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  records = [(name = "cell", size = 12, align = 4, fields = [
    (name = "low", offset = 0, type = u64)])],
);
