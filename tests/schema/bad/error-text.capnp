# SPDX-License-Identifier: Apache-2.0
# expect: error EFULL: has no message
# expect: error EFULL: has no remedy
@0xc7d20be4f1a80018;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  errors = [
    (name = "EFULL", code = -1)],
);
