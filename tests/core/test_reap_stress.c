/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many processes that reserve, route, share, inherit, leave and reap while they
 * are killed at random moments. Nobody ever has a stride that somebody alive
 * has, too; what was routed arrives intact; in the end all strides are free.
 * And several reapers at once: each thing is settled, and counted, once.
 */
#include <sched.h>
#include "victim.h"

#define SIZE 65536
#define STRIDES 48
#define MANY 2048
#define WORKERS 6
#define HELD 8
#define TIME ((RIG_SLOW ? 4000 : 2500) * MS)
#define KILLS 20
#define SUSPECTS 5
#define READS 100

static struct aether_plane *plane;

/* Shared by all, outside the plane. */
struct world {
	struct aether_word64 owner[STRIDES]; /* tenancy; 0: nobody */
	struct aether_word64 tenancies[WORKERS];
	struct aether_word64 turns, taken, suspects, read, stays;
	struct aether_word32 failed;
	char failure[200];
};

static struct world *world;

struct worker {
	struct aether_plane *plane;
	struct aether_participant *me;
	uint64_t tenancy;
	uint64_t seed;
	uint32_t self;
	uint32_t count;
	uint64_t held[HELD];
};

static void fail(const char *what, uint64_t a, uint64_t b)
{
	if (ae_add32_relaxed(&world->failed, 1) == 0)
		snprintf(world->failure, sizeof(world->failure),
			 "%s: %llx %llx", what, (unsigned long long)a,
			 (unsigned long long)b);
	_exit(1);
}

static void must(int err, const char *what)
{
	if (err < 0)
		fail(what, (uint64_t)-err, 0);
}

static int is_alive(struct worker *w, uint64_t tenancy)
{
	struct aether_participant_info info;

	aether_participant_look(w->plane,
				(uint32_t)AETHER_TENANCY_SLOT(tenancy), &info);
	return info.tenancy == tenancy && info.alive &&
	       info.state == AETHER_SEAT_ACTIVE;
}

static uint64_t *ends_of(struct worker *w, uint64_t handle, uint64_t **last)
{
	void *bytes = NULL;
	size_t size = 0;

	must(aether_stride_bytes(w->me, handle, &size, &bytes), "bytes");
	*last = (uint64_t *)((char *)bytes + size) - 1;
	return bytes;
}

static uint32_t strides_of(struct worker *w, uint64_t handle)
{
	uint64_t *last, *first = ends_of(w, handle, &last);

	return (uint32_t)(((char *)(last + 1) - (char *)first) / SIZE);
}

/* I have it, and nobody else who lives has. */
static void enter(struct worker *w, uint64_t handle)
{
	uint32_t count = strides_of(w, handle);
	uint64_t *last, *first = ends_of(w, handle, &last);

	for (uint32_t i = 0; i < count; i++) {
		uint64_t old = ae_xchg64_seq_cst(
			&world->owner[victim_stride(handle) + i], w->tenancy);

		if (old && is_alive(w, old))
			fail("two owners", handle, old);
	}
	*first = *last = handle;
	w->held[w->count++] = handle;
}

static void forget(struct worker *w, uint32_t at)
{
	uint64_t handle = w->held[at], *last, *first;
	uint32_t count = strides_of(w, handle);

	first = ends_of(w, handle, &last);
	if (*first != handle || *last != handle)
		fail("somebody wrote to what is mine", handle, *first);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t old = ae_xchg64_seq_cst(
			&world->owner[victim_stride(handle) + i], 0);

		if (old != w->tenancy)
			fail("somebody else had it", handle, old);
	}
	w->held[at] = w->held[--w->count];
}

static uint64_t somebody(struct worker *w)
{
	return rig_told(&world->tenancies[rig_random(&w->seed) % WORKERS]);
}

static void reserves(struct worker *w)
{
	uint32_t count = 1 + (uint32_t)(rig_random(&w->seed) % 3);
	uint64_t handle;

	if (w->count < HELD &&
	    aether_stride_reserve_run(w->me, count, &handle) == 0)
		enter(w, handle);
}

/* It is readable as its sender left it, alone or with others. */
static void reads(struct worker *w, uint64_t handle)
{
	uint64_t *last, *first = ends_of(w, handle, &last);

	if (*first != handle || *last != handle)
		fail("not intact", handle, *first);
}

static void takes(struct worker *w)
{
	struct aether_stride_info info;
	uint64_t handle;

	if (w->count == HELD)
		return;
	if (aether_route_take(w->me, &handle) < 0) {
		sched_yield();
		return;
	}
	ae_add64_relaxed(&world->taken, 1);
	must(aether_stride_query(w->plane, handle, &info), "query");
	if (info.state == AETHER_STATE_SHARED) {
		reads(w, handle);
		reads(w, handle);
		must(aether_stride_release(w->me, handle), "release a share");
		ae_add64_relaxed(&world->read, 1);
		return;
	}
	if (info.state == AETHER_STATE_SUSPECT) {
		ae_add64_relaxed(&world->suspects, 1);
		must(aether_stride_accept(w->me, handle), "accept");
	} else {
		reads(w, handle);
	}
	enter(w, handle);
}

/* Gives one away: routes, shares or releases it. */
static void gives(struct worker *w)
{
	uint64_t to[2] = { somebody(w), somebody(w) };
	uint64_t handle;
	uint32_t at;
	int err;

	if (!w->count)
		return;
	at = (uint32_t)(rig_random(&w->seed) % w->count);
	handle = w->held[at];
	forget(w, at);
	if (rig_random(&w->seed) % 8 == 0)
		err = aether_stride_release(w->me, handle);
	else if (rig_random(&w->seed) % 3)
		err = aether_route(w->me, handle, to[0]);
	else
		err = aether_share(w->me, handle, to, 2, NULL);
	if (err == AETHER_EGONE || err == AETHER_EBOX || err == AETHER_EINVAL)
		enter(w, handle);
	else
		must(err, "give");
}

static void joins(struct worker *w)
{
	uint64_t limit = aether_clock_after(RIG_HANG / 2);
	int err = AETHER_ESEATS;
	uint64_t heir;

	/* as many slots as workers: the dead must make room. Who died after
	 * the join had looked at its slot may cost another try, and others on
	 * their way in or out, stopped there, some more. */
	while (err == AETHER_ESEATS && aether_clock_now() < limit) {
		err = aether_participant_join(w->plane, NULL, NULL, &w->me);
		if (err == AETHER_ESEATS)
			rig_sleep(MS);
	}
	must(err, "join");
	w->tenancy = aether_participant_tenancy(w->me);
	rig_tell(&world->tenancies[w->self], w->tenancy);
	heir = somebody(w);
	err = heir == w->tenancy ? 0 : aether_participant_heir(w->me, heir);
	if (err != AETHER_EGONE && err != AETHER_EBOX)
		must(err, "name an heir");
	ae_add64_relaxed(&world->stays, 1);
}

__attribute__((noreturn)) static int works(void *argument)
{
	struct worker *w = argument;

	w->plane = rig_again(plane);
	joins(w);
	for (;;) {
		uint32_t what = (uint32_t)(rig_random(&w->seed) % 5000);

		if (what == 0) {
			while (w->count)
				forget(w, 0);
			aether_participant_leave(w->me);
			joins(w);
		} else if (what < 20) {
			aether_reap(w->me, NULL);
		} else if (what < 1500) {
			reserves(w);
		} else if (what < 3000) {
			takes(w);
		} else {
			gives(w);
		}
		ae_add64_relaxed(&world->turns, 1);
	}
}

static void start(struct worker *w, pid_t *pid, uint64_t seed)
{
	w->seed = seed;
	*pid = rig_fork(works, w);
}

static int met_enough(uint64_t kills)
{
	return kills > KILLS &&
	       (RIG_SLOW || ae_load64_relaxed(&world->suspects) > SUSPECTS) &&
	       ae_load64_relaxed(&world->read) > READS;
}

static void finish(uint64_t kills)
{
	struct aether_participant *me;
	uint64_t handle = 0;

	ok(ae_load32_relaxed(&world->failed) == 0, "nobody found anything "
						   "wrong");
	if (ae_load32_relaxed(&world->failed))
		printf("# %s\n", world->failure);
	ok(met_enough(kills),
	   "%llu turns, %llu kills, %llu stays, %llu taken, %llu suspect, "
	   "%llu read",
	   (unsigned long long)ae_load64_relaxed(&world->turns),
	   (unsigned long long)kills,
	   (unsigned long long)ae_load64_relaxed(&world->stays),
	   (unsigned long long)ae_load64_relaxed(&world->taken),
	   (unsigned long long)ae_load64_relaxed(&world->suspects),
	   (unsigned long long)ae_load64_relaxed(&world->read));
	me = rig_join(plane);
	aether_reap(me, NULL);
	is_int(rig_count(plane, AETHER_STATE_DORMANT), STRIDES,
	       "no stride is lost, registers equal words");
	is_int(aether_stride_reserve_run(me, STRIDES, &handle), 0,
	       "all of them can be had");
	aether_participant_leave(me);
	for (uint32_t i = 0; i < WORKERS; i++)
		is_int(victim_seat_state(plane, i), AETHER_SEAT_FREE,
		       "slot %u is free", i);
}

static void stress(void)
{
	struct worker w[WORKERS];
	pid_t pids[WORKERS];
	uint64_t seed = 17, kills = 0;
	uint64_t stop = aether_clock_after(TIME);
	uint64_t limit = aether_clock_after(RIG_HANG);

	/* no watch of my own: it would reap in the middle of my looks */
	plane = victim_quiet(STRIDES, SIZE, WORKERS);
	world = rig_shared(sizeof(*world));
	for (uint32_t i = 0; i < WORKERS; i++) {
		w[i] = (struct worker) { .self = i };
		start(&w[i], &pids[i], rig_random(&seed));
	}
	while (!ae_load32_relaxed(&world->failed) &&
	       (aether_clock_now() < stop ||
		(!met_enough(kills) && aether_clock_now() < limit))) {
		uint32_t i = (uint32_t)(rig_random(&seed) % WORKERS);

		rig_sleep(rig_random(&seed) % (8 * MS));
		kill(pids[i], SIGKILL);
		kills += rig_wait(pids[i]) == 128 + SIGKILL;
		start(&w[i], &pids[i], rig_random(&seed));
	}
	for (uint32_t i = 0; i < WORKERS; i++)
		kill(pids[i], SIGKILL);
	for (uint32_t i = 0; i < WORKERS; i++)
		rig_wait(pids[i]);
	finish(kills);
	need(aether_plane_detach(plane) == 0);
}

/* Reaps until it is told to stop, and says what it did. */
struct sums {
	struct aether_word64 dead, freed, inherited, suspect, readers, ready,
		stop;
};

static int reaps(void *argument)
{
	struct sums *sums = argument;
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *me;

	ae_posix_watch_free(again);
	me = rig_join(again);
	ae_add64_relaxed(&sums->ready, 1);
	while (!rig_told(&sums->stop)) {
		struct aether_reap_report report;

		aether_reap(me, &report);
		ae_add64_relaxed(&sums->freed, report.freed);
		ae_add64_relaxed(&sums->inherited, report.inherited);
		ae_add64_relaxed(&sums->suspect, report.suspect);
		ae_add64_relaxed(&sums->readers, report.readers);
		ae_add64_relaxed(&sums->dead, report.dead);
	}
	aether_participant_leave(me);
	return 0;
}

/* Empties the mailbox of what its predecessors never took. */
static void reserves_after(struct victim *v)
{
	uint64_t handle;

	need(aether_route_take(v->me, &handle) == AETHER_EEMPTY);
	victim_reserves(v);
}

#define COUNT 40 /* held by each that dies; one more is on its way to it */

/* One dies: holds some, is sent one, is to read one. How many I inherit. */
static int one_dies(struct aether_participant *me, uint64_t heir,
		    struct sums *sums)
{
	struct victim v = { .act = reserves_after, .plane = plane };
	uint64_t handle = rig_reserve(me);
	uint64_t dead = rig_told(&sums->dead);
	int got = 0;

	v.count = COUNT;
	v.heir = heir;
	victim_ready(&v);
	need(aether_share(me, handle, &v.tenancy, 1, NULL) == 0);
	handle = rig_reserve(me);
	need(aether_route(me, handle, v.tenancy) == 0);
	victim_kill(&v);
	munmap(v.told, sizeof(*v.told));
	rig_await(&sums->dead, dead + 1);
	for (; aether_route_take(me, &handle) == 0; got++)
		need(aether_stride_release(me, handle) == 0);
	return got;
}

static void counted_once(int heirs)
{
	struct sums *sums = rig_shared(sizeof(*sums));
	int rounds = RIG_SLOW ? 20 : 50;
	struct aether_participant *me;
	int got = 0, all = (COUNT + 1) * rounds;
	pid_t pids[3];

	plane = victim_quiet(MANY, SIZE / 4, 8); /* passes that take a while */
	me = rig_join(plane);
	for (int i = 0; i < 3; i++)
		pids[i] = rig_fork(reaps, sums);
	rig_await(&sums->ready, 3);
	for (int i = 0; i < rounds; i++)
		got += one_dies(me, heirs ? aether_participant_tenancy(me) : 0,
				sums);
	rig_tell(&sums->stop, 1);
	for (int i = 0; i < 3; i++)
		need(rig_wait(pids[i]) == 0);
	is_int(rig_told(&sums->dead), rounds, "three reapers: each death once");
	is_int(rig_told(&sums->freed), (heirs ? 0 : all) + rounds,
	       "each lease once");
	is_int(rig_told(&sums->inherited), heirs ? all : 0, "also inherited");
	is_int(rig_told(&sums->suspect), heirs ? all - rounds : 0, "suspect");
	is_int(got, heirs ? all : 0, "by me");
	is_int(rig_told(&sums->readers), rounds, "each reader once");
	is_int(victim_deaths(plane), rounds, "and in the header");
	aether_participant_leave(me);
	is_int(victim_count(plane, AETHER_STATE_DORMANT), MANY, "all free");
	need(aether_plane_detach(plane) == 0);
}

static void tests(void)
{
	counted_once(0);
	counted_once(1);
	stress();
}

int main(void)
{
	return rig_run(tests);
}
