/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The orchestrator of a job, which is the verb's own process: it has some runs
 * of the plane, sends each to a worker with a stripe to do, and gets it back.
 * What was on its way to a worker that dies, or in its hands, comes back, too,
 * for it is the workers' heir: then the stripe is given out again.
 *
 * Streams are read and written here, too, in order (shards_stream.c).
 */
#include "shards.h"
#include "stop.h"

#include <signal.h>
#include <string.h>

#define SPIN_NS 2000
#define TICK_NS UINT64_C(100000000)

/* A worker has a stripe to do, and the next one, so that it need not wait. If
 * stripes are large, one is enough. */
#define ITEMS_MAX (2 * SHARDS_WORKERS_MAX + 1)
#define LARGE (8u << 20)

enum item_state {
	ITEM_FREE,
	ITEM_AGAIN, /* to be given out, a second time */
	ITEM_OUT,   /* with a worker */
	ITEM_KEPT,  /* done, and waits for its turn in a stream */
};

/* A run of mine. */
struct item {
	uint64_t handle;
	uint64_t stripe;
	enum item_state state;
	uint32_t place; /* out: with whom */
	uint32_t full;
};

struct desk {
	struct shards_job *job;
	struct aether_error *error;
	struct aether_plane *plane;
	struct aether_participant *me;
	struct shards_crew crew;
	struct item items[ITEMS_MAX];
	uint32_t count;
	uint32_t depth;   /* stripes that a worker may have */
	uint32_t turn;    /* worker to try first */
	uint64_t written; /* stripes of a stream that is decoded */
};

static volatile sig_atomic_t child_ended;

static void on_child(int number)
{
	(void)number;
	child_ended = 1;
}

/* So that a wait ends when a worker does. */
static void watch_children(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action)); /* and no SA_RESTART */
	action.sa_handler = on_child;
	action.sa_flags = SA_NOCLDSTOP;
	sigaction(SIGCHLD, &action, NULL);
}

void shards_job_init(struct shards_job *job, enum shards_kind kind)
{
	memset(job, 0, sizeof(*job));
	job->kind = kind;
	job->in = job->out = -1;
	for (uint32_t i = 0; i < AE_SHARDS_MAX; i++)
		job->from[i] = job->to[i] = -1;
}

static int refused(struct desk *d, int rc, const char *what)
{
	return cli_error(d->error, rc, 0, "%s: %s", what,
			 aether_error_message(rc));
}

/* NULL: d->error says why. */
static uint8_t *bytes_of(struct desk *d, const struct item *item)
{
	void *at = NULL;
	int rc = aether_stride_bytes(d->me, item->handle, NULL, &at);

	if (rc < 0)
		refused(d, rc, "looking at a stripe");
	return rc < 0 ? NULL : at;
}

/* Writes what is due. */
static int flush(struct desk *d)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < d->count; i++) {
		struct item *item = &d->items[i];
		const uint8_t *bytes;

		if (item->state != ITEM_KEPT || item->stripe != d->written)
			continue;
		bytes = bytes_of(d, item);
		rc = bytes ? shards_stream_write(d->job, bytes, item->stripe,
						 d->error)
			   : d->error->code;
		item->state = ITEM_FREE;
		d->written++;
		i = UINT32_MAX; /* the next one may be one before */
	}
	return rc;
}

/* ---- giving out */

static uint32_t find_worker(struct desk *d)
{
	struct shards_crew *crew = &d->crew;

	for (uint32_t i = 0; i < crew->count; i++) {
		uint32_t place = (d->turn + i) % crew->count;

		if (!crew->tenancies[place] || crew->out[place] >= d->depth)
			continue;
		d->turn = (place + 1) % crew->count;
		return place;
	}
	return UINT32_MAX;
}

/* One that is to be done again, or else a free one if there is anything left
 * to do. */
static struct item *find_item(struct desk *d)
{
	struct item *free = NULL;

	for (uint32_t i = 0; i < d->count; i++) {
		if (d->items[i].state == ITEM_AGAIN)
			return &d->items[i];
		if (d->items[i].state == ITEM_FREE && !free)
			free = &d->items[i];
	}
	return d->job->ended ? NULL : free;
}

/* Makes the next stripe the item's. 1: there is none now. */
static int load(struct desk *d, struct item *item)
{
	struct shards_job *job = d->job;
	uint8_t *bytes;
	int rc;

	if (shards_sums_enter(job, job->given) < 0)
		return 1;
	item->full = 0;
	if (job->kind == SHARDS_ENCODE && job->in_streams) {
		bytes = bytes_of(d, item);
		rc = bytes ? shards_stream_read(job, bytes, d->error)
			   : d->error->code;
		if (rc)
			return rc;
		item->full = 1;
	}
	item->stripe = job->given++;
	item->state = ITEM_AGAIN;
	if (!job->in_streams)
		job->ended = job->given == job->last;
	return 0;
}

static int send(struct desk *d, struct item *item, uint32_t place)
{
	struct shards_job *job = d->job;
	struct shards_parcel parcel = {
		.what = SHARDS_WORK,
		.stripe = item->stripe,
		.length = ae_shard_stride_length(&job->file, item->stripe),
		.full = item->full,
	};
	uint8_t *bytes = bytes_of(d, item);
	void *user;
	int rc;

	if (!bytes)
		return d->error->code;
	rc = aether_stride_user(d->me, item->handle, &user);
	if (rc < 0)
		return refused(d, rc, "labelling a stripe");
	memcpy(user, &parcel, sizeof(parcel));
	shards_sums_give(job, item->stripe, shards_slip_of(job, bytes));
	rc = aether_route(d->me, item->handle, d->crew.tenancies[place]);
	if (rc == AETHER_EGONE) { /* it has died; somebody will come */
		d->crew.tenancies[place] = 0;
		return 0;
	}
	if (rc < 0)
		return refused(d, rc, "giving out a stripe");
	item->state = ITEM_OUT;
	item->place = place;
	d->crew.out[place]++;
	return 0;
}

static int give_out(struct desk *d)
{
	struct item *item;
	uint32_t place;
	int rc = 0;

	while (rc == 0) {
		place = find_worker(d);
		item = place == UINT32_MAX ? NULL : find_item(d);
		if (!item)
			break;
		if (item->state == ITEM_FREE)
			rc = load(d, item);
		if (rc == 0)
			rc = send(d, item, place);
	}
	return rc < 0 ? rc : 0;
}

/* ---- what comes back */

static int count(struct desk *d, struct item *item,
		 const struct shards_slip *slip)
{
	struct shards_job *job = d->job;
	uint32_t good = 0;

	for (uint32_t i = 0; i < job->shards; i++) {
		job->bad[i] += slip->found[i] > SHARDS_OK;
		good += slip->found[i] == SHARDS_OK;
	}
	if (good < job->least)
		job->least = good;
	job->rebuilt += slip->rebuilt;
	job->done++;
	d->crew.idle = 0;
	item->state = job->out_streams ? ITEM_KEPT : ITEM_FREE;
	return shards_sums_take(job, item->stripe, slip, d->error);
}

static int sort(struct desk *d, struct item *item,
		const struct shards_parcel *parcel)
{
	uint8_t *bytes = bytes_of(d, item);
	struct shards_slip *slip;
	int rc;

	if (!bytes)
		return d->error->code;
	if (item->state == ITEM_OUT && d->crew.out[item->place])
		d->crew.out[item->place]--;
	slip = shards_slip_of(d->job, bytes);
	switch (parcel->what) {
	case SHARDS_DONE:
		rc = count(d, item, slip);
		return rc == 0 && d->job->out_streams ? flush(d) : rc;
	case SHARDS_SHORT:
		return shards_say_short(d->job, item->stripe, slip, d->error);
	case SHARDS_FAILED:
		*d->error = slip->error;
		d->error->text[sizeof(d->error->text) - 1] = '\0';
		return d->error->code < 0 ? d->error->code : AETHER_ECORRUPT;
	default: /* its worker died before it took it */
		item->state = ITEM_AGAIN;
		return 0;
	}
}

static struct item *item_of(struct desk *d, uint64_t handle)
{
	for (uint32_t i = 0; i < d->count; i++)
		if (d->items[i].handle == handle)
			return &d->items[i];
	return NULL;
}

/* The mail of one that died may come after that of who took its place. */
static int is_there(const struct desk *d, uint64_t tenancy)
{
	struct aether_participant_info info;
	uint32_t slot = (uint32_t)AETHER_TENANCY_SLOT(tenancy);

	return aether_participant_look(d->plane, slot, &info) == 0 &&
	       info.tenancy == tenancy && info.alive;
}

/* A worker is there; or it was, and died before it could say so. */
static int greet(struct desk *d, uint64_t handle, int suspect,
		 const struct shards_parcel *parcel)
{
	if (!suspect && parcel->what == SHARDS_HELLO &&
	    parcel->place < d->crew.count && is_there(d, parcel->tenancy)) {
		d->crew.tenancies[parcel->place] = parcel->tenancy;
		d->crew.out[parcel->place] = 0;
	}
	aether_stride_release(d->me, handle);
	return 0;
}

static int receive(struct desk *d, uint64_t handle)
{
	struct item *item = item_of(d, handle);
	struct shards_parcel parcel = { .what = 0 };
	void *user;
	int rc = aether_stride_user(d->me, handle, &user);
	int suspect = rc == AETHER_ESUSPECT;

	if (suspect && item) { /* whoever had it died at it */
		item->full = 0;
		rc = aether_stride_accept(d->me, handle);
	}
	if (rc == 0 && !suspect)
		memcpy(&parcel, user, sizeof(parcel));
	if (!item)
		return greet(d, handle, suspect, &parcel);
	if (rc < 0)
		return refused(d, rc, "getting a stripe back");
	return sort(d, item, &parcel);
}

/* What comes within a tick, and all that is there then. */
static int listen(struct desk *d)
{
	uint64_t handle;
	int rc = aether_route_take_until(d->me, aether_clock_after(TICK_NS),
					 &handle);

	while (rc == 0) {
		rc = receive(d, handle);
		if (rc < 0)
			return rc;
		rc = aether_route_take(d->me, &handle);
	}
	if (rc == AETHER_ETIMEDOUT || rc == AETHER_EINTR ||
	    rc == AETHER_EEMPTY || rc == AETHER_EAGAIN)
		return 0;
	return refused(d, rc, "waiting for a stripe");
}

static int is_done(const struct desk *d)
{
	return d->job->ended && d->job->done == d->job->given;
}

static int direct(struct desk *d)
{
	int rc = 0;

	while (rc == 0 && !is_done(d)) {
		if (child_ended) {
			child_ended = 0;
			rc = shards_crew_look(&d->crew, d->job, d->me,
					      d->error);
		}
		if (rc == 0)
			rc = give_out(d);
		if (rc == 0 && !is_done(d))
			rc = listen(d);
		if (rc == 0)
			rc = shards_stream_stopped(d->error);
		shards_say_progress(d->job);
	}
	shards_say_progress_end();
	return rc;
}

/* ---- before and after */

static int open_plane(struct desk *d)
{
	struct shards_job *job = d->job;
	uint32_t strides = (uint32_t)((shards_run_size(job) +
				       AETHER_STRIDE_SIZE_DEFAULT - 1) /
				      AETHER_STRIDE_SIZE_DEFAULT);
	struct aether_plane_options plane = { .participants = job->workers +
							      2 };
	struct aether_participant_options who = {
		.spin = SPIN_NS,
		.unwatched = 1,
		.role = AETHER_ROLE_ORCHESTRATOR
	};
	int rc;

	d->depth = shards_run_size(job) > LARGE ? 1 : 2;
	d->count = d->depth * job->workers + 1;
	plane.strides = d->count * strides + job->workers;
	rc = aether_plane_create(NULL, &plane, d->error, &d->plane);
	if (rc == 0)
		rc = aether_participant_join(d->plane, &who, d->error, &d->me);
	for (uint32_t i = 0; rc == 0 && i < d->count; i++) {
		rc = aether_stride_reserve_run(d->me, strides,
					       &d->items[i].handle);
		if (rc < 0)
			refused(d, rc, "making room for stripes");
	}
	return rc;
}

static uint32_t fitting_workers(const struct shards_job *job)
{
	uint64_t workers = job->workers ? job->workers : shards_crew_default();

	if (!job->in_streams && workers > job->file.stripes)
		workers = job->file.stripes;
	return (uint32_t)workers;
}

static int work(struct desk *d)
{
	struct shards_job *job = d->job;
	int rc = open_plane(d);

	watch_children();
	for (uint32_t i = 0; rc == 0 && i < job->workers; i++) {
		d->crew.count = i + 1;
		rc = shards_crew_start(&d->crew, i, job, d->me, d->error);
	}
	if (rc == 0)
		rc = direct(d);
	shards_crew_end(&d->crew);
	aether_participant_leave(d->me);
	aether_plane_detach(d->plane);
	return rc;
}

/* The stripes behind the end of every file. */
static void give_up(struct shards_job *job, uint64_t stripes)
{
	for (uint32_t i = 0; i < job->shards; i++)
		job->bad[i] += stripes;
	job->least = 0;
}

int shards_job_run(struct shards_job *job, struct aether_error *error)
{
	struct desk d = { .job = job, .error = error };
	int rc = shards_sums_open(job, error);

	job->workers = fitting_workers(job);
	job->given = job->done = job->rebuilt = 0;
	job->least = job->shards;
	if (!job->last)
		job->last = job->file.stripes;
	job->ended = !job->in_streams && !job->last;
	job->began = aether_clock_now();
	if (rc == 0 && !job->ended)
		rc = work(&d);
	if (rc == 0)
		rc = shards_sums_finish(job, error);
	if (rc == 0 && !job->in_streams && job->last < job->file.stripes)
		give_up(job, job->file.stripes - job->last);
	shards_sums_close(job);
	job->seconds = (double)(aether_clock_now() - job->began) / 1e9;
	return rc;
}
