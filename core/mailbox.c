/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes: one per slot, at least as many places as the plane has strides.
 * An entry asks its owner to look at a lease word; the word is the truth. One
 * compare-and-swap fills an empty place, so there is no claim without content
 * and no hole that a dead sender could leave. Steps R2 and T of PROTOCOL.md.
 *
 * A place has a lap: the position of its fill, divided by the places of a box,
 * 32 bits of it. Positions have 64 bits and are compared by difference.
 */
#include "ae_base.h"

static uint64_t empty(uint32_t lap)
{
	return AETHER_PLACE_MAKE(0, 0, 0, lap);
}

static uint32_t lap_of(const struct aether_plane *plane, uint64_t position)
{
	return (uint32_t)(position >> plane->lap_shift);
}

/* The position at which a place of that lap, near `about`, was filled. */
static uint64_t position_of(const struct aether_plane *plane, uint32_t index,
			    uint32_t lap, uint64_t about)
{
	int32_t laps = (int32_t)(lap - lap_of(plane, about));
	uint64_t base = about >> plane->lap_shift;

	return ((base + (uint64_t)(int64_t)laps) << plane->lap_shift) + index;
}

static struct aether_word64 *place_of(const struct aether_plane *plane,
				      struct aether_word64 *box,
				      uint64_t position)
{
	return &box[position & (plane->geometry.places - 1)];
}

/*
 * Where the tenant of a slot begins to take: the lowest position that any
 * place still waits for. Read from the places themselves, so that nothing an
 * earlier tenant left undone matters.
 */
uint64_t ae_mailbox_head(const struct aether_plane *plane, uint32_t slot)
{
	uint32_t places = plane->geometry.places;
	const struct aether_word64 *box =
		&plane->places[(uint64_t)slot * places];
	uint32_t first = 0;
	uint32_t least = 0;

	for (uint32_t i = 0; i < places; i++) {
		/* relaxed: a later fill only asks to look again. */
		uint64_t place = ae_load64_relaxed(&box[i]);
		uint32_t lap = (uint32_t)AETHER_PLACE_LAP(place);

		if (i == 0 || (int32_t)(lap - least) < 0) {
			first = i;
			least = lap;
		}
	}
	return ((uint64_t)least << plane->lap_shift) + first;
}

/* Where the entries end that are in the box now; `head`: none. What is in it
 * before its tenant sits is not for that one. */
uint64_t ae_mailbox_end(const struct aether_plane *plane, uint32_t slot,
			uint64_t head)
{
	uint32_t places = plane->geometry.places;
	const struct aether_word64 *box =
		&plane->places[(uint64_t)slot * places];
	uint64_t end = head;

	for (uint32_t i = 0; i < places; i++) {
		/* relaxed: what comes later is looked at. */
		uint64_t place = ae_load64_relaxed(&box[i]);
		uint64_t at = position_of(
			plane, i, (uint32_t)AETHER_PLACE_LAP(place), head);

		if (AETHER_PLACE_FULL(place) && (int64_t)(at + 1 - end) > 0)
			end = at + 1;
	}
	/* a box holds so many; a forged lap leads no further */
	return end - head <= places ? end : head + places;
}

/*
 * The stride that the `nth` entry from the tenant's head on names. 1: there is
 * one, and the plane has such a stride.
 */
int ae_mailbox_peek(const struct aether_plane *plane, uint32_t slot,
		    uint32_t nth, uint32_t *stride)
{
	struct aether_word64 *box =
		&plane->places[(uint64_t)slot * plane->geometry.places];
	/* relaxed: a hint of the order. */
	uint64_t head = ae_load64_relaxed(&plane->seats[slot].head);
	uint64_t place = ae_load64_relaxed(place_of(plane, box, head + nth));

	*stride = (uint32_t)AETHER_PLACE_STRIDE(place);
	return AETHER_PLACE_FULL(place) && *stride < plane->geometry.strides;
}

/*
 * The next position to try after one that held `seen`; AETHER_EBOX: it is full
 * from the lap before, so there is none. Who has fallen behind the owner starts
 * at its head; positions are compared, not laps, for a sender may have been
 * idle for more laps than a place can count. Who is further ahead than a box is
 * long, and the head may lag, believed a head that was forged.
 */
static int step(const struct aether_plane *plane, uint32_t slot, uint64_t seen,
		uint64_t *cursor)
{
	/* relaxed: a hint that never leads the fills. */
	uint64_t head = ae_load64_relaxed(&plane->seats[slot].head);
	uint32_t lap = lap_of(plane, *cursor);

	if ((int64_t)(head - *cursor) > 0 ||
	    *cursor - head > 2 * (uint64_t)plane->geometry.places) {
		*cursor = head;
		return 0;
	}
	if (AETHER_PLACE_FULL(seen) &&
	    (int32_t)((uint32_t)AETHER_PLACE_LAP(seen) - lap) < 0)
		return AETHER_EBOX;
	++*cursor;
	return 0;
}

/* Asks for the line of the place that an entry will probably fill, while the
 * sender still checks whether it may: it comes from the owner, who polls it. */
void ae_mailbox_fetch(const struct aether_participant *me, uint64_t to)
{
	const struct aether_plane *plane = me->plane;
	uint32_t slot = (uint32_t)AETHER_TENANCY_SLOT(to);

	if (slot >= plane->geometry.participants)
		return;
	ae_prefetch_write(place_of(
		plane, &plane->places[(uint64_t)slot * plane->geometry.places],
		me->senders[slot].cursor));
}

/*
 * R2: an entry for the lease into the box of `slot`, from the caller's private
 * cursor on. AETHER_EBOX: no place is empty.
 */
int ae_mailbox_enter(struct aether_plane *plane, uint32_t slot, uint64_t handle,
		     uint64_t *cursor)
{
	uint32_t places = plane->geometry.places;
	struct aether_word64 *box = &plane->places[(uint64_t)slot * places];

	for (uint32_t tries = 0; tries < 2 * places; tries++) {
		uint32_t lap = lap_of(plane, *cursor);
		struct aether_word64 *place = place_of(plane, box, *cursor);
		uint64_t wanted = AETHER_PLACE_MAKE(
			1, AETHER_HANDLE_STRIDE(handle),
			AETHER_HANDLE_GENERATION(handle), lap);
		/* seq_cst: whoever sees the entry sees the word as it was for
		 * me; before the look at who is parked. pairs: seq_cst in
		 * next_entry, release in empty_place */
		uint64_t seen = ae_cas64_seq_cst(place, empty(lap), wanted);

		if (seen == empty(lap)) {
			++*cursor;
			return 0;
		}
		if (step(plane, slot, seen, cursor) < 0)
			return AETHER_EBOX;
	}
	return AETHER_EBOX;
}

/* T2: routed to me: one swap makes it mine, as suspect as it was. */
static int accept_route(struct aether_participant *me, uint32_t stride,
			uint64_t word, uint64_t *handle)
{
	struct aether_plane *plane = me->plane;
	struct aether_lease_seg *lease = &plane->leases[stride];
	uint64_t mine = me->mine | (word & ~AE_NAMED);

	/* seq_cst: takes over the bytes; before the look at who waits until I
	 * take. pairs: seq_cst in commit, seq_cst in send_on, seq_cst in
	 * bequeath, seq_cst in put_back, seq_cst in ae_sent_prune */
	if (ae_cas64_seq_cst(&lease->word, word, mine) != word)
		return AETHER_EAGAIN;
	/* relaxed: mine. Its last owner may have died before it said how long
	 * the run is. */
	if (word & AE_SUSPECT)
		ae_store32_relaxed(&lease->run, ae_run_length(plane, stride));
	*handle = AETHER_HANDLE_MAKE(stride, plane->tag,
				     AETHER_LEASE_GENERATION(word));
	return 0;
}

/* Is its sender between entry and commit? It is busy then; or routed to one
 * that is gone, if the sender is one who settles what the dead left. */
static int is_coming(const struct aether_participant *me, uint64_t word)
{
	uint32_t slot = (uint32_t)AETHER_LEASE_SEAT(word);
	uint64_t seat;

	if (AETHER_LEASE_STATE(word) == AETHER_STATE_BUSY)
		return (word & AE_NAMED) != me->mine;
	if (AETHER_LEASE_STATE(word) != AETHER_STATE_ROUTED ||
	    slot >= me->plane->geometry.participants)
		return 0;
	/* seq_cst: after the word, as who settles it reads it.
	 * pairs: release in sit, seq_cst in mark_dead, seq_cst in
	 * ae_participant_leave */
	seat = ae_load64_seq_cst(&me->plane->seats[slot].seat);
	return AETHER_SEAT_STATE(seat) != AETHER_SEAT_ACTIVE ||
	       ae_low_stamp(AETHER_SEAT_STAMP(seat)) !=
		       AETHER_LEASE_STAMP(word);
}

/*
 * T2: looks at the word that an entry names. 0: it is mine now, or mine to
 * read. AETHER_EAGAIN: it may become so. AETHER_EOWNER: not for me.
 */
static int look(struct aether_participant *me, uint32_t stride,
		uint32_t generation, uint64_t *handle)
{
	struct aether_plane *plane = me->plane;
	uint64_t word;

	if (stride >= plane->geometry.strides || !ae_right(plane, stride))
		return AETHER_EOWNER;
	/* seq_cst: after I said that I am parked. pairs: seq_cst in commit,
	 * seq_cst in send_on, seq_cst in bequeath, seq_cst in put_back,
	 * seq_cst in commit_share */
	word = ae_load64_seq_cst(&plane->leases[stride].word);
	if ((AETHER_LEASE_GENERATION(word) & AETHER_PLACE_GENERATION_MASK) !=
	    generation)
		return AETHER_EOWNER;
	if ((word & AE_NAMED) == me->routed)
		return accept_route(me, stride, word, handle);
	if (AETHER_LEASE_STATE(word) == AETHER_STATE_SHARED &&
	    ae_share_look(me, stride, word) == 0) {
		*handle = AETHER_HANDLE_MAKE(stride, plane->tag,
					     AETHER_LEASE_GENERATION(word));
		return 0;
	}
	return is_coming(me, word) ? AETHER_EAGAIN : AETHER_EOWNER;
}

static void took(struct aether_participant *me, uint64_t handle)
{
	uint32_t index = (uint32_t)AETHER_HANDLE_STRIDE(handle);

	ae_lease_gain(me, index);
	if (me->listed)
		ae_sent_drop(me, index);
	ae_count(&me->seat->taken, &me->counts.taken);
	ae_wait_owe_room(me);
}

static void remember(struct aether_participant *me, uint32_t stride,
		     uint32_t generation)
{
	uint32_t i = 0;

	while (i < me->lates && me->late[i].stride != stride)
		i++;
	me->late[i].stride = stride;
	me->late[i].generation = generation;
	if (i == me->lates)
		me->lates++;
}

static void forget(struct aether_participant *me, uint32_t at)
{
	me->lates--;
	for (uint32_t i = at; i < me->lates; i++)
		me->late[i] = me->late[i + 1];
}

/* Those met before their commit, first: keeps the order of each sender. */
static int take_late(struct aether_participant *me, uint64_t *handle)
{
	uint32_t i = 0;

	while (i < me->lates) {
		int err = look(me, me->late[i].stride, me->late[i].generation,
			       handle);

		if (err == AETHER_EAGAIN) {
			i++;
			continue;
		}
		forget(me, i);
		if (err == 0)
			return 0;
	}
	return AETHER_EEMPTY;
}

/* T1: the entry at my head; 0: the box is empty, or no looks are left. */
static uint64_t next_entry(struct aether_participant *me, uint64_t *looks)
{
	const struct aether_plane *plane = me->plane;

	for (uint32_t i = 0; i < plane->geometry.places && *looks; i++) {
		uint32_t lap = lap_of(plane, me->head);
		/* seq_cst: the word that the entry names is its sender's by
		 * now; after I said that I am parked. pairs: seq_cst in
		 * ae_mailbox_enter */
		uint64_t place = ae_load64_seq_cst(
			place_of(plane, me->box, me->head));

		if (AETHER_PLACE_LAP(place) == lap)
			return AETHER_PLACE_FULL(place) ? place : 0;
		me->head++; /* emptied by an earlier tenant */
		--*looks;
	}
	return 0;
}

/* T6: empties the place at my head for its next lap. */
static void empty_place(struct aether_participant *me)
{
	uint32_t lap = lap_of(me->plane, me->head);

	/* release: I have read the entry. pairs: seq_cst in ae_mailbox_enter */
	ae_store64_release(place_of(me->plane, me->box, me->head),
			   empty(lap + 1));
	me->head++;
	/* relaxed: a hint for senders that lag. */
	ae_store64_relaxed(&me->seat->head, me->head);
}

/* The lines that a take moves, asked for at once instead of one by one: the
 * lease, the place that I shall empty, the first bytes. */
static void fetch_lines(const struct aether_participant *me, uint32_t stride)
{
	const struct aether_plane *plane = me->plane;

	if (stride >= plane->geometry.strides)
		return;
	ae_prefetch_write(&plane->leases[stride]);
	ae_prefetch_write(place_of(plane, me->box, me->head));
	ae_prefetch_write(plane->base + plane->geometry.data_offset +
			  stride * plane->geometry.stride_size);
}

/* Late ones are looked at again before the next entry, for the order. 0: one of
 * them is mine now. AETHER_EEMPTY: none is. */
static int take_late_first(struct aether_participant *me, uint64_t *looks,
			   uint64_t *handle)
{
	if (!me->lates)
		return AETHER_EEMPTY;
	*looks -= me->lates < *looks ? me->lates : *looks;
	return take_late(me, handle);
}

int aether_route_take(struct aether_participant *me, uint64_t *handle)
{
	/* so many lates as there can be senders, each time: more, and laps that
	 * lead nowhere, are forged; the next call goes on from there */
	uint64_t looks = me->plane->geometry.places *
			 (uint64_t)AETHER_PARTICIPANTS_MAX;

	for (uint32_t i = 0; i <= me->plane->geometry.places; i++) {
		uint64_t entry = next_entry(me, &looks);
		uint32_t stride = (uint32_t)AETHER_PLACE_STRIDE(entry);
		uint32_t low = (uint32_t)AETHER_PLACE_GENERATION(entry);
		int err;

		if (entry)
			fetch_lines(me, stride);
		if (take_late_first(me, &looks, handle) == 0) {
			took(me, *handle);
			return 0;
		}
		if (!entry)
			break;
		if ((int64_t)(me->older - me->head) > 0) {
			empty_place(me);
			continue; /* an earlier tenant's */
		}
		err = look(me, stride, low, handle);
		if (err == AETHER_EAGAIN &&
		    stride < me->plane->geometry.strides)
			remember(me, stride, low);
		empty_place(me);
		if (err == 0) {
			took(me, *handle);
			return 0;
		}
		/* a place is empty, though nothing was taken; who misses this
		 * ring looks again (soon in wait.c) */
		ae_wait_owe_room(me);
	}
	ae_wait_in_vain(me);
	return ae_plane_lost(me->plane) ? AETHER_ECORRUPT : AETHER_EEMPTY;
}

static int attempt_take(struct aether_participant *me, void *what)
{
	return aether_route_take(me, what);
}

int aether_route_take_until(struct aether_participant *me, uint64_t deadline,
			    uint64_t *handle)
{
	struct ae_wait wait = { .attempt = attempt_take,
				.what = handle,
				.spins = 1 };

	return ae_wait_until(me, &wait, deadline);
}
