# SPDX-License-Identifier: Apache-2.0
# expect: error full: the name is not of the form E[A-Z0-9]+
@0xc7d20be4f1a80017;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  errors = [
    (name = "full", code = -1, message = "m", remedy = "r")],
);
