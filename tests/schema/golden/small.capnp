# SPDX-License-Identifier: Apache-2.0
# A schema for the golden test: little of each kind, and what is easily
# written wrongly: a word of one field of 64 bits, gaps, arrays, an empty
# list, quotes, backslashes, bars, question marks, long texts, large numbers.
@0xb5f00c3a7d1e9a01;
using Meta = import "../../../schema/meta.capnp";

const schema :Meta.Schema = (
  format = 7,
  magic = 0xF123456789ABCDEF,
  endian = 0x01020304,
  errors = [
    (name = "EINVAL", code = -1, message = "a \"quoted\" value",
     remedy = "use a\\b or a|b, not a??)b"),
    (name = "ELONGEST", code = -127,
     message = "a message that takes most of a line of eighty columns by itself",
     remedy = "a remedy that is longer than any line of the header may be at all, so stands alone"),
  ],
  roles = [
    (name = "maker", number = 0, level = 4, doc = "makes"),
    (name = "lateTaker", number = 7, level = 0,
     doc = "takes what was made, but only once it is late and nobody else did"),
  ],
  states = [(name = "dormant", number = 0, doc = "free")],
  seatStates = [(name = "free", number = 0, doc = "nobody")],
  formats = [(name = "raw", number = 0)],
  policies = [(name = "dropNew", number = 1, doc = "drop the newest")],
  keys = [],
  flags = [(name = "huge", number = 1073741824, doc = "the highest bit")],
  parcelFlags = [(name = "last", number = 1, doc = "no more follow")],
  guardModes = [
    (name = "readOnly", number = 0), (name = "single", number = 1)],
  rights = [(name = "none", number = 0, doc = "nothing")],
  guardViolations = [(name = "writer", number = 0, doc = "may not write")],
  epochKinds = [
    (name = "counter", number = 0, doc = "rises"),
    (name = "flag", number = 1, doc = "is set and cleared"),
    (name = "lock", number = 2, doc = "names who holds it"),
    (name = "hash", number = 4)],
  limits = [
    (name = "epochs", value = 256, unit = "epochs", doc = "all"),
    (name = "epochsLow", value = 32, unit = "epochs", doc = "first region"),
    (name = "epochPool", value = 96, unit = "epochs", doc = "pool"),
    (name = "justInt", value = 2147483647, unit = "bytes", doc = "fits int"),
    (name = "notInt", value = 2147483648, unit = "bytes", doc = "does not"),
    (name = "all64", value = 18446744073709551615, unit = "bytes",
     doc = "the largest there is"),
  ],
  words = [
    (name = "lease", doc = "with a gap and an unused end", fields = [
      (name = "state", shift = 0, bits = 3, doc = "state"),
      (name = "lastOwner", shift = 8, bits = 40, doc = "who had it"),
    ]),
    (name = "whole", doc = "one field of all bits", fields = [
      (name = "value", shift = 0, bits = 64, doc = "all of it"),
    ]),
    (name = "edge", doc = "the highest bit alone", fields = [
      (name = "top", shift = 63, bits = 1, doc = "bit 63"),
      (name = "rest", shift = 0, bits = 63),
    ]),
  ],
  records = [
    (name = "header", size = 64, align = 64, doc = "gaps, arrays, every type",
     fields = [
      (name = "tag", offset = 4, type = u32, writer = "maker", doc = "tag"),
      (name = "label", offset = 8, type = u8, count = 5, writer = "maker",
       doc = "not a multiple of anything"),
      (name = "pair", offset = 16, type = u64, count = 2, doc = "no writer"),
      (name = "cursorLow", offset = 36, type = word32, writer = "taker",
       doc = "a field whose text is so long that its comment takes lines"),
      (name = "cursors", offset = 40, type = word64, count = 3),
    ]),
    (name = "dense", size = 4, align = 4, fields = [
      (name = "only", offset = 0, type = u32, writer = "all", doc = "full"),
    ]),
    (name = "pair", size = 32, align = 32, fields = [
      (name = "state", offset = 0, type = word64)]),
    (name = "pins", size = 128, align = 64, fields = [
      (name = "pin", offset = 64, type = word64, count = 8)]),
    (name = "guard", size = 128, align = 64, fields = [
      (name = "writer", offset = 0, type = word64)]),
  ],
  tiers = [
    (name = "light", number = 0, data = 1048576),
    (name = "vast", number = 1, data = 4294967296),
  ],
);
