/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards: refusals and what they count, the order of write and signal, the
 * policy of the layout `inos`, tables that somebody wrote over, threads. Their
 * origin had defects; each has a test here, in plain words. Deaths are in
 * test_guard_death.c.
 */
#include <pthread.h>
#include <sched.h>
#include "guards.h"
#include "posix.h"

#define THREADS 4
#define TURNS (RIG_SLOW ? 300 : 2000)

static const uint32_t wrong[] = {
	AETHER_GUARDS_MAX - 1, AETHER_GUARDS_MAX, 255, 256, 1u << 26, UINT32_MAX
};

/* All calls with an index that names no guard. */
static int all_refuse(struct aether_participant *who, uint32_t guard)
{
	struct aether_guard_info info;
	void *bytes;

	return aether_guard_acquire(who, guard) == AETHER_EINDEX &&
	       aether_guard_signal(who, guard) == AETHER_EINDEX &&
	       aether_guard_release(who, guard) == AETHER_EINDEX &&
	       aether_guard_abandon(who, guard) == AETHER_EINDEX &&
	       aether_guard_check(who, guard, 0) == AETHER_EINDEX &&
	       aether_guard_check(who, guard, 1) == AETHER_EINDEX &&
	       aether_guard_bytes(who, guard, NULL, &bytes) == AETHER_EINDEX &&
	       aether_guard_look(plane, guard, &info) == AETHER_EINDEX;
}

static void index_first(void)
{
	size_t size = (size_t)plane->layout->tables;
	unsigned char *before = malloc(size);
	struct aether_participant *no_one = joins(AETHER_ROLE_INGRESS);
	struct aether_plane *lean = rig_plane(8, 131072, 2);
	struct aether_participant *there = rig_join(lean);
	int refused = 1;

	need(before);
	memcpy(before, plane->base, size);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refused &= all_refuse(kernel, wrong[i]) &&
			   all_refuse(no_one, wrong[i]);
	ok(refused, "(1) an index out of range is AETHER_EINDEX, in any role");
	ok(!memcmp(before, plane->base, size),
	   "(1) and not a byte is written, in the table or outside of it");
	free(before);
	aether_participant_leave(no_one);
	is_int(aether_guard_acquire(there, 0), AETHER_EINDEX,
	       "a layout without guards");
	is_int(aether_guard_trap(lean, 1), AETHER_EINDEX, "nothing to trap");
	aether_participant_leave(there);
	need(aether_plane_detach(lean) == 0);
}

static void one_writer(void)
{
	struct aether_participant *other = joins(AETHER_ROLE_KERNEL);
	struct aether_guard_info info;
	void *bytes = NULL;
	size_t size = 0;

	is_int(aether_guard_bytes(kernel, HISTORY, &size, &bytes),
	       AETHER_ENOTHELD, "no bytes before it is acquired");
	is_int(aether_guard_check(kernel, HISTORY, 1), AETHER_ENOTHELD,
	       "no writing either");
	is_int(aether_guard_acquire(kernel, HISTORY), 0, "acquired");
	is_int(aether_guard_check(kernel, HISTORY, 1), 0, "may write");
	is_int(aether_guard_bytes(kernel, HISTORY, &size, &bytes), 0, "bytes");
	ok((unsigned char *)bytes ==
			   plane->base + AETHER_INOS_OFFSET_JOB_HISTORY &&
		   size == AETHER_INOS_SIZE_JOB_HISTORY,
	   "where the layout has them");
	is_int(aether_guard_acquire(kernel, HISTORY), AETHER_EHELD, "twice");
	is_int(aether_guard_acquire(other, HISTORY), AETHER_ETAKEN,
	       "a second writer is refused");
	is_int(counted(HISTORY, AETHER_GUARD_VIOLATION_CONTENTION), 1,
	       "and counted, the double acquire is not");
	is_int(aether_guard_release(other, HISTORY), AETHER_ENOTHELD,
	       "released by another");
	is_int(counted(HISTORY, AETHER_GUARD_VIOLATION_RELEASE), 1, "counted");
	info = look(HISTORY);
	ok(info.held && info.alive && info.slot == kernel->slot &&
		   info.holder == aether_participant_tenancy(kernel) &&
		   info.role == AETHER_ROLE_KERNEL &&
		   info.pid == (uint32_t)getpid() && info.name[0],
	   "it is still the first one's, and look says who that is");
	is_int(aether_guard_release(kernel, HISTORY), 0, "released");
	is_int(aether_guard_release(kernel, HISTORY), AETHER_ENOTHELD, "twice");
	info = look(HISTORY);
	ok(!info.held && !info.holder && info.acquires == 1 && !info.recovered,
	   "nobody has it");
	is_int(aether_guard_acquire(other, HISTORY), 0, "the next one");
	is_int(aether_guard_release(other, HISTORY), 0, "lets go");
	aether_participant_leave(other);
}

/* Every way out between acquire and release lets the next one in. */
static void early_returns(void)
{
	struct aether_participant *other = joins(AETHER_ROLE_KERNEL);

	need(aether_guard_acquire(other, INBOX) == 0);
	is_int(aether_guard_abandon(other, INBOX), 0,
	       "(2) one who failed half way lets go without a signal");
	is_int(counted(INBOX, AETHER_GUARD_VIOLATION_EPOCH), 0, "not counted");
	is_int(aether_guard_acquire(kernel, INBOX), 0, "(2) the next one");
	is_int(aether_guard_abandon(other, INBOX), AETHER_ENOTHELD,
	       "who does not hold it cannot abandon it");
	need(aether_guard_abandon(kernel, INBOX) == 0);
	need(aether_guard_acquire(other, INBOX) == 0);
	need(aether_guard_acquire(other, HISTORY) == 0);
	need(aether_guard_acquire(other, PATTERNS) == 0);
	aether_participant_leave(other);
	ok(!look(INBOX).held && !look(HISTORY).held,
	   "(2) who leaves lets go of all that it holds");
	is_int(look(INBOX).recovered, 0, "nobody had to be recovered");
	is_int(aether_guard_acquire(kernel, INBOX), 0, "the next one");
	need(aether_guard_abandon(kernel, INBOX) == 0);
}

static void roles_and_modes(void)
{
	struct aether_participant *host = joins(AETHER_ROLE_HOST);
	struct aether_participant *egress = joins(AETHER_ROLE_EGRESS);
	uint32_t header = AETHER_INOS_GUARD_PLANE_HEADER;

	is_int(aether_guard_acquire(host, OUTBOX), AETHER_EROLE,
	       "the host does not write the outbox");
	is_int(aether_guard_check(host, OUTBOX, 1), AETHER_EROLE, "nor may it");
	is_int(counted(OUTBOX, AETHER_GUARD_VIOLATION_WRITER), 2, "counted");
	is_int(aether_guard_check(host, OUTBOX, 0), 0, "it reads it");
	is_int(aether_guard_check(egress, OUTBOX, 0), AETHER_EROLE,
	       "an egress does not");
	is_int(counted(OUTBOX, AETHER_GUARD_VIOLATION_READER), 1, "counted");
	is_int(aether_guard_check(module, OUTBOX, 0), AETHER_EROLE,
	       "its writer does not read it");
	need(aether_guard_acquire(module, OUTBOX) == 0);
	is_int(aether_guard_check(module, OUTBOX, 0), 0,
	       "but while it holds it");
	need(aether_guard_abandon(module, OUTBOX) == 0);
	is_int(aether_guard_acquire(kernel, header), AETHER_EROLE,
	       "nobody writes the header");
	is_int(aether_guard_check(kernel, header, 1), AETHER_EROLE, "nobody");
	is_int(counted(header, AETHER_GUARD_VIOLATION_READ_ONLY), 2, "counted");
	is_int(aether_guard_check(egress, header, 0), 0, "all may read it");
	is_int(look(OUTBOX).acquires, 1, "refusals are no acquires");
	aether_participant_leave(host);
	aether_participant_leave(egress);
}

static void several_writers(void)
{
	is_int(aether_guard_acquire(kernel, OUTBOX), 0, "multi: one writer");
	is_int(aether_guard_acquire(module, OUTBOX), 0, "and another");
	is_int(aether_guard_acquire(module, OUTBOX), AETHER_EHELD, "twice");
	is_int(aether_guard_signal(module, OUTBOX), 0, "signalled");
	is_int(aether_guard_release(module, OUTBOX), 0, "one lets go");
	is_int(aether_guard_release(module, OUTBOX), AETHER_ENOTHELD,
	       "once, though another one holds it");
	is_int(aether_guard_check(kernel, OUTBOX, 1), 0, "who may go on");
	is_int(aether_guard_release(kernel, OUTBOX), AETHER_EORDER,
	       "(4) another writer's signal is not the writer's own");
	ok(!look(OUTBOX).held, "there is no one holder to be shown");
	is_int(counted(OUTBOX, AETHER_GUARD_VIOLATION_CONTENTION), 0,
	       "and no contention");
}

/* Acquires at this value, signals `times`, has the epoch set to `after`. */
static int release_at(uint32_t value, int times, int64_t after)
{
	ae_store32_relaxed(epoch_word(1), value);
	need(aether_guard_acquire(kernel, INBOX) == 0);
	while (times--)
		need(aether_guard_signal(kernel, INBOX) == 0);
	if (after >= 0)
		ae_store32_relaxed(epoch_word(1), (uint32_t)after);
	return aether_guard_release(kernel, INBOX);
}

static void order(void)
{
	is_int(release_at(7, 0, -1), AETHER_EORDER, "released, not signalled");
	ok(!look(INBOX).held, "it is let go of all the same");
	is_int(counted(INBOX, AETHER_GUARD_VIOLATION_EPOCH), 1, "and counted");
	is_int(release_at(7, 1, -1), 0, "signalled, then released");
	ok(look(INBOX).epoch_at_acquire == 7 && look(INBOX).last_epoch == 8,
	   "(6) a result is one signal: the epoch rose by one");
	is_int(release_at(INT32_MAX, 1, -1), 0, "(4) past the largest int");
	is_int(release_at(UINT32_MAX, 1, -1), 0, "(4) past the wrap, to 0");
	is_int(look(INBOX).last_epoch, 0, "it has wrapped");
	is_int(release_at(9, 1, 0), 0,
	       "(4) a reader that sets the epoch back to 0 accuses nobody");
	is_int(release_at(9, 0, 10), AETHER_EORDER,
	       "(4) a value that rose by another's hand is no signal of mine");
	need(aether_guard_acquire(kernel, INBOX) == 0);
	need(aether_epoch_signal(module, 1) == 0);
	is_int(aether_guard_release(kernel, INBOX), AETHER_EORDER,
	       "(4) nor is another participant's signal");
	need(aether_epoch_signal(kernel, 1) == 0);
	need(aether_guard_acquire(kernel, INBOX) == 0);
	is_int(aether_guard_release(kernel, INBOX), AETHER_EORDER,
	       "nor one from before the acquire");
	need(aether_guard_acquire(kernel, INBOX) == 0);
	need(aether_epoch_signal(kernel, 1) == 0);
	is_int(aether_guard_release(kernel, INBOX), 0,
	       "aether_epoch_signal is as good as aether_guard_signal");
	is_int(counted(INBOX, AETHER_GUARD_VIOLATION_EPOCH), 4, "four in all");
}

static void signals(void)
{
	uint32_t a = AETHER_INOS_GUARD_BIRD_BUFFER_A;
	uint32_t b = AETHER_INOS_GUARD_BIRD_BUFFER_B;

	is_int(aether_guard_signal(kernel, INBOX), AETHER_ENOTHELD,
	       "no signal of a region that is not held");
	is_int(aether_guard_signal(kernel, HISTORY), AETHER_EINDEX,
	       "nor of one that has no epoch");
	need(aether_guard_acquire(module, a) == 0);
	need(aether_guard_acquire(module, b) == 0);
	need(aether_guard_signal(module, a) == 0);
	is_int(aether_guard_release(module, a), 0, "two regions of one epoch");
	is_int(aether_guard_release(module, b), 0, "one signal is for both");
	need(aether_guard_acquire(kernel, HISTORY) == 0);
	is_int(aether_guard_release(kernel, HISTORY), 0,
	       "a region without an epoch needs no signal");
}

/* Section 2.1 of the specification: who signals what for whom. The signaler
 * must be able to write what it signals, the waiter to read it. */
static const struct {
	uint32_t guard, writer, reader, epoch;
} callers[] = {
	{ AETHER_INOS_GUARD_INBOX, AETHER_ROLE_KERNEL, AETHER_ROLE_MODULE, 1 },
	{ AETHER_INOS_GUARD_OUTBOX, AETHER_ROLE_MODULE, AETHER_ROLE_KERNEL, 2 },
	{ AETHER_INOS_GUARD_OUTBOX, AETHER_ROLE_KERNEL, AETHER_ROLE_HOST, 2 },
	{ AETHER_INOS_GUARD_MODULE_REGISTRY, AETHER_ROLE_MODULE,
	  AETHER_ROLE_KERNEL, 15 },
	{ AETHER_INOS_GUARD_BIRD_BUFFER_A, AETHER_ROLE_MODULE, AETHER_ROLE_HOST,
	  12 },
	{ AETHER_INOS_GUARD_BIRD_BUFFER_B, AETHER_ROLE_MODULE, AETHER_ROLE_HOST,
	  12 },
	{ AETHER_INOS_GUARD_MATRIX_BUFFER_A, AETHER_ROLE_MODULE,
	  AETHER_ROLE_HOST, 13 },
	{ AETHER_INOS_GUARD_MATRIX_BUFFER_B, AETHER_ROLE_MODULE,
	  AETHER_ROLE_HOST, 13 },
	{ AETHER_INOS_GUARD_ECONOMICS_REGION, AETHER_ROLE_KERNEL,
	  AETHER_ROLE_MODULE, 19 },
};

static void policy(void)
{
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
		struct aether_participant *w = joins(callers[i].writer);
		struct aether_participant *r = joins(callers[i].reader);
		uint32_t guard = callers[i].guard, before = 0, after = 0;

		aether_epoch_load(plane, callers[i].epoch, &before);
		ok(aether_guard_acquire(w, guard) == 0 &&
			   aether_guard_signal(w, guard) == 0 &&
			   aether_guard_release(w, guard) == 0 &&
			   aether_guard_check(r, guard, 0) == 0,
		   "(5) %s: %s writes and signals, %s reads",
		   plane->layout->guards[guard].region,
		   aether_participant_role_name(callers[i].writer),
		   aether_participant_role_name(callers[i].reader));
		aether_epoch_load(plane, callers[i].epoch, &after);
		is_int(after - before, 1, "by its epoch, once");
		aether_participant_leave(w);
		aether_participant_leave(r);
	}
}

/* No path of the table is without a caller: each role, each region. */
static void each_role(void)
{
	const struct aether_layout *l = plane->layout;
	int wrong_ones = 0;

	for (uint32_t role = 0; role < 8; role++) {
		struct aether_participant *who = joins(role);

		for (uint32_t g = 0; g < l->guard_count; g++) {
			int may = l->guards[g].mode !=
					  AETHER_GUARD_MODE_READ_ONLY &&
				  (l->guards[g].writers >> role & 1);
			int err = aether_guard_acquire(who, g);

			wrong_ones += err != (may ? 0 : AETHER_EROLE);
			if (err == 0)
				wrong_ones += aether_guard_abandon(who, g) != 0;
		}
		aether_participant_leave(who);
	}
	is_int(wrong_ones, 0, "(10) each role acquires what the policy says");
}

static void lines(void)
{
	uintptr_t first = (uintptr_t)record(0), second = (uintptr_t)record(1);

	ok(first % AETHER_LINE_SIZE == 0 && second - first == AETHER_LINE_SIZE,
	   "(8) a guard has a cache line to itself");
	ok(first - (uintptr_t)plane->base ==
		   AETHER_INOS_OFFSET_REGION_GUARD_TABLE,
	   "in the table of the map");
}

/* The table itself is memory that anybody may write. */
static void written_over(void)
{
	uint64_t mine;
	uint64_t dead = AETHER_HOLDER_MAKE(1, 63, 5, 9);

	need(aether_guard_acquire(kernel, HISTORY) == 0);
	mine = ae_load64_relaxed(&record(HISTORY)->writer);
	ae_store64_relaxed(&record(HISTORY)->writer, 0);
	is_int(aether_guard_release(kernel, HISTORY), AETHER_ENOTHELD,
	       "(9) a word that somebody wrote over: not held any more");
	is_int(counted(HISTORY, AETHER_GUARD_VIOLATION_RELEASE), 1, "counted");
	ae_store64_relaxed(&record(HISTORY)->writer, mine);
	is_int(aether_guard_release(kernel, HISTORY), AETHER_ENOTHELD,
	       "(9) a word that names me though I hold nothing is no right");
	is_int(aether_guard_acquire(kernel, HISTORY), 0, "nor in the way");
	is_int(look(HISTORY).recovered, 1, "it is as a dead one's");
	need(aether_guard_release(kernel, HISTORY) == 0);
	ae_store64_relaxed(&record(HISTORY)->writer, dead);
	ok(look(HISTORY).held && !look(HISTORY).alive &&
		   look(HISTORY).slot == 63 && !look(HISTORY).holder,
	   "(9) a slot that the plane does not have");
	is_int(aether_guard_acquire(kernel, HISTORY), 0, "is nobody's");
	need(aether_guard_release(kernel, HISTORY) == 0);
}

static void anything(void)
{
	uint64_t seed = 3;
	uint64_t *table = (void *)record(0);
	int strange = 0;

	for (int turn = 0; turn < 200; turn++) {
		for (int i = 0; i < 512; i++)
			table[i] = rig_random(&seed);
		for (uint32_t g = 0; g < plane->layout->guard_count; g++) {
			int err = aether_guard_acquire(kernel, g);

			strange += err != 0 && err != AETHER_EROLE &&
				   err != AETHER_ETAKEN;
			look(g);
			err = aether_guard_abandon(kernel, g);
			strange += err != 0 && err != AETHER_ENOTHELD;
		}
		ae_guard_settle(plane);
	}
	is_int(strange, 0, "(9) a table of random bits: an answer each time");
	memset(table, 0, 4096);
}

/* Plain memory, which only the holder may touch: the thread sanitizer sees
 * whether the order is right. */
static void *counts_up(void *barrier)
{
	struct aether_participant *who = joins(AETHER_ROLE_KERNEL);

	pthread_barrier_wait(barrier); /* joining orders them, too */
	for (int i = 0; i < TURNS; i++) {
		void *bytes = NULL;
		int err;

		while ((err = aether_guard_acquire(who, HISTORY)) ==
			       AETHER_ETAKEN ||
		       err == AETHER_EAGAIN)
			sched_yield();
		need(err == 0);
		need(aether_guard_bytes(who, HISTORY, NULL, &bytes) == 0);
		++*(uint64_t *)bytes;
		need(aether_guard_release(who, HISTORY) == 0);
	}
	aether_participant_leave(who);
	return NULL;
}

/* Without the port's counts, which order the threads of one attachment, too. */
static void threads(void)
{
	struct ae_posix_plane *port = plane->host;
	uint64_t *count = (void *)(plane->base +
				   AETHER_INOS_OFFSET_JOB_HISTORY);
	pthread_t thread[THREADS];
	pthread_barrier_t barrier;

	ae_posix_trap_free(port->trap);
	port->trap = NULL;
	*count = 0;
	need(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
	for (int i = 0; i < THREADS; i++)
		need(pthread_create(&thread[i], NULL, counts_up, &barrier) ==
		     0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&barrier);
	is_int((long long)*count, (long long)THREADS * TURNS,
	       "%d threads count in a guarded region", THREADS);
	is_int(look(HISTORY).acquires, THREADS * TURNS, "acquires are counted");
	is_int(look(HISTORY).recovered, 0, "nobody was taken for dead");
}

/* Threads first: after planes that came and went, the thread sanitizer did not
 * find a race that was planted there. */
static void tests(void)
{
	void (*const all[])(void) = {
		threads,         index_first,     one_writer, early_returns,
		roles_and_modes, several_writers, order,      signals,
		policy,          each_role,       lines,      written_over,
		anything,
	};

	guards_each(all, sizeof(all) / sizeof(all[0]));
}

int main(void)
{
	return rig_run(tests);
}
