/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of a server: who asks, what he may, and descriptors that allow just
 * that. Each is of a description that is opened for this client and closed here
 * as soon as it is sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "serve.h"

#define GROUPS_MAX 65536 /* the kernel allows no more */

static int read_groups(struct aether_server *s, int fd, struct ae_peer *peer)
{
	for (int i = 0; i < 2; i++) {
		socklen_t size = (socklen_t)(s->group_room * sizeof(gid_t));
		gid_t *more;

		if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, s->groups,
			       &size) == 0) {
			peer->groups = s->groups;
			peer->count = size / sizeof(gid_t);
			return 0;
		}
		if (errno != ERANGE || size / sizeof(gid_t) > GROUPS_MAX)
			break;
		more = realloc(s->groups, size);
		if (!more)
			break;
		s->groups = more;
		s->group_room = size / sizeof(gid_t);
	}
	return errno == ENOPROTOOPT ? 0 : AETHER_ESYS;
}

int ae_serve_peer(struct aether_server *s, int fd, struct ae_peer *peer)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	*peer = (struct ae_peer) { .count = 0 };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return AETHER_ESYS;
	peer->uid = who.uid;
	peer->gid = who.gid;
	return read_groups(s, fd, peer);
}

/* Rules that cannot be read grant nothing. */
int ae_serve_judge(struct aether_server *s, const struct ae_peer *peer,
		   struct ae_verdict *verdict)
{
	int err = ae_rules_refresh(s->rules.fd, &s->cache);

	if (err == 0)
		ae_rules_judge(&s->cache.rules, peer, verdict);
	return err;
}

/* What is being sent. */
struct answer {
	struct ae_wire_reply reply;
	int fds[AE_WIRE_FDS];
};

static void start(struct answer *a, uint32_t kind)
{
	memset(&a->reply, 0, sizeof(a->reply));
	ae_wire_head(&a->reply.head, kind, sizeof(a->reply));
}

void ae_serve_refuse(struct aether_server *s, int fd, int code, int again,
		     const char *what, ...)
{
	struct answer a;
	va_list list;

	start(&a, 0);
	a.reply.code = code;
	a.reply.again = (uint32_t)again;
	va_start(list, what);
	vsnprintf(a.reply.text, sizeof(a.reply.text), what, list);
	va_end(list);
	s->info.refused++;
	ae_wire_send(fd, &a.reply, sizeof(a.reply), NULL, 0);
}

/* Too many descriptors, here or on their way: there may be fewer soon. */
static int is_crowded(int os)
{
	return os == EMFILE || os == ENFILE || os == ETOOMANYREFS ||
	       os == ENOMEM || os == ENOBUFS;
}

static int refuse_os(struct aether_server *s, const struct ae_client *c, int os)
{
	ae_serve_refuse(s, c->line.fd,
			is_crowded(os) ? AETHER_EFILES : ae_posix_code(os),
			is_crowded(os),
			is_crowded(os) ? "the server has too many open files"
				       : "the server cannot open what was "
					 "granted");
	return 0;
}

/* Opens one more for the client; an errno. */
static int add(const struct aether_server *s, struct answer *a, int fd,
	       int writes)
{
	int own = ae_posix_reopen_in(s->files, fd, writes ? O_RDWR : O_RDONLY);

	if (own < 0)
		return errno;
	a->fds[a->reply.count++] = own;
	return 0;
}

/* Sends, and closes what was opened for it. */
static int send_answer(const struct ae_client *c, struct answer *a)
{
	int os = ae_wire_send(c->line.fd, &a->reply, sizeof(a->reply), a->fds,
			      a->reply.count);

	ae_wire_close(a->fds, a->reply.count);
	return os;
}

/* The rest of what is granted, by what the client asked for. */
static uint8_t reduce(uint8_t right, const struct aether_attach_options *o,
		      uint32_t segment)
{
	uint64_t bit = UINT64_C(1) << segment;
	uint8_t most = AETHER_RIGHT_WRITE;

	if (o->flags & AETHER_ATTACH_OBSERVE || o->read_only & bit)
		most = AETHER_RIGHT_READ;
	if (o->no_data & bit)
		most = AETHER_RIGHT_ROUTE;
	if (o->hidden & bit)
		most = AETHER_RIGHT_NONE;
	return right < most ? right : most;
}

/* Descriptors of the segments, as far as they are granted; an errno. */
static int add_segments(const struct aether_server *s, struct answer *a,
			const struct aether_plane_objects *objects,
			const struct aether_attach_options *o)
{
	int takes_part = !(o->flags & AETHER_ATTACH_OBSERVE);
	int os = 0;

	for (uint32_t i = 0; i < objects->segments && !os; i++) {
		uint8_t right = a->reply.right[i];

		if (right >= AETHER_RIGHT_ROUTE)
			os = add(s, a, objects->leases[i], takes_part);
		if (!os && right >= AETHER_RIGHT_READ)
			os = add(s, a, objects->data[i],
				 right == AETHER_RIGHT_WRITE);
	}
	return os;
}

void ae_serve_refuse_user(struct aether_server *s, int fd, uint32_t uid)
{
	ae_serve_refuse(s, fd, AETHER_EACCES, 0,
			"user %u has no right to this plane; its owner "
			"grants one with aether grant SOCKET %u read.",
			uid, uid);
}

/* May he have what he asks for at all? 0; or he was told why not: 1. */
static int refuse_attach(struct aether_server *s, const struct ae_client *c,
			 const struct ae_verdict *v, int observes)
{
	int whole = !s->plane->geometry.segments;

	if (!v->any) {
		ae_serve_refuse_user(s, c->line.fd, c->uid);
		return 1;
	}
	if (v->observes && !observes) {
		ae_serve_refuse(s, c->line.fd, AETHER_EACCES, 0,
				"user %u may only observe this plane: look at "
				"it, or ask its owner for aether grant SOCKET "
				"%u write.",
				c->uid, c->uid);
		return 1;
	}
	if (whole &&
	    v->right[0] < (observes ? AETHER_RIGHT_READ : AETHER_RIGHT_WRITE)) {
		ae_serve_refuse(s, c->line.fd, AETHER_EACCES, 0,
				"the plane is not divided, so user %u, who may "
				"not write all of it, can %s; ask its owner "
				"for aether grant SOCKET %u write, or for a "
				"plane of --segments 1, which has rights.",
				c->uid,
				v->right[0] == AETHER_RIGHT_READ
					? "only observe"
					: "not even observe",
				c->uid);
		return 1;
	}
	return 0;
}

static int answer_attach(struct aether_server *s, struct ae_client *c,
			 const struct ae_wire_request *request,
			 const struct ae_verdict *v)
{
	const struct aether_attach_options *o = &request->options;
	int takes_part = !(o->flags & AETHER_ATTACH_OBSERVE);
	struct aether_plane_objects objects;
	struct answer a;
	int os = 0;

	if (refuse_attach(s, c, v, !takes_part))
		return 0;
	start(&a, AE_WIRE_ATTACH);
	aether_plane_objects(s->plane, &objects);
	a.reply.segments = objects.segments;
	a.reply.user = c->uid + 1;
	memcpy(a.reply.id, s->plane->id, sizeof(a.reply.id));
	for (uint32_t i = 0; i < ae_segment_count(&s->plane->geometry); i++)
		a.reply.right[i] = reduce(v->right[i], o, i);
	/* a child that kept the one to live by would keep its client alive */
	ae_posix_private_begin();
	if (takes_part)
		os = add(s, &a, objects.control, 1);
	a.reply.own = a.reply.count;
	if (!os)
		os = add(s, &a, objects.control, takes_part);
	if (!os)
		os = add_segments(s, &a, &objects, o);
	if (os)
		ae_wire_close(a.fds, a.reply.count);
	else
		os = send_answer(c, &a);
	ae_posix_private_end();
	if (os)
		return refuse_os(s, c, os);
	c->attached = 1;
	c->takes_part = takes_part;
	s->info.attached++;
	s->info.granted++;
	return 1;
}

static int answer_along(struct aether_server *s, const struct ae_client *c,
			const struct ae_verdict *v)
{
	struct answer a;
	int os;

	if (!v->serves) {
		ae_serve_refuse(s, c->line.fd, AETHER_EACCES, 0,
				"user %u may not serve this plane; ask its "
				"owner for aether grant SOCKET %u write+serve.",
				c->uid, c->uid);
		return 0;
	}
	start(&a, AE_WIRE_ALONG);
	memcpy(a.reply.id, s->plane->id, sizeof(a.reply.id));
	a.reply.own = a.reply.count = 1;
	/* the kernel sends a description, whatever its number: no other one is
	 * needed that a child could keep */
	a.fds[0] = s->socket.listen.fd;
	ae_posix_private_begin();
	os = add(s, &a, s->rules.fd, 1);
	a.reply.own = a.reply.count;
	if (!os)
		os = ae_wire_send(c->line.fd, &a.reply, sizeof(a.reply), a.fds,
				  a.reply.count);
	ae_wire_close(a.fds + 1, a.reply.count - 1);
	ae_posix_private_end();
	return os ? refuse_os(s, c, os) : 0;
}

/* Rules are the owner's business. 0; or he was told: 1. */
static int refuse_other(struct aether_server *s, const struct ae_client *c)
{
	struct ae_rules rules;

	if (ae_rules_read(s->rules.fd, &rules) == 0 &&
	    (c->uid == rules.owner || c->uid == 0))
		return 0;
	ae_serve_refuse(s, c->line.fd, AETHER_EACCES, 0,
			"rules are seen and changed by the plane's user and "
			"by root, and you are user %u.",
			c->uid);
	return 1;
}

static int answer_rules(struct aether_server *s, const struct ae_client *c)
{
	struct ae_rules rules;
	struct answer a;

	if (refuse_other(s, c))
		return 0;
	if (ae_rules_read(s->rules.fd, &rules) < 0) {
		ae_serve_refuse(s, c->line.fd, AETHER_ECORRUPT, 0,
				"the rules cannot be read");
		return 0;
	}
	start(&a, AE_WIRE_RULES);
	if (send_answer(c, &a) == 0)
		ae_wire_send(c->line.fd, &rules, sizeof(rules), NULL, 0);
	return 0;
}

static int answer_grant(struct aether_server *s, const struct ae_client *c,
			const struct aether_grant *grant)
{
	struct aether_error error = { .code = 0 };
	struct answer a;

	if (refuse_other(s, c))
		return 0;
	if (aether_server_grant(s, grant, &error) < 0) {
		ae_serve_refuse(s, c->line.fd, error.code,
				error.code == AETHER_EBUSY, "%.*s",
				AE_WIRE_TEXT - 1, error.text);
		return 0;
	}
	start(&a, AE_WIRE_GRANT);
	send_answer(c, &a);
	return 0;
}

int ae_serve_answer(struct aether_server *s, struct ae_client *c,
		    const struct ae_wire_request *request, size_t size)
{
	if (size < sizeof(request->head) ||
	    !ae_wire_is(&request->head, size, sizeof(*request)))
		return AETHER_EPLANE;
	switch (request->head.kind) {
	case AE_WIRE_ATTACH:
		return answer_attach(s, c, request, &c->may);
	case AE_WIRE_ALONG:
		return answer_along(s, c, &c->may);
	case AE_WIRE_RULES:
		return answer_rules(s, c);
	case AE_WIRE_GRANT:
		return answer_grant(s, c, &request->grant);
	default:
		return AETHER_EPLANE;
	}
}
