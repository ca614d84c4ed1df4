/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event descriptors for epochs: readable when one has changed, and not before;
 * what they are refused for; nothing is left when they are closed.
 */
#include <poll.h>
#include <sys/eventfd.h>
#include "lives.h"

#define HANG 60000 /* ms */

static int readable(int fd, int ms)
{
	struct pollfd poll_one = { .fd = fd, .events = POLLIN };

	return poll(&poll_one, 1, ms) == 1;
}

static void drain(int fd)
{
	eventfd_t count;

	need(eventfd_read(fd, &count) == 0);
}

static void refused(struct aether_participant *me)
{
	uint64_t epochs[AETHER_EPOCHS_WAITED_MAX + 1];
	int before = rig_descriptors(), fd = 77;

	for (uint64_t i = 0; i <= AETHER_EPOCHS_WAITED_MAX; i++)
		epochs[i] = 128 + i;
	is_int(aether_epoch_fd(me, epochs, 0, &fd), AETHER_EINVAL, "of none");
	is_int(aether_epoch_fd(me, epochs, AETHER_EPOCHS_WAITED_MAX + 1, &fd),
	       AETHER_EMANY, "of 65");
	epochs[1] = 40;
	is_int(aether_epoch_fd(me, epochs, 2, &fd), AETHER_EFREED,
	       "one is of the pool, and nobody's");
	epochs[1] = AETHER_EPOCHS;
	is_int(aether_epoch_fd(me, epochs, 2, &fd), AETHER_EINDEX,
	       "one is none");
	is_int(aether_epoch_fd_close(me, 0), AETHER_ENOTHELD,
	       "to close another's");
	ok(fd == 77 && rig_descriptors() == before, "nothing changed");
}

static void changes(struct aether_participant *me)
{
	const uint64_t first[2] = { 200, 201 }, second[1] = { 202 };
	int before = rig_descriptors(), one = -1, two = -1;

	is_int(aether_epoch_fd(me, first, 2, &one), 0, "one for two epochs");
	is_int(aether_epoch_fd(me, second, 1, &two), 0, "one for another");
	ok(!readable(one, 0) && !readable(two, 0), "nothing has changed");
	aether_epoch_signal(me, 201);
	ok(readable(one, HANG), "the second of two is signalled: readable");
	drain(one);
	ok(!readable(one, 0) && !readable(two, 0), "once");
	aether_epoch_set(me, 202, 5);
	ok(readable(two, HANG) && !readable(one, 0), "the other one");
	is_int(aether_epoch_fd_close(me, two), 0, "it is closed");
	is_int(aether_epoch_fd_close(me, two), AETHER_ENOTHELD, "once");
	aether_epoch_signal(me, 200);
	ok(readable(one, HANG), "the first goes on");
	is_int(aether_epoch_fd_close(me, one), 0, "it is closed");
	is_int(rig_descriptors(), before, "no descriptor is left");
}

static void ends(struct aether_participant *me)
{
	struct aether_participant *other = rig_join(plane);
	uint64_t epoch = 0;
	int fd = -1, last = -1;

	need(aether_epoch_allocate(me, &epoch) == 0);
	need(aether_epoch_fd(other, &epoch, 1, &fd) == 0);
	need(aether_epoch_fd(me, (uint64_t[]) { 200 }, 1, &last) == 0);
	aether_epoch_free(me, epoch);
	ok(readable(fd, HANG), "an epoch of the pool is given back: readable");
	drain(fd);
	aether_epoch_panic(me, 9);
	ok(readable(fd, HANG) && readable(last, HANG), "a panic: all are");
	aether_epoch_calm(me);
	aether_participant_leave(other);
	ok(fcntl(fd, F_GETFD) < 0 && fcntl(last, F_GETFD) >= 0,
	   "who leaves closes its own");
	drain(last);
	aether_epoch_signal(me, 200);
	ok(readable(last, HANG), "the others go on");
}

/* Is it told of? Then what was told is read. */
static int heard(int fd)
{
	int is = readable(fd, HANG);

	if (is)
		drain(fd);
	return is;
}

static void in_panic(struct aether_participant *me)
{
	const uint64_t first[1] = { 200 }, second[1] = { 201 };
	int one = -1, two = -1, all = 1;

	need(aether_epoch_fd(me, first, 1, &one) == 0);
	aether_epoch_panic(me, 1);
	ok(heard(one), "a panic is told of");
	is_int(aether_epoch_fd(me, second, 1, &two), 0, "one opened in it");
	ok(heard(two), "is told of it too");
	aether_epoch_set(me, 201, 7);
	ok(heard(two), "and of what changes in it");
	for (int i = 0; all && i < 20; i++) {
		aether_epoch_calm(me);
		aether_epoch_panic(me, 1);
		all = heard(one);
	}
	ok(all, "20 panics, one soon after another: each is told of");
	aether_epoch_calm(me);
	aether_epoch_fd_close(me, one);
	aether_epoch_fd_close(me, two);
}

/* A boot is told of, for a participant of an earlier one would wait for ever:
 * each boot once, and those of the new one go on. */
static void boots(void)
{
	struct aether_plane *own = rig_plane(8, SIZE, 8);
	struct aether_participant *me = rig_join(own), *old = rig_join(own);
	struct aether_participant *next;
	const uint64_t first[1] = { 200 }, second[1] = { 201 };
	int one = -1, two = -1, none = 77;

	need(aether_context_begin(me, 1) == 0);
	need(aether_epoch_fd(old, first, 1, &one) == 0);
	ok(!readable(one, 0), "a boot that there was before");
	need(aether_context_begin(me, 2) == 0);
	ok(heard(one), "one that begins is told of");
	is_int(aether_context_check(old), AETHER_ECONTEXT,
	       "who is of an earlier one sees it");
	is_int(aether_epoch_fd(old, second, 1, &none), AETHER_ECONTEXT,
	       "and opens no other");
	is_int(none, 77, "nothing changed");
	next = rig_join(own);
	is_int(aether_epoch_fd(next, second, 1, &two), 0,
	       "who is of the new one does");
	aether_epoch_signal(me, 201);
	ok(heard(two) && !readable(one, 0), "and hears of its epochs alone");
	need(aether_context_begin(me, 3) == 0);
	ok(heard(one) && heard(two), "the next one is told to both");
	aether_participant_leave(old);
	aether_participant_leave(next);
	aether_participant_leave(me);
	need(aether_plane_detach(own) == 0);
}

/* A plane's file that was cut short is the program's to handle. */
static void signals(struct aether_participant *me)
{
	uint64_t blocked, epoch = 200;
	pid_t thread = 0;
	int fd = -1;

	need(aether_epoch_fd(me, &epoch, 1, &fd) == 0);
	while (!count_threads("aether-bell", &thread))
		rig_sleep(MS);
	blocked = mask_of(thread, "SigBlk:");
	ok((blocked & bit(SIGTERM)) && !(blocked & bit(SIGBUS)),
	   "the thread takes no signals but those of its own faults");
	aether_epoch_fd_close(me, fd);
}

/* The thread needs a slot of its own. */
static void full(void)
{
	struct aether_plane *small = rig_plane(8, SIZE, 1);
	struct aether_participant *me = rig_join(small);
	uint64_t epoch = 200;
	int before = rig_descriptors(), fd = 77;

	is_int(aether_epoch_fd(me, &epoch, 1, &fd), AETHER_ESEATS,
	       "no slot is free for the thread");
	ok(fd == 77 && rig_descriptors() == before, "nothing changed");
	aether_participant_leave(me);
	is_int(aether_plane_detach(small), 0, "nobody is left");
}

/* In a child: the thread is not there, and what is inherited is not touched. */
static int child(void *argument)
{
	struct aether_participant *parents = argument;
	uint64_t epoch = 200;
	int fd = 77;

	return aether_epoch_fd(parents, &epoch, 1, &fd) != AETHER_ESYS ||
	       fd != 77;
}

static void tests(void)
{
	struct aether_participant *me;
	int before;

	plane = rig_plane(8, SIZE, 8);
	before = rig_descriptors();
	me = rig_join(plane);
	signals(me); /* first: a thread is seen a moment longer than it is */
	refused(me);
	changes(me);
	ends(me);
	in_panic(me);
	boots();
	full();
	is_int(rig_wait(rig_fork(child, me)), 0, "a child has none");
	aether_participant_leave(me);
	is_int(rig_descriptors(), before, "nothing is left");
	need(aether_plane_detach(plane) == 0);
}

int main(void)
{
	return rig_run(tests);
}
