# SPDX-License-Identifier: Apache-2.0
# expect: limit epochsLow: is not below the limit epochs
@0xc7d20be4f1a80103;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, epochKinds = Good.kinds,
  limits = [
    (name = "epochs", value = 128), (name = "epochsLow", value = 128),
    (name = "epochPool", value = 96)],
);
