/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer of a ping-pong pair. Truth is the pair's state word: it says which
 * buffer is active, and counts commits. What readers rely on is `begun`, a
 * counter for each buffer: odd from before its first byte is written until
 * after its last. Whoever dies or gives up leaves it odd, and the next one to
 * write there goes on with it: an odd counter means that the buffer holds
 * nothing, and two commits of a buffer never have the same one.
 *
 * A flip comes before the look at the pins for the next write, and a reader
 * announces its pin before it looks whether its buffer is still the active one.
 * Both are sequentially consistent, so one of the two sees the other
 * (model/pingpong.pml).
 */
#include "ae_host.h"
#include "ae_pair.h"

static uint64_t bit(const struct ae_pair *p)
{
	return UINT64_C(1) << p->index;
}

/*
 * Am I its writer? The state as it then stands, which only I change. The word
 * alone does not tell: it has the low bits of a stamp, and may be of an earlier
 * tenant of my slot, or forged. What that one began is not mine to commit.
 */
static int is_writer(const struct aether_participant *me,
		     const struct ae_pair *p, uint64_t *state)
{
	/* relaxed: my own word stays while I live. */
	if (!(me->pairs & bit(p)) ||
	    !ae_holder_is(me, ae_load64_relaxed(&p->record->writer)))
		return 0;
	/* relaxed: the same. */
	*state = ae_load64_relaxed(&p->record->state);
	return 1;
}

/* What was begun is no more: its buffer's counter stays odd. */
static void drop(const struct ae_pair *p)
{
	/* relaxed: only the writer changes it, and that is me. */
	uint64_t state = ae_load64_relaxed(&p->record->state);

	state = AETHER_PAIR_STATE_MAKE(AETHER_PAIR_STATE_ACTIVE(state), 0,
				       AETHER_PAIR_STATE_SEQUENCE(state));
	/* relaxed: for the next writer, who is ordered by my word. */
	ae_store64_relaxed(&p->record->state, state);
}

/* The word of nobody, after that one. The next writer must learn of one that
 * is gone also if somebody has cleared its word before. */
static uint64_t nobody(uint64_t word, uint64_t gone)
{
	return AETHER_HOLDER_MAKE(0, 0, 0, AETHER_HOLDER_GENERATION(word) + 1,
				  gone);
}

/* I am the writer; `gone`: the one before me went without letting go. That I
 * know until a begin has told it, and until its signal is made good. */
static void become(struct aether_participant *me, const struct ae_pair *p,
		   uint64_t gone)
{
	me->pairs |= bit(p);
	me->pairs_gone &= ~bit(p);
	me->pairs_owe &= ~bit(p);
	if (gone) {
		me->pairs_gone |= bit(p);
		me->pairs_owe |= bit(p);
	}
	drop(p);
}

/* Makes me the writer, who am not. */
static int claim(struct aether_participant *me, const struct ae_pair *p)
{
	for (int i = 0; i < AE_PAIR_TRIES; i++) {
		/* acquire: what the writer before me left. pairs: release in
		 * aether_pingpong_resign, release in end_writer, seq_cst in
		 * claim */
		uint64_t word = ae_load64_acquire(&p->record->writer);
		uint64_t held = AETHER_HOLDER_HELD(word);
		uint64_t mine = ae_holder_make(
			me, AETHER_HOLDER_GENERATION(word) + held);

		if (held && !ae_holder_is(me, word) &&
		    !ae_holder_gone(p->plane, word)) {
			/* relaxed: a counter. */
			ae_add32_relaxed(&p->record->refused, 1);
			return AETHER_ETAKEN;
		}
		/* seq_cst: before I look at what is there, and after I sat
		 * down. pairs: acquire in claim, acquire in ae_pair_settle */
		if (ae_cas64_seq_cst(&p->record->writer, word, mine) != word)
			continue;
		become(me, p, held | AETHER_HOLDER_GONE(word));
		return 0;
	}
	return AETHER_EAGAIN;
}

/* A flag for people and for programs of old; nothing here depends on it. */
static void mirror(const struct ae_pair *p, uint32_t active)
{
	uint64_t offset;

	if (!p->is->mirror || aether_geometry_epoch(p->is->mirror, &offset) < 0)
		return;
	/* relaxed: the signal that follows orders it. */
	ae_store32_relaxed((void *)(p->plane->base + offset), active);
}

/* Whose signal is refused owes it: to itself, or to the next writer. */
static int signal_commit(struct aether_participant *me, const struct ae_pair *p)
{
	int err = aether_epoch_signal(me, p->is->epoch);

	if (err < 0)
		me->pairs_owe |= bit(p);
	else
		me->pairs_owe &= ~bit(p);
	return err;
}

/*
 * A writer may have died between its flip and its signal. Of two buffers the
 * epoch's parity tells: even, the first is active. Of three nothing does, so
 * after a death it is signalled once more than need be.
 */
static int repair(struct aether_participant *me, const struct ae_pair *p,
		  uint32_t active)
{
	int owes = p->is->epoch && (me->pairs_owe & bit(p));
	uint32_t value;

	mirror(p, active);
	if (p->is->epoch && p->is->buffers == 2) {
		int err = aether_epoch_load(p->plane, p->is->epoch, &value);

		if (err < 0)
			return err;
		owes = (value & 1) != active;
	}
	if (owes)
		return signal_commit(me, p);
	me->pairs_owe &= ~bit(p);
	return 0;
}

/* The oldest content first: with three buffers, checked readers of the one
 * before the active one go undisturbed. */
static int choose(struct aether_participant *me, void *what)
{
	struct ae_pair_wait *w = what;
	uint32_t buffers = w->pair->is->buffers;

	w->until = w->last;
	w->own = 0;
	for (uint32_t i = 1; i < buffers; i++) {
		w->buffer = (w->active + i) % buffers;
		if (!ae_pin_holds(me, w, w->buffer))
			return 0;
	}
	/* of two, my own pin is what I would wait for */
	return w->own && buffers == 2 ? AETHER_EHELD : AETHER_EEMPTY;
}

/* A buffer that nobody reads, in `w`. Readers that end ring me, and I look
 * again when the first term is over. */
static int choose_until(struct aether_participant *me, struct ae_pair_wait *w,
			uint64_t deadline)
{
	struct ae_wait wait = { .attempt = choose,
				.what = w,
				.waiters = &w->pair->pins->waiting };
	int err = choose(me, w);

	while (err == AETHER_EEMPTY) {
		err = ae_wait_until(me, &wait,
				    w->until < deadline ? w->until : deadline);
		if (err == AETHER_ETIMEDOUT && ae_host_now() < deadline)
			err = AETHER_EEMPTY;
	}
	return err;
}

/* From here on the buffer holds nothing. */
static void open_buffer(const struct ae_pair *p, uint64_t state,
			uint32_t buffer)
{
	struct aether_word32 *begun = &p->record->begun[buffer];
	/* relaxed: only its writer changes it. */
	uint32_t count = ae_load32_relaxed(begun);

	state = AETHER_PAIR_STATE_MAKE(AETHER_PAIR_STATE_ACTIVE(state),
				       buffer + 1,
				       AETHER_PAIR_STATE_SEQUENCE(state));
	/* relaxed: for me, and for people. */
	ae_store64_relaxed(&p->record->state, state);
	/* release: the flip away from it. pairs: acquire in look_once */
	ae_store32_release(begun, count | 1);
	/* release: before its first byte. pairs: acquire in is_sound */
	ae_fence_release();
}

/* I am the writer, and have begun nothing. */
static int begin(struct aether_participant *me, const struct ae_pair *p,
		 uint64_t deadline, struct aether_pingpong_write *write)
{
	/* relaxed: only the writer changes it; what the one before me stored
	 * was there before I became it. */
	uint64_t state = ae_load64_relaxed(&p->record->state);
	struct ae_pair_wait w;
	struct ae_room room;
	uint32_t active = (uint32_t)AETHER_PAIR_STATE_ACTIVE(state);
	int err;

	if (active >= p->is->buffers)
		return AETHER_ECORRUPT;
	w = (struct ae_pair_wait) { .pair = p,
				    .last = ae_host_now() + AETHER_PIN_TERM_MAX,
				    .active = active };
	err = repair(me, p, active);
	if (err == 0)
		err = choose_until(me, &w, deadline);
	if (err < 0)
		return err;
	open_buffer(p, state, w.buffer);
	err = ae_room_own(me, p, w.buffer, &room);
	if (err == 0)
		err = ae_pair_describe(p, state, w.buffer, &room, write);
	if (err < 0) {
		drop(p);
		return err;
	}
	write->recovered = (me->pairs_gone & bit(p)) != 0;
	me->pairs_gone &= ~bit(p);
	return 0;
}

int aether_pingpong_begin(struct aether_participant *me, uint32_t pair,
			  uint64_t deadline,
			  struct aether_pingpong_write *write)
{
	struct ae_pair p;
	uint64_t state;
	int err = ae_pair_find(me->plane, pair, &p);

	if (err == 0)
		err = ae_context_check(me);
	if (err < 0)
		return err;
	if (!is_writer(me, &p, &state))
		err = claim(me, &p);
	else if (AETHER_PAIR_STATE_WRITING(state))
		err = AETHER_EHELD;
	return err < 0 ? err : begin(me, &p, deadline, write);
}

/* Whole, then the one that readers read, then told. */
static int publish(struct aether_participant *me, const struct ae_pair *p,
		   uint64_t state, uint32_t buffer)
{
	struct aether_word32 *begun = &p->record->begun[buffer];
	/* relaxed: only its writer changes it. */
	uint32_t count = ae_load32_relaxed(begun);

	/* release: its bytes, and how many items they are. pairs: acquire in
	 * look_once, acquire in is_sound */
	ae_store32_release(begun, (count | 1) + 1);
	state = AETHER_PAIR_STATE_MAKE(buffer, 0,
				       AETHER_PAIR_STATE_SEQUENCE(state) + 1);
	/* seq_cst: the flip, before I look at the pins for my next write.
	 * pairs: acquire in look_once, seq_cst in announce */
	ae_xchg64_seq_cst(&p->record->state, state);
	mirror(p, buffer);
	return p->is->epoch ? signal_commit(me, p) : 0;
}

int ae_pair_writing(struct aether_participant *me, uint32_t index,
		    struct ae_pair *p, uint64_t *state)
{
	uint32_t buffer, active;
	int err = ae_pair_find(me->plane, index, p);

	if (err < 0)
		return err;
	if (!is_writer(me, p, state) || !AETHER_PAIR_STATE_WRITING(*state))
		return AETHER_ENOTHELD;
	err = ae_context_check(me);
	if (err < 0)
		return err;
	buffer = (uint32_t)AETHER_PAIR_STATE_WRITING(*state) - 1;
	active = (uint32_t)AETHER_PAIR_STATE_ACTIVE(*state);
	if (buffer >= p->is->buffers || active >= p->is->buffers ||
	    buffer == active)
		return AETHER_ECORRUPT;
	return 0;
}

int aether_pingpong_commit(struct aether_participant *me, uint32_t pair,
			   uint32_t items)
{
	struct ae_pair p;
	struct ae_room room;
	uint64_t state;
	uint32_t buffer;
	int err = ae_pair_writing(me, pair, &p, &state);

	if (err < 0)
		return err;
	buffer = (uint32_t)AETHER_PAIR_STATE_WRITING(state) - 1;
	err = ae_room_find(&p, buffer, AETHER_RIGHT_WRITE, &room);
	if (err < 0)
		return err;
	if (items > room.capacity)
		return AETHER_EINDEX;
	/* relaxed: ordered by `begun`, as the bytes are. */
	ae_store32_relaxed(&p.pins->items[buffer], items);
	return publish(me, &p, state, buffer);
}

int aether_pingpong_abandon(struct aether_participant *me, uint32_t pair)
{
	struct ae_pair p;
	uint64_t state;
	int err = ae_pair_find(me->plane, pair, &p);

	if (err < 0)
		return err;
	if (!is_writer(me, &p, &state) || !AETHER_PAIR_STATE_WRITING(state))
		return AETHER_ENOTHELD;
	drop(&p);
	return 0;
}

int aether_pingpong_resign(struct aether_participant *me, uint32_t pair)
{
	struct ae_pair p;
	uint64_t state, word;
	int err = ae_pair_find(me->plane, pair, &p);

	if (err < 0)
		return err;
	if (!is_writer(me, &p, &state))
		return AETHER_ENOTHELD;
	drop(&p);
	me->pairs &= ~bit(&p);
	/* relaxed: mine. */
	word = ae_load64_relaxed(&p.record->writer);
	word = nobody(word, ((me->pairs_gone | me->pairs_owe) & bit(&p)) != 0);
	/* release: what I left. pairs: acquire in claim */
	ae_store64_release(&p.record->writer, word);
	return 0;
}

/* Nobody is the writer any more: `word` is that of one who is gone, or goes.
 * What it had begun is dropped by the next one. */
static void end_writer(const struct ae_pair *p, uint64_t word)
{
	/* release: what it wrote, which I know as it is gone, or I am it.
	 * pairs: acquire in claim */
	ae_cas64_release(&p->record->writer, word, nobody(word, 1));
}

/* L2: who leaves is no pair's writer. */
void ae_pair_leave(struct aether_participant *me)
{
	struct ae_pair p;

	for (uint32_t i = 0; ae_pair_find(me->plane, i, &p) == 0; i++) {
		/* relaxed: my own word stays while I live. */
		uint64_t word = ae_load64_relaxed(&p.record->writer);

		if ((me->pairs & bit(&p)) && ae_holder_is(me, word))
			end_writer(&p, word);
	}
	me->pairs = me->pairs_gone = me->pairs_owe = 0;
}

/* Of those that are gone: a word that stayed would name, some day, a newcomer
 * whose stamp ends alike. */
void ae_pair_settle(const struct aether_plane *plane)
{
	struct ae_pair p;

	for (uint32_t i = 0; ae_pair_find(plane, i, &p) == 0; i++) {
		/* acquire: before I look who sits. pairs: seq_cst in claim */
		uint64_t word = ae_load64_acquire(&p.record->writer);

		if (ae_holder_gone(plane, word))
			end_writer(&p, word);
	}
}
