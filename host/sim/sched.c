/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who runs. Each actor is a coroutine that runs until a step at which another
 * is chosen; the choices of an execution are a list, and the next execution
 * follows the same list up to its last choice that has an untried alternative.
 */
#include "state.h"

struct ae_sim_state ae_sim;

static ucontext_t contexts[AE_SIM_ACTORS], rest;
static unsigned char stacks[AE_SIM_ACTORS][AE_SIM_STACK];

static uint32_t random_below(uint32_t n)
{
	uint64_t x = ae_sim.seed += UINT64_C(0x9E3779B97F4A7C15);

	x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
	return (uint32_t)((x ^ x >> 31) >> 32) % n;
}

/* The alternative to begin with: the first, or, on a walk, another once in so
 * many times; 1: any is as good. */
static uint8_t first_of(uint32_t ways, uint32_t rate)
{
	if (!ae_sim.seed || random_below(rate))
		return 0;
	return (uint8_t)(rate == 1 ? random_below(ways)
				   : 1 + random_below(ways - 1));
}

/* Of the alternatives at this place: the recorded one, or one to begin with. */
static int choose(int ways, uint32_t rate)
{
	struct ae_sim_way *way = &ae_sim.ways[ae_sim.depth];

	if (ae_sim.calm || ways < 2)
		return 0;
	if (ae_sim.depth == AE_SIM_DEPTH)
		ae_sim_fail("too many choices");
	if (ae_sim.depth == ae_sim.known) {
		way->taken = first_of((uint32_t)ways, rate);
		way->of = (uint8_t)ways;
		ae_sim.known++;
	}
	if (way->of != ways)
		ae_sim_fail("the same choices do not lead to the same place");
	ae_sim.depth++;
	return way->taken;
}

/* The nth runner of a set. */
static uint32_t nth(uint32_t set, int n)
{
	while (n--)
		set &= set - 1;
	return (uint32_t)__builtin_ctz(set);
}

static void switch_to(uint32_t to)
{
	uint32_t from = ae_sim.current;

	ae_sim.current = to;
	if (to != from)
		swapcontext(&contexts[from], &contexts[to]);
}

void ae_sim_unpark(struct ae_sim_runner *runner, int answer)
{
	runner->life = AE_SIM_READY;
	runner->parked = NULL;
	runner->answer = answer;
	ae_sim.ready |= 1u << runner->number;
}

/* Everybody who is parked on the word. */
void ae_sim_wake(const void *word)
{
	for (uint32_t i = 0; i < AE_SIM_ACTORS; i++) {
		struct ae_sim_runner *r = &ae_sim.runners[i];

		if (r->life != AE_SIM_PARKED || r->parked != word)
			continue;
		if (ae_sim.tracing)
			ae_sim_say("%s is woken", ae_sim_name(i));
		ae_sim_unpark(r, 0);
	}
}

void ae_sim_await_death(void)
{
	if (!ae_sim.deaths && !ae_sim.calm)
		ae_sim_park(&ae_sim.deaths, AETHER_FOREVER);
}

/* Nobody can go on: time passes until the first deadline. */
static void pass_time(void)
{
	struct ae_sim_runner *first = NULL;

	if (!ae_sim.jumps)
		return;
	for (uint32_t i = 0; i < AE_SIM_ACTORS; i++) {
		struct ae_sim_runner *r = &ae_sim.runners[i];

		if (r->life == AE_SIM_PARKED && r->deadline != AETHER_FOREVER &&
		    (!first || r->deadline < first->deadline))
			first = r;
	}
	if (!first)
		return;
	ae_sim.jumps--;
	if (first->deadline > ae_sim.now)
		ae_sim.now = first->deadline;
	ae_sim_unpark(first, AETHER_ETIMEDOUT);
}

/* The current one cannot go on. Comes back when it can again. */
static void go_on(void)
{
	struct ae_sim_runner *from = ae_sim_runner();

	ae_sim.ready &= ~(1u << from->number);
	if (!ae_sim.ready)
		pass_time();
	if (!ae_sim.ready) {
		swapcontext(&contexts[from->number], &rest);
		return;
	}
	switch_to(
		nth(ae_sim.ready, choose(__builtin_popcount(ae_sim.ready), 1)));
}

/* The kernel's part in a death: its locks are gone at once. */
static void kill_process(uint32_t process)
{
	for (uint32_t i = 0; i < AE_SIM_ACTORS; i++) {
		struct ae_sim_runner *r = &ae_sim.runners[i];

		if (r->process != process || r->life == AE_SIM_ABSENT)
			continue;
		r->life = AE_SIM_KILLED;
		ae_sim.ready &= ~(1u << i);
		r->clock.at[i]++;
		for (uint32_t s = 0; s < ae_sim.plane.geometry.participants;
		     s++)
			if (ae_sim.locks[s] == process + 1)
				ae_sim_join_clock(&ae_sim.unlocked[s],
						  &r->clock);
	}
	for (uint32_t s = 0; s < ae_sim.plane.geometry.participants; s++)
		if (ae_sim.locks[s] == process + 1)
			ae_sim.locks[s] = 0;
	for (uint32_t i = 0; i < AE_SIM_STAMPS; i++)
		if (ae_sim_ghost.tenants[i].process == process)
			ae_sim_ghost.tenants[i].alive = 0;
	ae_sim.kills--;
	ae_sim.deaths++;
	ae_sim.result->kills++;
	ae_sim_wake(&ae_sim.deaths);
}

/* Where mortal actors came by, and where they died. */
#define SITES 1024
static struct site {
	const char *function;
	int line;
	int killed;
} sites[SITES];

static struct site *site_of(const struct ae_sim_runner *r)
{
	uint32_t at = ((uint32_t)(uintptr_t)r->function +
		       31u * (uint32_t)r->line);

	for (;; at++) {
		struct site *site = &sites[at % SITES];

		if (!site->function) {
			site->function = r->function;
			site->line = r->line;
			ae_sim.result->sites++;
		}
		if (site->function == r->function && site->line == r->line)
			return site;
	}
}

void ae_sim_clear_sites(void)
{
	memset(sites, 0, sizeof(sites));
}

static void die(struct ae_sim_runner *r)
{
	struct site *site = site_of(r);

	if (!site->killed)
		ae_sim.result->killed++;
	site->killed = 1;
	if (r->site)
		r->site->killed++;
	if (ae_sim.tracing)
		ae_sim_say("%s is killed at %s:%d", ae_sim_name(r->number),
			   r->function, r->line);
	kill_process(r->process);
}

/*
 * A step of the current actor begins. `loud`: others can see it, so it matters
 * who goes first. Whom somebody's life was asked for while it was preempted may
 * also die now; else that is the same as to have died before.
 */
void ae_sim_point(int loud)
{
	struct ae_sim_runner *me = ae_sim_runner();
	uint32_t others = ae_sim.ready & ~(1u << me->number);
	int kill, taken;

	ae_sim.result->steps++;
	if (++ae_sim.steps > AE_SIM_STEPS)
		ae_sim_fail("it does not end");
	if (ae_sim.calm)
		return;
	if (!loud || !ae_sim.preemptions)
		others = 0;
	kill = me->mortal && ae_sim.kills;
	if (kill)
		site_of(me);
	taken = choose(1 + kill + __builtin_popcount(others), ae_sim.rate);
	if (taken > kill) {
		ae_sim.preemptions--;
		me->asked = ae_sim.asked;
		switch_to(nth(others, taken - 1 - kill));
		kill = me->mortal && ae_sim.kills && me->asked != ae_sim.asked;
		taken = kill && choose(2, ae_sim.rate);
	}
	if (taken && taken <= kill) {
		die(me);
		go_on();
	}
}

void ae_sim_park(const void *word, uint64_t deadline)
{
	struct ae_sim_runner *me = ae_sim_runner();

	me->life = AE_SIM_PARKED;
	me->parked = word;
	me->deadline = deadline;
	me->probed = 0;
	go_on();
}

/* Somebody asks whether the tenant of a slot lives: it may have died while it
 * did nothing. */
void ae_sim_mortality(uint32_t slot)
{
	uint32_t process = ae_sim.locks[slot] - 1;
	struct ae_sim_runner *r = &ae_sim.runners[process];

	ae_sim.asked++;
	if (!ae_sim.locks[slot] || ae_sim.calm || !ae_sim.kills || !r->mortal ||
	    process == ae_sim_runner()->process)
		return;
	if (choose(2, ae_sim.rate))
		die(r);
}

static void run_body(void)
{
	struct ae_sim_runner *me = ae_sim_runner();

	me->function = "(start)";
	me->line = 0;
	ae_sim.scene->actors[me->number].body();
	me->life = AE_SIM_ENDED;
	for (;;)
		go_on();
}

/* Runs whoever is ready until nobody is, and no time is left to pass. */
void ae_sim_rest(void)
{
	for (;;) {
		if (!ae_sim.ready)
			pass_time();
		if (!ae_sim.ready)
			return;
		ae_sim.current = nth(ae_sim.ready,
				     choose(__builtin_popcount(ae_sim.ready),
					    1));
		swapcontext(&rest, &contexts[ae_sim.current]);
	}
}

/* Who sleeps may die of it. */
static int die_asleep(void)
{
	uint32_t parked = 0;
	int taken;

	for (uint32_t i = 0; i < AE_SIM_ACTORS; i++)
		if (ae_sim.runners[i].life == AE_SIM_PARKED &&
		    ae_sim.runners[i].mortal)
			parked |= 1u << i;
	if (!ae_sim.kills)
		return 0;
	taken = choose(1 + __builtin_popcount(parked), ae_sim.rate);
	if (taken)
		die(&ae_sim.runners[nth(parked, taken - 1)]);
	return taken;
}

/* The execution itself. */
void ae_sim_run(void)
{
	do
		ae_sim_rest();
	while (die_asleep());
}

static void make_coroutine(uint32_t i)
{
	getcontext(&contexts[i]);
	contexts[i].uc_stack.ss_sp = stacks[i];
	contexts[i].uc_stack.ss_size = AE_SIM_STACK;
	contexts[i].uc_link = NULL;
	makecontext(&contexts[i], run_body, 0);
}

void ae_sim_start(void)
{
	for (uint32_t i = 0; i < AE_SIM_ACTORS; i++) {
		if (!ae_sim.scene->actors[i].body)
			continue;
		ae_sim.runners[i].life = AE_SIM_READY;
		ae_sim.ready |= 1u << i;
		make_coroutine(i);
	}
}
