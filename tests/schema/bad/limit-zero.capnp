# SPDX-License-Identifier: Apache-2.0
# expect: limit depth: value 0 allows nothing
@0xc7d20be4f1a80020;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, epochKinds = Good.kinds,
  limits = [
    (name = "epochs", value = 256), (name = "epochsLow", value = 32),
    (name = "epochPool", value = 96),
    (name = "depth")],
);
