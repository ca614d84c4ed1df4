/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining and leaving: the private memory of a participant, made once at join,
 * so that nothing is allocated afterwards.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>
#include "bell.h"
#include "life.h"
#include "watch.h"

/* Spinning longer than a park costs is never repaid (docs/wait.md). */
#define SPIN_DEFAULT 10000

static int check(const struct aether_plane *plane,
		 const struct aether_participant_options *o,
		 struct aether_error *error)
{
	size_t length = strlen(o->name);

	if (plane->observer)
		return aether_error_fill(error, AETHER_EREADONLY, 0,
					 "an observer cannot join");
	if (!aether_participant_role_name(o->role))
		return aether_error_fill(error, AETHER_EINVAL, 0,
					 "there is no role %u", o->role);
	if (!length || length > AETHER_PARTICIPANT_NAME_MAX)
		return aether_error_fill(error, AETHER_ENAME, 0,
					 "the participant's name has %zu "
					 "characters; 1 to %d are allowed",
					 length, AETHER_PARTICIPANT_NAME_MAX);
	if (!ae_posix_is_name(o->name))
		return aether_error_fill(
			error, AETHER_ENAME, 0,
			"the participant's name has a character "
			"that is not allowed");
	return 0;
}

static void release(struct aether_participant *me)
{
	free(me->host);
	free(me->late);
	free(me->sent);
	free(me->shared);
	free(me->reading);
	free(me);
}

static struct aether_participant *allocate(struct aether_plane *plane)
{
	struct aether_participant *me = calloc(1, sizeof(*me));
	struct ae_posix_life *life = calloc(1, sizeof(*life));
	uint32_t strides = plane->geometry.strides;

	if (!me || !life)
		goto done;
	life->fd = -1;
	me->host = life;
	me->late = calloc(strides, sizeof(*me->late));
	me->sent = calloc(strides, sizeof(*me->sent));
	me->shared = calloc(strides, sizeof(*me->shared));
	me->reading = calloc(strides / 32 + 1, sizeof(*me->reading));
	if (!me->late || !me->sent || !me->shared || !me->reading)
		goto done;
	ae_participant_init(me, plane);
	return me;
done:
	if (me)
		release(me);
	else
		free(life);
	return NULL;
}

static uint64_t real_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) +
	       (uint64_t)now.tv_nsec;
}

static int refuse_join(int code, int os, const struct aether_plane *plane,
		       struct aether_error *error)
{
	if (code == AETHER_ESEATS)
		return aether_error_fill(
			error, code, 0,
			"all %u participant slots of the plane are taken by "
			"somebody who lives, or locked by one who may read "
			"its file",
			plane->geometry.participants);
	return aether_error_fill(error, code, os,
				 "cannot lock a slot of the plane (its file is "
				 "opened through /proc/self/fd)");
}

int aether_participant_join(struct aether_plane *plane,
			    const struct aether_participant_options *options,
			    struct aether_error *error,
			    struct aether_participant **participant)
{
	struct aether_participant_options o = { .role = 0 };
	struct ae_posix_plane *p = plane->host;
	struct aether_participant *me;
	char name[AETHER_PARTICIPANT_NAME_MAX + 1];
	int err;

	if (ae_plane_lost(plane))
		return aether_error_fill(error, AETHER_ECORRUPT, 0,
					 "memory of the plane was taken away: "
					 "its file became shorter");
	if (options)
		o = *options;
	if (!o.name && aether_participant_role_name(o.role)) {
		snprintf(name, sizeof(name), "%s-%d",
			 aether_participant_role_name(o.role), (int)getpid());
		o.name = name;
	}
	if (!o.name)
		o.name = "";
	if (!o.spin && get_nprocs() > 1)
		o.spin = SPIN_DEFAULT;
	err = check(plane, &o, error);
	if (err < 0)
		return err;
	me = allocate(plane);
	if (!me)
		return aether_error_fill(error, AETHER_ENOMEM, 0,
					 "cannot join");
	err = ae_participant_join(me, &o, real_time(), (uint32_t)getpid());
	if (err < 0) {
		int os = errno;

		ae_host_life_drop(me, me->slot);
		release(me);
		return refuse_join(err, os, plane, error);
	}
	ae_posix_joined(p, 1);
	if (!o.unwatched)
		ae_posix_watch_join(me);
	*participant = me;
	return 0;
}

void aether_participant_leave(struct aether_participant *me)
{
	if (!me)
		return;
	ae_posix_bell_leave(me);
	ae_posix_watch_leave(me);
	ae_participant_leave(me);
	ae_posix_joined(me->plane->host, -1);
	release(me);
}
