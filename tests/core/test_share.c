/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shares: who reads, who ends the lease, what is refused; depth and policies;
 * readers that leave. Readers and sharers that die are in test_share_death.c.
 */
#include "victim.h"

#define SIZE 65536
#define STRIDES 64
#define READERS 31

static struct aether_plane *plane;
static struct aether_participant *me, *them[READERS];
static uint64_t to[READERS];

static void begin(int readers)
{
	plane = victim_quiet(STRIDES, SIZE, READERS + 1);
	me = rig_join(plane);
	for (int i = 0; i < readers; i++) {
		them[i] = rig_join(plane);
		to[i] = aether_participant_tenancy(them[i]);
	}
}

static void end(int readers, const char *what)
{
	for (int i = 0; i < readers; i++)
		aether_participant_leave(them[i]);
	aether_participant_leave(me);
	ok(rig_all_free(plane), "%s: all free in the end", what);
	need(aether_plane_detach(plane) == 0);
}

static uint64_t write_one(unsigned char byte)
{
	uint64_t handle = rig_reserve(me);
	void *at = NULL;

	need(aether_stride_bytes(me, handle, NULL, &at) == 0);
	memset(at, byte, SIZE);
	need(aether_stride_user(me, handle, &at) == 0);
	memset(at, byte, AETHER_USER_SIZE);
	need(aether_stride_describe(me, handle, SIZE, 0, 0) == 0);
	return handle;
}

static int reads(struct aether_participant *who, uint64_t handle,
		 unsigned char byte)
{
	struct aether_pointer pointer;
	unsigned char *at;
	void *bytes, *user;
	size_t size;

	if (aether_stride_bytes(who, handle, &size, &bytes) < 0 ||
	    aether_stride_user(who, handle, &user) < 0 ||
	    aether_stride_resolve(who, handle, &pointer) < 0)
		return 0;
	at = bytes;
	return size == SIZE && at[0] == byte && at[SIZE - 1] == byte &&
	       *(unsigned char *)user == byte && pointer.length == SIZE;
}

/* 1 to all, on even and odd slots; the last to release ends it, whichever. */
static void counts(void)
{
	uint64_t seed = 5;
	int good = 1, over = 1;

	begin(READERS);
	for (uint32_t n = 1; n <= READERS; n++) {
		unsigned char byte = (unsigned char)n;
		uint64_t handle = write_one(byte);
		uint32_t stride = victim_stride(handle);
		uint32_t reached = 0;
		uint32_t first = (uint32_t)(rig_random(&seed) % n);

		good &= aether_share(me, handle, to, n, &reached) == 0;
		good &= reached == n;
		for (uint32_t i = 0; i < n; i++) {
			good &= victim_take(them[i]) == handle;
			good &= aether_participant_held(them[i]) == 1;
		}
		for (uint32_t i = 0; i < n; i++) {
			uint32_t who = (first + i) % n;

			good &= reads(them[who], handle, byte);
			good &= victim_state(plane, stride) ==
				AETHER_STATE_SHARED;
			good &= aether_stride_release(them[who], handle) == 0;
			over &= aether_stride_release(them[who], handle) < 0;
			good &= aether_participant_held(them[who]) == 0;
		}
		over &= victim_state(plane, stride) == AETHER_STATE_DORMANT;
		over &= aether_stride_release(me, handle) == AETHER_ESTALE;
		over &= aether_stride_release(them[0], handle) == AETHER_ESTALE;
	}
	ok(good, "1 to %d readers, each reads until it has released", READERS);
	ok(over, "the last one's release is the lease's end");
	end(READERS, "counts");
}

static void looks(void)
{
	struct aether_stride_info info;
	uint64_t handle, slots, cursor = 0;

	begin(3);
	handle = write_one(1);
	need(aether_share(me, handle, to, 3, NULL) == 0);
	need(aether_stride_query(plane, handle, &info) == 0);
	slots = UINT64_C(1) << them[0]->slot | UINT64_C(1) << them[1]->slot |
		UINT64_C(1) << them[2]->slot;
	ok(info.state == AETHER_STATE_SHARED && info.readers == slots &&
		   info.handle == handle,
	   "the registry shows who reads");
	is_int(rig_count(plane, AETHER_STATE_SHARED), 1, "and one shared");
	need(victim_take(them[1]) == handle);
	need(aether_stride_release(them[1], handle) == 0);
	need(aether_stride_query(plane, handle, &info) == 0);
	ok(info.readers == (slots & ~(UINT64_C(1) << them[1]->slot)),
	   "and who has released");
	is_int(them[1]->counts.taken, 1, "a taken one is counted");
	is_int(them[1]->counts.released, 1, "and its release");
	need(ae_mailbox_enter(plane, them[1]->slot, handle, &cursor) == 0);
	is_int(aether_route_take(them[1], &handle), AETHER_EEMPTY,
	       "it comes once, whatever its mailbox says");
	is_int(aether_stride_release(them[2], info.handle), AETHER_EOWNER,
	       "who has not taken it has no part in it yet");
	end(3, "looks");
}

static void refusals(void)
{
	uint64_t handle, yours;
	void *at;

	begin(2);
	handle = write_one(1);
	yours = aether_participant_tenancy(me);
	need(aether_share(me, handle, to, 1, NULL) == 0);
	is_int(aether_participant_held(me), 0, "the sharer has no more of it");
	is_int(aether_stride_bytes(me, handle, NULL, &at), AETHER_EOWNER,
	       "nor reads it");
	is_int(aether_stride_release(me, handle), AETHER_EOWNER, "nor ends it");
	need(victim_take(them[0]) == handle);
	is_int(aether_stride_describe(them[0], handle, 1, 0, 0), AETHER_EOWNER,
	       "a reader: describe");
	is_int(aether_route(them[0], handle, yours), AETHER_EOWNER, "route");
	is_int(aether_share(them[0], handle, &to[1], 1, NULL), AETHER_EOWNER,
	       "share again");
	is_int(aether_stride_accept(them[0], handle), AETHER_EOWNER, "accept");
	is_int(aether_stride_bytes(them[1], handle, NULL, &at), AETHER_EOWNER,
	       "who is no reader");
	is_int(aether_stride_release(them[1], handle), AETHER_EOWNER,
	       "nor releases it");
	ok(reads(them[0], handle, 1), "and the reader reads on");
	end(2, "refusals");
}

static void arguments(void)
{
	uint64_t handle, old, all[3];
	uint32_t reached = 77;

	begin(3);
	handle = rig_reserve(me);
	all[0] = to[0];
	all[1] = aether_participant_tenancy(me);
	is_int(aether_share(me, handle, to, 0, &reached), AETHER_EINVAL,
	       "no readers");
	is_int(aether_share(me, handle, all, 2, &reached), AETHER_EINVAL,
	       "myself");
	all[1] = to[0];
	is_int(aether_share(me, handle, all, 2, &reached), AETHER_EINVAL,
	       "one twice");
	is_int(aether_share(me, handle, to, 65, &reached), AETHER_EINVAL,
	       "65 readers");
	is_int(aether_share(them[0], handle, &to[1], 1, &reached),
	       AETHER_EOWNER, "somebody else's lease");
	is_int(aether_share(me, handle ^ AETHER_HANDLE_MAKE(0, 1, 0), to, 1,
			    &reached),
	       AETHER_EFOREIGN, "a foreign handle");
	old = to[2];
	aether_participant_leave(them[2]);
	is_int(aether_share(me, handle, &old, 1, &reached), AETHER_EGONE,
	       "who has left");
	them[2] = rig_join(plane);
	to[2] = aether_participant_tenancy(them[2]);
	all[0] = old;
	all[1] = AETHER_TENANCY_MAKE(63, 1);
	all[2] = UINT64_MAX;
	is_int(aether_share(me, handle, all, 3, &reached), AETHER_EGONE,
	       "all have gone");
	is_int(reached, 77, "the result is left alone");
	is_int(aether_participant_held(me), 1, "the lease is still mine");
	all[1] = to[1];
	all[2] = to[2];
	is_int(aether_share(me, handle, all, 3, &reached), 0, "some have gone");
	is_int(reached, 2, "the others have it");
	ok(victim_take(them[1]) == handle && victim_take(them[2]) == handle,
	   "both; also the next tenant of the slot, where it is meant");
	end(3, "arguments");
}

/* Readers leave, before they took it or after; a later tenant is not meant. */
static void leaving(void)
{
	uint64_t handle, other;

	begin(3);
	handle = write_one(9);
	need(aether_share(me, handle, to, 3, NULL) == 0);
	need(victim_take(them[0]) == handle);
	aether_participant_leave(them[0]);
	aether_participant_leave(them[1]);
	for (int i = 0; i < 2; i++)
		them[i] = rig_join(plane);
	ok(them[0]->slot == 1 && them[1]->slot == 2, "two leave, two come");
	for (int i = 0; i < 2; i++) {
		is_int(aether_route_take(them[i], &other), AETHER_EEMPTY,
		       "a later tenant is not meant");
		is_int(aether_stride_release(them[i], handle), AETHER_EOWNER,
		       "nor can it release");
	}
	need(victim_take(them[2]) == handle);
	ok(reads(them[2], handle, 9), "the third reads");
	aether_participant_leave(them[2]);
	is_int(victim_state(plane, victim_stride(handle)), AETHER_STATE_DORMANT,
	       "the last one that leaves ends it");
	end(2, "leaving");
}

static uint64_t share_one(int readers, int want)
{
	uint64_t handle = rig_reserve(me);

	need(aether_share(me, handle, to, (uint32_t)readers, NULL) == want);
	return handle;
}

static void depth_block(void)
{
	uint64_t first, second, third;

	begin(2);
	need(aether_route_set(me, to[0], 2, AETHER_POLICY_BLOCK) == 0);
	first = share_one(2, 0);
	second = share_one(1, 0);
	third = share_one(2, AETHER_EDEPTH);
	is_int(me->counts.full, 1, "the third: EDEPTH, counted as full");
	is_int(aether_participant_held(me), 1, "it is still mine");
	need(victim_take(them[1]) == first);
	is_int(aether_route_take(them[1], &second), AETHER_EEMPTY,
	       "and nobody's else");
	need(victim_take(them[0]) == first);
	is_int(aether_share(me, third, to, 1, NULL), AETHER_EDEPTH,
	       "taken is not released");
	need(aether_stride_release(them[0], first) == 0);
	is_int(aether_share(me, third, to, 1, NULL), 0, "released is");
	is_int(aether_share(me, rig_reserve(me), to, 1, NULL), AETHER_EDEPTH,
	       "and now it is full again");
	need(aether_route_set(me, to[0], 0, 0) == 0);
	share_one(1, 0);
	end(2, "depth: block");
}

static void depth_drops(uint32_t policy)
{
	uint64_t first, second, third;
	uint32_t reached = 0;

	begin(2);
	need(aether_route_set(me, to[0], 1, policy) == 0);
	first = share_one(2, 0);
	second = rig_reserve(me);
	is_int(aether_share(me, second, to, 2, &reached), 0,
	       "policy %u: at the depth", policy);
	is_int(reached, 1, "the others get it");
	is_int(me->counts.dropped, 0, "nothing has ended");
	third = share_one(1, AETHER_EDROPPED);
	is_int(me->counts.dropped, 1, "nobody is left: dropped");
	is_int(me->counts.full, 0, "which is no answer that `full` counts");
	is_int(aether_stride_release(me, third), AETHER_ESTALE, "it is over");
	is_int(aether_participant_held(me), 0, "and not held");
	ok(victim_take(them[0]) == first &&
		   aether_route_take(them[0], &third) == AETHER_EEMPTY,
	   "this one got the first alone: nothing is withdrawn");
	ok(victim_take(them[1]) == first && victim_take(them[1]) == second,
	   "the other one both, in order");
	end(2, "depth: drops");
}

static void shared_runs(void)
{
	size_t size = 0;
	uint64_t handle;
	void *at = NULL;

	begin(2);
	need(aether_stride_reserve_run(me, 5, &handle) == 0);
	need(aether_stride_bytes(me, handle, &size, &at) == 0);
	memset(at, 3, size);
	is_int(aether_share(me, handle, to, 2, NULL), 0, "a run is shared");
	is_int(aether_participant_held(me), 0, "held by me: none");
	need(victim_take(them[0]) == handle && victim_take(them[1]) == handle);
	is_int(aether_participant_held(them[0]), 5, "by each reader: five");
	need(aether_stride_bytes(them[1], handle, &size, &at) == 0);
	ok(size == 5 * SIZE && ((char *)at)[size - 1] == 3, "all bytes");
	need(aether_stride_release(them[0], handle) == 0);
	is_int(rig_count(plane, AETHER_STATE_CONT), 4, "one is done");
	need(aether_stride_release(them[1], handle) == 0);
	is_int(rig_count(plane, AETHER_STATE_DORMANT), STRIDES, "both are");
	end(2, "shared runs");
}

static void tests(void)
{
	counts();
	looks();
	refusals();
	arguments();
	leaving();
	depth_block();
	depth_drops(AETHER_POLICY_DROP_NEW);
	depth_drops(AETHER_POLICY_DROP_OLDEST);
	shared_runs();
}

int main(void)
{
	return rig_run(tests);
}
