/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stages owe wakes for several strides at once: none of them owes any when it
 * has returned, however it ends, and a slow burn delays nobody behind it.
 */
#include "ae_base.h"
#include "flow_trial.h"

#define STRIDE 65536
#define PIECES 12
#define SLOW 60000000 /* ns of a slow burn */

static uint8_t input[PIECES * STRIDE];

/* When each piece was burned, and when it came out. */
static uint64_t burned[PIECES], written[PIECES];
static size_t out;

static int burn_slowly(void *state, const struct aether_piece *piece)
{
	uint64_t end = aether_clock_after(SLOW);

	(void)state;
	while (aether_clock_now() < end)
		usleep(1000);
	if (piece->length)
		burned[piece->offset / STRIDE] = aether_clock_now();
	return 0;
}

static void look(void *user, const void *bytes, size_t length)
{
	(void)user;
	(void)bytes;
	if (length)
		written[out++ % PIECES] = aether_clock_now();
}

/* How many pieces come out before the next one is burned. */
static int slow_once(void)
{
	struct aether_burn burn = { .name = "slow", .burn = burn_slowly };
	struct trial t = { .workers = 1, .strides = 32 };
	int soon = 0;

	out = 0;
	t.ingress.fd = trial_file(input, sizeof(input));
	t.egress.fd = trial_file("", 0);
	t.egress.tap = (struct aether_flow_tap) { look, NULL };
	t.worker[0].burns = &burn;
	t.worker[0].count = 1;
	if (!ok(trial_open(&t) == 0, "slow: a plane"))
		return PIECES;
	trial_go(&t);
	ok(trial_holds(t.egress.fd, input, sizeof(input)), "slow: it is right");
	is_int(out, PIECES, "slow: all pieces came out");
	for (size_t i = 0; i < out && i < PIECES; i++)
		soon += written[i] < burned[i] + SLOW / 2;
	ok(trial_close(&t), "slow: all free");
	close(t.ingress.fd);
	close(t.egress.fd);
	return soon;
}

/* Most do; played again if somebody may have been stopped. */
static void slow_burn(void)
{
	int soon = slow_once();

	for (int i = 1; soon < PIECES * 2 / 3 && i < 20; i++)
		soon = slow_once();
	ok(soon >= PIECES * 2 / 3,
	   "slow: each when it was burned, and not with others (%d)", soon);
}

/* ---- how many are owed */

/* What the egress may owe while it works: two calls a stride. */
static void look_at_limit(void *user, const void *bytes, size_t length)
{
	struct trial *t = user;

	(void)bytes;
	(void)length;
	out = t->stage[EGRESS].me->wakes_limit;
}

/* A quarter of the strides; of 64 KiB at most as many as are eight of the
 * usual size. */
static void limits(void)
{
	static const struct {
		uint32_t strides, limit;
	} all[] = { { 3, 0 }, { 4, 2 }, { 16, 8 }, { 40, 20 }, { 256, 32 } };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct trial t = { .workers = 1, .strides = all[i].strides };

		out = 99;
		t.ingress.fd = trial_file(input, 3 * STRIDE);
		t.egress.fd = trial_file("", 0);
		t.egress.tap = (struct aether_flow_tap) { look_at_limit, &t };
		if (!ok(trial_open(&t) == 0, "limits: a plane"))
			return;
		trial_go(&t);
		is_int(out, all[i].limit, "%u strides: wakes owed at most",
		       all[i].strides);
		ok(trial_close(&t), "limits: all free");
		close(t.ingress.fd);
		close(t.egress.fd);
	}
}

/* ---- nothing is owed in the end */

static struct aether_plane *plane;
static struct aether_error error;
static struct aether_flow_report report;

static int no_time(void)
{
	return 1;
}

static int ingress(struct aether_participant *me)
{
	struct aether_flow_ingress o = { .fd = -1, .to = 12345 };

	return aether_flow_ingress(me, &o, &error, &report);
}

static int orchestrate(struct aether_participant *me)
{
	struct aether_flow_orchestrator o = {
		.count = AETHER_FLOW_WORKERS_MAX + 1,
		.stopped = no_time,
	};

	return aether_flow_orchestrate(me, &o, &error, &report);
}

static int work(struct aether_participant *me)
{
	struct aether_flow_appliance o = { .patience = { .first = 1 } };

	return aether_flow_work(me, &o, &error, &report);
}

static int egress(struct aether_participant *me)
{
	struct aether_flow_egress o = { .fd = 1, .patience = { .first = 1 } };

	return aether_flow_egress(me, &o, &error, &report);
}

/* After a stage that failed its participant owes nothing and goes on to wake
 * others at once. */
static void ends(int (*stage)(struct aether_participant *), const char *what)
{
	struct aether_plane_options options = { .strides = 64,
						.stride_size = STRIDE };
	struct aether_participant *me, *other;
	uint64_t handle;

	if (!ok(aether_plane_create(NULL, &options, &error, &plane) == 0 &&
			aether_participant_join(plane, NULL, NULL, &me) == 0 &&
			aether_participant_join(plane, NULL, NULL, &other) == 0,
		"%s: a plane", what))
		return;
	ok(stage(me) < 0, "%s: it fails: %s", what, error.text);
	is_int(me->wakes_limit, 0, "%s: it owes nothing more", what);
	ok(aether_stride_reserve(me, &handle) == 0 &&
		   aether_route(me, handle,
				aether_participant_tenancy(other)) == 0,
	   "%s: a route after it", what);
	is_int(me->wakes_calls + me->wakes_mail, 0, "%s: wakes at once", what);
	aether_participant_leave(me);
	aether_participant_leave(other);
	aether_plane_detach(plane);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)(i * 13 + i / 255);
	slow_burn();
	limits();
	ends(ingress, "ingress");
	ends(orchestrate, "orchestrator");
	ends(work, "appliance");
	ends(egress, "egress");
	return tap_end();
}
