/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The orchestrator: gives each stride of the stream a worker, and tells the
 * worker where it goes from there. It looks at leases only, and works without a
 * mapping of the data. As the heir of its workers it gets back what
 * they had when they die (again.c).
 *
 * When all content has left the workers, seen from the lease words, it tells
 * them and the ingress that they are done. Not before: who has ended can do
 * nobody's work again.
 */
#include <string.h>
#include "desk.h"

/* How long it waits for one thing before it looks at others. */
#define MOMENT_MIN_NS UINT64_C(100000)
#define MOMENT_MAX_NS UINT64_C(10000000)

struct ae_entry *ae_desk_find(const struct ae_desk *d, uint64_t handle)
{
	uint64_t index = AETHER_HANDLE_STRIDE(handle);

	if (index >= d->table.size || d->table.entries[index].handle != handle)
		return NULL;
	return &d->table.entries[index];
}

struct ae_entry *ae_desk_enter(struct ae_desk *d, uint64_t handle,
			       uint32_t errand)
{
	struct ae_entry *entry =
		&d->table.entries[AETHER_HANDLE_STRIDE(handle)];

	*entry = (struct ae_entry) { .handle = handle,
				     .errand = errand,
				     .next = AE_NOWHERE };
	return entry;
}

int ae_desk_is_queued(const struct ae_desk *d, uint64_t handle)
{
	return d->table.entries[AETHER_HANDLE_STRIDE(handle)].queued;
}

int ae_desk_reserve(struct ae_desk *d, uint64_t *handle)
{
	int rc = aether_stride_reserve(d->stage.me, handle);

	/* what I hold will be refused when it is to be given out */
	if (rc < 0 || !ae_desk_is_queued(d, *handle))
		return rc;
	aether_stride_release(d->stage.me, *handle);
	return AETHER_EAGAIN;
}

void ae_desk_queue(struct ae_desk *d, struct ae_entry *entry, int first)
{
	uint32_t index = (uint32_t)(entry - d->table.entries);

	entry->errand = AE_WORK;
	entry->queued = 1;
	entry->next = first ? d->first : AE_NOWHERE;
	if (d->first == AE_NOWHERE)
		d->first = d->last = index;
	else if (first)
		d->first = index;
	else {
		d->table.entries[d->last].next = index;
		d->last = index;
	}
	d->held = 0;
}

struct ae_entry *ae_desk_unqueue(struct ae_desk *d)
{
	struct ae_entry *entry = &d->table.entries[d->first];

	d->first = entry->next;
	entry->queued = 0;
	d->moment = MOMENT_MIN_NS;
	d->waited = 0;
	return entry;
}

uint64_t ae_desk_moment(struct ae_desk *d)
{
	uint64_t moment = d->moment;

	if (d->moment < MOMENT_MAX_NS)
		d->moment *= 2;
	return moment;
}

static int release(struct ae_desk *d, uint64_t handle)
{
	int rc = aether_stride_release(d->stage.me, handle);

	d->held = 0;
	return rc < 0 ? ae_stage_refused(&d->stage, rc, "releasing a stride")
		      : 0;
}

/* A new stride of the stream, or one that was brought again. */
static int receive(struct ae_desk *d, uint64_t handle, struct ae_entry *again)
{
	const struct aether_parcel_seg *parcel;
	struct ae_cargo cargo;
	struct ae_entry *entry;
	int rc = ae_cargo_label(&d->stage, handle, &cargo);

	if (rc < 0)
		return rc;
	parcel = &cargo.parcel;
	if (parcel->flags & ~(uint32_t)AETHER_PARCEL_LAST ||
	    (again && cargo.length != again->piece.length))
		return ae_cargo_wrong(&d->stage, handle,
				      "what is no content, for the "
				      "orchestrator");
	if (again) {
		ae_desk_queue(d, again, 1);
		return 0;
	}
	entry = ae_desk_enter(d, handle, AE_WORK);
	entry->piece.sequence = parcel->sequence;
	entry->piece.position = parcel->position;
	entry->piece.length = cargo.length;
	entry->piece.flags = parcel->flags;
	ae_desk_queue(d, entry, 0);
	if (!d->ingress) {
		d->ingress = parcel->next;
		ae_stage_peer(&d->stage, d->ingress, "ingress");
	}
	d->stage.begun = 1;
	d->stage.report->bytes_in += cargo.length;
	d->ended |= !!(parcel->flags & AETHER_PARCEL_LAST);
	return 0;
}

/* What came, from whom, and what becomes of it. */
static int sort(struct ae_desk *d, uint64_t handle)
{
	struct ae_entry *entry = ae_desk_find(d, handle);
	void *user;
	int rc = aether_stride_user(d->stage.me, handle, &user);
	int suspect = rc == AETHER_ESUSPECT;

	d->held = handle;
	/* else the queue would lose what comes after it */
	if (ae_desk_is_queued(d, handle))
		return ae_cargo_wrong(&d->stage, handle,
				      "a lease beside the one that I hold");
	if (rc < 0 && !suspect)
		return ae_stage_refused(&d->stage, rc, "looking at mail");
	if (!entry) /* if suspect: what a worker had for itself */
		return suspect ? release(d, handle) : receive(d, handle, NULL);
	switch (entry->errand) {
	case AE_CALL:
		entry->handle = 0;
		d->look = 0;
		return release(d, handle);
	case AE_AGAIN:
		return receive(d, handle, entry);
	default:
		return ae_desk_come_back(d, entry, suspect);
	}
}

int ae_desk_waited(struct ae_desk *d, uint64_t ns)
{
	uint64_t handle;
	int rc;

	d->waited += ns;
	if (d->waited < ae_stage_round())
		return 0;
	d->waited = 0;
	ae_desk_check_workers(d);
	if (d->waited) /* one is lost: first see what that means */
		return 0;
	rc = ae_stage_missing(&d->stage, &handle);
	if (rc == 0)
		return sort(d, handle);
	return rc == AETHER_EAGAIN ? 0 : rc;
}

/*
 * Waits for mail: a round if everybody is in his place; else for a moment, for
 * there is no waiting for mail and for other things at once.
 */
static int listen(struct ae_desk *d)
{
	int calm = d->ready == d->options->count && !d->ended;
	uint64_t ns = calm ? ae_stage_round() : ae_desk_moment(d);
	uint64_t handle;
	int rc = ae_stage_take_within(&d->stage, ns, &handle);

	if (rc == AETHER_EAGAIN)
		return ae_desk_waited(d, ns);
	if (rc < 0)
		return rc;
	d->moment = MOMENT_MIN_NS;
	return sort(d, handle);
}

static int is_done(struct ae_desk *d)
{
	return d->ended && d->first == AE_NOWHERE && !ae_desk_is_out(d);
}

/* The stream, to its end. */
static int direct(struct ae_desk *d)
{
	uint32_t ready;
	int rc = 0;

	while (rc == 0) {
		rc = ae_desk_staff(d);
		ready = d->ready;
		if (rc == 0)
			rc = ae_desk_hand_out(d);
		if (rc == 0 && is_done(d))
			break;
		if (rc == 0 && d->ready >= ready)
			rc = listen(d);
	}
	/* the egress may have written the last, and left, meanwhile */
	if (rc != AETHER_ESTAGE || !is_done(d))
		return rc;
	if (d->stage.error)
		memset(d->stage.error, 0, sizeof(*d->stage.error));
	return 0;
}

/* Somebody's work is done. My own mail may hold the stride to say so with. */
static int end(struct ae_desk *d, uint64_t to)
{
	uint64_t handle;
	int rc;

	do {
		while (aether_route_take(d->stage.me, &handle) == 0)
			aether_stride_release(d->stage.me, handle);
		rc = ae_stage_reserve_within(&d->stage, MOMENT_MAX_NS, &handle);
	} while (rc == AETHER_EAGAIN);
	return rc < 0 ? rc : ae_parcel_end(&d->stage, handle, to);
}

static int dismiss(struct ae_desk *d)
{
	int rc = 0;

	d->stage.peers = 0; /* whoever goes now may */
	for (uint32_t i = 0; rc == 0 && i < d->options->count; i++)
		if (d->workers[i].place != AE_NOBODY)
			rc = end(d, d->workers[i].tenancy);
	return rc == 0 ? end(d, d->ingress) : rc;
}

/* The ingress learns of it when I leave. */
static void give_up(struct ae_desk *d)
{
	uint64_t held = d->held;

	if (!held && d->table.entries && d->first != AE_NOWHERE)
		held = d->table.entries[d->first].handle;
	if (held)
		aether_stride_accept(d->stage.me, held);
	d->stage.peers = 0;
	for (uint32_t i = 0; i < d->options->count; i++)
		if (d->workers[i].place != AE_NOBODY)
			ae_stage_peer(&d->stage, d->workers[i].tenancy,
				      "appliance");
	ae_stage_peer(&d->stage, d->options->egress, "egress");
	ae_parcel_abort(&d->stage, held);
}

static int open_desk(struct ae_desk *d)
{
	const struct aether_flow_orchestrator *o = d->options;
	struct aether_plane_info info;
	uint32_t depth = ae_stage_depth(&d->stage, o->depth,
					AETHER_FLOW_DEPTH_WORKER);
	int rc = ae_stage_check(&d->stage);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < o->count; i++) {
		d->workers[i].tenancy = d->gone = o->workers[i];
		d->workers[i].place = AE_NEWCOMER;
	}
	ae_stage_peer(&d->stage, o->egress, "egress");
	/* beside workers it is only for telling it that I give up */
	rc = aether_route_set(d->stage.me, o->egress, o->count ? 0 : depth,
			      AETHER_POLICY_BLOCK);
	if (rc == AETHER_EGONE)
		return ae_stage_lost(&d->stage, o->egress);
	if (rc < 0)
		return ae_stage_refused(&d->stage, rc, "setting a route");
	aether_plane_look(d->stage.plane, &info);
	if (ae_table_open(&d->table, info.geometry.strides) < 0)
		return ae_stage_refused(&d->stage, AETHER_ENOMEM,
					"making room for a table");
	return 0;
}

int aether_flow_orchestrate(struct aether_participant *me,
			    const struct aether_flow_orchestrator *options,
			    struct aether_error *error,
			    struct aether_flow_report *report)
{
	struct ae_desk d = { .options = options,
			     .first = AE_NOWHERE,
			     .moment = MOMENT_MIN_NS };
	int rc;

	ae_stage_init(&d.stage, me, AETHER_ROLE_ORCHESTRATOR, error, report);
	d.stage.patience = options->patience;
	d.stage.stopped = options->stopped;
	if (options->count > AETHER_FLOW_WORKERS_MAX) {
		rc = ae_stage_fail(&d.stage, AETHER_EINVAL, 0,
				   "%u workers are too many; use at most %u.",
				   options->count, AETHER_FLOW_WORKERS_MAX);
		goto done;
	}
	rc = open_desk(&d);
	if (rc == 0)
		rc = direct(&d);
	if (rc == 0)
		rc = dismiss(&d);
	if (rc < 0)
		give_up(&d);
done:
	ae_table_close(&d.table);
	ae_stage_end(&d.stage);
	return rc;
}
