# SPDX-License-Identifier: Apache-2.0
# expect: tier light: its peer_role has a comment sign
@0xc7d20be4f1a8021c;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = Good.epochs,
  tiers = [
    (name = "light", size = 0x4000, peerRole = "*/"),
    (name = "heavy", size = 0x8000)],
);
