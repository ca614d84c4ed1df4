/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a round of chaos, where the plane can be judged, for nothing
 * moves. First the killing ends and everybody comes to rest: by then the dead
 * are reaped by whoever lives, and nobody sleeps while there is what he waits
 * for. Then all leave, or all are killed, one alone joins and leaves, and every
 * stride must be free.
 */
#include "chaos.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALM_MOST (2 * CHAOS_PATIENCE)
#define SLEEP_MOST CHAOS_PATIENCE /* with mail at hand */
#define GIFTS 16
#define GIVE_MOST (CHAOS_SECOND / 4)

/* How a round ends. */
enum {
	KILL, /* all at one instant */
	LEAVE,
	LEAVE_AT_WORK
};

static int waits(const struct chaos_record *r, enum chaos_op op)
{
	return r->op == (uint64_t)op;
}

/* Strides that are on their way to this tenancy. */
static uint32_t count_mail(const struct chaos *c, uint64_t tenancy)
{
	uint64_t stamp = AETHER_TENANCY_STAMP(tenancy);
	struct aether_stride_info info;
	uint32_t count = 0;

	for (uint32_t i = 0; i < c->strides; i++)
		count += !aether_registry_look(c->plane, i, &info) &&
			 info.state == AETHER_STATE_ROUTED &&
			 info.slot == AETHER_TENANCY_SLOT(tenancy) &&
			 info.stamp == (stamp & AETHER_LEASE_STAMP_MASK);
	return count;
}

static uint32_t count_free(const struct chaos *c)
{
	struct aether_registry_counts counts;

	aether_registry_count(c->plane, &counts);
	return counts.states[AETHER_STATE_DORMANT];
}

/* Sleeps though what it waits for is there: nobody rang. 1: so it seems. */
static int oversleeps(struct chaos *c, uint32_t i, uint64_t now)
{
	struct chaos_member *m = &c->members[i];
	const struct chaos_record *r = &c->shared->records[i];
	uint64_t beat = r->beat;
	uint32_t count = 0;

	if (waits(r, CHAOS_TAKE_UNTIL))
		count = count_mail(c, r->tenancy);
	else if (waits(r, CHAOS_RESERVE_UNTIL))
		count = count_free(c);
	if (!count || r->beat != beat) {
		m->sleeps = 0;
		return 0;
	}
	if (m->sleeps != beat) {
		m->sleeps = beat;
		m->since = now;
	}
	if (now - m->since <= SLEEP_MOST)
		return 1;
	chaos_note(c, CHAOS_HUNG,
		   "participant %u (tenancy %llx) sleeps, waiting for %s, for "
		   "%llu ms; there are %u strides for it: nobody rang",
		   i, (unsigned long long)r->tenancy,
		   waits(r, CHAOS_TAKE_UNTIL) ? "mail" : "space",
		   (unsigned long long)((now - m->since) / CHAOS_MS), count);
	chaos_kill_one(c, i);
	return 1;
}

static int sleeps(const struct chaos_record *r)
{
	return waits(r, CHAOS_TAKE_UNTIL) || waits(r, CHAOS_RESERVE_UNTIL) ||
	       waits(r, CHAOS_ROUTE_UNTIL);
}

/* At rest: it said so in this step, and is, or sleeps and is right to. Who is
 * in no hurry may sleep since before the step. */
static int is_restless(struct chaos *c, uint32_t i, int hurry, uint64_t now)
{
	const struct chaos_member *m = &c->members[i];
	const struct chaos_record *r = &c->shared->records[i];
	const struct chaos_order *order = &c->shared->orders[i];
	int rested = r->rested == c->shared->step;

	if (!m->pid)
		return 0;
	if (m->doomed || m->stopped)
		return 1;
	if ((order->command & CHAOS_GIVE) && r->gave != order->number)
		return 1;
	if (sleeps(r) && (rested || !hurry))
		return oversleeps(c, i, now);
	return !rested || !waits(r, CHAOS_REST);
}

/* The first of those who do not come to rest. */
static void note_restless(struct chaos *c, int hurry, uint64_t now)
{
	const struct chaos_record *r = c->shared->records;
	uint32_t i = 0;

	while (i < c->participants && !is_restless(c, i, hurry, now))
		i++;
	if (i == c->participants)
		return;
	chaos_note(c, CHAOS_HUNG,
		   "participant %u (pid %ld) does not come to rest: phase "
		   "%llu, step %llu, it rested in %llu, %s, %u strides free",
		   i, (long)c->members[i].pid,
		   (unsigned long long)c->shared->phase,
		   (unsigned long long)c->shared->step,
		   (unsigned long long)r[i].rested, chaos_op_name(r[i].op),
		   count_free(c));
}

/* Slots of the dead whom nobody has reaped. */
static uint32_t count_dead(const struct chaos *c, uint32_t *slot)
{
	struct aether_participant_info info;
	uint32_t dead = 0;

	for (uint32_t i = 0; i < c->participants; i++) {
		if (aether_participant_look(c->plane, i, &info) < 0 ||
		    !info.tenancy || info.alive)
			continue;
		*slot = i;
		dead++;
	}
	return dead;
}

/* Those who notice that somebody has died. */
static uint32_t count_watchers(const struct chaos *c)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < c->participants; i++)
		count += chaos_is_patient(i) && c->members[i].pid &&
			 !c->members[i].doomed && c->shared->records[i].tenancy;
	return count;
}

/* Interrupts who waits: its own thread alone. */
static void wake(struct chaos *c, int all)
{
	for (uint32_t i = 0; i < c->participants; i++) {
		const struct chaos_member *m = &c->members[i];

		if (m->pid &&
		    (all || c->shared->records[i].rested != c->shared->step))
			syscall(SYS_tgkill, m->pid, m->pid, SIGUSR1);
	}
}

/* Waits until nothing moves any more. What moves for too long hangs. Those in
 * a `hurry` are interrupted until they have seen the step. */
static int come_to_rest(struct chaos *c, int hurry, struct aether_error *error)
{
	uint64_t now = aether_clock_now(), end = now + CALM_MOST, before;
	uint32_t restless = 1, dead = 0, slot = 0;

	while (!c->signal && now < end && (restless || dead)) {
		if (hurry)
			wake(c, 0);
		before = now;
		if (chaos_herd_tick(c, error) < 0)
			return error->code;
		now = aether_clock_now();
		if (now - before > CHAOS_LATE)
			end += now - before;
		restless = 0;
		for (uint32_t i = 0; i < c->participants; i++)
			restless += (uint32_t)is_restless(c, i, hurry, now);
		dead = count_watchers(c) ? count_dead(c, &slot) : 0;
	}
	if (dead && now >= end)
		chaos_note(c, CHAOS_HUNG,
			   "slot %u is a dead one's, and %u others live and do "
			   "not reap it",
			   slot, count_watchers(c));
	else if (restless && now >= end)
		note_restless(c, hurry, now);
	return 0;
}

static int begin(struct chaos *c, enum chaos_phase phase, int hurry,
		 struct aether_error *error)
{
	c->shared->phase = phase;
	c->shared->step++;
	return come_to_rest(c, hurry, error);
}

/* One who does not sleep, and lives. */
static uint32_t giver(struct chaos *c)
{
	uint32_t at = (uint32_t)chaos_below(&c->dice, c->participants);

	for (uint32_t i = 0; i < c->participants; i++) {
		if (c->members[at].pid &&
		    waits(&c->shared->records[at], CHAOS_REST))
			return at;
		at = (at + 1) % c->participants;
	}
	return c->participants;
}

/*
 * While all rest, or sleep for one thing, somebody gives it to a sleeper, and
 * most die at it, some of them between the gift and the ring. Nobody else will
 * ring.
 */
static int give(struct chaos *c, enum chaos_phase phase, uint32_t times,
		struct aether_error *error)
{
	uint64_t end = aether_clock_after(GIVE_MOST), dies;
	uint32_t i;
	int err = 0;

	while (err == 0 && !c->signal && times-- && aether_clock_now() < end) {
		err = chaos_herd_fill(c, error);
		if (err == 0)
			err = begin(c, phase, 1, error);
		i = giver(c);
		if (err < 0 || i == c->participants)
			continue;
		dies = c->rate && chaos_below(&c->dice, 4) ? CHAOS_DIE : 0;
		chaos_kill_order(c, i, CHAOS_GIVE | dies);
		err = come_to_rest(c, 1, error);
	}
	return err;
}

static int calm_down(struct chaos *c, struct aether_error *error)
{
	int err;

	chaos_kill_rest(c, 1);
	err = begin(c, CHAOS_CALM, 0, error);
	if (err == 0)
		err = give(c, CHAOS_CALM, GIFTS, error);
	if (err == 0)
		err = give(c, CHAOS_FULL, GIFTS, error);
	return err;
}

/* All leave: who waits is interrupted. */
static int let_leave(struct chaos *c, struct aether_error *error)
{
	c->shared->phase = CHAOS_END;
	while (!c->signal && chaos_herd_count(c)) {
		wake(c, 1);
		if (chaos_herd_tick(c, error) < 0)
			return error->code;
	}
	return 0;
}

/* The killing ends, the dead are reaped, the others work on. */
static int mourn(struct chaos *c, struct aether_error *error)
{
	uint64_t end = aether_clock_after(CALM_MOST);
	uint32_t dying = 1, slot = 0;

	chaos_kill_rest(c, 1);
	while (!c->signal && dying && aether_clock_now() < end) {
		if (chaos_herd_tick(c, error) < 0)
			return error->code;
		dying = count_watchers(c) ? count_dead(c, &slot) : 0;
		for (uint32_t i = 0; i < c->participants; i++)
			dying += c->members[i].pid && (c->members[i].doomed ||
						       c->members[i].stopped);
	}
	return 0;
}

/* All leave in the midst of work, some later than others, and nobody dies any
 * more: what was sent to one who left must not stay with it. */
static int leave_at_work(struct chaos *c, struct aether_error *error)
{
	int err = mourn(c, error);

	for (uint32_t i = 0; i < c->participants && err == 0; i++)
		if (c->members[i].pid && !c->members[i].stops &&
		    chaos_below(&c->dice, 2))
			chaos_kill_stop(c, i, CHAOS_STOP);
	return err < 0 ? err : let_leave(c, error);
}

void chaos_round_kill(struct chaos *c)
{
	struct aether_error error; /* whoever cannot go on need not, now */

	c->shared->phase = CHAOS_END;
	for (uint32_t i = 0; i < c->participants; i++)
		if (c->members[i].pid)
			chaos_kill_one(c, i);
	while (chaos_herd_count(c))
		chaos_herd_tick(c, &error);
}

void chaos_round_check(struct chaos *c)
{
	struct aether_registry_counts counts;
	struct aether_stride_info info;
	const char *state;

	for (uint32_t i = 0; i < c->strides; i++) {
		int err = aether_registry_look(c->plane, i, &info);

		state = err < 0 ? "what cannot be"
				: aether_registry_state_name(info.state);
		if (!err && info.state == AETHER_STATE_DORMANT) {
			if (info.generation < c->generation[i])
				chaos_note(
					c, CHAOS_DOUBLE,
					"stride %u: generation %llu after "
					"%llu",
					i, (unsigned long long)info.generation,
					(unsigned long long)c->generation[i]);
			c->generation[i] = info.generation;
			c->lost[i] = 0;
		} else if (!c->lost[i]) {
			c->lost[i] = 1;
			chaos_note(c, CHAOS_LOST,
				   "stride %u is not free though nobody is "
				   "there: it is %s, slot %u, stamp %u, head "
				   "%u",
				   i, state ? state : "what cannot be",
				   info.slot, info.stamp, info.head);
		}
	}
	aether_registry_count(c->plane, &counts);
	c->stale += counts.stale_set + counts.stale_clear;
}

int chaos_round_end(struct chaos *c, struct aether_error *error)
{
	uint64_t round = c->rounds++ % 3;
	int err = 0;

	if (!c->signal && round != LEAVE_AT_WORK)
		err = calm_down(c, error);
	if (err == 0 && !c->signal && round == LEAVE)
		err = let_leave(c, error);
	if (err == 0 && !c->signal && round == LEAVE_AT_WORK)
		err = leave_at_work(c, error);
	chaos_round_kill(c);
	if (err == 0)
		err = chaos_herd_start(c, 0, 1, error);
	while (err == 0 && chaos_herd_count(c))
		err = chaos_herd_tick(c, error);
	if (err == 0)
		chaos_round_check(c);
	return err;
}
