/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers, blocks of checksums, names, and sets of shards, as anybody may have
 * written them. Most inputs change a good page and seal it again, for a page
 * with a wrong checksum is refused before it is looked at. Whatever is believed
 * has to be consistent: positions that lie one behind the other, in a file
 * that can be, and a stripe that a worker has room for.
 */
#include <set.h>
#include <shard.h>
#include "fuzz.h"

#define CANDIDATES 24

/* A file of the input's choice; -1: it is none. */
static int choose_file(struct ae_shard_file *file)
{
	static const uint8_t ks[] = { 1, 2, 4, 10, 200, 254, 0, 255 };
	static const uint8_t ms[] = { 1, 2, 4, 55, 254, 0 };
	uint32_t how = fuzz_byte();
	uint64_t size = fuzz_number(1 + how % 8);

	memset(file, 0, sizeof(*file));
	file->k = how & 0x80 ? (uint32_t)fuzz_number(4) : ks[how % 8];
	file->m = how & 0x40 ? fuzz_byte() : ms[fuzz_byte() % 6];
	file->stride = how & 0x20 ? (uint32_t)fuzz_number(4)
				  : 4096u << (fuzz_byte() % 14);
	file->id[0] = (uint8_t)(how % 3);
	return ae_shard_file_set(file, size);
}

/* Bytes of the page, by offset; and a right checksum, mostly. */
static void change(uint8_t *page)
{
	uint32_t changes = fuzz_byte() % 8;

	for (uint32_t i = 0; i < changes; i++) {
		uint64_t at = fuzz_number(fuzz_byte() & 1 ? 1 : 2);

		page[at % AE_SHARD_PAGE] = (uint8_t)fuzz_byte();
	}
	if (fuzz_byte() & 3) {
		uint64_t sum = ae_shard_sum(page, AE_SHARD_PAGE_SUM);

		for (int i = 0; i < 8; i++)
			page[AE_SHARD_PAGE_SUM + i] = (uint8_t)(sum >> 8 * i);
	}
}

static void must(int what, const char *why)
{
	if (!what)
		fuzz_fail("a shard", why);
}

static void check_stripe(const struct ae_shard_file *f, uint64_t stripe)
{
	uint32_t length = ae_shard_stride_length(f, stripe), content;
	uint64_t at = ae_shard_stride_at(f, stripe), offset, sum = 0;

	must(length && length <= f->stride && !(length % AE_SHARD_GRAIN),
	     "has strides that cannot be");
	must(at >= AE_SHARD_PAGE &&
		     at + length + AE_SHARD_PAGE <= ae_shard_length(f),
	     "has strides outside");
	if (stripe)
		must(at >= ae_shard_stride_at(f, stripe - 1) + f->stride,
		     "has strides that overlap");
	for (uint32_t i = 0; i < f->k; i++) {
		content = ae_shard_content(f, stripe, i, &offset);
		must(content <= length &&
			     (!content || offset + content <= f->size),
		     "holds what is not in the file");
		sum += content;
	}
	must(sum && sum <= f->size, "holds more than the file");
}

/* What was believed. */
static void check_file(const struct ae_shard_file *f)
{
	uint64_t groups = ae_shard_groups(f), length = ae_shard_length(f);

	must(f->k && f->m && f->k + f->m <= AE_SHARDS_MAX, "has too many");
	must((uint64_t)(f->k + f->m) * f->stride <= AE_SHARD_STRIPE_MAX,
	     "has stripes that are too large");
	must(length >= AE_SHARD_PAGE && length <= INT64_MAX,
	     "is longer than a file can be");
	must(!f->stripes == !f->size, "has stripes without a file");
	if (!f->stripes)
		return;
	check_stripe(f, 0);
	check_stripe(f, f->stripes - 1);
	check_stripe(f, f->stripes / 2);
	check_stripe(f, fuzz_number(8) % f->stripes);
	must(ae_shard_block_at(f, groups - 1) + AE_SHARD_PAGE == length,
	     "does not end with a block");
	if (groups > 1)
		must(ae_shard_block_at(f, groups - 2) + AE_SHARD_PAGE ==
			     ae_shard_stride_at(f,
						(groups - 1) * AE_SHARD_GROUP),
		     "has a block at a wrong place");
}

static enum ae_shard_header header(struct ae_shard_file *file, uint32_t *number)
{
	uint8_t page[AE_SHARD_PAGE];
	enum ae_shard_header is;

	if (choose_file(file) < 0)
		file->stripes = fuzz_number(8);
	ae_shard_header_make(file, fuzz_byte(), page);
	change(page);
	is = ae_shard_header_read(page, file, number);
	if (is == AE_SHARD_GOOD) {
		check_file(file);
		must(*number < file->k + file->m, "has no such number");
	}
	must(ae_shard_state_text(ae_shard_state_of(is)) != NULL, "has no text");
	return is;
}

static void block(void)
{
	uint64_t sums[AE_SHARD_GROUP], again[AE_SHARD_GROUP], group;
	uint8_t page[AE_SHARD_PAGE], before[AE_SHARD_PAGE];
	struct ae_shard_file file;
	uint32_t number, count;

	if (choose_file(&file) < 0 || !file.stripes)
		return;
	group = fuzz_number(8) % ae_shard_groups(&file);
	number = fuzz_byte() % (file.k + file.m);
	count = ae_shard_group_count(&file, group);
	must(count && count <= AE_SHARD_GROUP, "has a group without strides");
	for (uint32_t i = 0; i < count; i++)
		sums[i] = again[i] = fuzz_number(1) * (i + 1);
	ae_shard_block_make(&file, number, group, sums, page);
	memcpy(before, page, sizeof(page));
	change(page);
	if (ae_shard_block_read(page, &file, number, group, again) < 0)
		must(!memcmp(sums, again, count * sizeof(*sums)),
		     "is damaged, and gives checksums");
	else if (memcmp(page, before, AE_SHARD_SUMS_AT_SUMS))
		must(0, "has a block with more in it");
	else if (!memcmp(page, before, sizeof(page)))
		must(!memcmp(sums, again, count * sizeof(*sums)),
		     "gives other checksums");
}

/* No two files of a directory have the same name. */
static uint32_t without_twins(struct ae_shard_candidate *all, uint32_t count)
{
	uint32_t left = 0, j;

	for (uint32_t i = 0; i < count; i++) {
		for (j = 0; j < left; j++)
			if (all[j].name_number == all[i].name_number &&
			    all[j].name_shards == all[i].name_shards)
				break;
		if (j == left)
			all[left++] = all[i];
	}
	return left;
}

/* Shards that can be had when the files of `order` have their names, up to
 * `placed` of them. */
static uint32_t had(const struct ae_shard_set *found, const uint32_t *order,
		    uint32_t placed)
{
	uint8_t new[AE_SHARDS_MAX] = { 0 }, replaced[CANDIDATES] = { 0 };
	uint32_t sum = 0;

	for (uint32_t i = 0; i < placed; i++) {
		uint32_t slot = found->shard[order[i]].slot;

		new[order[i]] = 1;
		if (slot != AE_SHARD_NONE)
			replaced[slot] = 1;
	}
	for (uint32_t i = 0; i < found->shards; i++) {
		uint32_t source = found->shard[i].source;

		sum += new[i] || (source != AE_SHARD_NONE && !replaced[source]);
	}
	return sum;
}

/* Wherever a repair ends there is as much as before, or all but one. */
static void check_order(const struct ae_shard_set *found,
			const struct ae_shard_candidate *all)
{
	uint32_t order[AE_SHARDS_MAX], before, now;
	uint32_t count = ae_shard_set_order(found, all, order);

	must(count <= found->shards, "is placed twice");
	before = had(found, order, 0);
	for (uint32_t i = 1; i <= count; i++) {
		now = had(found, order, i);
		must(now >= before || now + 1 >= found->shards,
		     "is overwritten while it is needed");
	}
	must(had(found, order, count) == found->shards, "has no place");
}

static void set(void)
{
	static struct ae_shard_candidate all[CANDIDATES];
	static struct ae_shard_set found;
	struct ae_shard_file other;
	uint32_t count = fuzz_byte() % (CANDIDATES + 1);

	memset(all, 0, sizeof(all));
	for (uint32_t i = 0; i < count; i++) {
		struct ae_shard_candidate *c = &all[i];

		c->name_number = (uint32_t)fuzz_number(1) * 3 % 1000;
		c->name_shards = (uint32_t)fuzz_number(1) * 4 % 1000;
		if (fuzz_byte() & 1 && i)
			c->file = all[i - 1].file;
		c->state = i && all[i - 1].state == AE_SHARD_IS_GOOD &&
					   c->file.k
				   ? AE_SHARD_IS_GOOD
				   : ae_shard_state_of(
					     header(&c->file, &c->number));
		if (c->state == AE_SHARD_IS_GOOD) {
			c->number = fuzz_byte() % (c->file.k + c->file.m);
			c->length = ae_shard_length(&c->file) + fuzz_byte() % 3;
			c->name_shards = c->file.k + c->file.m;
			c->name_number %= c->name_shards + 1;
		}
	}
	count = without_twins(all, count);
	if (ae_shard_set_choose(all, count, &found, &other) < 0)
		return;
	for (uint32_t i = 0; i < found.shards; i++) {
		uint32_t source = found.shard[i].source;
		uint32_t slot = found.shard[i].slot;

		must(source == AE_SHARD_NONE ||
			     (source < count && all[source].number == i &&
			      ae_shard_file_same(&all[source].file,
						 &found.file)),
		     "is read from another");
		must(slot == AE_SHARD_NONE ||
			     (slot < count && all[slot].name_number == i),
		     "has another's place");
		must((found.shard[i].state != AE_SHARD_IS_GOOD) ||
			     source == slot,
		     "is good, and read from elsewhere");
	}
	check_order(&found, all);
}

static void name(void)
{
	char text[40] = "shard-000-of-014", again[AE_SHARD_NAME_SIZE];
	uint32_t number, shards, changes = fuzz_byte() % 20;

	for (uint32_t i = 0; i < changes; i++)
		text[fuzz_byte() % 20] = (char)fuzz_byte();
	if (!ae_shard_name_read(text, &number, &shards))
		return;
	ae_shard_name_make(number, shards, again);
	must(strcmp(text, again) == 0, "has another name");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ae_shard_file file;
	uint32_t number;

	fuzz.in.at = data;
	fuzz.in.left = size;
	switch (fuzz_byte() % 4) {
	case 0:
		header(&file, &number);
		break;
	case 1:
		block();
		break;
	case 2:
		set();
		break;
	default:
		name();
	}
	return 0;
}
