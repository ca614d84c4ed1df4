/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Participants that need no data (`no_data` of their options): they reserve,
 * resolve and describe with leases alone, on planes divided or not, and never
 * have bytes. On planes that zero, nobody sees through them what was not his.
 */
#include "segments.h"
#include "victim.h"

/* What one of them may, in a plane of so many segments. */
static void may(uint32_t segments)
{
	struct aether_plane *plane = divided(96, segments, 0);
	struct aether_plane *less = again(plane, 0, ALL, 0);
	struct aether_participant_options o = { .no_data = 1 };
	struct aether_participant *me = rig_join(plane), *boss;
	struct aether_pointer pointer;
	uint64_t handle, taken, mine = aether_participant_tenancy(me);
	void *user;

	need(aether_participant_join(less, &o, NULL, &boss) == 0);
	need(aether_stride_reserve(boss, &handle) == 0);
	is_int(aether_stride_describe(boss, handle, 9, AETHER_FORMAT_RAW, 0), 0,
	       "it reserves and describes (%u segments)", segments);
	is_int(aether_stride_resolve(boss, handle, &pointer), 0, "resolves");
	is_int((int)pointer.length, 9, "what it described");
	is_int(aether_stride_bytes(boss, handle, NULL, &user), AETHER_EACCES,
	       "and has no bytes");
	need(aether_stride_user(boss, handle, &user) == 0);
	memset(user, 5, AETHER_USER_SIZE);
	is_int(aether_route(boss, handle, mine), 0, "it routes");
	need(aether_route_take(me, &taken) == 0 && taken == handle);
	need(aether_stride_user(me, taken, &user) == 0);
	is_int(*(char *)user, 5, "what it has to say");
	need(aether_stride_release(me, taken) == 0);
	is_int(aether_stride_reserve_until(boss, AETHER_FOREVER, &handle), 0,
	       "it may wait for one");
	need(aether_stride_release(boss, handle) == 0);
	is_int(boss->last, index_of(handle), "which is warm when it is done");
	is_int(aether_stride_reserve_run(boss, 2, &handle), AETHER_EACCES,
	       "runs are for who writes");
	aether_participant_leave(boss);
	aether_participant_leave(me);
	aether_plane_detach(less);
	ok(rig_all_free(plane), "all are free");
	aether_plane_detach(plane);
}

/* It sees half of them. */
static void sees_less(void)
{
	struct aether_plane *plane = divided(STRIDES, SEGMENTS, 0);
	struct aether_plane *less = again(plane, 3, ALL, 0);
	struct aether_participant_options o = { .no_data = 1 };
	struct aether_participant *boss;
	uint64_t handle;
	uint32_t n = 0, wrong = 0;

	need(aether_participant_join(less, &o, NULL, &boss) == 0);
	is_int(aether_stride_reserve_in(boss, 0, &handle), AETHER_EACCES,
	       "nothing where it sees nothing");
	is_int(aether_stride_reserve_in(boss, 2, &handle), 0, "but elsewhere");
	while (aether_stride_reserve(boss, &handle) == 0) {
		wrong += index_of(handle) < 2 * EACH;
		n++;
	}
	is_int(n, 2 * EACH - 1, "it has all that it sees");
	is_int(wrong, 0, "and no other");
	aether_participant_leave(boss);
	aether_plane_detach(less);
	aether_plane_detach(plane);
}

static void write_all(struct aether_participant *me, uint64_t handle)
{
	void *bytes;
	size_t size;

	need(aether_stride_bytes(me, handle, &size, &bytes) == 0);
	memset(bytes, 0xA5, size);
}

static int nonzero(const struct aether_plane *plane, uint64_t handle)
{
	const unsigned char *bytes = plane->base + plane->geometry.data_offset +
				     index_of(handle) * SIZE;
	int n = 0;

	for (size_t i = 0; i < SIZE; i++)
		n += bytes[i] != 0;
	return n;
}

/* What one without data releases is zeroed for the next, divided or not. */
static void zeroes(uint32_t segments)
{
	struct aether_plane *plane = divided(96, segments, AETHER_FLAG_ZERO);
	struct aether_plane *less = again(plane, 0, ALL, 0);
	struct aether_participant *me = rig_join(plane);
	struct aether_participant *boss = rig_join(less);
	uint64_t handle = rig_reserve(me);
	int wrong = 0;

	write_all(me, handle);
	need(aether_route(me, handle, aether_participant_tenancy(boss)) == 0);
	need(aether_route_take(boss, &handle) == 0);
	need(aether_stride_release(boss, handle) == 0);
	is_int(nonzero(plane, handle), SIZE, "not yet (%u segments)", segments);
	for (int i = 0; i < 96; i++)
		wrong += nonzero(plane, rig_reserve(me));
	is_int(wrong, 0, "nobody has it so");
	aether_participant_leave(boss);
	aether_participant_leave(me);
	aether_plane_detach(less);
	aether_plane_detach(plane);
}

static void takes(struct victim *v)
{
	need(aether_route_take_until(v->me, AETHER_FOREVER,
				     &v->told->handles[0]) == 0);
}

/* What it reserved unzeroed was handed out: an heir gets it. */
static void inherited(void)
{
	struct aether_plane *plane = divided(96, 2, AETHER_FLAG_ZERO);
	struct aether_plane *less = again(plane, 0, ALL, 0);
	struct aether_participant_options o = { .no_data = 1 };
	struct aether_participant *boss;
	struct victim v = { .act = takes, .plane = plane };
	uint64_t handle, taken = 0;

	need(aether_participant_join(less, &o, NULL, &boss) == 0);
	v.heir = aether_participant_tenancy(boss);
	need(aether_stride_reserve(boss, &handle) == 0);
	need(aether_stride_release(boss, handle) == 0);
	need(aether_stride_reserve(boss, &handle) == 0);
	victim_start(&v);
	need(aether_route(boss, handle, v.tenancy) == 0);
	rig_await(&v.told->ready, 1);
	victim_kill(&v);
	need(aether_route_take_until(boss, aether_clock_after(RIG_HANG),
				     &taken) == 0);
	ok(taken == handle, "what its addressee had comes to the heir");
	is_int(aether_stride_accept(boss, taken), 0, "who may go on with it");
	aether_participant_leave(boss);
	aether_plane_detach(less);
	aether_plane_detach(plane);
}

static void tests(void)
{
	may(0);
	may(2);
	sees_less();
	zeroes(0);
	zeroes(2);
	inherited();
}

int main(void)
{
	return rig_run(tests);
}
