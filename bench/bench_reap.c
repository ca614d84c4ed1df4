/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reap: from SIGKILL until the strides of the killed can be reserved by
 * another, while the plane is busy: the killed holds, and has touched, 128 MiB
 * of strides. Baseline: the time the kernel needs to drop the lock of a process
 * that has the same memory mapped and touched, in turns with it. What is left
 * of the difference is Aether's: noticing, settling, waking.
 *
 * parked: the processor time that a process with a participant takes that waits
 * for mail, its watch included, of one processor's.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "ae_atomic.h"
#include "bench.h"

#define TOUCHED (128u << 20)
#define STRIDES (TOUCHED / AETHER_STRIDE_SIZE_DEFAULT)
#define SPARE 1 /* for who keeps the plane busy */
#define PARKED_NS 3000000000u
#define ROUNDS_LEAST 20 /* below that a p99 says nothing */

/* What the processes of a measurement share. */
struct scene {
	struct aether_word32 ready; /* 1: the victim has all; 2: it failed */
	struct aether_word32 over;
	int plane; /* descriptors */
	int memory;
	int lock;
};

static void say_ready(struct scene *scene, int err)
{
	ae_store32_seq_cst(&scene->ready, err < 0 ? 2 : 1);
}

static void lock_byte(int fd, int kind, int wait)
{
	struct flock lock = { .l_type = (short)kind, .l_len = 1 };

	fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
}

/* The bare one: a mapping, all of it touched, and a lock. */
static void hold_lock(struct scene *scene)
{
	char path[64];
	void *bytes = mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE, MAP_SHARED,
			   scene->memory, 0);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", scene->lock);
	lock_byte(open(path, O_RDWR | O_CLOEXEC), F_WRLCK, 0);
	if (bytes != MAP_FAILED)
		memset(bytes, 1, TOUCHED);
	say_ready(scene, bytes == MAP_FAILED ? AETHER_ENOMEM : 0);
	for (;;)
		pause();
}

static int join(int fd, struct aether_plane **plane,
		struct aether_participant **me)
{
	int err = aether_plane_attach_fd(fd, 0, NULL, plane);

	return err < 0 ? err : aether_participant_join(*plane, NULL, NULL, me);
}

/* The participant: as many strides, all of them touched. */
static void hold_strides(struct scene *scene)
{
	struct aether_participant *me;
	struct aether_plane *plane;
	uint64_t handle;
	void *bytes;
	size_t size;
	int err = join(scene->plane, &plane, &me);

	for (uint32_t i = 0; err == 0 && i < STRIDES; i++) {
		err = aether_stride_reserve(me, &handle);
		if (err == 0)
			err = aether_stride_bytes(me, handle, &size, &bytes);
		if (err == 0)
			memset(bytes, 1, size);
	}
	say_ready(scene, err);
	for (;;)
		pause();
}

static void keep_busy(struct scene *scene)
{
	struct aether_participant *me;
	struct aether_plane *plane;
	uint64_t handle;
	int err = join(scene->plane, &plane, &me);

	say_ready(scene, err);
	if (err == 0)
		err = aether_stride_reserve(me, &handle);
	while (err == 0 && !ae_load32_relaxed(&scene->over)) {
		err = aether_route(me, handle, aether_participant_tenancy(me));
		if (err == 0)
			err = aether_route_take(me, &handle);
	}
	_exit(err < 0);
}

/* Starts one and waits until it says that it has what it should. */
static pid_t start(struct scene *scene, void (*play)(struct scene *))
{
	pid_t child;

	ae_store32_seq_cst(&scene->ready, 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		play(scene);
		_exit(1);
	}
	while (child > 0 && !ae_load32_acquire(&scene->ready) &&
	       waitpid(child, NULL, WNOHANG) == 0)
		usleep(500);
	return ae_load32_acquire(&scene->ready) == 1 ? child : -1;
}

static double drop_lock(struct scene *scene)
{
	pid_t victim = start(scene, hold_lock);
	double begin = bench_now(), end;

	if (victim < 0)
		return -1;
	kill(victim, SIGKILL);
	lock_byte(scene->lock, F_WRLCK, 1);
	end = bench_now();
	lock_byte(scene->lock, F_UNLCK, 0);
	waitpid(victim, NULL, 0);
	return end - begin;
}

static double reap(struct scene *scene, struct aether_participant *me)
{
	static uint64_t handles[STRIDES];
	pid_t victim = start(scene, hold_strides);
	double begin = bench_now(), end;
	uint32_t n = 0;

	if (victim < 0)
		return -1;
	kill(victim, SIGKILL);
	while (n < STRIDES && aether_stride_reserve_until(me, AETHER_FOREVER,
							  &handles[n]) == 0)
		n++;
	end = bench_now();
	waitpid(victim, NULL, 0);
	while (n)
		aether_stride_release(me, handles[--n]);
	return end - begin;
}

static int measure(struct scene *scene, struct aether_participant *me,
		   struct bench_row *row)
{
	static double values[BENCH_ROUNDS], baselines[BENCH_ROUNDS];
	int rounds = bench_rounds();
	double end = bench_now() + BENCH_SECONDS * 1e9;

	for (int i = 0; i < rounds; i++) {
		if (i >= ROUNDS_LEAST && bench_now() > end)
			rounds = i; /* a slow machine: what there is counts */
		if (i == rounds)
			break;
		baselines[i] = drop_lock(scene) / 1e6;
		values[i] = reap(scene, me) / 1e6;
		if (baselines[i] < 0 || values[i] < 0)
			return AETHER_ESTAGE;
	}
	bench_compare(row, values, baselines, (size_t)rounds);
	row->p50 = row->value;
	row->p99 = bench_quantile(values + 1, (size_t)rounds - 1, 0.99);
	row->baseline_p99 = bench_quantile(baselines + 1, (size_t)rounds - 1,
					   0.99);
	return 0;
}

int bench_reap(struct bench_row *row)
{
	struct aether_plane_options options = { .strides = STRIDES + SPARE };
	struct aether_participant *me = NULL;
	struct aether_plane *plane;
	struct scene *scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int err = aether_plane_create(NULL, &options, NULL, &plane);
	pid_t busy = -1;

	if (err < 0 || scene == MAP_FAILED)
		return bench_fail("cannot create a plane", err);
	scene->plane = aether_plane_fd(plane);
	scene->memory = memfd_create("bench", MFD_CLOEXEC);
	scene->lock = memfd_create("bench-lock", MFD_CLOEXEC);
	if (scene->memory < 0 || scene->lock < 0 ||
	    ftruncate(scene->memory, TOUCHED) < 0)
		err = AETHER_ESYS;
	if (err == 0)
		err = aether_participant_join(plane, NULL, NULL, &me);
	if (err == 0)
		busy = start(scene, keep_busy);
	if (err == 0)
		err = busy < 0 ? AETHER_ESTAGE : measure(scene, me, row);
	ae_store32_seq_cst(&scene->over, 1);
	if (busy > 0)
		waitpid(busy, NULL, 0);
	aether_participant_leave(me);
	aether_plane_detach(plane);
	close(scene->memory);
	close(scene->lock);
	munmap(scene, sizeof(*scene));
	return err < 0 ? bench_fail(row->name, err) : 0;
}

static double processor_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Another process that has joined. */
static void be_there(struct scene *scene)
{
	struct aether_participant *me;
	struct aether_plane *plane;

	say_ready(scene, join(scene->plane, &plane, &me));
	for (;;)
		pause();
}

/* Processor time, in % of one processor, while parked. Negative: an error. */
static double park(struct aether_participant *me)
{
	double from = processor_time(), begin = bench_now();
	uint64_t handle;
	int err = aether_route_take_until(me, aether_clock_after(PARKED_NS),
					  &handle);

	if (err != AETHER_ETIMEDOUT)
		return err;
	return (processor_time() - from) / (bench_now() - begin) * 100;
}

int bench_parked(struct bench_row *row)
{
	struct scene *scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct aether_participant *me = NULL;
	struct aether_plane *plane;
	pid_t others[3] = { -1, -1, -1 };
	int err = aether_plane_create(NULL, NULL, NULL, &plane);

	if (err < 0 || scene == MAP_FAILED)
		return bench_fail("cannot create a plane", err);
	scene->plane = aether_plane_fd(plane);
	for (int i = 0; i < 3; i++)
		others[i] = start(scene, be_there);
	err = aether_participant_join(plane, NULL, NULL, &me);
	row->value = err < 0 ? err : park(me);
	row->baseline_value = 100;
	row->ratio = row->value / 100;
	for (int i = 0; i < 3; i++) {
		if (others[i] > 0) {
			kill(others[i], SIGKILL);
			waitpid(others[i], NULL, 0);
		}
	}
	aether_participant_leave(me);
	aether_plane_detach(plane);
	munmap(scene, sizeof(*scene));
	return row->value < 0 ? bench_fail(row->name, AETHER_ESTAGE) : 0;
}
