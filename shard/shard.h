/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format of shard directories: what lies where in a shard, and what of it
 * can be believed. Every number of the format is here; docs/shards.md says the
 * same in words, and a test reads shards by that page alone.
 *
 *	header | G strides | block | G strides | block | ... | the last block
 *
 * A file is cut into stripes of k strides; each stripe gets m parities. Shard j
 * holds stride j of every stripe, as it is if j < k. A block has the checksums
 * of the G strides before it. All positions follow from the header, so shards
 * are read and written anywhere, in any order, with a memory that does not
 * depend on the file.
 *
 * Pure: nothing here opens, allocates or waits. Whatever was read is hostile
 * until a function here has said otherwise.
 */
#ifndef AE_SHARD_H
#define AE_SHARD_H

#include <stddef.h>
#include <stdint.h>

#define AE_SHARDS_MAX 255u /* k + m */
#define AE_SHARD_ID 16u    /* bytes of the random name of an encoded file */

#define AE_SHARD_VERSION 1u
#define AE_SHARD_MAGIC "AETHSHRD"
#define AE_SHARD_SUMS_MAGIC "AETHSUMS"

/* Of a stride: a power of two between these; and a stripe, with its parities,
 * has at most so many bytes: what a worker holds at once. */
#define AE_SHARD_STRIDE_MIN 4096u
#define AE_SHARD_STRIDE_MAX (16u << 20)
#define AE_SHARD_STRIPE_MAX (64u << 20)

/* The strides of a file's last stripe are as short as they can be, a multiple
 * of this: what the arithmetic works on. */
#define AE_SHARD_GRAIN 512u

/* A header, and a block, with all of its bytes. The last 8 are the checksum of
 * those before. */
#define AE_SHARD_PAGE 4096u
#define AE_SHARD_PAGE_SUM 4088u

/* Strides of a group: as many as have room in a block. */
#define AE_SHARD_GROUP 504u

/* Offsets in a header; numbers are little-endian. */
enum ae_shard_header_at {
	AE_SHARD_AT_MAGIC = 0,    /* 8 bytes */
	AE_SHARD_AT_VERSION = 8,  /* u32 */
	AE_SHARD_AT_NUMBER = 12,  /* u32: which shard this is */
	AE_SHARD_AT_ID = 16,      /* 16 bytes */
	AE_SHARD_AT_K = 32,       /* u32 */
	AE_SHARD_AT_M = 36,       /* u32 */
	AE_SHARD_AT_STRIDE = 40,  /* u32: bytes */
	AE_SHARD_AT_FLAGS = 44,   /* u32: 0 */
	AE_SHARD_AT_SIZE = 48,    /* u64: bytes of the file */
	AE_SHARD_AT_STRIPES = 56, /* u64 */
	AE_SHARD_AT_ZERO = 64,    /* zeros from here to the checksum */
};

/* Offsets in a block. */
enum ae_shard_block_at {
	AE_SHARD_SUMS_AT_MAGIC = 0,   /* 8 bytes */
	AE_SHARD_SUMS_AT_ID = 8,      /* 16 bytes */
	AE_SHARD_SUMS_AT_NUMBER = 24, /* u32: of the shard */
	AE_SHARD_SUMS_AT_COUNT = 28,  /* u32: strides in the group */
	AE_SHARD_SUMS_AT_FIRST = 32,  /* u64: stripe of the first of them */
	AE_SHARD_SUMS_AT_ZERO = 40,   /* 16 bytes */
	AE_SHARD_SUMS_AT_SUMS = 56,   /* u64 each; those without a stride: 0 */
};

_Static_assert(AE_SHARD_SUMS_AT_SUMS + 8 * AE_SHARD_GROUP == AE_SHARD_PAGE_SUM,
	       "a block is full of checksums");
_Static_assert(AE_SHARD_PAGE_SUM + 8 == AE_SHARD_PAGE, "a page ends with one");

/* What all shards of a file say of it. */
struct ae_shard_file {
	uint8_t id[AE_SHARD_ID];
	uint32_t k;
	uint32_t m;
	uint32_t stride;
	uint64_t size;
	uint64_t stripes;
};

/*
 * Sets the size, and what follows from it. -1: these numbers are not allowed,
 * or a shard would be larger than a file can be.
 */
int ae_shard_file_set(struct ae_shard_file *file, uint64_t size);

/* The largest stride for which a stripe is not too large; 0: there is none. */
uint32_t ae_shard_stride_most(uint32_t shards);

/* Do both say the same? */
int ae_shard_file_same(const struct ae_shard_file *a,
		       const struct ae_shard_file *b);

/* Fills a header. */
void ae_shard_header_make(const struct ae_shard_file *file, uint32_t number,
			  uint8_t page[AE_SHARD_PAGE]);

/* What is to be said of a page that should be a header. */
enum ae_shard_header {
	AE_SHARD_GOOD,
	AE_SHARD_UNFINISHED, /* all zeros: encoding did not come to its end */
	AE_SHARD_ALIEN,      /* not the magic: it is no shard */
	AE_SHARD_NEWER,      /* of another version, or flags, than this */
	AE_SHARD_BROKEN,     /* its checksum is wrong */
	AE_SHARD_ABSURD,     /* its numbers do not fit together */
};

/* Reads one: `*file` and `*number` are filled if it is good. */
enum ae_shard_header ae_shard_header_read(const uint8_t page[AE_SHARD_PAGE],
					  struct ae_shard_file *file,
					  uint32_t *number);

/* Fills the block of a group from the checksums of its strides. */
void ae_shard_block_make(const struct ae_shard_file *file, uint32_t number,
			 uint64_t group, const uint64_t *sums,
			 uint8_t page[AE_SHARD_PAGE]);

/* Reads one; fills the checksums of the group's strides. -1: it is damaged, or
 * another one's. */
int ae_shard_block_read(const uint8_t page[AE_SHARD_PAGE],
			const struct ae_shard_file *file, uint32_t number,
			uint64_t group, uint64_t *sums);

/* The checksum of a stride's bytes: XXH3, 64 bits, seed 0. */
uint64_t ae_shard_sum(const void *bytes, size_t length);

/* Bytes of each stride of a stripe. */
uint32_t ae_shard_stride_length(const struct ae_shard_file *file,
				uint64_t stripe);

/* Where the stride of a stripe lies in its shard, and the block of a group. */
uint64_t ae_shard_stride_at(const struct ae_shard_file *file, uint64_t stripe);
uint64_t ae_shard_block_at(const struct ae_shard_file *file, uint64_t group);

/* Groups there are; strides in one of them; bytes of a shard. */
uint64_t ae_shard_groups(const struct ae_shard_file *file);
uint32_t ae_shard_group_count(const struct ae_shard_file *file, uint64_t group);
uint64_t ae_shard_length(const struct ae_shard_file *file);

/* How many bytes of the file stride `source` of a stripe holds, the rest being
 * zeros, and where in the file they begin. */
uint32_t ae_shard_content(const struct ae_shard_file *file, uint64_t stripe,
			  uint32_t source, uint64_t *offset);

/* "shard-003-of-014". */
#define AE_SHARD_NAME_SIZE 17
void ae_shard_name_make(uint32_t number, uint32_t shards,
			char name[AE_SHARD_NAME_SIZE]);

/* Is it such a name? Fills both, which may be any numbers of three digits. */
int ae_shard_name_read(const char *name, uint32_t *number, uint32_t *shards);

#endif
