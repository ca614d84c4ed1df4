/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files of a directory are the shards of one encoded file, and what is
 * wrong with the others. What most headers say holds; a file's name is only
 * where it should lie.
 */
#ifndef AE_SHARD_SET_H
#define AE_SHARD_SET_H

#include "shard.h"

/* Files that have a shard's name: more are refused. */
#define AE_SHARD_CANDIDATES_MAX 1024

/* What is wrong with the file that has a shard's name. AE_SHARD_IS_... */
#define AE_SHARD_STATE_LIST(X) \
	X(GOOD, "good", "good") \
	X(MISSING, "missing", "missing") \
	X(NO_FILE, "not-a-file", "not a regular file") \
	X(UNREADABLE, "unreadable", "cannot be read") \
	X(UNFINISHED, "unfinished", "without a header, never finished") \
	X(NO_SHARD, "no-shard", "not a shard") \
	X(NEWER, "unknown-version", "of a version that is not known here") \
	X(BROKEN, "header-damaged", "damaged in its header") \
	X(ABSURD, "header-absurd", "with a header that cannot be") \
	X(FOREIGN, "foreign", "a shard of another encoding") \
	X(MISNAMED, "misnamed", "another shard, under this one's name") \
	X(TRUNCATED, "truncated", "shorter than it should be") \
	X(LONGER, "longer", "longer than it should be") \
	X(DAMAGED, "damaged", "damaged")

enum ae_shard_state {
#define AE_SHARD_STATE(name, word, text) AE_SHARD_IS_##name,
	AE_SHARD_STATE_LIST(AE_SHARD_STATE)
#undef AE_SHARD_STATE
};

/* "header-damaged", for programs; "damaged in its header", for people. */
const char *ae_shard_state_word(enum ae_shard_state state);
const char *ae_shard_state_text(enum ae_shard_state state);

/* A file with a shard's name, and what was found in it. */
struct ae_shard_candidate {
	uint32_t name_number; /* as its name says */
	uint32_t name_shards;
	enum ae_shard_state state; /* GOOD: its header is; FOREIGN and
				      following are found by choosing */
	struct ae_shard_file file; /* of a good header */
	uint32_t number;
	uint64_t length; /* bytes, whatever the header says */
};

/* What a header is worth. */
enum ae_shard_state ae_shard_state_of(enum ae_shard_header header);

#define AE_SHARD_NONE UINT32_MAX

struct ae_shard_set {
	struct ae_shard_file file;
	uint32_t shards; /* k + m */
	struct {
		enum ae_shard_state state; /* of the file with its name */
		uint32_t source; /* candidate to read it from, or NONE */
		uint32_t slot;   /* candidate that has its name, or NONE */
	} shard[AE_SHARDS_MAX];
};

/*
 * Finds the set. A shard is read from the file with its name, or, if that is
 * another, from any that is it. Returns 0; -1: no candidate has a good header;
 * -2: two files have as many shards here, the most; `set->file` and `*other`
 * are they.
 */
int ae_shard_set_choose(const struct ae_shard_candidate *candidates,
			uint32_t count, struct ae_shard_set *set,
			struct ae_shard_file *other);

/*
 * In which order those that are not good get their names when they have been
 * made again, so that whatever ends that early, as much can be had as before.
 * A new file replaces what has its name, and that may be where another shard
 * is read from: that one has its place first. Where they stand in a ring one
 * has to begin, but only when all others are there, and the one that it
 * replaces is next. How many they are.
 */
uint32_t ae_shard_set_order(const struct ae_shard_set *set,
			    const struct ae_shard_candidate *candidates,
			    uint32_t order[AE_SHARDS_MAX]);

/* Is the candidate one of the set, by name or by content? */
int ae_shard_set_has(const struct ae_shard_set *set, uint32_t candidate);

#endif
