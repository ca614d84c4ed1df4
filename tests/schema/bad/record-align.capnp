# SPDX-License-Identifier: Apache-2.0
# expect: record cell: align 24 is not a power of two
@0xc7d20be4f1a80011;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  records = [(name = "cell", size = 24, align = 24, fields = [
    (name = "low", offset = 0, type = u64)])],
);
