# SPDX-License-Identifier: Apache-2.0
# expect: capnp: 6:28: error: Parse error.
@0xc7d20be4f1a80029;
using Meta = import "../../../schema/meta.capnp";

const schema :Meta.Schema = ;
