# SPDX-License-Identifier: Apache-2.0
# expect: region cells: has no size
# expect: region cells: has no kind
@0xc7d20be4f1a80032;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    (name = "cells", offset = 0x2000)],
  epochs = Good.epochs,
);
