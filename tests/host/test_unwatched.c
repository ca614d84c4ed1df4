/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A participant that wants no watch: no thread is started, and it finds the
 * dead itself while it waits.
 */
#include <dirent.h>
#include "ae_host.h"
#include "../core/rig.h"

static int threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int n = -2; /* . and .. */

	need(tasks);
	while (readdir(tasks))
		n++;
	closedir(tasks);
	return n;
}

struct shared {
	struct aether_word64 ready;
	struct aether_plane *plane;
};

/* Takes all strides and waits to be killed. */
static int hold(void *argument)
{
	struct shared *s = argument;
	struct aether_participant *me = rig_join(rig_again(s->plane));
	uint64_t handle;

	while (aether_stride_reserve(me, &handle) == 0)
		;
	rig_tell(&s->ready, 1);
	for (;;)
		pause();
	return 0;
}

/* How long it takes to find out. */
static uint64_t finds_out(int unused)
{
	struct aether_participant_options options = { .unwatched = 1 };
	struct shared *s = rig_shared(sizeof(*s));
	struct aether_participant *me;
	uint64_t begin, handle = 0;
	int before = threads();
	pid_t pid;

	(void)unused;

	s->plane = rig_plane(8, 65536, 4);
	pid = rig_fork(hold, s);
	rig_await(&s->ready, 1);
	me = rig_join_with(s->plane, &options);
	is_int(threads(), before, "no thread is started");
	is_int(aether_stride_reserve(me, &handle), AETHER_EFULL,
	       "another one has all strides");
	kill(pid, SIGKILL);
	begin = aether_clock_now();
	is_int(aether_stride_reserve_until(me, aether_clock_after(RIG_HANG),
					   &handle),
	       0, "who waits finds out that it is dead");
	begin = aether_clock_now() - begin;
	rig_wait(pid);
	aether_participant_leave(me);
	ok(rig_all_free(s->plane), "all is free again");
	is_int(aether_plane_detach(s->plane), 0, "and nobody has joined");
	return begin;
}

/* A watch that others of its attachment have does not look after it: it rings
 * those alone whose names it has. */
static void beside_others(void)
{
	struct aether_participant_options options = { .unwatched = 1 };
	struct aether_plane *plane = rig_plane(8, 65536, 4);
	struct aether_participant *first = rig_join_with(plane, &options);
	struct aether_participant *watched = rig_join(plane);
	struct aether_participant *me = rig_join_with(plane, &options);

	ok(ae_host_watched(watched), "a watched one is watched");
	ok(!ae_host_watched(me) && !ae_host_watched(first),
	   "others of its attachment, who wanted no watch, are not");
	ok(ae_host_patience(me) == 100 * MS &&
		   ae_host_patience(watched) > ae_host_patience(me),
	   "and look again as often as where there is none");
	aether_participant_leave(watched);
	ok(!ae_host_watched(me), "nor when it has left");
	aether_participant_leave(me);
	watched = rig_join(plane);
	ok(ae_host_watched(watched), "the next one is, whose slot it was");
	aether_participant_leave(watched);
	aether_participant_leave(first);
	need(aether_plane_detach(plane) == 0);
}

static void tests(void)
{
	beside_others();
	ok(rig_quickest(finds_out, 0, 2 * SECOND) < 2 * SECOND, "and soon");
}

int main(void)
{
	return rig_run(tests);
}
