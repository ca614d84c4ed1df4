/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path of an attach socket: how it comes to be, and how it goes.
 */
#ifndef POSIX_SOCKET_H
#define POSIX_SOCKET_H

#include <sys/socket.h>
#include <sys/un.h>
#include "life.h"
#include "rules.h"

/* Is it the path of a socket, and no plane's name? */
int ae_socket_is_path(const char *name);

/* AETHER_ENAME, with a text. */
int ae_socket_address(const char *path, struct sockaddr_un *address,
		      struct aether_error *error);

/* The last part of the path: it must fit behind that of a descriptor. */
#define AE_SOCKET_BASE 64

struct ae_socket {
	struct ae_posix_life listen;
	int directory; /* that it lies in; -1: not open */
	char base[AE_SOCKET_BASE + 1];
	struct ae_rules_socket is;
};

/* The directory and the last part of the path. */
int ae_socket_place(const char *path, struct ae_socket *s,
		    struct aether_error *error);

/* How a socket is to be. */
struct ae_socket_plan {
	const char *path;
	uint32_t mode;  /* 0: 0666 */
	uint32_t group; /* 0: the caller's */
	/* what must be done before the socket can be found */
	int (*ready)(void *user, const struct ae_rules_socket *is);
	void *user;
};

/* Listens at that path, which nobody must serve. */
int ae_socket_open(const struct ae_socket_plan *plan,
		   struct aether_error *error, struct ae_socket *s);

/* Is it a socket of this kind that somebody listens on? 1 or 0. */
int ae_socket_listens(int fd);

/* Gives the socket of that name its mode (0: 0666) and group (0: as it is).
 * ELOOP: something else is there by now; or another errno. */
int ae_socket_rights(int directory, const char *name, uint32_t mode,
		     uint32_t group);

/* Is the socket at the path this one? */
int ae_socket_is_there(const struct ae_socket *s);

void ae_socket_remove(const struct ae_socket *s);
void ae_socket_close(struct ae_socket *s);

#endif
