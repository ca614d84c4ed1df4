/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of an attach socket: reading them from words, showing them.
 */
#include "rule.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

#define WORD_MAX 256

static int find_user(const char *text, uint32_t *id)
{
	const struct passwd *entry = getpwnam(text);
	uint64_t number;

	if (entry)
		*id = entry->pw_uid;
	else if (!cli_number(text, 0, UINT32_MAX - 1, &number))
		*id = (uint32_t)number;
	else
		return AETHER_EINVAL;
	return 0;
}

static void read_who(const struct cli_common *common, const char *who,
		     struct aether_grant *grant)
{
	int err = 0;

	grant->who = AETHER_WHO_USER;
	grant->id = 0;
	if (!strcmp(who, "anyone")) {
		grant->who = AETHER_WHO_ANYONE;
	} else if (who[0] == '@') {
		grant->who = AETHER_WHO_GROUP;
		err = cli_group_find(who + 1, &grant->id);
	} else {
		err = find_user(who, &grant->id);
	}
	if (err < 0)
		cli_usage(common, "'%s' is nobody; give " RULE_WHO, who);
}

static void read_right(const struct cli_common *common, const char *text,
		       struct aether_grant *grant)
{
	static const char serve[] = "+serve";
	size_t length = strlen(text), tail = strlen(serve);
	char word[16] = "";

	grant->flags = 0;
	if (length > tail && !strcmp(text + length - tail, serve)) {
		grant->flags = AETHER_GRANT_SERVE;
		length -= tail;
	}
	if (length < sizeof(word))
		memcpy(word, text, length);
	if (!strcmp(word, "observe")) {
		grant->right = AETHER_RIGHT_READ;
		grant->flags |= AETHER_GRANT_OBSERVE;
		return;
	}
	if (!strcmp(word, "default")) {
		grant->right = AETHER_RIGHT_UNSAID;
		return;
	}
	for (grant->right = 0; aether_segment_right_name(grant->right);
	     grant->right++)
		if (!strcmp(word, aether_segment_right_name(grant->right)))
			return;
	cli_usage(common,
		  "'%s' is no right; give " RULE_RIGHTS
		  ", with +serve for who may serve along",
		  text);
}

static int read_range(const char *text, uint64_t *set)
{
	char from[8] = "", to[8] = "";
	const char *dash = strchr(text, '-');
	size_t length = dash ? (size_t)(dash - text) : strlen(text);
	uint64_t first, last;

	if (length >= sizeof(from) || (dash && strlen(dash + 1) >= sizeof(to)))
		return AETHER_EINVAL;
	memcpy(from, text, length);
	strcpy(to, dash ? dash + 1 : from);
	if (cli_number(from, 0, AETHER_SEGMENTS_MAX - 1, &first) < 0 ||
	    cli_number(to, first, AETHER_SEGMENTS_MAX - 1, &last) < 0)
		return AETHER_EINVAL;
	for (; first <= last; first++)
		*set |= UINT64_C(1) << first;
	return 0;
}

static void read_segments(const struct cli_common *common, const char *text,
			  struct aether_grant *grant)
{
	char word[WORD_MAX];
	char *at = word, *part;
	int err = 0;

	grant->segments = UINT64_MAX;
	if (!text || !strcmp(text, "all"))
		return;
	grant->segments = 0;
	snprintf(word, sizeof(word), "%s", text);
	while (err == 0 && (part = strsep(&at, ",")))
		err = read_range(part, &grant->segments);
	if (err < 0)
		cli_usage(common,
			  "'%s' are no segments; give numbers from 0 to %d, "
			  "as 0-3,7",
			  text, AETHER_SEGMENTS_MAX - 1);
}

void rule_read(const struct cli_common *common, const char *who,
	       const char *right, const char *segments,
	       struct aether_grant *grant)
{
	read_who(common, who, grant);
	read_right(common, right, grant);
	read_segments(common, segments, grant);
}

void rule_read_word(const struct cli_common *common, const char *word,
		    struct aether_grant *grant)
{
	char copy[WORD_MAX];
	char *at = copy, *who, *right, *segments;

	snprintf(copy, sizeof(copy), "%s", word);
	who = strsep(&at, ":");
	right = strsep(&at, ":");
	segments = strsep(&at, ":");
	if (!right || at)
		cli_usage(common,
			  "'%s' is no rule; give WHO:RIGHT or "
			  "WHO:RIGHT:SEGMENTS, as @video:read:0-3",
			  word);
	rule_read(common, who, right, segments, grant);
}

int rule_is_for_all(const struct aether_grant *grant)
{
	return grant->segments == UINT64_MAX;
}

uint64_t rule_all(uint32_t segments)
{
	if (!segments)
		return 1;
	return segments < 64 ? (UINT64_C(1) << segments) - 1 : UINT64_MAX;
}

/* "nobody"; NULL: it has no name here. */
static const char *name_of(const struct aether_grant *grant)
{
	const struct passwd *user = NULL;
	const struct group *group = NULL;

	if (grant->who == AETHER_WHO_USER)
		user = getpwuid(grant->id);
	if (grant->who == AETHER_WHO_GROUP)
		group = getgrgid(grant->id);
	return user ? user->pw_name : group ? group->gr_name : NULL;
}

static const char *right_of(const struct aether_grant *grant)
{
	const char *name = aether_segment_right_name(grant->right);

	return name ? name : "default";
}

json_t *rule_json(const struct aether_grant *grant)
{
	static const char *const whos[] = { "anyone", "group", "user" };
	const char *name = name_of(grant);
	json_t *object = json_object(), *set = json_array();

	for (uint32_t i = 0; i < AETHER_SEGMENTS_MAX; i++)
		if (grant->segments >> i & 1)
			cli_add(set, json_integer(i));
	cli_set(object, "who",
		json_string(grant->who < 3 ? whos[grant->who] : "unknown"));
	cli_set(object, "id",
		grant->who == AETHER_WHO_ANYONE ? json_null()
						: json_integer(grant->id));
	cli_set(object, "name", name ? cli_text(name, SIZE_MAX) : json_null());
	cli_set(object, "right", json_string(right_of(grant)));
	cli_set(object, "segments", set);
	cli_set(object, "serve",
		json_boolean((grant->flags & AETHER_GRANT_SERVE) != 0));
	cli_set(object, "observe",
		json_boolean((grant->flags & AETHER_GRANT_OBSERVE) != 0));
	return object;
}

void rule_print(const struct aether_grant *grant)
{
	const char *name = name_of(grant), *between = "";

	if (grant->who == AETHER_WHO_ANYONE)
		fputs("anyone", stdout);
	else
		printf("%s%u", grant->who == AETHER_WHO_GROUP ? "@" : "",
		       grant->id);
	if (name) {
		fputs(" (", stdout);
		cli_show(stdout, name, SIZE_MAX);
		fputs(")", stdout);
	}
	printf("  %s%s%s  ", right_of(grant),
	       grant->flags & AETHER_GRANT_OBSERVE ? ", observes" : "",
	       grant->flags & AETHER_GRANT_SERVE ? ", serves" : "");
	for (uint32_t i = 0; i < AETHER_SEGMENTS_MAX; i++) {
		if (!(grant->segments >> i & 1))
			continue;
		printf("%s%u", between, i);
		between = ",";
	}
	putchar('\n');
}
