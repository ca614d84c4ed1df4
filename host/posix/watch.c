/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch: one thread of an attachment, while anybody has joined through it,
 * that notices soon when somebody else has died, and reaps in the name of one
 * of the attachment's participants. Nothing depends on it but the time that
 * passes until then.
 *
 * When to look is told by process descriptors (the PID in a record) and by a
 * clock; who is dead is told by the lock alone. So a PID that is wrong, reused
 * or of another namespace costs a delay of one period and nothing else.
 *
 * It allocates nothing, takes no signals, and does not keep its process: where
 * all other threads have ended, it ends too.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "watch.h"

#define MS UINT64_C(1000000)
#define PERIOD (100 * MS) /* between looks at all seats */
#define LAST_LOOK 5       /* every fifth time: am I the last thread? */
#define STACK (1u << 20)  /* of address space; holds static TLS as well */
#define SEATS AETHER_PARTICIPANTS_MAX

struct ae_posix_watch {
	struct aether_plane *plane;
	pthread_mutex_t gate; /* who joins or leaves: it starts and stops */
	pthread_t thread;
	sigset_t mask; /* of the thread that started it */
	uint32_t members;
	int started; /* there is a thread, or one that has ended by itself */
	int bell;    /* an eventfd, rung to stop it */
	struct aether_word32 running;  /* 1, or 0 */
	struct aether_word32 begun;    /* 1: the thread is in our hands */
	struct aether_word32 stopping; /* 1: told to */

	/* In whose names it may reap, by slot; held while it does. */
	pthread_mutex_t names;
	struct aether_participant *name[SEATS];

	/* The thread's own. */
	uint64_t next; /* when to look at all seats */
	uint32_t looks;
	int orphan; /* the main thread has ended */
	pid_t pid;
	int events;             /* an epoll of the bell and of processes */
	int process[SEATS];     /* its tenant's; -1: none */
	uint64_t stamps[SEATS]; /* which tenant's; 0: nobody's */
};

/* The watches that run in this process. */
static struct aether_word32 watches;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The thread sanitizer ends a process that starts a thread after its parent,
 * which had threads, has forked it. And a sanitizer's thread that begins takes
 * locks of the sanitizer's: a fork() just then leaves them locked in the child
 * for ever, so who starts it waits till it has begun. */
#if defined(__SANITIZE_THREAD__)
#define CHILD_MAY_WATCH 0
#else
#define CHILD_MAY_WATCH 1
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define AWAIT_BEGIN 1
#else
#define AWAIT_BEGIN 0
#endif
static int is_child;

/* The child has none of its parent's threads. What it inherits are copies of
 * descriptors: they are close-on-exec, nobody polls them, and they keep
 * neither a lock nor a process. */
static void in_child(void)
{
	/* relaxed: a child begins with one thread. */
	ae_store32_relaxed(&watches, 0);
	is_child = 1;
}

static void prepare_forks(void)
{
	pthread_atfork(NULL, NULL, in_child);
}

/* A thread that has ended has no program. */
static int main_has_ended(void)
{
	char program;

	return readlink("/proc/self/exe", &program, 1) < 0 && errno == ENOENT;
}

/* Would this process have ended if there were no watches? Its main thread has
 * then, which is asked seldom, and its other threads are watches: each thread
 * is a link of the directory, the main one to the very end. */
static int is_last(struct ae_posix_watch *w)
{
	struct stat tasks;
	nlink_t others;

	if (!w->orphan && ++w->looks % LAST_LOOK == 0)
		w->orphan = main_has_ended();
	if (!w->orphan || stat("/proc/self/task", &tasks) < 0)
		return 0;
	/* relaxed: a watch that ends meanwhile makes this say no. */
	others = ae_load32_relaxed(&watches);
	return tasks.st_nlink <= 2 + 1 + others;
}

/* Taken out first: a child after fork() may have a copy, and then closing it
 * is not the end of its events. */
static void forget(struct ae_posix_watch *w, uint32_t slot)
{
	if (w->process[slot] < 0)
		return;
	epoll_ctl(w->events, EPOLL_CTL_DEL, w->process[slot], NULL);
	close(w->process[slot]);
	w->process[slot] = -1;
}

static int hear_of(struct ae_posix_watch *w, int fd, uint32_t as)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = as };

	return epoll_ctl(w->events, EPOLL_CTL_ADD, fd, &event);
}

/* From now on this tenancy is watched: by its process if the record's PID
 * leads to one, else by looking. */
static void follow(struct ae_posix_watch *w, uint32_t slot, uint64_t stamp)
{
	/* relaxed: a hint, whoever's it is. */
	uint32_t pid = ae_load32_relaxed(&w->plane->seats[slot].pid);
	int fd;

	forget(w, slot);
	w->stamps[slot] = stamp;
	if (!stamp || !pid || pid > INT_MAX || (pid_t)pid == w->pid)
		return;
	fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (fd >= 0 && hear_of(w, fd, slot) < 0)
		close(fd);
	else
		w->process[slot] = fd;
}

/* Is there something to reap at this seat? */
static int look_at(struct ae_posix_watch *w, uint32_t slot)
{
	/* relaxed: a guess of when to reap; a reap judges anew. */
	uint64_t word = ae_load64_relaxed(&w->plane->seats[slot].seat);
	uint64_t state = AETHER_SEAT_STATE(word);
	uint64_t stamp = 0;

	if (state == AETHER_SEAT_ACTIVE || state == AETHER_SEAT_LEAVING)
		stamp = AETHER_SEAT_STAMP(word);
	if (stamp != w->stamps[slot])
		follow(w, slot, stamp);
	if (!stamp)
		return state == AETHER_SEAT_DEAD &&
		       !ae_reap_is_left(w->plane, slot, word);
	return ae_host_life_test(w->plane, slot) == 0;
}

/* Who owes has settled all but what found an heir's mailbox full, and perhaps
 * nobody else knows of it. */
static void reap(struct ae_posix_watch *w, int dead)
{
	pthread_mutex_lock(&w->names);
	for (uint32_t i = 0; i < w->plane->geometry.participants; i++) {
		struct aether_participant *me = w->name[i];

		if (!me || (!dead && !ae_reap_owes(me)))
			continue;
		ae_reap_for(me);
		dead = 0;
	}
	pthread_mutex_unlock(&w->names);
}

/* In a panic those whose names I have are rung again and again: one who was
 * about to park on an epoch's word was not parked yet when all were rung. */
static void ring_in_panic(struct ae_posix_watch *w)
{
	if (!aether_epoch_in_panic(w->plane, NULL))
		return;
	pthread_mutex_lock(&w->names);
	for (uint32_t i = 0; i < w->plane->geometry.participants; i++)
		if (w->name[i])
			ae_epoch_ring_parked(w->plane, i);
	pthread_mutex_unlock(&w->names);
}

static void look(struct ae_posix_watch *w)
{
	int dead = 0;

	ring_in_panic(w);

	for (uint32_t i = 0; i < w->plane->geometry.participants; i++)
		dead |= look_at(w, i);
	reap(w, dead);
}

/* How many of the living sit between the dead one's slot and the next one of
 * this attachment's. Their watches were woken too: one reap is enough, and the
 * next neighbour makes it if it can. */
static uint64_t turn(struct ae_posix_watch *w, uint32_t dead)
{
	uint32_t seats = w->plane->geometry.participants;
	uint64_t before = 0;

	pthread_mutex_lock(&w->names);
	for (uint32_t i = (dead + 1) % seats; !w->name[i] && i != dead;
	     i = (i + 1) % seats) {
		/* relaxed: an estimate. */
		uint64_t word = ae_load64_relaxed(&w->plane->seats[i].seat);

		before += AETHER_SEAT_STATE(word) == AETHER_SEAT_ACTIVE;
	}
	pthread_mutex_unlock(&w->names);
	return before;
}

/* A process has ended, or had when it was found. It is not asked about again:
 * its descriptor would say the same for ever, though the lock be held by a
 * child that shares it. */
static void hear(struct ae_posix_watch *w, uint32_t slot)
{
	uint64_t when;

	forget(w, slot);
	if (ae_host_life_test(w->plane, slot) != 0)
		return;
	when = ae_host_now() + turn(w, slot) * MS;
	if (when < w->next)
		w->next = when;
}

static void sleep_and_hear(struct ae_posix_watch *w)
{
	uint64_t now = ae_host_now();
	uint64_t wait = w->next > now ? (w->next - now + MS - 1) / MS : 0;
	struct epoll_event heard[8];
	int n = epoll_wait(w->events, heard, 8, (int)wait);

	/* closed under its feet: from now on it only looks */
	if (n < 0 && errno != EINTR)
		poll(NULL, 0, (int)wait);
	for (int i = 0; i < n; i++)
		if (heard[i].data.u32 < SEATS)
			hear(w, heard[i].data.u32);
}

static void *run(void *argument)
{
	struct ae_posix_watch *w = argument;

	pthread_setname_np(pthread_self(), "aether-watch");
	/* relaxed: a number to wait for. */
	ae_store32_relaxed(&w->begun, 1);
	/* relaxed: the bell follows it, and the period is short. */
	while (!ae_load32_relaxed(&w->stopping)) {
		sleep_and_hear(w);
		if (ae_host_now() < w->next)
			continue;
		look(w);
		if (is_last(w)) {
			/* the program's exit handlers will run on it */
			pthread_sigmask(SIG_SETMASK, &w->mask, NULL);
			break;
		}
		w->next = ae_host_now() + PERIOD;
	}
	for (uint32_t i = 0; i < SEATS; i++)
		forget(w, i);
	/* relaxed: who stops it waits for its end. */
	ae_store32_relaxed(&w->running, 0);
	ae_add32_relaxed(&watches, UINT32_MAX);
	return NULL;
}

/* Signals that stand for a fault of the thread's own are the program's to
 * handle, as ever; all others are for its other threads. */
void ae_posix_block_signals(sigset_t *before)
{
	static const int faults[] = { SIGBUS, SIGSEGV, SIGILL,
				      SIGFPE, SIGTRAP, SIGSYS };
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&set, faults[i]);
	pthread_sigmask(SIG_SETMASK, &set, before);
}

/* With a stack smaller than the usual one if that is enough for what the
 * program keeps there. */
static int start_thread(struct ae_posix_watch *w)
{
	pthread_attr_t attributes;
	int os;

	if (is_child && !CHILD_MAY_WATCH)
		return EAGAIN;
	os = pthread_attr_init(&attributes);
	if (os)
		return os;
	ae_posix_block_signals(&w->mask);
	pthread_attr_setstacksize(&attributes, STACK);
	os = pthread_create(&w->thread, &attributes, run, w);
	if (os == EINVAL)
		os = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &w->mask, NULL);
	pthread_attr_destroy(&attributes);
	/* relaxed: it is only waited for. */
	while (AWAIT_BEGIN && !os && !ae_load32_relaxed(&w->begun))
		sched_yield();
	return os;
}

static void close_all(struct ae_posix_watch *w)
{
	if (w->events >= 0)
		close(w->events);
	if (w->bell >= 0)
		close(w->bell);
}

static void start(struct ae_posix_watch *w)
{
	w->events = epoll_create1(EPOLL_CLOEXEC);
	w->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->next = 0;
	w->looks = 0;
	w->orphan = 0;
	w->pid = getpid();
	for (uint32_t i = 0; i < SEATS; i++) {
		w->process[i] = -1;
		w->stamps[i] = 0;
	}
	/* relaxed: before there is a thread. */
	ae_store32_relaxed(&w->begun, 0);
	ae_store32_relaxed(&w->stopping, 0);
	ae_store32_relaxed(&w->running, 1);
	ae_add32_relaxed(&watches, 1);
	w->started = w->events >= 0 && w->bell >= 0 &&
		     hear_of(w, w->bell, SEATS) == 0 && start_thread(w) == 0;
	if (w->started)
		return;
	/* relaxed: there is no thread. */
	ae_add32_relaxed(&watches, UINT32_MAX);
	ae_store32_relaxed(&w->running, 0);
	close_all(w);
}

static void stop(struct ae_posix_watch *w)
{
	/* relaxed: the bell follows; unheard, the period is short. */
	ae_store32_relaxed(&w->stopping, 1);
	eventfd_write(w->bell, 1);
	pthread_join(w->thread, NULL);
	close_all(w);
	w->started = 0;
}

static void put_name(struct ae_posix_watch *w, uint32_t slot,
		     struct aether_participant *who)
{
	pthread_mutex_lock(&w->names);
	w->name[slot] = who;
	pthread_mutex_unlock(&w->names);
}

void ae_posix_watch_join(struct aether_participant *me)
{
	struct ae_posix_plane *p = me->plane->host;
	struct ae_posix_watch *w = p->watch;

	if (!w)
		return;
	pthread_once(&once, prepare_forks);
	pthread_mutex_lock(&w->gate);
	put_name(w, me->slot, me);
	w->members++;
	if (!w->started)
		start(w);
	pthread_mutex_unlock(&w->gate);
}

void ae_posix_watch_leave(struct aether_participant *me)
{
	struct ae_posix_plane *p = me->plane->host;
	struct ae_posix_watch *w = p->watch;

	if (!w || getpid() != w->pid)
		return; /* a child has no watch, and must not stop another's */
	pthread_mutex_lock(&w->gate);
	if (w->name[me->slot] == me) { /* it may have wanted no watch */
		put_name(w, me->slot, NULL);
		w->members--;
	}
	if (!w->members && w->started)
		stop(w);
	pthread_mutex_unlock(&w->gate);
}

/* Its name is put in and taken out by its own thread, so it is read without the
 * names' lock. Where others of the attachment are watched the dead are found,
 * but nobody rings one who is not. */
int ae_host_watched(const struct aether_participant *me)
{
	const struct ae_posix_plane *p = me->plane->host;
	const struct ae_posix_watch *w = p->watch;

	/* relaxed: whether to look oneself; either answer is safe. */
	return w && w->name[me->slot] == me && ae_load32_relaxed(&w->running);
}

uint64_t ae_host_patience(const struct aether_participant *me)
{
	return ae_host_watched(me) ? 10 * PERIOD : PERIOD;
}

struct ae_posix_watch *ae_posix_watch_make(struct aether_plane *plane)
{
	struct ae_posix_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->plane = plane;
	pthread_mutex_init(&w->gate, NULL);
	pthread_mutex_init(&w->names, NULL);
	return w;
}

void ae_posix_watch_free(struct aether_plane *plane)
{
	struct ae_posix_plane *p = plane->host;

	if (!p->watch)
		return;
	pthread_mutex_destroy(&p->watch->gate);
	pthread_mutex_destroy(&p->watch->names);
	free(p->watch);
	p->watch = NULL;
}
