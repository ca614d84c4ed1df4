# SPDX-License-Identifier: Apache-2.0
# expect: error ELOW: code -128 is not one of -127 to -1
# expect: error EZERO: code 0 is not one of -127 to -1
@0xc7d20be4f1a80016;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  errors = [
    (name = "ELOW", code = -128, message = "m", remedy = "r"),
    (name = "EZERO", code = 0, message = "m", remedy = "r")],
);
