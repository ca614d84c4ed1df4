/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a participant of chaos begins and ends: it attaches by the plane's
 * descriptor, joins in a role and with habits of its own, comes to rest when it
 * is told to, and looks at all that it has before it leaves. It dies with its
 * supervisor.
 */
#include "chaos.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define ROLES 8
#define NAP_NS 1000000
#define LOOKS 16 /* for mail, before it is lost */

static struct chaos_worker worker; /* large */

static void on_signal(int number)
{
	(void)number; /* it interrupts what waits, no more */
}

static void nap(void)
{
	struct timespec t = { .tv_nsec = NAP_NS };

	nanosleep(&t, NULL);
}

static void doze(struct chaos_worker *w)
{
	chaos_begin(w, CHAOS_REST, 0);
	nap();
}

static void attach(struct chaos_worker *w, const struct aether_plane *plane)
{
	struct aether_error error = { .code = 0 };
	struct aether_plane_info info;

	chaos_begin(w, CHAOS_ATTACH, 0);
	if (aether_plane_reattach(plane, NULL, &error, &w->plane) < 0)
		chaos_cannot(w, error.code, error.text);
	chaos_over(w, 0);
	aether_plane_look(w->plane, &info);
	w->slots = info.geometry.participants;
	w->strides = info.geometry.strides;
	w->size = info.geometry.stride_size;
	w->tag = info.tag;
	w->zero = (info.flags & AETHER_FLAG_ZERO) != 0;
}

/* Slots are as many as participants: one is free, or a dead one's. It may be
 * taken for a moment by somebody who comes or goes. */
static void join(struct chaos_worker *w, uint32_t role)
{
	uint64_t end = aether_clock_after(CHAOS_PATIENCE);
	struct aether_participant_options options = { .role = role };
	struct aether_error error = { .code = 0 };
	char name[AETHER_PARTICIPANT_NAME_MAX + 1];
	int err;

	snprintf(name, sizeof(name), "chaos-%u", w->self);
	options.name = name;
	options.unwatched = !w->patient && chaos_below(&w->seed, 4) == 0;
	options.spin = chaos_below(&w->seed, 3) ? 0 : 1;
	chaos_begin(w, CHAOS_JOIN, end);
	while ((err = aether_participant_join(w->plane, &options, &error,
					      &w->me)) == AETHER_ESEATS &&
	       aether_clock_now() < end)
		nap();
	chaos_over(w, 0);
	if (err == AETHER_ESEATS) {
		chaos_found(w, CHAOS_LOST, 0,
			    "no slot, though not all are taken by the living");
		_exit(0);
	}
	if (err < 0)
		chaos_cannot(w, err, error.text);
	w->tenancy = aether_participant_tenancy(w->me);
	w->record->tenancy = w->tenancy;
}

static void leave(struct chaos_worker *w)
{
	for (uint32_t i = 0; i < w->count; i++)
		chaos_lease_check(w, &w->held[i], 1);
	w->record->tenancy = 0;
	chaos_begin(w, CHAOS_LEAVE, 0);
	aether_participant_leave(w->me);
	chaos_over(w, 0);
	w->count = 0;
	memset(w->mine, 0, sizeof(w->mine));
}

void chaos_rejoin(struct chaos_worker *w)
{
	leave(w);
	join(w, (uint32_t)chaos_below(&w->seed, ROLES));
}

/* On its way to me, by the word itself; its handle, or 0. */
static uint64_t is_coming(const struct chaos_worker *w, uint32_t index)
{
	uint64_t stamp = AETHER_TENANCY_STAMP(w->tenancy);
	struct aether_stride_info info;

	if (w->mine[index] ||
	    aether_registry_look(w->plane, index, &info) < 0 ||
	    (info.state != AETHER_STATE_ROUTED &&
	     info.state != AETHER_STATE_SUSPECT) ||
	    info.slot != AETHER_TENANCY_SLOT(w->tenancy) ||
	    info.stamp != (stamp & AETHER_LEASE_STAMP_MASK))
		return 0;
	return info.handle;
}

/*
 * What is on its way to me has its entry in my mailbox, and so it must come.
 * Looked at again and again: a route that withdraws its oldest may have had it
 * for a moment, and put it back on its way.
 */
void chaos_mail(struct chaos_worker *w)
{
	static uint64_t coming[CHAOS_STRIDES_MAX];
	uint32_t i, look, late = 1;

	for (i = 0; i < w->strides; i++)
		coming[i] = is_coming(w, i);
	for (look = 0; late && look < LOOKS; look++) {
		if (!chaos_take_all(w))
			return;
		late = 0;
		for (i = 0; i < w->strides; i++) {
			if (coming[i] && coming[i] != is_coming(w, i))
				coming[i] = 0;
			late += coming[i] != 0;
		}
	}
	for (i = 0; i < w->strides; i++)
		if (coming[i])
			chaos_found(w, CHAOS_LOST, coming[i],
				    "on its way to me, but not in my mailbox");
}

/* What it likes to do, how much it wants, how long it waits. */
static void get_habits(struct chaos_worker *w)
{
	static const uint64_t weights[] = {
#define WEIGHT(name, text, weight) weight,
		CHAOS_OPS(WEIGHT)
#undef WEIGHT
	};

	w->greed = 2u << chaos_below(&w->seed, 6);
	w->patient = chaos_is_patient(w->self);
	for (uint32_t i = 0; i < CHAOS_OP_COUNT; i++) {
		w->weights[i] = weights[i] * (1 + chaos_below(&w->seed, 4));
		w->weight += w->weights[i];
	}
}

static int is_full(const struct chaos_worker *w)
{
	struct aether_registry_counts counts;

	aether_registry_count(w->plane, &counts);
	return counts.states[AETHER_STATE_DORMANT] == 0;
}

/* All who sleep have begun to. */
static int all_sleep(const struct chaos_worker *w)
{
	for (uint32_t i = 0; i < w->slots; i++)
		if (chaos_is_patient(i) &&
		    w->shared->records[i].rested != w->shared->step)
			return 0;
	return 1;
}

/* For a plane that is full: sleepers give back what they have, the others take
 * all there is until those sleep. 0: it is not full yet. */
static int fill_up(struct chaos_worker *w)
{
	if (w->record->rested == w->shared->step)
		return 1;
	while (w->patient && w->count)
		chaos_release(w);
	if (w->patient)
		return is_full(w);
	chaos_hoard(w);
	return all_sleep(w);
}

/* Begins nothing of its own. Some sleep until what they wait for comes, the
 * others give it to them when they are told to. */
static void rest(struct chaos_worker *w, int space)
{
	uint64_t step = w->shared->step;

	chaos_take_all(w);
	if (space && !fill_up(w)) {
		doze(w);
		return;
	}
	if ((w->order->command & CHAOS_GIVE) && w->orders != w->order->number)
		chaos_give(w, space);
	w->record->rested = step;
	if (w->patient && w->slept != step) {
		w->slept = step;
		chaos_sleep(w, space);
	} else {
		doze(w);
	}
}

static void be_born(struct chaos_worker *w, struct chaos_shared *shared,
		    uint32_t self, uint64_t seed)
{
	struct sigaction action = { .sa_handler = on_signal };
	pid_t parent = getppid();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (parent != shared->supervisor || getppid() != parent)
		_exit(1); /* it died before that */
	sigaction(SIGUSR1, &action, NULL);
	w->shared = shared;
	w->order = &shared->orders[self];
	w->record = &shared->records[self];
	w->self = self;
	w->seed = seed;
	chaos_work_init();
}

void chaos_live(struct chaos_shared *shared, uint32_t self,
		const struct aether_plane *plane, uint64_t seed)
{
	struct chaos_worker *w = &worker;

	be_born(w, shared, self, seed);
	get_habits(w);
	attach(w, plane);
	join(w, (uint32_t)chaos_below(&w->seed, ROLES));
	while (shared->phase != CHAOS_END) {
		if (shared->phase == CHAOS_WORK)
			chaos_step(w);
		else
			rest(w, shared->phase == CHAOS_FULL);
	}
	chaos_mail(w);
	leave(w);
	if (aether_plane_detach(w->plane) < 0)
		chaos_found(w, CHAOS_LOST, 0,
			    "cannot detach: nobody of mine is there");
	_exit(0);
}

void chaos_settle(struct chaos_shared *shared, const struct aether_plane *plane)
{
	struct chaos_worker *w = &worker;

	be_born(w, shared, 0, 0);
	attach(w, plane);
	join(w, AETHER_ROLE_SYSTEM);
	leave(w);
	aether_plane_detach(w->plane);
	_exit(0);
}
