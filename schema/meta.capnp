# SPDX-License-Identifier: Apache-2.0
# The shape of a schema: what may be said about the bytes of a plane.
# The data are in aether.capnp and in one file per layout; gen.py reads them
# through `capnp eval`, checks them and hands them to one writer per language.
@0xd3a1c05e7b9f4e21;

struct Schema {
  format @0 :UInt32;            # number of the byte format; other ones are refused
  magic @1 :UInt64;             # first eight bytes of a plane header
  endian @2 :UInt32;            # reads otherwise on a machine of other byte order
  errors @3 :List(Error);
  roles @4 :List(Role);
  states @5 :List(Named);       # of a lease
  seatStates @6 :List(Named);   # of a participant's slot
  formats @7 :List(Named);      # what a stride holds
  policies @8 :List(Named);     # what a route does when it is full
  keys @9 :List(Named);         # semantic keys of the specification
  limits @10 :List(Limit);
  words @11 :List(Word);
  records @12 :List(Record);
  tiers @13 :List(Tier);
  flags @14 :List(Named);       # of a plane, one bit each
  parcelFlags @15 :List(Named); # of a parcel, one bit each: AETHER_PARCEL_LAST
  guardModes @16 :List(Named);
  guardViolations @17 :List(Named);
  epochKinds @18 :List(Named);
  rights @19 :List(Named);      # of a process in a segment, each more than the last
}

struct Error {
  name @0 :Text;                # with its E, without AETHER_
  code @1 :Int32;               # -1 to -127
  message @2 :Text;             # what is wrong
  remedy @3 :Text;              # what to do about it
}

struct Role {
  name @0 :Text;
  number @1 :UInt32;
  level @2 :UInt32;             # L0 to L4
  doc @3 :Text;
}

struct Named {
  name @0 :Text;
  number @1 :UInt64;
  doc @2 :Text;
}

struct Limit {
  name @0 :Text;
  value @1 :UInt64;
  unit @2 :Text;
  doc @3 :Text;
}

struct Word {                   # bits within one 64-bit word
  name @0 :Text;
  doc @1 :Text;
  fields @2 :List(Bits);
}

struct Bits {
  name @0 :Text;
  shift @1 :UInt32;
  bits @2 :UInt32;
  doc @3 :Text;
}

struct Record {                 # a structure in shared memory
  name @0 :Text;                # C: struct aether_NAME_seg
  size @1 :UInt32;
  align @2 :UInt32;
  doc @3 :Text;
  fields @4 :List(Field);
}

struct Field {
  name @0 :Text;
  offset @1 :UInt32;
  type @2 :Type;
  count @3 :UInt32 = 1;         # more than one: an array
  writer @4 :Text;              # who may write it, and when
  doc @5 :Text;
}

enum Type {
  u8 @0;                        # plain fields: written before anybody else looks,
  u32 @1;                       # or by the owner of the lease
  u64 @2;
  word32 @3;                    # words: touched by atomic operations only
  word64 @4;
}

struct Tier {
  name @0 :Text;
  number @1 :UInt32;
  data @2 :UInt64;              # bytes
}

struct Layout {
  name @0 :Text;
  doc @1 :Text;
  tables @2 :UInt64;            # where the tables begin, whose sizes a plane chooses
  regions @3 :List(Region);
  epochs @4 :List(Epoch);
  pairs @5 :List(Pair);
  guards @6 :List(Guard);
  tiers @7 :List(PlaneTier);    # none: a tier is the size of the data
}

struct Region {
  name @0 :Text;
  offset @1 :UInt64;
  size @2 :UInt64;
  kind @3 :Text;
  record @4 :Text;              # what lies in it, if it is a record of the schema
  doc @5 :Text;
  addition @6 :Bool;            # not in the specification that the layout follows
}

struct Epoch {
  index @0 :UInt32;
  name @1 :Text;                # IDX_NAME, as the specification spells it
  kind @2 :Text;                # counter, flag, lock, gauge or hash
  signaler @3 :Text;
  waiter @4 :Text;
  count @5 :UInt32 = 1;         # more than one: so many indices from `index` on
}

struct Pair {                   # ping-pong buffers; its control is the record
  name @0 :Text;                # `pair` at its place in the list
  buffers @1 :List(Text);       # two or three regions of one size
  epoch @2 :UInt32;             # is signalled at each commit
  mirror @3 :UInt32;            # epoch that shows the active buffer; 0: none
  itemSize @4 :UInt32;          # bytes of one item
  items @5 :UInt32;             # how many fit
}

struct Guard {                  # who may write a region; its record is the one
  region @0 :Text;              # at its place in the list
  mode @1 :Text;                # readOnly, single or multi
  writers @2 :List(Text);       # roles; none: every role
  readers @3 :List(Text);       # the same
  epoch @4 :UInt32;             # rises while somebody writes; 0: none
}

struct PlaneTier {              # the size of the whole plane
  name @0 :Text;                # one of the schema's tiers
  size @1 :UInt64;              # bytes of the plane
  entities @2 :UInt32;          # what it is for
  peerRole @3 :Text;            # among peers
}
