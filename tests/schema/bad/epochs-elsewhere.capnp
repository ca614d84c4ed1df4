# SPDX-License-Identifier: Apache-2.0
# expect: region cells: only atomicFlags and atomicFlagsHigh are of the kind epochs, and both are
@0xc7d20be4f1a80038;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    (name = "cells", offset = 0x2000, size = 0x80, kind = "epochs")],
  epochs = Good.epochs,
);
