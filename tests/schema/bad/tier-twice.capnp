# SPDX-License-Identifier: Apache-2.0
# expect: tier light: the name is used twice
# expect: tier heavy: number 1 is also that of light
# expect: tier heavy: holds no data
@0xc7d20be4f1a8001f;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = Good.limits,
  epochKinds = Good.kinds,
  tiers = [
    (name = "light", number = 0, data = 1),
    (name = "light", number = 1, data = 1),
    (name = "heavy", number = 1)],
);
