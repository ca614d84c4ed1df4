/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ping-pong pairs, one thread: begin, commit, abandon, resign; checked readings
 * and when they are torn; who may write; what is refused, and that a refusal
 * changes nothing; epochs, their parity, the mirror; the layout's own pairs.
 */
#include "pingpong_turn.h"

static int reads(uint32_t pair, int64_t value, uint64_t sequence)
{
	need(aether_pingpong_read_begin(plane, pair, &r) == 0);
	return pingpong_value(&r) == value && r.sequence == sequence &&
	       aether_pingpong_read_end(&r) == 0;
}

/* Copies of both records, to show that a refusal changes nothing. */
struct kept {
	unsigned char pair[sizeof(struct aether_pair_seg)];
	unsigned char pins[sizeof(struct aether_pins_seg)];
};

static struct kept keep(uint32_t pair)
{
	struct kept k;

	memcpy(k.pair, pingpong_record(plane, pair), sizeof(k.pair));
	memcpy(k.pins, pingpong_pins(plane, pair), sizeof(k.pins));
	return k;
}

static int same(const struct kept *a, uint32_t pair)
{
	struct kept b = keep(pair);

	return memcmp(a, &b, sizeof(b)) == 0;
}

static void nothing_yet(void)
{
	two_begin();
	look(TWO);
	ok(info.sequence == 0 && info.active == 0 && info.items == 0 &&
		   info.writer == 0 && info.writing == -1,
	   "nothing was committed yet");
	need(aether_pingpong_read_begin(plane, TWO, &r) == 0);
	ok(r.sequence == 0 && r.items == 0 && r.buffer == 0 && r.until == 0,
	   "which can be read: no items");
	is_int(aether_pingpong_read_end(&r), 0, "soundly");
	is_int(aether_pingpong_read_end(&r), AETHER_ENOTHELD, "once");
	two_end();
}

static void turns(uint32_t pair, uint32_t buffers)
{
	int good = 1;

	two_begin();
	for (uint64_t i = 1; i <= 7; i++) {
		good &= aether_pingpong_begin(me, pair, 0, &w) == 0;
		good &= w.sequence == i && w.buffer == i % buffers;
		good &= w.active_items == (i > 1 ? WORDS : 0);
		good &= w.bytes ==
			plane->base +
				plane->layout->pairs[pair].offset[w.buffer];
		look(pair);
		good &= info.writing == (int)w.buffer &&
			info.sequence == i - 1 &&
			info.writer == aether_participant_tenancy(me);
		good &= aether_pingpong_abandon(me, pair) == 0;
		good &= fill(pair, 100 + i) == 0;
		good &= reads(pair, (int64_t)(100 + i), i);
		good &= pingpong_epoch(plane, pair) == i;
	}
	ok(good, "%u buffers: each commit is read, and signalled once",
	   buffers);
	two_end();
}

static void torn(uint32_t pair, uint32_t survives)
{
	two_begin();
	for (uint64_t i = 1; i <= 5; i++)
		need(fill(pair, i) == 0);
	for (uint32_t more = 0; more < 6; more++) {
		need(aether_pingpong_read_begin(plane, pair, &r) == 0);
		for (uint32_t i = 0; i < more; i++)
			need(fill(pair, 77) == 0);
		is_int(aether_pingpong_read_end(&r),
		       more > survives ? AETHER_ETORN : 0,
		       "%s: %u commits while one reads",
		       plane->layout->pairs[pair].name, more);
	}
	for (uint32_t more = 0; more < 3; more++) {
		need(aether_pingpong_read_begin(plane, pair, &r) == 0);
		for (uint32_t i = 0; i < more; i++)
			need(fill(pair, 77) == 0);
		need(aether_pingpong_begin(me, pair, 0, &w) == 0);
		is_int(aether_pingpong_read_end(&r),
		       more >= survives ? AETHER_ETORN : 0,
		       "and when one more is begun");
		need(aether_pingpong_abandon(me, pair) == 0);
	}
	two_end();
}

/* An abandoned buffer holds nothing: its counter stays odd, and rises by 2 for
 * a commit only. */
static void abandon(void)
{
	struct aether_pair_seg *record;
	uint32_t odd;

	two_begin();
	record = pingpong_record(plane, TWO);
	need(fill(TWO, 5) == 0);
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	memset(w.bytes, 0xEE, WORD);
	odd = ae_load32_relaxed(&record->begun[w.buffer]);
	ok(odd & 1, "odd: it is being written");
	is_int(aether_pingpong_abandon(me, TWO), 0, "given up");
	ok(reads(TWO, 5, 1), "nobody sees it");
	is_int(aether_pingpong_abandon(me, TWO), AETHER_ENOTHELD, "once");
	is_int(aether_pingpong_commit(me, TWO, 1), AETHER_ENOTHELD,
	       "it cannot be committed");
	for (int i = 0; i < 1000; i++) {
		need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
		need(aether_pingpong_abandon(me, TWO) == 0);
	}
	is_int(ae_load32_relaxed(&record->begun[w.buffer]), odd,
	       "however often: the counter cannot come round");
	is_int(pingpong_epoch(plane, TWO), 1, "nobody was told");
	need(fill(TWO, 6) == 0);
	ok(reads(TWO, 6, 2), "the next one is seen");
	two_end();
}

static void writers(void)
{
	two_begin();
	need(fill(TWO, 1) == 0);
	is_int(aether_pingpong_begin(you, TWO, AETHER_FOREVER, &w),
	       AETHER_ETAKEN, "a second writer is refused");
	is_int(aether_pingpong_begin(you, TWO, 0, &w), AETHER_ETAKEN,
	       "each time");
	look(TWO);
	is_int(info.refused, 2, "and counted");
	is_int(aether_pingpong_commit(you, TWO, 0), AETHER_ENOTHELD,
	       "nor does it commit");
	is_int(aether_pingpong_abandon(you, TWO), AETHER_ENOTHELD,
	       "nor abandon");
	is_int(aether_pingpong_resign(you, TWO), AETHER_ENOTHELD, "nor resign");
	is_int(aether_pingpong_begin(you, THREE, 0, &w), 0,
	       "another pair is another matter");
	need(aether_pingpong_resign(you, THREE) == 0);
	look(THREE);
	ok(info.writing == -1 && !info.writer, "who resigns abandons");
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	need(aether_pingpong_resign(me, TWO) == 0);
	need(aether_pingpong_begin(you, TWO, 0, &w) == 0);
	ok(!w.recovered && w.sequence == 2, "the next one begins");
	is_int(aether_pingpong_commit(you, TWO, 0), 0, "and commits");
	aether_participant_leave(you);
	you = rig_join(plane);
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	ok(w.recovered, "so does one after a writer that left");
	two_end();
}

static void refusals(void)
{
	struct kept k;
	void *item = NULL;
	const void *read = NULL;

	two_begin();
	need(fill(TWO, 3) == 0);
	k = keep(TWO);
	is_int(aether_pingpong_commit(me, TWO, 1), AETHER_ENOTHELD,
	       "commit without begin");
	is_int(aether_pingpong_abandon(me, TWO), AETHER_ENOTHELD,
	       "abandon without begin");
	is_int(aether_pingpong_begin(me, 2, 0, &w), AETHER_EINDEX,
	       "begin: no such pair");
	is_int(aether_pingpong_commit(me, 2, 0), AETHER_EINDEX, "commit");
	is_int(aether_pingpong_abandon(me, 2), AETHER_EINDEX, "abandon");
	is_int(aether_pingpong_resign(me, UINT32_MAX), AETHER_EINDEX, "resign");
	is_int(aether_pingpong_read_begin(plane, 2, &r), AETHER_EINDEX, "read");
	is_int(aether_pingpong_read_pinned(me, 2, 1, &r), AETHER_EINDEX,
	       "read pinned");
	is_int(aether_pingpong_look(plane, 2, &info), AETHER_EINDEX, "look");
	is_int(aether_pingpong_read_pinned(me, TWO, 0, &r), AETHER_EINVAL,
	       "no term");
	is_int(aether_pingpong_read_pinned(me, TWO, AETHER_PIN_TERM_MAX + 1,
					   &r),
	       AETHER_EINVAL, "a term that is too long");
	ok(same(&k, TWO), "nothing was changed");
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	k = keep(TWO);
	is_int(aether_pingpong_begin(me, TWO, 0, &w), AETHER_EHELD,
	       "begun twice");
	is_int(aether_pingpong_commit(me, TWO, WORDS + 1), AETHER_EINDEX,
	       "more items than fit");
	is_int(aether_pingpong_write_item(&w, WORDS, &item), AETHER_EINDEX,
	       "an item that does not fit");
	is_int(aether_pingpong_write_item(&w, WORDS - 1, &item), 0, "the last");
	ok((unsigned char *)item == (unsigned char *)w.bytes + BUFFER - WORD,
	   "where it lies");
	ok(same(&k, TWO), "nothing was changed");
	is_int(aether_pingpong_commit(me, TWO, 3), 0, "it goes on");
	need(aether_pingpong_read_begin(plane, TWO, &r) == 0);
	is_int(r.items, 3, "three items were committed");
	is_int(aether_pingpong_read_item(&r, 2, &read), 0, "the third");
	is_int(aether_pingpong_read_item(&r, 3, &read), AETHER_EINDEX,
	       "there is no fourth");
	two_end();
}

/* Entity 10,001 of the birds; an observer; who else signals an epoch. */
static void birds(void)
{
	struct aether_plane *observer = NULL;
	const void *read = NULL;
	uint32_t bird = 9, shown = 9;
	void *item = NULL;

	two_begin();
	plane->layout = aether_layout_get(plane->geometry.layout);
	need(aether_layout_find_pair(plane->layout, "bird", &bird) == 0);
	need(aether_pingpong_begin(me, bird, 0, &w) == 0);
	ok(w.capacity == 10000 && w.item_size == 236, "10,000 of 236 bytes");
	is_int(aether_pingpong_write_item(&w, 9999, &item), 0, "bird 10,000");
	memset(item, 0x5A, 236);
	is_int(aether_pingpong_write_item(&w, 10000, &item), AETHER_EINDEX,
	       "bird 10,001");
	is_int(aether_pingpong_commit(me, bird, 10001), AETHER_EINDEX,
	       "so many birds");
	need(aether_pingpong_commit(me, bird, 10000) == 0);
	need(aether_epoch_load(plane, AETHER_INOS_IDX_PINGPONG_ACTIVE,
			       &shown) == 0);
	is_int(shown, 1, "the mirror shows buffer B");
	is_int(pingpong_epoch(plane, bird), 1, "odd: B is active");
	need(aether_plane_attach_fd(aether_plane_fd(plane),
				    AETHER_ATTACH_OBSERVE, NULL,
				    &observer) == 0);
	need(aether_pingpong_read_begin(observer, bird, &r) == 0);
	need(aether_pingpong_read_item(&r, 9999, &read) == 0);
	is_int(((const unsigned char *)read)[235], 0x5A, "an observer reads");
	is_int(aether_pingpong_read_end(&r), 0, "soundly");
	need(aether_plane_detach(observer) == 0);
	two_end();
}

/* What the matrices do is nothing to the mirror of the birds. */
static void matrices(void)
{
	uint32_t bird = 9, matrix = 9, shown = 9;

	two_begin();
	plane->layout = aether_layout_get(plane->geometry.layout);
	need(aether_layout_find_pair(plane->layout, "bird", &bird) == 0);
	need(aether_layout_find_pair(plane->layout, "matrix", &matrix) == 0);
	need(aether_pingpong_begin(me, matrix, 0, &w) == 0);
	need(aether_pingpong_commit(me, matrix, 0) == 0);
	need(aether_epoch_load(plane, AETHER_INOS_IDX_PINGPONG_ACTIVE,
			       &shown) == 0);
	is_int(shown, 0, "a commit of matrices leaves the birds' mirror");
	look(bird);
	is_int(info.active, 0, "and their active buffer");
	is_int(pingpong_epoch(plane, bird), 0, "and their epoch");
	is_int(pingpong_epoch(plane, matrix), 1, "and has its own");
	two_end();
}

/* As if it had died between the flip and the signal. */
static void unsignalled(uint32_t pair)
{
	struct aether_pair_seg *record;
	uint32_t before, died;

	two_begin();
	record = pingpong_record(plane, pair);
	need(fill(pair, 1) == 0);
	before = pingpong_epoch(plane, pair);
	need(aether_pingpong_begin(me, pair, 0, &w) == 0);
	ae_add32_release(&record->begun[w.buffer], 1);
	ae_store64_relaxed(&record->state,
			   AETHER_PAIR_STATE_MAKE(w.buffer, 0, 2));
	aether_participant_leave(me);
	me = rig_join(plane);
	need(aether_pingpong_begin(you, pair, 0, &w) == 0);
	died = pingpong_epoch(plane, pair);
	is_int(died, before + 1, "%s: the signal is made good",
	       plane->layout->pairs[pair].name);
	need(aether_pingpong_abandon(you, pair) == 0);
	need(aether_pingpong_begin(you, pair, 0, &w) == 0);
	is_int(pingpong_epoch(plane, pair), died, "once");
	two_end();
}

/* A reader that sleeps while a counter comes round. */
static void wraps(void)
{
	struct aether_pingpong_reading slow;
	struct aether_pair_seg *record;

	two_begin();
	record = pingpong_record(plane, TWO);
	for (uint32_t b = 0; b < 2; b++)
		ae_store32_relaxed(&record->begun[b], UINT32_MAX - 1);
	need(aether_pingpong_read_begin(plane, TWO, &slow) == 0);
	for (uint64_t i = 1; i <= 5; i++) {
		need(fill(TWO, i) == 0);
		if (!reads(TWO, (int64_t)i, i))
			break;
	}
	look(TWO);
	is_int(info.sequence, 5, "begun comes round");
	is_int(aether_pingpong_read_end(&slow), AETHER_ETORN,
	       "and is no other");
	need(aether_pingpong_read_begin(plane, TWO, &r) == 0);
	ae_store64_relaxed(
		&record->state,
		AETHER_PAIR_STATE_MAKE(r.buffer, 0,
				       r.sequence + (UINT64_C(1) << 31)));
	is_int(aether_pingpong_read_end(&r), AETHER_ETORN,
	       "after 2^31 commits equal counters prove nothing");
	ae_store64_relaxed(
		&record->state,
		AETHER_PAIR_STATE_MAKE(0, 0, AETHER_PAIR_STATE_SEQUENCE_MASK));
	need(aether_pingpong_read_begin(plane, TWO, &r) == 0);
	need(fill(TWO, 6) == 0);
	is_int(aether_pingpong_read_end(&r), 0, "the sequence may wrap too");
	two_end();
}

static void tests(void)
{
	nothing_yet();
	turns(TWO, 2);
	turns(THREE, 3);
	torn(TWO, 1);
	torn(THREE, 2);
	abandon();
	writers();
	refusals();
	birds();
	matrices();
	unsignalled(TWO);
	unsignalled(THREE);
	wraps();
}

int main(void)
{
	return rig_run(tests);
}
