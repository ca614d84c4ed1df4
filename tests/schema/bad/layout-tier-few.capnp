# SPDX-License-Identifier: Apache-2.0
# expect: layout bad: does not give every tier a size
@0xc7d20be4f1a8021b;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = Good.epochs,
  tiers = [
    (name = "light", size = 0x4000)],
);
