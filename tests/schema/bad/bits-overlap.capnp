# SPDX-License-Identifier: Apache-2.0
# expect: word lease bits seat: overlaps bits state (2-7 and 0-2)
@0xc7d20be4f1a80001;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  words = [(name = "lease", fields = [
    (name = "state", shift = 0, bits = 3),
    (name = "seat", shift = 2, bits = 6)])],
);
