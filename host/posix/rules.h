/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of an attach socket: who may what. They lie in an object that all
 * servers of the socket have; see rules.c.
 */
#ifndef POSIX_RULES_H
#define POSIX_RULES_H

#include <sys/types.h>
#include <aether/serve.h>
#include "posix.h"

#define AE_RULES_MAX 64 /* users, groups, and anyone */

struct ae_rule {
	uint32_t who; /* enum aether_who */
	uint32_t id;
	uint32_t flags;
	uint32_t reserved;
	uint8_t right[AETHER_SEGMENTS_MAX]; /* or AETHER_RIGHT_UNSAID */
};

struct ae_rules {
	uint32_t count;
	uint32_t owner; /* the user of the plane, who has all rights */
	struct ae_rule rule[AE_RULES_MAX];
};

/* Who is at the other end of a connection, by the kernel's word. */
struct ae_peer {
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* the others that he is in */
	size_t count;
};

/* What he may. */
struct ae_verdict {
	uint8_t right[AETHER_SEGMENTS_MAX];
	int any;      /* a right to something */
	int serves;   /* may serve along */
	int observes; /* may only observe */
};
void ae_rules_judge(const struct ae_rules *rules, const struct ae_peer *peer,
		    struct ae_verdict *verdict);

/* Puts a rule in, or takes it out. AETHER_EINVAL; AETHER_ENOSPC. */
int ae_rules_put(struct ae_rules *rules, const struct aether_grant *grant,
		 uint32_t segments);

/* Can they be? 1 or 0. */
int ae_rules_check(const struct ae_rules *rules);

/* As grants, at most `room`; how many there are. */
int ae_rules_list(const struct ae_rules *rules, struct aether_grant *grants,
		  uint32_t room);

/* The object: a new one with these rules; -1 and errno. */
int ae_rules_make(const struct ae_rules *rules);

/* Which socket it is of. */
struct ae_rules_socket {
	uint64_t device;
	uint64_t inode;
};

/* AETHER_EPLANE: it is no such object. */
int ae_rules_known(int fd);

/* AETHER_ECORRUPT; AETHER_EAGAIN. */
int ae_rules_read(int fd, struct ae_rules *rules);

/* The same, read anew only if they have changed. Zero: not read yet. */
struct ae_rules_cache {
	uint64_t number;
	struct ae_rules rules;
};
int ae_rules_refresh(int fd, struct ae_rules_cache *cache);

/* AETHER_EBUSY, AETHER_ECORRUPT, AETHER_ESYS, and those of ae_rules_put. */
int ae_rules_change(int fd, const struct aether_grant *grant,
		    uint32_t segments);

int ae_rules_socket_write(int fd, const struct ae_rules_socket *socket);
int ae_rules_socket_read(int fd, struct ae_rules_socket *socket);

/* I serve: said by a lock that the kernel drops with this description.
 * AETHER_EGONE: the last one ends. */
int ae_rules_enter(int fd);

/* I serve no more. Am I the last one? Then nobody can enter any more. */
int ae_rules_last(int fd);

#endif
