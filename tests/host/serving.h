/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of attach sockets share: servers as processes of their own,
 * and clients that become another user.
 */
#ifndef HOST_SERVING_H
#define HOST_SERVING_H

#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "segments.h"

/* A plane that is served, and what its servers are told and say. */
struct serving {
	struct aether_plane *plane; /* of the test itself */
	struct aether_server_options options;
	int along; /* 1: attach over the socket, and serve along */
	struct serving_words {
		struct aether_word64 serves;  /* servers that have begun */
		struct aether_word64 end;     /* servers that are to end */
		struct aether_word64 info[8]; /* of the last one that turned */
	} * words;
};

static char serving_path[80];

static inline void serving_begin(struct serving *s)
{
	memset(s, 0, sizeof(*s));
	snprintf(serving_path, sizeof(serving_path), "%s/plane.sock",
		 rig_directory);
	need(chmod(rig_directory, 0755) == 0);
	s->plane = create(NULL);
	s->words = rig_shared(sizeof(*s->words));
}

static inline void serving_end(struct serving *s)
{
	need(aether_plane_detach(s->plane) == 0);
	munmap(s->words, sizeof(*s->words));
}

static inline void serving_say(const struct serving *s,
			       const struct aether_server *server)
{
	struct aether_server_info info;

	aether_server_look(server, &info);
	rig_tell(&s->words->info[0], info.clients);
	rig_tell(&s->words->info[1], info.attached);
	rig_tell(&s->words->info[2], info.accepted);
	rig_tell(&s->words->info[3], info.granted);
	rig_tell(&s->words->info[4], info.refused);
	rig_tell(&s->words->info[5], info.dropped);
	rig_tell(&s->words->info[6], info.hangups);
}

/* Serves until it is told to end. */
static inline int serving_run(void *argument)
{
	struct serving *s = argument;
	struct aether_server *server = NULL;
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;
	int err;

	if (s->along) {
		err = aether_plane_attach(serving_path, 0, &error, &plane);
		if (err == 0)
			err = aether_server_join(plane, &s->options, &error,
						 &server);
	} else {
		plane = rig_again(s->plane);
		err = aether_server_open(plane, serving_path, &s->options,
					 &error, &server);
	}
	if (err < 0) {
		printf("# %s\n", error.text);
		fflush(stdout);
		return 10;
	}
	ae_add64_relaxed(&s->words->serves, 1);
	while (!rig_told(&s->words->end)) {
		struct pollfd wait = { .fd = aether_server_fd(server),
				       .events = POLLIN };

		poll(&wait, 1, 20);
		if (aether_server_turn(server) < 0)
			return 11;
		serving_say(s, server);
	}
	aether_server_close(server);
	return aether_plane_detach(plane) < 0 ? 12 : 0;
}

/* One more server; it has begun. */
static inline pid_t serving_start(struct serving *s)
{
	uint64_t before = rig_told(&s->words->serves);
	pid_t pid = rig_fork(serving_run, s);

	while (rig_told(&s->words->serves) == before) {
		need(waitpid(pid, NULL, WNOHANG) == 0);
		rig_sleep(MS / 4);
	}
	return pid;
}

static inline int serving_stop(struct serving *s, pid_t pid)
{
	int status;

	rig_tell(&s->words->end, 1);
	status = rig_wait(pid);
	rig_tell(&s->words->end, 0);
	return status;
}

static inline struct aether_plane *attach_over(uint32_t flags)
{
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;

	if (aether_plane_attach(serving_path, flags, &error, &plane) < 0) {
		printf("# %s\n", error.text);
		fflush(stdout);
	}
	return plane;
}

static inline int become_nobody(void)
{
	gid_t group = NOBODY;

	return setgroups(1, &group) < 0 || setgid(NOBODY) < 0 ||
	       setuid(NOBODY) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0;
}

/* A bare connection to the socket. */
static inline int serving_connect(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(at.sun_path, serving_path);
	need(fd >= 0);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	return -1;
}

#endif
