/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers of a pair that are runs of strides, one thread: bird 10,001; growing,
 * shrinking, and what stays as it is; refusals, which change nothing; that a
 * kept run is nobody's to use, and outlives its writer; readers while a buffer
 * moves; the populations of all tiers.
 */
#include "pingpong_turn.h"

#define STRIDES 126         /* of the light plane */
#define STRIDE 131072       /* bytes */
#define FIT (STRIDE / WORD) /* items of a small pair in a stride */

/* A commit of so many items, each of them `value`. */
static int commit(uint32_t pair, uint32_t items, uint64_t value)
{
	return pingpong_fill_room(me, pair, items, value);
}

static int reads(uint32_t pair, uint32_t items, int64_t value)
{
	need(aether_pingpong_read_begin(plane, pair, &r) == 0);
	return r.items == items && pingpong_value(&r) == value &&
	       aether_pingpong_read_end(&r) == 0;
}

/* Bird 10,001, seen by an observer. */
static void birds(void)
{
	struct aether_plane *observer = NULL;
	struct aether_stride_info stride;
	const void *read = NULL;
	uint32_t bird = 9;
	void *item = NULL;

	two_begin();
	plane->layout = aether_layout_get(plane->geometry.layout);
	need(aether_layout_find_pair(plane->layout, "bird", &bird) == 0);
	need(aether_pingpong_begin(me, bird, 0, &w) == 0);
	is_int(aether_pingpong_write_item(&w, 10000, &item), AETHER_EINDEX,
	       "bird 10,001 has no room");
	is_int(aether_pingpong_commit(me, bird, 10001), AETHER_EINDEX,
	       "nor is it committed");
	is_int(aether_pingpong_room(me, bird, 10001, &w), 0, "room is made");
	ok(w.capacity >= 10001 && w.size >= w.capacity * UINT64_C(236),
	   "for %u birds", w.capacity);
	is_int(aether_pingpong_write_item(&w, 10000, &item), 0,
	       "bird 10,001 has room");
	memset(item, 0x5A, 236);
	is_int(aether_pingpong_write_item(&w, w.capacity, &item), AETHER_EINDEX,
	       "beyond what fits there is none");
	is_int(aether_pingpong_commit(me, bird, w.capacity + 1), AETHER_EINDEX,
	       "nor is it committed");
	is_int(aether_pingpong_commit(me, bird, 10001), 0, "10,001 are");
	is_int(look(bird), 19, "the pair keeps 19 strides");
	ok(info.capacity == w.capacity && info.size == w.size &&
		   info.items == 10001,
	   "which can be looked up");
	need(aether_registry_look(plane, 0, &stride) == 0);
	ok(stride.state == AETHER_STATE_KEPT && stride.pair == bird &&
		   stride.buffer == 1,
	   "the registry says whose they are");
	is_int(rig_count(plane, AETHER_STATE_CONT), 18, "with the others");
	need(aether_plane_attach_fd(aether_plane_fd(plane),
				    AETHER_ATTACH_OBSERVE, NULL,
				    &observer) == 0);
	need(aether_pingpong_read_begin(observer, bird, &r) == 0);
	need(aether_pingpong_read_item(&r, 10000, &read) == 0);
	is_int(((const unsigned char *)read)[235], 0x5A, "an observer reads");
	is_int(aether_pingpong_read_end(&r), 0, "soundly");
	need(aether_plane_detach(observer) == 0);
	two_end();
}

static void grows(void)
{
	void *before;

	two_begin();
	need(commit(TWO, WORDS, 1) == 0);
	is_int(look(TWO), 0, "what fits into its region stays there");
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	need(aether_pingpong_room(me, TWO, WORDS + 1, &w) == 0);
	ok(w.active_items == WORDS && w.sequence == 2 && w.buffer == 0 &&
		   w.capacity == FIT && w.size == STRIDE,
	   "one more takes a stride");
	before = w.bytes;
	ae_store64_relaxed(before, 77);
	is_int(aether_pingpong_room(me, TWO, FIT, &w), 0, "room that is there");
	ok(w.bytes == before && ae_load64_relaxed(before) == 77,
	   "the same, and what was written is there");
	need(aether_pingpong_room(me, TWO, 3 * FIT, &w) == 0);
	ok(w.size == 3 * STRIDE && w.bytes != before, "it grows again");
	is_int(look(TWO), 3, "and the first run is free");
	is_int(rig_count(plane, AETHER_STATE_DORMANT), STRIDES - 3,
	       "in the registry, too");
	need(aether_pingpong_abandon(me, TWO) == 0);
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	is_int(w.capacity, 3 * FIT, "an abandoned one keeps its room");
	need(aether_pingpong_room(me, TWO, 2 * FIT, &w) == 0);
	is_int(w.capacity, 3 * FIT, "less fits as well");
	is_int(aether_participant_held(me), 0, "nobody holds it");
	need(aether_pingpong_commit(me, TWO, 0) == 0);
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	is_int(w.capacity, WORDS, "the other one has its own");
	ok(w.active == plane->base + plane->geometry.data_offset + STRIDE,
	   "the active one is where it was written");
	need(aether_pingpong_abandon(me, TWO) == 0);
	two_end();
}

static uint32_t rung(struct aether_participant *who)
{
	return ae_load32_relaxed(&who->seat->doorbell);
}

static void shrinks(void)
{
	uint32_t before;

	two_begin();
	need(commit(TWO, 2 * FIT, 1) == 0 && commit(TWO, FIT, 2) == 0);
	ok(reads(TWO, FIT, 2), "both have grown");
	is_int(look(TWO), 3, "as each needs");
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	before = rung(you);
	ae_or64_seq_cst(&plane->header->space_waiters, UINT64_C(1)
							       << you->slot);
	is_int(aether_pingpong_room(me, TWO, WORDS, &w), 0, "it is let go");
	ok(w.bytes == plane->base + small_pairs[TWO].offset[w.buffer] &&
		   w.capacity == WORDS && w.size == BUFFER,
	   "its region is the buffer again");
	ok(rung(you) != before, "who waits for space is rung");
	is_int(look(TWO), 1, "the other one stays");
	need(aether_pingpong_commit(me, TWO, 0) == 0);
	need(commit(TWO, 0, 0) == 0);
	ok(rig_all_free(plane), "in the end all strides are free");
	need(commit(THREE, FIT, 1) == 0 && commit(THREE, FIT, 2) == 0 &&
	     commit(THREE, FIT, 3) == 0);
	is_int(look(THREE), 3, "three buffers: each has its own");
	ok(reads(THREE, FIT, 3), "and is read there");
	two_end();
}

/* Strides that are zeroed when their lease ends. */
static void zeroed(void)
{
	struct aether_plane_options options = { .layout = "inos",
						.flags = AETHER_FLAG_ZERO };
	const unsigned char *bytes;
	size_t i = 0;

	need(aether_plane_create(NULL, &options, NULL, &plane) == 0);
	pingpong_small(plane, &small);
	me = rig_join(plane);
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	need(aether_pingpong_room(me, TWO, 2 * FIT, &w) == 0);
	bytes = w.bytes;
	memset(w.bytes, 0xEE, w.size);
	need(aether_pingpong_room(me, TWO, 0, &w) == 0);
	while (i < 2 * STRIDE && !bytes[i])
		i++;
	is_int(i, 2 * STRIDE, "a plane that zeroes: what is let go is zero");
	aether_participant_leave(me);
	need(aether_plane_detach(plane) == 0);
}

/* All that a refusal may not change: records, words, what was described. */
struct all {
	unsigned char pair[sizeof(struct aether_pair_seg)];
	unsigned char pins[sizeof(struct aether_pins_seg)];
	struct aether_pingpong_write write;
	int dormant, kept;
	uint32_t held;
};

static void all(struct all *a)
{
	memset(a, 0, sizeof(*a));
	memcpy(a->pair, pingpong_record(plane, TWO), sizeof(a->pair));
	memcpy(a->pins, pingpong_pins(plane, TWO), sizeof(a->pins));
	memcpy(&a->write, &w, sizeof(w));
	a->dormant = rig_count(plane, AETHER_STATE_DORMANT);
	a->kept = rig_count(plane, AETHER_STATE_KEPT);
	a->held = aether_participant_held(me);
}

static void refused(struct aether_participant *who, uint32_t pair,
		    uint32_t items, int err, const char *what)
{
	struct all before, after;

	all(&before);
	is_int(aether_pingpong_room(who, pair, items, &w), err, "%s", what);
	all(&after);
	ok(memcmp(&before, &after, sizeof(after)) == 0, "nothing was changed");
}

static void refusals(void)
{
	uint64_t handles[STRIDES / 2];

	two_begin();
	memset(&w, 0, sizeof(w));
	refused(me, TWO, 0, AETHER_ENOTHELD, "room without begin");
	need(commit(TWO, 5 * FIT, 1) == 0 && commit(TWO, 6 * FIT, 2) == 0);
	refused(me, TWO, 0, AETHER_ENOTHELD, "room after a commit");
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	memset(w.bytes, 0x77, w.size);
	refused(you, TWO, 10 * FIT, AETHER_ENOTHELD, "by another");
	refused(me, 2, 0, AETHER_EINDEX, "no such pair");
	refused(me, UINT32_MAX, 0, AETHER_EINDEX, "nor such a one");
	refused(me, TWO, UINT32_MAX, AETHER_EFULL, "more than a plane can be");
	refused(me, TWO, (STRIDES + 1) * FIT, AETHER_EFULL,
		"more than the plane");
	refused(me, TWO, (STRIDES - 10) * FIT, AETHER_EFULL,
		"more than is free, but for the old run");
	for (int i = 0; i < STRIDES / 2; i++)
		need(aether_stride_reserve_run(you, 1, &handles[i]) == 0);
	for (int i = 0; i < STRIDES / 2; i += 2)
		need(aether_stride_release(you, handles[i]) == 0);
	refused(me, TWO, 70 * FIT, AETHER_EFULL, "more than in a row");
	me->quota = 9;
	refused(me, TWO, 10 * FIT, AETHER_EQUOTA, "more than my quota");
	ok(((const unsigned char *)w.bytes)[w.size - 1] == 0x77 &&
		   w.capacity == 5 * FIT,
	   "what was written is still there");
	is_int(aether_pingpong_room(me, TWO, 8 * FIT, &w), 0, "within it");
	is_int(aether_participant_held(me), 0, "and not of it");
	is_int(aether_pingpong_commit(me, TWO, 8 * FIT), 0, "it goes on");
	ok(look(TWO) == 14 && info.items == 8 * FIT, "with its room");
	two_end();
}

/* Whoever was told of the run, it is no participant's. */
static void nobodys(void)
{
	struct aether_stride_info stride;
	struct aether_pointer pointer;
	uint64_t to, handle, tail;
	void *bytes;

	two_begin();
	to = aether_participant_tenancy(you);
	need(commit(TWO, 3 * FIT, 5) == 0);
	need(aether_registry_look(plane, 0, &stride) == 0);
	handle = stride.handle;
	need(aether_stride_query(plane, handle, &stride) == 0);
	is_int(stride.state, AETHER_STATE_KEPT, "its handle tells of it");
	need(aether_registry_look(plane, 1, &stride) == 0);
	tail = stride.handle;
	is_int(aether_stride_release(me, handle), AETHER_EOWNER, "release");
	is_int(aether_stride_release(me, tail), AETHER_EOWNER, "of a tail");
	is_int(aether_stride_resolve(me, handle, &pointer), AETHER_EOWNER,
	       "resolve");
	is_int(aether_stride_bytes(me, handle, NULL, &bytes), AETHER_EOWNER,
	       "bytes");
	is_int(aether_stride_user(me, handle, &bytes), AETHER_EOWNER, "user");
	is_int(aether_stride_describe(me, handle, 1, 0, 0), AETHER_EOWNER,
	       "describe");
	is_int(aether_stride_accept(me, handle), AETHER_EOWNER, "accept");
	is_int(aether_route(me, handle, to), AETHER_EOWNER, "route");
	is_int(aether_route_take(you, &to), AETHER_EEMPTY, "nothing is taken");
	to = aether_participant_tenancy(you);
	is_int(aether_share(me, handle, &to, 1, NULL), AETHER_EOWNER, "share");
	need(commit(TWO, 0, 0) == 0 && commit(TWO, 0, 0) == 0);
	is_int(aether_stride_release(me, handle), AETHER_ESTALE,
	       "and when it was let go it is over");
	need(aether_registry_look(plane, 0, &stride) == 0);
	is_int(stride.state, AETHER_STATE_DORMANT, "its strides are free");
	two_end();
}

/* The writer leaves: the pair goes on, in the room that it has. */
static void outlives(void)
{
	struct aether_reap_report report;

	two_begin();
	need(commit(TWO, 2 * FIT, 8) == 0 && commit(TWO, 4 * FIT, 9) == 0);
	aether_participant_leave(me);
	need(aether_reap(you, &report) == 0);
	is_int(report.freed, 0, "a writer leaves: nothing is freed");
	ok(look(TWO) == 6 && reads(TWO, 4 * FIT, 9), "readers read on");
	me = rig_join(plane);
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	ok(w.recovered && w.capacity == 2 * FIT && w.active_items == 4 * FIT,
	   "the next one writes on, with the room that is there");
	need(aether_pingpong_room(me, TWO, 4 * FIT, &w) == 0);
	is_int(aether_pingpong_commit(me, TWO, 4 * FIT), 0, "and makes more");
	two_end();
}

static void readers(void)
{
	struct aether_pingpong_reading other;

	two_begin();
	need(commit(TWO, FIT, 1) == 0);
	need(aether_pingpong_read_begin(plane, TWO, &r) == 0);
	need(commit(TWO, 3 * FIT, 2) == 0);
	ok(pingpong_value(&r) == 1 && aether_pingpong_read_end(&r) == 0,
	   "the other buffer grows: sound");
	need(aether_pingpong_read_begin(plane, TWO, &r) == 0);
	need(commit(TWO, 2 * FIT, 3) == 0);
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	need(aether_pingpong_room(me, TWO, 4 * FIT, &w) == 0);
	pingpong_value(&r);
	is_int(aether_pingpong_read_end(&r), AETHER_ETORN, "mine grows: torn");
	need(aether_pingpong_read_begin(plane, TWO, &r) == 0);
	ok(pingpong_value(&r) == 3 && r.size == 2 * STRIDE &&
		   aether_pingpong_read_end(&r) == 0,
	   "the next reading finds the active one");
	need(aether_pingpong_read_pinned(you, TWO, AETHER_PIN_TERM_MAX,
					 &other) == 0);
	need(aether_pingpong_commit(me, TWO, 0) == 0);
	is_int(aether_pingpong_begin(me, TWO, 0, &w), AETHER_ETIMEDOUT,
	       "a pinned one is not begun");
	is_int(aether_pingpong_room(me, TWO, 0, &w), AETHER_ENOTHELD,
	       "so it stays where it is");
	ok(pingpong_value(&other) == 3 && aether_pingpong_read_end(&other) == 0,
	   "sound");
	two_end();
}

/* Both pairs of the tier's layout, and its whole population. */
static void populate(uint32_t pair, uint32_t entities)
{
	const void *read = NULL;
	void *item = NULL;
	uint32_t i, bad = 0;

	for (uint64_t turn = 0; turn < 2; turn++) {
		need(aether_pingpong_begin(me, pair, 0, &w) == 0);
		need(aether_pingpong_room(me, pair, entities, &w) == 0);
		for (i = entities - 1; i < entities; i -= 97) {
			bad += aether_pingpong_write_item(&w, i, &item) < 0;
			memcpy(item, &i, sizeof(i));
		}
		bad += aether_pingpong_commit(me, pair, entities) < 0;
		need(aether_pingpong_read_begin(plane, pair, &r) == 0);
		for (i = entities - 1; i < entities; i -= 97) {
			bad += aether_pingpong_read_item(&r, i, &read) < 0;
			bad += memcmp(read, &i, sizeof(i)) != 0;
		}
		bad += r.items != entities || aether_pingpong_read_end(&r) < 0;
	}
	is_int(bad, 0, "%u items of pair %s, in both buffers", entities,
	       plane->layout->pairs[pair].name);
}

static void tier(uint32_t number, const char *name)
{
	struct aether_plane_options options = { .layout = "inos",
						.tier = number };
	const struct aether_layout_tier *t;
	uint64_t bytes = 0;

	need(aether_plane_create(NULL, &options, NULL, &plane) == 0);
	me = rig_join(plane);
	t = &plane->layout->tiers[number];
	for (uint32_t pair = 0; pair < plane->layout->pair_count; pair++) {
		populate(pair, t->entities);
		bytes += 2 * (uint64_t)t->entities *
			 plane->layout->pairs[pair].item_size;
	}
	is_int(look(0) + look(1),
	       rig_count(plane, AETHER_STATE_KEPT) +
		       rig_count(plane, AETHER_STATE_CONT),
	       "%s: %llu bytes in a plane of %llu, %u strides, %d are free",
	       name, (unsigned long long)bytes,
	       (unsigned long long)plane->geometry.plane_size,
	       plane->geometry.strides, rig_count(plane, AETHER_STATE_DORMANT));
	aether_participant_leave(me);
	need(aether_plane_detach(plane) == 0);
}

/* What a plane is too small for. */
static void too_many(void)
{
	two_begin();
	plane->layout = aether_layout_get(plane->geometry.layout);
	need(aether_pingpong_begin(me, 1, 0, &w) == 0);
	is_int(aether_pingpong_room(me, 1, 50000, &w), AETHER_EFULL,
	       "50,000 matrices in a light plane");
	ok(rig_all_free(plane) && w.capacity == 10000, "nothing was changed");
	is_int(aether_pingpong_commit(me, 1, 10000), 0, "it goes on");
	two_end();
}

static void tests(void)
{
	birds();
	grows();
	shrinks();
	zeroed();
	refusals();
	nobodys();
	outlives();
	readers();
	tier(AETHER_TIER_LIGHT, "light");
	tier(AETHER_TIER_MODERATE, "moderate");
	tier(AETHER_TIER_HEAVY, "heavy");
	tier(AETHER_TIER_DEDICATED, "dedicated");
	too_many();
}

int main(void)
{
	return rig_run(tests);
}
