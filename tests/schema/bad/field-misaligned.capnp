# SPDX-License-Identifier: Apache-2.0
# expect: record cell field high: offset 0xC is misaligned: u64 needs a multiple of 8
@0xc7d20be4f1a80007;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  records = [(name = "cell", size = 24, align = 8, fields = [
    (name = "high", offset = 12, type = u64)])],
);
