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

const ready :Meta.Epoch =
  (index = 0, name = "IDX_KERNEL_READY", kind = "flag");
const panic :Meta.Epoch =
  (index = 3, name = "IDX_PANIC_STATE", kind = "flag");
const context :Meta.Epoch =
  (index = 31, name = "IDX_CONTEXT_ID_HASH", kind = "hash");
const pool :Meta.Epoch =
  (index = 32, count = 96, name = "IDX_SUPERVISOR_POOL", kind = "counter");
const epochs :List(Meta.Epoch) = [.ready, .panic, .context, .pool];

# For pairs: their control and two buffers, from 0x2000 to 0x213F.
const control :Meta.Region =
  (name = "control", offset = 0x2000, size = 0x40, kind = "control",
   record = "pair");
const bufferA :Meta.Region =
  (name = "bufferA", offset = 0x2040, size = 0x80, kind = "buffer");
const bufferB :Meta.Region =
  (name = "bufferB", offset = 0x20C0, size = 0x80, kind = "buffer");

const layout :Meta.Layout = (
  name = "bare", tables = 0x2000,
  regions = [.flags, .flagsHigh, .header],
  epochs = .epochs,
);
