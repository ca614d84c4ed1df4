# SPDX-License-Identifier: Apache-2.0
# expect: const schema: is not what model.py knows: a Schema with addition, kind, offset, size
@0xc7d20be4f1a8002a;
using Meta = import "../../../schema/meta.capnp";

const schema :Meta.Region = (kind = "epochs");
