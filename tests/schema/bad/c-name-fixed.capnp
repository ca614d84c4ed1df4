# SPDX-License-Identifier: Apache-2.0
# expect: limit format: its C name AETHER_FORMAT is also that of the header itself
@0xc7d20be4f1a80025;
using Meta = import "../../../schema/meta.capnp";
using Good = import "../golden/bare.capnp";

const schema :Meta.Schema = (
  format = 1, magic = 1, endian = 1, epochKinds = Good.kinds,
  limits = [
    (name = "epochs", value = 256), (name = "epochsLow", value = 32),
    (name = "epochPool", value = 96),
    (name = "format", value = 1)],
);
