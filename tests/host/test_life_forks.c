/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life and children: whatever way a process has children, none of them keeps
 * it alive after fork(), and none makes it dead while it lives. Children that
 * the library is not told of hold the lock until they end or become another
 * program: till then the participant counts as alive, and not longer.
 */
#include <sys/syscall.h>
#include "lives.h"

#define STACK 65536

/* How a process came to have its child. */
static pid_t (*make_child)(int (*run)(void *));

/* The child: waits until it may go on, and becomes another program then. */
static int waits_and_becomes(void *unused)
{
	(void)unused;
	rig_tell(&told[WENT], 1);
	rig_await(&told[GO], 1);
	become_another_program();
	return 4;
}

static int parent(void *unused)
{
	pid_t pid;

	(void)unused;
	settle();
	pid = make_child(waits_and_becomes);
	need(pid > 0);
	rig_tell(&told[CHILD], (uint64_t)pid);
	sleep_long();
}

static pid_t by_fork(int (*run)(void *))
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(run(NULL));
	return pid;
}

static pid_t by_underscore_fork(int (*run)(void *))
{
	pid_t pid = _Fork();

	if (pid == 0)
		_exit(run(NULL));
	return pid;
}

static pid_t by_raw_clone(int (*run)(void *))
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(run(NULL));
	return pid;
}

static pid_t by_shared_table(int (*run)(void *))
{
	char *stack = rig_shared(STACK);

	return clone(run, stack + STACK, CLONE_FILES | SIGCHLD, NULL);
}

/* By the flags of vfork(): the caller stands still until the child is another
 * program. On a stack of its own, which vfork() has not. */
static int tells_and_waits(void *unused)
{
	rig_tell(&told[CHILD], (uint64_t)getpid());
	return waits_and_becomes(unused);
}

static pid_t by_vfork(int (*run)(void *))
{
	char *stack = rig_shared(STACK);

	(void)run;
	return clone(tells_and_waits, stack + STACK,
		     CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
}

static pid_t start_parent(pid_t (*how)(int (*run)(void *)))
{
	pid_t pid;

	make_child = how;
	pid = start(parent);
	rig_await(&told[WENT], 1);
	rig_await(&told[CHILD], 1);
	return pid;
}

static void forked(void)
{
	pid_t pid;

	lives_begin(3);
	pid = start_parent(by_fork);
	is_int(life_of(0), 1, "it lives, and has forked a child");
	end(pid);
	is_int(kill((pid_t)rig_told(&told[CHILD]), 0), 0,
	       "the child outlives it");
	is_int(life_of(0), 0, "and does not keep it alive");
	end_grandchild();
	lives_end();
}

static void forked_and_became(void)
{
	pid_t pid;

	lives_begin(3);
	pid = start_parent(by_fork);
	rig_tell(&told[GO], 1);
	await_another_program((pid_t)rig_told(&told[CHILD]));
	is_int(life_of(0), 1, "its child is another program: it lives");
	end(pid);
	is_int(life_of(0), 0, "and dies alone");
	end_grandchild();
	lives_end();
}

/* The child holds the description. `how` it ends that: by its end, or as
 * another program. */
static void held_by_child(pid_t (*how)(int (*run)(void *)), int becomes,
			  const char *name)
{
	struct aether_participant *me;
	uint64_t took;
	pid_t pid;

	lives_begin(3);
	pid = start_parent(how);
	me = rig_join(plane);
	is_int(life_of(0), 1, "%s: alive", name);
	end(pid);
	rig_sleep(2 * PERIOD);
	is_int(life_of(0), 1, "%s: killed, but its child holds the lock", name);
	is_int(rig_count(plane, AETHER_STATE_BUSY), 1, "%s: nothing is taken",
	       name);
	if (becomes) {
		rig_tell(&told[GO], 1);
		await_another_program((pid_t)rig_told(&told[CHILD]));
	} else {
		end_grandchild();
	}
	took = freed_within(SOON);
	ok(took < SOON, "%s: reaped when the child %s, after %d ms", name,
	   becomes ? "is another program" : "has ended", (int)(took / MS));
	if (becomes)
		end_grandchild();
	aether_participant_leave(me);
	lives_end();
}

/* The parent goes on when its child is another program. */
static void after_vfork(void)
{
	pid_t pid;

	lives_begin(3);
	pid = start_parent(by_vfork);
	is_int(life_of(0), 1, "in the middle of vfork: alive");
	rig_tell(&told[GO], 1);
	await_another_program((pid_t)rig_told(&told[CHILD]));
	is_int(life_of(0), 1, "after vfork and exec: alive");
	end(pid);
	is_int(life_of(0), 0, "and dead when it is, whatever its child does");
	end_grandchild();
	lives_end();
}

static int sleeps(void *unused)
{
	(void)unused;
	sleep_long();
}

/* One who leaves `wait` after a fork: its slot can be had. */
static void forked_and_left(uint64_t wait, int times, const char *when)
{
	struct aether_participant *me;
	int joined = 0;

	lives_begin(1);
	me = rig_join(plane);
	for (int i = 0; i < times; i++) {
		pid_t pid = rig_fork(sleeps, NULL);

		rig_sleep(wait);
		if (me)
			aether_participant_leave(me);
		me = NULL;
		joined += aether_participant_join(plane, NULL, NULL, &me) == 0;
		end(pid);
		if (!me)
			me = rig_join(plane);
	}
	is_int(joined, times,
	       "left %s a fork, the child sleeps: the slot is free", when);
	aether_participant_leave(me);
	lives_end();
}

static int touches(void *argument)
{
	rig_expect_fault();
	rig_touch(argument, 0);
	return 0;
}

static int attaches(void *unused)
{
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *him;

	(void)unused;
	plane = again;
	if (life_of(0) != 1)
		return 1;
	him = rig_join(again);
	aether_stride_release(him, rig_reserve(him));
	aether_participant_leave(him);
	return aether_plane_detach(again) != 0;
}

static void children(void)
{
	struct aether_participant *me;

	lives_begin(4);
	me = rig_join(plane);
	is_int(rig_wait(rig_fork(touches, aether_plane_base(plane))), FAULT,
	       "a child has no plane: touching it is a fault");
	is_int(rig_wait(rig_fork(attaches, NULL)), 0,
	       "a child attaches anew, and sees its parent alive");
	is_int(life_of(0), 1, "the parent is alive after its children ended");
	aether_participant_leave(me);
	lives_end();
}

/* Threads that join and leave while another forks: no child may inherit a
 * life. Each fork's child sleeps; in the end every slot must be free. */
static struct aether_word32 enough;

static void *joins(void *unused)
{
	struct aether_participant *me;

	(void)unused;
	while (!ae_load32_relaxed(&enough))
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

	lives_begin(4);
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
	ae_store32_relaxed(&enough, 1);
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
	for (int i = 0; i < CHILDREN; i++)
		end(pids[i]);
	lives_end();
}

static void tests(void)
{
	forked();
	forked_and_became();
	after_vfork();
	held_by_child(by_vfork, 1, "killed in the middle of vfork");
	held_by_child(by_raw_clone, 0, "raw clone");
	held_by_child(by_raw_clone, 1, "raw clone and exec");
	held_by_child(by_underscore_fork, 0, "_Fork");
	held_by_child(by_shared_table, 0, "shared descriptors");
	held_by_child(by_shared_table, 1, "shared descriptors and exec");
	forked_and_left(30 * MS, 1, "after");
	forked_and_left(0, 100, "right after");
	children();
	fork_race();
}

int main(void)
{
	return rig_run(tests);
}
