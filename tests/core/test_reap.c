/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaping: each row of the table in reap.h, where nobody is heir (heirs are in
 * test_heir.c), the slots of the dead, who is not dead, and when it happens by
 * itself. Many reapers at once are in test_reap_stress.c.
 */
#include "victim.h"

#define SIZE 65536
#define STRIDES 64

static struct aether_plane *plane;
static struct aether_participant *me, *you;
static struct aether_reap_report report;

static void begin(void)
{
	plane = victim_quiet(STRIDES, SIZE, 8);
	me = rig_join(plane);
	you = rig_join(plane);
}

static void end(const char *what)
{
	aether_participant_leave(you);
	aether_participant_leave(me);
	ok(rig_all_free(plane), "%s: all free in the end", what);
	need(aether_plane_detach(plane) == 0);
}

static int reports(uint32_t dead, uint32_t freed, uint32_t readers)
{
	memset(&report, 0xFF, sizeof(report));
	need(aether_reap(me, &report) == 0);
	if (report.dead == dead && report.freed == freed &&
	    report.readers == readers && !report.inherited && !report.suspect &&
	    !report.pending)
		return 1;
	printf("# dead %u freed %u inherited %u suspect %u readers %u "
	       "pending %u\n",
	       report.dead, report.freed, report.inherited, report.suspect,
	       report.readers, report.pending);
	return 0;
}

static void held(void)
{
	struct victim v = { .act = victim_reserves, .count = 3 };
	struct aether_participant_info info;
	uint64_t handle;

	begin();
	v.plane = plane;
	victim_ready(&v);
	handle = v.told->handles[1];
	ok(reports(0, 0, 0), "it lives: nothing to reap");
	victim_kill(&v);
	is_int(victim_count(plane, AETHER_STATE_BUSY), 3, "it held three");
	is_int(aether_stride_release(me, handle), AETHER_EOWNER,
	       "which are its own until somebody reaps");
	ok(reports(1, 3, 0), "one dead, three freed");
	is_int(rig_count(plane, AETHER_STATE_DORMANT), STRIDES,
	       "held: all free, registers equal words");
	is_int(aether_stride_release(me, handle), AETHER_ESTALE,
	       "its handles are stale");
	is_int(victim_deaths(plane), 1, "one death is counted");
	need(aether_participant_look(plane, 0, &info) == 0);
	is_int(info.counts.reaped, 3, "the reaper's counter");
	ok(reports(0, 0, 0), "and that was all");
	is_int(aether_reap(me, NULL), 0, "without a report");
	end("held");
}

/* On their way to it, and taken by nobody. */
static void on_the_way(void)
{
	struct victim v = { .act = NULL };
	uint64_t handles[2];

	begin();
	v.plane = plane;
	victim_ready(&v);
	for (int i = 0; i < 2; i++) {
		handles[i] = rig_reserve(me);
		need(aether_route(me, handles[i], v.tenancy) == 0);
	}
	victim_kill(&v);
	ok(reports(1, 2, 0), "on the way: freed");
	is_int(aether_stride_release(me, handles[0]), AETHER_ESTALE, "stale");
	is_int(aether_route(me, rig_reserve(me), v.tenancy), AETHER_EGONE,
	       "nothing reaches it any more");
	end("on the way");
}

static void share_with(struct victim *v, uint64_t *handle, int both)
{
	uint64_t to[2] = { 0 };
	uint32_t reached = 0;

	victim_start(v);
	to[0] = v->tenancy;
	to[1] = aether_participant_tenancy(you);
	*handle = rig_reserve(me);
	need(aether_share(me, *handle, to, both ? 2 : 1, &reached) == 0);
	need(reached == (both ? 2 : 1));
}

/* Whether it has taken it or not: a reader that dies has released. */
static void readers(int taken)
{
	struct victim v = { .act = taken ? victim_takes : NULL, .count = 1 };
	const char *how = taken ? "taken" : "not taken";
	uint64_t handle;

	begin();
	v.plane = plane;
	share_with(&v, &handle, 1);
	rig_await(&v.told->ready, 1);
	victim_kill(&v);
	ok(reports(1, 0, 1), "shared, %s: struck off", how);
	need(victim_take(you) == handle);
	is_int(victim_state(plane, victim_stride(handle)), AETHER_STATE_SHARED,
	       "the other one reads on");
	is_int(aether_stride_release(you, handle), 0, "and ends it");
	ok(rig_count(plane, AETHER_STATE_DORMANT) >= STRIDES - 1, "free");

	v = (struct victim) { .act = v.act, .plane = plane, .count = 1 };
	share_with(&v, &handle, 0);
	rig_await(&v.told->ready, 1);
	victim_kill(&v);
	ok(reports(1, 1, 1), "shared, %s: the last reader's end", how);
	is_int(aether_stride_release(me, handle), AETHER_ESTALE, "is its end");
	end("readers");
}

static void routes_three(struct victim *v)
{
	for (int i = 0; i < 3; i++) {
		uint64_t handle = rig_reserve(v->me);
		void *bytes;

		need(aether_stride_bytes(v->me, handle, NULL, &bytes) == 0);
		memset(bytes, 'a' + i, SIZE);
		need(aether_route(v->me, handle, v->to[0]) == 0);
	}
}

static void routed_before(void)
{
	struct victim v = { .act = routes_three };
	int good = 1;

	begin();
	v.plane = plane;
	v.to[0] = aether_participant_tenancy(you);
	victim_ready(&v);
	victim_kill(&v);
	ok(reports(1, 0, 0), "what it had routed is not its own");
	for (int i = 0; i < 3; i++) {
		uint64_t handle = victim_take(you);
		unsigned char *at;
		void *bytes = NULL;

		good &= aether_stride_bytes(you, handle, NULL, &bytes) == 0;
		at = bytes;
		good &= at && at[0] == 'a' + i && at[SIZE - 1] == 'a' + i;
	}
	ok(good, "taken, intact and in order");
	end("routed before");
}

/* As if it had died while it freed a run: the lease has ended, the last tail
 * is free already. */
static void begins_to_end(struct victim *v)
{
	struct aether_plane *p = v->plane;
	uint64_t handle, word, next;
	uint32_t i;

	need(aether_stride_reserve_run(v->me, 3, &handle) == 0);
	v->told->handles[0] = handle;
	i = victim_stride(handle);
	word = ae_load64_relaxed(&p->leases[i].word);
	next = v->me->ending |
	       ae_word_generation(AETHER_LEASE_GENERATION(word) + 1);
	need(ae_cas64_seq_cst(&p->leases[i].word, word, next) == word);
	word = ae_load64_relaxed(&p->leases[i + 2].word);
	next = ae_word_generation(AETHER_LEASE_GENERATION(word) + 1);
	need(ae_cas64_seq_cst(&p->leases[i + 2].word, word, next) == word);
	ae_lease_clear_bit(p, i + 2);
}

static void ending(void)
{
	struct victim v = { .act = begins_to_end };
	uint64_t far, handle;

	begin();
	v.plane = plane;
	victim_ready(&v);
	handle = v.told->handles[0];
	is_int(victim_state(plane, victim_stride(handle)), AETHER_STATE_ENDING,
	       "it was ending a lease");
	is_int(aether_stride_release(me, handle), AETHER_ESTALE,
	       "whose handle is stale already");
	far = rig_reserve(me);
	need(victim_stride(far) == victim_stride(handle) + 2);
	victim_kill(&v);
	ok(reports(1, 1, 0), "ending: freed");
	is_int(aether_stride_release(me, far), 0,
	       "but not what somebody else has by now");
	end("ending");
}

/* As if it had died while it left. */
static void begins_to_leave(struct victim *v)
{
	struct aether_word64 *seat = &v->me->seat->seat;
	uint64_t word = ae_load64_relaxed(seat);

	victim_reserves(v);
	need(ae_cas64_seq_cst(seat, word,
			      AETHER_SEAT_MAKE(AETHER_SEAT_LEAVING,
					       v->me->stamp)) == word);
}

static void seats(void)
{
	struct victim v = { .act = begins_to_leave, .count = 2 };
	struct aether_participant *next;
	uint64_t old, dead;

	begin();
	v.plane = plane;
	victim_ready(&v);
	victim_kill(&v);
	ok(reports(1, 2, 0), "died while leaving");
	is_int(victim_seat_state(plane, victim_slot(&v)), AETHER_SEAT_FREE,
	       "its slot is free");

	old = v.tenancy;
	next = rig_join(plane);
	ok(aether_participant_tenancy(next) != old &&
		   next->slot == AETHER_TENANCY_SLOT(old),
	   "a newcomer sits there in another tenancy");
	aether_participant_leave(next);

	v = (struct victim) { .act = victim_reserves, .count = 1 };
	v.plane = plane;
	victim_ready(&v);
	victim_kill(&v);
	dead = AETHER_SEAT_MAKE(AETHER_SEAT_DEAD,
				AETHER_TENANCY_STAMP(v.tenancy));
	ae_store64_relaxed(&plane->seats[victim_slot(&v)].seat, dead);
	ok(reports(1, 1, 0), "marked dead by a reaper that died: collected");
	is_int(victim_deaths(plane), 2, "two deaths");
	end("seats");
}

/* It leaves and lives, and is slow: what it holds is still its own to give
 * back; its mail is not. */
static void leaves_slowly(void)
{
	struct victim v = { .act = victim_reserves, .count = 2 };
	struct victim other = { .act = NULL };
	struct aether_word64 *seat;

	begin();
	v.plane = plane;
	other.plane = plane;
	victim_ready(&v);
	victim_ready(&other);
	need(aether_route(me, rig_reserve(me), v.tenancy) == 0);
	seat = &plane->seats[victim_slot(&v)].seat;
	ae_store64_relaxed(seat,
			   AETHER_SEAT_MAKE(AETHER_SEAT_LEAVING,
					    AETHER_TENANCY_STAMP(v.tenancy)));
	victim_kill(&other);
	ok(reports(1, 1, 0), "who is leaving has no mail any more");
	is_int(victim_count(plane, AETHER_STATE_BUSY), 2,
	       "but what it holds is its own, while it lives");
	victim_kill(&v);
	ok(reports(1, 2, 0), "and until it is killed");
	end("leaves slowly");
}

/* As if it had died between setting a bit and taking the stride. */
static void sets_bits(struct victim *v)
{
	victim_reserves(v);
	ae_lease_set_bit(v->plane, 60);
	ae_lease_clear_bit(v->plane, victim_stride(v->told->handles[0]));
}

static void registers(void)
{
	struct victim v = { .act = sets_bits, .count = 3 };
	struct aether_registry_counts c;

	begin();
	v.plane = plane;
	victim_ready(&v);
	need(aether_stride_release(me, rig_reserve(me)) == 0); /* warm */
	victim_kill(&v);
	aether_registry_count(plane, &c);
	is_int(c.stale_set, 2, "a bit of the dead's, and a warm stride's");
	ok(reports(1, 3, 0), "reaped");
	aether_registry_count(plane, &c);
	is_int(c.stale_set, 1, "the warm one's stays, the other one is mended");
	is_int(c.stale_clear, 0, "none is missing");
	end("registers");
}

static void stopped(void)
{
	struct victim v = { .act = victim_reserves, .count = 1 };
	int status;

	begin();
	v.plane = plane;
	victim_ready(&v);
	kill(v.pid, SIGSTOP);
	need(waitpid(v.pid, &status, WUNTRACED) == v.pid);
	ok(reports(0, 0, 0), "who is stopped is not dead");
	is_int(victim_count(plane, AETHER_STATE_BUSY), 1, "and keeps its own");
	victim_kill(&v);
	ok(reports(1, 1, 0), "until it is killed");
	end("stopped");
}

/* Old handles are stale, and nothing that reaping does makes one valid. */
static void old_handles(void)
{
	uint64_t handles[5 * STRIDES];
	int count = 0, good = 1;

	begin();
	for (int round = 0; round < 5; round++) {
		struct victim v = { .act = victim_reserves, .plane = plane };

		v.count = STRIDES;
		victim_ready(&v);
		for (int i = 0; i < STRIDES; i++)
			handles[count++] = v.told->handles[i];
		victim_kill(&v);
		good &= reports(1, STRIDES, 0);
		for (int i = 0; i < count; i++) {
			void *at;

			good &= aether_stride_bytes(me, handles[i], NULL,
						    &at) == AETHER_ESTALE;
			good &= aether_stride_release(you, handles[i]) ==
				AETHER_ESTALE;
		}
	}
	ok(good, "%d old handles, all stale, in each of 5 rounds", count);
	for (int i = 0; i < STRIDES; i++) {
		uint64_t handle = rig_reserve(me);

		for (int n = 0; n < count; n++)
			good &= handles[n] != handle;
	}
	ok(good, "new leases have new handles");
	end("old handles");
}

static void join_over_the_dead(void)
{
	struct victim v[2] = { { .act = victim_reserves, .count = 4 },
			       { .act = victim_reserves, .count = 5 } };
	struct aether_participant *late = NULL;
	int status;

	begin(); /* 8 slots: me, you, four more, two victims */
	for (int i = 0; i < 4; i++)
		rig_join(plane);
	for (int i = 0; i < 2; i++) {
		v[i].plane = plane;
		victim_ready(&v[i]);
	}
	kill(v[0].pid, SIGSTOP);
	need(waitpid(v[0].pid, &status, WUNTRACED) == v[0].pid);
	is_int(aether_participant_join(plane, NULL, NULL, &late), AETHER_ESEATS,
	       "all live, though one is stopped");
	for (int i = 0; i < 2; i++)
		victim_kill(&v[i]);
	is_int(aether_participant_join(plane, NULL, NULL, &late), 0,
	       "two are dead: one can join, and nobody had reaped");
	is_int(rig_count(plane, AETHER_STATE_DORMANT), STRIDES,
	       "join has settled what both had");
	is_int(victim_deaths(plane), 2, "two deaths");
	ok(late && aether_participant_tenancy(late) != v[0].tenancy &&
		   aether_participant_tenancy(late) != v[1].tenancy,
	   "in a new tenancy");
	need(aether_participant_join(plane, NULL, NULL, &late) == 0);
	is_int(aether_participant_join(plane, NULL, NULL, &late), AETHER_ESEATS,
	       "and then it is full of the living");
	need(aether_plane_detach(plane) == AETHER_EBUSY);
}

/* No space for one more stride, but what the dead hold. */
static void before_full(void)
{
	struct victim v = { .act = victim_reserves, .count = STRIDES - 8 };
	uint64_t handle;

	begin();
	v.plane = plane;
	victim_ready(&v);
	for (int i = 0; i < 8; i++)
		rig_reserve(me);
	is_int(aether_stride_reserve(me, &handle), AETHER_EFULL, "full");
	is_int(aether_stride_reserve_run(me, 2, &handle), AETHER_EFULL,
	       "for runs, too");
	victim_kill(&v);
	rig_sleep(2 * MS);
	is_int(aether_stride_reserve(me, &handle), 0,
	       "reaps before it says full");
	is_int(victim_deaths(plane), 1, "one death");

	v = (struct victim) { .act = victim_reserves, .plane = plane };
	v.count = STRIDES - 9;
	victim_ready(&v);
	victim_kill(&v);
	rig_sleep(2 * MS);
	is_int(aether_stride_reserve_run(me, STRIDES - 9, &handle), 0,
	       "runs, too");
	end("before full");
}

static int reserve_later(void *argument)
{
	struct aether_participant *him = rig_join(rig_again(plane));
	uint64_t handle;

	(void)argument;
	return aether_stride_reserve_until(him, aether_clock_after(RIG_HANG),
					   &handle);
}

/* Nobody calls anything: the watch of whoever lives does it. */
static uint64_t by_itself_once(int unused)
{
	struct victim v = { .act = victim_reserves, .count = 8, .noisy = 1 };
	uint64_t took;
	pid_t pid;

	(void)unused;
	plane = rig_plane(8, SIZE, 4);
	me = rig_join(plane);
	v.plane = plane;
	victim_ready(&v);
	pid = rig_fork(reserve_later, NULL);
	while (!ae_load64_relaxed(&plane->header->space_waiters))
		rig_sleep(5 * MS);
	took = aether_clock_now();
	victim_kill(&v);
	is_int(rig_wait(pid), 0, "who waits for space gets what the dead had");
	took = aether_clock_now() - took;
	/* what they had is free a moment before they are counted */
	while (victim_deaths(plane) < 2)
		rig_sleep(5 * MS);
	is_int(victim_deaths(plane), 2, "both who died are gone");
	aether_participant_leave(me);
	ok(rig_all_free(plane), "by itself: all free in the end");
	aether_plane_detach(plane);
	return took;
}

static void by_itself(void)
{
	uint64_t took = rig_quickest(by_itself_once, 0, 2 * SECOND);

	ok(took < 2 * SECOND, "soon (%llu ms)",
	   (unsigned long long)(took / MS));
}

static void tests(void)
{
	held();
	on_the_way();
	readers(0);
	readers(1);
	routed_before();
	ending();
	seats();
	leaves_slowly();
	registers();
	stopped();
	old_handles();
	join_over_the_dead();
	before_full();
	by_itself();
}

int main(void)
{
	return rig_run(tests);
}
