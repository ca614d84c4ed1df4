/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Death on a divided plane, where nobody may see all: each reaper settles what
 * it sees, the seat is free when all is settled, whoever was last; an heir gets
 * what it sees; what one who may not write ends is zeroed by the next.
 */
#include "victim.h"

#define SIZE 8192
#define SEGMENTS 4
#define EACH 32
#define STRIDES (SEGMENTS * EACH)

static struct aether_plane *divided(uint32_t flags)
{
	struct aether_plane_options o = { .strides = STRIDES,
					  .stride_size = SIZE,
					  .participants = 5,
					  .segments = SEGMENTS,
					  .flags = flags };
	struct aether_plane *plane = NULL;

	need(aether_plane_create(NULL, &o, NULL, &plane) == 0);
	ae_posix_watch_free(plane);
	return plane;
}

/* Somebody who sees these segments, and may write those. */
static struct aether_participant *seer(const struct aether_plane *plane,
				       uint64_t sees, uint64_t writes)
{
	struct aether_attach_options o = { .hidden = ~sees,
					   .read_only = ~writes };
	struct aether_plane *made = NULL;

	need(aether_plane_reattach(plane, &o, NULL, &made) == 0);
	ae_posix_watch_free(made);
	return rig_join(made);
}

static void leave(struct aether_participant *me)
{
	struct aether_plane *plane = aether_participant_plane(me);

	aether_participant_leave(me);
	need(aether_plane_detach(plane) == 0);
}

/* One in each segment; of the second a run. */
static void reserves_each(struct victim *v)
{
	for (uint32_t i = 0; i < SEGMENTS; i++)
		need(aether_stride_reserve_run_in(v->me, i, i == 1 ? 3 : 1,
						  &v->told->handles[i]) == 0);
}

static int busy_in(const struct aether_plane *plane, uint32_t segment)
{
	int n = 0;

	for (uint32_t i = segment * EACH; i < (segment + 1) * EACH; i++)
		n += victim_state(plane, i) != AETHER_STATE_DORMANT;
	return n;
}

/* What is left in segments 0 to 3, as digits. */
static int left_in(const struct aether_plane *plane)
{
	int digits = 0;

	for (uint32_t i = 0; i < SEGMENTS; i++)
		digits = digits * 10 + busy_in(plane, i);
	return digits;
}

static int dead_seats(const struct aether_plane *plane)
{
	int n = 0;

	for (uint32_t i = 0; i < plane->geometry.participants; i++)
		n += victim_seat_state(plane, i) == AETHER_SEAT_DEAD;
	return n;
}

static void kill_one(struct victim *v, struct aether_plane *plane)
{
	*v = (struct victim) { .act = reserves_each, .plane = plane };
	victim_ready(v);
	victim_kill(v);
}

static void two_see_all(void)
{
	struct aether_plane *plane = divided(0);
	struct aether_participant *low = seer(plane, 3, 3);
	struct aether_participant *high = seer(plane, 12, 12);
	struct aether_reap_report r;
	struct victim v;

	kill_one(&v, plane);
	is_int(left_in(plane), 1311, "it had one, a run of three, one and one");
	aether_reap(low, &r);
	ok(r.freed == 2 && r.unseen == 1 && !r.dead && !r.pending,
	   "who sees two settles those, and says that there may be more");
	is_int(left_in(plane), 11, "the others are left");
	is_int(dead_seats(plane), 1, "and so is the seat");
	aether_reap(low, &r);
	ok(!r.freed && r.unseen == 1, "it does not settle them again");
	aether_reap(high, &r);
	ok(r.freed == 2 && !r.unseen && r.dead == 1,
	   "who sees the others settles them, and frees the seat");
	is_int(dead_seats(plane), 0, "it is free");
	is_int(victim_deaths(plane), 1, "one death was counted");
	ok(rig_all_free(plane), "all are free");
	leave(low);
	leave(high);
	aether_plane_detach(plane);
}

static void they_overlap(void)
{
	struct aether_plane *plane = divided(0);
	struct aether_participant *one = seer(plane, 6, 6);
	struct aether_participant *two = seer(plane, 12, 12);
	struct aether_participant *three = seer(plane, 1, 1);
	struct aether_reap_report r;
	struct victim v;

	kill_one(&v, plane);
	aether_reap(one, &r);
	is_int(left_in(plane), 1001, "the middle two are settled");
	aether_reap(two, &r);
	ok(r.freed == 1 && r.unseen == 1, "the fourth");
	leave(two);
	is_int(left_in(plane), 1000, "the first is left, and who leaves");
	is_int(dead_seats(plane), 1, "does not free the seat");
	aether_reap(three, &r);
	ok(r.freed == 1 && r.dead == 1, "the last one does");
	ok(rig_all_free(plane), "all are free");
	leave(one);
	leave(three);
	aether_plane_detach(plane);
}

static int joins(const struct aether_plane *plane, uint64_t sees)
{
	struct aether_attach_options o = { .hidden = ~sees };
	struct aether_participant *me = NULL;
	struct aether_plane *made = NULL;
	int err;

	need(aether_plane_reattach(plane, &o, NULL, &made) == 0);
	ae_posix_watch_free(made);
	err = aether_participant_join(made, NULL, NULL, &me);
	aether_participant_leave(me);
	need(aether_plane_detach(made) == 0);
	return err;
}

/* The seat of one whose leases I do not see is not mine to take over. */
static void newcomers(void)
{
	struct aether_plane *plane = divided(0);
	struct aether_participant *me[4];
	struct victim v;

	kill_one(&v, plane);
	for (int i = 0; i < 4; i++)
		me[i] = seer(plane, 1, 1);
	is_int(dead_seats(plane), 1, "one is dead, the others are taken");
	is_int(joins(plane, 7), AETHER_ESEATS,
	       "who does not see all that it had cannot have its seat");
	is_int(left_in(plane) % 10, 1, "what it does not see is left");
	is_int(joins(plane, 15), 0, "who sees all can");
	ok(rig_all_free(plane), "and settles it");
	for (int i = 0; i < 4; i++)
		leave(me[i]);
	aether_plane_detach(plane);
}

/* What is left may be all that a newcomer sees. */
static void the_rest(void)
{
	struct aether_plane *plane = divided(0);
	struct aether_participant *me[4];
	struct victim v;

	kill_one(&v, plane);
	for (int i = 0; i < 4; i++)
		me[i] = seer(plane, 7, 7);
	aether_reap(me[0], NULL);
	is_int(left_in(plane), 1, "all but one are settled");
	is_int(joins(plane, 4), AETHER_ESEATS, "the seat is not for these");
	is_int(joins(plane, 8), 0, "but for one who sees that");
	ok(rig_all_free(plane), "and settles it");
	for (int i = 0; i < 4; i++)
		leave(me[i]);
	aether_plane_detach(plane);
}

/* A reaper that died after it had struck off the last segment, and a newcomer
 * that died after it had written its sight over the dead one's. */
static void half_done(void)
{
	struct aether_plane *plane = divided(0);
	struct aether_participant *low = seer(plane, 3, 3);
	struct aether_participant *high = seer(plane, 12, 12);
	struct aether_word64 *sight;
	struct aether_reap_report r;
	struct victim v;

	kill_one(&v, plane);
	aether_reap(low, NULL);
	sight = &plane->seats[victim_slot(&v)].sight[0];
	is_int(AETHER_SIGHT_SET(ae_load64_relaxed(sight)), 12,
	       "two segments are struck off");
	ae_store64_relaxed(sight, AETHER_SIGHT_MAKE(15, 4711));
	aether_reap(high, &r);
	ok(r.freed == 2 && r.unseen == 1,
	   "of a newcomer that died a reaper strikes off its own");
	aether_reap(low, &r);
	ok(r.dead == 1 && !r.unseen, "and another frees the seat");
	kill_one(&v, plane);
	aether_reap(low, NULL);
	sight = &plane->seats[victim_slot(&v)].sight[0];
	ae_settle_one(high, victim_stride(v.told->handles[2]));
	ae_settle_one(high, victim_stride(v.told->handles[3]));
	ae_store64_relaxed(sight, AETHER_SIGHT_MAKE(0, v.tenancy >> 6));
	aether_reap(low, &r);
	ok(r.dead == 1 && !r.unseen,
	   "where nothing is left, who sees little frees it, too");
	ok(rig_all_free(plane), "all are free");
	leave(low);
	leave(high);
	aether_plane_detach(plane);
}

/* A reaper that is late: meanwhile a newcomer has taken the seat over, has
 * leases of its own, and has died. The model's NOLOOK. */
static void late_reaper(void)
{
	struct aether_plane *plane = divided(0);
	struct aether_participant *low = seer(plane, 3, 3);
	struct aether_participant *high = seer(plane, 12, 12);
	struct aether_participant *me[2] = { seer(plane, 1, 1),
					     seer(plane, 1, 1) };
	struct aether_word64 *sight;
	struct aether_reap_report r;
	struct victim v, next;
	uint64_t dead;

	kill_one(&v, plane);
	aether_reap(low, NULL);
	dead = ae_load64_relaxed(&plane->seats[victim_slot(&v)].seat);
	kill_one(&next, plane);
	is_int(victim_slot(&next), victim_slot(&v), "the seat was taken over");
	sight = &plane->seats[victim_slot(&v)].sight[0];
	is_int(ae_sight_strike(low->plane, victim_slot(&v), dead), 0,
	       "a late reaper");
	is_int(AETHER_SIGHT_SET(ae_load64_relaxed(sight)), 15,
	       "strikes nothing off that it has not looked at");
	aether_reap(high, &r);
	is_int(r.unseen, 1, "of the newcomer something is left");
	aether_reap(low, &r);
	is_int(r.dead, 1, "until it is settled");
	ok(rig_all_free(plane), "all are free");
	leave(low);
	leave(high);
	leave(me[0]);
	leave(me[1]);
	aether_plane_detach(plane);
}

/* Both halves of a sight: 64 segments. */
static void sixty_four(void)
{
	struct aether_plane_options o = { .strides = 64 * EACH,
					  .stride_size = 2 * SIZE,
					  .participants = 4,
					  .segments = 64 };
	struct aether_participant *low, *high;
	struct aether_plane *plane = NULL;
	struct aether_reap_report r;
	struct victim v;

	need(aether_plane_create(NULL, &o, NULL, &plane) == 0);
	ae_posix_watch_free(plane);
	low = seer(plane, UINT64_C(0x00000000FFFFFFFF), 0);
	high = seer(plane, UINT64_C(0xFFFFFFFF00000000), 0);
	v = (struct victim) { .plane = plane, .count = 40 };
	v.act = victim_reserves;
	victim_ready(&v);
	victim_kill(&v);
	aether_reap(low, &r);
	ok(r.unseen == 1 && !r.dead, "64 segments, the lower 32");
	aether_reap(high, &r);
	ok(r.unseen == 0 && r.dead == 1, "and the upper ones");
	ok(rig_all_free(plane), "all are free");
	leave(low);
	leave(high);
	aether_plane_detach(plane);
}

static void heirs(void)
{
	struct aether_plane *plane = divided(0);
	struct aether_participant *all = seer(plane, 15, 15);
	struct aether_participant *heir = seer(plane, 3, 3);
	struct aether_reap_report r;
	struct victim v = { .act = reserves_each,
			    .plane = plane,
			    .heir = aether_participant_tenancy(heir) };

	victim_ready(&v);
	victim_kill(&v);
	aether_reap(all, &r);
	ok(r.inherited == 2 && r.suspect == 2 && r.freed == 2 && r.dead == 1,
	   "an heir gets what it sees; what it does not is freed");
	is_int(left_in(plane), 1300, "the first two");
	for (int i = 0; i < 2; i++)
		need(aether_stride_release(heir, victim_take(heir)) == 0);
	ok(rig_all_free(plane), "all are free");
	leave(heir);
	leave(all);
	aether_plane_detach(plane);
}

/* Mail that its sender was withdrawing when it died goes to the heir of whom it
 * was for, also when that one's death is settled, and its sight empty. */
static void withdrawn_from_the_dead(void)
{
	struct aether_plane *plane = divided(0);
	struct aether_participant *all = seer(plane, 15, 15);
	struct aether_participant *heir = seer(plane, 15, 15);
	struct victim sender = { .act = reserves_each, .plane = plane };
	struct victim to = { .plane = plane,
			     .heir = aether_participant_tenancy(heir) };
	struct aether_reap_report r;
	uint64_t handle;

	victim_ready(&sender);
	victim_ready(&to);
	victim_kill(&to);
	aether_reap(all, &r);
	is_int(r.dead, 1, "its addressee is dead and settled");
	handle = sender.told->handles[2];
	ae_store64_relaxed(
		&plane->seats[victim_slot(&sender)].withdrawal,
		AETHER_WITHDRAWAL_MAKE(
			1, victim_stride(handle), victim_slot(&to),
			ae_low_stamp(AETHER_TENANCY_STAMP(to.tenancy)),
			ae_low_stamp(AETHER_TENANCY_STAMP(sender.tenancy))));
	victim_kill(&sender);
	aether_reap(all, &r);
	ok(r.freed == 3 && r.inherited == 1 && !r.suspect,
	   "what was being withdrawn from it is its heir's, intact");
	need(aether_stride_release(heir, victim_take(heir)) == 0);
	leave(heir);
	ok(rig_all_free(plane), "all are free");
	leave(all);
	aether_plane_detach(plane);
}

static int count_nonzero(const struct aether_plane *plane)
{
	const struct aether_geometry *g = &plane->geometry;
	int n = 0;

	for (uint64_t i = g->data_offset; i < g->plane_size; i++)
		n += plane->base[i] != 0;
	return n;
}

static void writes_each(struct victim *v)
{
	size_t size;
	void *bytes;

	reserves_each(v);
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		need(aether_stride_bytes(v->me, v->told->handles[i], &size,
					 &bytes) == 0);
		memset(bytes, 0x5A, size);
	}
}

/* A reaper that may not write leaves the zeroing to who reserves next. */
static void zeroed(void)
{
	struct aether_plane *plane = divided(AETHER_FLAG_ZERO);
	struct aether_participant *reader = seer(plane, 15, 1);
	struct victim v = { .act = writes_each, .plane = plane };
	struct aether_participant *me;
	struct aether_reap_report r;

	victim_ready(&v);
	victim_kill(&v);
	aether_reap(reader, &r);
	ok(r.dead == 1 && r.freed == 4, "a reader reaps");
	ok(rig_all_free(plane), "all are free");
	is_int(count_nonzero(plane), 5 * SIZE, "what it may not write is left");
	me = rig_join(plane);
	for (uint32_t i = 0; i < STRIDES; i++)
		rig_reserve(me);
	is_int(count_nonzero(plane), 0, "but nobody gets it so");
	aether_participant_leave(me);
	leave(reader);
	aether_plane_detach(plane);
}

/* One that dies within reserve, before it has cleared: not its heir's. */
static void dies_before_it_clears(void)
{
	struct aether_plane *plane = divided(AETHER_FLAG_ZERO);
	struct aether_participant *me = seer(plane, 15, 15);
	struct aether_participant *heir = seer(plane, 15, 15);
	struct victim v = { .act = writes_each,
			    .plane = plane,
			    .heir = aether_participant_tenancy(heir) };
	struct aether_reap_report r;

	victim_ready(&v);
	/* as it was when it had reserved them, and cleared one only */
	for (uint32_t i = 0; i < SEGMENTS; i++)
		ae_store32_relaxed(
			&plane->leases[victim_stride(v.told->handles[i]) +
				       (i == 1 ? 2 : 0)]
				 .uncleared,
			i != 3);
	victim_kill(&v);
	aether_reap(me, &r);
	ok(r.inherited == 1 && r.freed == 3,
	   "what it never had handed out is not inherited");
	is_int(left_in(plane), 1, "what it had is");
	is_int(count_nonzero(plane), SIZE, "the others are cleared");
	leave(heir);
	leave(me);
	is_int(count_nonzero(plane), 0, "at last all are");
	aether_plane_detach(plane);
}

/* With watches, nobody told to reap: segments have nothing in common. */
static void by_themselves(void)
{
	struct aether_plane *plane = divided(0);
	struct aether_attach_options o[2] = { { .hidden = ~UINT64_C(3) },
					      { .hidden = ~UINT64_C(12) } };
	struct aether_plane_objects objects;
	struct aether_participant *me[2];
	struct aether_plane *seen[2];
	struct victim v;

	aether_plane_objects(plane, &objects);
	for (int i = 0; i < 2; i++) {
		need(aether_plane_attach_objects(&objects, &o[i], NULL,
						 &seen[i]) == 0);
		me[i] = rig_join(seen[i]);
	}
	kill_one(&v, plane);
	for (uint64_t end = aether_clock_after(RIG_HANG);
	     !victim_deaths(plane) && aether_clock_now() < end;)
		rig_sleep(MS);
	is_int(victim_deaths(plane), 1, "two watches settle it between them");
	ok(rig_all_free(plane), "all are free");
	for (int i = 0; i < 2; i++) {
		aether_participant_leave(me[i]);
		aether_plane_detach(seen[i]);
	}
	aether_plane_detach(plane);
}

static void tests(void)
{
	two_see_all();
	they_overlap();
	newcomers();
	the_rest();
	half_done();
	late_reaper();
	sixty_four();
	heirs();
	withdrawn_from_the_dead();
	zeroed();
	dies_before_it_clears();
	by_themselves();
}

int main(void)
{
	return rig_run(tests);
}
