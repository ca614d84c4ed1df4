# SPDX-License-Identifier: Apache-2.0
# expect: limit epochs: is missing; the layouts need it
# expect: limit epochPool: is missing; the layouts need it
@0xc7d20be4f1a80022;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, epochKinds = Good.kinds,
  limits = [(name = "epochsLow", value = 32)],
);
