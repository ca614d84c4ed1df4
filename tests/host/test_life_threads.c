/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life and threads: a participant belongs to its process, not to the thread
 * that joined. It lives until the last thread of the program has ended, and no
 * thread of the library's makes that later.
 */
#include "lives.h"

/* Kept to the end of a process that ends by exit(), so that what it has is no
 * leak; not static, or the compiler would see that nobody reads it. */
extern struct aether_participant *kept[2];
struct aether_participant *kept[2];

static void *joins(void *unused)
{
	settle();
	return unused;
}

static int thread_ends(void *unused)
{
	pthread_t thread;

	(void)unused;
	need(pthread_create(&thread, NULL, joins, NULL) == 0);
	pthread_join(thread, NULL);
	rig_tell(&told[WENT], 1);
	sleep_long();
}

static void joining_thread_ended(void)
{
	pid_t pid;

	lives_begin(3);
	pid = start(thread_ends);
	rig_await(&told[WENT], 1);
	is_int(life_of(0), 1, "the thread that joined has ended: alive");
	rig_sleep(2 * PERIOD);
	is_int(life_of(0), 1, "and stays so");
	end(pid);
	is_int(life_of(0), 0, "dead with its process");
	lives_end();
}

static void *waits(void *unused)
{
	rig_await(&told[GO], 1);
	return unused;
}

static int main_thread_ends(void *unused)
{
	pthread_t thread;

	(void)unused;
	need(pthread_create(&thread, NULL, waits, NULL) == 0);
	kept[0] = settle();
	pthread_exit(NULL);
}

/* The state of a process's main thread, as in /proc; 0: it is gone. */
static char state_of(pid_t pid)
{
	char path[64], state = 0;
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "re");
	if (!stat)
		return 0;
	if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(stat);
	return state;
}

static void main_thread_ended(void)
{
	uint64_t from;
	int status, ended = 0;
	pid_t pid;

	lives_begin(3);
	pid = start(main_thread_ends);
	while (state_of(pid) != 'Z')
		rig_sleep(MS);
	rig_sleep(3 * PERIOD);
	is_int(life_of(0), 1, "the main thread has ended, another runs: alive");
	is_int(waitpid(pid, &status, WNOHANG), 0, "its process lives");
	rig_tell(&told[GO], 1);
	if (LIVES_TSAN) {
		skip("the sanitizer's own thread keeps the process");
		end(pid);
		lives_end();
		return;
	}
	from = aether_clock_now();
	while (!ended && aether_clock_now() - from < SOON) {
		rig_sleep(MS);
		ended = waitpid(pid, &status, WNOHANG) == pid;
	}
	ok(ended, "all its threads have ended: so has the process");
	if (!ended)
		end(pid);
	else
		ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		   "with status 0");
	is_int(life_of(0), 0, "dead");
	lives_end();
}

/* Two attachments, so two watches, and no other thread is left. */
static int two_watches(void *unused)
{
	(void)unused;
	kept[0] = rig_join(rig_again(plane));
	kept[1] = settle();
	pthread_exit(NULL);
}

static void two_watches_left(void)
{
	uint64_t from;
	int status, ended = 0;
	pid_t pid;

	if (LIVES_TSAN)
		return;
	lives_begin(3);
	pid = start(two_watches);
	from = aether_clock_now();
	while (!ended && aether_clock_now() - from < SOON) {
		rig_sleep(MS);
		ended = waitpid(pid, &status, WNOHANG) == pid;
	}
	ok(ended, "two watches do not keep their process");
	if (!ended)
		end(pid);
	is_int(life_of(0), 0, "dead");
	is_int(life_of(1), 0, "both");
	lives_end();
}

static void tests(void)
{
	joining_thread_ended();
	main_thread_ended();
	two_watches_left();
}

int main(void)
{
	return rig_run(tests);
}
