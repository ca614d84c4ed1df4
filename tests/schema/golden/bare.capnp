# SPDX-License-Identifier: Apache-2.0
# The least schema that is right; the bad ones borrow from it.
@0xb5f00c3a7d1e9a03;
using Meta = import "../../../schema/meta.capnp";

const limits :List(Meta.Limit) = [
  (name = "epochs", value = 256), (name = "epochsLow", value = 32),
  (name = "epochPool", value = 96), (name = "guardsMax", value = 2)];
const kinds :List(Meta.Named) = [
  (name = "counter", number = 0), (name = "flag", number = 1),
  (name = "lock", number = 2), (name = "gauge", number = 3),
  (name = "hash", number = 4)];

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, limits = .limits,
  epochKinds = .kinds,
  guardModes = [
    (name = "readOnly", number = 0), (name = "single", number = 1)],
  roles = [(name = "maker", number = 0), (name = "far", number = 32)],
  tiers = [
    (name = "light", number = 0, data = 1),
    (name = "heavy", number = 1, data = 2)],
  records = [
    (name = "guard", size = 64, align = 64, fields = [
      (name = "writer", offset = 0, type = u64)]),
    (name = "pair", size = 64, align = 64, fields = [
      (name = "low", offset = 0, type = u64),
      (name = "high", offset = 32, type = u64)])],
);
