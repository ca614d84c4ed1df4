/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The orchestrator: gives each stride of the stream a worker, in turn, passing
 * over those that have enough to do, and tells the worker where it goes from
 * there. It looks at leases only; it would work without a mapping of the data.
 * It holds one stride at a time, so it can never starve the others.
 */
#include "stage.h"

/* How long it waits for one busy worker before it tries the others. */
#define MOMENT_MIN_NS UINT64_C(100000)
#define MOMENT_MAX_NS UINT64_C(10000000)

struct desk {
	const struct aether_flow_orchestrator *options;
	struct ae_stage stage;
	uint32_t turn; /* the worker to try first */
};

/* One answer of a worker's route: words for what ends the stage. */
static int answer(struct desk *d, uint64_t worker, int rc)
{
	switch (rc) {
	case AETHER_EGONE:
		return ae_stage_lost(&d->stage, worker);
	case 0:
	case AETHER_EDEPTH:
	case AETHER_EBOX:
	case AETHER_EAGAIN:
	case AETHER_ETIMEDOUT:
		return rc;
	default:
		return ae_stage_refused(&d->stage, rc, "routing a stride");
	}
}

/* Does the answer mean that a worker has enough to do at the moment? */
static int is_busy(int rc)
{
	return rc == AETHER_EDEPTH || rc == AETHER_EBOX ||
	       rc == AETHER_EAGAIN || rc == AETHER_ETIMEDOUT;
}

/* Routes to the first worker that has room, from the one whose turn it is. */
static int hand_out(struct desk *d, uint64_t handle)
{
	const struct aether_flow_orchestrator *o = d->options;
	uint64_t worker;
	int rc = AETHER_EDEPTH;

	for (uint32_t i = 0; i < o->count && is_busy(rc); i++) {
		worker = o->workers[d->turn];
		d->turn = (d->turn + 1) % o->count;
		rc = answer(d, worker,
			    aether_route(d->stage.me, handle, worker));
	}
	return rc;
}

/*
 * Waits until one of several busy workers has room. There is no waiting for
 * any of many, so it waits for each in turn, for a moment that grows while
 * nothing happens: a slow worker does not hold up the others for long.
 */
static int wait_turns(struct desk *d, uint64_t handle)
{
	const struct aether_flow_orchestrator *o = d->options;
	uint64_t moment = MOMENT_MIN_NS, waited = 0, worker;
	int rc;

	for (;;) {
		worker = o->workers[d->turn];
		rc = answer(d, worker,
			    aether_route_until(d->stage.me, handle, worker,
					       aether_clock_after(moment)));
		if (is_busy(rc))
			rc = hand_out(d, handle);
		if (!is_busy(rc))
			return rc;
		d->turn = (d->turn + 1) % o->count;
		waited += moment;
		if (moment < MOMENT_MAX_NS)
			moment *= 2;
		if (waited < ae_stage_round())
			continue;
		waited = 0;
		rc = ae_stage_watch(&d->stage);
		if (rc < 0)
			return rc;
	}
}

static int pass_on(struct desk *d, uint64_t handle)
{
	const struct aether_flow_orchestrator *o = d->options;
	int rc;

	if (!o->count)
		return ae_stage_route(&d->stage, handle, o->egress);
	if (o->count == 1)
		return ae_stage_route(&d->stage, handle, o->workers[0]);
	rc = hand_out(d, handle);
	return is_busy(rc) ? wait_turns(d, handle) : rc;
}

/* One stride from the ingress to a worker. 1: it was the last. */
static int direct(struct desk *d, uint64_t *held)
{
	struct aether_flow_report *report = d->stage.report;
	struct ae_cargo cargo;
	int rc = ae_stage_take(&d->stage, held);

	if (rc == 0)
		rc = ae_cargo_look(&d->stage, *held, &cargo);
	if (rc != 0)
		return rc;
	report->bytes_in += cargo.length;
	cargo.parcel.next = d->options->egress;
	rc = ae_parcel_put(&d->stage, *held, &cargo.parcel);
	if (rc == 0)
		rc = pass_on(d, *held);
	if (rc < 0)
		return rc;
	*held = 0;
	report->strides++;
	report->bytes_out += cargo.length;
	return !!(cargo.parcel.flags & AETHER_PARCEL_LAST);
}

static int set_routes(struct desk *d, uint32_t depth)
{
	const struct aether_flow_orchestrator *o = d->options;
	uint32_t limit;
	int rc;

	for (uint32_t i = 0; i < d->stage.peers; i++) {
		const struct ae_peer *peer = &d->stage.peer[i];

		/* the route to the egress is only for telling it, unless
		 * there are no workers */
		limit = i < o->count || !o->count ? depth : 0;
		rc = aether_route_set(d->stage.me, peer->tenancy, limit,
				      AETHER_POLICY_BLOCK);
		if (rc == AETHER_EGONE)
			return ae_stage_lost(&d->stage, peer->tenancy);
		if (rc < 0)
			return ae_stage_refused(&d->stage, rc,
						"setting a route");
	}
	return 0;
}

static int check(struct desk *d)
{
	const struct aether_flow_orchestrator *o = d->options;

	if (o->count > AETHER_FLOW_WORKERS_MAX)
		return ae_stage_fail(&d->stage, AETHER_EINVAL, 0,
				     "%u workers are too many; use at most %u.",
				     o->count, AETHER_FLOW_WORKERS_MAX);
	/* all of them first, so that they are told of whatever goes wrong */
	for (uint32_t i = 0; i < o->count; i++)
		ae_stage_peer(&d->stage, o->workers[i], "appliance");
	ae_stage_peer(&d->stage, o->egress, "egress");
	return set_routes(d, o->depth ? o->depth : AETHER_FLOW_DEPTH_WORKER);
}

int aether_flow_orchestrate(struct aether_participant *me,
			    const struct aether_flow_orchestrator *options,
			    struct aether_error *error,
			    struct aether_flow_report *report)
{
	struct desk d = { .options = options };
	uint64_t held = 0;
	int rc;

	ae_stage_init(&d.stage, me, error, report);
	d.stage.patience = options->patience;
	rc = check(&d);
	while (rc == 0)
		rc = direct(&d, &held);
	for (uint32_t i = 0; rc >= 0 && i < options->count; i++)
		rc = ae_parcel_end(&d.stage, options->workers[i]);
	if (rc >= 0)
		return 0;
	ae_parcel_abort(&d.stage, held);
	return rc;
}
