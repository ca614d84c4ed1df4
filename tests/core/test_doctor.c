/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor's calls: nothing is wrong in a plane at work, whenever one looks;
 * what is wrong in it is found among all that moves, and repaired while the
 * others work on; who hears of it may end it.
 */
#include "rig.h"

#define SIZE 16384
#define STRIDES 96
#define WORKERS 3
#define LOOKS (RIG_SLOW ? 200 : 3000)

struct shared {
	struct aether_word64 tenancies[WORKERS];
	struct aether_word64 over;
	struct aether_word64 turns[WORKERS];
};

static struct shared *shared;
static struct aether_plane *plane;

/* Runs and singles, routed and shared, taken and released. */
static int play(struct aether_participant *me, int self, uint64_t *seed)
{
	uint64_t to = rig_told(&shared->tenancies[(self + 1) % WORKERS]);
	uint64_t handle, count = 1 + rig_random(seed) % 3;

	while (aether_route_take(me, &handle) == 0)
		if (aether_stride_release(me, handle) < 0)
			return 1;
	if (aether_stride_reserve_run(me, (uint32_t)count, &handle) < 0)
		return 0;
	if (rig_random(seed) % 3 == 0)
		return aether_stride_release(me, handle) < 0;
	if ((rig_random(seed) % 2 ? aether_share(me, handle, &to, 1, NULL)
				  : aether_route(me, handle, to)) < 0)
		aether_stride_release(me, handle);
	return 0;
}

static int work(void *argument)
{
	int self = *(int *)argument, bad = 0;
	struct aether_plane *own = rig_again(plane);
	struct aether_participant *me = rig_join(own);
	uint64_t seed = (uint64_t)self + 7, handle;

	rig_tell(&shared->tenancies[self], aether_participant_tenancy(me));
	for (int i = 0; i < WORKERS; i++)
		rig_await(&shared->tenancies[i], 1);
	while (!bad && !rig_told(&shared->over)) {
		bad = play(me, self, &seed);
		ae_add64_relaxed(&shared->turns[self], 1);
	}
	while (aether_route_take(me, &handle) == 0)
		aether_stride_release(me, handle);
	aether_participant_leave(me);
	return bad || aether_plane_detach(own) < 0;
}

struct heard {
	int wrong;
	int repaired;
	int of[AETHER_FINDINGS];
	int most; /* it hears no more than that; 0: all */
	int calls;
};

static int hear(const struct aether_finding *f, void *user)
{
	struct heard *h = user;

	h->wrong += f->wrong;
	h->repaired += f->repaired;
	h->of[f->what]++;
	if (f->wrong && !h->most)
		printf("# %s at %u: word %llx, slot %d\n",
		       aether_doctor_name(f->what), f->index,
		       (unsigned long long)f->found, (int)f->slot);
	return ++h->calls == h->most ? 77 : 0;
}

static void put(uint32_t index, uint64_t word)
{
	ae_store64_relaxed(&plane->leases[index].word, word);
}

/* The others never get these: they are wrong from the beginning. */
static void spoil(void)
{
	put(0, AETHER_STATE_SUSPECT);
	put(1, AETHER_LEASE_MAKE(AETHER_STATE_ROUTED, 7, 99, 5, 0));
	put(2, AETHER_CONT_MAKE(AETHER_STATE_CONT, 40, 3));
}

static void at_work(void)
{
	struct heard all = { .most = 0 };
	int clean = 0;

	for (int i = 0; i < LOOKS; i++)
		clean += aether_doctor_look(plane, hear, &all) == 0;
	is_int(clean, LOOKS, "looks");
	is_int(all.wrong, 0, "nothing is wrong at work");
}

static void spoilt(void)
{
	struct heard some = { .most = 0 }, one = { .most = 1 },
		     mended = { .most = 0 }, after = { .most = 0 };
	struct aether_participant *me;

	spoil();
	is_int(aether_doctor_look(plane, hear, &some), 0, "looked");
	is_int(some.of[AETHER_FINDING_LEASE_STATE], 1, "a state");
	is_int(some.of[AETHER_FINDING_LEASE_GONE], 1, "an owner");
	is_int(some.of[AETHER_FINDING_TAIL], 1, "a tail");
	is_int(some.wrong, 3, "nothing else");
	is_int(aether_doctor_look(plane, hear, &one), 77,
	       "ended by the hearer");
	is_int(one.calls, 1, "at once");
	me = rig_join(plane);
	is_int(aether_doctor_repair(me, hear, &mended), 0, "repaired");
	ok(mended.of[AETHER_FINDING_LEASE_STATE] == 1 && mended.repaired >= 1,
	   "and told");
	aether_participant_leave(me);
	is_int(aether_doctor_look(plane, hear, &after), 0, "looked again");
	is_int(after.wrong, 0, "nothing is wrong any more");
}

static void texts(void)
{
	int good = 1;

	for (uint32_t i = 0; i < AETHER_FINDINGS; i++)
		good &= aether_doctor_name(i) != NULL &&
			strlen(aether_doctor_why(i)) > 10;
	ok(good, "all have a name and a sentence");
	ok(!aether_doctor_name(AETHER_FINDINGS), "others have no name");
	ok(aether_doctor_why(AETHER_FINDINGS) != NULL, "but a text");
}

static void tests(void)
{
	pid_t pids[WORKERS];
	int numbers[WORKERS];
	uint64_t turns = 0;

	shared = rig_shared(sizeof(*shared));
	plane = rig_plane(STRIDES, SIZE, 8);
	for (int i = 0; i < WORKERS; i++) {
		numbers[i] = i;
		pids[i] = rig_fork(work, &numbers[i]);
	}
	for (int i = 0; i < WORKERS; i++)
		rig_await(&shared->turns[i], 100);
	at_work();
	for (int i = 0; i < WORKERS; i++)
		turns += rig_told(&shared->turns[i]);
	printf("# %llu turns meanwhile\n", (unsigned long long)turns);
	rig_tell(&shared->over, 1);
	for (int i = 0; i < WORKERS; i++)
		is_int(rig_wait(pids[i]), 0, "worker %d", i);
	spoilt();
	texts();
	ok(rig_all_free(plane), "all strides are free");
	aether_plane_detach(plane);
}

int main(void)
{
	return rig_run(tests);
}
