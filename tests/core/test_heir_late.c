/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heirs that cannot have it yet, and heirs that are waiting: a full mailbox
 * makes leases pending and loses none, whoever reaps, leaves, joins or dies
 * meanwhile; an heir that is parked is woken.
 */
#include "victim.h"

#define SIZE 65536
#define STRIDES 8 /* and as many places in a mailbox */

static struct aether_plane *plane;
static struct aether_participant *me, *you;
static struct aether_reap_report report;
static uint64_t yours;

static void begin(uint32_t participants)
{
	plane = victim_quiet(STRIDES, SIZE, participants);
	me = rig_join(plane);
	you = rig_join(plane);
	yours = aether_participant_tenancy(you);
	need(plane->geometry.places == STRIDES);
}

static void end(const char *what)
{
	aether_participant_leave(you);
	aether_participant_leave(me);
	ok(rig_all_free(plane), "%s: all free in the end", what);
	need(aether_plane_detach(plane) == 0);
}

/* Fills your mailbox with entries of what was withdrawn; one is still on its
 * way. */
static uint64_t fill_your_box(void)
{
	uint64_t handle = 0;

	need(aether_route_set(me, yours, 1, AETHER_POLICY_DROP_OLDEST) == 0);
	for (int i = 0; i < STRIDES; i++) {
		handle = rig_reserve(me);
		need(aether_route(me, handle, yours) == 0);
	}
	return handle;
}

static void reap_me(void)
{
	memset(&report, 0xFF, sizeof(report));
	need(aether_reap(me, &report) == 0);
}

/* One held and one on its way. */
static void make_victim(struct victim *v)
{
	*v = (struct victim) { .act = victim_reserves, .count = 1 };
	v->plane = plane;
	v->heir = yours;
	victim_ready(v);
	need(aether_route(me, rig_reserve(me), v->tenancy) == 0);
}

/* Takes the one of fill_your_box, and then the two of the victim. */
static void take_all(uint64_t handle)
{
	uint64_t first, second;
	int err;

	ok(victim_take(you) == handle, "the heir takes, its mailbox is empty");
	need(aether_stride_release(you, handle) == 0);
	reap_me();
	is_int(report.inherited, 2, "now it inherits");
	is_int(report.suspect, 1, "one suspect");
	is_int(report.pending, 0, "nothing is pending");
	first = victim_take(you);
	second = victim_take(you);
	err = aether_stride_accept(you, first) +
	      aether_stride_accept(you, second);
	is_int(err, 0, "both are taken");
	is_int(aether_participant_held(you), 2, "and held");
}

static void full_box(void)
{
	uint64_t handle, box;
	struct victim v;

	begin(4);
	box = fill_your_box();
	make_victim(&v);
	victim_kill(&v);
	reap_me();
	is_int(report.pending, 2, "the heir's mailbox is full: pending");
	is_int(report.dead, 0, "its testator is not settled");
	is_int(victim_seat_state(plane, victim_slot(&v)), AETHER_SEAT_DEAD,
	       "and sits there dead");
	is_int(victim_count(plane, AETHER_STATE_DORMANT), STRIDES - 3,
	       "nothing was freed");
	handle = v.told->handles[0];
	is_int(aether_stride_release(me, handle), AETHER_EOWNER, "not stale");
	reap_me();
	is_int(report.pending, 2, "still");
	take_all(box);
	is_int(victim_deaths(plane), 1, "one death");
	is_int(victim_seat_state(plane, victim_slot(&v)), AETHER_SEAT_FREE,
	       "settled");
	end("full box");
}

/* Its slot is the last one: a newcomer sits on what is pending. */
static void newcomer(void)
{
	struct aether_participant *next = NULL;
	struct victim v;
	uint64_t box;

	begin(3);
	box = fill_your_box();
	make_victim(&v);
	victim_kill(&v);
	is_int(aether_participant_join(plane, NULL, NULL, &next), 0,
	       "a newcomer takes the slot over");
	is_int(victim_count(plane, AETHER_STATE_DORMANT), STRIDES - 3,
	       "nothing was freed");
	is_int(aether_participant_heir(next, aether_participant_tenancy(me)),
	       AETHER_EBOX, "it cannot name an heir yet");
	need(victim_take(you) == box);
	need(aether_stride_release(you, box) == 0);
	is_int(aether_participant_heir(next, aether_participant_tenancy(me)), 0,
	       "until the old one's heir has taken");
	is_int(aether_participant_held(you), 0, "who finds it in its mailbox");
	need(aether_stride_release(you, victim_take(you)) == 0);
	need(aether_stride_release(you, victim_take(you)) == 0);
	is_int(victim_count(plane, AETHER_STATE_DORMANT), STRIDES, "both");
	aether_participant_leave(next);
	end("newcomer");
}

/* The newcomer leaves while it still owes what it found. */
static void newcomer_leaves(void)
{
	struct aether_participant *next = NULL;
	struct victim v;
	uint64_t box;

	begin(3);
	box = fill_your_box();
	make_victim(&v);
	victim_kill(&v);
	need(aether_participant_join(plane, NULL, NULL, &next) == 0);
	aether_participant_leave(next);
	is_int(victim_count(plane, AETHER_STATE_DORMANT), STRIDES - 3,
	       "a newcomer leaves: nothing was freed");
	take_all(box);
	is_int(victim_seat_state(plane, victim_slot(&v)), AETHER_SEAT_FREE,
	       "the slot is free");
	end("newcomer leaves");
}

/* Whoever leaves does not die, but its heir's mailbox is full all the same. */
static void leaver(void)
{
	struct aether_participant *third;
	uint64_t box, first;
	int err;

	begin(4);
	third = rig_join(plane);
	need(aether_participant_heir(third, yours) == 0);
	box = fill_your_box();
	first = rig_reserve(third);
	need(aether_route(me, rig_reserve(me),
			  aether_participant_tenancy(third)) == 0);
	aether_participant_leave(third);
	is_int(victim_count(plane, AETHER_STATE_DORMANT), STRIDES - 3,
	       "left: nothing was freed");
	is_int(aether_stride_release(me, first), AETHER_EOWNER, "nor is stale");
	take_all(box);
	err = aether_stride_release(you, first);
	is_int(err, 0, "what it held is the heir's");
	third = rig_join(plane);
	is_int(third->slot, 2, "its slot is free");
	aether_participant_leave(third);
	end("leaver");
}

/* The heir looks between a reaper's entry and its swap. */
static void slow_reaper(void)
{
	struct aether_participant *third;
	struct aether_word64 *word, *seat;
	uint64_t handle, other, now, sits, cursor = 0;

	begin(4);
	third = rig_join(plane);
	handle = rig_reserve(me);
	need(aether_route(me, handle, aether_participant_tenancy(third)) == 0);
	seat = &third->seat->seat;
	sits = ae_load64_relaxed(seat);
	need(ae_cas64_seq_cst(seat, sits,
			      AETHER_SEAT_MAKE(AETHER_SEAT_DEAD,
					       third->stamp)) == sits);
	need(ae_mailbox_enter(plane, you->slot, handle, &cursor) == 0);
	is_int(aether_route_take(you, &other), AETHER_EEMPTY,
	       "still on its way to another");
	word = &plane->leases[victim_stride(handle)].word;
	now = ae_load64_relaxed(word);
	need(ae_cas64_seq_cst(word, now, you->routed | (now & AE_GENERATION)) ==
	     now);
	other = 0;
	is_int(aether_route_take(you, &other), 0, "and now to its heir");
	ok(other == handle, "who has not forgotten it");
	ae_cas64_seq_cst(seat, ae_load64_relaxed(seat), sits);
	aether_participant_leave(third);
	end("slow reaper");
}

static int inherit(void *argument)
{
	struct told *told = argument;
	struct aether_participant *heir = rig_join(rig_again(plane));
	uint64_t handle = 0;

	rig_tell(&told->tenancy, aether_participant_tenancy(heir));
	if (aether_route_take_until(heir, aether_clock_after(RIG_HANG),
				    &handle) < 0)
		return 1;
	if (aether_stride_accept(heir, handle) < 0)
		return 2;
	return heir->counts.waits > 0 ? 0 : 3;
}

/* Parked on its mailbox; nobody calls anything when the testator dies; or it
 * leaves. */
static uint64_t woken_once(int dies)
{
	struct told *told = rig_shared(sizeof(*told));
	struct victim v = { .act = victim_reserves, .count = 1 };
	uint64_t took;
	pid_t pid;

	plane = victim_plane(STRIDES, SIZE, 4, 0);
	pid = rig_fork(inherit, told);
	v.heir = rig_await(&told->tenancy, 1);
	v.plane = plane;
	me = rig_join(plane);
	if (dies)
		victim_ready(&v);
	rig_reserve(me);
	need(aether_participant_heir(me, v.heir) == 0);
	rig_await_waits(plane, v.heir);
	rig_sleep(30 * MS);
	took = aether_clock_now();
	if (dies)
		victim_kill(&v);
	else
		aether_participant_leave(me);
	is_int(rig_wait(pid), 0, "an heir that is parked is woken");
	took = aether_clock_now() - took;
	if (dies)
		aether_participant_leave(me);
	me = rig_join(plane);
	aether_reap(me, NULL);
	aether_participant_leave(me);
	ok(rig_all_free(plane), "woken: all free in the end");
	need(aether_plane_detach(plane) == 0);
	return took;
}

static void woken(int dies)
{
	uint64_t took = rig_quickest(woken_once, dies, 2 * SECOND);

	ok(took < 2 * SECOND, "soon (%llu ms)",
	   (unsigned long long)(took / MS));
}

/* Parked without a watch of its own. */
static int look_oneself(void *argument)
{
	struct told *told = argument;
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *heir;
	uint64_t handle;

	ae_posix_watch_free(again);
	heir = rig_join(again);
	rig_tell(&told->tenancy, aether_participant_tenancy(heir));
	return aether_route_take_until(heir, aether_clock_after(RIG_HANG),
				       &handle);
}

static void unwatched(void)
{
	struct told *told = rig_shared(sizeof(*told));
	struct victim v = { .act = victim_reserves, .count = 1 };
	pid_t pid;

	plane = victim_quiet(STRIDES, SIZE, 4);
	pid = rig_fork(look_oneself, told);
	v.heir = rig_await(&told->tenancy, 1);
	v.plane = plane;
	victim_ready(&v);
	victim_kill(&v);
	is_int(rig_wait(pid), 0, "without any watch, who is parked looks");
	need(aether_plane_detach(plane) == 0);
}

static void tests(void)
{
	full_box();
	newcomer();
	newcomer_leaves();
	leaver();
	slow_reaper();
	woken(1);
	woken(0);
	unwatched();
}

int main(void)
{
	return rig_run(tests);
}
