/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals at any moment: participants that reserve, route, share, take and wait
 * while a handled signal hits them every few microseconds. Only a wait may
 * answer that it was interrupted; nothing is lost, nothing comes twice.
 */
#include "rig.h"

#define SIZE 16384
#define STRIDES 64
#define WORKERS 4
#define OPERATIONS (RIG_SLOW ? 6000 : 30000)
#define SIGNALS_LEAST 100
#define EPOCH 5
#define WAIT_MOST (2 * MS)

struct worker {
	struct aether_plane *plane;
	struct aether_participant *me;
	uint64_t held[STRIDES];
	uint32_t count;
	uint64_t seed;
	uint64_t interrupted;
};

struct shared {
	struct aether_word64 tenancies[WORKERS];
	struct aether_word64 signals[WORKERS];
	struct aether_word64 interrupted[WORKERS];
};

static struct shared *shared;
static struct aether_plane *plane;
static int self;

static void on_signal(int number)
{
	(void)number;
	ae_add64_relaxed(&shared->signals[self], 1);
}

/* Every so many microseconds, a little more or less. */
static void bombard(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = SIGUSR1 };
	struct itimerspec when = { .it_value = { .tv_nsec = 1000 } };
	timer_t timer;

	when.it_interval.tv_nsec = (RIG_SLOW ? 300000 : 47000) + 1000 * self;
	need(sigaction(SIGUSR1, &action, NULL) == 0);
	need(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	need(timer_settime(timer, 0, &when, NULL) == 0);
}

/* 1: such an answer must not be. */
static int odd(struct worker *w, int err, int waits, const char *call,
	       int other)
{
	if (err == 0 || err == other || (waits && err == AETHER_ETIMEDOUT))
		return 0;
	if (waits && err == AETHER_EINTR) {
		w->interrupted++;
		return 0;
	}
	printf("# %s answers %s\n", call, aether_error_name(err));
	fflush(stdout);
	return 1;
}

static uint64_t until(struct worker *w)
{
	return aether_clock_after(rig_random(&w->seed) % WAIT_MOST);
}

static int reserve(struct worker *w, int waits)
{
	uint64_t handle = 0;
	void *bytes;
	int err;

	if (w->count > STRIDES / WORKERS)
		return 0;
	err = waits ? aether_stride_reserve_until(w->me, until(w), &handle)
		    : aether_stride_reserve(w->me, &handle);
	if (err == AETHER_EAGAIN || err)
		return err == AETHER_EAGAIN
			       ? 0
			       : odd(w, err, waits, "reserve", AETHER_EFULL);
	if (aether_stride_bytes(w->me, handle, NULL, &bytes) < 0)
		return 1;
	memcpy(bytes, &handle, sizeof(handle));
	w->held[w->count++] = handle;
	return 0;
}

static int take(struct worker *w, int waits)
{
	uint64_t handle = 0, said = 0;
	void *bytes;
	int err;

	if (w->count == STRIDES)
		return 0;
	err = waits ? aether_route_take_until(w->me, until(w), &handle)
		    : aether_route_take(w->me, &handle);
	if (err)
		return odd(w, err, waits, "take", AETHER_EEMPTY);
	if (aether_stride_bytes(w->me, handle, NULL, &bytes) < 0)
		return 1;
	memcpy(&said, bytes, sizeof(said));
	if (said != handle) {
		printf("# lease %llx holds %llx\n", (unsigned long long)handle,
		       (unsigned long long)said);
		return 1;
	}
	w->held[w->count++] = handle;
	return 0;
}

static int send(struct worker *w, int waits, int shares)
{
	int who = (int)(rig_random(&w->seed) % WORKERS);
	uint64_t to = rig_told(&shared->tenancies[who]), handle;
	struct aether_stride_info info;
	int err;

	if (!w->count || who == self)
		return 0;
	handle = w->held[w->count - 1];
	if (aether_stride_query(w->plane, handle, &info) < 0)
		return 1;
	if (info.state == AETHER_STATE_SHARED) /* I only read it */
		return aether_stride_release(w->me, w->held[--w->count]) < 0;
	if (shares)
		err = aether_share(w->me, handle, &to, 1, NULL);
	else
		err = waits ? aether_route_until(w->me, handle, to, until(w))
			    : aether_route(w->me, handle, to);
	w->count -= err == 0;
	if (err == AETHER_EGONE) /* it has done its share of the work */
		return 0;
	return odd(w, err, waits, "route", AETHER_EBOX);
}

static int drop(struct worker *w)
{
	return w->count &&
	       aether_stride_release(w->me, w->held[--w->count]) < 0;
}

static int wait_for_epoch(struct worker *w)
{
	uint32_t value = 0;
	int err;

	if (aether_epoch_load(w->plane, EPOCH, &value) < 0)
		return 1;
	if (rig_random(&w->seed) % 2)
		return aether_epoch_signal(w->me, EPOCH) < 0;
	err = aether_epoch_wait(w->me, EPOCH, value, until(w), &value);
	return odd(w, err, 1, "epoch_wait", 0);
}

static int step(struct worker *w)
{
	int waits = rig_random(&w->seed) % 4 == 0;

	switch (rig_random(&w->seed) % 8) {
	case 0:
	case 1:
		return reserve(w, waits);
	case 2:
	case 3:
		return take(w, waits);
	case 4:
		return send(w, waits, 1);
	case 5:
	case 6:
		return send(w, waits, 0);
	default:
		return rig_random(&w->seed) % 4 ? drop(w) : wait_for_epoch(w);
	}
}

static int work(void *argument)
{
	static struct worker w;
	int bad = 0;

	self = *(int *)argument;
	w.seed = (uint64_t)self + 1;
	w.plane = rig_again(plane);
	w.me = rig_join(w.plane);
	rig_tell(&shared->tenancies[self], aether_participant_tenancy(w.me));
	for (int i = 0; i < WORKERS; i++)
		rig_await(&shared->tenancies[i], 1);
	bombard();
	for (int i = 0; i < OPERATIONS && !bad; i++)
		bad = step(&w);
	rig_tell(&shared->interrupted[self], w.interrupted);
	aether_participant_leave(w.me);
	return bad || aether_plane_detach(w.plane) < 0;
}

static void tests(void)
{
	uint64_t signals = 0, interrupted = 0;
	pid_t pids[WORKERS];
	int numbers[WORKERS];

	shared = rig_shared(sizeof(*shared));
	plane = rig_plane(STRIDES, SIZE, WORKERS);
	for (int i = 0; i < WORKERS; i++) {
		numbers[i] = i;
		pids[i] = rig_fork(work, &numbers[i]);
	}
	for (int i = 0; i < WORKERS; i++) {
		is_int(rig_wait(pids[i]), 0, "participant %d", i);
		signals += rig_told(&shared->signals[i]);
		interrupted += rig_told(&shared->interrupted[i]);
	}
	printf("# %llu signals, %llu waits interrupted\n",
	       (unsigned long long)signals, (unsigned long long)interrupted);
	ok(signals >= SIGNALS_LEAST, "there were signals");
	ok(interrupted > 0, "and waits that they ended");
	ok(rig_all_free(plane), "all strides are free");
	aether_plane_detach(plane);
}

int main(void)
{
	return rig_run(tests);
}
