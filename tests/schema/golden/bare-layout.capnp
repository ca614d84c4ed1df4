# SPDX-License-Identifier: Apache-2.0
# The least layout that is right; the bad ones borrow from it.
@0xb5f00c3a7d1e9a04;
using Meta = import "../../../schema/meta.capnp";

const flags :Meta.Region =
  (name = "atomicFlags", offset = 0, size = 0x80, kind = "epochs");
const flagsHigh :Meta.Region =
  (name = "atomicFlagsHigh", offset = 0x1A40, size = 0x380, kind = "epochs");
const header :Meta.Region =
  (name = "planeHeader", offset = 0x1DC0, size = 0x240, kind = "header");

const layout :Meta.Layout = (
  name = "bare", tables = 0x2000,
  regions = [.flags, .flagsHigh, .header],
);
