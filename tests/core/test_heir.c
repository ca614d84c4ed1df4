/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heirs: what a participant had when it was killed, or left, goes to the one
 * it named: mail intact and in order, what it held as suspect. Heirs of heirs,
 * heirs that have gone, heirs whose mailbox is full; and what a holder may do
 * with a suspect lease.
 */
#include "victim.h"

#define SIZE 65536
#define STRIDES 64

static struct aether_plane *plane;
static struct aether_participant *me, *you;
static struct aether_reap_report report;
static uint64_t mine; /* my tenancy */

static void begin(uint32_t strides)
{
	plane = victim_quiet(strides, SIZE, 8);
	me = rig_join(plane);
	you = rig_join(plane);
	mine = aether_participant_tenancy(me);
}

static void end(const char *what)
{
	aether_participant_leave(you);
	aether_participant_leave(me);
	ok(rig_all_free(plane), "%s: all free in the end", what);
	need(aether_plane_detach(plane) == 0);
}

static int reports(uint32_t dead, uint32_t freed, uint32_t inherited,
		   uint32_t suspect, uint32_t pending)
{
	memset(&report, 0xFF, sizeof(report));
	need(aether_reap(me, &report) == 0);
	if (report.dead == dead && report.freed == freed &&
	    report.inherited == inherited && report.suspect == suspect &&
	    report.pending == pending && !report.readers)
		return 1;
	printf("# dead %u freed %u inherited %u suspect %u readers %u "
	       "pending %u\n",
	       report.dead, report.freed, report.inherited, report.suspect,
	       report.readers, report.pending);
	return 0;
}

/* A lease of `from` with a number in its bytes and its user data. */
static uint64_t write_one(struct aether_participant *from, uint64_t number)
{
	uint64_t handle = rig_reserve(from);
	void *at = NULL;

	need(aether_stride_bytes(from, handle, NULL, &at) == 0);
	memcpy(at, &number, sizeof(number));
	need(aether_stride_user(from, handle, &at) == 0);
	memcpy(at, &number, sizeof(number));
	need(aether_stride_describe(from, handle, 8, 0, 0) == 0);
	return handle;
}

/* 1: the lease is readable and has that number in both. */
static int holds(struct aether_participant *who, uint64_t handle,
		 uint64_t number)
{
	void *bytes, *user;

	return aether_stride_bytes(who, handle, NULL, &bytes) == 0 &&
	       aether_stride_user(who, handle, &user) == 0 &&
	       memcmp(bytes, &number, sizeof(number)) == 0 &&
	       memcmp(user, &number, sizeof(number)) == 0;
}

/* The order of the strides is not the order of the mail. */
static void mail(void)
{
	static const int order[] = { 5, 2, 7, 0, 6, 1, 4, 3 };
	struct victim v = { .act = NULL };
	uint64_t handles[8];
	int same = 1, intact = 1;

	begin(STRIDES);
	v.plane = plane;
	v.heir = mine;
	victim_ready(&v);
	for (int i = 0; i < 8; i++)
		handles[i] = write_one(you, 100 + (uint64_t)i);
	for (int i = 0; i < 8; i++)
		need(aether_route(you, handles[order[i]], v.tenancy) == 0);
	victim_kill(&v);
	ok(reports(1, 0, 8, 0, 0), "mail: inherited, not suspect");
	for (int i = 0; i < 8; i++) {
		uint64_t handle = victim_take(me);

		same &= handle == handles[order[i]];
		intact &= holds(me, handle, 100 + (uint64_t)order[i]);
	}
	ok(same, "in order, under the sender's handles");
	ok(intact, "and intact");
	is_int(aether_participant_held(me), 8, "eight are held");
	end("mail");
}

static int refused(uint64_t handle)
{
	uint64_t to = aether_participant_tenancy(you);
	struct aether_pointer pointer;
	void *at = NULL;
	uint64_t seen = me->counts.refused;

	is_int(aether_stride_bytes(me, handle, NULL, &at), AETHER_ESUSPECT,
	       "suspect: bytes");
	is_int(aether_stride_user(me, handle, &at), AETHER_ESUSPECT, "user");
	is_int(aether_stride_resolve(me, handle, &pointer), AETHER_ESUSPECT,
	       "resolve");
	is_int(aether_stride_describe(me, handle, 1, 0, 0), AETHER_ESUSPECT,
	       "describe");
	is_int(aether_share(me, handle, &to, 1, NULL), AETHER_ESUSPECT,
	       "share");
	return at == NULL && me->counts.refused == seen;
}

static void reserves_three(struct victim *v)
{
	for (int i = 0; i < 3; i++)
		v->told->handles[i] = write_one(v->me, 7 + (uint64_t)i);
}

static void held(void)
{
	struct victim v = { .act = reserves_three };
	struct aether_stride_info info;
	uint64_t handle, *handles;

	begin(STRIDES);
	v.plane = plane;
	v.heir = mine;
	victim_ready(&v);
	handles = v.told->handles;
	victim_kill(&v);
	ok(reports(1, 0, 3, 3, 0), "held: inherited as suspect");
	is_int(victim_count(plane, AETHER_STATE_SUSPECT), 3,
	       "the registry says so");
	need(aether_stride_query(plane, handles[0], &info) == 0);
	ok(info.handle == handles[0] && info.slot == me->slot,
	   "on its way to me, under the old handle");
	handle = victim_take(me);
	ok(handle == handles[0] && aether_participant_held(me) == 1, "taken");
	is_int(victim_state(plane, victim_stride(handle)), AETHER_STATE_SUSPECT,
	       "and still suspect");
	ok(refused(handle), "nothing is written, refusals are not counted");
	is_int(aether_stride_accept(you, handle), AETHER_EOWNER,
	       "others cannot accept it");
	is_int(aether_stride_accept(me, handle), 0, "accepted");
	ok(holds(me, handle, 7), "it has what its last owner wrote");
	is_int(aether_stride_accept(me, handle), 0, "accepted twice");
	is_int(victim_state(plane, victim_stride(handle)), AETHER_STATE_BUSY,
	       "not suspect any more");

	handle = victim_take(me);
	is_int(aether_stride_release(me, handle), 0, "a suspect: released");
	is_int(aether_stride_accept(me, handle), AETHER_ESTALE, "is over");
	handle = victim_take(me);
	need(aether_route(me, handle, aether_participant_tenancy(you)) == 0);
	is_int(victim_state(plane, victim_stride(handle)), AETHER_STATE_SUSPECT,
	       "routed: it stays suspect");
	need(victim_take(you) == handle);
	is_int(aether_stride_describe(you, handle, 1, 0, 0), AETHER_ESUSPECT,
	       "for the next one, too");
	is_int(aether_stride_accept(you, handle), 0, "who accepts it");
	ok(holds(you, handle, 9), "and reads it");
	end("held");
}

/* It holds a run; or it died before reserve_run returned. */
static void reserves_run(struct victim *v)
{
	uint64_t *handles = v->told->handles;
	struct aether_lease_seg *lease;

	need(aether_stride_reserve_run(v->me, 5, &handles[0]) == 0);
	need(aether_stride_reserve_run(v->me, 4, &handles[1]) == 0);
	lease = &v->plane->leases[victim_stride(handles[1])];
	ae_store32_relaxed(&lease->run, 1);
	need(aether_stride_reserve_run(v->me, 3, &handles[2]) == 0);
	need(aether_route(v->me, handles[2], v->to[0]) == 0);
}

static void runs(void)
{
	struct victim v = { .act = reserves_run };
	static const size_t lengths[] = { 5, 4, 3 };
	int good = 1;

	begin(STRIDES);
	v.plane = plane;
	v.heir = mine;
	v.to[0] = mine;
	victim_ready(&v);
	victim_kill(&v);
	ok(reports(1, 0, 2, 2, 0), "two runs inherited");
	need(victim_take(me) == v.told->handles[2]);
	for (int i = 0; i < 2; i++) {
		uint64_t handle = victim_take(me);

		good &= handle == v.told->handles[i];
		good &= aether_stride_accept(me, handle) == 0;
	}
	for (int i = 0; i < 3; i++) {
		size_t size = 0;
		void *at = NULL;

		good &= aether_stride_bytes(me, v.told->handles[i], &size,
					    &at) == 0;
		good &= size == lengths[i] * SIZE;
		rig_touch((char *)at + size - 1, 1);
	}
	ok(good, "all with their whole length");
	is_int(aether_participant_held(me), 12, "twelve strides are held");
	for (int i = 0; i < 3; i++)
		good &= aether_stride_release(me, v.told->handles[i]) == 0;
	ok(good && aether_participant_held(me) == 0, "released");
	end("runs");
}

static struct victim testator(uint64_t heir)
{
	struct victim v = { .act = reserves_three, .plane = plane };

	v.heir = heir;
	victim_ready(&v);
	return v;
}

/* Each names the one before as its heir, from the first slots to the last or
 * the other way; all die but me. */
static void heirs_of_heirs(int down)
{
	struct aether_participant *in_the_way[2];
	struct victim v[3];
	uint64_t handle;

	begin(STRIDES);
	for (int i = 0; down && i < 2; i++)
		in_the_way[i] = rig_join(plane);
	v[0] = testator(mine);
	for (int i = 1; i < 3; i++) {
		if (down)
			aether_participant_leave(in_the_way[2 - i]);
		v[i] = testator(v[i - 1].tenancy);
	}
	need(down == (v[2].tenancy % 64 < v[0].tenancy % 64));
	need(aether_route(you, rig_reserve(you), v[2].tenancy) == 0);
	for (int i = 0; i < 3; i++)
		victim_kill(&v[i]);
	ok(reports(3, 0, 10, 9, 0), "three die at once: all comes to me");
	for (int i = 0; i < 10; i++)
		need(aether_stride_release(me, victim_take(me)) == 0);
	is_int(aether_route_take(me, &handle), AETHER_EEMPTY, "ten, no more");
	end("heirs of heirs");
}

static void one_by_one(void)
{
	struct victim v[3];

	begin(STRIDES);
	v[0] = testator(mine);
	v[1] = testator(v[0].tenancy);
	victim_kill(&v[1]);
	ok(reports(1, 0, 3, 3, 0), "the testator dies before its heir");
	victim_kill(&v[0]);
	ok(reports(1, 0, 6, 6, 0), "whose heir finds all of it suspect");
	for (int i = 0; i < 6; i++)
		need(aether_stride_accept(me, victim_take(me)) == 0);

	v[0] = testator(mine);
	v[1] = testator(v[0].tenancy);
	victim_kill(&v[0]);
	ok(reports(1, 0, 3, 3, 0), "the heir dies before its testator");
	v[2] = testator(aether_participant_tenancy(you));
	need(victim_slot(&v[2]) == victim_slot(&v[0]));
	victim_kill(&v[1]);
	ok(reports(1, 0, 3, 3, 0), "whose own heir is me now");
	for (int i = 0; i < 6; i++)
		need(aether_stride_accept(me, victim_take(me)) == 0);
	victim_kill(&v[2]);
	ok(reports(1, 0, 3, 3, 0), "the next in the slot has an heir, too");
	for (int i = 0; i < 3; i++)
		need(aether_stride_accept(you, victim_take(you)) == 0);
	v[2] = testator(0);
	need(victim_slot(&v[2]) == victim_slot(&v[0]));
	victim_kill(&v[2]);
	ok(reports(1, 3, 0, 0, 0), "the one after that has none");
	end("one by one");
}

/* Heirs that are gone, and have no heir of their own. */
static void gone(void)
{
	struct victim v[2];
	uint64_t yours;

	begin(STRIDES);
	yours = aether_participant_tenancy(you);
	v[0] = (struct victim) { .plane = plane, .heir = yours };
	v[0].act = reserves_three;
	victim_ready(&v[0]);
	aether_participant_leave(you);
	you = rig_join(plane);
	need(you->slot == AETHER_TENANCY_SLOT(yours));
	victim_kill(&v[0]);
	ok(reports(1, 3, 0, 0, 0), "its heir has left: freed");

	/* two who are each other's */
	v[0] = (struct victim) { .plane = plane, .act = reserves_three };
	victim_ready(&v[0]);
	v[1] = (struct victim) { .plane = plane, .act = reserves_three };
	v[1].heir = v[0].tenancy;
	victim_ready(&v[1]);
	ae_store64_release(&plane->seats[victim_slot(&v[0])].heir,
			   AETHER_HEIR_MAKE(victim_slot(&v[1]),
					    AETHER_TENANCY_STAMP(v[1].tenancy),
					    AETHER_TENANCY_STAMP(v[0].tenancy),
					    1));
	victim_kill(&v[1]);
	ok(reports(1, 0, 3, 3, 0), "one of a pair dies");
	victim_kill(&v[0]);
	ok(reports(1, 6, 0, 0, 0), "and the other: nobody is left");
	end("gone");
}

static void names(void)
{
	struct aether_participant_info info;
	uint64_t yours, old;

	begin(STRIDES);
	yours = aether_participant_tenancy(you);
	is_int(aether_participant_heir(me, mine), AETHER_EINVAL, "myself");
	is_int(aether_participant_heir(me, AETHER_TENANCY_MAKE(63, 1)),
	       AETHER_EGONE, "slot 63 of 8");
	is_int(aether_participant_heir(me, UINT64_MAX), AETHER_EGONE,
	       "all ones");
	need(aether_participant_look(plane, me->slot, &info) == 0);
	ok(info.heir == 0, "none at first");
	is_int(aether_participant_heir(me, yours), 0, "named");
	need(aether_participant_look(plane, me->slot, &info) == 0);
	ok(info.heir == yours, "and seen");
	is_int(aether_participant_heir(me, 0), 0, "none again");
	need(aether_participant_look(plane, me->slot, &info) == 0);
	ok(info.heir == 0, "and not seen");
	old = yours;
	need(aether_participant_heir(me, yours) == 0);
	aether_participant_leave(you);
	need(aether_participant_look(plane, me->slot, &info) == 0);
	ok(info.heir == 0, "one that has left is no heir");
	you = rig_join(plane);
	need(aether_participant_look(plane, me->slot, &info) == 0);
	ok(info.heir == 0, "nor is the next in its slot");
	is_int(aether_participant_heir(me, old), AETHER_EGONE,
	       "nor can it be named");
	aether_participant_leave(me);
	me = rig_join(plane);
	need(aether_participant_look(plane, me->slot, &info) == 0);
	ok(info.heir == 0, "a newcomer has none");
	end("names");
}

/* Leaving gives to the heir what dying gives. */
static void leaving(void)
{
	uint64_t yours, handles[4];
	uint32_t reached;

	begin(STRIDES);
	yours = aether_participant_tenancy(you);
	need(aether_participant_heir(you, mine) == 0);
	handles[0] = write_one(me, 50);
	handles[1] = write_one(me, 51);
	need(aether_route(me, handles[1], yours) == 0);
	need(aether_route(me, handles[0], yours) == 0);
	handles[2] = write_one(you, 52);
	handles[3] = write_one(me, 53);
	need(aether_share(me, handles[3], &yours, 1, &reached) == 0);
	aether_participant_leave(you);
	you = rig_join(plane);
	is_int(victim_deaths(plane), 0, "leaving is no death");
	is_int(aether_stride_release(you, handles[3]), AETHER_ESTALE,
	       "what it read alone is over");
	ok(victim_take(me) == handles[1] && victim_take(me) == handles[0] &&
		   victim_take(me) == handles[2],
	   "mail in order, then what it held");
	ok(holds(me, handles[0], 50) && holds(me, handles[1], 51),
	   "the mail intact");
	is_int(aether_stride_accept(me, handles[2]), 0, "the rest suspect");
	ok(holds(me, handles[2], 52), "until it is accepted");
	end("leaving");
}

static void tests(void)
{
	mail();
	held();
	runs();
	heirs_of_heirs(0);
	heirs_of_heirs(1);
	one_by_one();
	gone();
	names();
	leaving();
}

int main(void)
{
	return rig_run(tests);
}
