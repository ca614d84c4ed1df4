/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A port without an operating system: a clock that moves when it is read and
 * when somebody waits, life locks that the input holds and drops, and a park
 * that is the others' turn. Waiting costs nothing, so deadlines far away are
 * met at once.
 */
#include "fuzz.h"

/* ns that pass when the clock is read; more for those who read it again and
 * again, so that what is busy for a while is so for some turns. */
#define TICK 1000
#define TICK_BUSY 1000000
#define BUSY 64

uint64_t ae_host_now(void)
{
	return fuzz.now += fuzz.clock++ < BUSY ? TICK : TICK_BUSY;
}

uint64_t aether_clock_now(void)
{
	return ae_host_now();
}

uint64_t aether_clock_after(uint64_t ns)
{
	uint64_t now = ae_host_now();

	return ns < AETHER_FOREVER - now ? now + ns : AETHER_FOREVER;
}

int ae_host_park(const struct aether_word32 *word, uint32_t expected,
		 uint64_t deadline)
{
	(void)word;
	(void)expected;
	fuzz_call_waits(deadline);
	if (fuzz.parked)
		return fuzz.parked();
	if (deadline == AETHER_FOREVER)
		return AETHER_EINTR;
	if (fuzz.now < deadline)
		fuzz.now = deadline;
	return AETHER_ETIMEDOUT;
}

void ae_host_wake(const struct aether_word32 *word)
{
	(void)word;
}

int aether_fault_lost(const struct aether_plane *plane)
{
	return ae_plane_lost(plane);
}

uint32_t ae_host_cpu(void)
{
	return 0;
}

static uint32_t name_of(const struct aether_participant *me)
{
	uint32_t i = 0;

	while (i < FUZZ_ACTORS && fuzz.actors[i] != me)
		i++;
	return i + 1;
}

int ae_host_life_take(struct aether_participant *me, uint32_t slot)
{
	if (slot >= FUZZ_SLOTS)
		fuzz_fail("a call", "locks a slot that there is not");
	if (fuzz.lives[slot] && fuzz.lives[slot] != name_of(me))
		return AETHER_EBUSY;
	fuzz.lives[slot] = name_of(me);
	return 0;
}

void ae_host_life_drop(struct aether_participant *me, uint32_t slot)
{
	if (slot < FUZZ_SLOTS && fuzz.lives[slot] == name_of(me))
		fuzz.lives[slot] = 0;
}

int ae_host_life_test(const struct aether_plane *plane, uint32_t slot)
{
	(void)plane;
	if (slot >= FUZZ_SLOTS)
		fuzz_fail("a call", "asks about a slot that there is not");
	return fuzz.mute ? AETHER_ESYS : fuzz.lives[slot] != 0;
}

int ae_host_watched(const struct aether_participant *me)
{
	return me->slot & 1;
}

uint64_t ae_host_patience(const struct aether_participant *me)
{
	return ae_host_watched(me) ? AETHER_FOREVER : 100000000;
}

int ae_host_guard_trap(struct aether_plane *plane, int on)
{
	(void)plane;
	(void)on;
	return 0;
}

int ae_host_guard_open(const struct aether_plane *plane, uint32_t guard)
{
	(void)guard;
	return plane == &fuzz.plane || plane == &fuzz.part ? 0 : AETHER_ESYS;
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

int aether_plane_look(const struct aether_plane *plane,
		      struct aether_plane_info *info)
{
	*info = (struct aether_plane_info) { .geometry = plane->geometry,
					     .tag = plane->tag };
	return 0;
}
