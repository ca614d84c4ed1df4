/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plane's size costs: nothing, is the promise. In a plane of which all
 * but four strides are held one reserves two of them, so that it has to look
 * for a free one, routes one to oneself, takes it, and releases both.
 *
 * flat-strides-N: in a plane of N strides; baseline: in one of 64, in turns.
 *
 * flat-participants-N: in a plane where N have joined, the others idle in
 * another process; baseline: in a plane that is alike, alone.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

#define TURNS 20000
#define FREE 4
#define STRIDE_SIZE (32 * 1024) /* with it 64 participants fit */
#define STRIDES_BASE 64
#define PARTICIPANTS_MAX 64

/* A plane, and who hands to himself in it. */
struct scene {
	struct aether_plane *plane;
	struct aether_participant *me;
};

static int enter(struct scene *s, uint32_t strides)
{
	struct aether_plane_options options = { .strides = strides,
						.stride_size = STRIDE_SIZE };
	uint64_t handle;
	int err = aether_plane_create(NULL, &options, NULL, &s->plane);

	if (err == 0)
		err = aether_participant_join(s->plane, NULL, NULL, &s->me);
	for (uint32_t i = FREE; err == 0 && i < strides; i++)
		err = aether_stride_reserve(s->me, &handle);
	return err < 0 ? bench_fail("cannot make a plane", err) : 0;
}

static void leave(struct scene *s)
{
	aether_participant_leave(s->me);
	aether_plane_detach(s->plane);
}

/* Nanoseconds of a turn. */
static double batch(const struct scene *s, int *err)
{
	uint64_t self = aether_participant_tenancy(s->me), handle, other;
	double start = bench_now();

	for (int i = 0; i < TURNS && *err == 0; i++) {
		*err = aether_stride_reserve(s->me, &handle);
		if (*err == 0)
			*err = aether_stride_reserve(s->me, &other);
		if (*err == 0)
			*err = aether_route(s->me, handle, self);
		if (*err == 0)
			*err = aether_route_take(s->me, &handle);
		if (*err == 0)
			*err = aether_stride_release(s->me, other);
		if (*err == 0)
			*err = aether_stride_release(s->me, handle);
	}
	return (bench_now() - start) / TURNS;
}

static int compare(struct bench_row *row, const struct scene *thing,
		   const struct scene *base)
{
	static double values[BENCH_ROUNDS], baselines[BENCH_ROUNDS];
	int rounds = bench_rounds();
	int err = bench_pin(0);

	for (int i = 0; err == 0 && i < rounds; i++) {
		baselines[i] = batch(base, &err);
		if (err == 0)
			values[i] = batch(thing, &err);
	}
	if (err < 0)
		return bench_fail(row->name, err);
	bench_compare(row, values, baselines, (size_t)rounds);
	row->p50 = row->value;
	return 0;
}

static uint32_t number_of(const char *name)
{
	return (uint32_t)strtoul(strrchr(name, '-') + 1, NULL, 10);
}

int bench_flat_strides(struct bench_row *row)
{
	struct scene thing = { 0 }, base = { 0 };
	int err = enter(&thing, number_of(row->name));

	if (err == 0)
		err = enter(&base, STRIDES_BASE);
	if (err == 0)
		err = compare(row, &thing, &base);
	leave(&base);
	leave(&thing);
	return err;
}

/* The others: they join, say so, and idle until they are killed. */
static void idle(int plane_fd, uint32_t count, int say)
{
	struct aether_participant *one;
	struct aether_plane *plane;
	int err = aether_plane_attach_fd(plane_fd, 0, NULL, &plane);

	for (uint32_t i = 0; err == 0 && i < count; i++)
		err = aether_participant_join(plane, NULL, NULL, &one);
	if (write(say, &err, sizeof(err)) == sizeof(err))
		pause();
	_exit(1);
}

/* Starts the others. Negative: an error. */
static pid_t start_idle(int plane_fd, uint32_t count)
{
	int ends[2], err = AETHER_ESTAGE;
	pid_t child;

	if (pipe(ends) < 0)
		return AETHER_ESYS;
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		idle(plane_fd, count, ends[1]);
	}
	close(ends[1]);
	if (child > 0 && read(ends[0], &err, sizeof(err)) != sizeof(err))
		err = AETHER_ESTAGE;
	close(ends[0]);
	if (child > 0 && err < 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return err < 0 ? err : child;
}

int bench_flat_participants(struct bench_row *row)
{
	struct scene thing = { 0 }, base = { 0 };
	pid_t others = 0;
	int err = enter(&thing, PARTICIPANTS_MAX);

	if (err == 0)
		err = enter(&base, PARTICIPANTS_MAX);
	if (err == 0)
		others = start_idle(aether_plane_fd(thing.plane),
				    number_of(row->name) - 1);
	if (others < 0)
		err = bench_fail("the others cannot join", others);
	if (err == 0)
		err = compare(row, &thing, &base);
	if (others > 0) {
		kill(others, SIGKILL);
		waitpid(others, NULL, 0);
	}
	leave(&base);
	leave(&thing);
	return err;
}
