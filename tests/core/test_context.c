/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A participant of an earlier boot is refused wherever it would write: a guard,
 * a pair, a pin. What it holds it may still give back.
 */
#include "rig.h"

#define BOARD AETHER_INOS_GUARD_JOB_HISTORY
#define BIRDS AETHER_INOS_PAIR_BIRD
#define TERM UINT64_C(1000000000)

static struct aether_participant *join(struct aether_plane *plane,
				       uint32_t role)
{
	struct aether_participant_options options = { .role = role };
	struct aether_participant *me;

	need(aether_participant_join(plane, &options, NULL, &me) == 0);
	return me;
}

/* What the records of the guard and of the pair say. */
static uint64_t records(const struct aether_plane *plane)
{
	struct aether_guard_info guard;
	struct aether_pingpong_info pair;

	need(aether_guard_look(plane, BOARD, &guard) == 0);
	need(aether_pingpong_look(plane, BIRDS, &pair) == 0);
	return guard.acquires + (pair.sequence << 8) + (pair.refused << 16);
}

static void refused(struct aether_plane *plane, struct aether_participant *old)
{
	struct aether_pingpong_reading reading;
	struct aether_pingpong_write write;
	uint64_t before = records(plane);

	is_int(aether_guard_acquire(old, BOARD), AETHER_ECONTEXT, "a guard");
	is_int(aether_guard_check(old, BOARD, 1), AETHER_ECONTEXT,
	       "to ask whether one may write");
	is_int(aether_pingpong_begin(old, BIRDS, 0, &write), AETHER_ECONTEXT,
	       "a pair");
	is_int(aether_pingpong_read_pinned(old, BIRDS, TERM, &reading),
	       AETHER_ECONTEXT, "a pin");
	ok(records(plane) == before, "nothing was changed");
}

static void tests(void)
{
	struct aether_plane_options options = { .layout = "inos" };
	struct aether_participant *kernel, *old, *module;
	struct aether_pingpong_write write;
	struct aether_plane *plane;

	need(aether_plane_create(NULL, &options, NULL, &plane) == 0);
	kernel = join(plane, AETHER_ROLE_KERNEL);
	module = join(plane, AETHER_ROLE_MODULE);
	old = join(plane, AETHER_ROLE_KERNEL);
	need(aether_context_begin(kernel, aether_context_hash("first")) == 0);
	is_int(aether_guard_acquire(old, BOARD), 0, "of the first boot");
	is_int(aether_pingpong_begin(module, BIRDS, 0, &write), 0,
	       "of the first boot, a pair");
	need(aether_context_begin(kernel, aether_context_hash("next")) == 0);
	refused(plane, old);
	is_int(aether_pingpong_abandon(old, BIRDS), AETHER_ENOTHELD,
	       "what another has begun is not its own");
	is_int(aether_pingpong_commit(module, BIRDS, 1), AETHER_ECONTEXT,
	       "what was begun before is not committed");
	is_int(aether_pingpong_room(module, BIRDS, 10001, &write),
	       AETHER_ECONTEXT, "nor given room");
	is_int(aether_pingpong_abandon(module, BIRDS), 0, "but abandoned");
	is_int(aether_pingpong_resign(module, BIRDS), 0, "and let go");
	is_int(aether_guard_abandon(old, BOARD), 0, "a guard is let go");
	is_int(aether_guard_acquire(kernel, BOARD), 0, "who began the boot");
	aether_participant_leave(old);
	aether_participant_leave(module);
	module = join(plane, AETHER_ROLE_MODULE);
	is_int(aether_pingpong_begin(module, BIRDS, 0, &write), 0,
	       "who joins again is of the new one");
	aether_participant_leave(module);
	aether_participant_leave(kernel);
	need(aether_plane_detach(plane) == 0);
}

int main(void)
{
	return rig_run(tests);
}
