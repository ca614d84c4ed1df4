/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers of a pair in runs of a segment: who may not read there is told so, as
 * is who may not write and begins; nobody touches what is not mapped, and once
 * the buffer is its region again it is everybody's. No run crosses a segment.
 */
#include "pingpong.h"

#define EACH 64
#define STRIDES 126 /* of the light plane: 64 and 62 */
#define RUN 1       /* the segment that the writer may write */
#define BIT (UINT64_C(1) << RUN)
#define STRIDE 131072

static struct aether_plane *plane, *writes, *reads, *routes, *blind;
static struct aether_participant *writer, *reader, *router, *other;
static struct aether_layout small[5];
static struct aether_pingpong_reading r;
static struct aether_pingpong_write w;
static struct aether_pingpong_info info;

/* Another attachment, with less. */
static struct aether_plane *with(uint64_t hidden, uint64_t no_data,
				 uint64_t read_only, struct aether_layout *l)
{
	struct aether_attach_options o = { .hidden = hidden,
					   .no_data = no_data,
					   .read_only = read_only };
	struct aether_plane *made = NULL;

	need(aether_plane_reattach(plane, &o, NULL, &made) == 0);
	pingpong_small(made, l);
	return made;
}

static void begin(void)
{
	struct aether_plane_options o = { .layout = "inos",
					  .participants = 8,
					  .segments = 2 };

	need(aether_plane_create(NULL, &o, NULL, &plane) == 0);
	need(plane->geometry.strides == STRIDES &&
	     plane->geometry.segment_strides == EACH);
	pingpong_small(plane, &small[0]);
	writes = with(0, 0, ~BIT, &small[1]);
	reads = with(0, 0, BIT, &small[2]);
	routes = with(0, BIT, 0, &small[3]);
	blind = with(BIT, 0, 0, &small[4]);
	writer = rig_join(writes);
	reader = rig_join(reads);
	router = rig_join(routes);
	other = rig_join(blind);
}

static void end(void)
{
	aether_participant_leave(other);
	aether_participant_leave(router);
	aether_participant_leave(reader);
	aether_participant_leave(writer);
	ok(rig_all_free(plane), "all are free");
	aether_plane_detach(blind);
	aether_plane_detach(routes);
	aether_plane_detach(reads);
	aether_plane_detach(writes);
	aether_plane_detach(plane);
}

static int is_read(const struct aether_plane *by, int64_t value)
{
	int err = aether_pingpong_read_begin(by, TWO, &r);

	if (err < 0)
		return err;
	return pingpong_value(&r) == value && aether_pingpong_read_end(&r) == 0;
}

static uint64_t pin_of(const struct aether_participant *me)
{
	return ae_load64_relaxed(&pingpong_pins(plane, TWO)->pin[me->slot]);
}

/* The active buffer is a run, of a segment that not all see. */
static void readers(void)
{
	begin();
	need(pingpong_fill_room(writer, TWO, WORDS + 1, 5) == 0);
	need(aether_pingpong_look(plane, TWO, &info) == 0);
	is_int(info.strides, 1, "the buffer is a stride");
	is_int(rig_count(plane, AETHER_STATE_KEPT), 1, "that the pair keeps");
	need(aether_pingpong_read_begin(plane, TWO, &r) == 0);
	is_int((int)(((uintptr_t)r.bytes - (uintptr_t)plane->base -
		      plane->geometry.data_offset) /
		     STRIDE / EACH),
	       RUN, "where its writer may write");
	is_int(is_read(reads, 5), 1, "who may read there reads it");
	is_int(is_read(routes, 5), AETHER_EACCES, "who sees no data does not");
	is_int(is_read(blind, 5), AETHER_EACCES, "nor who sees nothing");
	is_int(aether_pingpong_read_pinned(router, TWO, SECOND, &r),
	       AETHER_EACCES, "with a pin");
	is_int(aether_pingpong_read_pinned(other, TWO, SECOND, &r),
	       AETHER_EACCES, "either");
	ok(!AETHER_PIN_PINNED(pin_of(router)) &&
		   !AETHER_PIN_PINNED(pin_of(other)),
	   "and no pin is left");
	is_int(aether_pingpong_read_pinned(reader, TWO, SECOND, &r), 0,
	       "who may read pins it");
	need(aether_pingpong_read_end(&r) == 0);
	is_int(aether_pingpong_look(routes, TWO, &info), 0,
	       "who sees the lease may look");
	is_int(info.strides, 1, "and counts it");
	is_int(aether_pingpong_look(blind, TWO, &info), AETHER_EACCES,
	       "who does not may not");
}

/* Who may not write the run that a buffer is, and becomes the writer. */
static void writers(void)
{
	need(aether_pingpong_resign(writer, TWO) == 0);
	is_int(aether_pingpong_begin(other, TWO, 0, &w), AETHER_EACCES,
	       "who does not see the active buffer cannot go on from it");
	is_int(aether_pingpong_abandon(other, TWO), AETHER_ENOTHELD,
	       "nothing is begun");
	is_int(is_read(reads, 5), 1, "and nothing has changed for readers");
	need(aether_pingpong_resign(other, TWO) == 0);
	is_int(pingpong_fill(reader, TWO, 0, 6), 0,
	       "who may read it writes the other one, in its region");
	is_int(is_read(blind, 6), 1, "and that everybody reads");
	is_int(aether_pingpong_begin(reader, TWO, 0, &w), AETHER_EACCES,
	       "next is the run, which it may not write");
	need(aether_pingpong_resign(reader, TWO) == 0);
	is_int(rig_count(plane, AETHER_STATE_KEPT), 1, "it is still kept");
	is_int(is_read(blind, 6), 1, "and the other one is read");
}

/* The run goes; of those that could not look whether it has, too. */
static void back_again(void)
{
	need(pingpong_fill_room(writer, TWO, WORDS, 7) == 0);
	is_int(rig_count(plane, AETHER_STATE_KEPT), 0, "the run is freed");
	is_int(is_read(blind, 7), 1, "its region is read by all");
	is_int(pingpong_fill(other, THREE, 0, 8), 0, "and written by all");
	need(aether_pingpong_begin(writer, TWO, 0, &w) == 0);
	need(aether_pingpong_room(writer, TWO, WORDS + 1, &w) == 0);
	aether_pingpong_abandon(writer, TWO);
	ae_store64_relaxed(
		&plane->leases[EACH].word,
		ae_word_generation(AETHER_LEASE_GENERATION(ae_load64_relaxed(
					   &plane->leases[EACH].word)) +
				   1));
	need(pingpong_fill(writer, TWO, 0, 9) == 0);
	is_int(is_read(blind, 9), 1,
	       "a name in vain is forgotten by the next to write there");
}

static void no_run_crosses(void)
{
	uint32_t most = (STRIDES - EACH) * (STRIDE / WORD);

	need(aether_pingpong_begin(writer, TWO, 0, &w) == 0);
	is_int(aether_pingpong_room(writer, TWO, most + 1, &w), AETHER_EFULL,
	       "a run of more than the segment has there is not");
	is_int(aether_pingpong_room(writer, TWO, 100 * (STRIDE / WORD), &w),
	       AETHER_EFULL, "nor one across it, which the plane has");
	is_int(aether_pingpong_room(writer, TWO, most, &w), 0,
	       "one of all its strides there is");
	is_int(aether_pingpong_room(writer, TWO, 0, &w), 0, "and goes again");
	need(aether_pingpong_abandon(writer, TWO) == 0);
}

static void nowhere(void)
{
	struct aether_layout l;
	struct aether_plane *none = with(0, 0, UINT64_MAX, &l);
	struct aether_participant *me = rig_join(none);

	need(aether_pingpong_begin(me, THREE, 0, &w) == AETHER_ETAKEN);
	need(aether_pingpong_resign(other, THREE) == 0);
	need(aether_pingpong_begin(me, THREE, 0, &w) == 0);
	is_int(aether_pingpong_room(me, THREE, WORDS + 1, &w), AETHER_EACCES,
	       "who may write nowhere makes no room");
	is_int(aether_pingpong_commit(me, THREE, WORDS), 0,
	       "and has the region as it was");
	aether_participant_leave(me);
	aether_plane_detach(none);
}

static void tests(void)
{
	int before = rig_descriptors();

	readers();
	writers();
	back_again();
	no_run_crosses();
	nowhere();
	end();
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
