/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge: sees every change of a lease word, of a seat word and of an heir
 * word, and knows what no participant knows: who lives, who has what, and what
 * was ever handed out. A change that the protocol does not allow fails the
 * execution at the step that made it.
 */
#include "ae_pair.h"
#include "state.h"

struct ae_sim_ghost ae_sim_ghost;

/* One change of a lease word. */
struct change {
	uint32_t index;
	struct ae_sim_lease *lease;
	uint32_t me; /* stamp of whoever made it */
	uint64_t old, now;
	uint32_t was, is; /* states */
	uint32_t of, to;  /* stamps that the words name */
};

static struct ae_sim_tenant *tenant(uint32_t stamp)
{
	return &ae_sim_ghost.tenants[stamp % AE_SIM_STAMPS];
}

uint32_t ae_sim_stamp(void)
{
	const struct aether_participant *me = ae_sim_runner()->me;

	return me ? (uint32_t)me->stamp : 0;
}

__attribute__((noreturn)) static void refuse(const struct change *c,
					     const char *why)
{
	char old[80];

	snprintf(old, sizeof(old), "%s",
		 ae_sim_word(&ae_sim.plane.leases[c->index], c->old));
	ae_sim_fail("stride %u: %s makes %s of %s: %s", c->index,
		    ae_sim_name(ae_sim.current),
		    ae_sim_word(&ae_sim.plane.leases[c->index], c->now), old,
		    why);
}

static void demand(const struct change *c, int fact, const char *why)
{
	if (!fact)
		refuse(c, why);
}

/* Not there, or on its way out, as far as its mail is concerned. */
static int is_gone(uint32_t stamp, int mail)
{
	const struct ae_sim_tenant *t = tenant(stamp);

	return !t->alive || t->sits == 0 || (mail && t->sits == 2);
}

/* The nearest heir that lives and sits; 0: none. */
static uint32_t living_heir(uint32_t stamp)
{
	for (int i = 0; i < AE_SIM_ALL; i++) {
		stamp = tenant(stamp)->heir;
		if (!stamp)
			return 0;
		if (tenant(stamp)->alive && tenant(stamp)->sits == 1)
			return stamp;
	}
	return 0;
}

/* Was it ever named, by that one or by an heir of that one? */
static int is_heir(uint32_t stamp, uint32_t heir)
{
	uint32_t heirs = tenant(stamp)->heirs;

	for (int i = 0; i < AE_SIM_ALL; i++)
		for (uint32_t h = 1; h < AE_SIM_STAMPS; h++)
			if (heirs >> h & 1)
				heirs |= tenant(h)->heirs;
	return heirs >> heir & 1;
}

/* One who does not see it has no use for it; and what was still to be cleared
 * when who reserved it died was nobody's yet. */
static int may_inherit(const struct change *c, uint32_t heir)
{
	return heir && ae_sim_sees(heir, c->index) &&
	       (c->was != AETHER_STATE_BUSY || !ae_zeroes_late(&ae_sim.plane) ||
		!ae_sim_uncleared(c->index));
}

static uint64_t generations(const struct change *c)
{
	return AETHER_LEASE_GENERATION(c->now) -
	       AETHER_LEASE_GENERATION(c->old);
}

static int suspect(uint64_t word)
{
	return (word & AE_SUSPECT) != 0;
}

/* A lease that goes on is the same lease, as suspect as it was. */
static void demand_same(const struct change *c)
{
	demand(c, generations(c) == 0, "the generation changes");
	demand(c, suspect(c->now) == suspect(c->old), "the suspicion changes");
}

static void reserved(const struct change *c)
{
	uint64_t generation = AETHER_LEASE_GENERATION(c->now);
	struct ae_sim_lease *l = c->lease;

	demand(c, generations(c) == 0, "the generation changes");
	demand(c, !l->holder && !l->readers, "somebody has it");
	demand(c, generation >= l->issued, "the same handle a second time");
	l->issued = generation + 1;
	l->senders = l->meant = l->believer = 0;
	l->content = 0;
	/* its user data are cleared */
	ae_sim_order_payload(c->index, 1, 0);
}

static void becomes_busy(const struct change *c)
{
	demand(c, c->to == c->me, "busy with somebody else");
	c->lease->back = 0;
	switch (c->was) {
	case AETHER_STATE_DORMANT:
		reserved(c);
		break;
	case AETHER_STATE_BUSY:
		demand(c, c->of == c->me, "taken from its holder");
		demand(c, generations(c) == 0 && suspect(c->old),
		       "there is nothing to accept");
		break;
	case AETHER_STATE_ROUTED:
		demand_same(c);
		demand(c, !c->lease->holder, "somebody has it");
		demand(c, c->of == c->me || c->lease->senders >> c->me & 1,
		       "somebody else's mail");
		if (c->of != c->me)
			c->lease->back = c->of;
		if (c->of != c->me && c->lease->from != c->me)
			c->lease->borrowed = c->of;
		break;
	default:
		refuse(c, "that cannot be");
	}
	c->lease->holder = c->me;
}

/* A withdrawal whose withdrawer is dead: it has not been, and the mail is on
 * its way to the same addressee, as it was. */
static void put_back(const struct change *c)
{
	demand(c, is_gone(c->of, 0), "taken from the living");
	demand_same(c);
	c->lease->borrowed = 0;
	c->lease->holder = 0;
}

/* Mail: who sends has it; what the dead had goes to their heirs. */
static void becomes_routed(const struct change *c)
{
	struct ae_sim_lease *l = c->lease;
	int leaving = ae_sim_runner()->leaving;
	int work = c->was == AETHER_STATE_BUSY;
	uint32_t back = l->back;

	l->back = 0;
	demand(c, generations(c) == 0, "the generation changes");
	demand(c, tenant(c->to)->slot == AETHER_LEASE_SEAT(c->now),
	       "to another slot than that tenant's");
	demand(c, ae_sim_sees(c->to, c->index), "to one who does not see it");
	if (work && c->of == c->me && !leaving) {
		demand_same(c);
		l->holder = 0;
		if (l->borrowed) {
			demand(c, l->borrowed == c->to,
			       "what was borrowed is sent astray");
			l->borrowed = 0;
			return;
		}
		l->senders |= 1u << c->me;
		l->serial = ++ae_sim_ghost.sent[c->me][c->to];
		l->from = c->me;
		return;
	}
	if (work && back && back == c->to) {
		put_back(c);
		return;
	}
	demand(c, work || c->was == AETHER_STATE_ROUTED, "that cannot be");
	demand(c, is_gone(c->of, !work) || (leaving && c->of == c->me),
	       "taken from the living");
	demand(c, suspect(c->now) == (work || suspect(c->old)),
	       "suspect is what was worked on, and only that");
	demand(c, is_heir(c->of, c->to), "to one who is no heir");
	demand(c, may_inherit(c, c->to), "it was never handed out");
	demand(c, !l->borrowed || is_gone(l->borrowed, 1),
	       "it was borrowed, and its addressee lives");
	l->borrowed = 0;
	l->holder = 0;
	l->from = 0;
}

/* A run becomes a pair's, or is its no more: only the pair's writer does that,
 * and only while nobody can read that buffer soundly. */
static void demand_writer(const struct change *c, uint64_t kept)
{
	uint32_t buffer = (uint32_t)AETHER_KEPT_BUFFER(kept);
	struct ae_pair p;
	uint64_t writer;

	demand(c,
	       ae_pair_find(&ae_sim.plane, (uint32_t)AETHER_KEPT_PAIR(kept),
			    &p) == 0 &&
		       buffer < p.is->buffers,
	       "there is no such pair, or buffer");
	writer = ae_sim_peek(&p.record->writer, 64);
	demand(c,
	       AETHER_HOLDER_HELD(writer) &&
		       AETHER_HOLDER_STAMP(writer) == c->me,
	       "by one who is not the pair's writer");
	demand(c, ae_sim_peek(&p.record->begun[buffer], 32) & 1,
	       "that buffer may be read");
}

static void becomes_kept(const struct change *c)
{
	demand(c, c->was == AETHER_STATE_BUSY && c->of == c->me,
	       "kept by one who has it not");
	demand(c, generations(c) == 0 && !suspect(c->old) && !suspect(c->now),
	       "not the lease that it was");
	demand_writer(c, c->now);
	c->lease->holder = 0;
}

static void becomes_ending(const struct change *c)
{
	struct ae_sim_lease *l = c->lease;
	int leaving = ae_sim_runner()->leaving;
	int mail = c->was == AETHER_STATE_ROUTED;
	int mine = c->of == c->me;

	demand(c, c->to == c->me, "ended in another's name");
	if (c->was == AETHER_STATE_SHARED) {
		for (uint32_t i = 0; i < AE_SIM_STAMPS; i++)
			demand(c, !(l->readers >> i & 1) || is_gone(i, 0),
			       "somebody living reads it");
	} else if (c->was == AETHER_STATE_BUSY || mail) {
		demand(c, (mine && (!mail || leaving)) || is_gone(c->of, mail),
		       "taken from the living");
		demand(c,
		       (mine && !leaving) ||
			       !may_inherit(c, living_heir(c->of)),
		       "an heir of it lives");
		demand(c, !l->borrowed || is_gone(l->borrowed, 1),
		       "it was borrowed, and its addressee lives");
		l->borrowed = 0;
	} else if (c->was == AETHER_STATE_KEPT) {
		demand_writer(c, c->old);
	} else {
		demand(c, c->was == AETHER_STATE_ENDING, "that cannot be");
		demand(c, mine || is_gone(c->of, 0), "taken from the living");
	}
	demand(c, generations(c) == (c->was != AETHER_STATE_ENDING),
	       "its handles stay valid");
	l->holder = c->me;
	l->readers = 0;
}

/* All of a zeroing plane's bytes that anybody can have written. */
static void demand_zero(const struct change *c)
{
	const struct aether_plane *p = &ae_sim.plane;
	const unsigned char *bytes = p->base + p->geometry.data_offset +
				     c->index * p->geometry.stride_size;
	/* the next owner does it, before it is told (act.c) */
	int late = p->geometry.segments &&
		   ae_sim_peek(&p->leases[c->index].uncleared, 32);

	if (!(p->flags & AETHER_FLAG_ZERO))
		return;
	for (size_t i = 0; i < sizeof(uint64_t); i++)
		demand(c, (late || !bytes[i]) && !p->leases[c->index].user[i],
		       "its bytes are not zero");
	if (!late)
		ae_sim_order_payload(c->index, 1, 1);
}

/* Are all bytes of the stride zero? A run that was never handed out is given
 * back so. */
static int is_clear(uint32_t index)
{
	uint64_t size = ae_sim.plane.geometry.stride_size;
	const unsigned char *bytes = ae_sim.plane.base +
				     ae_sim.plane.geometry.data_offset +
				     index * size;

	for (uint64_t i = 0; i < size; i++)
		if (bytes[i])
			return 0;
	return 1;
}

static void becomes_dormant(const struct change *c)
{
	struct ae_sim_lease *l = c->lease;
	uint64_t head;

	demand(c, generations(c) == 1, "the generation does not rise by one");
	if (c->was == AETHER_STATE_CONT) {
		head = ae_sim_peek(&ae_sim.plane.leases[l->head].word, 64);
		demand(c,
		       AETHER_LEASE_GENERATION(head) != l->of ||
			       ae_sim_ghost.leases[l->head].holder == c->me,
		       "the run is another's");
	} else {
		demand(c,
		       c->was == AETHER_STATE_ENDING ||
			       c->was == AETHER_STATE_BUSY,
		       "that cannot be");
		demand(c, c->of == c->me && l->holder == c->me,
		       "freed by one who has it not");
		demand(c,
		       c->was == AETHER_STATE_ENDING ||
			       !(ae_sim.plane.flags & AETHER_FLAG_ZERO) ||
			       is_clear(c->index),
		       "freed before it was cleared");
	}
	demand_zero(c);
	l->holder = 0;
}

static void becomes_tail(const struct change *c)
{
	struct ae_sim_lease *l = c->lease;
	uint64_t distance = AETHER_CONT_DISTANCE(c->now);
	uint64_t head;

	demand(c, c->was == AETHER_STATE_DORMANT, "that cannot be");
	demand(c, distance && distance <= c->index, "no such head");
	reserved(c);
	l->head = c->index - (uint32_t)distance;
	demand(c, ae_sim_ghost.leases[l->head].holder == c->me,
	       "the head is another's");
	head = ae_sim_peek(&ae_sim.plane.leases[l->head].word, 64);
	l->of = AETHER_LEASE_GENERATION(head);
}

static void becomes_shared(const struct change *c)
{
	demand(c, c->was == AETHER_STATE_BUSY && c->of == c->me,
	       "shared by one who has it not");
	demand(c, generations(c) == 0 && !suspect(c->old) && !suspect(c->now),
	       "not the lease that it was");
	c->lease->holder = 0;
}

static void lease_changed(uint32_t index, uint64_t old, uint64_t now)
{
	struct change c = {
		.index = index,
		.lease = &ae_sim_ghost.leases[index],
		.me = ae_sim_stamp(),
		.old = old,
		.now = now,
		.was = (uint32_t)AETHER_LEASE_STATE(old),
		.is = (uint32_t)AETHER_LEASE_STATE(now),
		.of = (uint32_t)AETHER_LEASE_STAMP(old),
		.to = (uint32_t)AETHER_LEASE_STAMP(now),
	};
	static void (*const becomes[8])(const struct change *) = {
		[AETHER_STATE_DORMANT] = becomes_dormant,
		[AETHER_STATE_BUSY] = becomes_busy,
		[AETHER_STATE_ROUTED] = becomes_routed,
		[AETHER_STATE_SHARED] = becomes_shared,
		[AETHER_STATE_CONT] = becomes_tail,
		[AETHER_STATE_ENDING] = becomes_ending,
		[AETHER_STATE_KEPT] = becomes_kept,
	};

	demand(&c, becomes[c.is] != NULL, "no such state");
	becomes[c.is](&c);
}

/* What it had in hand is another's, or nobody's. */
static void demand_settled(uint32_t slot, uint32_t stamp)
{
	for (uint32_t i = 0; i < ae_sim.plane.geometry.strides; i++)
		if (ae_sim_ghost.leases[i].holder == stamp)
			ae_sim_fail("slot %u is free, and stride %u is still "
				    "its tenant's",
				    slot, i);
}

static void seat_changed(uint32_t slot, uint64_t old, uint64_t now)
{
	uint32_t stamp = (uint32_t)AETHER_SEAT_STAMP(now);
	struct ae_sim_tenant *t = tenant(stamp);
	uint32_t me = ae_sim_stamp();

	if (stamp >= AE_SIM_STAMPS)
		ae_sim_fail("more tenancies than the simulator counts");
	if (AETHER_SEAT_STATE(now) == AETHER_SEAT_ACTIVE) {
		if (t->sits || stamp != me ||
		    ae_sim.locks[slot] != ae_sim_runner()->process + 1)
			ae_sim_fail("slot %u: sits down without right", slot);
		if (AETHER_SEAT_STATE(old) != AETHER_SEAT_FREE &&
		    AETHER_SEAT_STATE(old) != AETHER_SEAT_DEAD)
			ae_sim_fail("slot %u: in the place of another", slot);
		*t = (struct ae_sim_tenant) {
			.slot = slot,
			.process = ae_sim_runner()->process,
			.sits = 1,
			.alive = 1,
		};
		return;
	}
	if (AETHER_SEAT_STAMP(old) != stamp)
		ae_sim_fail("slot %u: another tenancy is ended", slot);
	if (stamp != me && t->alive)
		ae_sim_fail("slot %u: its tenant lives, and %s makes it %s",
			    slot, ae_sim_name(ae_sim.current),
			    ae_sim_word(&ae_sim.plane.seats[slot], now));
	t->sits = AETHER_SEAT_STATE(now) == AETHER_SEAT_LEAVING ? 2 : 0;
	if (AETHER_SEAT_STATE(now) == AETHER_SEAT_FREE)
		demand_settled(slot, stamp);
}

/*
 * Each names its own heir, and counts on it when the call has returned
 * (ae_sim_named); once that heir is gone, others may put its heir in its place.
 */
static void heir_named(uint32_t slot, uint64_t old, uint64_t now)
{
	uint32_t me = ae_sim_stamp();
	uint32_t of = (uint32_t)AETHER_HEIR_OF(now);
	uint32_t heir = (uint32_t)AETHER_HEIR_STAMP(now);
	uint32_t before = (uint32_t)AETHER_HEIR_STAMP(old);

	if (!AETHER_HEIR_NAMED(now) || of == me) {
		if (tenant(me)->slot != slot)
			ae_sim_fail("slot %u: another names its heir", slot);
		tenant(me)->heir = 0;
	} else {
		if (AETHER_HEIR_OF(old) != of || !AETHER_HEIR_NAMED(old) ||
		    !is_gone(before, 1) || !is_heir(before, heir))
			ae_sim_fail("slot %u: %s names its heir", slot,
				    ae_sim_name(ae_sim.current));
		if (tenant(of)->heir)
			tenant(of)->heir = heir;
	}
	if (AETHER_HEIR_NAMED(now))
		tenant(of)->heirs |= 1u << heir;
}

/* The current actor was told that its heir is named. */
void ae_sim_named(void)
{
	uint32_t me = ae_sim_stamp();
	uint64_t word = ae_sim_peek(&ae_sim.plane.seats[tenant(me)->slot].heir,
				    64);

	if (AETHER_HEIR_NAMED(word) && AETHER_HEIR_OF(word) == me)
		tenant(me)->heir = (uint32_t)AETHER_HEIR_STAMP(word);
}

/* A word of the plane was changed by the current actor. */
void ae_sim_changed(const void *word, uint64_t old, uint64_t now)
{
	const struct aether_plane *p = &ae_sim.plane;
	uintptr_t lease = (uintptr_t)word - (uintptr_t)p->leases;
	uintptr_t seat = (uintptr_t)word - (uintptr_t)p->seats;
	size_t field = seat % sizeof(p->seats[0]);
	uint32_t slot = (uint32_t)(seat / sizeof(p->seats[0]));

	if (lease < p->geometry.strides * sizeof(p->leases[0])) {
		if (lease % sizeof(p->leases[0]) == 0 && old != now)
			lease_changed((uint32_t)(lease / sizeof(p->leases[0])),
				      old, now);
		return;
	}
	if (slot >= p->geometry.participants)
		return;
	if (field == 0 && old != now)
		seat_changed(slot, old, now);
	if (field == offsetof(struct aether_participant_seg, heir))
		heir_named(slot, old, now);
}
