# SPDX-License-Identifier: Apache-2.0
# expect: record cell: size 20 is not a multiple of its align 8
@0xc7d20be4f1a80010;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  records = [(name = "cell", size = 20, align = 8, fields = [
    (name = "low", offset = 0, type = u64)])],
);
