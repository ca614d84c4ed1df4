/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The warm stride: reserve and release take a path of their own for it, which
 * has to do all that the long one does.
 */
#include "rig.h"

static struct aether_plane *plane;
static struct aether_participant *me, *you;

/* Stride 0 is warm, and nobody has it. */
static void begin(void)
{
	plane = rig_plane(64, 8192, 4);
	me = rig_join(plane);
	you = rig_join(plane);
	need(aether_stride_release(me, rig_reserve(me)) == 0);
	need(me->warm == 0 && me->last == 0);
}

static void end(const char *what)
{
	aether_participant_leave(me);
	aether_participant_leave(you);
	ok(rig_all_free(plane), "%s: all is free afterwards", what);
	aether_plane_detach(plane);
}

static void again_and_again(void)
{
	uint64_t handle, before = 0;
	int same = 1, rises = 1;

	begin();
	for (int i = 0; i < 100; i++) {
		handle = rig_reserve(me);
		same &= AETHER_HANDLE_STRIDE(handle) == 0;
		rises &= handle > before;
		before = handle;
		need(aether_stride_release(me, handle) == 0);
	}
	ok(same, "the warm stride is had again and again");
	ok(rises, "each time by another handle");
	is_int(me->counts.reserved, 101, "each is counted as reserved");
	is_int(me->counts.released, 101, "and as released");
	is_int(me->held, 0, "none is held");
	end("again and again");
}

static void refused(void)
{
	uint64_t handle, old;
	void *bytes;

	begin();
	old = rig_reserve(me);
	need(aether_stride_release(me, old) == 0);
	handle = rig_reserve(me);
	is_int(aether_stride_release(me, old), AETHER_ESTALE,
	       "a handle of an earlier lease of the warm stride");
	is_int(aether_stride_release(me, handle ^ 1 << 16), AETHER_EFOREIGN,
	       "one of another plane");
	is_int(aether_stride_release(you, handle), AETHER_EOWNER,
	       "by another participant");
	is_int(aether_stride_bytes(me, handle, NULL, &bytes), 0,
	       "the lease is as it was");
	is_int(aether_stride_release(me, handle), 0, "and ends by its owner");
	is_int(aether_stride_release(me, handle), AETHER_ESTALE,
	       "but not twice");
	end("refused");
}

static void rings(void)
{
	struct aether_word64 *waiters;
	uint64_t handle;
	uint32_t bell;

	begin();
	waiters = &plane->header->space_waiters;
	handle = rig_reserve(me);
	bell = ae_load32_relaxed(&you->seat->doorbell);
	ae_or64_seq_cst(waiters, UINT64_C(1) << you->slot);
	need(aether_stride_release(me, handle) == 0);
	is_int(ae_load32_relaxed(&you->seat->doorbell), bell + 1,
	       "who waits for space is rung by its release");
	is_int(ae_load64_relaxed(waiters), 0, "and is a waiter no more");
	aether_wake_defer(me, 8);
	handle = rig_reserve(me);
	ae_or64_seq_cst(waiters, UINT64_C(1) << you->slot);
	need(aether_stride_release(me, handle) == 0);
	is_int(ae_load32_relaxed(&you->seat->doorbell), bell + 1,
	       "of whom wakes are deferred owes it");
	aether_wake_pay(me);
	is_int(ae_load32_relaxed(&you->seat->doorbell), bell + 2, "and pays");
	end("rings");
}

/* Stride 0 stays known as my warm one while another has it, and then is the
 * head of a run of mine. */
static void run(void)
{
	uint64_t taken[3], handle, head;

	begin();
	for (uint32_t i = 0; i < 3; i++)
		need(ae_stride_claim(you, i, &taken[i]) == 0);
	handle = rig_reserve(me);
	need(me->last == AE_NONE && me->warm == 0);
	for (uint32_t i = 0; i < 3; i++)
		need(aether_stride_release(you, taken[i]) == 0);
	need(aether_stride_reserve_run(me, 3, &head) == 0);
	is_int(AETHER_HANDLE_STRIDE(head), 0, "a run begins at what was warm");
	is_int(aether_stride_release(me, head), 0, "it ends");
	is_int(me->held, 1, "all three are given back");
	is_int(rig_count(plane, AETHER_STATE_CONT), 0, "no tail is left");
	need(aether_stride_release(me, handle) == 0);
	end("run");
}

static void quota(void)
{
	struct aether_participant_options options = { .quota = 1 };
	uint64_t handle;

	begin();
	aether_participant_leave(you);
	you = rig_join_with(plane, &options);
	need(aether_stride_release(you, rig_reserve(you)) == 0);
	need(aether_route(me, rig_reserve(me),
			  aether_participant_tenancy(you)) == 0);
	need(aether_route_take(you, &handle) == 0 && you->last != AE_NONE);
	is_int(aether_stride_reserve(you, &handle), AETHER_EQUOTA,
	       "a quota holds for the warm stride too");
	is_int(you->counts.full, 1, "and is counted");
	need(aether_stride_release(you, handle) == 0);
	end("quota");
}

static void tests(void)
{
	again_and_again();
	refused();
	rings();
	run();
	quota();
}

int main(void)
{
	return rig_run(tests);
}
