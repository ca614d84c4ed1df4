/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of epochs: owners come and go, by freeing, leaving, dying; a name
 * ends with its ownership, and a reused index wakes no stranger.
 */
#include <pthread.h>
#include "victim.h"

#define POOL AETHER_EPOCH_POOL
#define FIRST AETHER_IDX_SUPERVISOR_POOL
#define HANG (60 * SECOND)

static struct aether_plane *plane;

static void begin(const char *layout)
{
	struct aether_plane_options options = { .layout = layout,
						.strides = 8,
						.participants = 8 };

	plane = NULL;
	need(aether_plane_create(NULL, &options, NULL, &plane) == 0);
	ae_posix_watch_free(plane);
}

static uint64_t allocate(struct aether_participant *me)
{
	uint64_t epoch = 0;

	need(aether_epoch_allocate(me, &epoch) == 0);
	return epoch;
}

static uint64_t owner_of(uint64_t epoch)
{
	uint64_t tenancy = 77;

	need(aether_epoch_owner(plane, (uint32_t)AETHER_EPOCH_INDEX(epoch),
				&tenancy) == 0);
	return tenancy;
}

/* How many epochs of the pool somebody owns. */
static int owned(void)
{
	uint64_t epoch;
	int n = 0;

	for (uint32_t i = FIRST; i < FIRST + POOL; i++)
		n += aether_epoch_find(plane, i, &epoch) == 0;
	return n;
}

/* The same by the table of the layout INOS. */
static int noted(void)
{
	struct aether_supervisor_alloc_seg *table =
		(void *)(plane->base +
			 plane->layout->supervisor_alloc_records.offset);
	int n = 0;

	for (int i = 0; i < 4; i++)
		n += __builtin_popcount(ae_load32_relaxed(&table->bitmap[i]));
	return n;
}

static void names_end(void)
{
	struct aether_participant *me = rig_join(plane);
	struct aether_participant *other = rig_join(plane);
	uint64_t epoch = allocate(me), again, found = 0, tenancy = 77;
	uint32_t value = 77;

	is_int(aether_epoch_find(plane, FIRST, &found), 0, "it is found");
	ok(found == epoch && epoch >> 24, "its name has a generation");
	ok(owner_of(epoch) == aether_participant_tenancy(me), "it is mine");
	is_int(aether_epoch_set(me, epoch, 1), AETHER_EKIND, "a counter");
	is_int(aether_epoch_signal(other, epoch), 0, "others may signal it");
	is_int(aether_epoch_free(other, epoch), AETHER_ENOTHELD,
	       "but not free it");
	is_int(aether_epoch_free(me, 12), AETHER_ENOTHELD,
	       "nor I one that is not of the pool");
	is_int(aether_epoch_free(me, UINT64_MAX), AETHER_EINDEX,
	       "nor one that is none");
	is_int(owned(), 1, "it is there still");
	is_int(aether_epoch_free(me, epoch), 0, "I free it");
	is_int(aether_epoch_free(me, epoch), AETHER_EFREED, "once");
	ok(owner_of(epoch) == 0 && owned() == 0, "nobody owns it");
	again = allocate(other);
	ok(again != epoch && (again & 0xff) == (epoch & 0xff),
	   "the next owner's has the same index and another name");
	is_int(aether_epoch_signal(me, epoch), AETHER_EFREED,
	       "a signal by the old name");
	is_int(aether_epoch_load(plane, epoch, &value), AETHER_EFREED,
	       "a load");
	is_int(aether_epoch_wait(me, epoch, 1, 0, &value), AETHER_EFREED,
	       "a wait");
	is_int(aether_epoch_free(me, epoch), AETHER_EFREED, "a free");
	ok(value == 77 && aether_epoch_load(plane, again, &value) == 0 &&
		   value == 1,
	   "changed nothing; the value was not set back");
	is_int(aether_epoch_owner(plane, 12, &tenancy), AETHER_EINDEX,
	       "an epoch that has no owners");
	is_int(aether_epoch_owner(plane, 256, &tenancy), AETHER_EINDEX,
	       "an epoch that is none");
	aether_participant_leave(other);
	is_int(owned(), 0, "who leaves frees its own");
	aether_participant_leave(me);
}

static void exhausted(void)
{
	struct aether_participant *me = rig_join(plane);
	struct aether_participant *other = rig_join(plane);
	uint64_t epochs[POOL], epoch = 77;
	int distinct = 1;

	for (uint32_t i = 0; i < POOL; i++) {
		epochs[i] = allocate(i % 2 ? me : other);
		distinct &= AETHER_EPOCH_INDEX(epochs[i]) == FIRST + i;
	}
	ok(distinct && owned() == POOL, "96 epochs are owned");
	is_int(noted(), POOL, "the layout's table says so");
	is_int(aether_epoch_allocate(me, &epoch), AETHER_EPOOL, "the 97th");
	ok(epoch == 77 && owned() == POOL, "nothing changed");
	aether_epoch_free(me, epochs[51]);
	epoch = allocate(other);
	is_int(AETHER_EPOCH_INDEX(epoch), FIRST + 51, "a freed one is had");
	aether_participant_leave(other);
	is_int(owned(), POOL / 2 - 1, "one leaves, the other's stay");
	aether_participant_leave(me);
	ok(owned() == 0 && noted() == 0, "both left: all are free");
}

struct waiter {
	pthread_t thread;
	struct aether_participant *me;
	uint64_t epoch;
	uint32_t seen;
	int several;
	int err;
};

static void *wait_once(void *argument)
{
	struct waiter *w = argument;
	struct aether_epoch_watch two[2] = { { 200, 0, 0 },
					     { w->epoch, w->seen, 0 } };
	uint64_t hang = aether_clock_after(HANG);
	uint32_t value = 0, which = 0;

	if (w->several)
		w->err = aether_epoch_wait_any(w->me, two, 2, hang, &which);
	else
		w->err = aether_epoch_wait(w->me, w->epoch, w->seen, hang,
					   &value);
	return NULL;
}

static void start_waiter(struct waiter *w, uint64_t epoch, int several)
{
	struct aether_participant_options options = { .spin = 1 };

	*w = (struct waiter) { .epoch = epoch, .several = several };
	need(aether_epoch_load(plane, epoch, &w->seen) == 0);
	w->me = rig_join_with(plane, &options);
	need(pthread_create(&w->thread, NULL, wait_once, w) == 0);
	while (!ae_load64_relaxed(&w->me->seat->waits))
		rig_sleep(MS / 10);
}

static int end_waiter(struct waiter *w)
{
	pthread_join(w->thread, NULL);
	aether_participant_leave(w->me);
	return w->err;
}

static void waits_end(void)
{
	struct aether_participant *me = rig_join(plane);
	struct waiter waiters[2];
	uint64_t epoch;

	epoch = allocate(me);
	for (int i = 0; i < 2; i++)
		start_waiter(&waiters[i], epoch, i);
	aether_epoch_free(me, epoch);
	ok(end_waiter(&waiters[0]) == AETHER_EFREED &&
		   end_waiter(&waiters[1]) == AETHER_EFREED,
	   "it is freed: waits for it end");
	epoch = allocate(me);
	for (int i = 0; i < 2; i++)
		start_waiter(&waiters[i], epoch, i);
	aether_participant_leave(me);
	ok(end_waiter(&waiters[0]) == AETHER_EFREED &&
		   end_waiter(&waiters[1]) == AETHER_EFREED,
	   "its owner leaves: waits for it end");
	me = rig_join(plane);
	epoch = allocate(me);
	for (int i = 0; i < 2; i++)
		start_waiter(&waiters[i], epoch, i);
	aether_epoch_signal(me, epoch);
	ok(end_waiter(&waiters[0]) == 0 && end_waiter(&waiters[1]) == 0,
	   "it is signalled: waits for it end");
	aether_participant_leave(me);
}

static void allocates(struct victim *v)
{
	for (uint32_t i = 0; i < v->count; i++)
		need(aether_epoch_allocate(v->me, &v->told->handles[i]) == 0);
}

static void death(void)
{
	struct victim v = { .act = allocates, .plane = plane, .count = 3 };
	struct aether_participant *me;
	struct aether_reap_report report;
	uint32_t value;

	victim_ready(&v);
	me = rig_join(plane);
	ok(owned() == 3 && owner_of(v.told->handles[2]) == v.tenancy,
	   "another process owns three");
	victim_kill(&v);
	is_int(aether_epoch_signal(me, v.told->handles[2]), 0,
	       "it is killed: they are there until it is reaped");
	aether_reap(me, &report);
	is_int(report.epochs, 3, "and then go back");
	is_int(aether_epoch_load(plane, v.told->handles[2], &value),
	       AETHER_EFREED, "their names have ended");
	is_int(owned(), 0, "all are free");
	aether_participant_leave(me);
}

/* Who waits looks for the dead himself now and then, and may be the one who
 * reaps: so nothing is said here of who does. */
static void waits_end_by_death(void)
{
	struct victim v = { .act = allocates, .plane = plane, .count = 1 };
	struct aether_participant *me;
	struct waiter w;

	victim_ready(&v);
	me = rig_join(plane);
	start_waiter(&w, v.told->handles[0], 0);
	victim_kill(&v);
	aether_reap(me, NULL);
	is_int(end_waiter(&w), AETHER_EFREED,
	       "its owner is killed and reaped: waits for it end");
	aether_participant_leave(me);
}

/* Nobody has reaped; who needs an epoch takes a dead one's. */
static void taken_over(void)
{
	struct victim v = { .act = allocates, .plane = plane, .count = 2 };
	struct aether_participant *me;
	uint64_t epoch = 0, dead;

	victim_ready(&v);
	me = rig_join(plane);
	for (uint32_t i = 2; i < POOL; i++)
		allocate(me);
	is_int(aether_epoch_allocate(me, &epoch), AETHER_EPOOL,
	       "all are owned by somebody who lives");
	kill(v.pid, SIGSTOP);
	is_int(aether_epoch_allocate(me, &epoch), AETHER_EPOOL,
	       "who is stopped lives");
	dead = v.told->handles[0];
	ok(owner_of(dead) == v.tenancy, "and owns its");
	victim_kill(&v);
	ok(owner_of(dead) == 0, "who is dead owns nothing, reaped or not");
	epoch = allocate(me);
	ok((epoch & 0xff) == (dead & 0xff) && epoch != dead,
	   "who is dead owns nothing that another needs");
	ok(owner_of(epoch) == aether_participant_tenancy(me), "it is mine");
	aether_reap(me, NULL);
	is_int(owned(), POOL - 1, "its other one goes back when it is reaped");
	aether_participant_leave(me);
	is_int(owned(), 0, "all are free when the last has left");
}

static void forged(void)
{
	struct aether_participant *me = rig_join(plane);
	uint64_t epoch = 0, word = AETHER_HOLDER_MAKE(1, 63, 5, 9, 0);

	for (uint32_t i = FIRST; i < FIRST + POOL; i++) {
		struct aether_word64 *owner = &plane->epochs[i].owner;

		ae_cas64_seq_cst(owner, ae_load64_relaxed(owner), word);
	}
	is_int(aether_epoch_allocate(me, &epoch), 0,
	       "owners that cannot be: one is taken over");
	ok(AETHER_EPOCH_GENERATION(epoch) == 10, "with the next generation");
	ok(owner_of(FIRST + 1) == 0, "such an owner is nobody");
	ae_or64_seq_cst(&plane->header->pool_used, UINT64_MAX);
	aether_participant_leave(me);
	is_int(owned(), 0, "a pass frees all of theirs");
}

static void tests(void)
{
	begin("inos");
	names_end();
	exhausted();
	waits_end();
	death();
	waits_end_by_death();
	taken_over();
	forged();
	need(aether_plane_detach(plane) == 0);
	begin("lean");
	names_end();
	need(aether_plane_detach(plane) == 0);
}

int main(void)
{
	return rig_run(tests);
}
