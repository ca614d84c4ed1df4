/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rules mean. There is at most one for each user, group, and anyone, and
 * it has a word, or none, on each segment; so their order means nothing.
 */
#include <string.h>
#include "rules.h"

#define FLAGS (AETHER_GRANT_SERVE | AETHER_GRANT_OBSERVE)

static int is_right(uint32_t right)
{
	return right <= AETHER_RIGHT_WRITE || right == AETHER_RIGHT_UNSAID;
}

static int is_who(uint32_t who, uint32_t id)
{
	return who == AETHER_WHO_USER || who == AETHER_WHO_GROUP ||
	       (who == AETHER_WHO_ANYONE && !id);
}

int ae_rules_check(const struct ae_rules *rules)
{
	if (rules->count > AE_RULES_MAX)
		return 0;
	for (uint32_t i = 0; i < rules->count; i++) {
		const struct ae_rule *r = &rules->rule[i];

		if (!is_who(r->who, r->id) || r->flags & ~FLAGS)
			return 0;
		for (uint32_t s = 0; s < AETHER_SEGMENTS_MAX; s++)
			if (!is_right(r->right[s]))
				return 0;
	}
	return 1;
}

static struct ae_rule *find(struct ae_rules *rules, uint32_t who, uint32_t id)
{
	for (uint32_t i = 0; i < rules->count; i++)
		if (rules->rule[i].who == who && rules->rule[i].id == id)
			return &rules->rule[i];
	return NULL;
}

/* A rule that says nothing is none. */
static void drop_empty(struct ae_rules *rules, struct ae_rule *rule)
{
	for (uint32_t s = 0; s < AETHER_SEGMENTS_MAX; s++)
		if (rule->right[s] != AETHER_RIGHT_UNSAID)
			return;
	*rule = rules->rule[--rules->count];
	memset(&rules->rule[rules->count], 0, sizeof(*rule));
}

int ae_rules_put(struct ae_rules *rules, const struct aether_grant *grant,
		 uint32_t segments)
{
	uint64_t all = segments < 64 ? (UINT64_C(1) << segments) - 1
				     : UINT64_MAX;
	struct ae_rule *rule;

	if (!is_who(grant->who, grant->id) || !is_right(grant->right) ||
	    grant->flags & ~FLAGS || !grant->segments || grant->segments & ~all)
		return AETHER_EINVAL;
	rule = find(rules, grant->who, grant->id);
	if (!rule && rules->count == AE_RULES_MAX)
		return AETHER_ENOSPC;
	if (!rule) {
		rule = &rules->rule[rules->count++];
		*rule = (struct ae_rule) { .who = grant->who, .id = grant->id };
		memset(rule->right, AETHER_RIGHT_UNSAID, sizeof(rule->right));
	}
	rule->flags = grant->flags;
	for (uint32_t s = 0; s < AETHER_SEGMENTS_MAX; s++)
		if (grant->segments >> s & 1)
			rule->right[s] = (uint8_t)grant->right;
	drop_empty(rules, rule);
	return 0;
}

int ae_rules_list(const struct ae_rules *rules, struct aether_grant *grants,
		  uint32_t room)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < rules->count; i++) {
		const struct ae_rule *r = &rules->rule[i];
		uint64_t of[AETHER_RIGHT_WRITE + 1] = { 0 };

		for (uint32_t s = 0; s < AETHER_SEGMENTS_MAX; s++)
			if (r->right[s] <= AETHER_RIGHT_WRITE)
				of[r->right[s]] |= UINT64_C(1) << s;
		for (uint32_t right = 0; right <= AETHER_RIGHT_WRITE; right++) {
			if (!of[right])
				continue;
			if (n < room)
				grants[n] = (struct aether_grant) {
					.who = r->who,
					.id = r->id,
					.right = right,
					.flags = r->flags,
					.segments = of[right],
				};
			n++;
		}
	}
	return (int)n;
}

static int is_in(const struct ae_peer *peer, uint32_t group)
{
	if (peer->gid == group)
		return 1;
	for (size_t i = 0; i < peer->count; i++)
		if (peer->groups[i] == group)
			return 1;
	return 0;
}

/* What the rules of one degree say together, of what nobody closer has said
 * anything about. */
struct degree {
	uint8_t right[AETHER_SEGMENTS_MAX];
	uint32_t rules;
	int serves;
	int takes_part; /* one of them lets him */
};

static void add(struct degree *degree, const struct ae_rule *rule)
{
	degree->rules++;
	degree->serves |= (rule->flags & AETHER_GRANT_SERVE) != 0;
	degree->takes_part |= !(rule->flags & AETHER_GRANT_OBSERVE);
	for (uint32_t s = 0; s < AETHER_SEGMENTS_MAX; s++)
		if (degree->right[s] == AETHER_RIGHT_UNSAID ||
		    (rule->right[s] != AETHER_RIGHT_UNSAID &&
		     rule->right[s] > degree->right[s]))
			degree->right[s] = rule->right[s];
}

static void gather(const struct ae_rules *rules, const struct ae_peer *peer,
		   uint32_t who, struct degree *degree)
{
	memset(degree, 0, sizeof(*degree));
	memset(degree->right, AETHER_RIGHT_UNSAID, sizeof(degree->right));
	for (uint32_t i = 0; i < rules->count; i++) {
		const struct ae_rule *r = &rules->rule[i];

		if (r->who != who ||
		    (who == AETHER_WHO_USER && r->id != peer->uid) ||
		    (who == AETHER_WHO_GROUP && !is_in(peer, r->id)))
			continue;
		add(degree, r);
	}
}

/* The plane's user and root. */
static void be_owner(struct degree *degree)
{
	memset(degree->right, AETHER_RIGHT_WRITE, sizeof(degree->right));
	degree->rules = 1;
	degree->serves = degree->takes_part = 1;
}

void ae_rules_judge(const struct ae_rules *rules, const struct ae_peer *peer,
		    struct ae_verdict *verdict)
{
	struct degree degrees[4] = { 0 };
	int said = 0;

	memset(verdict, 0, sizeof(*verdict));
	memset(verdict->right, AETHER_RIGHT_UNSAID, sizeof(verdict->right));
	gather(rules, peer, AETHER_WHO_USER, &degrees[0]);
	if (peer->uid == rules->owner || peer->uid == 0)
		be_owner(&degrees[1]);
	gather(rules, peer, AETHER_WHO_GROUP, &degrees[2]);
	gather(rules, peer, AETHER_WHO_ANYONE, &degrees[3]);
	for (int i = 0; i < 4; i++) {
		const struct degree *d = &degrees[i];

		if (!d->rules)
			continue;
		for (uint32_t s = 0; s < AETHER_SEGMENTS_MAX; s++)
			if (verdict->right[s] == AETHER_RIGHT_UNSAID)
				verdict->right[s] = d->right[s];
		if (!said++) {
			verdict->serves = d->serves;
			verdict->observes = !d->takes_part;
		}
	}
	for (uint32_t s = 0; s < AETHER_SEGMENTS_MAX; s++) {
		if (verdict->right[s] == AETHER_RIGHT_UNSAID)
			verdict->right[s] = AETHER_RIGHT_NONE;
		verdict->any |= verdict->right[s] > AETHER_RIGHT_NONE;
	}
}
