/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zeroing: on a plane with AETHER_FLAG_ZERO the bytes and the user data of a
 * lease are zero before anybody else can have the stride, however the lease
 * ended. Without the flag, bytes stay.
 */
#include "victim.h"

#define SIZE 65536
#define STRIDES 8

static struct aether_plane *plane;
static struct aether_participant *me, *you;
static uint64_t yours;

static void begin(uint32_t flags)
{
	plane = victim_plane(STRIDES, SIZE, 4, flags);
	ae_posix_watch_free(plane);
	me = rig_join(plane);
	you = rig_join(plane);
	yours = aether_participant_tenancy(you);
}

static void end(const char *what)
{
	aether_participant_leave(you);
	aether_participant_leave(me);
	ok(rig_all_free(plane), "%s: all free in the end", what);
	need(aether_plane_detach(plane) == 0);
}

static void soil(struct aether_participant *who, uint64_t handle)
{
	void *at = NULL;
	size_t size;

	need(aether_stride_bytes(who, handle, &size, &at) == 0);
	memset(at, 0xA5, size);
	need(aether_stride_user(who, handle, &at) == 0);
	memset(at, 0xA5, AETHER_USER_SIZE);
}

static uint64_t dirty(struct aether_participant *who, uint32_t count)
{
	uint64_t handle = 0;

	need(aether_stride_reserve_run(who, count, &handle) == 0);
	soil(who, handle);
	return handle;
}

/* What is not zero, of all the plane's bytes and of free strides' user data. */
static long dirt(void)
{
	const unsigned char *at = plane->base + plane->geometry.data_offset;
	long bytes = 0;

	for (size_t i = 0; i < (size_t)STRIDES * SIZE; i++)
		bytes += at[i] != 0;
	for (uint32_t i = 0; i < STRIDES; i++)
		for (int n = 0; n < AETHER_USER_SIZE; n++)
			bytes += plane->leases[i].user[n] != 0;
	return bytes;
}

static void released(void)
{
	begin(AETHER_FLAG_ZERO);
	is_int(dirt(), 0, "a new plane is zero");
	need(aether_stride_release(me, dirty(me, 1)) == 0);
	is_int(dirt(), 0, "released");
	need(aether_stride_release(me, dirty(me, 5)) == 0);
	is_int(dirt(), 0, "a run, released");
	need(aether_stride_release(me, dirty(me, STRIDES)) == 0);
	is_int(dirt(), 0, "all of it as one run");
	end("released");
}

static void dropped(void)
{
	uint64_t first, second;

	begin(AETHER_FLAG_ZERO);
	need(aether_route_set(me, yours, 1, AETHER_POLICY_DROP_NEW) == 0);
	first = dirty(me, 1);
	need(aether_route(me, first, yours) == 0);
	is_int(aether_route(me, dirty(me, 2), yours), AETHER_EDROPPED,
	       "drop new");
	is_int(dirt(), SIZE + AETHER_USER_SIZE, "only the first one is left");
	need(aether_route_set(me, yours, 1, AETHER_POLICY_DROP_OLDEST) == 0);
	second = rig_reserve(me);
	is_int(aether_route(me, second, yours), 0, "drop oldest");
	is_int(dirt(), 0, "the first one is gone");
	need(victim_take(you) == second);
	need(aether_stride_release(you, second) == 0);
	end("dropped");
}

static void shared(void)
{
	struct aether_participant *third;
	uint64_t to[2], handle;

	begin(AETHER_FLAG_ZERO);
	third = rig_join(plane);
	to[0] = yours;
	to[1] = aether_participant_tenancy(third);
	handle = dirty(me, 2);
	need(aether_share(me, handle, to, 2, NULL) == 0);
	need(victim_take(you) == handle && victim_take(third) == handle);
	need(aether_stride_release(you, handle) == 0);
	is_int(dirt(), 2 * SIZE + AETHER_USER_SIZE, "one reads on");
	need(aether_stride_release(third, handle) == 0);
	is_int(dirt(), 0, "the last one has released");
	handle = dirty(me, 1);
	need(aether_share(me, handle, &to[1], 1, NULL) == 0);
	aether_participant_leave(third);
	is_int(dirt(), 0, "the last one has left");
	end("shared");
}

static void leaving(void)
{
	struct aether_participant *third;

	begin(AETHER_FLAG_ZERO);
	third = rig_join(plane);
	dirty(third, 1);
	dirty(third, 3);
	need(aether_route(me, dirty(me, 1),
			  aether_participant_tenancy(third)) == 0);
	aether_participant_leave(third);
	is_int(dirt(), 0, "left: what it held and its mail");
	end("leaving");
}

/* Holds a run, has a half-cleared one, and is to read one. */
static void soils(struct victim *v)
{
	uint64_t handle = dirty(v->me, 3), word;
	struct aether_lease_seg *lease =
		&v->plane->leases[victim_stride(handle)];
	void *at = NULL;

	need(aether_stride_bytes(v->me, handle, NULL, &at) == 0);
	memset(at, 0, SIZE);
	word = ae_load64_relaxed(&lease->word);
	need(ae_cas64_seq_cst(&lease->word, word,
			      v->me->ending |
				      ae_word_generation(
					      AETHER_HANDLE_GENERATION(handle) +
					      1)) == word);
	v->told->handles[0] = dirty(v->me, 2);
	/* and as if it had not yet said how long this one is */
	lease = &v->plane->leases[victim_stride(v->told->handles[0])];
	ae_store32_relaxed(&lease->run, 1);
}

static void reaped(void)
{
	struct victim v = { .act = soils };
	struct aether_reap_report report;
	uint64_t handle;

	begin(AETHER_FLAG_ZERO);
	v.plane = plane;
	victim_ready(&v);
	need(aether_route(me, dirty(me, 1), v.tenancy) == 0);
	handle = dirty(me, 1);
	need(aether_share(me, handle, &v.tenancy, 1, NULL) == 0);
	victim_kill(&v);
	need(aether_reap(me, &report) == 0);
	is_int(report.freed, 4, "a run, one half cleared, mail, a share");
	is_int(dirt(), 0, "reaped");

	/* an heir gets it as it is; a suspect one ends as others do */
	v = (struct victim) { .act = soils, .plane = plane, .heir = yours };
	victim_ready(&v);
	victim_kill(&v);
	need(aether_reap(me, &report) == 0);
	need(report.freed == 1 && report.inherited == 1);
	is_int(dirt(), 2 * SIZE + AETHER_USER_SIZE, "inherited: not cleared");
	need(aether_stride_release(you, victim_take(you)) == 0);
	is_int(dirt(), 0, "a suspect one, released");
	end("reaped");
}

/* Reserves, finds zeroes, soils, ends it one way or another, until killed. */
static void uses(struct victim *v)
{
	uint64_t seed = v->to[0], handle;
	uint64_t mine = aether_participant_tenancy(v->me);

	for (;;) {
		uint32_t count = 1 + (uint32_t)(rig_random(&seed) % 3);
		const uint64_t *at;
		void *bytes = NULL;
		size_t size;

		if (aether_stride_reserve_run(v->me, count, &handle) < 0)
			continue;
		need(aether_stride_bytes(v->me, handle, &size, &bytes) == 0);
		at = bytes;
		for (size_t i = 0; i < size / 8; i++)
			v->told->handles[0] += at[i] != 0;
		soil(v->me, handle);
		v->told->handles[1]++;
		if (count == 2) {
			need(aether_route(v->me, handle, mine) == 0);
			need(victim_take(v->me) == handle);
		}
		need(aether_stride_release(v->me, handle) == 0);
	}
}

/* Two use it, and are killed in turn by somebody who reaps at once. */
static void killed(void)
{
	struct victim v[2];
	uint64_t seed = 8, found = 0, used = 0;
	uint64_t limit = aether_clock_after(RIG_HANG);
	int rounds = RIG_SLOW ? 40 : 150;
	int round;

	begin(AETHER_FLAG_ZERO);
	for (int i = 0; i < 2; i++) {
		v[i] = (struct victim) { .act = uses, .plane = plane };
		v[i].to[0] = (uint64_t)i;
		victim_start(&v[i]);
	}
	/* who gets no processor until it is killed uses none: then some more */
	for (round = 0;
	     round < rounds || (used <= 100 && aether_clock_now() < limit);
	     round++) {
		struct victim *dead = &v[round % 2];

		rig_sleep(rig_random(&seed) % (4 * MS));
		victim_kill(dead);
		aether_reap(me, NULL);
		found += dead->told->handles[0];
		used += dead->told->handles[1];
		munmap(dead->told, sizeof(*dead->told));
		dead->to[0] = (uint64_t)round + 2;
		victim_start(dead);
	}
	for (int i = 0; i < 2; i++) {
		victim_kill(&v[i]);
		found += v[i].told->handles[0];
	}
	aether_reap(me, NULL);
	ok(used > 100, "%llu leases, %d killed", (unsigned long long)used,
	   round);
	is_int(found, 0, "nobody found a byte of another's");
	is_int(dirt(), 0, "nor is there any in the end");
	end("killed");
}

static void without(void)
{
	unsigned char *at;
	void *bytes = NULL;
	uint64_t handle;
	uint32_t stride;

	begin(0);
	handle = dirty(me, 1);
	stride = victim_stride(handle);
	need(aether_stride_release(me, handle) == 0);
	handle = rig_reserve(me);
	need(victim_stride(handle) == stride);
	need(aether_stride_bytes(me, handle, NULL, &bytes) == 0);
	at = bytes;
	ok(at[0] == 0xA5 && at[SIZE - 1] == 0xA5,
	   "without the flag the bytes stay");
	need(aether_stride_user(me, handle, &bytes) == 0);
	at = bytes;
	ok(at[0] == 0 && at[AETHER_USER_SIZE - 1] == 0,
	   "but not the user data");
	end("without");
}

static void tests(void)
{
	released();
	dropped();
	shared();
	leaving();
	reaped();
	killed();
	without();
}

int main(void)
{
	return rig_run(tests);
}
