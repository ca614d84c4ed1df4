/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life: the kernel knows who lives. Killed, left, forked: a participant is
 * alive exactly as long as its process, and nothing that a child inherits
 * keeps it so.
 */
#include <pthread.h>
#include "../core/rig.h"

#define SIZE 131072

static struct aether_plane *plane;

static int alive(uint32_t slot)
{
	struct aether_participant_info info;

	need(aether_participant_look(plane, slot, &info) == 0);
	return info.tenancy ? info.alive : -1;
}

/* Joins, holds a stride, says so, and sleeps until it is killed. */
static int sleeper(void *argument)
{
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *him = rig_join(again);

	rig_reserve(him);
	rig_tell(argument, 1);
	for (;;)
		rig_sleep(SECOND);
	return 0;
}

static pid_t start(int (*run)(void *))
{
	struct aether_word64 *joined = rig_shared(64);
	pid_t pid = rig_fork(run, joined);

	rig_await(joined, 1);
	return pid;
}

static void killed(void)
{
	struct aether_participant *me;
	uint64_t handle = 0, dead;
	pid_t pid;

	plane = rig_plane(8, SIZE, 3);
	pid = start(sleeper);
	is_int(alive(0), 1, "a child lives");
	kill(pid, SIGKILL);
	is_int(rig_wait(pid), 128 + SIGKILL, "killed");
	is_int(alive(0), 0, "dead at once");
	me = rig_join(plane);
	is_int(me->slot, 1, "its slot is not handed out before it is reaped");
	dead = AETHER_HANDLE_MAKE(0, plane->tag, 0);
	is_int(aether_stride_release(me, dead), AETHER_EOWNER,
	       "its stride is not ours");
	for (int i = 0; i < 7; i++)
		handle |= rig_reserve(me);
	is_int(aether_stride_reserve(me, &handle), AETHER_EFULL,
	       "nor handed out");
	is_int(alive(1), 1, "one's own life is seen");
	aether_participant_leave(me);
	is_int(alive(1), -1, "left: nobody sits there");
	is_int(rig_count(plane, AETHER_STATE_BUSY), 1,
	       "the dead one's is left");
	aether_plane_detach(plane);
}

/* Has a child of its own that outlives it. */
static int parent_of_sleeper(void *argument)
{
	struct aether_word64 *joined = argument;
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *him = rig_join(again);
	pid_t pid = fork();

	if (pid == 0) {
		rig_tell(&joined[1], (uint64_t)getpid());
		for (int i = 0; i < 10; i++)
			rig_sleep(SECOND);
		_exit(0);
	}
	rig_await(&joined[1], 1);
	rig_tell(joined, him->slot + 1);
	for (;;)
		rig_sleep(SECOND);
	return 0;
}

static void forked(void)
{
	struct aether_word64 *joined = rig_shared(64);
	pid_t pid;

	plane = rig_plane(8, SIZE, 3);
	pid = rig_fork(parent_of_sleeper, joined);
	rig_await(joined, 1);
	is_int(alive(0), 1, "it lives, and has forked a child");
	kill(pid, SIGKILL);
	rig_wait(pid);
	ok(kill((pid_t)rig_told(&joined[1]), 0) == 0, "the child outlives it");
	is_int(alive(0), 0, "and does not keep it alive");
	kill((pid_t)rig_told(&joined[1]), SIGKILL);
	aether_plane_detach(plane);
}

static int sleeps(void *unused)
{
	(void)unused;
	rig_sleep(10 * SECOND);
	return 0;
}

/* The same for one who leaves `wait` after the fork: its slot can be had. */
static void forked_and_left(uint64_t wait, int times, const char *when)
{
	struct aether_participant *me;
	int joined = 0;

	plane = rig_plane(8, SIZE, 1);
	me = rig_join(plane);
	for (int i = 0; i < times; i++) {
		pid_t pid = rig_fork(sleeps, NULL);

		rig_sleep(wait);
		if (me)
			aether_participant_leave(me);
		me = NULL;
		joined += aether_participant_join(plane, NULL, NULL, &me) == 0;
		kill(pid, SIGKILL);
		rig_wait(pid);
		if (!me)
			me = rig_join(plane);
	}
	is_int(joined, times,
	       "left %s a fork, the child sleeps: the slot is "
	       "free",
	       when);
	aether_participant_leave(me);
	is_int(aether_plane_detach(plane), 0, "detached");
}

static int in_child(void *argument)
{
	rig_expect_fault();
	rig_touch(argument, 0);
	return 0;
}

static int child_attaches(void *unused)
{
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *him;

	(void)unused;
	plane = again;
	if (alive(0) != 1)
		return 1;
	him = rig_join(again);
	aether_stride_release(him, rig_reserve(him));
	aether_participant_leave(him);
	return aether_plane_detach(again) != 0;
}

static void children(void)
{
	struct aether_participant *me;

	plane = rig_plane(8, SIZE, 4);
	me = rig_join(plane);
	is_int(rig_wait(rig_fork(in_child, aether_plane_base(plane))), FAULT,
	       "a child has no plane: touching it is a fault");
	is_int(rig_wait(rig_fork(child_attaches, NULL)), 0,
	       "a child attaches anew, and sees its parent alive");
	is_int(alive(0), 1, "the parent is alive after its children ended");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

/* Threads that join and leave while another forks: no child may inherit a
 * life. Each fork's child sleeps; in the end every slot must be free. */
static struct aether_word32 stop;

static void *joins(void *unused)
{
	struct aether_participant *me;

	(void)unused;
	while (!ae_load32_relaxed(&stop))
		if (aether_participant_join(plane, NULL, NULL, &me) == 0)
			aether_participant_leave(me);
	return NULL;
}

static void fork_race(void)
{
	enum {
		CHILDREN = 200
	};
	struct aether_participant *all[4];
	pthread_t threads[2];
	pid_t pids[CHILDREN];
	int n = 0;

	plane = rig_plane(8, SIZE, 4);
	fflush(stdout);
	for (int i = 0; i < 2; i++)
		need(pthread_create(&threads[i], NULL, joins, NULL) == 0);
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			pause();
			_exit(0);
		}
		rig_sleep(200000);
	}
	ae_store32_relaxed(&stop, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	while (n < 4 &&
	       aether_participant_join(plane, NULL, NULL, &all[n]) == 0)
		n++;
	is_int(n, 4,
	       "forks between joins and leaves: no child keeps a slot "
	       "locked");
	while (n)
		aether_participant_leave(all[--n]);
	for (int i = 0; i < CHILDREN; i++) {
		kill(pids[i], SIGKILL);
		rig_wait(pids[i]);
	}
	aether_plane_detach(plane);
}

static void observers(void)
{
	struct aether_participant *me, *no = NULL;
	struct aether_participant_info info = { .alive = 9 };
	struct aether_plane *watcher = NULL;
	uint64_t found;

	plane = rig_plane(8, SIZE, 4);
	me = rig_join(plane);
	need(aether_plane_attach_fd(aether_plane_fd(plane),
				    AETHER_ATTACH_OBSERVE, NULL,
				    &watcher) == 0);
	is_int(aether_participant_join(watcher, NULL, NULL, &no),
	       AETHER_EREADONLY, "an observer does not join");
	is_int(aether_participant_look(watcher, 0, &info), 0, "but looks");
	is_int(info.alive, 1, "and sees who lives");
	is_int(aether_participant_find(watcher, info.name, &found), 0,
	       "and finds");
	is_int(aether_plane_detach(watcher), 0, "detached");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static void tests(void)
{
	killed();
	forked();
	forked_and_left(30 * MS, 1, "after");
	forked_and_left(0, 100, "right after");
	children();
	observers();
	fork_race();
}

int main(void)
{
	return rig_run(tests);
}
