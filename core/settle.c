/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settling: one pass over all lease words, which gives what belongs to nobody
 * to an heir or back to the registry. It needs no help from hints: who is meant
 * stands in each word, and whether that tenancy is there in its seat. Each
 * change is one swap of the very word that was judged, so any number may settle
 * at once, however late, and whoever dies half way leaves a word that the next
 * one finds. Step P of docs/protocol.md.
 */
#include "ae_base.h"

void ae_settle_init(struct ae_settler *settler,
		    const struct aether_participant *me, int leaving)
{
	*settler = (struct ae_settler) { .plane = me->plane,
					 .ending = me->ending,
					 .slot = me->slot,
					 .leaving = leaving };
}

/* Is the word that of a tenancy which is there no more? */
static int is_gone(const struct ae_settler *s, uint64_t word)
{
	uint32_t slot = (uint32_t)AETHER_LEASE_SEAT(word);
	uint32_t state = (uint32_t)AETHER_LEASE_STATE(word);
	uint64_t seat;

	if (slot >= s->plane->geometry.participants)
		return 1; /* nobody ever sat there */
	if (s->leaving && slot == s->slot &&
	    AETHER_LEASE_STAMP(word) == AETHER_LEASE_STAMP(s->ending))
		return 1;
	/* seq_cst: after the word: who is gone now was gone then, or has not
	 * seen the word. pairs: release in sit, seq_cst in mark_dead */
	seat = ae_load64_seq_cst(&s->plane->seats[slot].seat);
	if (ae_low_stamp(AETHER_SEAT_STAMP(seat)) != AETHER_LEASE_STAMP(word))
		return 1;
	if (AETHER_SEAT_STATE(seat) == AETHER_SEAT_ACTIVE)
		return 0;
	return AETHER_SEAT_STATE(seat) != AETHER_SEAT_LEAVING ||
	       state == AETHER_STATE_ROUTED;
}

/* Does that tenancy sit there, and stay? */
static int is_seated(const struct ae_settler *s, uint32_t slot, uint32_t stamp)
{
	/* seq_cst: is it there? pairs: release in sit, seq_cst in mark_dead,
	 * seq_cst in ae_participant_leave */
	uint64_t seat = ae_load64_seq_cst(&s->plane->seats[slot].seat);

	return AETHER_SEAT_STATE(seat) == AETHER_SEAT_ACTIVE &&
	       ae_low_stamp(AETHER_SEAT_STAMP(seat)) == stamp;
}

/*
 * Who inherits from the tenancy that the word names: the heir that it named, or
 * that one's heir if it has gone, too. 1: `*slot` and `*stamp` say who.
 */
static int find_heir(const struct ae_settler *s, uint32_t *slot,
		     uint32_t *stamp)
{
	const struct aether_plane *plane = s->plane;

	for (uint32_t i = 0; i < plane->geometry.participants; i++) {
		/* acquire: an heir word is read whole, and says whose it is.
		 * pairs: seq_cst in aether_participant_heir, release in
		 * settle_heir */
		uint64_t heir = ae_load64_acquire(&plane->seats[*slot].heir);

		if (!AETHER_HEIR_NAMED(heir) ||
		    ae_low_stamp(AETHER_HEIR_OF(heir)) != *stamp)
			return 0;
		*slot = (uint32_t)AETHER_HEIR_SLOT(heir);
		*stamp = (uint32_t)AETHER_HEIR_STAMP(heir);
		if (*slot >= plane->geometry.participants)
			return 0;
		if (is_seated(s, *slot, *stamp))
			return 1;
	}
	return 0;
}

/*
 * The entry first, then the word: as a sender does it, but straight from the
 * dead's word to the heir's, so that there is no moment in which it is
 * nobody's.
 */
static int bequeath(struct ae_settler *s, uint32_t index, uint64_t word,
		    uint32_t slot, uint32_t stamp)
{
	struct aether_plane *plane = s->plane;
	int suspect = AETHER_LEASE_STATE(word) == AETHER_STATE_BUSY ||
		      (word & AE_SUSPECT);
	uint64_t next = AETHER_LEASE_MAKE(AETHER_STATE_ROUTED, slot, stamp, 0,
					  suspect) |
			(word & AE_GENERATION);
	uint64_t handle = AETHER_HANDLE_MAKE(index, plane->tag,
					     AETHER_LEASE_GENERATION(word));

	/* relaxed: another settler may have done it since; saves an entry. */
	if (ae_load64_relaxed(&plane->leases[index].word) != word)
		return 1;
	/* a full box is searched once in a pass, and not for each stride */
	if (s->full >> slot & 1 ||
	    ae_mailbox_enter(plane, slot, handle, &s->cursors[slot]) < 0) {
		s->full |= UINT64_C(1) << slot;
		s->report.pending++;
		return 0;
	}
	/* seq_cst: as in commit. pairs: seq_cst in look, seq_cst in
	 * accept_route, seq_cst in settle_word, acquire in
	 * aether_stride_accept */
	if (ae_cas64_seq_cst(&plane->leases[index].word, word, next) == word) {
		s->report.inherited++;
		s->report.suspect += suspect != 0;
		ae_wait_ring_mail(plane, slot);
	}
	return 1; /* look again: the heir may be gone by now */
}

/*
 * Was it being withdrawn when its holder died? Then it was not withdrawn: it is
 * on its way again, as it was. It is finished mail, the dead one's own or, if
 * it went round, somebody else's, and its entry is where it was. 1: so it is,
 * and the word is to be looked at again: its addressee may be gone, too.
 */
static int put_back(struct ae_settler *s, uint32_t index, uint64_t word)
{
	struct aether_plane *plane = s->plane;
	uint32_t slot = (uint32_t)AETHER_LEASE_SEAT(word);
	/* relaxed: said before the word was, and who said it is gone. */
	uint64_t said = ae_load64_relaxed(&plane->seats[slot].withdrawal);
	uint32_t to = (uint32_t)AETHER_WITHDRAWAL_SLOT(said);
	uint64_t stamp = AETHER_WITHDRAWAL_STAMP(said);
	uint64_t next = AETHER_LEASE_MAKE(AETHER_STATE_ROUTED, to, stamp, 0,
					  0) |
			(word & ~AE_NAMED);

	if (!AETHER_WITHDRAWAL_NAMED(said) ||
	    AETHER_WITHDRAWAL_STRIDE(said) != index ||
	    AETHER_WITHDRAWAL_OF(said) != AETHER_LEASE_STAMP(word) ||
	    to >= plane->geometry.participants)
		return 0;
	/* forged: nobody is sent what he does not see. Of one that is gone the
	 * sight says no more: his heir is asked next */
	if (is_seated(s, to, (uint32_t)stamp) &&
	    ae_sight_check(plane, to, stamp, index) == AETHER_EACCES)
		return 0;
	/* seq_cst: as in send_on. pairs: seq_cst in look, seq_cst in
	 * accept_route, seq_cst in settle_word */
	if (ae_cas64_seq_cst(&plane->leases[index].word, word, next) == word)
		ae_wait_ring_mail(plane, to);
	return 1;
}

/* Ends the lease of one that is gone. */
static void end(struct ae_settler *s, uint32_t index, uint64_t word)
{
	uint64_t generation = AETHER_LEASE_GENERATION(word);
	int ended = AETHER_LEASE_STATE(word) == AETHER_STATE_ENDING;
	uint64_t next = s->ending | ae_word_generation(generation + !ended);

	/* seq_cst: I go on where it stopped; the bytes are as it left them.
	 * pairs: seq_cst in settle_word */
	if (ae_cas64_seq_cst(&s->plane->leases[index].word, word, next) != word)
		return;
	ae_lease_finish(s->plane, index, next);
	s->report.freed++;
}

/* Strikes off the readers that are gone, and ends the lease with the last. */
static void settle_shared(struct ae_settler *s, uint32_t index, uint64_t word)
{
	struct aether_plane *plane = s->plane;
	/* relaxed: written before the word was. */
	uint64_t sigma = ae_load64_relaxed(&plane->leases[index].sigma);

	for (uint32_t slot = 0; slot < AETHER_PARTICIPANTS_MAX; slot++) {
		uint64_t half, seat = 0;

		/* relaxed: the swap decides. */
		half = ae_load64_relaxed(ae_share_half(plane, index, slot));
		if (!(half >> slot / 2 & 1))
			continue;
		if (slot < plane->geometry.participants)
			/* seq_cst: after the word. pairs: release in sit,
			 * seq_cst in mark_dead */
			seat = ae_load64_seq_cst(&plane->seats[slot].seat);
		if (AETHER_SEAT_STATE(seat) == AETHER_SEAT_ACTIVE &&
		    AETHER_SEAT_STAMP(seat) <= sigma)
			continue;
		s->report.readers += (uint32_t)ae_share_strike(plane, index,
							       word, slot);
	}
	s->report.freed += (uint32_t)ae_share_last_out(plane, index, word,
						       s->ending);
}

/* A tail is its head's; one whose head is free was forged or forgotten. */
static void settle_tail(struct ae_settler *s, uint32_t index, uint64_t word)
{
	uint64_t distance = AETHER_CONT_DISTANCE(word);
	struct aether_plane *plane = s->plane;
	uint64_t next = ae_word_generation(AETHER_LEASE_GENERATION(word) + 1);
	uint64_t head;

	/* of the same segment: of another one I may see nothing */
	if (!distance || distance > index ||
	    ae_segment_end(plane, index - (uint32_t)distance) !=
		    ae_segment_end(plane, index))
		return;
	/* acquire: after the tail. pairs: seq_cst in free_word */
	head = ae_load64_acquire(&plane->leases[index - distance].word);
	if (AETHER_LEASE_STATE(head) != AETHER_STATE_DORMANT)
		return;
	/* seq_cst: frees it. pairs: seq_cst in claim_tail, acquire in
	 * claim */
	if (ae_cas64_seq_cst(&plane->leases[index].word, word, next) == word)
		ae_lease_clear_bit(plane, index);
}

/* One that is free has its bit cleared, unless somebody keeps it warm. */
static void settle_bit(struct ae_settler *s, uint32_t index)
{
	struct aether_plane *plane = s->plane;

	/* relaxed: registers are hints, and who keeps what warm is, too. */
	if (!(ae_load32_relaxed(ae_register(plane, index)) & ae_bit(index)))
		return;
	for (uint32_t i = 0; i < plane->geometry.participants; i++) {
		const struct aether_participant_seg *seat = &plane->seats[i];
		/* relaxed: the same. */
		uint64_t word = ae_load64_relaxed(&seat->seat);
		uint32_t warm = ae_load32_relaxed(&seat->warm);

		if (AETHER_SEAT_STATE(word) == AETHER_SEAT_ACTIVE &&
		    warm == index + 1)
			return;
	}
	ae_lease_clear_bit(plane, index);
}

/* States that name a tenancy. What a pair keeps is the pair's, whoever dies;
 * others were forged. Both are left as they are. */
static int names_tenancy(uint32_t state)
{
	return state == AETHER_STATE_BUSY || state == AETHER_STATE_ROUTED ||
	       state == AETHER_STATE_ENDING;
}

/* Is there an heir, who can be given this stride? One who does not see it would
 * have it for ever. What died while it was being reserved is no inheritance. */
static int has_heir(const struct ae_settler *s, uint32_t index, uint32_t state,
		    uint32_t *slot, uint32_t *stamp)
{
	const struct aether_plane *plane = s->plane;

	if (state == AETHER_STATE_ENDING ||
	    *slot >= plane->geometry.participants)
		return 0;
	if (state == AETHER_STATE_BUSY && ae_zeroes_late(plane) &&
	    ae_lease_is_uncleared(plane, index))
		return 0;
	return find_heir(s, slot, stamp) &&
	       ae_sight_check(plane, *slot, *stamp, index) == 0;
}

/* One word as it is now. 1: it has changed, and is to be looked at again. */
static int settle_word(struct ae_settler *s, uint32_t index)
{
	struct aether_lease_seg *lease = &s->plane->leases[index];
	/* seq_cst: before I look who is there; and after my own seat says that
	 * I leave, if I do. pairs: seq_cst in commit, seq_cst in send_on,
	 * seq_cst in bequeath, seq_cst in commit_share, seq_cst in end,
	 * seq_cst in end_first, seq_cst in claim, seq_cst in
	 * claim_tail, seq_cst in take_back, seq_cst in put_back,
	 * seq_cst in ae_share_last_out, seq_cst in grow, seq_cst in swap */
	uint64_t word = ae_load64_seq_cst(&lease->word);
	uint32_t slot = (uint32_t)AETHER_LEASE_SEAT(word);
	uint32_t stamp = (uint32_t)AETHER_LEASE_STAMP(word);
	uint32_t state = (uint32_t)AETHER_LEASE_STATE(word);

	if (state == AETHER_STATE_DORMANT)
		settle_bit(s, index);
	else if (state == AETHER_STATE_SHARED)
		settle_shared(s, index, word);
	else if (state == AETHER_STATE_CONT)
		settle_tail(s, index, word);
	else if (!names_tenancy(state) || !is_gone(s, word))
		return 0;
	else if (state == AETHER_STATE_BUSY &&
		 slot < s->plane->geometry.participants &&
		 put_back(s, index, word))
		return 1;
	else if (has_heir(s, index, state, &slot, &stamp))
		return bequeath(s, index, word, slot, stamp);
	else
		end(s, index, word);
	return 0;
}

/* Whoever inherits may be gone as well by the time the word says so. */
static void settle_stride(struct ae_settler *s, uint32_t index)
{
	if (!ae_right(s->plane, index))
		return; /* for those who see it */
	for (uint32_t i = 0; i <= s->plane->geometry.participants; i++)
		if (!settle_word(s, index))
			return;
	s->report.pending++;
}

/* Whoever has named one that is gone as its heir has that one's heir now: the
 * next tenant of that seat will name its own. 1: look again. */
static int settle_heir(struct ae_settler *s, uint32_t of)
{
	struct aether_word64 *named = &s->plane->seats[of].heir;
	/* seq_cst: after the seat of the one that is gone says so: either I
	 * see that it is named, or who names it sees that it is gone.
	 * pairs: seq_cst in aether_participant_heir */
	uint64_t word = ae_load64_seq_cst(named);
	uint32_t slot = (uint32_t)AETHER_HEIR_SLOT(word);
	uint32_t stamp = (uint32_t)AETHER_HEIR_STAMP(word);
	uint64_t next;

	if (!AETHER_HEIR_NAMED(word) ||
	    slot >= s->plane->geometry.participants ||
	    is_seated(s, slot, stamp) || !find_heir(s, &slot, &stamp) ||
	    slot == of)
		return 0;
	next = AETHER_HEIR_MAKE(slot, stamp, AETHER_HEIR_OF(word), 1);
	/* release: read whole. pairs: acquire in find_heir */
	ae_cas64_release(named, word, next);
	return 1; /* that one may be gone by now, or another was first */
}

static void settle_heirs(struct ae_settler *s, uint32_t of)
{
	for (uint32_t i = 0; i <= s->plane->geometry.participants; i++)
		if (!settle_heir(s, of))
			return;
}

/* Mail of one that is gone, in the order in which it was to be taken, so that
 * its heir takes it so. What it had set aside as late comes after it. */
static void settle_mail(struct ae_settler *s, uint32_t slot)
{
	const struct aether_plane *plane = s->plane;
	/* relaxed: of one that is not dead nothing is settled. */
	uint64_t seat = ae_load64_relaxed(&plane->seats[slot].seat);
	uint32_t pending = s->report.pending;
	uint32_t stride;

	if (AETHER_SEAT_STATE(seat) != AETHER_SEAT_DEAD && slot != s->slot)
		return;
	for (uint32_t i = 0; i < plane->geometry.places; i++)
		if (ae_mailbox_peek(plane, slot, i, &stride))
			settle_stride(s, stride);
	s->report.pending = pending; /* counted with all words */
}

static void settle_all_heirs(struct ae_settler *s)
{
	for (uint32_t i = 0; i < s->plane->geometry.participants; i++)
		settle_heirs(s, i);
}

void ae_settle_heirs(struct aether_participant *me)
{
	struct ae_settler settler;

	ae_settle_init(&settler, me, 0);
	settle_all_heirs(&settler);
}

/* An epoch of the pool goes back to it when its owner is gone, as a lease of
 * that tenancy would. */
static void settle_epoch(struct ae_settler *s, uint32_t index)
{
	/* seq_cst: before I look who is there; and after my own seat says that
	 * I leave, if I do. pairs: seq_cst in claim */
	uint64_t word = ae_load64_seq_cst(&s->plane->epochs[index].owner);
	uint64_t lease = AETHER_LEASE_MAKE(AETHER_STATE_BUSY,
					   AETHER_HOLDER_SLOT(word),
					   AETHER_HOLDER_STAMP(word), 0, 0);

	if (AETHER_HOLDER_HELD(word) && is_gone(s, lease))
		s->report.epochs += ae_pool_end(s->plane, index, word) == 0;
}

static void settle_epochs(struct ae_settler *s)
{
	/* seq_cst: said before the first one is owned. pairs: seq_cst in
	 * claim, seq_cst in mend_epoch */
	uint64_t used = ae_load64_seq_cst(&s->plane->header->pool_used);

	for (uint32_t i = 0; used && i < AETHER_EPOCH_POOL; i++)
		if (used >> i / 2 & 1)
			settle_epoch(s, AETHER_IDX_SUPERVISOR_POOL + i);
}

void ae_settle_pass(struct ae_settler *settler)
{
	settle_all_heirs(settler);
	settle_epochs(settler);
	for (uint32_t i = 0; i < settler->plane->geometry.participants; i++)
		settle_mail(settler, i);
	for (uint32_t i = 0; i < settler->plane->geometry.strides; i++)
		settle_stride(settler, i);
}

void ae_settle_one(struct aether_participant *me, uint32_t index)
{
	struct ae_settler settler;

	ae_settle_init(&settler, me, 0);
	settle_stride(&settler, index);
	/* relaxed: my own, and of a thread that reaps in my name. */
	if (settler.report.pending)
		ae_add32_relaxed(&me->owed, 1);
}
