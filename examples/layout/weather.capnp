# SPDX-License-Identifier: Apache-2.0
# A layout of one's own: weather stations write what they measure, a model
# writes forecasts into one of three buffers while others read another one.
# Up to 0x1FFF it is as every layout; then come the regions, and at `tables`
# the library's tables and the data. docs/schema.md says how to build it.
@0x9d3a6c51e8b2f074;
using Meta = import "../../schema/meta.capnp";

const layout :Meta.Layout = (
  name = "weather",
  doc = "stations, and a forecast in three buffers",
  tables = 0x10000,
  regions = [
    (name = "atomicFlags", offset = 0x0000, size = 0x80, kind = "epochs",
     doc = "epochs 0 to 31"),
    (name = "epochTable", offset = 0x0080, size = 0x1800, kind = "table",
     record = "epoch", doc = "who waits on an epoch, and whose it is"),
    (name = "atomicFlagsHigh", offset = 0x1A40, size = 0x380, kind = "epochs",
     doc = "epochs 32 to 255"),
    (name = "planeHeader", offset = 0x1DC0, size = 0x240, kind = "header",
     record = "header", doc = "what a plane is"),
    (name = "stations", offset = 0x2000, size = 0x1000, kind = "table",
     doc = "64 stations of 64 bytes"),
    (name = "forecastControl", offset = 0x3000, size = 0x40, kind = "control",
     record = "pair", doc = "which forecast is the present one"),
    (name = "forecastPins", offset = 0x3040, size = 0x480, kind = "table",
     record = "pins", doc = "readers that hold a forecast"),
    (name = "guardTable", offset = 0x3500, size = 0x80, kind = "table",
     record = "guard", doc = "one for each line of guards"),
    (name = "forecastA", offset = 0x4000, size = 0x4000, kind = "buffer",
     doc = "1000 places of 16 bytes"),
    (name = "forecastB", offset = 0x8000, size = 0x4000, kind = "buffer",
     doc = "the same"),
    (name = "forecastC", offset = 0xC000, size = 0x4000, kind = "buffer",
     doc = "the same"),
  ],
  epochs = [
    (index = 0, name = "IDX_KERNEL_READY", kind = "flag", signaler = "kernel", waiter = "all"),
    (index = 3, name = "IDX_PANIC_STATE", kind = "flag", signaler = "any", waiter = "all"),
    (index = 8, name = "IDX_STATIONS", kind = "counter", signaler = "station", waiter = "model"),
    (index = 9, name = "IDX_FORECAST", kind = "counter", signaler = "model", waiter = "all"),
    (index = 31, name = "IDX_CONTEXT_ID_HASH", kind = "hash", signaler = "host", waiter = "all"),
    (index = 32, count = 96, name = "IDX_SUPERVISOR_POOL", kind = "counter",
     signaler = "owner", waiter = "any"),
  ],
  pairs = [
    (name = "forecast", buffers = ["forecastA", "forecastB", "forecastC"],
     epoch = 9, itemSize = 16, items = 1000),
  ],
  guards = [
    (region = "stations", mode = "single", writers = ["ingress"], epoch = 8),
    (region = "planeHeader", mode = "readOnly"),
  ],
);
