/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What chaos writes into strides: 32 bytes, again and again, that say who wrote
 * them into which lease, each with a checksum and its own number in it. So
 * every byte is known, a word of somebody else shows, and so does whose it is.
 */
#include "chaos.h"

#include <string.h>

#define UNIT sizeof(struct chaos_stamp)

static uint64_t checksum(const struct chaos_stamp *stamp)
{
	uint64_t sum = chaos_mix(stamp->handle ^ UINT64_C(0xA0761D6478BD642F));

	sum = chaos_mix(sum ^ stamp->writer);
	return chaos_mix(sum ^ stamp->sequence);
}

struct chaos_stamp chaos_stamp_make(uint64_t handle, uint64_t writer,
				    uint64_t sequence)
{
	struct chaos_stamp stamp = { .handle = handle,
				     .writer = writer,
				     .sequence = sequence };

	stamp.check = checksum(&stamp);
	return stamp;
}

void chaos_content_write(void *bytes, size_t size,
			 const struct chaos_stamp *stamp)
{
	struct chaos_stamp *at = bytes;

	for (size_t i = 0; i < size / UNIT; i++) {
		at[i] = *stamp;
		at[i].check ^= i;
	}
}

static int differs(const struct chaos_stamp *at, const struct chaos_stamp *is,
		   size_t number)
{
	return ((at->handle ^ is->handle) | (at->writer ^ is->writer) |
		(at->sequence ^ is->sequence) |
		(at->check ^ is->check ^ number)) != 0;
}

/* Which 32 bytes are not as they should be; `units`: all are. */
static size_t find(const struct chaos_stamp *at, size_t units, int whole,
		   const struct chaos_stamp *is)
{
	const size_t spots[] = { 0, units / 2, units - 1 };
	size_t i;

	if (whole) {
		for (i = 0; i < units && !differs(&at[i], is, i); i++)
			;
		return i;
	}
	for (i = 0; i < sizeof(spots) / sizeof(spots[0]); i++)
		if (differs(&at[spots[i]], is, spots[i]))
			return spots[i];
	return units;
}

int chaos_content_check(const void *bytes, size_t size, int whole,
			const struct chaos_stamp *stamp, char *text)
{
	const struct chaos_stamp *at = bytes;
	size_t spot = find(at, size / UNIT, whole, stamp);
	struct chaos_stamp is;

	if (spot == size / UNIT)
		return 0;
	is = at[spot];
	is.check ^= spot;
	if (is.check == checksum(&is))
		snprintf(text, CHAOS_TEXT,
			 "byte %zu: wanted %llx/%llu, there is %llx/%llu of "
			 "lease %llx",
			 spot * UNIT, (unsigned long long)stamp->writer,
			 (unsigned long long)stamp->sequence,
			 (unsigned long long)is.writer,
			 (unsigned long long)is.sequence,
			 (unsigned long long)is.handle);
	else
		snprintf(text, CHAOS_TEXT,
			 "byte %zu: wanted %llx/%llu, there is nothing whole "
			 "(%llx %llx)",
			 spot * UNIT, (unsigned long long)stamp->writer,
			 (unsigned long long)stamp->sequence,
			 (unsigned long long)is.handle,
			 (unsigned long long)is.writer);
	return -1;
}

int chaos_content_read(const void *bytes, struct chaos_stamp *stamp)
{
	memcpy(stamp, bytes, sizeof(*stamp));
	return stamp->check == checksum(stamp);
}

int chaos_content_zero(const void *bytes, size_t size)
{
	const uint64_t *at = bytes;
	uint64_t all = 0;

	for (size_t i = 0; i < size / sizeof(*at); i++)
		all |= at[i];
	return all == 0;
}
