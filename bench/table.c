/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of all rows: what each is, and what is wanted of it.
 */
#include "bench.h"

#define COPY "memcpy of the same"
#define SWAPS "two compare-and-swaps"

/* What most rows of a kind have in common. */
#define NS .unit = "ns", .better = "lower"
#define GBPS .unit = "GB/s", .better = "higher"
#define SLICE GBPS, .baseline = COPY
#define PIPE GBPS, .baseline = "cp of the same", .files = 1
#define FLAT_STRIDES \
	NS, .baseline = "with 64 strides", .wanted = 1.15, \
	    .run = bench_flat_strides
#define FLAT_PARTICIPANTS \
	NS, .baseline = "alone", .wanted = 1.15, .run = bench_flat_participants
#define FLAT_FILE \
	GBPS, .baseline = "a file of 256 MiB", .files = 1, \
	      .run = bench_flat_file
#define FILE_IN GBPS, .baseline = "read", .files = 1, .run = bench_file_in
#define FILE_OUT GBPS, .baseline = "write", .files = 1, .run = bench_file_out
#define PEER NS, .baseline = "handoff", .against = 1

const struct bench bench_table[] = {
	{ "handoff", "one way: reserve, write, route, take by a spinner", NS,
	  .baseline = "bare cache line", .wanted = 2.75, .run = bench_handoff },
	{ "handoff-floor", "the same, bare protocol without the library", NS,
	  .baseline = "bare cache line", .run = bench_handoff_floor },
	{ "handoff-segments", "handoff on a plane of 8 segments", NS,
	  .baseline = "handoff, undivided", .wanted = 1.05,
	  .run = bench_handoff_segments },
	{ "reserve", "reserve and release, one process", NS, .baseline = SWAPS,
	  .wanted = 3.2, .run = bench_reserve },
	{ "reserve-2", "the same, two processes at once", NS, .baseline = SWAPS,
	  .wanted = 3.5, .run = bench_reserve_2 },
	{ "metadata", "bytes that are not data, 1024 strides", "bytes", "lower",
	  "plane size", .wanted = 0.01, .run = bench_metadata },
	{ "reap", "from SIGKILL until 128 MiB of strides are usable", "ms",
	  "lower", "dropping a bare lock", .p99 = 12, .more = 2,
	  .run = bench_reap },
	{ "parked", "processor time of one who waits, and of its watch", "%",
	  "lower", "one processor", .wanted = 0.001, .run = bench_parked },
	{ "attach-socket", "attach over a socket, 64 processes at once", "ms",
	  "lower", "a bare descriptor", .p99 = 5, .more = 5,
	  .run = bench_attach_socket },
	{ "attach-segments", "the same, a plane of 4 segments", "ms", "lower",
	  "a bare descriptor", .run = bench_attach_segments },

	{ "pingpong", "checked reads of 10,000 birds beside a writer",
	  "reads/s", "higher", .baseline = "memcpy beside a reader",
	  .wanted = 0.85, .run = bench_pingpong },
	{ "pingpong-commit", "commits of 10,000 birds beside a reader",
	  "commits/s", "higher", .baseline = "memcpy beside a reader",
	  .wanted = 0.85, .run = bench_pingpong_commit },
	{ "signal", "signal an epoch that nobody waits for", NS,
	  .baseline = "an atomic add", .wanted = 1.2, .run = bench_signal },
	{ "wake", "one way: signal, the waiter is parked", NS,
	  .baseline = "a bare futex wake", .wanted = 1.08, .run = bench_wake },
	{ "wake-spin", "one way: signal, the waiter spins", NS,
	  .baseline = "bare cache line", .wanted = 1.3,
	  .run = bench_wake_spin },
	{ "fanout", "signal 16 who are parked, until the last is awake", NS,
	  .baseline = "16 on one futex word", .wanted = 1.2,
	  .run = bench_fanout },

	{ "slice", "bytes to bit-planes, from memory", SLICE, .wanted = 0.85,
	  .run = bench_slice },
	{ "unslice", "bit-planes to bytes, from memory", SLICE, .wanted = 0.85,
	  .run = bench_unslice },
	{ "slice-stream", "slice, written past the caches", SLICE,
	  .wanted = 1.25, .run = bench_slice_stream },
	{ "unslice-stream", "unslice, written past the caches", SLICE,
	  .wanted = 1.25, .run = bench_unslice_stream },
	{ "slice-hot", "slice, in cache", SLICE, .wanted = 0.8,
	  .run = bench_slice_hot },
	{ "unslice-hot", "unslice, in cache", SLICE, .wanted = 0.8,
	  .run = bench_unslice_hot },
	{ "slice-inplace", "slice in place, from memory", SLICE, .wanted = 1.5,
	  .run = bench_slice_inplace },
	{ "unslice-inplace", "unslice in place, from memory", SLICE,
	  .wanted = 1.5, .run = bench_unslice_inplace },
	{ "slice-avx2", "slice with AETHER_ISA=avx2", SLICE, .wanted = 0.9,
	  .run = bench_slice, .isa = "avx2" },
	{ "slice-avx2-stream", "slice-stream with AETHER_ISA=avx2", SLICE,
	  .wanted = 0.9, .run = bench_slice_stream, .isa = "avx2" },
	{ "slice-avx2-hot", "slice-hot with AETHER_ISA=avx2", SLICE,
	  .wanted = 0.35, .run = bench_slice_hot, .isa = "avx2" },
	{ "slice-scalar", "slice-hot with AETHER_ISA=scalar", GBPS,
	  .baseline = "a byte at a time", .wanted = 4,
	  .run = bench_slice_scalar_hot, .isa = "scalar" },

	{ "burn-rs", "RS(10,4) on bit-planes, without slicing, from memory",
	  GBPS, .baseline = "ISA-L ec_encode_data", .wanted = 1.5,
	  .run = bench_burn_rs },
	{ "burn-rs-hot", "burn-rs, in cache", GBPS,
	  .baseline = "ISA-L ec_encode_data", .wanted = 2.2,
	  .run = bench_burn_rs_hot },
	{ "burn-rs-avx2", "burn-rs with AETHER_ISA=avx2", GBPS,
	  .baseline = "ISA-L, its AVX2", .wanted = 1.1,
	  .run = bench_burn_rs_avx2, .isa = "avx2" },
	{ "burn-rs-avx2-hot", "burn-rs-hot with AETHER_ISA=avx2", GBPS,
	  .baseline = "ISA-L, its AVX2", .wanted = 1.4,
	  .run = bench_burn_rs_avx2_hot, .isa = "avx2" },
	{ "burn-rs-scalar", "burn-rs-hot with AETHER_ISA=scalar", GBPS,
	  .baseline = "ISA-L, its C", .wanted = 25, .run = bench_burn_rs_scalar,
	  .isa = "scalar" },
	{ "decode-rs", "4 of 14 strides rebuilt, without slicing, from memory",
	  GBPS, .baseline = "ISA-L ec_encode_data", .wanted = 1.5,
	  .run = bench_decode_rs },

	{ "pipeline", "aether run --burn xor:5a, 1 GiB tmpfs to tmpfs", PIPE,
	  .wanted = 0.85, .least = 1, .run = bench_pipeline },
	{ "pipeline-raw", "the same with --raw --burn none", PIPE,
	  .wanted = 0.95, .run = bench_pipeline_raw },
	{ "pipeline-loop", "pipeline against one process that does it all",
	  "GB/s", "higher", "read, burn, write", .files = 1,
	  .run = bench_pipeline_loop },
	{ "pipeline-small", "the same with strides of 4 KiB, 64 MiB",
	  "strides/s", "higher", "1 / handoff", .files = 1,
	  .run = bench_pipeline_small },

	{ "encode", "aether encode -k 10 -m 4 of 1 GiB, tmpfs to tmpfs", GBPS,
	  .baseline = "cp of as many bytes", .files = 1, .wanted = 1.0,
	  .run = bench_encode },
	{ "decode", "aether decode of that, 4 shards lost", PIPE,
	  .run = bench_decode },

	{ "flat-strides-16", "hand to oneself in a plane of 16 strides",
	  FLAT_STRIDES },
	{ "flat-strides-1024", "the same, 1024 strides", FLAT_STRIDES },
	{ "flat-strides-8192", "the same, 8192 strides", FLAT_STRIDES },
	{ "flat-participants-2", "hand to oneself beside one who idles",
	  FLAT_PARTICIPANTS },
	{ "flat-participants-16", "the same, 16 participants in all",
	  FLAT_PARTICIPANTS },
	{ "flat-participants-64", "the same, 64 participants in all",
	  FLAT_PARTICIPANTS },
	{ "flat-file-64M", "aether run --burn xor:5a of 64 MiB", FLAT_FILE },
	{ "flat-file-256M", "the same, 256 MiB", FLAT_FILE },
	{ "flat-file-1G", "the same, 1 GiB", FLAT_FILE },
	{ "flat-file-4G", "the same, 4 GiB", FLAT_FILE },

	{ "file-in-map", "copy out of a mapping, faulted in", FILE_IN },
	{ "file-in-populate", "the same, MAP_POPULATE", FILE_IN },
	{ "file-out-writev", "writev of eight strides", FILE_OUT },
	{ "file-out-ahead", "fallocate of 64 MiB ahead, write", FILE_OUT },
	{ "file-out-splice", "vmsplice into a pipe, splice", FILE_OUT },
	{ "file-out-map", "into a mapping, populated", FILE_OUT },
	{ "file-out-map-ahead", "fallocate, then into a mapping", FILE_OUT },

	{ "peer-ucx", "8 bytes one way by UCX (ucx_perftest)", PEER,
	  .run = bench_peer_ucx },
	{ "peer-iceoryx", "8 bytes one way by iceoryx 2", PEER,
	  .run = bench_peer_iceoryx },
	{ NULL },
};

_Static_assert(sizeof(bench_table) / sizeof(bench_table[0]) <= BENCH_ROWS_MAX,
	       "more rows than main.c can choose from");
