# SPDX-License-Identifier: Apache-2.0
# expect: layout bad: its doc has a comment sign
# expect: region cells: its kind has a comment sign
# expect: region cells: its doc has a comment sign
# expect: epoch tick: its signaler has a comment sign
# expect: epoch tick: its waiter has a comment sign
@0xc7d20be4f1a80105;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare-layout.capnp";

const layout :Meta.Layout = (
  name = "bad", doc = "/*", tables = 0x3000,
  regions = [Good.flags, Good.flagsHigh, Good.header,
    (name = "cells", offset = 0x2000, size = 0x40, kind = "*/", doc = "*/")],
  epochs = [(index = 1, name = "tick", kind = "counter",
    signaler = "*/", waiter = "*/")],
);
