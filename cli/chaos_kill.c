/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How chaos kills: at once; in the middle of what the victim does next; two at
 * one instant; one that reaps another; after it was stopped for a while. Some
 * are only stopped: who sleeps is not dead.
 */
#include "chaos.h"

#include <signal.h>

#define OBEYS (15 * CHAOS_MS) /* who was told to die, and sleeps, is killed */
#define STOP_MOST (10 * CHAOS_MS)
#define STOPS_LEAST 20 /* a second */

void chaos_kill_one(struct chaos *c, uint32_t i)
{
	struct chaos_member *m = &c->members[i];

	if (!m->doomed)
		c->sent++;
	m->doomed = aether_clock_now();
	kill(m->pid, SIGKILL);
}

void chaos_kill_order(struct chaos *c, uint32_t i, uint64_t command)
{
	struct chaos_order *order = &c->shared->orders[i];

	if (command & CHAOS_DIE) {
		c->members[i].doomed = aether_clock_now();
		c->sent++;
	}
	order->command = command;
	order->number++;
}

void chaos_kill_stop(struct chaos *c, uint32_t i, uint64_t command)
{
	c->members[i].stops = 1;
	c->shared->orders[i].stops++;
	c->stops++;
	if (command)
		chaos_kill_order(c, i, command);
	else
		kill(c->members[i].pid, SIGSTOP);
}

void chaos_kill_stopped(struct chaos *c, uint32_t i)
{
	struct chaos_member *m = &c->members[i];

	if (!m->stops)
		return; /* somebody else did that */
	m->stops = 0;
	m->stopped = aether_clock_after(chaos_below(&c->dice, STOP_MOST));
	m->dies = c->rate && !m->doomed && c->shared->phase == CHAOS_WORK &&
		  chaos_below(&c->dice, 4) == 0;
	c->sent += (uint64_t)m->dies;
}

/* One that lives and whose death is not decided; participants: there is none */
static uint32_t victim(struct chaos *c)
{
	uint32_t at = (uint32_t)chaos_below(&c->dice, c->participants);

	for (uint32_t i = 0; i < c->participants; i++) {
		const struct chaos_member *m = &c->members[at];

		if (m->pid && !m->doomed && !m->stops && !m->stopped)
			return at;
		at = (at + 1) % c->participants;
	}
	return c->participants;
}

/* One decision to kill. */
static void decide(struct chaos *c, uint32_t first)
{
	uint64_t chance = chaos_below(&c->dice, 100);
	uint32_t second;

	if (chance < 55) {
		chaos_kill_order(c, first, CHAOS_DIE);
		return;
	}
	chaos_kill_one(c, first);
	if (chance < 75)
		return;
	second = victim(c);
	if (second == c->participants)
		return;
	if (chance < 85)
		chaos_kill_one(c, second);
	else if (chance < 92)
		chaos_kill_order(c, second, CHAOS_DIE | CHAOS_REAP_NEXT);
	else
		chaos_kill_stop(c, second, CHAOS_STOP | CHAOS_REAP_NEXT);
}

void chaos_kill_due(struct chaos *c)
{
	uint64_t passed = (aether_clock_now() - c->began) / CHAOS_US;
	uint64_t stops = c->rate < STOPS_LEAST ? STOPS_LEAST : c->rate;
	uint64_t due = passed * c->rate / 1000000;
	uint32_t i;

	while (c->sent < due && (i = victim(c)) < c->participants)
		decide(c, i);
	if (c->stops < passed * stops / 1000000 &&
	    (i = victim(c)) < c->participants)
		chaos_kill_stop(c, i,
				chaos_below(&c->dice, 4) ? CHAOS_STOP : 0);
}

void chaos_kill_rest(struct chaos *c, int all)
{
	uint64_t now = aether_clock_now();

	for (uint32_t i = 0; i < c->participants; i++) {
		struct chaos_member *m = &c->members[i];

		if (!m->pid)
			continue;
		if (all)
			c->shared->orders[i].command = 0;
		if (m->doomed && (all || now > m->doomed + OBEYS))
			kill(m->pid, SIGKILL);
		if (!m->stopped || (!all && now < m->stopped))
			continue;
		m->stopped = 0;
		if (m->dies) {
			m->doomed = now;
			kill(m->pid, SIGKILL);
		} else {
			m->excused = now + CHAOS_PATIENCE;
			kill(m->pid, SIGCONT);
		}
	}
}
