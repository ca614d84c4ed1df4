# SPDX-License-Identifier: Apache-2.0
# expect: limit Depth: the name is not of the form [a-z][A-Za-z0-9]*
# expect: word 2nd: the name is not of the form [a-z][A-Za-z0-9]*
# expect: word 2nd bits a_b: the name is not of the form [a-z][A-Za-z0-9]*
# expect: record Cell: the name is not of the form [a-z][A-Za-z0-9]*
# expect: record Cell field low-1: the name is not of the form [a-z][A-Za-z0-9]*
@0xc7d20be4f1a80101;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, epochKinds = Good.kinds,
  limits = [
    (name = "epochs", value = 256), (name = "epochsLow", value = 32),
    (name = "epochPool", value = 96),
    (name = "Depth", value = 1)],
  words = [(name = "2nd", fields = [(name = "a_b", bits = 6)])],
  records = [(name = "Cell", size = 8, align = 8, fields = [
    (name = "low-1", offset = 0, type = u64)])],
);
