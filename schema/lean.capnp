# SPDX-License-Identifier: Apache-2.0
# The layout `lean`: the memory network alone. Its first 8 KiB are those of
# every layout; the tables follow at once, then the data. Epochs that it does
# not name are its users' own.
@0xa6c1f3905b7e2d48;
using Meta = import "meta.capnp";

const layout :Meta.Layout = (
  name = "lean",
  doc = "the memory network alone",
  tables = 0x2000,
  regions = [
    (name = "atomicFlags", offset = 0x0000, size = 0x80, kind = "epochs",
     doc = "epochs 0 to 31, at 4 * index"),
    (name = "epochTable", offset = 0x0080, size = 0x1800, kind = "table",
     record = "epoch", doc = "who waits on an epoch, and whose it is"),
    (name = "atomicFlagsHigh", offset = 0x1A40, size = 0x380, kind = "epochs",
     doc = "epochs 32 to 255, at 0x1A40 + 4 * (index - 32)"),
    (name = "planeHeader", offset = 0x1DC0, size = 0x240, kind = "header",
     record = "header", doc = "what a plane is; checked before anything else is believed"),
  ],
  epochs = [
    (index = 0, name = "IDX_KERNEL_READY", kind = "flag", signaler = "kernel", waiter = "all"),
    (index = 3, name = "IDX_PANIC_STATE", kind = "flag", signaler = "any", waiter = "all"),
    (index = 31, name = "IDX_CONTEXT_ID_HASH", kind = "hash", signaler = "host", waiter = "all"),
    (index = 32, count = 96, name = "IDX_SUPERVISOR_POOL", kind = "counter",
     signaler = "owner", waiter = "any"),
  ],
);
