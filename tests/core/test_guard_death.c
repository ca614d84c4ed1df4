/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards and death, between real processes: writers that are killed while they
 * hold a region, or stopped, slots that change hands, kills at any moment.
 */
#include <sched.h>
#include "guards.h"

#define WRITERS 3
#define KILLS (RIG_SLOW ? 15 : 60)
#define WORDS 512

/* In the child: a kernel that holds two regions. */
static void holds_two(struct victim *v)
{
	struct aether_participant *who = guards_join(v->plane,
						     AETHER_ROLE_KERNEL);

	need(aether_guard_acquire(who, HISTORY) == 0);
	need(aether_guard_acquire(who, OUTBOX) == 0);
	v->told->handles[0] = aether_participant_tenancy(who);
}

static struct victim start(void (*act)(struct victim *v))
{
	struct victim v = { .act = act, .plane = plane };

	victim_ready(&v);
	return v;
}

static void recovered_by_the_next(void)
{
	struct victim v = start(holds_two);
	struct aether_guard_info info = look(HISTORY);

	ok(info.held && info.alive && info.pid == (uint32_t)v.pid &&
		   info.holder == v.told->handles[0],
	   "another process holds it");
	is_int(aether_guard_acquire(kernel, HISTORY), AETHER_ETAKEN, "taken");
	victim_kill(&v);
	info = look(HISTORY);
	ok(info.held && !info.alive && info.pid == (uint32_t)v.pid,
	   "it is killed: shown as dead");
	is_int(aether_guard_acquire(kernel, HISTORY), 0,
	       "(3) a dead holder is succeeded at once");
	info = look(HISTORY);
	ok(info.recovered == 1 && info.alive && info.slot == kernel->slot,
	   "which is counted");
	is_int(info.violations[AETHER_GUARD_VIOLATION_CONTENTION], 1,
	       "the refusal was while it lived");
	is_int(aether_guard_acquire(kernel, OUTBOX), 0, "several: never taken");
	is_int(look(OUTBOX).recovered, 0, "nothing to recover there");
	need(aether_guard_release(kernel, HISTORY) == 0);
	need(aether_guard_abandon(kernel, OUTBOX) == 0);
}

static void recovered_by_a_reaper(void)
{
	struct victim v = start(holds_two);
	struct aether_guard_info info;

	victim_kill(&v);
	need(aether_reap(module, NULL) == 0);
	info = look(HISTORY);
	ok(!info.held && info.recovered == 1,
	   "(3) a reap lets go of what the dead held");
	need(aether_reap(module, NULL) == 0);
	is_int(look(HISTORY).recovered, 1, "once");
	is_int(aether_guard_acquire(kernel, HISTORY), 0, "free");
	need(aether_guard_release(kernel, HISTORY) == 0);
}

/* Who sits down in the slot of a dead writer is not that writer. */
static void newcomer(void)
{
	struct victim v = start(holds_two);
	uint32_t slot = look(HISTORY).slot;
	uint64_t word = ae_load64_relaxed(&record(HISTORY)->writer);
	struct aether_participant *one, *two, *next;

	victim_kill(&v);
	need(aether_reap(module, NULL) == 0);
	one = joins(AETHER_ROLE_KERNEL);
	two = joins(AETHER_ROLE_KERNEL);
	next = one->slot == slot ? one : two;
	need(next->slot == slot);
	/* as if nobody had reaped before it came */
	ae_store64_relaxed(&record(HISTORY)->writer, word);
	ok(!look(HISTORY).alive && !look(HISTORY).holder,
	   "the next tenant of its slot is not shown as the holder");
	is_int(aether_guard_check(next, HISTORY, 1), AETHER_ENOTHELD,
	       "it may not write");
	is_int(aether_guard_release(next, HISTORY), AETHER_ENOTHELD,
	       "nor let go of it");
	is_int(aether_guard_acquire(kernel, HISTORY), 0,
	       "and is in nobody's way");
	need(aether_guard_release(kernel, HISTORY) == 0);
	aether_participant_leave(one);
	aether_participant_leave(two);
}

/* However long: silence is no death. */
static void stopped(void)
{
	struct victim v = start(holds_two);
	int status = 0;

	kill(v.pid, SIGSTOP);
	need(waitpid(v.pid, &status, WUNTRACED) == v.pid);
	need(WIFSTOPPED(status));
	is_int(aether_guard_acquire(kernel, HISTORY), AETHER_ETAKEN,
	       "a stopped writer has it, and nobody waits");
	need(aether_reap(module, NULL) == 0);
	ok(look(HISTORY).held && look(HISTORY).alive, "reaping does not help");
	is_int(look(HISTORY).recovered, 0, "it is not taken for dead");
	victim_kill(&v);
	is_int(aether_guard_acquire(kernel, HISTORY), 0, "(3) then it is");
	need(aether_guard_release(kernel, HISTORY) == 0);
}

/* Writes the whole region with its own number, again and again, and looks each
 * time whether another one's stands there. */
static void writes_on(struct victim *v)
{
	struct aether_participant *who = guards_join(v->plane,
						     AETHER_ROLE_KERNEL);
	uint64_t mine = aether_participant_tenancy(who);

	for (;;) {
		void *bytes = NULL;
		uint64_t *at;

		if (aether_guard_acquire(who, HISTORY) < 0) {
			sched_yield();
			continue;
		}
		need(aether_guard_bytes(who, HISTORY, NULL, &bytes) == 0);
		at = bytes;
		for (int i = 0; i < WORDS; i++)
			at[i] = mine;
		__asm__ volatile("" ::: "memory"); /* read anew */
		for (int i = 0; i < WORDS; i++)
			v->told->handles[0] += at[i] != mine;
		need(aether_guard_release(who, HISTORY) == 0);
		rig_tell(&v->told->ready, rig_told(&v->told->ready) + 1);
	}
}

/* Until this one has written again, kills another: each writer comes to its
 * turn, however many died holding it. */
static void killing(void)
{
	struct victim v[WRITERS];
	uint64_t seed = 5, strange = 0, turns = 0;

	for (int i = 0; i < WRITERS; i++) {
		v[i] = (struct victim) { .act = writes_on, .plane = plane };
		victim_start(&v[i]);
	}
	for (int n = 0; n < KILLS; n++) {
		struct victim *dead = &v[rig_random(&seed) % WRITERS];

		rig_await(&dead->told->ready, 1);
		rig_sleep(rig_random(&seed) % (MS / 2));
		victim_kill(dead);
		strange += dead->told->handles[0];
		turns += rig_told(&dead->told->ready);
		munmap(dead->told, sizeof(*dead->told));
		victim_start(dead);
	}
	for (int i = 0; i < WRITERS; i++) {
		rig_await(&v[i].told->ready, 1);
		victim_kill(&v[i]);
		strange += v[i].told->handles[0];
	}
	ok(turns >= KILLS, "%d writers killed, %llu turns", KILLS,
	   (unsigned long long)turns);
	is_int((long long)strange, 0, "never two of them at once");
	printf("# %u of them held it\n", look(HISTORY).recovered);
	is_int(aether_guard_acquire(kernel, HISTORY), 0,
	       "(3) and it can be had in the end");
	need(aether_guard_release(kernel, HISTORY) == 0);
}

static void tests(void)
{
	void (*const all[])(void) = { recovered_by_the_next,
				      recovered_by_a_reaper, newcomer, stopped,
				      killing };

	guards_each(all, sizeof(all) / sizeof(all[0]));
}

int main(void)
{
	return rig_run(tests);
}
