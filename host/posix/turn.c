/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One turn of a server: who comes, who asks, who has gone. It waits for nobody.
 * A client has a moment to ask; one that hung up while it was attached has
 * died, perhaps, and is looked for until its lock is gone, which may be a
 * little after its connection is.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "serve.h"

#define MS UINT64_C(1000000)
#define EVENTS 32         /* of one turn */
#define ACCEPTS 16        /* of one turn */
#define LOOKS 8           /* for who hung up: after 0, 1, 2, 4, ... 64 ms */
#define PERIOD (100 * MS) /* and for others, while anybody is there */
#define PAUSE (1000 * MS) /* between looks whether anybody is */
#define REST (50 * MS)    /* where no descriptor can be had for who comes */

int ae_serve_hear(struct aether_server *s, int fd, uint64_t as)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = as };

	return epoll_ctl(s->events, EPOLL_CTL_ADD, fd, &event);
}

static void hear_listening(struct aether_server *s, int on)
{
	struct epoll_event event = { .events = on ? EPOLLIN : 0,
				     .data.u64 = AE_SERVE_LISTEN };

	epoll_ctl(s->events, EPOLL_CTL_MOD, s->socket.listen.fd, &event);
}

/* Taken out first: a child may have a copy. */
void ae_serve_drop(struct aether_server *s, struct ae_client *c)
{
	if (c->line.fd < 0)
		return;
	epoll_ctl(s->events, EPOLL_CTL_DEL, c->line.fd, NULL);
	ae_posix_private_close(&c->line);
	while (s->end && s->client[s->end - 1].line.fd < 0)
		s->end--;
	s->info.clients--;
	s->info.attached -= (uint32_t)c->attached;
	c->attached = c->takes_part = 0;
	c->number++;
}

/* ---- the dead */

static int is_dead(const struct aether_plane *plane, uint32_t slot)
{
	/* relaxed: a guess of when to reap; a reap judges anew. */
	uint64_t word = ae_load64_relaxed(&plane->seats[slot].seat);

	switch (AETHER_SEAT_STATE(word)) {
	case AETHER_SEAT_ACTIVE:
	case AETHER_SEAT_LEAVING:
		return ae_host_life_test(plane, slot) == 0;
	case AETHER_SEAT_DEAD:
		return !ae_reap_is_left(plane, slot, word);
	default:
		return 0;
	}
}

/* In the name of the participant that was given, or of one that comes for
 * this: joining settles what the dead left. */
static void reap(struct aether_server *s)
{
	struct aether_participant_options options = {
		.name = "server",
		.role = AETHER_ROLE_SYSTEM,
		.unwatched = 1,
	};
	struct aether_participant *me;

	if (s->reaper) {
		aether_reap(s->reaper, NULL);
		return;
	}
	if (aether_participant_join(s->plane, &options, NULL, &me) == 0)
		aether_participant_leave(me);
}

static int is_taken(const struct aether_plane *plane, uint32_t slot)
{
	/* relaxed: a guess of when to look. */
	uint64_t word = ae_load64_relaxed(&plane->seats[slot].seat);

	return AETHER_SEAT_STATE(word) != AETHER_SEAT_FREE;
}

/* Not all who take part are this server's clients: some came by name, or by a
 * server that has ended. */
static void look_for_dead(struct aether_server *s)
{
	int dead = 0, taken = 0;
	uint64_t next;

	for (uint32_t i = 0; i < s->plane->geometry.participants; i++) {
		taken |= is_taken(s->plane, i);
		dead |= is_dead(s->plane, i);
	}
	if (dead)
		reap(s);
	if (s->looks < LOOKS)
		next = MS << s->looks++;
	else
		next = taken ? PERIOD : PAUSE;
	s->look = ae_host_now() + next;
}

/* ---- who goes */

static void hang_up(struct aether_server *s, struct ae_client *c)
{
	int attached = c->attached, takes_part = c->takes_part;

	ae_serve_drop(s, c);
	s->info.hangups += (uint64_t)attached;
	s->info.dropped += (uint64_t)!attached;
	if (!takes_part)
		return;
	s->looks = 0;
	s->look = ae_host_now();
}

/* ---- who asks */

/* It has said something, or is gone. */
static void hear_client(struct aether_server *s, struct ae_client *c)
{
	struct ae_wire_request request;
	int n = ae_wire_receive(c->line.fd, &request, sizeof(request), NULL,
				NULL);
	int stays;

	if (n == -EAGAIN)
		return;
	if (n > 0 && c->attached &&
	    ae_wire_is(&request.head, (size_t)n, sizeof(request)) &&
	    request.head.kind == AE_WIRE_BYE) {
		ae_serve_drop(s, c);
		return;
	}
	if (n <= 0 || c->attached) {
		hang_up(s, c);
		return;
	}
	stays = ae_serve_answer(s, c, &request, (size_t)n);
	if (stays < 0)
		hang_up(s, c);
	else if (!stays)
		ae_serve_drop(s, c);
}

/* ---- who comes */

static struct ae_client *place_for(struct aether_server *s, uint32_t uid)
{
	struct ae_client *place = NULL;
	uint32_t same = 0;

	for (uint32_t i = 0; i < s->end; i++) {
		struct ae_client *c = &s->client[i];

		if (c->line.fd < 0)
			place = place ? place : c;
		else
			same += c->uid == uid;
	}
	if (!place && s->end < s->room)
		place = &s->client[s->end];
	return same < s->per_user ? place : NULL;
}

/* Where there is room only because some have gone that we have not heard of;
 * asked once in a turn, or a crowd that is refused would cost as much for each
 * of it as all clients. */
static struct ae_client *make_place(struct aether_server *s, uint32_t uid)
{
	struct ae_client *place = place_for(s, uid);

	if (place || s->heard_all)
		return place;
	s->heard_all = 1;
	for (uint32_t i = 0; i < s->end; i++)
		if (s->client[i].line.fd >= 0)
			hear_client(s, &s->client[i]);
	return place_for(s, uid);
}

/* May it come in? 0; or it was told why not: an error. */
static int refuse_client(struct aether_server *s, int fd, struct ae_client *who,
			 struct ae_client **place)
{
	struct ae_peer peer;
	int err = ae_serve_peer(s, fd, &peer), stale = s->heard_all;

	if (err == 0)
		err = ae_serve_judge(s, &peer, &who->may);
	if (err < 0) {
		ae_serve_refuse(s, fd, err, err == AETHER_EAGAIN,
				"the server cannot see who may what");
		return err;
	}
	who->uid = peer.uid;
	if (!who->may.any) {
		ae_serve_refuse_user(s, fd, who->uid);
		return AETHER_EACCES;
	}
	*place = make_place(s, who->uid);
	if (!*place) {
		/* who has gone since all were heard may be just the one */
		ae_serve_refuse(s, fd, AETHER_EBUSY, stale,
				"the server has as many clients as it may, %u, "
				"or %u of user %u; let one detach, or serve "
				"with more --clients, --per-user.",
				s->room, s->per_user, who->uid);
		return AETHER_EBUSY;
	}
	return 0;
}

/* Takes over the descriptor of one who has come. */
static void welcome(struct aether_server *s, struct ae_posix_life *line)
{
	struct ae_client *c = NULL;
	struct ae_client who = { .uid = 0 };
	int fd;

	if (refuse_client(s, line->fd, &who, &c) < 0) {
		ae_posix_private_close(line);
		return;
	}
	ae_posix_private_move(line, &c->line);
	if (c == &s->client[s->end])
		s->end++;
	fd = c->line.fd;
	c->uid = who.uid;
	c->may = who.may;
	c->judged = s->cache.number;
	c->attached = c->takes_part = 0;
	c->deadline = ae_host_now() + s->patience;
	if (c->deadline < s->deadline)
		s->deadline = c->deadline;
	s->info.clients++;
	if (ae_serve_hear(s, fd,
			  (uint64_t)c->number << 32 |
				  (uint64_t)(c - s->client)) < 0)
		ae_serve_drop(s, c);
	else
		hear_client(s, c); /* it has asked already, mostly */
}

/* No descriptor for who comes: he is told with the last one. Where there is
 * not even that, nobody is listened to for a while: it must not spin. */
static void refuse_crowd(struct aether_server *s)
{
	int fd = -1;

	if (s->spare >= 0)
		close(s->spare);
	fd = accept4(s->socket.listen.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) {
		ae_serve_refuse(s, fd, AETHER_EFILES, 1,
				"the server has too many open files");
		close(fd);
	}
	s->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && s->spare >= 0)
		return;
	hear_listening(s, 0);
	s->resume = ae_host_now() + REST;
}

static void accept_some(struct aether_server *s)
{
	for (int i = 0; i < ACCEPTS; i++) {
		struct ae_posix_life line = { .fd = -1 };
		int os;

		ae_posix_private_begin();
		ae_posix_private_keep(&line,
				      accept4(s->socket.listen.fd, NULL, NULL,
					      SOCK_CLOEXEC | SOCK_NONBLOCK));
		os = errno;
		ae_posix_private_end();
		if (line.fd >= 0) {
			s->info.accepted++;
			welcome(s, &line);
			continue;
		}
		if (os == EMFILE || os == ENFILE || os == ENOMEM ||
		    os == ENOBUFS)
			refuse_crowd(s);
		if (os != EINTR && os != ECONNABORTED)
			return;
	}
}

/* ---- time */

/* Those who have not asked in time; when the next one will not have. */
static void drop_slow(struct aether_server *s, uint64_t now)
{
	s->deadline = UINT64_MAX;
	for (uint32_t i = 0; i < s->end; i++) {
		struct ae_client *c = &s->client[i];

		if (c->line.fd < 0 || c->attached)
			continue;
		if (now >= c->deadline) {
			s->info.dropped++;
			ae_serve_drop(s, c);
		} else if (c->deadline < s->deadline) {
			s->deadline = c->deadline;
		}
	}
}

static void keep_time(struct aether_server *s)
{
	uint64_t now = ae_host_now();

	if (now >= s->deadline)
		drop_slow(s, now);
	if (s->resume && now >= s->resume) {
		s->resume = 0;
		hear_listening(s, 1);
	}
	if (now >= s->look)
		look_for_dead(s);
}

static void set_timer(struct aether_server *s)
{
	uint64_t next = s->look;
	struct itimerspec when = { .it_value = { .tv_sec = 0 } };

	if (s->resume && s->resume < next)
		next = s->resume;
	if (s->deadline < next)
		next = s->deadline;
	if (next == s->timed)
		return;
	s->timed = next;
	when.it_value.tv_sec = (time_t)(next / (1000 * MS));
	when.it_value.tv_nsec = (long)(next % (1000 * MS));
	timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* He came before he asks: rules may have changed. What cannot be judged may
 * nothing. */
static void judge_anew(struct aether_server *s, struct ae_client *c)
{
	struct ae_peer peer;

	if (c->attached || (ae_rules_refresh(s->rules.fd, &s->cache) == 0 &&
			    s->cache.number == c->judged))
		return;
	memset(&c->may, 0, sizeof(c->may));
	if (ae_serve_peer(s, c->line.fd, &peer) == 0 &&
	    ae_serve_judge(s, &peer, &c->may) == 0)
		c->judged = s->cache.number;
}

static void hear(struct aether_server *s, uint64_t who)
{
	uint64_t place = who & UINT32_MAX, ticks;

	if (who == AE_SERVE_LISTEN) {
		accept_some(s);
	} else if (who == AE_SERVE_TIMER) {
		if (read(s->timer, &ticks, sizeof(ticks)) < 0)
			return;
	} else if (place < s->room && s->client[place].line.fd >= 0 &&
		   s->client[place].number == who >> 32) {
		judge_anew(s, &s->client[place]);
		hear_client(s, &s->client[place]);
	}
}

int aether_server_turn(struct aether_server *s)
{
	struct epoll_event heard[EVENTS];
	int n = epoll_wait(s->events, heard, EVENTS, 0);

	if (n < 0 && errno != EINTR)
		return AETHER_ESYS;
	s->heard_all = 0;
	for (int i = 0; i < n; i++)
		hear(s, heard[i].data.u64);
	keep_time(s);
	set_timer(s);
	return 0;
}
