/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shards as bytes: pages are made and read here, and positions computed. A
 * header whose numbers are believed has been shown to describe shards that
 * a file can hold, so that nothing computed from them overflows.
 */
#include "shard.h"

#include <string.h>
#include <xxhash.h>

/* A position in a file is a number of 63 bits. */
#define LENGTH_MAX ((uint64_t)INT64_MAX)

/* In the library of Debian and others, for x86-64: with the instructions that
 * the processor has. */
extern XXH64_hash_t XXH3_64bits_dispatch(const void *bytes, size_t length)
	__attribute__((weak));

uint64_t ae_shard_sum(const void *bytes, size_t length)
{
	if (XXH3_64bits_dispatch)
		return XXH3_64bits_dispatch(bytes, length);
	return XXH3_64bits(bytes, length);
}

static void put(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *at, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get(at, 4);
}

static void seal(uint8_t *page)
{
	put(page + AE_SHARD_PAGE_SUM, ae_shard_sum(page, AE_SHARD_PAGE_SUM), 8);
}

static int is_sealed(const uint8_t *page)
{
	return get(page + AE_SHARD_PAGE_SUM, 8) ==
	       ae_shard_sum(page, AE_SHARD_PAGE_SUM);
}

static int is_zero(const uint8_t *page, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (page[i])
			return 0;
	return 1;
}

uint32_t ae_shard_stride_most(uint32_t shards)
{
	uint32_t stride = AE_SHARD_STRIDE_MAX;

	if (shards < 2 || shards > AE_SHARDS_MAX)
		return 0;
	while ((uint64_t)stride * shards > AE_SHARD_STRIPE_MAX)
		stride /= 2;
	return stride;
}

int ae_shard_file_set(struct ae_shard_file *file, uint64_t size)
{
	uint64_t stripe, least;

	if (!file->k || !file->m || file->k >= AE_SHARDS_MAX ||
	    file->m > AE_SHARDS_MAX - file->k ||
	    file->stride < AE_SHARD_STRIDE_MIN ||
	    file->stride & (file->stride - 1) ||
	    file->stride > ae_shard_stride_most(file->k + file->m))
		return -1;
	stripe = (uint64_t)file->k * file->stride;
	if (size > LENGTH_MAX)
		return -1;
	file->size = size;
	file->stripes = size / stripe + !!(size % stripe);
	/* more than a shard of these will have: its blocks are less than
	 * its strides, even of the smallest size */
	least = file->stripes > LENGTH_MAX / file->stride / 2
			? UINT64_MAX
			: file->stripes * file->stride;
	return least > LENGTH_MAX / 2 - 2 * (uint64_t)AE_SHARD_PAGE ? -1 : 0;
}

int ae_shard_file_same(const struct ae_shard_file *a,
		       const struct ae_shard_file *b)
{
	return memcmp(a->id, b->id, AE_SHARD_ID) == 0 && a->k == b->k &&
	       a->m == b->m && a->stride == b->stride && a->size == b->size;
}

void ae_shard_header_make(const struct ae_shard_file *file, uint32_t number,
			  uint8_t page[AE_SHARD_PAGE])
{
	memset(page, 0, AE_SHARD_PAGE);
	memcpy(page + AE_SHARD_AT_MAGIC, AE_SHARD_MAGIC, 8);
	put(page + AE_SHARD_AT_VERSION, AE_SHARD_VERSION, 4);
	put(page + AE_SHARD_AT_NUMBER, number, 4);
	memcpy(page + AE_SHARD_AT_ID, file->id, AE_SHARD_ID);
	put(page + AE_SHARD_AT_K, file->k, 4);
	put(page + AE_SHARD_AT_M, file->m, 4);
	put(page + AE_SHARD_AT_STRIDE, file->stride, 4);
	put(page + AE_SHARD_AT_SIZE, file->size, 8);
	put(page + AE_SHARD_AT_STRIPES, file->stripes, 8);
	seal(page);
}

enum ae_shard_header ae_shard_header_read(const uint8_t page[AE_SHARD_PAGE],
					  struct ae_shard_file *file,
					  uint32_t *number)
{
	struct ae_shard_file read = {
		.k = get32(page + AE_SHARD_AT_K),
		.m = get32(page + AE_SHARD_AT_M),
		.stride = get32(page + AE_SHARD_AT_STRIDE),
	};
	uint32_t which = get32(page + AE_SHARD_AT_NUMBER);

	if (is_zero(page, AE_SHARD_PAGE))
		return AE_SHARD_UNFINISHED;
	if (memcmp(page + AE_SHARD_AT_MAGIC, AE_SHARD_MAGIC, 8) != 0)
		return AE_SHARD_ALIEN;
	if (!is_sealed(page))
		return AE_SHARD_BROKEN;
	if (get32(page + AE_SHARD_AT_VERSION) != AE_SHARD_VERSION ||
	    get32(page + AE_SHARD_AT_FLAGS))
		return AE_SHARD_NEWER;
	memcpy(read.id, page + AE_SHARD_AT_ID, AE_SHARD_ID);
	if (ae_shard_file_set(&read, get(page + AE_SHARD_AT_SIZE, 8)) < 0 ||
	    read.stripes != get(page + AE_SHARD_AT_STRIPES, 8) ||
	    which >= read.k + read.m ||
	    !is_zero(page + AE_SHARD_AT_ZERO,
		     AE_SHARD_PAGE_SUM - AE_SHARD_AT_ZERO))
		return AE_SHARD_ABSURD;
	*file = read;
	*number = which;
	return AE_SHARD_GOOD;
}

void ae_shard_block_make(const struct ae_shard_file *file, uint32_t number,
			 uint64_t group, const uint64_t *sums,
			 uint8_t page[AE_SHARD_PAGE])
{
	uint32_t count = ae_shard_group_count(file, group);

	memset(page, 0, AE_SHARD_PAGE);
	memcpy(page + AE_SHARD_SUMS_AT_MAGIC, AE_SHARD_SUMS_MAGIC, 8);
	memcpy(page + AE_SHARD_SUMS_AT_ID, file->id, AE_SHARD_ID);
	put(page + AE_SHARD_SUMS_AT_NUMBER, number, 4);
	put(page + AE_SHARD_SUMS_AT_COUNT, count, 4);
	put(page + AE_SHARD_SUMS_AT_FIRST, group * AE_SHARD_GROUP, 8);
	for (uint32_t i = 0; i < count; i++)
		put(page + AE_SHARD_SUMS_AT_SUMS + 8 * i, sums[i], 8);
	seal(page);
}

int ae_shard_block_read(const uint8_t page[AE_SHARD_PAGE],
			const struct ae_shard_file *file, uint32_t number,
			uint64_t group, uint64_t *sums)
{
	uint32_t count = ae_shard_group_count(file, group);

	if (memcmp(page + AE_SHARD_SUMS_AT_MAGIC, AE_SHARD_SUMS_MAGIC, 8) ||
	    memcmp(page + AE_SHARD_SUMS_AT_ID, file->id, AE_SHARD_ID) ||
	    get32(page + AE_SHARD_SUMS_AT_NUMBER) != number ||
	    get32(page + AE_SHARD_SUMS_AT_COUNT) != count ||
	    get(page + AE_SHARD_SUMS_AT_FIRST, 8) != group * AE_SHARD_GROUP ||
	    !is_sealed(page) || !is_zero(page + AE_SHARD_SUMS_AT_ZERO, 16) ||
	    !is_zero(page + AE_SHARD_SUMS_AT_SUMS + 8 * (size_t)count,
		     8 * (size_t)(AE_SHARD_GROUP - count)))
		return -1;
	for (uint32_t i = 0; i < count; i++)
		sums[i] = get(page + AE_SHARD_SUMS_AT_SUMS + 8 * i, 8);
	return 0;
}

uint32_t ae_shard_stride_length(const struct ae_shard_file *file,
				uint64_t stripe)
{
	uint64_t whole = (uint64_t)file->k * file->stride, left, each;

	if (stripe + 1 < file->stripes)
		return file->stride;
	left = file->size - (file->stripes - 1) * whole;
	each = (left + file->k - 1) / file->k;
	return (uint32_t)((each + AE_SHARD_GRAIN - 1) / AE_SHARD_GRAIN) *
	       AE_SHARD_GRAIN;
}

uint64_t ae_shard_stride_at(const struct ae_shard_file *file, uint64_t stripe)
{
	uint64_t blocks = stripe / AE_SHARD_GROUP;

	return AE_SHARD_PAGE + blocks * AE_SHARD_PAGE + stripe * file->stride;
}

uint64_t ae_shard_groups(const struct ae_shard_file *file)
{
	return file->stripes / AE_SHARD_GROUP +
	       !!(file->stripes % AE_SHARD_GROUP);
}

uint32_t ae_shard_group_count(const struct ae_shard_file *file, uint64_t group)
{
	uint64_t left = file->stripes - group * AE_SHARD_GROUP;

	return left < AE_SHARD_GROUP ? (uint32_t)left : AE_SHARD_GROUP;
}

uint64_t ae_shard_block_at(const struct ae_shard_file *file, uint64_t group)
{
	uint64_t last = group * AE_SHARD_GROUP +
			ae_shard_group_count(file, group) - 1;

	return ae_shard_stride_at(file, last) +
	       ae_shard_stride_length(file, last);
}

uint64_t ae_shard_length(const struct ae_shard_file *file)
{
	uint64_t groups = ae_shard_groups(file);

	if (!groups)
		return AE_SHARD_PAGE;
	return ae_shard_block_at(file, groups - 1) + AE_SHARD_PAGE;
}

uint32_t ae_shard_content(const struct ae_shard_file *file, uint64_t stripe,
			  uint32_t source, uint64_t *offset)
{
	uint32_t length = ae_shard_stride_length(file, stripe);
	uint64_t at = stripe * file->k * file->stride +
		      (uint64_t)source * length;

	*offset = at;
	if (at >= file->size)
		return 0;
	return file->size - at < length ? (uint32_t)(file->size - at) : length;
}

void ae_shard_name_make(uint32_t number, uint32_t shards,
			char name[AE_SHARD_NAME_SIZE])
{
	memcpy(name, "shard-000-of-000", AE_SHARD_NAME_SIZE);
	for (int i = 0; i < 3; i++) {
		name[8 - i] = (char)('0' + number % 10);
		name[15 - i] = (char)('0' + shards % 10);
		number /= 10;
		shards /= 10;
	}
}

/* Three digits; -1: they are not. */
static int digits(const char *text)
{
	int value = 0;

	for (int i = 0; i < 3; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = 10 * value + text[i] - '0';
	}
	return value;
}

int ae_shard_name_read(const char *name, uint32_t *number, uint32_t *shards)
{
	if (strlen(name) != AE_SHARD_NAME_SIZE - 1 ||
	    memcmp(name, "shard-", 6) != 0 || memcmp(name + 9, "-of-", 4) != 0)
		return 0;
	if (digits(name + 6) < 0 || digits(name + 13) < 0)
		return 0;
	*number = (uint32_t)digits(name + 6);
	*shards = (uint32_t)digits(name + 13);
	return 1;
}
