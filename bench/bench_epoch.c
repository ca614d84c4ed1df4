/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signal: a signal that nobody waits for. Baseline: an atomic add to a word of
 * one's own.
 *
 * wake, fanout: from before a signal until the last of those who are parked on
 * the epoch, each a process, has come back from its wait: one on another
 * processor, 16 on any. Baseline: a bare futex word, added to, woken, and
 * waited on in the same processes, in turns with it.
 *
 * wake-spin: one way between two who spin for each other's epoch. Baseline: a
 * bare word in a line each, in the same processes.
 */
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "ae_atomic.h"
#include "bench.h"

/* Signalled freely in the layout lean. */
#define EPOCH (AETHER_IDX_PANIC_STATE + 1)
#define ANSWER (AETHER_EPOCHS - 1) /* in another line */
#define SIGNALS 20000
#define WAKES 20
#define TRIPS 4000
#define CROWD 16
#define POLL 30000 /* ns */
#define LIE_DOWN 200000

struct meeting {
	_Alignas(128) struct aether_word32 word;
	_Alignas(128) struct aether_word32 answer;
	_Alignas(128) struct aether_word32 ready; /* about to wait, in all */
	struct aether_word32 done;                /* came back, in all */
	_Alignas(128) double when[CROWD];
};

struct side {
	struct meeting *meeting;
	struct aether_plane *plane;
	struct aether_participant *me;
	uint32_t count; /* of those who wait */
	uint32_t turn;  /* wakes so far */
};

static void nap(long ns)
{
	struct timespec t = { .tv_nsec = ns };

	nanosleep(&t, NULL);
}

static int join(struct side *s, int fd, uint64_t spin)
{
	struct aether_participant_options options = { .spin = spin };
	int err = aether_plane_attach_fd(fd, 0, NULL, &s->plane);

	return err < 0 ? err
		       : aether_participant_join(s->plane, &options, NULL,
						 &s->me);
}

static void leave(struct side *s)
{
	aether_participant_leave(s->me);
	aether_plane_detach(s->plane);
}

static int make_plane(struct aether_plane **plane)
{
	return aether_plane_create(NULL, NULL, NULL, plane);
}

/* Who waits: for the bare word and for the epoch in turns, as the other does.*/
static int bare_wait(struct side *s, uint32_t seen)
{
	struct aether_word32 *word = &s->meeting->word;

	while (ae_load32_seq_cst(word) == seen)
		syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
	return 0;
}

static int epoch_wait(struct side *s, uint32_t seen)
{
	uint32_t value;

	return aether_epoch_wait(s->me, EPOCH, seen, AETHER_FOREVER, &value);
}

static int wait_often(struct side *s, int who,
		      int (*wait)(struct side *s, uint32_t seen))
{
	int err = 0;

	for (uint32_t i = 0; err == 0 && i < WAKES; i++) {
		ae_add32_seq_cst(&s->meeting->ready, 1);
		err = wait(s, s->turn + i);
		s->meeting->when[who] = bench_now();
		ae_add32_seq_cst(&s->meeting->done, 1);
	}
	return err;
}

__attribute__((noreturn)) static void waiter(struct side *s, int fd, int who)
{
	int err = s->count == 1 ? bench_pin(1) : 0;

	if (err == 0)
		err = join(s, fd, 1);
	for (int round = 0; err == 0 && round < bench_rounds(); round++) {
		err = wait_often(s, who, bare_wait);
		if (err == 0)
			err = wait_often(s, who, epoch_wait);
		s->turn += WAKES;
	}
	leave(s);
	_exit(err < 0);
}

static int bare_wake(struct side *s)
{
	ae_add32_seq_cst(&s->meeting->word, 1);
	syscall(SYS_futex, &s->meeting->word, FUTEX_WAKE, INT_MAX, NULL, NULL,
		0);
	return 0;
}

static int epoch_wake(struct side *s)
{
	return aether_epoch_signal(s->me, EPOCH);
}

/* The median of so many wakes, each until the last one is awake. */
static double wake_often(struct side *s, double *all,
			 int (*wake)(struct side *s))
{
	struct meeting *m = s->meeting;
	double sorted[WAKES];

	for (int i = 0; i < WAKES; i++) {
		double start, end = 0;

		s->turn += s->count;
		while (ae_load32_seq_cst(&m->ready) != s->turn)
			nap(POLL);
		nap(LIE_DOWN);
		start = bench_now();
		wake(s);
		while (ae_load32_seq_cst(&m->done) != s->turn)
			nap(POLL);
		for (uint32_t w = 0; w < s->count; w++)
			end = m->when[w] > end ? m->when[w] : end;
		all[i] = sorted[i] = end - start;
	}
	return bench_quantile(sorted, WAKES, 0.5);
}

static int wake_all(struct side *s, int fd, struct bench_row *row)
{
	static double values[BENCH_ROUNDS], bases[BENCH_ROUNDS];
	static double all[2][BENCH_ROUNDS * WAKES];
	int rounds = bench_rounds();
	size_t n = (size_t)(rounds - 1) * WAKES;
	int err = join(s, fd, 1);

	for (int i = 0; err == 0 && i < rounds; i++) {
		bases[i] = wake_often(s, all[0] + i * WAKES, bare_wake);
		values[i] = wake_often(s, all[1] + i * WAKES, epoch_wake);
	}
	leave(s);
	if (err < 0)
		return err;
	bench_compare(row, values, bases, (size_t)rounds);
	row->p50 = bench_quantile(all[1] + WAKES, n, 0.5);
	row->p99 = bench_quantile(all[1] + WAKES, n, 0.99);
	row->baseline_p99 = bench_quantile(all[0] + WAKES, n, 0.99);
	return 0;
}

/* The one who answers at once, by the bare word and by an epoch in turns. */
__attribute__((noreturn)) static void answer(struct side *s, int fd)
{
	struct meeting *m = s->meeting;
	uint32_t turn = 0, value = 0;
	int err = bench_pin(1);

	if (err == 0)
		err = join(s, fd, AETHER_FOREVER);
	ae_store32_seq_cst(&m->ready, 1);
	for (int round = 0; err == 0 && round < bench_rounds(); round++) {
		for (uint32_t i = 0; i < TRIPS; i++) {
			while (ae_load32_acquire(&m->word) == turn + i)
				ae_pause();
			ae_add32_release(&m->answer, 1);
		}
		for (uint32_t i = 0; err == 0 && i < TRIPS; i++) {
			err = aether_epoch_wait(s->me, EPOCH, turn + i,
						AETHER_FOREVER, &value);
			aether_epoch_signal(s->me, ANSWER);
		}
		turn += TRIPS;
	}
	leave(s);
	_exit(err < 0);
}

static double bare_trips(struct side *s)
{
	struct meeting *m = s->meeting;
	double start = bench_now();

	for (uint32_t i = 0; i < TRIPS; i++) {
		ae_add32_release(&m->word, 1);
		while (ae_load32_acquire(&m->answer) == s->turn + i)
			ae_pause();
	}
	return (bench_now() - start) / (2.0 * TRIPS);
}

static double epoch_trips(struct side *s, int *err)
{
	double start = bench_now();
	uint32_t value;

	for (uint32_t i = 0; *err == 0 && i < TRIPS; i++) {
		aether_epoch_signal(s->me, EPOCH);
		*err = aether_epoch_wait(s->me, ANSWER, s->turn + i,
					 AETHER_FOREVER, &value);
	}
	return (bench_now() - start) / (2.0 * TRIPS);
}

static int trips(struct side *s, int fd, struct bench_row *row)
{
	static double values[BENCH_ROUNDS], bases[BENCH_ROUNDS];
	int err = join(s, fd, AETHER_FOREVER);

	while (err == 0 && !ae_load32_seq_cst(&s->meeting->ready))
		nap(POLL);
	for (int i = 0; err == 0 && i < bench_rounds(); i++) {
		bases[i] = bare_trips(s);
		values[i] = epoch_trips(s, &err);
		s->turn += TRIPS;
	}
	leave(s);
	if (err == 0)
		bench_compare(row, values, bases, (size_t)bench_rounds());
	return err;
}

/* Starts the others, `count` waiters or, 0, one who answers; then asks. */
static int meet(uint32_t count, struct bench_row *row)
{
	struct side s = { .count = count };
	struct aether_plane *plane;
	static pid_t children[CROWD];
	int others = count ? (int)count : 1, started = 0;
	pid_t parent = getpid();
	int status = 0, failed = 0;
	int err = make_plane(&plane);

	if (err < 0)
		return bench_fail("cannot create a plane", err);
	s.meeting = mmap(NULL, sizeof(*s.meeting), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (; s.meeting != MAP_FAILED && started < others; started++) {
		children[started] = fork();
		if (children[started] < 0)
			break;
		if (children[started])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		if (count)
			waiter(&s, aether_plane_fd(plane), started);
		answer(&s, aether_plane_fd(plane));
	}
	err = started < others ? AETHER_ESYS : 0;
	bench_heed(children, started);
	if (err == 0 && count <= 1)
		err = bench_pin(0);
	if (err == 0)
		err = (count ? wake_all : trips)(&s, aether_plane_fd(plane),
						 row);
	bench_heed(children, 0);
	for (int i = 0; i < started; i++) {
		if (err < 0)
			kill(children[i], SIGKILL);
		waitpid(children[i], &status, 0);
		failed |= status;
	}
	aether_plane_detach(plane);
	if (err == 0 && failed)
		err = AETHER_ESTAGE;
	return err < 0 ? bench_fail(row->name, err) : 0;
}

int bench_wake(struct bench_row *row)
{
	return meet(1, row);
}

int bench_fanout(struct bench_row *row)
{
	return meet(CROWD, row);
}

int bench_wake_spin(struct bench_row *row)
{
	return meet(0, row);
}

int bench_signal(struct bench_row *row)
{
	static double values[BENCH_ROUNDS], bases[BENCH_ROUNDS];
	static _Alignas(128) struct aether_word32 word;
	struct aether_plane *plane;
	struct side s = { .count = 0 };
	int err = make_plane(&plane);

	if (err < 0)
		return bench_fail("cannot create a plane", err);
	err = join(&s, aether_plane_fd(plane), 1);
	for (int i = 0; err == 0 && i < bench_rounds(); i++) {
		double start = bench_now(), middle;

		for (int k = 0; k < SIGNALS; k++)
			ae_add32_seq_cst(&word, 1);
		middle = bench_now();
		for (int k = 0; k < SIGNALS; k++)
			aether_epoch_signal(s.me, EPOCH);
		bases[i] = (middle - start) / SIGNALS;
		values[i] = (bench_now() - middle) / SIGNALS;
	}
	leave(&s);
	aether_plane_detach(plane);
	if (err < 0)
		return bench_fail(row->name, err);
	bench_compare(row, values, bases, (size_t)bench_rounds());
	return 0;
}
