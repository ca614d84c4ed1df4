/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs: lengths, first fit, what scattered strides refuse, quotas, bytes to the
 * last, tails that are no handles, routes, the registry; and being killed in
 * the middle of making or freeing them, many times.
 */
#include "victim.h"

#define SIZE 65536
#define STRIDES 64

static struct aether_plane *plane;
static struct aether_participant *me, *you;

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

static uint64_t reserve_run(uint32_t count)
{
	uint64_t handle = 0;

	need(aether_stride_reserve_run(me, count, &handle) == 0);
	return handle;
}

/* Every stride of a run says what it is. */
static int looks_like(uint32_t head, uint32_t count)
{
	struct aether_stride_info info;
	int good = 1;

	for (uint32_t i = 0; i < count; i++) {
		good &= aether_registry_look(plane, head + i, &info) == 0;
		good &= info.head == head;
		good &= info.state ==
			(i ? AETHER_STATE_CONT : AETHER_STATE_BUSY);
	}
	return good;
}

static void lengths(void)
{
	int good = 1, looked = 1, freed = 1;

	begin();
	for (uint32_t n = 1; n <= STRIDES; n++) {
		uint64_t handle = reserve_run(n);
		struct aether_pointer p;
		unsigned char *at;
		void *bytes = NULL;
		size_t size = 0;

		need(aether_stride_bytes(me, handle, &size, &bytes) == 0);
		good &= size == (size_t)n * SIZE;
		at = bytes;
		at[0] = at[size - 1] = (unsigned char)n;
		good &= aether_stride_describe(me, handle, size, 0, 0) == 0;
		good &= aether_stride_describe(me, handle, size + 1, 0, 0) ==
			AETHER_EINVAL;
		good &= aether_stride_resolve(me, handle, &p) == 0;
		good &= p.size == size && p.length == size;
		good &= plane->base + p.base == at;
		good &= aether_participant_held(me) == n;
		looked &= looks_like(victim_stride(handle), n);
		looked &= rig_count(plane, AETHER_STATE_CONT) == (int)n - 1;
		freed &= aether_stride_release(me, handle) == 0;
		freed &= aether_participant_held(me) == 0;
		freed &= aether_stride_release(me, handle) == AETHER_ESTALE;
		freed &= victim_count(plane, AETHER_STATE_DORMANT) == STRIDES;
	}
	ok(good, "1 to %d: size, bytes to the last, description", STRIDES);
	ok(looked, "the registry shows head and tails, and bits");
	ok(freed, "released: all of it is free, the handle stale");
	end("lengths");
}

static void fits(void)
{
	uint64_t singles[STRIDES], handle = 99, a, b;
	int last = 1;

	begin();
	is_int(aether_stride_reserve_run(me, 0, &handle), AETHER_EINVAL,
	       "none");
	is_int(aether_stride_reserve_run(me, STRIDES + 1, &handle),
	       AETHER_EINVAL, "more than the plane has");
	is_int(aether_stride_reserve_run(me, UINT32_MAX, &handle),
	       AETHER_EINVAL, "2^32 - 1");
	for (int i = 0; i < STRIDES; i++)
		singles[i] = rig_reserve(me);
	for (int i = 0; i < STRIDES; i++) {
		uint32_t stride = victim_stride(singles[i]);

		if (stride % 4 != 3) /* free, but for each fourth */
			need(aether_stride_release(me, singles[i]) == 0);
		else if (stride == STRIDES - 1)
			last = i;
	}
	is_int(aether_stride_reserve_run(me, 4, &handle), AETHER_EFULL,
	       "48 are free, but no four in a row");
	is_int(handle, 99, "the result is left alone");
	is_int(me->counts.full, 1, "counted as full");
	a = reserve_run(3);
	b = reserve_run(2);
	is_int(victim_stride(a), 0, "three: first fit");
	is_int(victim_stride(b), 4, "two: the next one");
	is_int(victim_stride(reserve_run(3)), 8, "a gap too small is left");
	need(aether_stride_release(me, singles[last]) == 0);
	is_int(victim_stride(reserve_run(4)), STRIDES - 4,
	       "four, at the very end");
	is_int(aether_stride_reserve_run(me, STRIDES, &handle), AETHER_EFULL,
	       "all of it: no");
	end("fits");
}

static void quota(void)
{
	struct aether_participant_options options = { .quota = 5 };
	struct aether_participant *him;
	uint64_t handle, other;

	begin();
	him = rig_join_with(plane, &options);
	is_int(aether_stride_reserve_run(him, 6, &handle), AETHER_EQUOTA,
	       "six of five");
	is_int(aether_stride_reserve_run(him, 5, &handle), 0, "five");
	is_int(aether_stride_reserve(him, &other), AETHER_EQUOTA, "no more");
	is_int(him->counts.full, 2, "both counted as full");
	need(aether_stride_release(him, handle) == 0);
	need(aether_stride_reserve_run(him, 4, &handle) == 0);
	is_int(aether_stride_reserve_run(him, 2, &other), AETHER_EQUOTA,
	       "four and two");
	is_int(aether_stride_reserve_run(him, 1, &other), 0, "four and one");
	need(aether_route(him, handle, aether_participant_tenancy(you)) == 0);
	is_int(aether_participant_held(him), 1, "a routed run counts no more");
	need(victim_take(you) == handle);
	is_int(aether_participant_held(you), 4, "but for who took it");
	aether_participant_leave(him);
	end("quota");
}

static void tails(void)
{
	uint64_t head, tail, past, to;
	struct aether_stride_info info;
	int refused = 0;
	void *at;

	begin();
	to = aether_participant_tenancy(you);
	head = reserve_run(3);
	need(aether_registry_look(plane, victim_stride(head) + 1, &info) == 0);
	tail = info.handle;
	ok(tail && tail != head && info.head == victim_stride(head),
	   "a tail says whose it is");
	refused += aether_stride_release(me, tail) == AETHER_EOWNER;
	refused += aether_stride_bytes(me, tail, NULL, &at) == AETHER_EOWNER;
	refused += aether_stride_describe(me, tail, 1, 0, 0) == AETHER_EOWNER;
	refused += aether_route(me, tail, to) == AETHER_EOWNER;
	refused += aether_share(me, tail, &to, 1, NULL) == AETHER_EOWNER;
	refused += aether_stride_accept(me, tail) == AETHER_EOWNER;
	is_int(refused, 6, "and is refused as a handle");
	past = rig_reserve(me); /* a single behind the run is not of it */
	need(victim_stride(past) == victim_stride(head) + 3);
	need(aether_stride_release(me, head) == 0);
	is_int(aether_stride_describe(me, past, 1, 0, 0), 0,
	       "what follows the run is not freed with it");
	is_int(victim_count(plane, AETHER_STATE_DORMANT), STRIDES - 1,
	       "and nothing else is left of it");
	is_int(aether_stride_bytes(me, tail, NULL, &at), AETHER_ESTALE,
	       "the tail's number is over, too");
	end("tails");
}

static void routes(void)
{
	uint64_t handle, to, all[8];
	unsigned char *at;
	void *bytes = NULL;
	size_t size = 0;

	begin();
	to = aether_participant_tenancy(you);
	handle = reserve_run(7);
	need(aether_stride_bytes(me, handle, &size, &bytes) == 0);
	at = bytes;
	at[0] = 1;
	at[size - 1] = 2;
	is_int(aether_route(me, handle, to), 0, "a run is routed");
	is_int(aether_stride_release(me, handle), AETHER_EOWNER, "not mine");
	is_int(rig_count(plane, AETHER_STATE_CONT), 6, "with its tails");
	ok(victim_take(you) == handle, "taken under the same handle");
	need(aether_stride_bytes(you, handle, &size, &bytes) == 0);
	ok(size == 7 * SIZE && bytes == at && at[0] == 1 && at[size - 1] == 2,
	   "all of its bytes");
	is_int(aether_stride_release(you, handle), 0, "released by that one");
	is_int(rig_count(plane, AETHER_STATE_DORMANT), STRIDES, "all free");
	need(aether_route_set(me, to, 2, AETHER_POLICY_DROP_OLDEST) == 0);
	for (int i = 0; i < 8; i++) {
		all[i] = reserve_run(3);
		need(aether_route(me, all[i], to) == 0);
	}
	is_int(victim_count(plane, AETHER_STATE_DORMANT), STRIDES - 6,
	       "dropped runs are free as a whole");
	is_int(aether_participant_held(me), 0, "and not held");
	ok(victim_take(you) == all[6] && victim_take(you) == all[7],
	   "the last two arrive");
	end("routes");
}

/* Reserves and frees runs until it is killed; shares some with itself gone,
 * routes some to itself, so that runs end in all ways. */
static void hammers(struct victim *v)
{
	uint64_t seed = v->to[0], handle;
	uint64_t mine = aether_participant_tenancy(v->me);

	rig_tell(&v->told->ready, 1);
	for (;;) {
		uint32_t count = 2 + (uint32_t)(rig_random(&seed) % 30);

		if (aether_stride_reserve_run(v->me, count, &handle) < 0)
			continue;
		if (rig_random(&seed) % 4 == 0) {
			need(aether_route(v->me, handle, mine) == 0);
			handle = victim_take(v->me);
		}
		need(aether_participant_held(v->me) == count);
		need(aether_stride_release(v->me, handle) == 0);
		need(aether_participant_held(v->me) == 0);
	}
}

/* Two at a time, so that they are in each other's way; one is killed. */
static void killed(void)
{
	struct victim v[2];
	uint64_t seed = 3;
	uint64_t limit = aether_clock_after(RIG_HANG);
	int rounds = RIG_SLOW ? 60 : 250;
	int good = 1, cut = 0, round;

	begin();
	for (int i = 0; i < 2; i++) {
		v[i] = (struct victim) { .act = hammers, .plane = plane };
		v[i].to[0] = (uint64_t)i;
		victim_ready(&v[i]);
	}
	/* who gets no processor until it is killed has none: then some more */
	for (round = 0; round < rounds ||
			(cut <= rounds / 20 && aether_clock_now() < limit);
	     round++) {
		struct victim *dead = &v[round % 2];
		struct aether_reap_report report;

		rig_sleep(rig_random(&seed) % (2 * MS));
		victim_kill(dead);
		need(aether_reap(me, &report) == 0);
		/* the other one may have been faster */
		good &= report.dead <= 1 && report.freed <= 1;
		cut += report.freed == 1;
		munmap(dead->told, sizeof(*dead->told));
		dead->to[0] = (uint64_t)round + 2;
		victim_ready(dead);
	}
	for (int i = 0; i < 2; i++)
		victim_kill(&v[i]);
	aether_reap(me, NULL);
	ok(good, "%d killed while they made and freed runs", round);
	ok(cut > rounds / 20, "%d of them had one", cut);
	is_int(rig_count(plane, AETHER_STATE_DORMANT), STRIDES,
	       "no stride is lost, registers equal words");
	need(aether_stride_release(me, reserve_run(STRIDES)) == 0);
	ok(1, "and all of them can be one run");
	end("killed");
}

static void tests(void)
{
	lengths();
	fits();
	quota();
	tails();
	routes();
	killed();
}

int main(void)
{
	return rig_run(tests);
}
