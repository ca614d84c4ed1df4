/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serving a plane over a Unix socket: whoever can reach the socket attaches by
 * its path, where a name would stand (a name that has a '/' is a path), and
 * gets descriptors that allow just what he was granted. Nothing else need be
 * shared: no directory, no PIDs, no IPC namespace.
 *
 * Any participant can serve, in its own event loop. Several may at once, all on
 * the same listening socket: when one dies or closes, the others go on, and
 * nobody who was about to attach is lost. No server is ever in the way of
 * leases: those attached do without it, until it is there again.
 *
 * Who one is says the kernel (SO_PEERCRED, SO_PEERGROUPS), and rules say what
 * that allows. Each client gets descriptors of its own, opened with its rights,
 * from which it cannot get more (docs/serve.md has what this does not defend).
 *
 * At once: a server is used by one thread at a time; servers, clients and
 * changes of rules run beside each other freely. After fork() the child has no
 * server, and must not use or close its parent's.
 */
#ifndef AETHER_SERVE_H
#define AETHER_SERVE_H

#include <aether/api.h>
#include <aether/error.h>
#include <aether/participant.h>
#include <aether/plane.h>

#ifdef __cplusplus
extern "C" {
#endif

struct aether_server; /* private to the process */

/* Attaching over a socket gives up after so many ms, AETHER_ETIMEDOUT, unless
 * `patience` of the options says otherwise. */
#define AETHER_ATTACH_PATIENCE 10000

/* Whom a rule is for. */
enum aether_who {
	AETHER_WHO_ANYONE = 0,
	AETHER_WHO_GROUP = 1, /* `id` is among its groups */
	AETHER_WHO_USER = 2   /* `id` is its user */
};

/* As a right: what was said about them is forgotten. */
#define AETHER_RIGHT_UNSAID 255u

#define AETHER_GRANT_SERVE 1u   /* may serve along, and so grant anything */
#define AETHER_GRANT_OBSERVE 2u /* may only observe: takes no slot */

/*
 * A rule. For each segment the rule that is closest counts, if it says
 * something about that segment: the user's own; then, that the plane's user and
 * root have `write` and may serve; then the best of its groups; then anyone's;
 * else there is no right. Flags are a user's or group's as the last grant for
 * it had them. In whatever order rules were made, they mean the same.
 */
struct aether_grant {
	uint32_t who;      /* enum aether_who */
	uint32_t id;       /* of a user or a group; else 0 */
	uint32_t right;    /* enum aether_right, or AETHER_RIGHT_UNSAID */
	uint32_t flags;    /* AETHER_GRANT_... */
	uint64_t segments; /* of these; an undivided plane has segment 0 */
};

#define AETHER_GRANTS_MAX 256 /* that are ever listed */

/* All zero asks for the defaults. */
struct aether_server_options {
	uint32_t mode;     /* of the socket; 0: 0666, for rules decide */
	uint32_t group;    /* its group; 0: the caller's */
	uint32_t clients;  /* so many at once; 0: 256 */
	uint32_t per_user; /* so many of one user; 0: 64 */
	uint32_t patience; /* ms for a client to ask; 0: 2000 */
	uint32_t count;    /* of `grants` */
	const struct aether_grant *grants; /* rules from the beginning */
	struct aether_participant *reaper; /* in whose name the dead are
			settled, who leaves after the server was closed; NULL:
			joins for that moment */
};

struct aether_server_info {
	uint32_t clients;  /* connections, those that still ask included */
	uint32_t attached; /* how many of them are attached */
	uint64_t accepted; /* connections, ever */
	uint64_t granted;  /* attached, ever */
	uint64_t refused;  /* for want of rights, or of room */
	uint64_t dropped;  /* too slow, or not understood */
	uint64_t hangups;  /* ended without detaching */
};

/*
 * Serves the plane at `path`, which becomes a socket when all is ready, or
 * takes the place of one that nobody serves any more. The plane stays the
 * caller's and cannot be detached meanwhile. The attachment must have all
 * segments, and this process the right to open them anew: a server is of the
 * plane's user, or root, or one whom its files' modes allow.
 * Errors: AETHER_EEXIST (somebody serves there, or it is no socket),
 * AETHER_ENAME (the path is too long), AETHER_ENOENT (no such directory),
 * AETHER_EACCES, AETHER_EINVAL, AETHER_EBUSY (another one begins to serve in
 * that directory), AETHER_ENOSPC (too many rules), AETHER_EREADONLY (an
 * observer), AETHER_ENOMEM, AETHER_EFILES, AETHER_ESYS.
 */
AETHER_API int aether_server_open(struct aether_plane *plane, const char *path,
				  const struct aether_server_options *options,
				  struct aether_error *error,
				  struct aether_server **server);

/*
 * Serves along: the plane was attached over a socket, and its server grants
 * that. `mode`, `group` and rules are those that there are. Errors as above,
 * and AETHER_ENOENT (nobody serves there), AETHER_EGONE (the last server ends
 * just now, or another plane is served there by now), AETHER_ETIMEDOUT.
 */
AETHER_API int aether_server_join(struct aether_plane *plane,
				  const struct aether_server_options *options,
				  struct aether_error *error,
				  struct aether_server **server);

/* A descriptor to wait on: when it can be read there is something to do. It
 * stays the server's. */
AETHER_API int aether_server_fd(const struct aether_server *server);

/*
 * Does what is to be done, some of it at most, and never waits. A client that
 * hung up without detaching has died, perhaps: what it left is settled, and
 * those who wait for it are rung. Returns 0; AETHER_ESYS.
 */
AETHER_API int aether_server_turn(struct aether_server *server);

/*
 * Changes a rule, for all servers; who is attached keeps what he has. One that
 * could never mean what it says (`route` where the plane is not divided; to
 * serve, without all of the plane, or for whom its files' modes let open
 * nothing) is AETHER_EINVAL. Errors: that, AETHER_ENOSPC (64 users, groups and
 * anyone have rules), AETHER_EBUSY (another one changes them), AETHER_ECORRUPT.
 */
AETHER_API int aether_server_grant(struct aether_server *server,
				   const struct aether_grant *grant,
				   struct aether_error *error);

/* Writes the rules, at most `room` of them; returns how many there are.
 * AETHER_ECORRUPT. */
AETHER_API int aether_server_rules(const struct aether_server *server,
				   struct aether_grant *grants, uint32_t room);

/* The same over the socket, as the plane's user or root. Errors as in
 * aether_plane_attach by a path, too. */
AETHER_API int aether_socket_grant(const char *path,
				   const struct aether_grant *grant,
				   struct aether_error *error);
AETHER_API int aether_socket_rules(const char *path, uint32_t room,
				   struct aether_error *error,
				   struct aether_grant *grants);

/* Never fails; returns 0. */
AETHER_API int aether_server_look(const struct aether_server *server,
				  struct aether_server_info *info);

/* Serves no more. The last server removes the socket. Those who are attached
 * stay so. NULL is allowed and does nothing. */
AETHER_API void aether_server_close(struct aether_server *server);

#ifdef __cplusplus
}
#endif

#endif
