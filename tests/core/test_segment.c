/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments: how a plane is divided, that strides and runs are had where they
 * are asked for, and that a run never leaves its segment.
 */
#include "segments.h"

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

static void tests(void)
{
	geometry();
	parts();
	reserves();
	undivided();
	runs();
	every_segment();
}

int main(void)
{
	return rig_run(tests);
}
