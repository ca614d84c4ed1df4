/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking whoever serves at a path. A server may die, or be stopped, at any
 * instruction: then the connection is made anew, and another one answers, as
 * long as any serves on that socket and the deadline has not passed.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "line.h"
#include "socket.h"

#define MS UINT64_C(1000000)
#define FIRST_PATIENCE (1000 * MS) /* with one server; then twice that */
#define NAP (2 * MS)               /* before it is asked again */

static uint64_t left(uint64_t deadline)
{
	uint64_t now = ae_host_now();

	return deadline > now ? deadline - now : 0;
}

static void nap(void)
{
	const struct timespec t = { .tv_nsec = NAP };

	nanosleep(&t, NULL);
}

static int refuse_connect(const char *path, int os, struct aether_error *error)
{
	struct stat st;
	int there = stat(path, &st) == 0;

	if (there && !S_ISSOCK(st.st_mode))
		return aether_error_fill(error, AETHER_EPLANE, 0,
					 "'%s' is no socket; name a plane, or "
					 "the socket of an aether serve.",
					 path);
	if (os == ECONNREFUSED)
		return aether_error_fill(
			error, AETHER_ENOENT, 0,
			"nobody serves at '%s' any more; begin "
			"again with aether serve NAME %s.",
			path, path);
	if (os == ENOENT || os == ENOTDIR)
		return aether_error_fill(error, AETHER_ENOENT, 0,
					 "there is no socket '%s'; begin with "
					 "aether serve NAME %s.",
					 path, path);
	if (os == EPROTOTYPE)
		return aether_error_fill(error, AETHER_EPLANE, 0,
					 "'%s' is another program's socket; "
					 "name that of an aether serve.",
					 path);
	if (os == EACCES || os == EPERM)
		return aether_error_fill(error, AETHER_EACCES, os,
					 "may not connect to '%s'; ask its "
					 "server for its --mode or --group, or "
					 "for the way to it.",
					 path);
	if (os == EAGAIN)
		return aether_error_fill(error, AETHER_ETIMEDOUT, 0,
					 "whoever serves at '%s' does not "
					 "answer: it is stopped, or has too "
					 "much to do; try again.",
					 path);
	return aether_error_fill(error, ae_posix_code(os), os,
				 "cannot connect to '%s'", path);
}

/* Waits, until the deadline, where many connect at once, though signals come
 * all the time. An errno. */
static int connect_until(int fd, const struct sockaddr_un *at,
			 uint64_t deadline)
{
	int os;

	if (fcntl(fd, F_SETFL, 0) < 0)
		return errno;
	do {
		uint64_t wait = left(deadline) / 1000 + 1;
		struct timeval most = { .tv_sec = (time_t)(wait / 1000000),
					.tv_usec = (suseconds_t)(wait %
								 1000000) };

		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
		os = connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0
			     ? errno
			     : 0;
	} while (os == EINTR && left(deadline));
	return os == EINTR ? EAGAIN : os;
}

/* Connects; an errno. Mostly there is room, and nothing to wait for. */
static int connect_to(int fd, const struct sockaddr_un *at, uint64_t deadline)
{
	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0)
		return 0;
	return errno == EAGAIN || errno == EINTR
		       ? connect_until(fd, at, deadline)
		       : errno;
}

static int dial(struct ae_ask *ask, struct aether_error *error)
{
	struct sockaddr_un at;
	int err = ae_socket_address(ask->path, &at, error);
	int os;

	if (err < 0)
		return err;
	if (ae_posix_private_socket(ask->connection, SOCK_NONBLOCK) < 0)
		return aether_error_fill(error, ae_posix_code(errno), errno,
					 "cannot connect to '%s'", ask->path);
	os = connect_to(ask->connection->fd, &at, ask->deadline);
	if (!os)
		return 0;
	ae_posix_private_close(ask->connection);
	return refuse_connect(ask->path, os, error);
}

int ae_ask_wait(int fd, uint64_t deadline)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	uint64_t ms;

	while ((ms = left(deadline))) {
		ms = ms / MS + 1;
		if (poll(&wait, 1, ms < 60000 ? (int)ms : 60000) > 0)
			return 0;
	}
	return AETHER_ETIMEDOUT;
}

int ae_ask_check(const struct ae_ask *ask, int n, uint32_t count)
{
	const struct ae_wire_reply *r = &ask->reply;
	uint32_t own = ask->own[1] ? 2 : ask->own[0] ? 1 : 0;

	if (n < 0 || !ae_wire_is(&r->head, (size_t)n, sizeof(*r)))
		return AETHER_EPLANE;
	if (r->code) /* also before it has read what was asked */
		return r->code < 0 && aether_error_name(r->code) && !count
			       ? 0
			       : AETHER_EPLANE;
	if (r->head.kind != ask->request.head.kind || r->count != count ||
	    r->own > own || r->own > count || r->segments > AETHER_SEGMENTS_MAX)
		return AETHER_EPLANE;
	return 0;
}

/* Takes what came: whoever forks meanwhile forks before it, or after. Returns
 * as ae_wire_receive; AETHER_EPLANE cannot be one of its errors. */
static int take_reply(struct ae_ask *ask, int *valid)
{
	uint32_t count = 0;
	int n;

	ae_posix_private_begin();
	n = ae_wire_receive(ask->connection->fd, &ask->reply,
			    sizeof(ask->reply), ask->fds, &count);
	*valid = n > 0 && ae_ask_check(ask, n, count) == 0;
	if (n >= 0 && !*valid)
		ae_wire_close(ask->fds, count);
	ask->owned = *valid && !ask->reply.code ? ask->reply.own : 0;
	for (uint32_t i = 0; i < ask->owned; i++)
		ae_posix_private_keep(ask->own[i], ask->fds[i]);
	ask->count = *valid ? count - ask->owned : 0;
	ae_posix_private_end();
	memmove(ask->fds, ask->fds + ask->owned, ask->count * sizeof(int));
	return n;
}

/* What the server says, made fit to be shown. */
static int refused(struct ae_ask *ask, struct aether_error *error)
{
	char *text = ask->reply.text;
	size_t length;

	text[sizeof(ask->reply.text) - 1] = 0;
	for (char *c = text; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	length = strlen(text);
	if (!length)
		return aether_error_fill(error, ask->reply.code, 0,
					 "refused by whoever serves at '%s'",
					 ask->path);
	if (text[length - 1] == '.') /* it says what to do */
		return aether_error_fill(error, ask->reply.code, 0, "%.*s.",
					 (int)length - 1, text);
	return aether_error_fill(error, ask->reply.code, 0, "%s", text);
}

/* Asks one server. 1: another one must be asked, or this one again. */
static int ask_one(struct ae_ask *ask, uint64_t patience,
		   struct aether_error *error)
{
	uint64_t until = ae_host_now() + patience;
	int valid = 0, n, os;

	if (until > ask->deadline)
		until = ask->deadline;
	/* one that refuses may have answered, and gone, before it is asked */
	os = ae_wire_send(ask->connection->fd, &ask->request,
			  sizeof(ask->request), NULL, 0);
	if (os && os != EPIPE && os != ECONNRESET)
		return aether_error_fill(error, ae_posix_code(os), os,
					 "cannot ask whoever serves at '%s'",
					 ask->path);
	if (ae_ask_wait(ask->connection->fd, until) < 0)
		return 1;
	n = take_reply(ask, &valid);
	if (n == -ECONNRESET) /* said once, before what came is read */
		n = take_reply(ask, &valid);
	if (n == 0 || n == -ECONNRESET || n == -EPIPE || n == -EAGAIN)
		return 1;
	if (n == -EMFILE || n == -ENFILE)
		return aether_error_fill(error, AETHER_EFILES, -n,
					 "no room for the descriptors of '%s'",
					 ask->path);
	if (!valid)
		return aether_error_fill(error, AETHER_EPLANE, 0,
					 "what answers at '%s' does not speak "
					 "as an attach socket of this release; "
					 "name that of an aether serve of the "
					 "same release.",
					 ask->path);
	if (ask->reply.code && ask->reply.again && left(ask->deadline) > NAP)
		return 1;
	return ask->reply.code ? refused(ask, error) : 0;
}

int ae_ask(struct ae_ask *ask, struct aether_error *error)
{
	uint64_t patience = FIRST_PATIENCE;
	int err;

	for (;;) {
		uint64_t before = ae_host_now();

		err = dial(ask, error);
		if (err == 0)
			err = ask_one(ask, patience, error);
		if (err == 0)
			return 0;
		ae_posix_private_close(ask->connection);
		if (err < 0)
			return err;
		if (!left(ask->deadline))
			break;
		if (ae_host_now() - before >= patience)
			patience *= 2;
		else
			nap();
	}
	return aether_error_fill(error, AETHER_ETIMEDOUT, 0,
				 "whoever serves at '%s' did not answer in "
				 "time: it is stopped, or has too much to do; "
				 "try again, or serve along.",
				 ask->path);
}
