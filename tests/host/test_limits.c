/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits: each has an error of its own, which names it; and what met it is as
 * it was before, and works when there is room again.
 */
#include <sys/resource.h>
#include "../core/rig.h"

#define SIZE 131072

static struct aether_error error;

/* So many descriptors more may be opened; -1: as many as before. */
static void allow(int more)
{
	static struct rlimit before;
	struct rlimit now;
	int lowest = fcntl(STDERR_FILENO, F_DUPFD, 0);

	if (!before.rlim_max)
		need(getrlimit(RLIMIT_NOFILE, &before) == 0);
	now = before;
	if (lowest >= 0)
		close(lowest);
	if (more >= 0)
		now.rlim_cur = (rlim_t)(lowest + more);
	need(setrlimit(RLIMIT_NOFILE, &now) == 0);
}

/* Does the text say what the limit is? */
static int names(const char *limit)
{
	if (strstr(error.text, limit))
		return 1;
	printf("# it says: %s\n", error.text);
	return 0;
}

static struct aether_plane_options small = { .strides = 8,
					     .stride_size = SIZE,
					     .participants = 2 };

/* Creates, attaches, joins with fewer and fewer descriptors: each fails as it
 * must until it works, and leaves none open. */
static int climb(int (*attempt)(void), const char *what)
{
	int before = rig_descriptors(), err = AETHER_EFILES, n = 0;

	for (; err < 0 && n < 16; n++) {
		error.code = 0;
		error.text[0] = 0;
		allow(n);
		err = attempt();
		allow(-1);
		if (err < 0)
			ok(err == AETHER_EFILES && names("ulimit -n") &&
				   rig_descriptors() == before,
			   "%s with %d descriptors: %s", what, n, error.text);
	}
	return err == 0 && n > 1;
}

static struct aether_plane *plane, *made;
static struct aether_participant *me;

static int create_named(void)
{
	int err = aether_plane_create("n", &small, &error, &made);

	if (err < 0 && access(rig_directory, F_OK) == 0)
		return aether_plane_destroy("n", NULL) == AETHER_ENOENT ? err
									: 1;
	return err;
}

static int create_anonymous(void)
{
	return aether_plane_create(NULL, &small, &error, &made);
}

static int attach_named(void)
{
	return aether_plane_attach("n", 0, &error, &made);
}

static int attach_fd(void)
{
	return aether_plane_attach_fd(aether_plane_fd(plane), 0, &error, &made);
}

static int join(void)
{
	return aether_participant_join(plane, NULL, &error, &me);
}

static void descriptors(void)
{
	uint64_t epoch = 1, handle;
	int fd = -1;

	plane = rig_plane(8, SIZE, 2);
	ok(climb(create_named, "create"), "created");
	aether_plane_detach(made);
	ok(climb(create_anonymous, "create without a name"), "created");
	aether_plane_detach(made);
	ok(climb(attach_named, "attach"), "attached");
	aether_plane_detach(made);
	ok(climb(attach_fd, "attach by descriptor"), "attached");
	aether_plane_detach(made);
	ok(climb(join, "join"), "joined");
	handle = rig_reserve(me);
	is_int(aether_stride_release(me, handle), 0, "and at work");
	allow(0);
	is_int(aether_epoch_fd(me, &epoch, 1, &fd), AETHER_EFILES,
	       "an event descriptor");
	allow(-1);
	is_int(aether_epoch_fd(me, &epoch, 1, &fd), 0, "with room");
	is_int(aether_epoch_fd_close(me, fd), 0, "closed");
	aether_participant_leave(me);
}

static void the_plane(void)
{
	struct aether_participant_options quota = { .quota = 3 };
	struct aether_participant *one = rig_join_with(plane, &quota);
	struct aether_participant *two = rig_join(plane);
	uint64_t handles[8], more;

	is_int(aether_participant_join(plane, NULL, &error, &me), AETHER_ESEATS,
	       "participants");
	ok(names("2 participant slots"), "says how many there are");
	for (int i = 0; i < 3; i++)
		handles[i] = rig_reserve(one);
	is_int(aether_stride_reserve(one, &more), AETHER_EQUOTA, "quota");
	for (int i = 3; i < 8; i++)
		handles[i] = rig_reserve(two);
	is_int(aether_stride_reserve(two, &more), AETHER_EFULL, "strides");
	is_int(aether_stride_reserve_run(two, 2, &more), AETHER_EFULL, "a run");
	is_int(aether_stride_reserve_until(two, aether_clock_after(MS), &more),
	       AETHER_ETIMEDOUT, "waiting for one");
	for (int i = 0; i < 8; i++)
		need(aether_stride_release(i < 3 ? one : two, handles[i]) == 0);
	is_int(aether_route_set(two, aether_participant_tenancy(one), 1,
				AETHER_POLICY_BLOCK),
	       0, "a route of one");
	need(aether_route(two, rig_reserve(two),
			  aether_participant_tenancy(one)) == 0);
	more = rig_reserve(two);
	is_int(aether_route(two, more, aether_participant_tenancy(one)),
	       AETHER_EDEPTH, "depth");
	is_int(aether_stride_release(two, more), 0, "and it is still mine");
	aether_participant_leave(two);
	aether_participant_leave(one);
	ok(rig_all_free(plane), "all free");
}

/* Entries that nobody takes: each is of a route that was taken back. */
static void the_mailbox(void)
{
	struct aether_participant *one = rig_join(plane);
	struct aether_participant *two = rig_join(plane);
	uint64_t to = aether_participant_tenancy(one), handle = 0;
	int err = 0;

	need(aether_route_set(two, to, 1, AETHER_POLICY_DROP_OLDEST) == 0);
	for (uint32_t i = 0; i <= plane->geometry.places && err == 0; i++) {
		handle = rig_reserve(two);
		err = aether_route(two, handle, to);
	}
	is_int(err, AETHER_EBOX, "mailbox");
	is_int(aether_stride_release(two, handle), 0, "it is still mine");
	need(aether_route_take(one, &handle) == 0);
	is_int(aether_route(two, rig_reserve(two), to), 0, "with room");
	aether_participant_leave(two);
	aether_participant_leave(one);
	ok(rig_all_free(plane), "all free");
}

static void tests(void)
{
	descriptors();
	the_plane();
	the_mailbox();
	aether_plane_detach(plane);
}

int main(void)
{
	return rig_run(tests);
}
