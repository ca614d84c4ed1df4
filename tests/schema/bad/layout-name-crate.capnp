# SPDX-License-Identifier: Apache-2.0
# expect: layout crate: the name is a word of a language
@0xc7d20be4f1a80302;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "crate", tables = 0x2000,
  regions = [Good.flags, Good.flagsHigh, Good.header],
  epochs = Good.epochs,
);
