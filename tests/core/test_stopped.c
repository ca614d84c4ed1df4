/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nobody waits for one who is stopped: whoever is stopped between a change and
 * its ring, or between two rings, has silenced those that are parked; they look
 * again by themselves. What such a one does, and does not do, is done here by
 * hand.
 */
#include "rig.h"

struct scene {
	struct aether_plane *plane;
	struct aether_participant *me; /* who gives */
	struct aether_word64 ready;
	struct aether_word64 tenancy;
	struct aether_word64 done;
	uint64_t handle;
};

static struct aether_participant *sit(struct scene *s)
{
	struct aether_participant *me = rig_join(rig_again(s->plane));

	rig_tell(&s->tenancy, aether_participant_tenancy(me));
	rig_tell(&s->ready, 1);
	return me;
}

static int wait_for_space(void *argument)
{
	struct scene *s = argument;
	struct aether_participant *me = sit(s);
	uint64_t handle;
	int err = aether_stride_reserve_until(me, aether_clock_after(RIG_HANG),
					      &handle);

	rig_tell(&s->done, 1 + (err < 0));
	return err < 0;
}

static int wait_for_mail(void *argument)
{
	struct scene *s = argument;
	struct aether_participant *me = sit(s);
	uint64_t handle;
	int err = aether_route_take_until(me, aether_clock_after(RIG_HANG),
					  &handle);

	rig_tell(&s->done, 1 + (err < 0));
	return err < 0;
}

/* A child that is parked by the time this returns. */
static pid_t park(struct scene *s, int (*wait)(void *), uint32_t *slot)
{
	pid_t pid;

	rig_tell(&s->ready, 0);
	rig_tell(&s->done, 0);
	pid = rig_fork(wait, s);
	rig_await(&s->ready, 1);
	*slot = (uint32_t)AETHER_TENANCY_SLOT(rig_told(&s->tenancy));
	while (!ae_load64_relaxed(&s->plane->seats[*slot].waits))
		rig_sleep(MS);
	rig_sleep(20 * MS);
	return pid;
}

/* How long that took. */
static uint64_t check(struct scene *s, pid_t pid, const char *what)
{
	uint64_t begin = aether_clock_now();

	rig_await(&s->done, 1);
	begin = aether_clock_now() - begin;
	is_int(rig_told(&s->done), 1, "%s", what);
	is_int(rig_wait(pid), 0, "and ends");
	aether_reap(s->me, NULL);
	return begin;
}

static struct scene *scene;

static uint64_t test_space(int unused)
{
	struct scene *s = scene;
	struct aether_participant *me = s->me;
	uint64_t handles[16], took;
	uint32_t slot;
	size_t n = 0;
	pid_t pid;

	(void)unused;
	while (n < 16 && aether_stride_reserve(me, &handles[n]) == 0)
		n++;
	pid = park(s, wait_for_space, &slot);
	/* took the set of waiters, and was stopped */
	while (!ae_xchg64_seq_cst(&s->plane->header->space_waiters, 0))
		rig_sleep(MS); /* it looks just now */
	ok(1, "it is announced");
	aether_stride_release(me, handles[--n]);
	took = check(s, pid,
		     "who waits for space finds it though nobody rings");
	while (n)
		aether_stride_release(me, handles[--n]);
	return took;
}

static uint64_t test_mail(int unused)
{
	struct scene *s = scene;
	struct aether_participant *me = s->me;
	uint64_t handle = rig_reserve(me);
	uint32_t slot;
	pid_t pid = park(s, wait_for_mail, &slot);

	(void)unused;
	/* committed, and was stopped before it looked who is parked */
	ae_store32_seq_cst(&s->plane->seats[slot].parked, 0);
	is_int(aether_route(me, handle, rig_told(&s->tenancy)), 0, "routed");
	return check(s, pid, "who waits for mail finds it though nobody rings");
}

static void tests(void)
{
	struct scene *s = scene = rig_shared(sizeof(*s));

	s->plane = rig_plane(16, 65536, 4);
	s->me = rig_join(s->plane);
	ok(rig_quickest(test_space, 0, 5 * SECOND) < 5 * SECOND,
	   "space: within seconds");
	ok(rig_quickest(test_mail, 0, 5 * SECOND) < 5 * SECOND,
	   "mail: within seconds");
	aether_participant_leave(s->me);
	aether_plane_detach(s->plane);
}

int main(void)
{
	return rig_run(tests);
}
