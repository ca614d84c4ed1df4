# SPDX-License-Identifier: Apache-2.0
# expect: record cell: has no fields
# expect: record cell: has no size
@0xc7d20be4f1a80012;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  records = [(name = "cell", align = 8)],
);
