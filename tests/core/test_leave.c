/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaving while others route to the one who leaves: whoever loses the race, no
 * stride is lost and none has two owners. Step R4 against step L2.
 */
#include "rig.h"

#define SIZE 131072
#define STRIDES 4

static struct aether_plane *plane;

struct run {
	uint64_t end, limit;
	struct aether_word64 routed, gone, stays, taken;
};

static int met_enough(const struct run *run)
{
	return ae_load64_relaxed(&run->stays) > 20 &&
	       ae_load64_relaxed(&run->routed) > 100 &&
	       ae_load64_relaxed(&run->gone) > 10;
}

/* For a while, and until they have been in each other's way. */
static int goes_on(const struct run *run)
{
	uint64_t now = aether_clock_now();

	return now < run->end || (!met_enough(run) && now < run->limit);
}

/* Comes, takes a little, leaves, again and again. */
static int guest(void *argument)
{
	struct aether_participant_options options = { .name = "guest" };
	struct aether_plane *again = rig_again(plane);
	struct run *run = argument;
	uint64_t seed = 4;

	while (goes_on(run)) {
		struct aether_participant *him = rig_join_with(again, &options);
		uint64_t handle, n = rig_random(&seed) % 3000;

		while (n--)
			if (aether_route_take(him, &handle) == 0)
				ae_add64_relaxed(&run->taken, 1);
		aether_participant_leave(him);
		ae_add64_relaxed(&run->stays, 1);
	}
	return 0;
}

/* Routes to whoever is called so at the moment. */
static int host(void *argument)
{
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *me = rig_join(again);
	struct run *run = argument;
	uint64_t to = 0, handle = 0;
	int err = AETHER_EGONE;
	int have = 0;

	while (goes_on(run)) {
		if (err == AETHER_EGONE &&
		    aether_participant_find(again, "guest", &to) < 0)
			continue;
		if (!have && aether_stride_reserve(me, &handle) < 0)
			continue;
		have = 1;
		err = aether_route(me, handle, to);
		if (err == 0)
			ae_add64_relaxed(&run->routed, 1);
		else if (err == AETHER_EGONE)
			ae_add64_relaxed(&run->gone, 1);
		else if (err != AETHER_EBOX)
			return 1;
		have = err != 0;
		if (have && aether_stride_describe(me, handle, 1, 0, 0) < 0)
			return 2; /* it is still mine */
	}
	if (aether_participant_held(me) != (uint32_t)have)
		return 3;
	aether_participant_leave(me);
	return 0;
}

static void tests(void)
{
	struct run *run = rig_shared(sizeof(*run));
	pid_t pids[4];
	int good = 0;

	plane = rig_plane(STRIDES, SIZE, 8);
	run->end = aether_clock_after(1500 * MS);
	run->limit = aether_clock_after(RIG_HANG);
	for (int i = 0; i < 4; i++)
		pids[i] = rig_fork(i < 2 ? guest : host, run);
	for (int i = 0; i < 4; i++)
		good += rig_wait(pids[i]) == 0;
	is_int(good, 4, "two come and leave while two route to them");
	ok(met_enough(run),
	   "%llu stays, %llu routes, %llu taken, %llu times gone",
	   (unsigned long long)ae_load64_relaxed(&run->stays),
	   (unsigned long long)ae_load64_relaxed(&run->routed),
	   (unsigned long long)ae_load64_relaxed(&run->taken),
	   (unsigned long long)ae_load64_relaxed(&run->gone));
	is_int(rig_count(plane, AETHER_STATE_DORMANT), STRIDES,
	       "no stride is lost, registers equal words");
	aether_plane_detach(plane);
}

int main(void)
{
	return rig_run(tests);
}
