/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch: who dies is noticed and reaped though nobody calls anything. In
 * these tests nothing but looks is called while they wait, so whoever reaps is
 * the watch. And what it must not do: be in the way of its process, or cost.
 */
#include <sys/resource.h>
#include "ae_host.h"
#include "lives.h"

/* ns from a death to its strides' freedom, told by a process descriptor. */
#define AT_ONCE ((RIG_SLOW ? 500 : 50) * MS)

static void print_time(const char *what, uint64_t ns)
{
	printf("# %s: %.2f ms\n", what, (double)ns / (double)MS);
}

/* ns that a thread of this process has run. */
static uint64_t time_of(pid_t thread)
{
	char path[64];
	unsigned long long ns = 0;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat",
		 (int)thread);
	stat = fopen(path, "re");
	need(stat && fscanf(stat, "%llu", &ns) == 1);
	fclose(stat);
	return ns;
}

/* Hundredths of a percent of a processor that the watch takes. */
static uint64_t cost_within(uint64_t ns)
{
	pid_t thread = 0;
	uint64_t from, before;

	need(watches(1, &thread) == 1);
	from = aether_clock_now();
	before = time_of(thread);
	rig_sleep(ns);
	return (time_of(thread) - before) * 10000 / (aether_clock_now() - from);
}

/* The same, asked again if it is that much: a busy machine bills us others'
 * work. */
static uint64_t cost_below(uint64_t limit, uint64_t ns)
{
	uint64_t cost = cost_within(ns);

	for (int i = 1; cost >= limit && i < RIG_TRIES; i++)
		cost = cost_within(ns);
	return cost;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* One at a time, so that no other watch can have done it. Looks alone would
 * need 50 ms or more. The median. */
static uint64_t deaths_once(int unused)
{
	enum {
		DEATHS = 5
	};
	struct aether_participant *me;
	uint64_t took[DEATHS];

	(void)unused;

	lives_begin(4);
	me = rig_join(plane);
	for (int i = 0; i < DEATHS; i++) {
		pid_t pid = start(sleeper);

		/* by now the watch knows it; its last look was not long ago */
		rig_sleep(PERIOD + PERIOD / 4);
		kill(pid, SIGKILL);
		took[i] = freed_within(SOON);
		rig_wait(pid);
	}
	qsort(took, DEATHS, sizeof(took[0]), by_size);
	print_time("from kill to free, median", took[DEATHS / 2]);
	print_time("from kill to free, longest", took[DEATHS - 1]);
	ok(took[DEATHS - 1] < SOON, "each of them is noticed");
	aether_participant_leave(me);
	lives_end();
	return took[DEATHS / 2];
}

static void deaths(void)
{
	ok(rig_quickest(deaths_once, 0, AT_ONCE) < AT_ONCE,
	   "deaths are noticed at once");
}

static void start_many(pid_t *pids, int n)
{
	for (int i = 0; i < n; i++)
		pids[i] = start(sleeper);
	/* by now the watch knows them all */
	rig_sleep(PERIOD + PERIOD / 2);
}

static void two_at_once(void)
{
	struct aether_participant *me;
	pid_t pids[3];
	uint64_t took;

	lives_begin(8);
	me = rig_join(plane);
	start_many(pids, 3);
	kill(pids[0], SIGKILL);
	kill(pids[1], SIGKILL);
	took = aether_clock_now();
	/* what they had is free a moment before their seats are */
	while ((rig_count(plane, AETHER_STATE_BUSY) != 1 || life_of(1) >= 0 ||
		life_of(2) >= 0) &&
	       aether_clock_now() - took < SOON)
		rig_sleep(MS / 8);
	took = aether_clock_now() - took;
	print_time("two deaths", took);
	ok(took < SOON, "two die at once: both are noticed");
	is_int(life_of(1), -1, "one seat is free");
	is_int(life_of(2), -1, "and the other");
	is_int(life_of(3), 1, "the third one lives");
	rig_wait(pids[0]);
	rig_wait(pids[1]);
	end(pids[2]);
	ok(freed_within(SOON) < SOON, "and dies");
	aether_participant_leave(me);
	lives_end();
}

/* Whoever of the living is next to the dead one is stopped: others reap. */
static uint64_t neighbour_stopped_once(int unused)
{
	struct aether_participant *me;
	pid_t pids[4];
	uint64_t took;
	int status;

	(void)unused;
	lives_begin(8);
	me = rig_join(plane);
	start_many(pids, 4);
	for (int i = 1; i < 4; i++) {
		kill(pids[i], SIGSTOP);
		need(waitpid(pids[i], &status, WUNTRACED) == pids[i]);
	}
	kill(pids[0], SIGKILL);
	took = aether_clock_now();
	while (life_of(1) != -1 && aether_clock_now() - took < SOON)
		rig_sleep(MS / 8);
	took = aether_clock_now() - took;
	print_time("the next three are stopped", took);
	is_int(rig_count(plane, AETHER_STATE_BUSY), 3, "they have theirs");
	rig_wait(pids[0]);
	for (int i = 1; i < 4; i++)
		end(pids[i]);
	ok(freed_within(SOON) < SOON, "until they die");
	aether_participant_leave(me);
	lives_end();
	return took;
}

static void neighbour_stopped(void)
{
	ok(rig_quickest(neighbour_stopped_once, 0, AT_ONCE) < AT_ONCE,
	   "the next neighbours are stopped: it is reaped at once");
}

/* The one in whose name it reaps leaves: another's is taken. */
static void names(void)
{
	struct aether_participant *first, *second, *third;
	struct aether_plane *again;
	pid_t pid;

	lives_begin(8);
	is_int(watches(0, NULL), 0, "nobody has joined: no watch");
	first = rig_join(plane);
	is_int(watches(1, NULL), 1, "one has joined: a watch");
	is_int(ae_host_watched(first), 1, "it knows that");
	second = rig_join(plane);
	is_int(watches(1, NULL), 1, "two have: the same watch");
	again = rig_again(plane);
	third = rig_join(again);
	is_int(watches(2, NULL), 2, "another attachment has its own");
	aether_participant_leave(third);
	is_int(watches(1, NULL), 1, "which ends with its last participant");
	need(aether_plane_detach(again) == 0);
	aether_participant_leave(first);
	is_int(watches(1, NULL), 1, "the first has left: the watch goes on");
	pid = start(sleeper);
	end(pid);
	ok(freed_within(SOON) < SOON, "and reaps in the second's name");
	/* it is counted a moment after that, and the seat is free then */
	while (life_of(0) >= 0)
		rig_sleep(MS / 4);
	is_int(ae_load64_relaxed(&second->seat->reaped), 1, "as is counted");
	aether_participant_leave(second);
	is_int(watches(0, NULL), 0, "the last has left: no watch");
	lives_end();
}

/* Participants of one process, through two attachments: nobody's death. */
static void own_process(void)
{
	struct aether_participant *all[8];
	struct aether_plane *again;
	int before, lived = 0;

	lives_begin(8);
	again = rig_again(plane);
	for (int i = 0; i < 8; i++) {
		all[i] = rig_join(i % 2 ? plane : again);
		rig_reserve(all[i]);
	}
	before = rig_descriptors();
	rig_sleep(3 * PERIOD);
	is_int(rig_descriptors(), before,
	       "no descriptor is spent on one's own process");
	for (int i = 0; i < 8; i++)
		lived += life_of((uint32_t)i) == 1;
	is_int(lived, 8, "all of one process live");
	is_int(rig_count(plane, AETHER_STATE_BUSY), 8, "and hold");
	for (int i = 0; i < 8; i++)
		aether_participant_leave(all[i]);
	need(aether_plane_detach(again) == 0);
	lives_end();
}

static int lines_of(const char *path)
{
	FILE *from = fopen(path, "re");
	int c, n = 0;

	need(from);
	while ((c = fgetc(from)) != EOF)
		n += c == '\n';
	fclose(from);
	return n;
}

/* How long a leave takes that stops a watch, which has followed somebody. With
 * so many descriptors before. */
static uint64_t leave_once(int descriptors)
{
	struct aether_participant *me = rig_join(plane);
	uint64_t from;

	rig_sleep(PERIOD / 4);
	ok(rig_descriptors() > descriptors + 1, "a watch has descriptors");
	from = aether_clock_now();
	aether_participant_leave(me);
	from = aether_clock_now() - from;
	print_time("a leave that stops a watch", from);
	return from;
}

static void comings_and_goings(void)
{
	enum {
		TIMES = 300
	};
	int descriptors, maps;
	uint64_t from;
	pid_t pid;

	lives_begin(8);
	pid = start(sleeper);
	for (int i = 0; i < 10; i++)
		aether_participant_leave(rig_join(plane));
	descriptors = rig_descriptors();
	maps = lines_of("/proc/self/maps");
	from = aether_clock_now();
	for (int i = 0; i < TIMES; i++)
		aether_participant_leave(rig_join(plane));
	print_time("a join and a leave", (aether_clock_now() - from) / TIMES);
	ok(rig_quickest(leave_once, descriptors, PERIOD / 2) < PERIOD / 2,
	   "a watch that is told to stop stops at once");
	is_int(watches(0, NULL), 0, "%d joins and leaves: no thread is left",
	       TIMES);
	is_int(rig_descriptors(), descriptors, "no descriptor");
	if (LIVES_TSAN)
		skip("the sanitizer maps memory of its own");
	else
		ok(lines_of("/proc/self/maps") <= maps + 2, "no mapping");
	end(pid);
	lives_end();
}

static int becomes_another(void *unused)
{
	(void)unused;
	settle();
	rig_await(&told[GO], 1);
	become_another_program();
	return 4;
}

/* Its process does not end, so no descriptor tells. */
static void another_program(void)
{
	struct aether_participant *me;
	uint64_t took;
	pid_t pid;

	lives_begin(8);
	me = rig_join(plane);
	pid = start(becomes_another);
	rig_sleep(PERIOD + PERIOD / 2);
	rig_tell(&told[GO], 1);
	await_another_program(pid);
	took = freed_within(SOON);
	print_time("exec is noticed by a look", took);
	ok(took < SOON, "who becomes another program is reaped");
	is_int(kill(pid, 0), 0, "its process lives");
	end(pid);
	aether_participant_leave(me);
	lives_end();
}

/* The PID in a record is wrong from the beginning. */
static void wrong_pid(const char *what, pid_t number)
{
	struct aether_participant *me;
	uint64_t took, cost;
	pid_t pid;

	lives_begin(8);
	pid = start(sleeper);
	ae_store32_relaxed(&plane->seats[0].pid, (uint32_t)number);
	me = rig_join(plane);
	cost = cost_below(RIG_SLOW ? UINT64_MAX : 100, 4 * PERIOD);
	printf("# %s: %.2f %% of a processor\n", what, (double)cost / 100);
	ok(RIG_SLOW || cost < 100, "a record leads to %s: nothing spins", what);
	is_int(rig_count(plane, AETHER_STATE_BUSY), 1, "nobody is reaped");
	end(pid);
	took = freed_within(SOON);
	print_time("its death is noticed by a look", took);
	ok(took < SOON, "until it dies");
	aether_participant_leave(me);
	lives_end();
}

static int sleeps(void *unused)
{
	(void)unused;
	sleep_long();
}

static void wrong_pids(void)
{
	pid_t zombie = rig_fork(sleeps, NULL);
	siginfo_t ended;

	kill(zombie, SIGKILL);
	need(waitid(P_PID, (id_t)zombie, &ended, WEXITED | WNOWAIT) == 0);
	wrong_pid("a zombie", zombie);
	end(zombie);
	wrong_pid("nobody", zombie);
	wrong_pid("another process", getppid());
}

static int joins_often(void *unused)
{
	struct aether_plane *again = rig_again(plane);

	(void)unused;
	for (int i = 0; i < AETHER_PARTICIPANTS_MAX - 1; i++)
		rig_join(again);
	rig_tell(&told[JOINED], 1);
	sleep_long();
}

static void idle_cost(void)
{
	struct aether_participant *me;
	uint64_t cost;
	pid_t pid;

	lives_begin(AETHER_PARTICIPANTS_MAX);
	me = rig_join(plane);
	pid = start(joins_often);
	rig_sleep(2 * PERIOD);
	cost = cost_below(RIG_SLOW ? UINT64_MAX : 31, SECOND);
	printf("# 64 participants, nothing happens: %.2f %% of a processor\n",
	       (double)cost / 100);
	ok(RIG_SLOW || cost <= 30, "watching 64 costs next to nothing");
	end(pid);
	aether_participant_leave(me);
	lives_end();
}

static void tests(void)
{
	deaths();
	two_at_once();
	neighbour_stopped();
	names();
	own_process();
	comings_and_goings();
	another_program();
	wrong_pids();
	idle_cost();
}

int main(void)
{
	return rig_run(tests);
}
