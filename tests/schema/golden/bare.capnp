# SPDX-License-Identifier: Apache-2.0
# The least schema that is right; the bad ones borrow from it.
@0xb5f00c3a7d1e9a03;
using Meta = import "../../../schema/meta.capnp";

const limits :List(Meta.Limit) = [
  (name = "epochs", value = 256), (name = "epochsLow", value = 32)];

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = .limits,
  records = [
    (name = "pair", size = 64, align = 64, fields = [
      (name = "low", offset = 0, type = u64),
      (name = "high", offset = 32, type = u64)])],
);
