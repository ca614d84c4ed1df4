/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes: the sender's side of handing a lease on. The entry in the
 * addressee's mailbox comes before the commit of the lease word; so a commit
 * without an entry does not exist, and nothing is ever lost in flight. Step R
 * of PROTOCOL.md.
 */
#include "ae_base.h"

static struct ae_sender *sender_for(struct aether_participant *me, uint64_t to)
{
	uint32_t slot = (uint32_t)AETHER_TENANCY_SLOT(to);
	struct ae_sender *sender = &me->senders[slot];

	if (sender->to == to)
		return sender;
	ae_sent_clear(me, sender);
	sender->to = to;
	sender->depth = 0;
	sender->policy = AETHER_POLICY_BLOCK;
	/* relaxed: a hint that never leads the fills. */
	sender->cursor = ae_load64_relaxed(&me->plane->seats[slot].head);
	return sender;
}

int aether_route_set(struct aether_participant *me, uint64_t to, uint32_t depth,
		     uint32_t policy)
{
	struct aether_participant_seg *seat;
	struct ae_sender *sender;
	int err = ae_participant_find_seat(me->plane, to, &seat);

	if (err < 0)
		return err;
	if (policy > AETHER_POLICY_DROP_OLDEST)
		return AETHER_EINVAL;
	sender = sender_for(me, to);
	if (!depth)
		ae_sent_clear(me, sender);
	sender->depth = depth;
	sender->policy = policy;
	return 0;
}

int aether_route_depth(struct aether_participant *me, uint64_t to,
		       uint32_t *depth)
{
	struct aether_participant_seg *seat;
	struct ae_sender *sender;
	int err = ae_participant_find_seat(me->plane, to, &seat);

	if (err < 0)
		return err;
	sender = sender_for(me, to);
	ae_sent_prune(me, sender);
	*depth = sender->count;
	return 0;
}

/*
 * Puts somebody else's mail back on its way, as a commit does: who leaves
 * meanwhile may have looked for his mail when it was mine, so the seat is
 * looked at once more, and what nobody will take is settled.
 */
static void send_on(struct aether_participant *me, uint64_t to, uint32_t index,
		    uint64_t word)
{
	struct aether_lease_seg *lease = &me->plane->leases[index];
	uint64_t mine = me->mine | (word & ~AE_NAMED);
	struct aether_participant_seg *seat;

	/* seq_cst: as in commit. pairs: seq_cst in look, seq_cst in
	 * accept_route, seq_cst in settle_word */
	ae_cas64_seq_cst(&lease->word, mine, word);
	if (ae_participant_find_seat(me->plane, to, &seat) == 0)
		ae_wait_ring_mail(me->plane, (uint32_t)AETHER_TENANCY_SLOT(to));
	else
		ae_settle_one(me, index);
}

/*
 * Takes a lease back from its way and ends it, unless it was taken. The word
 * alone does not say so: the lease may have gone round and be on its way to the
 * same addressee again, from somebody else. Its hops do. They are read before,
 * and once more when it is mine; then it goes on its way again.
 */
static void take_back(struct aether_participant *me, uint64_t to,
		      uint32_t index, const struct ae_sent *sent)
{
	uint64_t mine = me->mine | (sent->word & ~AE_NAMED);
	struct aether_lease_seg *lease = &me->plane->leases[index];

	/* seq_cst: the stride comes back, and whoever settles it sees what I
	 * said of it. pairs: seq_cst in commit, seq_cst in settle_word */
	if (ae_cas64_seq_cst(&lease->word, sent->word, mine) != sent->word)
		return;
	/* relaxed: mine. */
	if (ae_load32_relaxed(&lease->hops) != sent->hops) {
		send_on(me, to, index, sent->word);
		return;
	}
	ae_lease_gain(me, index);
	ae_lease_end(me, index, mine);
	ae_count(&me->seat->dropped, &me->counts.dropped);
}

/*
 * Withdraws the oldest. What I do to which lease stands in my record meanwhile:
 * if I die before it has ended, whoever settles puts it back on its way, be it
 * my mail or somebody else's (put_back in settle.c).
 */
static AE_COLD void withdraw_oldest(struct aether_participant *me,
				    struct ae_sender *sender)
{
	uint32_t index = sender->first;
	struct ae_sent sent = me->sent[index];
	uint64_t withdrawal = AETHER_WITHDRAWAL_MAKE(
		1, index, AETHER_LEASE_SEAT(sent.word),
		AETHER_LEASE_STAMP(sent.word), me->stamp);

	ae_sent_drop(me, index);
	/* relaxed: a guess, which saves taking what is not mine to take. */
	if (ae_load32_relaxed(&me->plane->leases[index].hops) != sent.hops)
		return;
	/* relaxed: the swap that makes it true releases it; whoever reads it
	 * knows that I am gone. */
	ae_store64_relaxed(&me->seat->withdrawal, withdrawal);
	take_back(me, sender->to, index, &sent);
	/* relaxed: the same. */
	ae_store64_relaxed(&me->seat->withdrawal, 0);
}

/* Is there room under the route's depth? 1: after withdrawing the oldest. */
static int check_depth(struct aether_participant *me, struct ae_sender *sender,
		       uint64_t handle)
{
	if (!sender->depth || sender->count < sender->depth)
		return 0;
	ae_sent_prune(me, sender);
	if (sender->count < sender->depth)
		return 0;
	if (sender->policy == AETHER_POLICY_BLOCK)
		return AETHER_EDEPTH;
	if (sender->policy == AETHER_POLICY_DROP_OLDEST)
		return 1;
	aether_stride_release(me, handle);
	ae_count(&me->seat->dropped, &me->counts.dropped);
	return AETHER_EDROPPED;
}

/* R3 to R5. `word` is mine; after it, the addressee's. */
static int commit(struct aether_participant *me, uint64_t handle, uint64_t to,
		  uint64_t word)
{
	uint32_t slot = (uint32_t)AETHER_TENANCY_SLOT(to);
	uint32_t index = (uint32_t)AETHER_HANDLE_STRIDE(handle);
	struct aether_participant_seg *seat = &me->plane->seats[slot];
	struct aether_lease_seg *lease = &me->plane->leases[index];
	uint64_t gone = AETHER_LEASE_MAKE(AETHER_STATE_ROUTED, slot,
					  AETHER_TENANCY_STAMP(to), 0, 0) |
			(word & ~AE_NAMED);
	/* relaxed: mine until the commit, which orders it. */
	uint32_t hops = ae_load32_relaxed(&lease->hops) + 1;
	uint32_t run = ae_run_said(me->plane, index);
	uint64_t seen;

	/* relaxed: the same. */
	ae_store32_relaxed(&lease->hops, hops);
	/* seq_cst: hands the bytes over; before the second look at the seat
	 * and at who is parked. pairs: seq_cst in look, seq_cst in
	 * accept_route, seq_cst in settle_word, seq_cst in take_back,
	 * acquire in commit */
	seen = ae_cas64_seq_cst(&lease->word, word, gone);
	if (seen != word)
		return ae_lease_refuse(me, seen, handle);
	/* seq_cst: after the commit: either I see that it leaves, or it finds
	 * my commit. pairs: seq_cst in ae_participant_leave */
	seen = ae_load64_seq_cst(&seat->seat);
	if (seen !=
	    AETHER_SEAT_MAKE(AETHER_SEAT_ACTIVE, AETHER_TENANCY_STAMP(to))) {
		/* acquire: mine again, or settled by somebody.
		 * pairs: seq_cst in commit */
		if (ae_cas64_acquire(&lease->word, gone, word) == gone)
			return AETHER_EGONE;
	}
	if (me->senders[slot].depth)
		ae_sent_add(me, &me->senders[slot], index, gone, hops);
	ae_lease_lose(me, run);
	ae_count(&me->seat->routed, &me->counts.routed);
	ae_wait_owe_mail(me, slot);
	return 0;
}

static int route(struct aether_participant *me, uint64_t handle, uint64_t to)
{
	struct aether_participant_seg *seat;
	struct aether_lease_seg *lease;
	struct ae_sender *sender;
	uint64_t word = me->mine |
			ae_word_generation(AETHER_HANDLE_GENERATION(handle));
	uint64_t seen;
	int full;
	int err;

	ae_mailbox_fetch(me, to);
	err = ae_lease_find(me->plane, handle, &lease);
	if (err < 0) {
		ae_count(&me->seat->refused, &me->counts.refused);
		return err;
	}
	/* relaxed: while the lease is mine nobody else changes its word. */
	seen = ae_load64_relaxed(&lease->word);
	if (seen != word && seen != (word | AE_SUSPECT))
		return ae_lease_refuse(me, seen, handle);
	word = seen;
	err = ae_participant_find_seat(me->plane, to, &seat);
	if (err == 0)
		err = ae_sight_check(me->plane,
				     (uint32_t)AETHER_TENANCY_SLOT(to),
				     AETHER_TENANCY_STAMP(to),
				     (uint32_t)AETHER_HANDLE_STRIDE(handle));
	if (err < 0)
		return err;
	sender = sender_for(me, to);
	full = check_depth(me, sender, handle);
	if (full < 0)
		return full;
	err = ae_mailbox_enter(me->plane, (uint32_t)AETHER_TENANCY_SLOT(to),
			       handle, &sender->cursor);
	if (err < 0)
		return err;
	/* only now, when nothing else can refuse: a route that cannot take the
	 * new one must not lose the old ones */
	while (full && sender->count >= sender->depth)
		withdraw_oldest(me, sender);
	return commit(me, handle, to, word);
}

int aether_route(struct aether_participant *me, uint64_t handle, uint64_t to)
{
	int err = route(me, handle, to);

	if (err == AETHER_EDEPTH || err == AETHER_EBOX) {
		ae_count(&me->seat->full, &me->counts.full);
		ae_wait_in_vain(me);
	}
	return err;
}

struct attempt {
	uint64_t handle;
	uint64_t to;
};

static int attempt_route(struct aether_participant *me, void *what)
{
	const struct attempt *attempt = what;

	return route(me, attempt->handle, attempt->to);
}

int aether_route_until(struct aether_participant *me, uint64_t handle,
		       uint64_t to, uint64_t deadline)
{
	struct attempt attempt = { .handle = handle, .to = to };
	struct aether_participant_seg *seat;
	struct ae_wait wait = { .attempt = attempt_route,
				.what = &attempt,
				.spins = 1 };
	int err = ae_participant_find_seat(me->plane, to, &seat);

	if (err < 0)
		return aether_route(me, handle, to);
	wait.waiters = &seat->drain_waiters;
	return ae_wait_until(me, &wait, deadline);
}
