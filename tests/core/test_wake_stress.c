/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes in a row pass strides on, each waiting for mail, room and space,
 * and each owing wakes up to a limit that changes at random: everything
 * arrives, in order, and nobody sleeps until his patience ends (docs/wait.md).
 */
#include "rig.h"

#define SIZE 131072
#define HANDS 4
#define TURNS 12000
#define STALL RIG_HANG
#define LATE (900 * MS)
#define FEW 20 /* must arrive, however slowly */

static struct aether_plane *plane;

/* Shared by all hands. */
struct row {
	struct aether_word64 tenancies[HANDS];
	struct aether_word64 arrived, late, ended;
	uint32_t hands;
	uint64_t end; /* clock */
};

struct hand {
	struct row *row;
	uint32_t self;
	struct aether_participant *me;
	uint64_t seed;
	uint64_t to; /* the next in the row; 0: I am the last */
	uint64_t count;
};

/* The answer of a wait that began then. */
static int waited(struct hand *h, uint64_t began, int err)
{
	if (aether_clock_now() - began > LATE)
		ae_add64_relaxed(&h->row->late, 1);
	return err;
}

static int get(struct hand *h, uint64_t *handle)
{
	uint64_t now = aether_clock_now();
	int err;

	err = h->self ? aether_route_take_until(h->me, now + STALL, handle)
		      : aether_stride_reserve_until(h->me, now + STALL, handle);
	return waited(h, now, err);
}

static int put(struct hand *h, uint64_t handle)
{
	uint64_t now = aether_clock_now();

	if (!h->to)
		return aether_stride_release(h->me, handle);
	return waited(h, now,
		      aether_route_until(h->me, handle, h->to, now + STALL));
}

/* Writes its number, or checks it; 1: it is the last one. */
static int handle_it(struct hand *h, uint64_t handle)
{
	uint64_t *user;
	void *at;

	need(aether_stride_user(h->me, handle, &at) == 0);
	user = at;
	h->count++;
	if (!h->self) {
		user[0] = h->count;
		user[1] = h->count == TURNS ||
			  (h->count > FEW && aether_clock_now() > h->row->end);
	}
	need(user[0] == h->count);
	return (int)user[1];
}

static void settle_limit(struct hand *h)
{
	uint64_t number = rig_random(&h->seed);

	if (number % 40 == 0)
		aether_wake_defer(h->me, (uint32_t)(number >> 20) % 24);
	if (number % 101 == 0)
		aether_wake_pay(h->me);
}

static void join_row(struct hand *h)
{
	struct row *row = h->row;
	struct aether_participant_options options = {
		.spin = h->self % 2 ? 1 : 0,
	};

	h->seed = h->self + 1;
	h->me = rig_join_with(rig_again(plane), &options);
	rig_tell(&row->tenancies[h->self], aether_participant_tenancy(h->me));
	for (uint32_t i = 0; i < row->hands; i++)
		rig_await(&row->tenancies[i], 1);
	if (h->self + 1 == row->hands)
		return;
	h->to = rig_told(&row->tenancies[h->self + 1]);
	need(aether_route_set(h->me, h->to, 1 + h->self, AETHER_POLICY_BLOCK) ==
	     0);
}

static int pass_on(void *argument)
{
	struct hand *h = argument;
	uint64_t handle = 0;
	int last = 0, err = 0;

	join_row(h);
	while (!last && err == 0) {
		settle_limit(h);
		err = get(h, &handle);
		if (err < 0)
			break;
		last = handle_it(h, handle);
		err = put(h, handle);
	}
	if (!h->to)
		rig_tell(&h->row->arrived, h->count);
	/* who left would take what is in his box with him */
	aether_wake_pay(h->me);
	ae_add64_relaxed(&h->row->ended, 1);
	rig_await(&h->row->ended, h->row->hands);
	aether_participant_leave(h->me);
	return err < 0;
}

/* How many waits took as long as a patience. */
static uint64_t pass_all(uint32_t hands, uint32_t strides)
{
	struct row *row = rig_shared(sizeof(*row));
	struct hand hand[HANDS];
	pid_t pids[HANDS];
	uint64_t late;
	int good = 0;

	memset(hand, 0, sizeof(hand));
	plane = rig_plane(strides, SIZE, HANDS);
	row->hands = hands;
	row->end = aether_clock_after(SECOND / 3);
	for (uint32_t i = 0; i < hands; i++) {
		hand[i].row = row;
		hand[i].self = i;
		pids[i] = rig_fork(pass_on, &hand[i]);
	}
	for (uint32_t i = 0; i < hands; i++)
		good += rig_wait(pids[i]) == 0;
	is_int(good, hands, "%u hands, %u strides: all get to the end", hands,
	       strides);
	ok(rig_told(&row->arrived) > FEW, "%llu arrive, in order",
	   (unsigned long long)rig_told(&row->arrived));
	ok(rig_all_free(plane), "all free in the end");
	aether_plane_detach(plane);
	late = rig_told(&row->late);
	munmap(row, sizeof(*row));
	return late;
}

/* A busy machine may stop somebody for as long, and all others wait for him:
 * so a row is played again then. */
static void row_of(uint32_t hands, uint32_t strides)
{
	uint64_t late = pass_all(hands, strides);

	for (int i = 1; late >= 3 && i < RIG_TRIES; i++)
		late = pass_all(hands, strides);
	ok(late < 3, "nobody sleeps for a second (%llu)",
	   (unsigned long long)late);
}

static void tests(void)
{
	row_of(2, 8);
	row_of(3, 2);
	row_of(4, 12);
	row_of(4, 1);
}

int main(void)
{
	return rig_run(tests);
}
