/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs that a pair is said to keep, by words that somebody forged: names that
 * are stale or were never given, words and lengths that do not fit. Readers and
 * writers stay within the plane, and the pair goes on.
 */
#include "pingpong_turn.h"

#define STRIDE 131072       /* bytes */
#define FIT (STRIDE / WORD) /* items of a small pair in a stride */
#define RUN 2               /* strides of what buffer 1 of pair TWO is */

static uint64_t handle; /* of the run: strides 0 and 1 */

static struct aether_word64 *name(void)
{
	return &pingpong_pins(plane, TWO)->runs[1];
}

static struct aether_word64 *word(uint32_t stride)
{
	return &plane->leases[stride].word;
}

static void begin(void)
{
	two_begin();
	need(pingpong_fill_room(me, TWO, RUN * FIT, 7) == 0);
	handle = ae_load64_relaxed(name());
	need(AETHER_HANDLE_STRIDE(handle) == 0);
}

static int is_within(const void *bytes, uint64_t size)
{
	const unsigned char *at = bytes;
	uint64_t all = plane->geometry.plane_size;

	return at >= plane->base && at <= plane->base + all &&
	       size <= all - (uint64_t)(at - plane->base);
}

/* Is the region of the layout the buffer again, for a reader and for `look`? */
static int is_region(void)
{
	need(aether_pingpong_read_begin(plane, TWO, &r) == 0);
	need(aether_pingpong_look(plane, TWO, &info) == 0);
	return r.bytes == plane->base + small_pairs[TWO].offset[1] &&
	       r.size == BUFFER && r.items == WORDS && info.items == WORDS &&
	       info.strides == 0 && info.capacity == WORDS &&
	       aether_pingpong_read_end(&r) == 0;
}

static void names(void)
{
	const uint64_t other = AETHER_HANDLE_TAG(handle) % 255 + 1;
	uint64_t his = rig_reserve(you);
	const uint64_t forged[] = {
		0,
		UINT64_MAX,
		his,
		AETHER_HANDLE_MAKE(0, other, 0),
		AETHER_HANDLE_MAKE(0, plane->tag, 1),
		AETHER_HANDLE_MAKE(1, plane->tag, 0),
		AETHER_HANDLE_MAKE(100, plane->tag, 0),
		AETHER_HANDLE_MAKE(126, plane->tag, 0),
		AETHER_HANDLE_MAKE(65535, plane->tag, 0),
	};
	int good = 1;

	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		ae_store64_relaxed(name(), forged[i]);
		good &= is_region();
	}
	ok(good, "a name that is stale, or of what is not kept, names nothing");
	ae_store64_relaxed(name(), handle);
	need(aether_pingpong_read_begin(plane, TWO, &r) == 0);
	ok(r.size == RUN * STRIDE && pingpong_value(&r) == 7 &&
		   aether_pingpong_read_end(&r) == 0,
	   "the right one does");
}

static void words(void)
{
	const uint64_t kept = ae_load64_relaxed(word(0));
	const uint64_t forged[] = {
		0,
		UINT64_MAX,
		AETHER_KEPT_MAKE(AETHER_STATE_KEPT, THREE, 1, 0),
		AETHER_KEPT_MAKE(AETHER_STATE_KEPT, TWO, 0, 0),
		AETHER_KEPT_MAKE(AETHER_STATE_KEPT, TWO, 1, 1),
		AETHER_KEPT_MAKE(AETHER_STATE_CONT, TWO, 1, 0),
		you->mine,
		me->mine,
	};
	int good = 1;

	need(kept == AETHER_KEPT_MAKE(AETHER_STATE_KEPT, TWO, 1, 0));
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		ae_store64_relaxed(word(0), forged[i]);
		good &= is_region();
	}
	ok(good, "a word that does not name pair, buffer and lease is no run");
	ae_store64_relaxed(word(0), kept);
}

/* Two commits: the second one begins where the forged run is. */
static int goes_on(void)
{
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	need(aether_pingpong_commit(me, TWO, 1) == 0);
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	return w.buffer == 1 &&
	       w.bytes == plane->base + small_pairs[TWO].offset[1] &&
	       w.capacity == WORDS && aether_pingpong_commit(me, TWO, 1) == 0;
}

static void lengths(void)
{
	static const uint32_t forged[] = { 0,   1,     3,          126,
					   127, 65536, UINT32_MAX, 1u << 31 };
	int within = 1, good = 1;

	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		begin();
		ae_store32_relaxed(&pingpong_pins(plane, TWO)->items[1],
				   UINT32_MAX);
		ae_store32_relaxed(&plane->leases[0].run, forged[i]);
		need(aether_pingpong_read_begin(plane, TWO, &r) == 0);
		within &= is_within(r.bytes, r.size) &&
			  (uint64_t)r.items * WORD <= r.size;
		pingpong_value(&r);
		need(aether_pingpong_read_end(&r) == 0);
		good &= goes_on() && rig_all_free(plane);
		two_end();
	}
	ok(within, "a length that is forged stays within the plane");
	ok(good, "and its run is let go, before anybody writes there");
}

/* A length that is forged while I write: another one's stride is behind it. */
static void lengthened(void)
{
	const unsigned char *his;
	uint64_t behind;
	void *bytes;

	begin();
	need(pingpong_fill_room(me, TWO, 0, 7) == 0);
	need(ae_stride_claim(you, RUN, &behind) == 0);
	ae_lease_set_bit(plane, RUN);
	need(aether_stride_bytes(you, behind, NULL, &bytes) == 0);
	his = bytes;
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	need(w.buffer == 1 && w.capacity == RUN * FIT);
	ae_store32_relaxed(&plane->leases[0].run, RUN + 1);
	is_int(aether_pingpong_room(me, TWO, (RUN + 1) * FIT, &w), 0,
	       "room for more than the run has");
	ok((const unsigned char *)w.bytes >= his + STRIDE ||
		   (const unsigned char *)w.bytes + w.size <= his,
	   "is not the next one's stride");
	is_int(w.size, (RUN + 1) * STRIDE, "but a run that is as long");
	is_int(rig_count(plane, AETHER_STATE_KEPT), 1, "the old one is free");
	ae_store32_relaxed(
		&plane->leases[AETHER_HANDLE_STRIDE(ae_load64_relaxed(name()))]
			 .run,
		126);
	is_int(aether_pingpong_room(me, TWO, 0, &w), 0, "or no room");
	ok(w.capacity == WORDS && w.size == BUFFER, "but the region");
	is_int(rig_count(plane, AETHER_STATE_DORMANT), 125,
	       "and all strides but his are free");
	two_end();
}

/* A tail that is somebody else's by now: he keeps it. */
static void tails(void)
{
	begin();
	ae_store64_relaxed(word(1), you->mine);
	ok(goes_on(), "a run that has lost a stride is let go");
	is_int(ae_load64_relaxed(word(1)), (int64_t)you->mine,
	       "and that stride stays whose it is");
	is_int(rig_count(plane, AETHER_STATE_BUSY), 1, "no other is");
	two_end();
}

/* Anything, anywhere: errors, and nothing beyond the plane. */
static int any(uint64_t *seed)
{
	const void *bytes = plane->base;
	uint64_t size = 0;

	if (aether_pingpong_read_begin(plane, TWO, &r) == 0) {
		bytes = r.bytes;
		size = r.size;
		if (r.size / WORD < r.items)
			return 0;
		aether_pingpong_read_end(&r);
	}
	if (!is_within(bytes, size))
		return 0;
	aether_pingpong_look(plane, TWO, &info);
	if (aether_pingpong_begin(me, TWO, 0, &w) < 0)
		aether_pingpong_abandon(me, TWO);
	else if (!is_within(w.bytes, w.size) ||
		 !is_within(w.active, (uint64_t)w.active_items * WORD))
		return 0;
	if (aether_pingpong_room(me, TWO,
				 (uint32_t)(rig_random(seed) % (8 * FIT)),
				 &w) == 0 &&
	    !is_within(w.bytes, (uint64_t)w.capacity * WORD))
		return 0;
	if (rig_random(seed) % 2)
		aether_pingpong_commit(me, TWO, w.capacity);
	aether_reap(you, NULL);
	return 1;
}

/* A word of those that matter is written over: by a bit, or by anything. */
static void spoil(uint64_t *seed)
{
	struct aether_pair_seg *pair = pingpong_record(plane, TWO);
	struct aether_pins_seg *pins = pingpong_pins(plane, TWO);
	uint64_t value = rig_random(seed), which = rig_random(seed) % 8;
	struct aether_lease_seg *lease =
		&plane->leases[rig_random(seed) % (value % 3 ? 4 : 126)];
	struct aether_word64 *at = which < 4   ? &lease->word
				   : which < 6 ? &pins->runs[value % 3]
					       : &pair->state;

	if (which == 3)
		ae_store32_relaxed(&lease->run, (uint32_t)(value >> 32));
	else if (which == 7)
		ae_store32_relaxed(&pins->items[value % 3],
				   (uint32_t)(value >> 32));
	else if (value & 64)
		ae_store64_relaxed(at, value >> (value >> 58));
	else
		ae_store64_relaxed(at, ae_load64_relaxed(at) ^
					       UINT64_C(1) << (value >> 58));
}

/* What `spoil` writes over, as it was. */
struct words {
	unsigned char leases[126 * sizeof(struct aether_lease_seg)];
	unsigned char pair[sizeof(struct aether_pair_seg)];
	unsigned char pins[sizeof(struct aether_pins_seg)];
};

static void copy(struct words *kept, int back)
{
	const struct {
		void *kept, *shared;
		size_t size;
	} part[] = {
		{ kept->leases, plane->leases, sizeof(kept->leases) },
		{ kept->pair, pingpong_record(plane, TWO), sizeof(kept->pair) },
		{ kept->pins, pingpong_pins(plane, TWO), sizeof(kept->pins) },
	};

	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		memcpy(back ? part[i].shared : part[i].kept,
		       back ? part[i].kept : part[i].shared, part[i].size);
}

static void anything(void)
{
	static struct words kept;
	uint64_t seed = 5;
	int rounds = 0, good = 1;

	begin();
	need(plane->geometry.strides == 126);
	copy(&kept, 0);
	while (good && rounds < (RIG_SLOW ? 2000 : 20000)) {
		for (int i = 0; good && i < 20; i++) {
			if (i % 4 == 0)
				spoil(&seed);
			good = any(&seed);
		}
		copy(&kept, 1);
		rounds++;
	}
	ok(good, "written over %d times: nothing leads out of the plane",
	   5 * rounds);
	two_end();
}

static void tests(void)
{
	begin();
	names();
	words();
	two_end();
	lengths();
	lengthened();
	tails();
	anything();
}

int main(void)
{
	return rig_run(tests);
}
