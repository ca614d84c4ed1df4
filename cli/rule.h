/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of an attach socket, as people write and read them.
 */
#ifndef CLI_RULE_H
#define CLI_RULE_H

#include "cli.h"

/* Says how a rule is written; for --help. */
#define RULE_WHO "anyone, a user, or @GROUP, by name or number"
#define RULE_RIGHTS "none, route, read, write, observe or default"

/* "1000", "@video", "anyone"; "read", "write+serve"; "0-3,7", NULL: all. A
 * usage error if they are not. */
void rule_read(const struct cli_common *common, const char *who,
	       const char *right, const char *segments,
	       struct aether_grant *grant);

/* The same in one word, WHO:RIGHT[:SEGMENTS]. */
void rule_read_word(const struct cli_common *common, const char *word,
		    struct aether_grant *grant);

/* 1: the rule is for all segments, however many there are; and the set of all
 * of them of a plane that has so many. */
int rule_is_for_all(const struct aether_grant *grant);
uint64_t rule_all(uint32_t segments);

json_t *rule_json(const struct aether_grant *grant);
void rule_print(const struct aether_grant *grant);

#endif
