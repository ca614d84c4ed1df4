# SPDX-License-Identifier: Apache-2.0
# expect: region cells: reaches into the tables (0x2FC0-0x303F, tables from 0x3000)
@0xc7d20be4f1a80034;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    (name = "cells", offset = 0x2FC0, size = 0x80, kind = "table")],
  epochs = Good.epochs,
);
