/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readers of a ping-pong pair, and their pins. A checked reader writes
 * nothing: it reads the buffer's counter before and after; equal and even means
 * that nobody began to write there meanwhile. The counter has 32 bits and rises
 * by 2 for each commit of the buffer and for nothing else, so a look at the
 * pair's own sequence, of 60 bits, tells when it may have come round.
 *
 * A pin is a word of the reader's own, with the end of its term beside it. It
 * keeps the writer away, but is not what a reader believes: it checks the
 * counter all the same.
 */
#include "ae_host.h"
#include "ae_pair.h"

/* Commits in which no counter comes round, by far. */
#define COMMITS (UINT64_C(1) << 30)

/* The state without what is being written. */
static uint64_t settled(uint64_t state)
{
	return AETHER_PAIR_STATE_MAKE(AETHER_PAIR_STATE_ACTIVE(state), 0,
				      AETHER_PAIR_STATE_SEQUENCE(state));
}

static void describe(const struct ae_pair *p, uint64_t state,
		     struct aether_pingpong_reading *r)
{
	r->buffer = (uint32_t)AETHER_PAIR_STATE_ACTIVE(state);
	r->sequence = AETHER_PAIR_STATE_SEQUENCE(state);
	r->item_size = p->is->item_size;
	r->plane = p->plane;
	r->me = NULL;
	r->until = r->pin = 0;
}

/* The active buffer, if it stays so while I look. AETHER_EAGAIN: it did not. */
static int look_once(const struct ae_pair *p, struct aether_pingpong_reading *r)
{
	/* acquire: the bytes that it committed. pairs: seq_cst in publish */
	uint64_t state = ae_load64_acquire(&p->record->state);
	struct ae_room room;
	int err;

	if (AETHER_PAIR_STATE_ACTIVE(state) >= p->is->buffers)
		return AETHER_ECORRUPT;
	describe(p, state, r);
	/* acquire: the bytes of a later commit; the flip away from this one.
	 * pairs: release in publish, release in open_buffer */
	r->begun = ae_load32_acquire(&p->record->begun[r->buffer]);
	err = ae_room_find(p, r->buffer, AETHER_RIGHT_READ, &room);
	r->bytes = room.bytes;
	r->size = room.size;
	r->items = ae_pair_items(p, r->buffer, &room);
	/* relaxed: after the counter, whose load is acquire. */
	if (settled(ae_load64_relaxed(&p->record->state)) != settled(state))
		return AETHER_EAGAIN;
	if (err < 0)
		return err;
	return r->begun & 1 ? AETHER_ECORRUPT : 0;
}

static int look(const struct ae_pair *p, struct aether_pingpong_reading *r)
{
	int err = AETHER_EAGAIN;

	for (int i = 0; err == AETHER_EAGAIN && i < AE_PAIR_TRIES; i++)
		err = look_once(p, r);
	return ae_plane_lost(p->plane) ? AETHER_ECORRUPT : err;
}

int aether_pingpong_read_begin(const struct aether_plane *plane, uint32_t pair,
			       struct aether_pingpong_reading *reading)
{
	struct aether_pingpong_reading r;
	struct ae_pair p;
	int err = ae_pair_find(plane, pair, &p);

	if (err == 0)
		err = look(&p, &r);
	if (err < 0)
		return err;
	r.pair = pair;
	*reading = r;
	return 0;
}

static uint64_t unpinned(uint64_t word)
{
	return AETHER_PIN_MAKE(0, 0, 0, AETHER_PIN_NUMBER(word));
}

/* Is the pin mine, and its term not over? */
static int is_held(const struct aether_participant *me, const struct ae_pair *p,
		   uint64_t word)
{
	/* relaxed: my own word. */
	uint64_t until = ae_load64_relaxed(&p->pins->until[me->slot]);
	uint64_t now = ae_host_now();

	return AETHER_PIN_PINNED(word) &&
	       AETHER_PIN_STAMP(word) == ae_low_stamp(me->stamp) &&
	       until > now && until - now <= AETHER_PIN_TERM_MAX;
}

/* Pins the buffer that is active. AETHER_EAGAIN: it is so no more. The bit in
 * the set is never taken back: one that is too many costs the writer a look. */
static int announce(struct aether_participant *me, const struct ae_pair *p,
		    uint64_t term, struct aether_pingpong_reading *r)
{
	struct aether_word64 *pin = &p->pins->pin[me->slot];
	uint64_t bit = UINT64_C(1) << me->slot;
	/* relaxed: a guess. */
	uint64_t state = ae_load64_relaxed(&p->record->state);
	/* relaxed: my own word. */
	uint64_t number = AETHER_PIN_NUMBER(ae_load64_relaxed(pin)) + 1;

	r->until = ae_host_now() + term;
	r->pin = AETHER_PIN_MAKE(1, AETHER_PAIR_STATE_ACTIVE(state), me->stamp,
				 number);
	/* relaxed: ordered by the pin. */
	ae_store64_relaxed(&p->pins->until[me->slot], r->until);
	/* relaxed: a bit that I see was set before my pin. */
	if (!(ae_load64_relaxed(&p->pins->set) & bit))
		/* seq_cst: before I look again. pairs: seq_cst in
		 * ae_pin_holds */
		ae_or64_seq_cst(&p->pins->set, bit);
	/* seq_cst: before I look again, and the end of its term. pairs: seq_cst
	 * in holds */
	ae_xchg64_seq_cst(pin, r->pin);
	/* seq_cst: after the pin. pairs: seq_cst in publish */
	return settled(ae_load64_seq_cst(&p->record->state)) == settled(state)
		       ? 0
		       : AETHER_EAGAIN;
}

/* 0; AETHER_ETORN: it was not mine any more. */
static int unpin(struct aether_participant *me, const struct ae_pair *p,
		 uint64_t word)
{
	struct aether_word64 *pin = &p->pins->pin[me->slot];
	/* seq_cst: what I read, before it is overwritten; and before I look who
	 * waits. pairs: seq_cst in holds */
	uint64_t seen = ae_cas64_seq_cst(pin, word, unpinned(word));

	ae_wait_ring_set(p->plane, &p->pins->waiting);
	return seen == word ? 0 : AETHER_ETORN;
}

/* Pins, then reads as a checked reader does. */
static int pin(struct aether_participant *me, const struct ae_pair *p,
	       uint64_t term, struct aether_pingpong_reading *r)
{
	int err = AETHER_EAGAIN;

	for (int i = 0; err == AETHER_EAGAIN && i < AE_PAIR_TRIES; i++) {
		struct aether_pingpong_reading pinned;

		err = announce(me, p, term, &pinned);
		if (err == 0)
			err = look_once(p, r);
		if (err == 0 && r->buffer != AETHER_PIN_BUFFER(pinned.pin))
			err = AETHER_EAGAIN; /* revoked, and overtaken */
		if (err < 0) {
			unpin(me, p, pinned.pin);
			continue;
		}
		r->until = pinned.until;
		r->pin = pinned.pin;
		r->me = me;
	}
	return err;
}

int aether_pingpong_read_pinned(struct aether_participant *me, uint32_t pair,
				uint64_t term,
				struct aether_pingpong_reading *reading)
{
	struct aether_pingpong_reading r;
	struct ae_pair p;
	uint64_t old;
	int err = ae_pair_find(me->plane, pair, &p);

	if (err == 0)
		err = ae_context_check(me);
	if (err < 0)
		return err;
	if (!term || term > AETHER_PIN_TERM_MAX)
		return AETHER_EINVAL;
	/* relaxed: my own word. */
	old = ae_load64_relaxed(&p.pins->pin[me->slot]);
	if (is_held(me, &p, old))
		return AETHER_EHELD;
	/* else a writer could take the old pin for one with the new term */
	if (AETHER_PIN_PINNED(old))
		unpin(me, &p, old);
	err = pin(me, &p, term, &r);
	if (err < 0)
		return err;
	r.pair = pair;
	*reading = r;
	return 0;
}

/* Has nobody begun to write there since I began to read? */
static int is_sound(const struct ae_pair *p,
		    const struct aether_pingpong_reading *r)
{
	uint64_t commits;
	uint32_t begun;

	/* acquire: after the last byte that I read. pairs: release in
	 * open_buffer */
	ae_fence_acquire();
	/* acquire: the commits before it. pairs: release in publish */
	begun = ae_load32_acquire(&p->record->begun[r->buffer]);
	/* relaxed: after the counter, whose load is acquire. */
	commits = AETHER_PAIR_STATE_SEQUENCE(
			  ae_load64_relaxed(&p->record->state)) -
		  r->sequence;
	return begun == r->begun &&
	       (commits & AETHER_PAIR_STATE_SEQUENCE_MASK) < COMMITS;
}

int aether_pingpong_read_end(struct aether_pingpong_reading *reading)
{
	struct ae_pair p;
	int err;

	if (!reading->plane)
		return AETHER_ENOTHELD;
	err = ae_pair_find(reading->plane, reading->pair, &p);
	if (err < 0)
		return err;
	err = is_sound(&p, reading) ? 0 : AETHER_ETORN;
	if (reading->me && unpin(reading->me, &p, reading->pin) < 0)
		err = AETHER_ETORN;
	if (ae_plane_lost(p.plane)) /* nobody else's zeros seem sound */
		err = AETHER_ECORRUPT;
	reading->plane = NULL;
	return err;
}

int aether_pingpong_read_item(const struct aether_pingpong_reading *reading,
			      uint32_t i, const void **item)
{
	if (i >= reading->items)
		return AETHER_EINDEX;
	*item = (const unsigned char *)reading->bytes +
		(uint64_t)i * reading->item_size;
	return 0;
}

/* Is who pinned not there any more? Of myself the kernel is not asked: no
 * answer of its would mean anything. */
static int is_over(const struct aether_participant *me, uint32_t slot,
		   uint64_t word)
{
	uint64_t holder = AETHER_HOLDER_MAKE(1, slot, AETHER_PIN_STAMP(word), 0,
					     0);

	return slot == me->slot ? !ae_holder_is(me, holder)
				: ae_holder_gone(me->plane, holder);
}

/*
 * Does that slot's reader hold the buffer? A term that is over is revoked, and
 * so is one that ends later than any can: somebody forged it. `last` passed: no
 * word is believed any more.
 */
static int holds(struct aether_participant *me, struct ae_pair_wait *w,
		 uint32_t slot)
{
	struct aether_pins_seg *pins = w->pair->pins;
	/* seq_cst: after the flip. pairs: seq_cst in announce, seq_cst in unpin
	 */
	uint64_t word = ae_load64_seq_cst(&pins->pin[slot]);
	uint64_t now, until, seen;

	if (!AETHER_PIN_PINNED(word) || AETHER_PIN_BUFFER(word) != w->buffer)
		return 0;
	/* relaxed: the pin's load orders it. */
	until = ae_load64_relaxed(&pins->until[slot]);
	now = ae_host_now();
	if (is_over(me, slot, word)) {
		/* seq_cst: as a reader unpins. pairs: seq_cst in holds */
		ae_cas64_seq_cst(&pins->pin[slot], word, unpinned(word));
		return 0;
	}
	if (now < w->last && now < until &&
	    until - now <= AETHER_PIN_TERM_MAX) {
		w->own |= slot == me->slot;
		if (until < w->until)
			w->until = until;
		return 1;
	}
	/* seq_cst: before I write there. pairs: seq_cst in unpin */
	seen = ae_cas64_seq_cst(&pins->pin[slot], word, unpinned(word));
	if (seen == word)
		/* relaxed: a counter. */
		ae_add64_relaxed(&pins->revoked, 1);
	else if (now < w->last)
		w->until = now; /* it moves: look again */
	return seen != word && now < w->last;
}

int ae_pin_holds(struct aether_participant *me, struct ae_pair_wait *wait,
		 uint32_t buffer)
{
	/* seq_cst: after the flip. pairs: seq_cst in announce */
	uint64_t set = ae_load64_seq_cst(&wait->pair->pins->set);
	int held = 0;

	wait->buffer = buffer;
	for (uint32_t i = 0; i < me->plane->geometry.participants; i++)
		if (set >> i & 1)
			held |= holds(me, wait, i);
	return held;
}
