# SPDX-License-Identifier: Apache-2.0
# expect: state busy: its doc has a comment sign
@0xc7d20be4f1a80026;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  states = [(name = "busy", number = 0, doc = "ends */ early")],
);
