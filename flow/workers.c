/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The orchestrator's workers. A newcomer is called with a stride that says
 * whose heir to name; only when its heir is this orchestrator does it get
 * content, so nothing that a worker has can get lost with it. Content goes to
 * the worker whose turn it is, passing over those that have enough to do.
 */
#include "desk.h"

/* Between two looks for workers that are missing, while others work. */
#define LOOK_NS UINT64_C(1000000)

static void leave_place(struct ae_desk *d, struct ae_worker *worker)
{
	d->ready -= worker->place == AE_READY;
	d->gone = worker->tenancy;
	d->look = 0;
	d->waited = ae_stage_round(); /* look at the other stages soon */
	worker->place = AE_NOBODY;
}

void ae_desk_lose(struct ae_desk *d, uint64_t tenancy)
{
	for (uint32_t i = 0; i < d->options->count; i++)
		if (d->workers[i].place != AE_NOBODY &&
		    d->workers[i].tenancy == tenancy)
			leave_place(d, &d->workers[i]);
}

void ae_desk_check_workers(struct ae_desk *d)
{
	for (uint32_t i = 0; i < d->options->count; i++)
		if (d->workers[i].place != AE_NOBODY &&
		    !ae_stage_is_there(&d->stage, d->workers[i].tenancy))
			leave_place(d, &d->workers[i]);
}

/* Somebody for an empty place, if there is anybody. */
static int replace(struct ae_desk *d, uint32_t place)
{
	const struct aether_flow_orchestrator *o = d->options;
	struct ae_worker *worker = &d->workers[place];
	uint64_t tenancy;
	int rc;

	if (!o->replace)
		return 0;
	rc = o->replace(o->user, place, &tenancy);
	if (rc == AETHER_EAGAIN)
		return 0;
	if (rc < 0)
		return ae_stage_refused(&d->stage, rc,
					"finding another appliance");
	worker->tenancy = tenancy;
	worker->place = AE_NEWCOMER;
	return 0;
}

/* The stride that calls: a free one; or, if there is nobody to work for and so
 * nobody who could free one, the first of the queue, with what it holds. */
static struct ae_entry *find_caller(struct ae_desk *d)
{
	uint64_t handle;

	if (ae_desk_reserve(d, &handle) == 0)
		return ae_desk_enter(d, handle, AE_CALL);
	if (d->ready || d->first == AE_NOWHERE || d->ride.handle)
		return NULL;
	return &d->table.entries[d->first];
}

static int call(struct ae_desk *d, struct ae_worker *worker)
{
	const struct aether_flow_orchestrator *o = d->options;
	uint32_t depth = ae_stage_depth(&d->stage, o->depth,
					AETHER_FLOW_DEPTH_WORKER);
	struct aether_parcel_seg parcel = { .flags = AETHER_PARCEL_BEGIN };
	struct ae_entry *entry;
	int rc = aether_route_set(d->stage.me, worker->tenancy, depth,
				  AETHER_POLICY_BLOCK);

	if (rc < 0) {
		leave_place(d, worker);
		return 0;
	}
	entry = find_caller(d);
	if (!entry)
		return 0;
	parcel.next = aether_participant_tenancy(d->stage.me);
	rc = ae_parcel_put(&d->stage, entry->handle, &parcel);
	if (rc < 0)
		return rc;
	rc = aether_route(d->stage.me, entry->handle, worker->tenancy);
	if (rc < 0 && entry->errand == AE_CALL) {
		aether_stride_release(d->stage.me, entry->handle);
		entry->handle = 0;
	}
	if (rc == AETHER_EGONE)
		leave_place(d, worker);
	if (rc < 0)
		return 0;
	worker->place = AE_CALLED;
	entry->to = worker->tenancy;
	if (entry->errand == AE_WORK) {
		ae_desk_unqueue(d)->errand = AE_RIDE;
		d->ride = *entry;
	}
	return 0;
}

/* Has it named me? */
static void look_for_answer(struct ae_desk *d, struct ae_worker *worker)
{
	uint32_t slot = (uint32_t)AETHER_TENANCY_SLOT(worker->tenancy);
	struct aether_participant_info info;

	if (aether_participant_look(d->stage.plane, slot, &info) < 0 ||
	    info.tenancy != worker->tenancy || !info.alive) {
		leave_place(d, worker);
	} else if (info.heir == aether_participant_tenancy(d->stage.me)) {
		worker->place = AE_READY;
		d->ready++;
	}
}

static int fill_place(struct ae_desk *d, uint32_t place)
{
	struct ae_worker *worker = &d->workers[place];
	int rc = 0;

	if (worker->place == AE_NOBODY)
		rc = replace(d, place);
	if (rc == 0 && worker->place == AE_NEWCOMER)
		rc = call(d, worker);
	if (rc == 0 && worker->place == AE_CALLED)
		look_for_answer(d, worker);
	return rc;
}

/* Nobody is ready. Is there hope? */
static int check_hope(struct ae_desk *d, uint64_t now)
{
	const struct aether_flow_orchestrator *o = d->options;
	uint64_t stay = o->stay ? o->stay : AETHER_FLOW_STAY;
	int somebody = !!o->replace;

	for (uint32_t i = 0; i < o->count; i++)
		somebody |= d->workers[i].place != AE_NOBODY;
	if (!somebody) {
		ae_stage_peer(&d->stage, d->gone, "appliance");
		return ae_stage_lost(&d->stage, d->gone);
	}
	if (!d->alone)
		d->alone = now + stay;
	if (now < d->alone)
		return 0;
	return ae_stage_fail(&d->stage, AETHER_ETIMEDOUT, 0,
			     "no appliance has been there for %.1f s; see why "
			     "they ended, and run all stages again.",
			     (double)stay / 1e9);
}

int ae_desk_staff(struct ae_desk *d)
{
	const struct aether_flow_orchestrator *o = d->options;
	uint64_t now;
	int rc = ae_desk_check_ride(d);

	if (rc < 0 || d->ready == o->count)
		return rc;
	now = aether_clock_now();
	if (d->ready && now < d->look)
		return 0;
	d->look = now + LOOK_NS;
	for (uint32_t i = 0; rc == 0 && i < o->count; i++)
		rc = fill_place(d, i);
	if (rc < 0)
		return rc;
	if (!d->ready)
		return check_hope(d, now);
	d->alone = 0;
	return 0;
}

/* The first of the queue goes to this worker, if it has room in that time.
 * AETHER_EAGAIN: not. */
static int offer(struct ae_desk *d, struct ae_worker *worker, uint64_t ns)
{
	struct ae_entry *entry = &d->table.entries[d->first];
	struct aether_flow_report *report = d->stage.report;
	int rc;

	if (worker->place != AE_READY)
		return AETHER_EAGAIN;
	if (ns)
		rc = aether_route_until(d->stage.me, entry->handle,
					worker->tenancy,
					aether_clock_after(ns));
	else
		rc = aether_route(d->stage.me, entry->handle, worker->tenancy);
	switch (rc) {
	case 0:
		break;
	case AETHER_EGONE:
		leave_place(d, worker);
		return AETHER_EAGAIN;
	case AETHER_EINTR:
		rc = ae_stage_interrupted(&d->stage, "routing a stride");
		return rc < 0 ? rc : AETHER_EAGAIN;
	case AETHER_EDEPTH:
	case AETHER_EBOX:
	case AETHER_EAGAIN:
	case AETHER_ETIMEDOUT:
		return AETHER_EAGAIN;
	default:
		return ae_stage_not_routed(&d->stage, rc, entry->handle,
					   worker->tenancy);
	}
	ae_desk_unqueue(d)->to = worker->tenancy;
	if (entry->piece.given++)
		return 0;
	report->strides++;
	report->bytes_out += entry->piece.length;
	return 0;
}

/* To the first that has room, from the one whose turn it is. */
static int offer_all(struct ae_desk *d)
{
	uint32_t count = d->options->count;
	int rc = AETHER_EAGAIN;

	for (uint32_t i = 0; i < count && rc == AETHER_EAGAIN; i++) {
		rc = offer(d, &d->workers[d->turn], 0);
		d->turn = (d->turn + 1) % count;
	}
	return rc;
}

/*
 * All have enough to do. There is no waiting for any of many, so it waits for
 * each in turn, for a moment that grows while nothing happens: a slow worker
 * does not hold up the others for long.
 */
static int wait_for_room(struct ae_desk *d)
{
	uint32_t count = d->options->count;
	uint64_t ns = count == 1 ? ae_stage_round() : ae_desk_moment(d);
	int rc;

	while (d->workers[d->turn].place != AE_READY)
		d->turn = (d->turn + 1) % count;
	rc = offer(d, &d->workers[d->turn], ns);
	d->turn = (d->turn + 1) % count;
	if (rc != AETHER_EAGAIN)
		return rc;
	rc = ae_desk_waited(d, ns);
	return rc < 0 ? rc : ae_desk_staff(d);
}

/* The parcel of the first of the queue, from what I know of it. */
static int label(struct ae_desk *d)
{
	const struct ae_entry *entry = &d->table.entries[d->first];
	struct aether_parcel_seg parcel = {
		.sequence = entry->piece.sequence,
		.position = entry->piece.position,
		.next = d->options->egress,
		.flags = entry->piece.flags,
	};

	return ae_parcel_put(&d->stage, entry->handle, &parcel);
}

/* Without workers all goes straight to the egress. */
static int pass_on(struct ae_desk *d)
{
	struct aether_flow_report *report = d->stage.report;
	struct ae_entry *entry = &d->table.entries[d->first];
	int rc = ae_stage_route(&d->stage, entry->handle, d->options->egress);

	if (rc < 0)
		return rc;
	ae_desk_unqueue(d)->handle = 0;
	report->strides++;
	report->bytes_out += entry->piece.length;
	return 0;
}

/*
 * Does the first of the queue come before all that was lost? What comes later
 * stays until that is on its way again: else all strides could end at the
 * egress, where they wait for just that piece.
 */
static int is_next_due(const struct ae_desk *d)
{
	const struct ae_piece *next = &d->table.entries[d->first].piece;

	for (uint32_t i = 0; i < d->losses; i++)
		if (d->lost[i].sequence < next->sequence)
			return 0;
	return 1;
}

int ae_desk_hand_out(struct ae_desk *d)
{
	uint32_t count = d->options->count;
	int rc = 0;

	while (rc == 0 && d->first != AE_NOWHERE && (d->ready || !count)) {
		if (!is_next_due(d)) {
			rc = ae_desk_check_ride(d); /* uses the first for it */
			continue;
		}
		rc = label(d);
		if (rc == 0)
			rc = count ? offer_all(d) : pass_on(d);
		if (rc == AETHER_EAGAIN)
			rc = d->ready ? wait_for_room(d) : 0;
	}
	return rc;
}
