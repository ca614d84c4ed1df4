/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The port of the simulator: its clock, its parking, its life locks, and the
 * hook of every atomic operation. What the port does is a step as well: who
 * dies between ringing a doorbell and waking its sleeper has woken nobody.
 */
#include "state.h"

static struct ae_sim_site nowhere = { .file = "?", .function = "?" };
static struct ae_sim_site *here = &nowhere;

void ae_sim_at(struct ae_sim_site *site)
{
	here = site;
}

/* Words of epochs that a scene without any only reads: panic and context, which
 * epochs have owners, on whose word a seat's tenant parks. */
static int is_of_epochs(const void *word)
{
	const struct aether_plane *p = &ae_sim.plane;
	uintptr_t seat = (uintptr_t)word - (uintptr_t)p->seats;

	if (seat < p->geometry.participants * sizeof(p->seats[0]))
		return seat % sizeof(p->seats[0]) ==
		       offsetof(struct aether_participant_seg, epoch);
	return word == ae_epoch_word(p, AETHER_IDX_PANIC_STATE) ||
	       word == ae_epoch_word(p, AETHER_IDX_CONTEXT_ID_HASH) ||
	       word == &p->header->pool_used;
}

/* Words that others cannot tell the order of: counters, the record of a tenant
 * that is not active yet, and what only the holder of a lease touches. */
static int is_quiet(const void *word)
{
	const struct aether_plane *p = &ae_sim.plane;
	uintptr_t lease = (uintptr_t)word - (uintptr_t)p->leases;
	uintptr_t seat = (uintptr_t)word - (uintptr_t)p->seats;
	size_t at;

	if (lease < p->geometry.strides * sizeof(p->leases[0])) {
		at = lease % sizeof(p->leases[0]);
		return at > 0 &&
		       at < offsetof(struct aether_lease_seg, readers_even);
	}
	if (seat >= p->geometry.participants * sizeof(p->seats[0]))
		return 0;
	at = seat % sizeof(p->seats[0]);
	if (at >= offsetof(struct aether_participant_seg, role) &&
	    at < offsetof(struct aether_participant_seg, doorbell))
		return 1;
	return at >= offsetof(struct aether_participant_seg, reserved) &&
	       at < offsetof(struct aether_participant_seg, warm);
}

void ae_sim_before(const void *word, int width)
{
	struct ae_sim_runner *me = ae_sim_runner();

	me->function = here->function;
	me->line = here->line;
	me->word = word;
	me->width = width;
	me->site = here;
	ae_sim_came(here);
	ae_sim_point(!is_quiet(word) &&
		     (ae_sim.scene->epochs || !is_of_epochs(word)));
	me->site = NULL;
	me->old = ae_sim_peek(word, width);
}

/* The fields of a lease are ordered by its word alone. */
static void check_field(const void *word, int kind)
{
	const struct aether_plane *p = &ae_sim.plane;
	uintptr_t at = (uintptr_t)word - (uintptr_t)p->leases;
	uint32_t stride = (uint32_t)(at / sizeof(p->leases[0]));

	if (at >= p->geometry.strides * sizeof(p->leases[0]) ||
	    at % sizeof(p->leases[0]) == 0 ||
	    at % sizeof(p->leases[0]) >=
		    offsetof(struct aether_lease_seg, readers_even))
		return;
	if (ae_sim_ghost.leases[stride].holder == ae_sim_stamp())
		ae_sim_order_payload(AE_SIM_STRIDES + stride,
				     kind != AE_SIM_LOAD, 0);
}

void ae_sim_after(int kind, int order, int done)
{
	struct ae_sim_runner *me = ae_sim_runner();
	uint64_t now = ae_sim_peek(me->word, me->width);

	ae_sim_order(me->word, kind, order, done);
	if (ae_sim.tracing)
		ae_sim_trace(kind, order, done, now);
	if (kind != AE_SIM_LOAD && done)
		ae_sim_changed(me->word, me->old, now);
	check_field(me->word, kind);
}

/* A call of the port as a step. */
static struct ae_sim_runner *step(const char *function)
{
	struct ae_sim_runner *me = ae_sim_runner();

	me->function = function;
	me->line = 0;
	ae_sim_point(1);
	return me;
}

uint64_t ae_host_now(void)
{
	return ae_sim.now;
}

uint32_t ae_host_cpu(void)
{
	return 0;
}

int ae_host_watched(const struct aether_participant *me)
{
	(void)me;
	return !ae_sim.scene->unwatched;
}

/* Nobody is stopped here for ever but the dead, so a wake-up that is lost shall
 * be seen as lost. */
uint64_t ae_host_patience(const struct aether_participant *me)
{
	return ae_host_watched(me) ? AETHER_FOREVER : 100000000;
}

int ae_host_park(const struct aether_word32 *word, uint32_t expected,
		 uint64_t deadline)
{
	struct ae_sim_runner *me = step(__func__);

	if (ae_sim_peek(word, 32) != expected)
		return 0;
	if (ae_sim.tracing)
		ae_sim_say("%s parks", ae_sim_name(me->number));
	ae_sim_park(word, deadline);
	return me->answer;
}

void ae_host_wake(const struct aether_word32 *word)
{
	step(__func__);
	ae_sim_wake(word);
}

int ae_host_life_take(struct aether_participant *me, uint32_t slot)
{
	struct ae_sim_runner *r = step(__func__);

	(void)me;
	ae_sim_mortality(slot);
	if (ae_sim.locks[slot])
		return AETHER_EBUSY;
	ae_sim.locks[slot] = r->process + 1;
	ae_sim_join_clock(&r->clock, &ae_sim.unlocked[slot]);
	return 0;
}

void ae_host_life_drop(struct aether_participant *me, uint32_t slot)
{
	struct ae_sim_runner *r = step(__func__);

	(void)me;
	if (ae_sim.locks[slot] != r->process + 1)
		return;
	ae_sim.locks[slot] = 0;
	for (uint32_t i = 0; i < AE_SIM_STAMPS; i++)
		if (ae_sim_ghost.tenants[i].slot == slot)
			ae_sim_ghost.tenants[i].alive = 0;
	r->clock.at[r->number]++;
	ae_sim_join_clock(&ae_sim.unlocked[slot], &r->clock);
}

int ae_host_life_test(const struct aether_plane *plane, uint32_t slot)
{
	struct ae_sim_runner *r = step(__func__);

	(void)plane;
	ae_sim_mortality(slot);
	if (ae_sim.tracing)
		ae_sim_say("%s asks whether the tenant of slot %u lives: %s",
			   ae_sim_name(r->number), slot,
			   ae_sim.locks[slot] ? "yes" : "no");
	if (ae_sim.locks[slot])
		return 1;
	ae_sim_join_clock(&r->clock, &ae_sim.unlocked[slot]);
	return 0;
}

int ae_host_guard_trap(struct aether_plane *plane, int on)
{
	(void)plane;
	(void)on;
	return 0;
}

int ae_host_guard_open(const struct aether_plane *plane, uint32_t guard)
{
	uint32_t actor = ae_sim_runner()->number;

	(void)plane;
	(void)guard;
	return actor < AE_SIM_ACTORS && ae_sim.scene->actors[actor].shut
		       ? AETHER_ENOMEM
		       : 0;
}

void ae_host_guard_close(const struct aether_plane *plane, uint32_t guard)
{
	(void)plane;
	(void)guard;
}

int ae_host_guard_trapped(const struct aether_plane *plane, uint32_t guard)
{
	(void)plane;
	(void)guard;
	return 0;
}
