# SPDX-License-Identifier: Apache-2.0
# expect: error EFULL: code 1 is not one of -127 to -1
# expect: state idle: number 0 is also that of busy
# expect: word lease bits all: ends at bit 65 of 64
@0xc7d20be4f1a80028;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  errors = [
    (name = "EFULL", code = 1, message = "m", remedy = "r")],
  states = [(name = "busy", number = 0), (name = "idle", number = 0)],
  words = [(name = "lease", fields = [
    (name = "all", shift = 0, bits = 65)])],
);
