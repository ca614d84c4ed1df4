/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A participant of chaos: one operation after the other, at random, until it
 * is killed or told to end. A doomed one sets a timer of the kernel's that
 * kills it some microseconds later, in the middle of what it does then: a kill
 * from outside mostly meets those who sleep.
 */
#include "chaos.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define BROAD 9 /* doublings of half a microsecond */
#define BRIEF (2 * CHAOS_US)
#define LONGER (8 * CHAOS_US) /* several rings */

/* Timers of the kernel's, by what they do. */
static struct {
	timer_t timer;
	int there;
} kills, halts;

static void make(const int number, timer_t *timer, int *there)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = number };

	*there = timer_create(CLOCK_MONOTONIC, &event, timer) == 0;
}

void chaos_work_init(void)
{
	make(SIGKILL, &kills.timer, &kills.there);
	make(SIGSTOP, &halts.timer, &halts.there);
}

/* As I was told: dies, or stops, at some instant of what comes now. */
void chaos_obey(struct chaos_worker *w)
{
	uint64_t command = w->order->command;
	uint64_t most = UINT64_C(512) << chaos_below(&w->seed, BROAD);
	struct itimerspec when = { .it_value = { .tv_sec = 0 } };

	if (command & CHAOS_GIVE) /* within that one call */
		most = w->shared->phase == CHAOS_FULL ? LONGER : BRIEF;
	w->orders = w->order->number;
	when.it_value.tv_nsec = (long)(200 + chaos_below(&w->seed, most));
	if ((command & CHAOS_DIE) && kills.there)
		timer_settime(kills.timer, 0, &when, NULL);
	if ((command & CHAOS_STOP) && halts.there)
		timer_settime(halts.timer, 0, &when, NULL);
}

static int is_told(const struct chaos_worker *w, enum chaos_command command)
{
	return w->orders != w->order->number &&
	       (w->order->command & (uint64_t)command);
}

void chaos_begin(struct chaos_worker *w, enum chaos_op op, uint64_t deadline)
{
	struct chaos_record *r = w->record;
	uint64_t now = aether_clock_now();

	w->stops = w->order->stops;
	r->began = now;
	r->op = op;
	r->until = (deadline > now ? deadline : now) + CHAOS_PATIENCE;
	r->beat++;
	r->operations++;
	if (w->orders != w->order->number && !is_told(w, CHAOS_GIVE))
		chaos_obey(w);
}

void chaos_over(struct chaos_worker *w, uint64_t deadline)
{
	uint64_t now = aether_clock_now();

	w->record->until = now + CHAOS_PATIENCE;
	if (deadline && now > deadline + CHAOS_PATIENCE &&
	    w->stops == w->order->stops)
		chaos_found(w, CHAOS_HUNG, 0,
			    "a wait returned %llu ms after its deadline",
			    (unsigned long long)((now - deadline) / CHAOS_MS));
}

void chaos_cannot(struct chaos_worker *w, int code, const char *text)
{
	struct chaos_record *r = w->record;

	if (w->shared->scribbled) {
		r->noticed++;
		_exit(0);
	}
	snprintf(r->error, sizeof(r->error), "participant %u: %s", w->self,
		 text);
	r->code = code;
	_exit(1);
}

static void content(struct chaos_worker *w, enum chaos_op op)
{
	enum chaos_hold hold = op == CHAOS_VERIFY && chaos_below(&w->seed, 2)
				       ? CHAOS_READ
				       : CHAOS_OWN;
	uint32_t at;

	if (!chaos_pick(w, hold, &at))
		return;
	chaos_begin(w, op, 0);
	chaos_lease_check(w, &w->held[at], 1);
	if (op == CHAOS_REWRITE)
		chaos_lease_write(w, &w->held[at]);
	chaos_over(w, 0);
}

/* The name of a lease that I ended opens nothing; nor does that of one which I
 * handed on, unless somebody shares it with me. */
static void stale(struct chaos_worker *w)
{
	uint32_t index = (uint32_t)chaos_below(&w->seed, w->strides);
	int over = w->least[index] == w->next[index], err;
	struct aether_stride_info info;
	uint64_t handle;
	void *bytes;

	if (!w->next[index] || w->mine[index])
		return;
	handle = AETHER_HANDLE_MAKE(index, w->tag, w->next[index] - 1);
	chaos_begin(w, CHAOS_STALE, 0);
	err = over && chaos_below(&w->seed, 2)
		      ? aether_stride_release(w->me, handle)
		      : aether_stride_bytes(w->me, handle, NULL, &bytes);
	chaos_over(w, 0);
	if (err == AETHER_ESTALE || err == AETHER_EOWNER)
		return;
	if (err < 0 || over ||
	    aether_stride_query(w->plane, handle, &info) < 0 ||
	    info.handle != handle || info.state != AETHER_STATE_SHARED)
		chaos_found(w, CHAOS_DOUBLE, handle,
			    "a lease that is not mine any more answers %s",
			    err < 0 ? aether_error_name(err) : "as if it were");
}

static void name_heir(struct chaos_worker *w)
{
	uint64_t heir = chaos_somebody(w);
	int err;

	chaos_begin(w, CHAOS_HEIR, 0);
	err = aether_participant_heir(w->me, heir);
	chaos_over(w, 0);
	if (err < 0 && err != AETHER_EGONE && err != AETHER_EBOX)
		chaos_unheard(w, err, 0, "heir");
}

static void set_route(struct chaos_worker *w)
{
	uint32_t depth = (uint32_t)chaos_below(&w->seed, 24);
	uint64_t to = chaos_somebody(w);
	int err;

	if (!to)
		return;
	chaos_begin(w, CHAOS_POLICY, 0);
	err = aether_route_set(w->me, to, depth < 8 ? 0 : depth,
			       (uint32_t)chaos_below(&w->seed, 3));
	chaos_over(w, 0);
	if (err < 0 && err != AETHER_EGONE)
		chaos_unheard(w, err, 0, "route_set");
}

static void reap(struct chaos_worker *w)
{
	int err;

	chaos_begin(w, CHAOS_REAP, 0);
	err = aether_reap(w->me, NULL);
	chaos_over(w, 0);
	if (err < 0)
		chaos_unheard(w, err, 0, "reap");
}

static void perform(struct chaos_worker *w, enum chaos_op op)
{
	switch (op) {
	case CHAOS_RESERVE:
	case CHAOS_RESERVE_UNTIL:
		if (w->count < w->greed)
			chaos_reserve(
				w, op == CHAOS_RESERVE ? 0 : chaos_deadline(w));
		return;
	case CHAOS_RESERVE_RUN:
		chaos_reserve_run(w);
		return;
	case CHAOS_RELEASE:
		chaos_release(w);
		return;
	case CHAOS_ROUTE:
	case CHAOS_ROUTE_UNTIL:
		chaos_route(w, op == CHAOS_ROUTE ? 0 : chaos_deadline(w));
		return;
	case CHAOS_TAKE:
	case CHAOS_TAKE_UNTIL:
		chaos_take(w, op == CHAOS_TAKE ? 0 : chaos_deadline(w));
		return;
	case CHAOS_SHARE:
		chaos_share(w);
		return;
	case CHAOS_REWRITE:
	case CHAOS_VERIFY:
		content(w, op);
		return;
	case CHAOS_STALE:
		stale(w);
		return;
	case CHAOS_MAIL:
		chaos_mail(w);
		return;
	case CHAOS_POLICY:
		set_route(w);
		return;
	case CHAOS_HEIR:
		name_heir(w);
		return;
	case CHAOS_REJOIN:
		chaos_rejoin(w);
		return;
	default:
		reap(w);
	}
}

void chaos_step(struct chaos_worker *w)
{
	uint64_t chance;
	uint32_t op = 0;

	if (w->shared->scribbled && chaos_below(&w->seed, 4) == 0) {
		chaos_words(w);
		return;
	}
	if (is_told(w, CHAOS_REAP_NEXT)) {
		reap(w);
		return;
	}
	if (w->count > w->strides / 2) {
		chaos_release(w); /* mail may be more than one wanted */
		return;
	}
	chance = chaos_below(&w->seed, w->weight);
	while (chance >= w->weights[op])
		chance -= w->weights[op++];
	perform(w, (enum chaos_op)op);
}
