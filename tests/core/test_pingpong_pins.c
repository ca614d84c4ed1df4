/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pinned readings, one thread: the writer waits for a pin, or takes a third
 * buffer, or revokes what outlasts its term; pins of the dead and forged terms
 * hold nobody up; what the records hold when somebody wrote over them is an
 * error or nonsense, and never a crash or a hang.
 */
#include "pingpong_turn.h"

#define LONG AETHER_PIN_TERM_MAX

/* The checks that need a term that is not over yet are made once more if this
 * machine was too slow for them. */
static int in_time(uint64_t until)
{
	if (aether_clock_now() < until)
		return 1;
	printf("# slower than a term: once more\n");
	two_end();
	return 0;
}

static int pinned(void)
{
	uint64_t before = aether_clock_now();
	uint64_t set;
	int other, same, sound;

	two_begin();
	need(fill(TWO, 1) == 0);
	need(aether_pingpong_read_pinned(you, TWO, LONG, &r) == 0);
	look(TWO);
	set = info.pinned;
	other = fill(TWO, 2);
	same = aether_pingpong_begin(me, TWO, 0, &w);
	look(TWO);
	sound = aether_pingpong_read_end(&r);
	if (!in_time(r.until))
		return 0;
	ok(r.until >= before + LONG, "for its term");
	is_int(set, 1u << you->slot, "it is seen");
	is_int(other, 0, "the other buffer is free");
	is_int(same, AETHER_ETIMEDOUT, "the pinned one is not");
	ok(info.writing == -1 && info.sequence == 2 &&
		   info.writer == aether_participant_tenancy(me),
	   "nothing is begun, who asked is the writer");
	is_int(pingpong_value(&r), 1, "it is as it was");
	is_int(sound, 0, "and sound");
	is_int(aether_pingpong_begin(me, TWO, 0, &w), 0, "now it is free");
	look(TWO);
	ok(info.pinned == 0 && info.revoked == 0, "nothing was revoked");
	two_end();
	return 1;
}

static int third(void)
{
	int good = 1;
	int sound;

	two_begin();
	for (uint64_t i = 1; i <= 3; i++)
		need(fill(THREE, i) == 0);
	need(aether_pingpong_read_pinned(you, THREE, LONG, &r) == 0);
	for (uint64_t i = 4; i <= 9; i++) {
		good &= pingpong_fill(me, THREE, 0, i) == 0;
		good &= pingpong_value(&r) == 3;
	}
	sound = aether_pingpong_read_end(&r);
	if (!in_time(r.until))
		return 0;
	ok(good, "a third buffer: no wait");
	is_int(sound, 0, "and the reader has his");
	two_end();
	return 1;
}

static int once_each(void)
{
	struct aether_pingpong_reading again, mine;
	int second, other, own, first;

	two_begin();
	need(fill(TWO, 1) == 0);
	need(aether_pingpong_read_pinned(you, TWO, LONG, &r) == 0);
	second = aether_pingpong_read_pinned(you, TWO, LONG, &again);
	other = aether_pingpong_read_pinned(you, THREE, LONG, &again);
	need(fill(TWO, 2) == 0);
	need(aether_pingpong_read_pinned(me, TWO, LONG, &mine) == 0);
	first = aether_pingpong_read_end(&r);
	need(fill(TWO, 3) == 0);
	own = aether_pingpong_begin(me, TWO, 0, &w);
	if (!in_time(r.until))
		return 0;
	is_int(second, AETHER_EHELD, "a second pin");
	is_int(other, 0, "of another pair");
	is_int(first, 0, "each ends");
	is_int(aether_pingpong_read_end(&again), 0, "by itself");
	is_int(aether_pingpong_read_end(&r), AETHER_ENOTHELD, "once");
	is_int(own, AETHER_EHELD, "the writer would wait for itself");
	is_int(aether_pingpong_read_end(&mine), 0, "its own pin ends");
	is_int(aether_pingpong_begin(me, TWO, 0, &w), 0, "and it begins");
	two_end();
	return 1;
}

static void revoked(void)
{
	struct aether_pingpong_reading next;
	uint64_t until;

	two_begin();
	need(fill(TWO, 1) == 0);
	need(aether_pingpong_read_pinned(you, TWO, 20 * MS, &r) == 0);
	until = r.until;
	need(fill(TWO, 2) == 0);
	is_int(aether_pingpong_begin(me, TWO, AETHER_FOREVER, &w), 0,
	       "the writer gets it");
	ok(aether_clock_now() >= until, "after the term and not before");
	look(TWO);
	ok(info.revoked == 1 && info.pinned == 0, "revoked, and counted");
	need(aether_pingpong_read_pinned(you, TWO, LONG, &next) == 0);
	is_int(aether_pingpong_read_end(&r), AETHER_ETORN,
	       "who was slow is told");
	look(TWO);
	is_int(info.pinned, 1u << you->slot, "its next pin is not touched");
	is_int(aether_pingpong_read_end(&next), 0, "and is good");
	need(aether_pingpong_abandon(me, TWO) == 0);
	two_end();
}

/* A term that is over and was not revoked does not keep me from reading. */
static void own_term(void)
{
	struct aether_pingpong_reading next;

	two_begin();
	need(fill(TWO, 1) == 0);
	need(aether_pingpong_read_pinned(you, TWO, 1, &r) == 0);
	while (aether_clock_now() <= r.until)
		;
	is_int(aether_pingpong_read_pinned(you, TWO, LONG, &next), 0,
	       "pinned anew");
	is_int(aether_pingpong_read_end(&r), AETHER_ETORN, "the old is over");
	is_int(aether_pingpong_read_end(&next), 0, "the new is not");
	two_end();
}

static void departed(void)
{
	two_begin();
	need(fill(TWO, 1) == 0);
	need(aether_pingpong_read_pinned(you, TWO, LONG, &r) == 0);
	aether_participant_leave(you);
	need(fill(TWO, 2) == 0);
	is_int(aether_pingpong_begin(me, TWO, 0, &w), 0,
	       "a pin of one that left");
	need(aether_pingpong_abandon(me, TWO) == 0);
	you = rig_join(plane);
	need(aether_pingpong_read_pinned(you, TWO, LONG, &r) == 0);
	aether_participant_leave(you);
	you = rig_join(plane);
	need(fill(TWO, 3) == 0);
	is_int(aether_pingpong_begin(me, TWO, 0, &w), 0,
	       "and when its slot is taken again");
	look(TWO);
	ok(info.revoked == 0 && info.pinned == 0, "which is no revocation");
	two_end();
}

/* Who takes over and must wait has begun nothing, whatever the dead had. */
static int left_half(void)
{
	struct aether_pair_seg *record;
	struct aether_participant *him;
	uint64_t state;
	int first, again, commits;

	two_begin();
	him = rig_join(plane);
	record = pingpong_record(plane, TWO);
	need(pingpong_fill(you, TWO, 0, 1) == 0);
	need(aether_pingpong_read_pinned(him, TWO, LONG, &r) == 0);
	need(pingpong_fill(you, TWO, 0, 2) == 0);
	state = ae_load64_relaxed(&record->state);
	ae_store64_relaxed(&record->state,
			   AETHER_PAIR_STATE_MAKE(
				   0, 2, AETHER_PAIR_STATE_SEQUENCE(state)));
	aether_participant_leave(you);
	you = rig_join(plane);
	first = aether_pingpong_begin(me, TWO, 0, &w);
	commits = aether_pingpong_commit(me, TWO, 0);
	again = aether_pingpong_begin(me, TWO, 0, &w);
	aether_participant_leave(him);
	if (!in_time(r.until))
		return 0;
	is_int(first, AETHER_ETIMEDOUT, "who takes over waits as well");
	is_int(commits, AETHER_ENOTHELD, "what the dead began is not its own");
	is_int(again, AETHER_ETIMEDOUT, "nor in its way");
	two_end();
	return 1;
}

/* Holder words have 14 bits of a stamp: after 16384 joins a newcomer in the
 * slot has those of one that died at work there. */
static void same_stamp(void)
{
	struct aether_word64 *joins;
	uint64_t stamp;
	uint32_t slot;

	two_begin();
	joins = &plane->header->joins;
	need(fill(TWO, 1) == 0);
	need(aether_pingpong_resign(me, TWO) == 0);
	need(aether_pingpong_begin(you, TWO, 0, &w) == 0);
	memset(w.bytes, 0xEE, BUFFER / 2);
	stamp = you->stamp;
	slot = you->slot;
	aether_participant_leave(you);
	look(TWO);
	ok(!info.writer, "a writer that left is shown as none");
	ae_store64_relaxed(joins, stamp + AETHER_HOLDER_STAMP_MASK);
	you = rig_join(plane);
	need(you->slot == slot && you->stamp != stamp &&
	     ae_low_stamp(you->stamp) == ae_low_stamp(stamp));
	is_int(aether_pingpong_commit(you, TWO, WORDS), AETHER_ENOTHELD,
	       "a newcomer whose stamp ends alike: commit");
	is_int(aether_pingpong_abandon(you, TWO), AETHER_ENOTHELD, "abandon");
	is_int(aether_pingpong_resign(you, TWO), AETHER_ENOTHELD, "resign");
	need(aether_pingpong_read_begin(plane, TWO, &r) == 0);
	ok(pingpong_value(&r) == 1 && aether_pingpong_read_end(&r) == 0,
	   "what was half written is not read");
	is_int(aether_pingpong_begin(you, TWO, 0, &w), 0, "it takes over");
	ok(w.recovered && w.sequence == 2, "and is told");
	is_int(aether_pingpong_commit(you, TWO, 0), 0, "and goes on");
	two_end();
}

/* Ends that no term can have, and words that nobody could have written. */
static void forged(void)
{
	struct aether_pins_seg *pins;

	two_begin();
	pins = pingpong_pins(plane, TWO);
	need(fill(TWO, 1) == 0);
	need(aether_pingpong_read_pinned(you, TWO, LONG, &r) == 0);
	ae_store64_relaxed(&pins->until[you->slot], UINT64_MAX);
	need(fill(TWO, 2) == 0);
	is_int(aether_pingpong_begin(me, TWO, 0, &w), 0,
	       "a term without end is none");
	is_int(aether_pingpong_read_end(&r), AETHER_ETORN, "and told");
	need(aether_pingpong_commit(me, TWO, 0) == 0);
	for (uint32_t i = 2; i < 64; i++)
		ae_store64_relaxed(&pins->pin[i],
				   AETHER_PIN_MAKE(1, i % 4, i, i));
	ae_or64_seq_cst(&pins->set, UINT64_MAX);
	is_int(aether_pingpong_begin(me, TWO, 0, &w), 0,
	       "pins of those who are not");
	need(aether_pingpong_commit(me, TWO, 0) == 0);
	need(aether_pingpong_read_pinned(you, TWO, LONG, &r) == 0);
	ae_store64_relaxed(&pins->set, 0);
	need(fill(TWO, 4) == 0);
	need(fill(TWO, 5) == 0);
	is_int(aether_pingpong_read_end(&r), AETHER_ETORN,
	       "a pin that the writer could not see");
	two_end();
}

/* Each call may answer anything that is an answer; none crashes or hangs. */
static void call_all(uint32_t pair)
{
	struct aether_pingpong_reading pin;
	const void *item;
	void *mine;
	int checked = aether_pingpong_read_begin(plane, pair, &r);
	int held = aether_pingpong_read_pinned(you, pair, MS, &pin);

	if (aether_pingpong_begin(me, pair, aether_clock_after(MS), &w) == 0) {
		need(w.buffer < plane->layout->pairs[pair].buffers);
		need(w.active_items <= WORDS);
		need(aether_pingpong_write_item(&w, w.active_items, &mine) ==
		     (w.active_items < WORDS ? 0 : AETHER_EINDEX));
		memset(w.bytes, 1, BUFFER);
	}
	aether_pingpong_commit(me, pair, 1);
	aether_pingpong_abandon(me, pair);
	aether_pingpong_look(plane, pair, &info);
	if (checked == 0) {
		need(r.items <= WORDS);
		need(r.buffer < plane->layout->pairs[pair].buffers);
		need(aether_pingpong_read_item(&r, r.items, &item) ==
		     AETHER_EINDEX);
		pingpong_value(&r);
		aether_pingpong_read_end(&r);
	}
	if (held == 0)
		aether_pingpong_read_end(&pin);
}

static void scribble(void *at, size_t size, uint64_t *seed)
{
	struct aether_word64 *words = at;

	for (size_t i = 0; i < size / 8; i++)
		ae_store64_relaxed(&words[i], rig_random(seed));
}

static void hostile(void)
{
	uint64_t seed = 7;

	two_begin();
	for (int i = 0; i < 300; i++) {
		uint32_t pair = (uint32_t)(rig_random(&seed) & 1);

		if (rig_random(&seed) & 1)
			scribble(pingpong_record(plane, pair),
				 sizeof(struct aether_pair_seg), &seed);
		if (rig_random(&seed) & 1)
			ae_store64_relaxed(
				&pingpong_record(plane, pair)->writer, 0);
		if (rig_random(&seed) & 1)
			scribble(pingpong_pins(plane, pair),
				 sizeof(struct aether_pins_seg), &seed);
		call_all(pair);
	}
	ok(1, "random bytes in the records");
	ae_store64_relaxed(&pingpong_record(plane, TWO)->state,
			   AETHER_PAIR_STATE_MAKE(2, 0, 1));
	ae_store64_relaxed(&pingpong_record(plane, TWO)->writer, 0);
	is_int(aether_pingpong_begin(me, TWO, 0, &w), AETHER_ECORRUPT,
	       "a third buffer of two: begin");
	is_int(aether_pingpong_read_begin(plane, TWO, &r), AETHER_ECORRUPT,
	       "read");
	is_int(aether_pingpong_read_pinned(you, TWO, LONG, &r), AETHER_ECORRUPT,
	       "read pinned");
	is_int(aether_pingpong_look(plane, TWO, &info), AETHER_ECORRUPT,
	       "look");
	ae_store64_relaxed(&pingpong_record(plane, TWO)->state,
			   AETHER_PAIR_STATE_MAKE(1, 0, 1));
	ae_store32_relaxed(&pingpong_record(plane, TWO)->begun[1], 1);
	is_int(aether_pingpong_read_begin(plane, TWO, &r), AETHER_ECORRUPT,
	       "an active buffer that is being written");
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	ae_store64_relaxed(&pingpong_record(plane, TWO)->state,
			   AETHER_PAIR_STATE_MAKE(1, 2, 1));
	is_int(aether_pingpong_commit(me, TWO, 0), AETHER_ECORRUPT,
	       "or is to be committed");
	two_end();
}

static void tests(void)
{
	while (!pinned())
		;
	while (!third())
		;
	while (!once_each())
		;
	revoked();
	own_term();
	departed();
	while (!left_half())
		;
	same_stamp();
	forged();
	hostile();
}

int main(void)
{
	return rig_run(tests);
}
