/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch where things are not as usual: no thread or descriptor to be had,
 * descriptors closed under its feet, signals, children, deaths while others
 * come and go.
 */
#include <sys/resource.h>
#include <sys/syscall.h>
#include "ae_host.h"
#include "lives.h"

static void signals(void)
{
	struct aether_participant *me;
	sigset_t before, after;
	pid_t thread = 0;
	uint64_t blocked, both;
	int changed = 0;

	lives_begin(4);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	me = rig_join(plane);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int i = 1; i < NSIG; i++)
		changed += sigismember(&before, i) != sigismember(&after, i);
	is_int(changed, 0, "who joins has the signals that it had");
	need(watches(1, &thread) == 1);
	blocked = mask_of(thread, "SigBlk:");
	both = bit(SIGTERM) | bit(SIGCHLD) | bit(SIGALRM) | bit(SIGUSR1) |
	       bit(SIGPROF) | bit(SIGRTMAX);
	ok((blocked & both) == both, "the watch takes no signals");
	aether_participant_leave(me);
	lives_end();
}

static void limit_descriptors(rlim_t n)
{
	struct rlimit limit;

	need(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = n;
	need(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* From here on `n` more descriptors can be had, whichever we were born with.
 * Returns the old limit. */
static rlim_t leave_descriptors(int n)
{
	struct rlimit limit;
	int next = 0;

	need(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (; n; next++)
		n -= fcntl(next, F_GETFD) < 0;
	limit_descriptors((rlim_t)next);
	return limit.rlim_cur;
}

/* There are descriptors for the participant's life, and too few for a watch. */
static void no_watch(int descriptors)
{
	struct aether_participant *me, *other;
	rlim_t limit;

	lives_begin(4);
	limit = leave_descriptors(descriptors);
	me = rig_join(plane);
	limit_descriptors(limit);
	is_int(ae_host_watched(me), 0, "%d descriptors: it joins, unwatched",
	       descriptors);
	is_int(watches(0, NULL), 0, "there is no thread");
	aether_stride_release(me, rig_reserve(me));
	other = rig_join(plane);
	is_int(ae_host_watched(me), 1, "the next one to join starts it");
	aether_participant_leave(other);
	aether_participant_leave(me);
	is_int(watches(0, NULL), 0, "the last one stops it");
	lives_end();
}

/* None is left for the processes of others: it looks. */
static void few_descriptors(void)
{
	struct aether_participant *me;
	rlim_t limit;
	pid_t pid;

	lives_begin(4);
	pid = start(sleeper);
	limit = leave_descriptors(3);
	me = rig_join(plane);
	is_int(ae_host_watched(me), 1, "3 descriptors: it is watched");
	rig_sleep(PERIOD);
	end(pid);
	ok(freed_within(SOON) < SOON, "and deaths are noticed");
	aether_participant_leave(me);
	limit_descriptors(limit);
	lives_end();
}

/* A user who may have no more threads. */
static int joins_alone(void *unused)
{
	struct aether_plane *again = rig_again(plane);
	struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };
	struct aether_participant *him;
	int watched, before = rig_descriptors();

	(void)unused;
	need(setrlimit(RLIMIT_NPROC, &none) == 0);
	if (getuid() == 0)
		need(setuid(65533) == 0);
	him = rig_join(again);
	aether_stride_release(him, rig_reserve(him));
	watched = ae_host_watched(him) + count_watches(NULL);
	aether_participant_leave(him);
	return watched + 2 * (rig_descriptors() != before);
}

static void no_thread(void)
{
	lives_begin(4);
	need(fchmod(aether_plane_fd(plane), 0666) == 0);
	is_int(rig_wait(rig_fork(joins_alone, NULL)), 0,
	       "no thread can be had: it joins and leaves, unwatched");
	lives_end();
}

/* Who owes has settled all but what found a mailbox full. Nobody else may know
 * of that; so the watch does. */
static void owed(void)
{
	struct aether_participant *me, *other;
	uint64_t from;

	lives_begin(4);
	me = rig_join(plane);
	other = rig_join(plane);
	rig_sleep(PERIOD / 2);
	/* relaxed: what a pass that left something would do. */
	ae_add32_relaxed(&other->owed, 1);
	from = aether_clock_now();
	while (ae_reap_owes(other) && aether_clock_now() - from < SOON)
		rig_sleep(MS);
	is_int(ae_reap_owes(other), 0, "what is owed is paid by the watch");
	aether_participant_leave(me);
	aether_participant_leave(other);
	lives_end();
}

static uint64_t own_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* As some do when they become daemons. The participant is dead for others
 * then; its process must not suffer for it. */
static int closes_all(void *unused)
{
	struct aether_participant *him = settle();
	uint64_t from;

	(void)unused;
	rig_sleep(PERIOD / 2);
	for (int fd = 3; fd < 1024; fd++)
		syscall(SYS_close, fd); /* which no sanitizer minds */
	from = own_time();
	rig_sleep(4 * PERIOD);
	if (own_time() - from > (RIG_SLOW ? 20 : 2) * 10 * MS)
		return 1;
	from = aether_clock_now();
	aether_participant_leave(him);
	return aether_clock_now() - from < SOON ? 0 : 2;
}

static void all_closed(void)
{
	pid_t pid;

	lives_begin(4);
	pid = start(closes_all);
	is_int(rig_wait(pid), 0,
	       "all descriptors closed: it neither spins nor hangs");
	lives_end();
}

static int joins_anew(void *unused)
{
	struct aether_participant *him;

	(void)unused;
	if (count_watches(NULL) != 0)
		return 1;
	him = rig_join(rig_again(plane));
	/* the sanitizer allows a child no threads */
	if (!LIVES_TSAN && (watches(1, NULL) != 1 || !ae_host_watched(him)))
		return 2;
	aether_participant_leave(him);
	return watches(0, NULL);
}

/* In a child whose main thread has ended: is there still a watch, after it has
 * asked itself some times whether it is the last thread? */
static void *stays(void *unused)
{
	rig_sleep(12 * PERIOD);
	_exit(watches(1, NULL) == 1 ? 0 : 1);
	return unused;
}

static int keeps_its_watch(void *unused)
{
	pthread_t thread;

	(void)unused;
	rig_join(rig_again(plane));
	need(pthread_create(&thread, NULL, stays, NULL) == 0);
	pthread_exit(NULL);
}

static int execs(void *unused)
{
	(void)unused;
	execl("/bin/true", "true", (char *)NULL);
	return 4;
}

static void children(void)
{
	struct aether_participant *me;
	pid_t pid;

	lives_begin(8);
	pid = start(sleeper);
	me = rig_join(plane);
	rig_sleep(2 * PERIOD);
	is_int(rig_wait(rig_fork(joins_anew, NULL)), 0,
	       "a child has no watch, joins, and has its own");
	if (LIVES_TSAN)
		skip("the sanitizer allows a child no threads");
	else
		is_int(rig_wait(rig_fork(keeps_its_watch, NULL)), 0,
		       "a child's watch lasts as long as its threads");
	is_int(rig_wait(rig_fork(execs, NULL)), 0,
	       "another becomes another program");
	is_int(watches(1, NULL), 1, "the parent has its own all the time");
	end(pid);
	ok(freed_within(SOON) < SOON, "which reaps as before");
	aether_participant_leave(me);
	lives_end();
}

/* Threads that come and go while processes die: nobody leaves in the middle of
 * a reap in its name, and nothing is lost. */
static struct aether_word32 enough;

static void *comes_and_goes(void *attachment)
{
	struct aether_participant *me;
	uint64_t handle;

	while (!ae_load32_relaxed(&enough)) {
		if (aether_participant_join(attachment, NULL, NULL, &me) < 0)
			continue;
		aether_stride_reserve(me, &handle);
		aether_participant_leave(me);
	}
	return NULL;
}

static int holds_and_dies(void *unused)
{
	struct aether_participant *him = rig_join(rig_again(plane));
	uint64_t handle;

	(void)unused;
	for (int i = 0; i < 4; i++)
		aether_stride_reserve(him, &handle);
	return 0;
}

/* Has no threads: its children may allocate, under sanitizers too. */
static int herds(void *times)
{
	for (int i = 0; i < *(int *)times; i++) {
		pid_t one = rig_fork(holds_and_dies, NULL);
		pid_t other = rig_fork(holds_and_dies, NULL);

		rig_wait(one);
		rig_wait(other);
	}
	return 0;
}

static void deaths_amid(void)
{
	enum {
		THREADS = 3
	};
	pthread_t threads[THREADS];
	int times = 60;
	pid_t herd;

	lives_begin(12);
	herd = rig_fork(herds, &times);
	for (int i = 0; i < THREADS; i++)
		need(pthread_create(&threads[i], NULL, comes_and_goes, plane) ==
		     0);
	rig_wait(herd);
	ae_store32_relaxed(&enough, 1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	aether_participant_leave(rig_join(plane));
	ok(rig_all_free(plane), "%d deaths amid joins and leaves: all is free",
	   2 * times);
	is_int(watches(0, NULL), 0, "no watch is left");
	lives_end();
}

static void tests(void)
{
	signals();
	no_watch(1);
	no_watch(2);
	few_descriptors();
	no_thread();
	owed();
	all_closed();
	children();
	deaths_amid();
}

int main(void)
{
	return rig_run(tests);
}
