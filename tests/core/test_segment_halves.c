/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sights have two halves. Of two who strike off the last segments of a dead one
 * at once, each in another half, one knows that nothing is left.
 */
#include <pthread.h>
#include <sched.h>
#include "segments.h"

#define ROUNDS (RIG_SLOW ? 20000 : 200000)

/* Two who strike off the last segments of a dead one, each in another half. */
struct pair {
	struct aether_plane *plane[2];
	uint64_t dead;
	struct aether_word32 turn, done;
	int nothing[2]; /* is left, it said */
};

/* Until the word has come to `n`; seldom by giving the core away, so that the
 * two begin at the same time. */
static void meet(const struct aether_word32 *word, uint32_t n)
{
	for (uint32_t i = 1; ae_load32_acquire(word) < n; i++)
		if (i % 4096 == 0)
			sched_yield();
}

/* A little later each round, and then from the beginning. */
static void lag(uint32_t n)
{
	struct aether_word32 nothing = { 0 };

	for (uint32_t i = 0; i < n % 1024; i++)
		ae_store32_relaxed(&nothing, i);
}

static void *strikes(void *pair)
{
	struct pair *p = pair;

	for (uint32_t n = 1; n <= ROUNDS; n++) {
		meet(&p->turn, n);
		p->nothing[1] = ae_sight_strike(p->plane[1], 3, p->dead);
		ae_store32_release(&p->done, n);
	}
	return NULL;
}

/* The other half of each round, and who starts it. */
static int count_missed(struct pair *p)
{
	struct aether_word64 *sight = p->plane[0]->seats[3].sight;
	int missed = 0;

	for (uint32_t n = 1; n <= ROUNDS; n++) {
		for (int i = 0; i < 2; i++)
			ae_store64_relaxed(&sight[i], AETHER_SIGHT_MAKE(1, 7));
		ae_store32_release(&p->turn, n);
		lag(n);
		p->nothing[0] = ae_sight_strike(p->plane[0], 3, p->dead);
		meet(&p->done, n);
		missed += !p->nothing[0] && !p->nothing[1];
	}
	return missed;
}

/* One of them sees that nothing is left, and frees the seat. */
static void at_once(void)
{
	struct pair p = { .dead = AETHER_SEAT_MAKE(AETHER_SEAT_DEAD, 7) };
	struct aether_plane *plane = divided(64 * EACH, 64, 0);
	pthread_t other;

	for (int i = 0; i < 2; i++)
		p.plane[i] = again(plane, UINT64_C(0xFFFFFFFF) << (i ? 0 : 32),
				   0, 0);
	need(pthread_create(&other, NULL, strikes, &p) == 0);
	is_int(count_missed(&p), 0,
	       "who strikes off the last one is always told so");
	pthread_join(other, NULL);
	for (int i = 0; i < 2; i++)
		aether_plane_detach(p.plane[i]);
	aether_plane_detach(plane);
}

int main(void)
{
	return rig_run(at_once);
}
