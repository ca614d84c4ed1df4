/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server of a plane: how it begins, alone or along with others, and ends.
 * What several share is the listening socket and the rules; that somebody
 * serves is a lock on the rules' object, which the kernel drops with him.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "line.h"
#include "serve.h"

#define CLIENTS 256
#define CLIENTS_MAX 65536
#define PER_USER 64
#define PATIENCE 2000 /* ms */
#define GROUPS 64
#define MS UINT64_C(1000000)

/* Can each object be opened anew, with all rights? */
static int check_objects(const struct aether_plane *plane,
			 struct aether_error *error)
{
	struct aether_plane_objects objects;
	char text[40];

	aether_plane_objects(plane, &objects);
	for (uint32_t i = 0; i < ae_posix_object_count(&plane->geometry); i++) {
		struct ae_posix_object o = ae_posix_object(&plane->geometry,
							   &objects, i);
		int fd = *o.fd < 0 ? -1 : ae_posix_reopen(*o.fd, O_RDWR);
		int os = errno;

		if (fd >= 0) {
			close(fd);
			continue;
		}
		ae_posix_object_text(&o, text);
		if (*o.fd < 0)
			return aether_error_fill(error, AETHER_EACCES, 0,
						 "the %s of the plane was not "
						 "granted to this process; who "
						 "serves must have all of it.",
						 text);
		if (ae_posix_code(os) != AETHER_EACCES)
			return aether_error_fill(error, ae_posix_code(os), os,
						 "cannot open the %s of the "
						 "plane anew",
						 text);
		return aether_error_fill(
			error, AETHER_EACCES, 0,
			"this process may not open the %s of the plane anew, "
			"as each client of a server needs it; serve as the "
			"user who made the plane.",
			text);
	}
	return 0;
}

static int check(const struct aether_plane *plane,
		 const struct aether_server_options *o,
		 struct aether_error *error)
{
	if (plane->observer)
		return aether_error_fill(error, AETHER_EREADONLY, 0,
					 "an observer cannot serve");
	if (o->clients > CLIENTS_MAX || o->per_user > CLIENTS_MAX)
		return aether_error_fill(error, AETHER_EINVAL, 0,
					 "at most %d clients can be served",
					 CLIENTS_MAX);
	if (o->reaper && aether_participant_plane(o->reaper) != plane)
		return aether_error_fill(error, AETHER_EINVAL, 0,
					 "the reaper takes part in another "
					 "plane");
	return check_objects(plane, error);
}

static struct aether_server *make(struct aether_plane *plane,
				  const struct aether_server_options *o)
{
	struct aether_server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->plane = plane;
	s->reaper = o->reaper;
	s->room = o->clients ? o->clients : CLIENTS;
	s->per_user = o->per_user ? o->per_user : PER_USER;
	s->patience = (o->patience ? o->patience : PATIENCE) * MS;
	s->events = s->timer = s->spare = s->files = -1;
	s->socket.listen.fd = s->socket.directory = s->rules.fd = -1;
	s->group_room = GROUPS;
	s->groups = calloc(GROUPS, sizeof(*s->groups));
	s->client = calloc(s->room, sizeof(*s->client));
	for (uint32_t i = 0; s->client && i < s->room; i++)
		s->client[i].line.fd = -1;
	/* until it is closed the plane is in use */
	ae_posix_joined(plane->host, 1);
	return s;
}

/* What opening and joining have in common. Also after an error there may be
 * one, which is to be unmade. */
static int prepare(struct aether_plane *plane,
		   const struct aether_server_options *options,
		   struct aether_server_options *o, struct aether_error *error,
		   struct aether_server **made)
{
	int err;

	*o = (struct aether_server_options) { .mode = 0 };
	if (options)
		*o = *options;
	err = check(plane, o, error);
	if (err < 0)
		return err;
	*made = make(plane, o);
	if (!*made || !(*made)->groups || !(*made)->client)
		err = aether_error_fill(error, AETHER_ENOMEM, 0,
					"cannot serve");
	return err;
}

static void unmake(struct aether_server *s)
{
	for (uint32_t i = 0; s->client && i < s->room; i++)
		ae_serve_drop(s, &s->client[i]);
	ae_socket_close(&s->socket);
	ae_posix_private_close(&s->rules);
	if (s->timer >= 0)
		close(s->timer);
	if (s->events >= 0)
		close(s->events);
	if (s->spare >= 0)
		close(s->spare);
	if (s->files >= 0)
		close(s->files);
	ae_posix_joined(s->plane->host, -1);
	free(s->groups);
	free(s->client);
	free(s);
}

/* When it has its socket. */
static int begin(struct aether_server *s, struct aether_error *error)
{
	const struct itimerspec at_once = { .it_value = { .tv_nsec = 1 } };

	s->events = epoll_create1(EPOLL_CLOEXEC);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s->files = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->files < 0 || s->events < 0 || s->timer < 0 || s->spare < 0 ||
	    ae_serve_hear(s, s->socket.listen.fd, AE_SERVE_LISTEN) < 0 ||
	    ae_serve_hear(s, s->timer, AE_SERVE_TIMER) < 0 ||
	    timerfd_settime(s->timer, 0, &at_once, NULL) < 0)
		return aether_error_fill(error, ae_posix_code(errno), errno,
					 "cannot begin to serve");
	return 0;
}

static int refuse_grant(const struct aether_server *s, int err,
			const struct aether_grant *g,
			struct aether_error *error)
{
	uint32_t count = ae_segment_count(&s->plane->geometry);

	if (err == AETHER_ENOSPC)
		return aether_error_fill(error, err, 0,
					 "there are rules for %d users and "
					 "groups, and no room for another one; "
					 "take some back.",
					 AE_RULES_MAX);
	if (err == AETHER_EINVAL && count < AETHER_SEGMENTS_MAX &&
	    g->segments >> count)
		return aether_error_fill(error, err, 0,
					 "a rule is for segment %d, and the "
					 "plane has segments 0 to %u.",
					 63 - __builtin_clzll(g->segments),
					 count - 1);
	if (err == AETHER_EINVAL)
		return aether_error_fill(error, err, 0,
					 "a rule for %u of kind %u, right %u, "
					 "flags %#x, segments %#llx, cannot be "
					 "of this plane",
					 g->id, g->who, g->right, g->flags,
					 (unsigned long long)g->segments);
	if (err == AETHER_EBUSY)
		return aether_error_fill(error, err, 0,
					 "somebody else changes the rules just "
					 "now");
	return aether_error_fill(error, err, 0, "cannot change the rules");
}

/* The object of the rules, with those that there are from the beginning. */
static int make_rules(struct aether_server *s,
		      const struct aether_server_options *o,
		      struct aether_error *error)
{
	struct ae_rules rules = { .owner = (uint32_t)geteuid() };
	int fd;

	for (uint32_t i = 0; i < o->count; i++) {
		int err = ae_serve_vain(s->plane, &o->grants[i], error);

		if (err < 0)
			return err;
		err = ae_rules_put(&rules, &o->grants[i],
				   ae_segment_count(&s->plane->geometry));
		if (err < 0)
			return refuse_grant(s, err, &o->grants[i], error);
	}
	fd = ae_rules_make(&rules);
	if (fd < 0 || ae_posix_private_reopen(&s->rules, fd, O_RDWR) < 0) {
		int os = errno;

		if (fd >= 0)
			close(fd);
		return aether_error_fill(error, ae_posix_code(os), os,
					 "cannot make the rules");
	}
	close(fd);
	return 0;
}

/* Before the socket can be found. */
static int note_socket(void *user, const struct ae_rules_socket *is)
{
	struct aether_server *s = user;
	int err = ae_rules_enter(s->rules.fd);

	return err < 0 ? err : ae_rules_socket_write(s->rules.fd, is);
}

int aether_server_open(struct aether_plane *plane, const char *path,
		       const struct aether_server_options *options,
		       struct aether_error *error,
		       struct aether_server **server)
{
	struct aether_server_options o;
	struct ae_socket_plan plan = { .path = path, .ready = note_socket };
	struct aether_server *s = NULL;
	int err = prepare(plane, options, &o, error, &s);

	plan.mode = o.mode;
	plan.group = o.group;
	plan.user = s;
	if (err == 0)
		err = make_rules(s, &o, error);
	if (err == 0)
		err = ae_socket_open(&plan, error, &s->socket);
	if (err == 0) {
		err = begin(s, error);
		if (err < 0)
			ae_socket_remove(&s->socket);
	}
	if (err == 0)
		*server = s;
	else if (s)
		unmake(s);
	return err;
}

/* What came of asking to serve along. */
static int enter(struct aether_server *s, const char *path,
		 struct aether_error *error)
{
	int err;

	if (s->socket.listen.fd < 0 || s->rules.fd < 0 ||
	    !ae_socket_listens(s->socket.listen.fd) ||
	    ae_rules_known(s->rules.fd) < 0)
		return aether_error_fill(error, AETHER_EPLANE, 0,
					 "what came from the server at '%s' is "
					 "no socket and rules; ask whose "
					 "server that is.",
					 path);
	fcntl(s->socket.listen.fd, F_SETFL, O_NONBLOCK);
	err = ae_rules_enter(s->rules.fd);
	if (err == 0)
		err = ae_rules_socket_read(s->rules.fd, &s->socket.is);
	if (err == 0 && !ae_socket_is_there(&s->socket))
		err = AETHER_EGONE;
	if (err < 0)
		return aether_error_fill(error, err, 0,
					 "the last server at '%s' has just "
					 "ended; serve the plane anew.",
					 path);
	return 0;
}

static int ask_along(struct aether_server *s, const char *path,
		     struct aether_error *error)
{
	struct ae_posix_life connection = { .fd = -1 };
	struct ae_ask ask = { .path = path,
			      .connection = &connection,
			      .own = { &s->socket.listen, &s->rules } };
	int err = ae_socket_place(path, &s->socket, error);

	if (err < 0)
		return err;
	ask.deadline = ae_host_now() + AETHER_ATTACH_PATIENCE * MS;
	ae_wire_head(&ask.request.head, AE_WIRE_ALONG, sizeof(ask.request));
	err = ae_ask(&ask, error);
	if (err < 0)
		return err;
	ae_wire_close(ask.fds, ask.count);
	ae_posix_private_close(&connection);
	/* else this plane would be handed out by another one's rules */
	if (memcmp(ask.reply.id, s->plane->id, sizeof(s->plane->id)) != 0)
		return aether_error_fill(error, AETHER_EGONE, 0,
					 "another plane is served at '%s' by "
					 "now; attach to it, or serve this one "
					 "elsewhere.",
					 path);
	return enter(s, path, error);
}

int aether_server_join(struct aether_plane *plane,
		       const struct aether_server_options *options,
		       struct aether_error *error,
		       struct aether_server **server)
{
	const struct ae_posix_plane *p = plane->host;
	struct aether_server_options o;
	struct aether_server *s = NULL;
	int err;

	if (!p->line)
		return aether_error_fill(error, AETHER_EINVAL, 0,
					 "the plane was not attached over a "
					 "socket, so there is none to serve "
					 "along");
	err = prepare(plane, options, &o, error, &s);
	if (err == 0)
		err = ask_along(s, ae_line_path(p->line), error);
	if (err == 0) {
		err = begin(s, error);
		/* the others may have ended meanwhile, and not be the last */
		if (err < 0 && ae_rules_last(s->rules.fd))
			ae_socket_remove(&s->socket);
	}
	if (err == 0)
		*server = s;
	else if (s)
		unmake(s);
	return err;
}

int aether_server_fd(const struct aether_server *server)
{
	return server->events;
}

int aether_server_grant(struct aether_server *server,
			const struct aether_grant *grant,
			struct aether_error *error)
{
	int err = ae_serve_vain(server->plane, grant, error);

	if (err < 0)
		return err;
	err = ae_rules_change(server->rules.fd, grant,
			      ae_segment_count(&server->plane->geometry));
	return err < 0 ? refuse_grant(server, err, grant, error) : 0;
}

int aether_server_rules(const struct aether_server *server,
			struct aether_grant *grants, uint32_t room)
{
	struct ae_rules rules;
	int err = ae_rules_read(server->rules.fd, &rules);

	return err < 0 ? err : ae_rules_list(&rules, grants, room);
}

int aether_server_look(const struct aether_server *server,
		       struct aether_server_info *info)
{
	*info = server->info;
	return 0;
}

void aether_server_close(struct aether_server *server)
{
	if (!server)
		return;
	if (ae_rules_last(server->rules.fd))
		ae_socket_remove(&server->socket);
	unmake(server);
}

/* ---- rules, over the socket */

static int ask_rules(struct ae_ask *ask, enum ae_wire_kind kind,
		     struct aether_error *error)
{
	int err;

	ask->deadline = ae_host_now() + AETHER_ATTACH_PATIENCE * MS;
	ae_wire_head(&ask->request.head, kind, sizeof(ask->request));
	err = ae_ask(ask, error);
	if (err == 0)
		ae_wire_close(ask->fds, ask->count);
	return err;
}

int aether_socket_grant(const char *path, const struct aether_grant *grant,
			struct aether_error *error)
{
	struct ae_posix_life connection = { .fd = -1 };
	struct ae_ask ask = { .path = path, .connection = &connection };
	int err;

	ask.request.grant = *grant;
	err = ask_rules(&ask, AE_WIRE_GRANT, error);
	ae_posix_private_close(&connection);
	return err;
}

int aether_socket_rules(const char *path, uint32_t room,
			struct aether_error *error, struct aether_grant *grants)
{
	struct ae_posix_life connection = { .fd = -1 };
	struct ae_ask ask = { .path = path, .connection = &connection };
	struct ae_rules rules;
	int n = 0;
	int err = ask_rules(&ask, AE_WIRE_RULES, error);

	if (err < 0)
		return err;
	if (ae_ask_wait(connection.fd, ask.deadline) == 0)
		n = ae_wire_receive(connection.fd, &rules, sizeof(rules), NULL,
				    NULL);
	ae_posix_private_close(&connection);
	if (n != (int)sizeof(rules) || !ae_rules_check(&rules))
		return aether_error_fill(
			error, AETHER_EPLANE, 0,
			"whoever serves at '%s' sends no rules", path);
	return ae_rules_list(&rules, grants, room);
}
