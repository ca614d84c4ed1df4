/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of core and host share: a private AETHER_DIR that is removed
 * however the test ends (a supervisor removes it), planes and participants
 * that must come to be, children that die with their parent, random numbers.
 */
#ifndef RIG_H
#define RIG_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "ae_base.h"
#include "../tap.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define FAULT 77 /* exit status of a child that touched what it must not */

/* What takes so long hangs. A busy machine may stop anybody for seconds, at
 * any instruction: no shorter time is evidence that something went wrong. */
#define RIG_HANG (120 * SECOND)

/* How often a scene is played whose outcome a stop can spoil, if it was. What
 * is wrong with the library spoils it each time. */
#define RIG_TRIES 20

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RIG_SLOW 1
#else
#define RIG_SLOW 0
#endif

static char rig_directory[] = "/dev/shm/aether-test.XXXXXX";
static pid_t rig_child;

/* What must be so for the test to go on. */
#define need(cond) \
	do { \
		if (!(cond)) { \
			printf("Bail out! %s:%d: %s\n", __FILE__, __LINE__, \
			       #cond); \
			fflush(stdout); \
			_exit(2); \
		} \
	} while (0)

/* The same in a child, whose exit status says that it was not so. */
#define MUST(cond) \
	do { \
		if (!(cond)) { \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			fflush(stdout); \
			return 1; \
		} \
	} while (0)

static inline int rig_remove(const char *path, const struct stat *st, int type,
			     struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static inline void rig_forward(int number)
{
	(void)number;
	if (rig_child > 0)
		kill(rig_child, SIGKILL);
}

/* Ends with its parent; its exit status is what `run` returns. */
static inline pid_t rig_fork(int (*run)(void *), void *argument)
{
	pid_t parent = getpid();
	pid_t pid;

	fflush(stdout);
	pid = fork();
	need(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(3);
	_exit(run(argument));
}

/* The exit status, or 128 + the signal. */
static inline int rig_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int rig_tests(void *argument)
{
	void (**tests)(void) = argument;

	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	(*tests)();
	return tap_end() | (fflush(stdout) != 0);
}

/* Runs the tests under a supervisor; return its result from main. */
static inline int rig_run(void (*tests)(void))
{
	int status;

	need(mkdtemp(rig_directory));
	setenv("AETHER_DIR", rig_directory, 1);
	signal(SIGTERM, rig_forward);
	signal(SIGINT, rig_forward);
	rig_child = rig_fork(rig_tests, &tests);
	status = rig_wait(rig_child);
	nftw(rig_directory, rig_remove, 16, FTW_DEPTH | FTW_PHYS);
	if (status > 2)
		printf("Bail out! the test ended with status %d\n", status);
	return status;
}

/* An anonymous plane. */
static inline struct aether_plane *rig_plane(uint32_t strides, uint64_t size,
					     uint32_t participants)
{
	struct aether_plane_options options = { .strides = strides,
						.stride_size = size,
						.participants = participants };
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;

	if (aether_plane_create(NULL, &options, &error, &plane) < 0)
		printf("# %s\n", error.text);
	need(plane);
	return plane;
}

/* The same plane for a child after fork. */
static inline struct aether_plane *rig_again(const struct aether_plane *plane)
{
	struct aether_plane *again = NULL;

	need(aether_plane_reattach(plane, NULL, NULL, &again) == 0);
	return again;
}

static inline struct aether_participant *
rig_join_with(struct aether_plane *plane,
	      const struct aether_participant_options *options)
{
	struct aether_error error = { .code = 0 };
	struct aether_participant *me = NULL;

	if (aether_participant_join(plane, options, &error, &me) < 0)
		printf("# %s\n", error.text);
	need(me);
	return me;
}

static inline struct aether_participant *rig_join(struct aether_plane *plane)
{
	return rig_join_with(plane, NULL);
}

static inline uint64_t rig_reserve(struct aether_participant *me)
{
	uint64_t handle = 0;

	need(aether_stride_reserve(me, &handle) == 0);
	return handle;
}

/* Strides of a state; -1 if a hint or a word is wrong anywhere. */
static inline int rig_count(const struct aether_plane *plane, uint32_t state)
{
	struct aether_registry_counts c;

	aether_registry_count(plane, &c);
	if (c.stale_set || c.stale_clear || c.corrupt)
		return -1;
	return (int)c.states[state];
}

/* All strides are free and all registers say so. */
static inline int rig_all_free(const struct aether_plane *plane)
{
	return rig_count(plane, AETHER_STATE_DORMANT) ==
	       (int)plane->geometry.strides;
}

static inline uint64_t rig_random(uint64_t *seed)
{
	uint64_t x = *seed += UINT64_C(0x9E3779B97F4A7C15);

	x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
	return x ^ x >> 31;
}

static inline void rig_sleep(uint64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / SECOND),
			      .tv_nsec = (long)(ns % SECOND) };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* The time that a scene takes, played again while it takes longer than that:
 * somebody may have been stopped meanwhile. */
static inline uint64_t rig_quickest(uint64_t (*scene)(int), int how,
				    uint64_t limit)
{
	uint64_t took = scene(how);

	for (int i = 1; took >= limit && i < RIG_TRIES; i++)
		took = scene(how);
	return took;
}

/* Zeroed memory that forked children share. */
static inline void *rig_shared(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	need(at != MAP_FAILED);
	return at;
}

/* A number that one process tells another, in memory from rig_shared. */
static inline void rig_tell(struct aether_word64 *word, uint64_t number)
{
	ae_store64_release(word, number);
}

static inline uint64_t rig_told(const struct aether_word64 *word)
{
	return ae_load64_acquire(word);
}

/* Waits until it is `least` or more. */
static inline uint64_t rig_await(const struct aether_word64 *word,
				 uint64_t least)
{
	while (rig_told(word) < least)
		rig_sleep(MS / 4);
	return rig_told(word);
}

static inline void rig_fault(int number)
{
	(void)number;
	_exit(FAULT);
}

/* Reads or writes a byte, whatever the compiler thinks of it. */
static inline void rig_touch(void *at, int write)
{
	if (write)
		__asm__ volatile("movb $1, %0" : "=m"(*(char *)at));
	else
		__asm__ volatile("testb $1, %0" : : "m"(*(char *)at) : "cc");
}

/* In a child: a wrong access ends it with FAULT, under sanitizers too. */
static inline void rig_expect_fault(void)
{
	signal(SIGSEGV, rig_fault);
	signal(SIGBUS, rig_fault);
}

/* Until it has counted that it waits: then it is parked, or about to be. */
static inline void rig_await_waits(const struct aether_plane *plane,
				   uint64_t tenancy)
{
	uint64_t slot = AETHER_TENANCY_SLOT(tenancy);

	while (!ae_load64_relaxed(&plane->seats[slot].waits))
		rig_sleep(MS / 4);
}

/* Open descriptors of this process. */
static inline int rig_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#endif
