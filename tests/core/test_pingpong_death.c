/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ping-pong between processes that are killed and stopped: a writer that dies
 * at any instant is taken over at once, and its half is never seen; a dead
 * reader's pin delays nobody; a stopped reader delays the writer by its term
 * and no more; a stopped writer is still the writer.
 */
#include "pingpong.h"
#include "watch.h"

/* Shared by the processes, outside the plane. */
struct told {
	struct aether_word64 ready;
	struct aether_word64 until;
	struct aether_word64 go;
	struct aether_word64 answer;
};

static struct aether_plane *plane;
static struct aether_layout small, childs;
static struct aether_participant *me;
static struct aether_pingpong_write w;
static struct aether_pingpong_info info;
static struct told *told;
static uint32_t pair;
static uint64_t term;

/* Nobody reaps but who is told to. */
static void begin(void)
{
	plane = pingpong_plane(8);
	ae_posix_watch_free(plane);
	pingpong_small(plane, &small);
	me = rig_join(plane);
	told = rig_shared(sizeof(*told));
}

static void end(void)
{
	aether_participant_leave(me);
	need(aether_plane_detach(plane) == 0);
	munmap(told, sizeof(*told));
}

/* In a child. */
static struct aether_participant *sit(void)
{
	struct aether_plane *again = rig_again(plane);

	ae_posix_watch_free(again);
	pingpong_small(again, &childs);
	return rig_join(again);
}

static void forget(void)
{
	rig_tell(&told->ready, 0);
	rig_tell(&told->until, 0);
	rig_tell(&told->go, 0);
	rig_tell(&told->answer, 0);
}

static pid_t start(int (*run)(void *))
{
	pid_t pid;

	forget();
	pid = rig_fork(run, NULL);
	rig_await(&told->ready, 1);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	need(rig_wait(pid) == 128 + SIGKILL);
}

static void stop_child(pid_t pid)
{
	int status = 0;

	kill(pid, SIGSTOP);
	need(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
}

static void look(void)
{
	need(aether_pingpong_look(plane, pair, &info) == 0);
}

/* Begins, writes half, says so, and never ends. */
static int half(void *unused)
{
	struct aether_participant *him = sit();

	(void)unused;
	need(aether_pingpong_begin(him, pair, 0, &w) == 0);
	memset(w.bytes, 0xEE, BUFFER / 2);
	rig_tell(&told->ready, 1);
	for (;;)
		pause();
}

static void half_written(void)
{
	struct aether_pingpong_reading r;
	uint32_t epoch;
	pid_t pid;

	begin();
	need(pingpong_fill(me, pair, 0, 5) == 0);
	need(aether_pingpong_resign(me, pair) == 0);
	epoch = pingpong_epoch(plane, pair);
	pid = start(half);
	stop_child(pid);
	is_int(aether_pingpong_begin(me, pair, 0, &w), AETHER_ETAKEN,
	       "%s: a stopped writer is the writer",
	       plane->layout->pairs[pair].name);
	end_child(pid);
	look();
	ok(info.refused == 1 && info.writing >= 0 && !info.writer,
	   "it dies half way, and is the writer no more");
	need(aether_pingpong_read_begin(plane, pair, &r) == 0);
	ok(pingpong_value(&r) == 5 && aether_pingpong_read_end(&r) == 0,
	   "readers have what was committed");
	is_int(aether_pingpong_commit(me, pair, 0), AETHER_ENOTHELD,
	       "what it began is nobody's to commit");
	is_int(aether_pingpong_begin(me, pair, 0, &w), 0, "taken over at once");
	ok(w.recovered && w.sequence == 2, "and told");
	if (plane->layout->pairs[pair].buffers == 2)
		is_int(pingpong_epoch(plane, pair), epoch,
		       "no signal was missing");
	is_int(aether_pingpong_commit(me, pair, 0), 0, "it goes on");
	end();
}

/* Pins, says so; when told to go on, says how it ended. */
static int pins(void *unused)
{
	struct aether_participant *him = sit();
	struct aether_pingpong_reading r;

	(void)unused;
	need(aether_pingpong_read_pinned(him, pair, term, &r) == 0);
	rig_tell(&told->until, r.until);
	rig_tell(&told->ready, 1);
	rig_await(&told->go, 1);
	rig_tell(&told->answer, 1 + (uint64_t)-aether_pingpong_read_end(&r));
	aether_participant_leave(him);
	return 0;
}

static void dead_reader(void)
{
	pid_t pid;

	begin();
	term = AETHER_PIN_TERM_MAX;
	need(pingpong_fill(me, TWO, 0, 1) == 0);
	pid = start(pins);
	end_child(pid);
	need(pingpong_fill(me, TWO, 0, 2) == 0);
	is_int(aether_pingpong_begin(me, TWO, 0, &w), 0,
	       "a dead reader delays nobody");
	look();
	ok(info.revoked == 0 && info.pinned == 0, "nothing was revoked");
	end();
}

static void stopped_reader(void)
{
	uint64_t until;
	pid_t pid;

	begin();
	term = 200 * MS;
	need(pingpong_fill(me, TWO, 0, 1) == 0);
	pid = start(pins);
	stop_child(pid);
	until = rig_told(&told->until);
	need(pingpong_fill(me, TWO, 0, 2) == 0);
	is_int(aether_pingpong_begin(me, TWO, AETHER_FOREVER, &w), 0,
	       "a stopped reader delays the writer");
	ok(aether_clock_now() >= until, "by its term");
	look();
	is_int(info.revoked, 1, "it is revoked");
	rig_tell(&told->go, 1);
	kill(pid, SIGCONT);
	need(rig_wait(pid) == 0);
	is_int(rig_told(&told->answer), 1 - AETHER_ETORN, "and told so");
	end();
}

/* The writer sleeps until the reader ends, which rings it. */
static int waits(void *unused)
{
	struct aether_participant *him = sit();

	(void)unused;
	need(pingpong_fill(him, TWO, 0, 1) == 0);
	rig_tell(&told->ready, 1);
	rig_await(&told->go, 1);
	need(pingpong_fill(him, TWO, 0, 2) == 0);
	rig_tell(&told->answer,
		 1 + (uint64_t)-pingpong_fill(him, TWO, AETHER_FOREVER, 3));
	for (;;)
		pause();
}

/* Stopped where it has announced that it waits. 0: it waits no more. */
static int stop_waiting(pid_t pid)
{
	while (!rig_told(&told->answer)) {
		stop_child(pid);
		if (ae_load64_acquire(&pingpong_pins(plane, TWO)->waiting))
			return 1;
		kill(pid, SIGCONT);
		rig_sleep(MS / 4);
	}
	return 0;
}

static void ended_reader(void)
{
	struct aether_pingpong_reading r;
	const struct aether_word32 *doorbell;
	uint32_t rung;
	pid_t pid;

	begin();
	pid = start(waits);
	look();
	doorbell = &plane->seats[AETHER_TENANCY_SLOT(info.writer)].doorbell;
	need(aether_pingpong_read_pinned(me, TWO, AETHER_PIN_TERM_MAX, &r) ==
	     0);
	rig_tell(&told->go, 1);
	if (stop_waiting(pid)) {
		rung = ae_load32_relaxed(doorbell);
		aether_pingpong_read_end(&r);
		ok(ae_load32_relaxed(doorbell) != rung,
		   "who ends rings the writer");
		kill(pid, SIGCONT);
	} else {
		skip("the term was over before the writer waited");
	}
	rig_await(&told->answer, 1);
	is_int(rig_told(&told->answer), 1, "who waits for a pin goes on");
	end_child(pid);
	end();
}

/* For ever: each word of a commit is its number. */
static int writes(void *unused)
{
	struct aether_participant *him = sit();

	(void)unused;
	for (;;) {
		need(aether_pingpong_begin(him, pair, 0, &w) == 0);
		for (int i = 0; i < WORDS; i++)
			ae_store64_relaxed(
				&((struct aether_word64 *)w.bytes)[i],
				w.sequence);
		need(aether_pingpong_commit(him, pair, WORDS) == 0);
		rig_tell(&told->ready, 1);
	}
}

/* What a dead writer left: whole, and not older than what was there. */
static int is_whole(uint64_t *sequence)
{
	struct aether_pingpong_reading r;
	int good;

	need(aether_pingpong_read_begin(plane, pair, &r) == 0);
	good = pingpong_value(&r) == (int64_t)r.sequence &&
	       r.sequence >= *sequence;
	*sequence = r.sequence;
	return aether_pingpong_read_end(&r) == 0 && good;
}

static void killing(uint32_t which)
{
	uint64_t stop = aether_clock_after(1800 * MS);
	uint64_t seed = 3, sequence = 0;
	int kills = 0, bad = 0, parity = 0, recovered = 0;

	pair = which;
	begin();
	while (kills < 20 || (aether_clock_now() < stop && kills < 3000)) {
		pid_t pid = start(writes);

		rig_sleep(rig_random(&seed) % 300000);
		end_child(pid);
		bad += !is_whole(&sequence);
		need(aether_pingpong_begin(me, pair, 0, &w) == 0);
		recovered += w.recovered;
		parity += (pingpong_epoch(plane, pair) & 1) != (sequence & 1);
		need(aether_pingpong_resign(me, pair) == 0);
		kills++;
	}
	is_int(recovered, kills, "%s: %d killed and taken over, %llu commits",
	       plane->layout->pairs[pair].name, kills,
	       (unsigned long long)sequence);
	is_int(bad, 0, "what is left is whole");
	if (plane->layout->pairs[pair].buffers == 2)
		is_int(parity, 0, "even: the first buffer is the active one");
	end();
	pair = TWO;
}

static void tests(void)
{
	half_written();
	pair = THREE;
	half_written();
	pair = TWO;
	dead_reader();
	stopped_reader();
	ended_reader();
	killing(TWO);
	killing(THREE);
}

int main(void)
{
	return rig_run(tests);
}
