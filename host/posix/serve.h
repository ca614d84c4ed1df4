/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the server share: serve.c opens, joins and closes it,
 * turn.c waits on its clients, answer.c answers them.
 */
#ifndef POSIX_SERVE_H
#define POSIX_SERVE_H

#include "rules.h"
#include "socket.h"
#include "wire.h"

struct ae_client {
	struct ae_posix_life line; /* its connection; -1: nobody is here */
	uint32_t number;           /* rises with each who has been here */
	uint32_t uid;
	struct ae_verdict may;
	uint64_t judged;   /* by rules of that number */
	int attached;      /* has been answered that it is */
	int takes_part;    /* and is no observer */
	uint64_t deadline; /* to ask, while it is not */
};

struct aether_server {
	struct aether_plane *plane;
	struct aether_participant *reaper;
	struct ae_socket socket;
	struct ae_posix_life rules;
	struct ae_rules_cache cache;
	int files;  /* the directory of this process's descriptors */
	int events; /* an epoll of all that is waited on */
	int timer;
	int spare;     /* given up for a moment to refuse where no descriptor
			  can be had */
	uint32_t room; /* clients */
	uint32_t end;  /* nobody is in this place, or in any beyond */
	uint32_t per_user;
	uint64_t patience; /* ns */
	uint64_t deadline; /* of the first who has one, or before that */
	uint64_t timed;    /* what the timer is set to */
	uint64_t resume;   /* when to accept again; 0: it does */
	uint64_t look;     /* when to look for the dead */
	uint32_t looks;    /* made since the last one hung up */
	int heard_all;     /* in this turn */
	gid_t *groups;     /* room for those of one peer */
	size_t group_room;
	struct ae_client *client;
	struct aether_server_info info;
};

/* Events of an epoll: a client's place and number, or these. */
#define AE_SERVE_LISTEN UINT64_MAX
#define AE_SERVE_TIMER (UINT64_MAX - 1)

int ae_serve_hear(struct aether_server *s, int fd, uint64_t as);

/* turn.c: lets go of a client. */
void ae_serve_drop(struct aether_server *s, struct ae_client *c);

/* answer.c: who is at the other end, and what he may. 0, or an error. */
int ae_serve_peer(struct aether_server *s, int fd, struct ae_peer *peer);
int ae_serve_judge(struct aether_server *s, const struct ae_peer *peer,
		   struct ae_verdict *verdict);

/* Answers a message of `size` bytes. 1: the client stays; 0: it has had its
 * answer; AETHER_EPLANE: not understood. */
int ae_serve_answer(struct aether_server *s, struct ae_client *c,
		    const struct ae_wire_request *request, size_t size);

/* Says to one who may not, or for whom there is no room, that it is so. */
void ae_serve_refuse(struct aether_server *s, int fd, int code, int again,
		     const char *what, ...)
	__attribute__((format(printf, 5, 6)));

/* To one who has no right at all. */
void ae_serve_refuse_user(struct aether_server *s, int fd, uint32_t uid);

/* vain.c: could the rule never mean what it says? AETHER_EINVAL, with a text
 * that a message has room for. */
int ae_serve_vain(const struct aether_plane *plane,
		  const struct aether_grant *grant, struct aether_error *error);

#endif
