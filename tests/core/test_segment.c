/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments: how a plane is divided, what each right allows and each call
 * answers without it, and that nothing of this loses a stride.
 */
#include "rig.h"

#define SIZE 8192
#define SEGMENTS 4
#define EACH 32
#define STRIDES (SEGMENTS * EACH)
#define ALL (~UINT64_C(0))

static struct aether_plane *divided(uint32_t strides, uint32_t segments,
				    uint32_t flags)
{
	struct aether_plane_options o = { .strides = strides,
					  .stride_size = SIZE,
					  .participants = 6,
					  .segments = segments,
					  .flags = flags };
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;

	if (aether_plane_create(NULL, &o, &error, &plane) < 0)
		printf("# %s\n", error.text);
	need(plane);
	return plane;
}

static struct aether_plane *again(const struct aether_plane *plane,
				  uint64_t hidden, uint64_t no_data,
				  uint64_t read_only)
{
	struct aether_attach_options o = { .hidden = hidden,
					   .no_data = no_data,
					   .read_only = read_only };
	struct aether_error error = { .code = 0 };
	struct aether_plane *made = NULL;

	if (aether_plane_reattach(plane, &o, &error, &made) < 0)
		printf("# %s\n", error.text);
	need(made);
	return made;
}

static uint32_t index_of(uint64_t handle)
{
	return (uint32_t)AETHER_HANDLE_STRIDE(handle);
}

static uint64_t reserve_in(struct aether_participant *me, uint32_t segment)
{
	uint64_t handle = 0;

	need(aether_stride_reserve_in(me, segment, &handle) == 0);
	return handle;
}

/* Segment after segment, in pages, each with a stride, and none left over. */
static int sound(const struct aether_geometry *g)
{
	uint32_t last = g->strides - (g->segments - 1) * g->segment_strides;

	return g->segment_strides % AETHER_REGISTER_BITS == 0 && last &&
	       last <= g->segment_strides &&
	       g->leases_offset % AETHER_PAGE_SIZE == 0 &&
	       g->tables_end % AETHER_PAGE_SIZE == 0 &&
	       g->tables_end - g->leases_offset >= (uint64_t)g->strides * 128 &&
	       g->data_offset >= g->tables_end &&
	       g->plane_size == g->data_offset + g->strides * g->stride_size;
}

static void geometry(void)
{
	struct aether_geometry g, whole;
	int made = 0, refused = 0, wrong = 0;

	for (uint32_t n = 1; n <= 65536; n += n < 2000 ? 31 : n / 5)
		for (uint32_t s = 1; s <= AETHER_SEGMENTS_MAX; s++) {
			int err = aether_geometry_divide(0, n, 131072, 8, s,
							 &g);

			made += err == 0;
			refused += err == AETHER_EGEOMETRY;
			wrong += err == 0 && !sound(&g);
		}
	is_int(wrong, 0, "%d made, %d refused, none wrong", made, refused);
	ok(made > 1000 && refused > 100, "both kinds were met");
	is_int(aether_geometry_divide(0, 1024, SIZE, 8, 65, &g), AETHER_EINVAL,
	       "65 segments");
	is_int(aether_geometry_divide(0, 64, SIZE, 1, 3, &g), AETHER_EGEOMETRY,
	       "three segments of 64 strides: one would be empty");
	is_int(aether_geometry_divide(0, 1024, SIZE, 8, 0, &g), 0, "none");
	need(aether_geometry_make(0, 1024, SIZE, 8, &whole) == 0);
	ok(!memcmp(&g, &whole, sizeof(g)) && g.segment_strides == 1024,
	   "is undivided");
}

static void looks(const struct aether_plane *plane, uint32_t segments)
{
	const struct aether_geometry *g = &plane->geometry;
	struct aether_segment_info is;
	uint32_t next = 0, segment;
	uint64_t leases = g->leases_offset, data = g->data_offset;
	int wrong = 0;

	for (uint32_t i = 0; i < segments; i++) {
		need(aether_segment_look(plane, i, &is) == 0);
		wrong += is.first != next || is.leases_offset != leases ||
			 is.data_offset != data || is.segment != i ||
			 is.right != AETHER_RIGHT_WRITE;
		for (uint32_t n = 0; n < is.strides; n++, next++)
			wrong += aether_segment_of(plane, next, &segment) < 0 ||
				 segment != i;
		leases += is.leases_size;
		data += is.data_size;
	}
	ok(!wrong && next == g->strides && leases == g->tables_end &&
		   data == g->plane_size,
	   "%u segments of %u strides follow each other", segments, next);
	is_int(aether_segment_look(plane, segments, &is), AETHER_ERANGE,
	       "there is no other");
	is_int(aether_segment_of(plane, next, &segment), AETHER_ERANGE,
	       "nor another stride");
}

static void parts(void)
{
	static const struct {
		uint32_t strides, segments;
	} all[] = { { 128, 4 }, { 128, 1 }, { 120, 4 }, { 100, 2 }, { 60, 0 } };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct aether_plane *plane = divided(all[i].strides,
						     all[i].segments, 0);

		looks(plane, all[i].segments ? all[i].segments : 1);
		ok(rig_all_free(plane), "all are free");
		aether_plane_detach(plane);
	}
	is_int(strcmp(aether_segment_right_name(AETHER_RIGHT_READ), "read"), 0,
	       "rights have names");
	ok(!aether_segment_right_name(4), "there is no fifth");
}

/* Reserves all of a segment; how many they were. */
static uint32_t fill(struct aether_participant *me, uint32_t segment,
		     uint64_t *handles)
{
	uint32_t n = 0;

	while (aether_stride_reserve_in(me, segment, &handles[n]) == 0) {
		need(index_of(handles[n]) / EACH == segment);
		n++;
	}
	return n;
}

static void reserves(void)
{
	struct aether_plane *plane = divided(STRIDES, SEGMENTS, 0);
	struct aether_participant *me = rig_join(plane);
	uint64_t handles[STRIDES], handle;

	for (uint32_t i = 0; i < SEGMENTS; i++)
		is_int(fill(me, (i + 2) % SEGMENTS, handles + i * EACH), EACH,
		       "all of segment %u are had in it", (i + 2) % SEGMENTS);
	is_int(aether_stride_reserve(me, &handle), AETHER_EFULL, "full");
	for (uint32_t i = 0; i < STRIDES; i++)
		need(aether_stride_release(me, handles[i]) == 0);
	is_int(fill(me, 3, handles), EACH, "again, one of which was warm");
	is_int(aether_stride_reserve_in(me, 3, &handle), AETHER_EFULL,
	       "a segment is full, the plane is not");
	is_int(aether_stride_reserve(me, &handle), 0, "elsewhere there are");
	ok(index_of(handle) < 3 * EACH, "it is another's");
	is_int(aether_stride_reserve_in(me, SEGMENTS, &handle), AETHER_ERANGE,
	       "there is no such segment");
	is_int(aether_stride_reserve_run_in(me, SEGMENTS, 2, &handle),
	       AETHER_ERANGE, "nor a run of it");
	aether_participant_leave(me);
	ok(rig_all_free(plane), "all are free");
	aether_plane_detach(plane);
}

static void undivided(void)
{
	struct aether_plane *plane = divided(60, 0, 0);
	struct aether_participant *me = rig_join(plane);
	uint64_t handle;

	is_int(aether_stride_reserve_in(me, 0, &handle), 0,
	       "an undivided plane has segment 0");
	need(aether_stride_release(me, handle) == 0);
	is_int(aether_stride_reserve_in(me, 1, &handle), AETHER_ERANGE,
	       "and no other");
	is_int(aether_stride_reserve_run_in(me, 0, 60, &handle), 0,
	       "a run of all of it");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static void runs(void)
{
	struct aether_plane *plane = divided(STRIDES, SEGMENTS, 0);
	struct aether_participant *me = rig_join(plane);
	uint64_t handles[STRIDES], run, handle;
	uint64_t forged = AETHER_CONT_MAKE(AETHER_STATE_CONT, 1, 7);
	struct aether_stride_info info;

	is_int(aether_stride_reserve_run(me, EACH + 1, &run), AETHER_EINVAL,
	       "a run of more than a segment");
	for (uint32_t i = 0; i < STRIDES; i++)
		handles[i] = rig_reserve(me);
	for (uint32_t i = 0; i < STRIDES; i++)
		if (index_of(handles[i]) / 2 == (EACH - 1) / 2 ||
		    index_of(handles[i]) / 2 == EACH / 2)
			need(aether_stride_release(me, handles[i]) == 0);
	is_int(aether_stride_reserve_run(me, 3, &run), AETHER_EFULL,
	       "four free strides across a boundary are no run of three");
	is_int(aether_stride_reserve_run(me, 2, &run), 0, "two, before it");
	is_int(index_of(run), EACH - 2, "are");
	is_int(aether_stride_reserve_run_in(me, 1, 2, &handle), 0,
	       "and two behind it");
	is_int(index_of(handle), EACH, "are, too");
	/* what a run's end would look like that went on behind the boundary */
	ae_store64_relaxed(&plane->leases[EACH].word,
			   AETHER_CONT_MAKE(AETHER_STATE_CONT, 2, 7));
	is_int(ae_run_length(plane, index_of(run)), 2,
	       "forged words do not prolong it");
	ae_store64_relaxed(&plane->leases[2 * EACH].word, forged);
	is_int(aether_registry_look(plane, 2 * EACH, &info), AETHER_ECORRUPT,
	       "a first stride that belongs to another segment's is corrupt");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

static void every_segment(void)
{
	struct aether_plane *plane = divided(STRIDES, SEGMENTS, 0);
	struct aether_participant *me = rig_join(plane);
	uint64_t run;

	for (uint32_t i = 0; i < SEGMENTS; i++)
		is_int(aether_stride_reserve_run(me, EACH, &run), 0,
		       "run %u has a whole segment", i);
	is_int(aether_stride_reserve_run(me, 2, &run), AETHER_EFULL, "full");
	aether_participant_leave(me);
	ok(rig_all_free(plane), "all are free");
	aether_plane_detach(plane);
}

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

static void tests(void)
{
	int before = rig_descriptors();

	geometry();
	parts();
	reserves();
	undivided();
	runs();
	every_segment();
	of_rights();
	reserving();
	reading();
	sharing();
	hidden();
	orchestrator(0);
	orchestrator(2);
	zeroed_late();
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
