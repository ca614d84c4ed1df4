# SPDX-License-Identifier: Apache-2.0
# expect: record cell: the name is used twice
@0xc7d20be4f1a80013;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  records = [
    (name = "cell", size = 8, align = 8, fields = [(name = "low")]),
    (name = "cell", size = 8, align = 8, fields = [(name = "low")])],
);
