/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing the shards of a directory.
 */
#include "set.h"

#include <string.h>

const char *ae_shard_state_word(enum ae_shard_state state)
{
	static const char *const words[] = {
#define AE_SHARD_WORD(name, word, text) [AE_SHARD_IS_##name] = (word),
		AE_SHARD_STATE_LIST(AE_SHARD_WORD)
#undef AE_SHARD_WORD
	};

	return words[state];
}

const char *ae_shard_state_text(enum ae_shard_state state)
{
	static const char *const texts[] = {
#define AE_SHARD_TEXT(name, word, text) [AE_SHARD_IS_##name] = (text),
		AE_SHARD_STATE_LIST(AE_SHARD_TEXT)
#undef AE_SHARD_TEXT
	};

	return texts[state];
}

enum ae_shard_state ae_shard_state_of(enum ae_shard_header header)
{
	switch (header) {
	case AE_SHARD_GOOD:
		return AE_SHARD_IS_GOOD;
	case AE_SHARD_UNFINISHED:
		return AE_SHARD_IS_UNFINISHED;
	case AE_SHARD_ALIEN:
		return AE_SHARD_IS_NO_SHARD;
	case AE_SHARD_NEWER:
		return AE_SHARD_IS_NEWER;
	case AE_SHARD_BROKEN:
		return AE_SHARD_IS_BROKEN;
	default:
		return AE_SHARD_IS_ABSURD;
	}
}

/* How many different shards of the same file as this one there are. A copy
 * has no vote. */
static uint32_t votes(const struct ae_shard_candidate *candidates,
		      uint32_t count, const struct ae_shard_file *file)
{
	uint8_t seen[AE_SHARDS_MAX] = { 0 };
	uint32_t sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct ae_shard_candidate *c = &candidates[i];

		if (c->state != AE_SHARD_IS_GOOD || seen[c->number] ||
		    !ae_shard_file_same(&c->file, file))
			continue;
		seen[c->number] = 1;
		sum++;
	}
	return sum;
}

static int elect(const struct ae_shard_candidate *candidates, uint32_t count,
		 struct ae_shard_file *winner, struct ae_shard_file *other)
{
	uint32_t most = 0;
	int tie = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct ae_shard_candidate *c = &candidates[i];
		uint32_t has;

		if (c->state != AE_SHARD_IS_GOOD ||
		    (most && ae_shard_file_same(&c->file, winner)))
			continue;
		has = votes(candidates, count, &c->file);
		if (has > most) {
			*winner = c->file;
			most = has;
			tie = 0;
		} else if (has == most) {
			*other = c->file;
			tie = 1;
		}
	}
	if (!most)
		return -1;
	return tie ? -2 : 0;
}

static int is_right(const struct ae_shard_set *set,
		    const struct ae_shard_candidate *c)
{
	return c->name_number == c->number && c->name_shards == set->shards;
}

/* Is the new one a better source than the old one? */
static int is_better(const struct ae_shard_set *set,
		     const struct ae_shard_candidate *new,
		     const struct ae_shard_candidate *old)
{
	uint64_t length = ae_shard_length(&set->file);

	if ((new->length == length) != (old->length == length))
		return new->length == length;
	return is_right(set, new) && !is_right(set, old);
}

/* What the file is that has the name of a shard of the set. */
static enum ae_shard_state judge(const struct ae_shard_set *set,
				 const struct ae_shard_candidate *c)
{
	uint64_t length = ae_shard_length(&set->file);

	if (c->state != AE_SHARD_IS_GOOD)
		return c->state;
	if (!ae_shard_file_same(&c->file, &set->file))
		return AE_SHARD_IS_FOREIGN;
	if (c->number != c->name_number)
		return AE_SHARD_IS_MISNAMED;
	if (c->length < length)
		return AE_SHARD_IS_TRUNCATED;
	return c->length > length ? AE_SHARD_IS_LONGER : AE_SHARD_IS_GOOD;
}

static void place(struct ae_shard_set *set,
		  const struct ae_shard_candidate *candidates, uint32_t index)
{
	const struct ae_shard_candidate *c = &candidates[index];
	uint32_t *source;

	if (c->name_shards == set->shards && c->name_number < set->shards) {
		set->shard[c->name_number].slot = index;
		set->shard[c->name_number].state = judge(set, c);
	}
	if (c->state != AE_SHARD_IS_GOOD ||
	    !ae_shard_file_same(&c->file, &set->file))
		return;
	source = &set->shard[c->number].source;
	if (*source == AE_SHARD_NONE || is_better(set, c, &candidates[*source]))
		*source = index;
}

int ae_shard_set_choose(const struct ae_shard_candidate *candidates,
			uint32_t count, struct ae_shard_set *set,
			struct ae_shard_file *other)
{
	int rc = elect(candidates, count, &set->file, other);

	if (rc < 0)
		return rc;
	set->shards = set->file.k + set->file.m;
	for (uint32_t i = 0; i < set->shards; i++) {
		set->shard[i].state = AE_SHARD_IS_MISSING;
		set->shard[i].source = set->shard[i].slot = AE_SHARD_NONE;
	}
	for (uint32_t i = 0; i < count; i++)
		place(set, candidates, i);
	return 0;
}

/* The other shard that is read from the file with this one's name, or NONE. */
static uint32_t lodger(const struct ae_shard_set *set,
		       const struct ae_shard_candidate *candidates,
		       uint32_t shard)
{
	uint32_t slot = set->shard[shard].slot, number;

	if (slot == AE_SHARD_NONE ||
	    candidates[slot].state != AE_SHARD_IS_GOOD ||
	    !ae_shard_file_same(&candidates[slot].file, &set->file))
		return AE_SHARD_NONE;
	number = candidates[slot].number;
	if (number == shard || set->shard[number].source != slot)
		return AE_SHARD_NONE;
	return number;
}

/* The first one that can be placed without a loss, or else `next` if that has
 * not been placed, or else any. NONE: all have been. */
static uint32_t pick(const uint32_t *lodgers, const uint8_t *waits,
		     uint32_t shards, uint32_t next)
{
	uint32_t any = AE_SHARD_NONE;

	for (uint32_t i = 0; i < shards; i++) {
		if (!waits[i])
			continue;
		if (lodgers[i] == AE_SHARD_NONE || !waits[lodgers[i]])
			return i;
		if (any == AE_SHARD_NONE)
			any = i;
	}
	return next != AE_SHARD_NONE && waits[next] ? next : any;
}

uint32_t ae_shard_set_order(const struct ae_shard_set *set,
			    const struct ae_shard_candidate *candidates,
			    uint32_t order[AE_SHARDS_MAX])
{
	uint32_t lodgers[AE_SHARDS_MAX], next = AE_SHARD_NONE, count = 0, i;
	uint8_t waits[AE_SHARDS_MAX];

	for (i = 0; i < set->shards; i++) {
		lodgers[i] = lodger(set, candidates, i);
		waits[i] = set->shard[i].state != AE_SHARD_IS_GOOD;
	}
	while ((i = pick(lodgers, waits, set->shards, next)) != AE_SHARD_NONE) {
		order[count++] = i;
		waits[i] = 0;
		next = lodgers[i];
	}
	return count;
}

int ae_shard_set_has(const struct ae_shard_set *set, uint32_t candidate)
{
	for (uint32_t i = 0; i < set->shards; i++)
		if (set->shard[i].slot == candidate ||
		    set->shard[i].source == candidate)
			return 1;
	return 0;
}
