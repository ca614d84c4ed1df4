/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After an execution, when everybody is done, dead or parked: nobody is parked
 * although there is something for it; a monitor reaps; every word says DORMANT
 * or names somebody who lives and knows of it; everybody leaves, and everything
 * is free.
 */
#include "ae_pair.h"
#include "state.h"

#define SLOTS ae_sim.plane.geometry.participants
#define STRIDES ae_sim.plane.geometry.strides

/* Naps of 1 ms, as of who waits for a place in a box, in twice the time in
 * which the dead are looked for. */
#define JUMPS 200

/* What it has done so far, as a number. */
static uint64_t progress(const struct ae_sim_runner *r)
{
	return r->me ? r->me->counts.taken + r->me->counts.reserved +
			       r->me->counts.routed + r->me->counts.released
		     : 0;
}

/* Wakes each sleeper for no reason: one who then does not sleep again, or only
 * after it has done something, could have gone on, and nobody had told it. */
static void check_sleepers(void)
{
	for (uint32_t i = 0; i < AE_SIM_ACTORS; i++) {
		struct ae_sim_runner *r = &ae_sim.runners[i];
		uint64_t before = progress(r);

		if (r->life != AE_SIM_PARKED ||
		    (r->deadline != AETHER_FOREVER && !ae_sim.scene->unwatched))
			continue;
		if (ae_sim.tracing)
			ae_sim_say("%s is woken for no reason", ae_sim_name(i));
		r->probed = 1;
		ae_sim_unpark(r, 0);
		ae_sim_rest();
		if (r->probed || progress(r) != before)
			ae_sim_fail("%s was left asleep though there was "
				    "something for it",
				    ae_sim_name(i));
	}
}

/* Who sleeps where nobody watches looks itself, however it sleeps. */
static void check_noticed(void)
{
	uint32_t sleeps = 0;

	while (sleeps < AE_SIM_ACTORS &&
	       ae_sim.runners[sleeps].life != AE_SIM_PARKED)
		sleeps++;
	for (uint32_t i = 0; i < SLOTS && sleeps < AE_SIM_ACTORS; i++) {
		uint64_t seat = ae_sim_peek(&ae_sim.plane.seats[i].seat, 64);

		if (AETHER_SEAT_STATE(seat) != AETHER_SEAT_FREE &&
		    !ae_sim.locks[i])
			ae_sim_fail("%s sleeps and has not noticed that the "
				    "tenant of slot %u is dead",
				    ae_sim_name(sleeps), i);
	}
}

static struct ae_sim_runner *runner_of(uint32_t stamp)
{
	for (uint32_t i = 0; i < AE_SIM_ALL; i++) {
		struct ae_sim_runner *r = &ae_sim.runners[i];

		if (r->me && r->joined && r->life != AE_SIM_KILLED &&
		    r->me->stamp == stamp)
			return r;
	}
	return NULL;
}

/* Is there a way from the addressee's box, or from what it has met too early,
 * to the stride? */
static int has_entry(const struct aether_participant *me, uint32_t index,
		     uint64_t word)
{
	uint64_t low = AETHER_LEASE_GENERATION(word) &
		       AETHER_PLACE_GENERATION_MASK;

	for (uint32_t i = 0; i < me->lates; i++)
		if (me->late[i].stride == index &&
		    me->late[i].generation == low)
			return 1;
	for (uint32_t i = 0; i < me->plane->geometry.places; i++) {
		uint64_t at = me->head + i;
		uint64_t place = ae_sim_peek(
			&me->box[at & (me->plane->geometry.places - 1)], 64);

		if (AETHER_PLACE_FULL(place) &&
		    AETHER_PLACE_LAP(place) == at >> me->plane->lap_shift &&
		    AETHER_PLACE_STRIDE(place) == index &&
		    AETHER_PLACE_GENERATION(place) == low)
			return 1;
	}
	return 0;
}

/* A shared lease: every bit is a reader's who lives, and reads it or will. */
static void check_readers(uint32_t index, uint64_t word)
{
	const struct aether_lease_seg *lease = &ae_sim.plane.leases[index];
	uint64_t generation = AETHER_LEASE_GENERATION(word) &
			      AETHER_READERS_GENERATION_MASK;
	uint32_t readers = 0;

	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		uint64_t half = ae_sim_peek(slot % 2 ? &lease->readers_odd
						     : &lease->readers_even,
					    64);
		uint64_t seat = ae_sim_peek(&ae_sim.plane.seats[slot].seat, 64);
		struct ae_sim_runner *r;

		if (AETHER_READERS_GENERATION(half) != generation)
			ae_sim_fail("stride %u: a reader set of another lease",
				    index);
		if (!(half >> slot / 2 & 1))
			continue;
		readers++;
		r = runner_of((uint32_t)AETHER_SEAT_STAMP(seat));
		if (!r)
			ae_sim_fail("stride %u: slot %u reads it, and is dead",
				    index, slot);
		if (!(ae_sim_ghost.leases[index].readers >> r->me->stamp & 1) &&
		    !has_entry(r->me, index, word))
			ae_sim_fail("stride %u: %s is to read it, and will "
				    "never know",
				    index, ae_sim_name(r->number));
	}
	if (!readers)
		ae_sim_fail("stride %u is shared with nobody", index);
}

/* What a pair keeps, it knows of. */
static void check_kept(uint32_t index, uint64_t word)
{
	uint64_t handle = AETHER_HANDLE_MAKE(index, ae_sim.plane.tag,
					     AETHER_LEASE_GENERATION(word));
	struct ae_pair p;

	if (ae_pair_find(&ae_sim.plane, (uint32_t)AETHER_KEPT_PAIR(word), &p) <
		    0 ||
	    ae_sim_peek(&p.pins->runs[AETHER_KEPT_BUFFER(word) %
				      AETHER_PAIR_BUFFERS_MAX],
			64) != handle)
		ae_sim_fail("stride %u is lost: %s, whose pair does not know",
			    index,
			    ae_sim_word(&ae_sim.plane.leases[index], word));
}

static void check_word(uint32_t index)
{
	uint64_t word = ae_sim_peek(&ae_sim.plane.leases[index].word, 64);
	const struct ae_sim_lease *l = &ae_sim_ghost.leases[index];
	uint32_t state = (uint32_t)AETHER_LEASE_STATE(word);
	struct ae_sim_runner *r;

	if (state == AETHER_STATE_DORMANT)
		return;
	if (state == AETHER_STATE_SHARED) {
		check_readers(index, word);
		return;
	}
	if (state == AETHER_STATE_CONT) {
		word = ae_sim_peek(&ae_sim.plane.leases[l->head].word, 64);
		if (AETHER_LEASE_STATE(word) == AETHER_STATE_DORMANT ||
		    AETHER_LEASE_GENERATION(word) != l->of)
			ae_sim_fail("stride %u: a tail without its head",
				    index);
		return;
	}
	if (state == AETHER_STATE_KEPT) {
		check_kept(index, word);
		return;
	}
	r = runner_of((uint32_t)AETHER_LEASE_STAMP(word));
	if (!r || state == AETHER_STATE_ENDING)
		ae_sim_fail("stride %u is lost: %s", index,
			    ae_sim_word(&ae_sim.plane.leases[index], word));
	if (state == AETHER_STATE_ROUTED && !has_entry(r->me, index, word))
		ae_sim_fail("stride %u is on its way to %s, without an entry",
			    index, ae_sim_name(r->number));
	if (state == AETHER_STATE_BUSY && l->believer != r->me->stamp)
		ae_sim_fail("stride %u is %s's, which does not know it", index,
			    ae_sim_name(r->number));
}

static void check_words(void)
{
	for (uint32_t i = 0; i < STRIDES; i++)
		check_word(i);
	for (uint32_t i = 0; i < SLOTS; i++) {
		uint64_t seat = ae_sim_peek(&ae_sim.plane.seats[i].seat, 64);

		if (AETHER_SEAT_STATE(seat) != AETHER_SEAT_FREE &&
		    !ae_sim.locks[i])
			ae_sim_fail("slot %u is still %s", i,
				    ae_sim_word(&ae_sim.plane.seats[i], seat));
	}
}

/* Who still waits is told to stop, and everybody leaves. */
static void send_home(void)
{
	for (uint32_t i = 0; i < AE_SIM_ACTORS; i++)
		if (ae_sim.runners[i].life == AE_SIM_PARKED)
			ae_sim_unpark(&ae_sim.runners[i], AETHER_EINTR);
	ae_sim_rest();
	for (uint32_t i = 0; i < AE_SIM_ALL; i++) {
		struct ae_sim_runner *r = &ae_sim.runners[i];

		if (i < AE_SIM_ACTORS && r->life != AE_SIM_ENDED &&
		    r->life != AE_SIM_ABSENT && r->life != AE_SIM_KILLED)
			ae_sim_fail("%s never ends", ae_sim_name(i));
		if (!r->joined || r->life == AE_SIM_KILLED)
			continue;
		ae_sim_as(i);
		ae_sim_leave();
	}
}

static void check_empty(void)
{
	struct aether_registry_counts c;

	ae_sim_as(AE_SIM_MONITOR);
	for (uint32_t i = 0; i < STRIDES; i++) {
		uint64_t word = ae_sim_peek(&ae_sim.plane.leases[i].word, 64);

		if (AETHER_LEASE_STATE(word) != AETHER_STATE_DORMANT)
			ae_sim_fail("stride %u is lost in the end: %s", i,
				    ae_sim_word(&ae_sim.plane.leases[i], word));
	}
	for (uint32_t i = 0; i < AETHER_EPOCHS; i++)
		if (AETHER_HOLDER_HELD(
			    ae_sim_peek(&ae_sim.plane.epochs[i].owner, 64)))
			ae_sim_fail("epoch %u has an owner in the end", i);
	aether_registry_count(&ae_sim.plane, &c);
	if (c.stale_set || c.stale_clear || c.corrupt)
		ae_sim_fail("a register is wrong in the end");
}

void ae_sim_check(void)
{
	ae_sim.calm = 1;
	ae_sim.jumps = ae_sim.scene->unwatched ? JUMPS : 8;
	ae_sim_wake(&ae_sim.deaths);
	ae_sim_rest();
	if (ae_sim.scene->finish)
		ae_sim.scene->finish();
	/* before a reap, which rings everybody */
	if (!ae_sim.deaths || ae_sim.scene->unwatched)
		check_sleepers();
	if (ae_sim.scene->unwatched)
		check_noticed();
	for (int i = 0; i <= ae_sim.scene->reaps; i++) {
		ae_sim_as(AE_SIM_MONITOR);
		ae_sim_reap();
		ae_sim_rest();
		check_sleepers();
	}
	check_words();
	send_home();
	check_empty();
}
