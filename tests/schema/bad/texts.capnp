# SPDX-License-Identifier: Apache-2.0
# expect: error EFULL: its message has a comment sign
# expect: error EFULL: its remedy has a comment sign
# expect: limit depth: its unit has a comment sign
# expect: limit depth: its doc has a comment sign
# expect: word lease: its doc has a comment sign
# expect: word lease bits seat: its doc has a comment sign
# expect: record cell: its doc has a comment sign
# expect: record cell field low: its doc has a comment sign
# expect: record cell field low: its writer has a comment sign
@0xc7d20be4f1a80102;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, epochKinds = Good.kinds,
  limits = [
    (name = "epochs", value = 256), (name = "epochsLow", value = 32),
    (name = "epochPool", value = 96),
    (name = "depth", value = 1, unit = "/*", doc = "/*")],
  errors = [(name = "EFULL", code = -1, message = "/*", remedy = "/*")],
  words = [(name = "lease", doc = "*/", fields = [
    (name = "seat", bits = 6, doc = "*/")])],
  records = [(name = "cell", size = 8, align = 8, doc = "*/", fields = [
    (name = "low", offset = 0, type = u64, doc = "*/", writer = "*/")])],
);
