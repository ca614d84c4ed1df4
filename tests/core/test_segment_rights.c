/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rights in segments: what each allows, what each call answers without it, and
 * that nothing of this loses a stride or shows anybody another's bytes.
 */
#include "segments.h"

/* One with all rights, and one with another right in each segment. */
struct two {
	struct aether_plane *plane, *less;
	struct aether_participant *all, *part;
	uint64_t to_all, to_part;
};

/* Write, read, route, none. */
static void begin(struct two *t, uint32_t flags)
{
	t->plane = divided(STRIDES, SEGMENTS, flags);
	t->less = again(t->plane, 8, 4, 2);
	t->all = rig_join(t->plane);
	t->part = rig_join(t->less);
	t->to_all = aether_participant_tenancy(t->all);
	t->to_part = aether_participant_tenancy(t->part);
}

static void end(struct two *t)
{
	aether_participant_leave(t->all);
	aether_participant_leave(t->part);
	ok(rig_all_free(t->plane), "all are free");
	aether_plane_detach(t->less);
	aether_plane_detach(t->plane);
}

/* Routed to the one with fewer rights, who takes it. */
static uint64_t given(struct two *t, uint32_t segment)
{
	uint64_t handle = reserve_in(t->all, segment), taken = 0;

	need(aether_route(t->all, handle, t->to_part) == 0);
	need(aether_route_take(t->part, &taken) == 0 && taken == handle);
	return handle;
}

static void of_rights(void)
{
	struct aether_registry_counts counts;
	struct aether_segment_info is;
	uint32_t right, wrong = 0;
	struct two t;

	begin(&t, 0);
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		uint64_t handle = reserve_in(t.all, i);

		need(aether_segment_look(t.less, i, &is) == 0);
		need(aether_segment_right(t.less, handle, &right) == 0);
		wrong += is.right != AETHER_RIGHT_WRITE - i ||
			 right != is.right;
		aether_stride_release(t.all, handle);
	}
	is_int(wrong, 0, "write, read, route, none, as was asked for");
	is_int(aether_segment_right(t.less, 0, &right), AETHER_EFOREIGN,
	       "no handle");
	aether_registry_count(t.less, &counts);
	ok(counts.unseen == EACH && !counts.corrupt &&
		   counts.states[AETHER_STATE_DORMANT] == STRIDES - EACH,
	   "what is not seen is counted so");
	end(&t);
}

static void reserving(void)
{
	uint64_t handle, handles[EACH + 1];
	struct aether_plane *reader;
	struct aether_participant *me;
	struct two t;

	begin(&t, 0);
	for (uint32_t i = 1; i < SEGMENTS; i++) {
		is_int(aether_stride_reserve_in(t.part, i, &handle),
		       AETHER_EACCES, "reserve in segment %u", i);
		is_int(aether_stride_reserve_run_in(t.part, i, 2, &handle),
		       AETHER_EACCES, "and a run there");
	}
	is_int(fill(t.part, 0, handles), EACH, "where it may write it may");
	is_int(aether_stride_reserve(t.part, &handle), AETHER_EFULL,
	       "full, for it");
	is_int(aether_stride_reserve_run(t.part, 2, &handle), AETHER_EFULL,
	       "of runs, too");
	reader = again(t.plane, 0, 0, ALL);
	me = rig_join(reader);
	is_int(aether_stride_reserve(me, &handle), AETHER_EACCES,
	       "who may write nothing is not told that it is full");
	is_int(aether_stride_reserve_until(me, AETHER_FOREVER, &handle),
	       AETHER_EACCES, "and does not wait");
	is_int(aether_stride_reserve_run(me, 2, &handle), AETHER_EACCES,
	       "nor for a run");
	aether_participant_leave(me);
	aether_plane_detach(reader);
	end(&t);
}

/* A last segment that is shorter than the others: where it is the only one
 * that counts, what it can never hold is no matter of being full. */
static void short_last(void)
{
	struct aether_plane *plane = divided(2 * EACH + 8, 3, 0);
	struct aether_plane *less = again(plane, 0, 0, 3);
	struct aether_participant *all = rig_join(plane),
				  *part = rig_join(less);
	uint64_t handle, one;

	is_int(aether_stride_reserve_run_in(all, 2, 9, &handle), AETHER_EINVAL,
	       "more than the last segment has, asked of it");
	is_int(aether_stride_reserve_run(part, 9, &handle), AETHER_EINVAL,
	       "the same of one who may write there alone");
	is_int(aether_stride_reserve_run(part, EACH, &handle), AETHER_EINVAL,
	       "as many as others have");
	is_int(aether_stride_reserve_run(part, EACH + 1, &handle),
	       AETHER_EINVAL, "and more than those");
	is_int(aether_stride_reserve_run(part, 8, &handle), 0, "all of it");
	is_int(index_of(handle), 2 * EACH, "which is there");
	need(aether_stride_release(part, handle) == 0);
	one = reserve_in(all, 2);
	is_int(aether_stride_reserve_run(part, 8, &handle), AETHER_EFULL,
	       "what it could hold is full");
	is_int(aether_stride_reserve_run_in(part, 2, 8, &handle), AETHER_EFULL,
	       "be it asked for or not");
	need(aether_stride_release(all, one) == 0);
	is_int(aether_stride_reserve_run(all, 9, &handle), 0,
	       "who may write elsewhere gets it there");
	aether_participant_leave(all);
	aether_participant_leave(part);
	aether_plane_detach(less);
	aether_plane_detach(plane);
}

static void reading(void)
{
	struct aether_pointer pointer;
	void *bytes, *user;
	uint64_t handle;
	struct two t;

	begin(&t, 0);
	handle = given(&t, 1);
	is_int(aether_stride_resolve(t.part, handle, &pointer), 0,
	       "a reader resolves");
	is_int(aether_stride_bytes(t.part, handle, NULL, &bytes), 0,
	       "and has the bytes");
	rig_touch(bytes, 0);
	is_int(aether_stride_describe(t.part, handle, 1, AETHER_FORMAT_RAW, 0),
	       AETHER_EACCES, "but cannot say what they are");
	is_int(aether_stride_release(t.part, handle), 0, "and releases");
	handle = given(&t, 2);
	is_int(aether_stride_resolve(t.part, handle, &pointer), AETHER_EACCES,
	       "who only routes does not resolve");
	is_int(aether_stride_bytes(t.part, handle, NULL, &bytes), AETHER_EACCES,
	       "nor has the bytes");
	is_int(aether_stride_user(t.part, handle, &user), 0,
	       "but what travels with the lease");
	memset(user, 7, AETHER_USER_SIZE);
	is_int(aether_route(t.part, handle, t.to_all), 0, "and routes on");
	need(aether_route_take(t.all, &handle) == 0);
	need(aether_stride_user(t.all, handle, &user) == 0);
	is_int(*(char *)user, 7, "which arrives");
	is_int(aether_participant_held(t.part), 0, "it holds nothing");
	end(&t);
}

static void sharing(void)
{
	uint64_t handle, taken;
	void *bytes;
	struct two t;

	begin(&t, 0);
	handle = reserve_in(t.all, 1);
	is_int(aether_share(t.all, handle, &t.to_part, 1, NULL), 0,
	       "shared with a reader");
	need(aether_route_take(t.part, &taken) == 0);
	is_int(aether_stride_bytes(t.part, taken, NULL, &bytes), 0,
	       "who has the bytes");
	is_int(aether_stride_release(t.part, taken), 0,
	       "and, as the last, ends the lease");
	handle = reserve_in(t.all, 3);
	is_int(aether_share(t.all, handle, &t.to_part, 1, NULL), AETHER_EACCES,
	       "not with one who does not see it");
	is_int(aether_stride_release(t.all, handle), 0, "it was mine still");
	end(&t);
}

static void hidden(void)
{
	struct aether_stride_info info;
	uint64_t handle;
	struct two t;
	void *bytes;

	begin(&t, 0);
	handle = reserve_in(t.all, 3);
	is_int(aether_route(t.all, handle, t.to_part), AETHER_EACCES,
	       "nobody is routed what he does not see");
	is_int(aether_route_until(t.all, handle, t.to_part, AETHER_FOREVER),
	       AETHER_EACCES, "nor after waiting");
	is_int(aether_stride_bytes(t.part, handle, NULL, &bytes), AETHER_EACCES,
	       "its handle: bytes");
	is_int(aether_stride_release(t.part, handle), AETHER_EACCES, "release");
	is_int(aether_stride_accept(t.part, handle), AETHER_EACCES, "accept");
	is_int(aether_route(t.part, handle, t.to_all), AETHER_EACCES, "route");
	is_int(aether_share(t.part, handle, &t.to_all, 1, NULL), AETHER_EACCES,
	       "share");
	is_int(aether_stride_query(t.less, handle, &info), AETHER_EACCES,
	       "query");
	is_int(aether_registry_look(t.less, index_of(handle), &info),
	       AETHER_EACCES, "look");
	is_int(aether_stride_bytes(t.all, handle, NULL, &bytes), 0,
	       "it is still mine");
	/* a sender that did not ask, or was deceived */
	ae_store64_relaxed(&t.part->seat->sight[0],
			   AETHER_SIGHT_MAKE(15, t.part->stamp));
	need(aether_route(t.all, handle, t.to_part) == 0);
	is_int(aether_route_take(t.part, &handle), AETHER_EEMPTY,
	       "an entry for what it does not see is dropped");
	aether_participant_leave(t.part);
	aether_reap(t.all, NULL);
	ae_settle_one(t.all, index_of(handle));
	t.part = rig_join(t.less);
	end(&t);
}

/* An orchestrator that has no data at all, on a plane divided or not. */
static void orchestrator(uint32_t segments)
{
	struct aether_plane *plane = divided(96, segments, 0);
	struct aether_plane *no_data = again(plane, 0, ALL, 0);
	struct aether_participant *me = rig_join(plane);
	struct aether_participant *boss = rig_join(no_data);
	uint64_t to[2] = { aether_participant_tenancy(boss),
			   aether_participant_tenancy(me) };
	uint64_t handle = rig_reserve(me), taken;
	void *bytes;

	need(aether_route(me, handle, to[0]) == 0);
	is_int(aether_route_take(boss, &taken), 0, "it takes (%u segments)",
	       segments);
	is_int(aether_stride_bytes(boss, taken, NULL, &bytes), AETHER_EACCES,
	       "has no bytes");
	is_int(aether_route(boss, taken, to[1]), 0, "and routes");
	is_int(aether_stride_reserve(boss, &taken), AETHER_EACCES,
	       "it has nothing to reserve for");
	need(aether_route_take(me, &taken) == 0 && taken == handle);
	aether_participant_leave(boss);
	aether_participant_leave(me);
	aether_plane_detach(no_data);
	aether_plane_detach(plane);
}

/* All that a plane holds of a stride's bytes and user data is zero. */
static int is_zero(struct aether_participant *me, uint64_t handle)
{
	unsigned char *bytes;
	size_t size;
	int n = 0;

	need(aether_stride_bytes(me, handle, &size, (void **)&bytes) == 0);
	for (size_t i = 0; i < size; i++)
		n += bytes[i] != 0;
	need(aether_stride_user(me, handle, (void **)&bytes) == 0);
	for (size_t i = 0; i < AETHER_USER_SIZE; i++)
		n += bytes[i] != 0;
	return !n;
}

static void write_all(struct aether_participant *me, uint64_t handle)
{
	void *bytes;
	size_t size;

	need(aether_stride_bytes(me, handle, &size, &bytes) == 0);
	memset(bytes, 0xA5, size);
	need(aether_stride_user(me, handle, &bytes) == 0);
	memset(bytes, 0xA5, AETHER_USER_SIZE);
}

/* Who reserves the warm stride is not asked for a right: it has one there. */
static void warm(void)
{
	uint64_t handle, warm;
	struct two t;

	begin(&t, 0);
	warm = rig_reserve(t.part);
	need(aether_stride_release(t.part, warm) == 0);
	for (uint32_t i = 1; i < 3; i++) {
		handle = given(&t, i);
		need(aether_stride_release(t.part, handle) == 0);
		ok(t.part->last == index_of(warm) &&
			   t.part->warm == index_of(warm),
		   "what it may not write is not warm");
		ok(!(ae_load32_relaxed(&t.plane->registers[i]) & 1),
		   "its bit is clear");
	}
	is_int(index_of(rig_reserve(t.part)), index_of(warm),
	       "it has the one that it may");
	handle = given(&t, 1);
	need(aether_stride_release(t.part, handle) == 0);
	need(aether_stride_reserve(t.part, &handle) == 0);
	ok(index_of(handle) < EACH, "and another one of that segment");
	end(&t);
}

static void zeroed_late(void)
{
	uint64_t handle, run;
	struct two t;
	int wrong = 0;

	begin(&t, AETHER_FLAG_ZERO);
	need(aether_stride_reserve_run_in(t.all, 1, 5, &run) == 0);
	write_all(t.all, run);
	need(aether_route(t.all, run, t.to_part) == 0);
	need(aether_route_take(t.part, &run) == 0);
	is_int(aether_stride_release(t.part, run), 0,
	       "a run is released by one who cannot clear it");
	ok(t.plane->base[t.plane->geometry.data_offset +
			 index_of(run) * SIZE] == 0xA5,
	   "so it is not cleared yet");
	need(aether_stride_reserve_run_in(t.all, 1, 5, &run) == 0);
	ok(is_zero(t.all, run), "who reserves it next has it cleared");
	need(aether_stride_release(t.all, run) == 0);
	for (uint32_t i = 0; i < 3; i++) {
		handle = reserve_in(t.all, i);
		write_all(t.all, handle);
		need(aether_route(t.all, handle, t.to_part) == 0);
		need(aether_route_take(t.part, &handle) == 0);
		need(aether_stride_release(t.part, handle) == 0);
	}
	for (uint32_t i = 0; i < STRIDES; i++)
		wrong += !is_zero(t.all, rig_reserve(t.all));
	is_int(wrong, 0, "singles, too; none is ever had that is not clear");
	for (uint32_t i = 0; i < STRIDES; i++)
		wrong += ae_load32_relaxed(&t.plane->leases[i].uncleared) != 0;
	is_int(wrong, 0, "and nothing is left to be cleared");
	end(&t);
}

/* Also where there is one segment, and less was asked for: nobody is shown what
 * the last owner left, whoever ended its lease. */
static void zeroed_undivided(uint64_t no_data)
{
	struct aether_plane *plane = divided(STRIDES, 0, AETHER_FLAG_ZERO);
	struct aether_plane *less = again(plane, 0, no_data, 1);
	struct aether_participant *all = rig_join(plane);
	struct aether_participant *part = rig_join(less);
	uint64_t handle, run;
	int wrong = 0;

	need(aether_stride_reserve(all, &handle) == 0);
	need(aether_stride_reserve_run(all, 3, &run) == 0);
	write_all(all, handle);
	write_all(all, run);
	need(aether_route(all, handle, aether_participant_tenancy(part)) == 0);
	need(aether_route(all, run, aether_participant_tenancy(part)) == 0);
	for (int i = 0; i < 2; i++) {
		need(aether_route_take(part, &handle) == 0);
		need(aether_stride_release(part, handle) == 0);
	}
	for (uint32_t i = 0; i < STRIDES; i++)
		wrong += !is_zero(all, rig_reserve(all));
	is_int(wrong, 0, "undivided, released by one with right %d: zeroed",
	       no_data ? AETHER_RIGHT_ROUTE : AETHER_RIGHT_READ);
	aether_participant_leave(part);
	aether_participant_leave(all);
	ok(rig_all_free(plane), "all are free");
	aether_plane_detach(less);
	aether_plane_detach(plane);
}

static void tests(void)
{
	int before = rig_descriptors();

	of_rights();
	reserving();
	short_last();
	reading();
	sharing();
	hidden();
	orchestrator(0);
	orchestrator(2);
	warm();
	zeroed_late();
	zeroed_undivided(0);
	zeroed_undivided(1);
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
