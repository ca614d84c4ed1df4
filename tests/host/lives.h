/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of life and of the watch share: a plane, processes that join
 * it and hold a stride, and questions to the kernel about processes and
 * threads. The plane of the test itself has no participant unless the test
 * joins one: then nobody reaps, and `life_of` shows what the kernel says.
 */
#ifndef LIVES_H
#define LIVES_H

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include "../core/rig.h"

#define STRIDES 64
#define SIZE 65536

#if defined(__SANITIZE_THREAD__)
#define LIVES_TSAN 1
#else
#define LIVES_TSAN 0
#endif

/* What a look finds is found a period later; a hang is when it never is. */
#define PERIOD (100 * MS)
#define SOON (RIG_HANG / 4)

static struct aether_plane *plane;

/* Words that a process and its test tell each other by; zero at first. */
enum lives_word {
	JOINED, /* slot and 1 */
	CHILD,  /* PID of its own child */
	GO,     /* 1: go on */
	WENT,   /* 1: has gone on */
	WORDS
};
static struct aether_word64 *told;

static inline void lives_begin(uint32_t participants)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	plane = rig_plane(STRIDES, SIZE, participants);
	told = rig_shared(WORDS * sizeof(*told));
}

static inline void lives_end(void)
{
	need(aether_plane_detach(plane) == 0);
	munmap(told, WORDS * sizeof(*told));
}

/* 1: alive, 0: dead and not reaped, -1: nobody sits there. */
static inline int life_of(uint32_t slot)
{
	struct aether_participant_info info;

	need(aether_participant_look(plane, slot, &info) == 0);
	return info.tenancy ? info.alive : -1;
}

/* In a child: attaches anew, joins, holds a stride, says so. */
static inline struct aether_participant *settle(void)
{
	struct aether_participant *him = rig_join(rig_again(plane));

	rig_reserve(him);
	rig_tell(&told[JOINED], him->slot + 1);
	return him;
}

/* Longer than its test. */
__attribute__((noreturn)) static inline void sleep_long(void)
{
	for (int i = 0; i < 300; i++)
		rig_sleep(SECOND);
	_exit(0);
}

static inline int sleeper(void *unused)
{
	(void)unused;
	settle();
	sleep_long();
}

/* A process that runs `run`, when its participant has joined. */
static inline pid_t start(int (*run)(void *))
{
	pid_t pid;

	for (int i = 0; i < WORDS; i++)
		rig_tell(&told[i], 0);
	pid = rig_fork(run, NULL);
	rig_await(&told[JOINED], 1);
	return pid;
}

static inline void end(pid_t pid)
{
	kill(pid, SIGKILL);
	rig_wait(pid);
}

/* Its parent has ended: it is the test's now. */
static inline void end_grandchild(void)
{
	end((pid_t)rig_told(&told[CHILD]));
}

/* The same program in all tests: one that has nothing of ours. */
static inline void become_another_program(void)
{
	execl("/bin/sleep", "sleep", "300", (char *)NULL);
	_exit(4);
}

/* Until it sleeps: then it has closed all that it had to. */
static inline void await_another_program(pid_t pid)
{
	char path[64], line[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	do {
		FILE *stat = fopen(path, "re");

		rig_sleep(MS / 4);
		need(stat && fgets(line, sizeof(line), stat));
		fclose(stat);
	} while (!strstr(line, " (sleep) S "));
}

/* Nanoseconds until all strides are free and the registers say so, at most
 * `most`. Nothing but looks: whoever frees them, it is not the test. */
static inline uint64_t freed_within(uint64_t most)
{
	uint64_t from = aether_clock_now();

	while (!rig_all_free(plane) && aether_clock_now() - from < most)
		rig_sleep(MS / 4);
	return aether_clock_now() - from;
}

/* This process's threads of that name: how many, and one's number. */
static inline int count_threads(const char *name, pid_t *one)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	char path[300], line[32];
	int n = 0;

	need(tasks);
	while ((entry = readdir(tasks))) {
		FILE *comm;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			 entry->d_name);
		comm = fopen(path, "re");
		if (!comm)
			continue;
		if (fgets(line, sizeof(line), comm) &&
		    strncmp(line, name, strlen(name)) == 0 && ++n && one)
			*one = (pid_t)strtol(entry->d_name, NULL, 10);
		fclose(comm);
	}
	closedir(tasks);
	return n;
}

static inline int count_watches(pid_t *one)
{
	return count_threads("aether-watch", one);
}

/* A thread is seen by name a moment after it was made, and a moment longer
 * than it is. */
static inline int watches(int expected, pid_t *one)
{
	uint64_t end = aether_clock_after(SOON);
	int n = count_watches(one);

	while (n != expected && aether_clock_now() < end) {
		rig_sleep(MS);
		n = count_watches(one);
	}
	return n;
}

/* The status file of a thread of this process: the mask behind `field`. */
static inline uint64_t mask_of(pid_t thread, const char *field)
{
	char path[64], line[256];
	uint64_t mask = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)thread);
	status = fopen(path, "re");
	need(status);
	while (fgets(line, sizeof(line), status))
		if (strncmp(line, field, strlen(field)) == 0)
			mask = strtoull(line + strlen(field), NULL, 16);
	fclose(status);
	return mask;
}

static inline uint64_t bit(int number)
{
	return UINT64_C(1) << (number - 1);
}

#endif
