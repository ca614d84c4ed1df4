/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life and PIDs: the number in a record is for people. It may be another
 * process's by now, or mean nothing here; neither makes anybody dead nor keeps
 * anybody alive.
 */
#include "lives.h"

static int sleeps(void *unused)
{
	(void)unused;
	sleep_long();
}

static void write_pid(uint32_t slot, pid_t pid)
{
	ae_store32_relaxed(&plane->seats[slot].pid, (uint32_t)pid);
}

/* A process with that PID, or with any if it cannot be had. */
static pid_t start_as(pid_t wanted)
{
	pid_t pid = 0;

	for (int tries = 0; tries < 20; tries++) {
		int fd = open("/proc/sys/kernel/ns_last_pid",
			      O_WRONLY | O_CLOEXEC);

		if (fd >= 0)
			dprintf(fd, "%d", (int)wanted - 1);
		if (fd >= 0)
			close(fd);
		pid = rig_fork(sleeps, NULL);
		if (pid == wanted || tries == 19)
			break;
		end(pid);
	}
	return pid;
}

static void reused(void)
{
	struct aether_participant *me;
	pid_t pid, other;
	uint64_t took;

	lives_begin(3);
	pid = start(sleeper);
	end(pid);
	other = start_as(pid);
	if (other != pid) {
		printf("# PID %d could not be had again: written\n", (int)pid);
		write_pid(0, other);
	}
	is_int(life_of(0), 0, "its PID is another's by now: dead");
	me = rig_join(plane);
	took = freed_within(SOON);
	ok(took < SOON, "and reaped");
	is_int(kill(other, 0), 0, "the other one lives");
	end(other);
	aether_participant_leave(me);
	lives_end();
}

/* A living one whose record leads to a dead process, a zombie, a thread that
 * cannot be, nobody. */
static void foreign(const char *what, pid_t number)
{
	struct aether_participant *me;
	pid_t pid;

	lives_begin(3);
	pid = start(sleeper);
	write_pid(0, number);
	me = rig_join(plane);
	rig_sleep(3 * PERIOD);
	is_int(life_of(0), 1, "a living one, its PID %s: alive", what);
	is_int(rig_count(plane, AETHER_STATE_BUSY), 1, "and has what it had");
	end(pid);
	ok(freed_within(SOON) < SOON, "its death is noticed all the same");
	aether_participant_leave(me);
	lives_end();
}

static void foreign_pids(void)
{
	pid_t gone = rig_fork(sleeps, NULL);
	pid_t zombie = rig_fork(sleeps, NULL);
	pid_t other = rig_fork(sleeps, NULL);
	siginfo_t ended;

	end(gone);
	kill(zombie, SIGKILL);
	need(waitid(P_PID, (id_t)zombie, &ended, WEXITED | WNOWAIT) == 0);
	foreign("of nobody", gone);
	foreign("a zombie's", zombie);
	foreign("another's", other);
	foreign("the reader's", getpid());
	foreign("0", 0);
	foreign("no number", -1);
	end(zombie);
	end(other);
}

/* The first process of a PID namespace of its own. Its PID as seen from
 * outside is told. Ends the test's child with 5 where there are none. */
static int in_namespace(void *run)
{
	int (*inside)(void *) = *(int (**)(void *))run;
	pid_t pid;

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0 &&
	    unshare(CLONE_NEWPID) < 0)
		return 5;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(inside(NULL));
	}
	rig_tell(&told[CHILD], (uint64_t)pid);
	return rig_wait(pid) == 128 + SIGKILL ? 0 : 6;
}

/* 0 where the kernel has no namespaces for us. */
static pid_t start_inside(int (*run)(void *))
{
	static int (*inside)(void *);
	int status;
	pid_t pid;

	inside = run;
	for (int i = 0; i < WORDS; i++)
		rig_tell(&told[i], 0);
	pid = rig_fork(in_namespace, &inside);
	while (!rig_told(&told[JOINED]))
		if (waitpid(pid, &status, WNOHANG) == pid) {
			skip("no PID namespaces here");
			return 0;
		} else {
			rig_sleep(MS);
		}
	return pid;
}

static int settles_inside(void *unused)
{
	(void)unused;
	need(getpid() == 1);
	settle();
	sleep_long();
}

static void seen_from_outside(void)
{
	struct aether_participant *me;
	struct aether_participant_info info;
	uint64_t took;
	pid_t pid;

	lives_begin(3);
	pid = start_inside(settles_inside);
	if (pid) {
		me = rig_join(plane);
		need(aether_participant_look(plane, 0, &info) == 0);
		is_int(info.pid, 1, "PID 1 in a namespace of its own");
		rig_sleep(2 * PERIOD);
		is_int(life_of(0), 1, "is alive, seen from outside");
		kill((pid_t)rig_told(&told[CHILD]), SIGKILL);
		is_int(rig_wait(pid), 0, "killed");
		took = freed_within(SOON);
		ok(took < SOON, "noticed and reaped after %d ms",
		   (int)(took / MS));
		aether_participant_leave(me);
	}
	lives_end();
}

static void seen_from_inside(void)
{
	pid_t inside, pid;
	uint64_t took;

	lives_begin(3);
	inside = start_inside(settles_inside);
	if (inside) {
		uint64_t within = rig_told(&told[CHILD]);

		pid = start(sleeper);
		rig_sleep(2 * PERIOD);
		is_int(life_of(1), 1, "alive, though seen from a namespace");
		is_int(rig_count(plane, AETHER_STATE_BUSY), 2, "both hold");
		end(pid);
		took = aether_clock_now();
		while (life_of(1) >= 0 && aether_clock_now() - took < SOON)
			rig_sleep(MS / 4);
		took = aether_clock_now() - took;
		ok(took < SOON, "reaped from inside after %d ms",
		   (int)(took / MS));
		kill((pid_t)within, SIGKILL);
		rig_wait(inside);
	}
	lives_end();
}

static void tests(void)
{
	/* first: a child of a process that never joined may have a watch under
	 * the thread sanitizer, too */
	seen_from_inside();
	seen_from_outside();
	reused();
	foreign_pids();
}

int main(void)
{
	return rig_run(tests);
}
