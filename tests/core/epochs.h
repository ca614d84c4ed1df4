/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of epochs share: a plane, participants that always park, and
 * threads that wait for something once.
 */
#ifndef EPOCHS_H
#define EPOCHS_H

#include <pthread.h>
#include "rig.h"

#define COUNTER AETHER_INOS_IDX_SENSOR_EPOCH
#define OTHER AETHER_INOS_IDX_ACTOR_EPOCH
#define HANG (60 * SECOND)

static struct aether_plane *plane;

static inline void begin(const char *layout)
{
	struct aether_plane_options options = { .layout = layout,
						.strides = 8,
						.participants = 16 };
	struct aether_error error = { .code = 0 };

	plane = NULL;
	if (aether_plane_create(NULL, &options, &error, &plane) < 0)
		printf("# %s\n", error.text);
	need(plane);
}

static inline void finish(void)
{
	need(aether_plane_detach(plane) == 0);
}

static inline struct aether_participant *join(uint64_t spin)
{
	struct aether_participant_options options = { .spin = spin };

	return rig_join_with(plane, &options);
}

static inline uint32_t value_of(uint64_t epoch)
{
	uint32_t value = 0;

	need(aether_epoch_load(plane, epoch, &value) == 0);
	return value;
}

static inline uint64_t hang(void)
{
	return aether_clock_after(HANG);
}

/* A thread that waits for something of its own. */
struct waiter {
	pthread_t thread;
	struct aether_participant *me;
	int (*wait)(struct aether_participant *me);
	int err;
};

static inline void *wait_once(void *argument)
{
	struct waiter *w = argument;

	w->err = w->wait(w->me);
	return NULL;
}

/* Until it has announced itself, or more: a wake from then on must do. */
static inline void start_waiter(struct waiter *w, uint64_t spin)
{
	w->me = join(spin);
	need(pthread_create(&w->thread, NULL, wait_once, w) == 0);
	while (spin == 1 && !ae_load64_relaxed(&w->me->seat->waits))
		rig_sleep(MS / 10);
}

static inline int end_waiter(struct waiter *w)
{
	pthread_join(w->thread, NULL);
	aether_participant_leave(w->me);
	return w->err;
}

static inline int wait_counter(struct aether_participant *me)
{
	uint32_t value = 0;
	int err = aether_epoch_wait(me, COUNTER, value_of(COUNTER), hang(),
				    &value);

	return err;
}

static inline int wait_flag(struct aether_participant *me)
{
	uint32_t value = 0;

	return aether_epoch_wait(me, AETHER_INOS_IDX_KERNEL_READY, 0, hang(),
				 &value);
}

static inline int wait_several(struct aether_participant *me)
{
	struct aether_epoch_watch w[3] = { { COUNTER, value_of(COUNTER), 0 },
					   { OTHER, value_of(OTHER), 0 },
					   { 255, value_of(255), 0 } };
	uint32_t which = 0;

	return aether_epoch_wait_any(me, w, 3, hang(), &which);
}

#endif
