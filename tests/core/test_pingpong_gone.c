/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left of a pair's writer that is gone: its word ends with its tenancy,
 * so no newcomer in its slot is ever taken for it, and the next writer learns
 * of it all the same. A signal that was refused is owed until it is made good.
 */
#include "pingpong.h"
#include "watch.h"

static struct aether_plane *plane;
static struct aether_layout small, childs;
static struct aether_participant *me;
static struct aether_pingpong_write w;
static struct aether_word64 *ready;

/* Nobody reaps but who is told to; there is one slot beside mine. */
static void begin(void)
{
	plane = pingpong_plane(2);
	ae_posix_watch_free(plane);
	pingpong_small(plane, &small);
	me = rig_join(plane);
	ready = rig_shared(sizeof(*ready));
}

static void end(void)
{
	aether_participant_leave(me);
	need(aether_plane_detach(plane) == 0);
	munmap(ready, sizeof(*ready));
}

/* In a child: the writer of both pairs, that has begun, until it is killed. */
static int writes(void *unused)
{
	struct aether_plane *again = rig_again(plane);
	struct aether_participant *him;

	(void)unused;
	ae_posix_watch_free(again);
	pingpong_small(again, &childs);
	him = rig_join(again);
	need(aether_pingpong_begin(him, TWO, 0, &w) == 0);
	need(pingpong_fill(him, THREE, 0, 1) == 0);
	rig_tell(ready, 1 + him->stamp);
	for (;;)
		pause();
}

/* The stamp of one that is dead, and not reaped yet. */
static uint64_t one_dies(void)
{
	pid_t pid = rig_fork(writes, NULL);

	while (!rig_told(ready))
		rig_sleep(MS / 4);
	kill(pid, SIGKILL);
	need(rig_wait(pid) == 128 + SIGKILL);
	return rig_told(ready) - 1;
}

static uint64_t one_is_reaped(void)
{
	uint64_t stamp = one_dies();

	need(aether_reap(me, NULL) == 0);
	return stamp;
}

static uint64_t one_is_followed(void)
{
	uint64_t stamp = one_dies();

	aether_participant_leave(rig_join(plane));
	return stamp;
}

static uint64_t one_leaves(void)
{
	struct aether_participant *him = rig_join(plane);
	uint64_t stamp = him->stamp;

	need(aether_pingpong_begin(him, TWO, 0, &w) == 0);
	need(pingpong_fill(him, THREE, 0, 1) == 0);
	aether_participant_leave(him);
	return stamp;
}

/* In slot 1 as that one was, with a stamp of which holder words have as much:
 * 16384 joins later. */
static struct aether_participant *double_of(uint64_t stamp)
{
	struct aether_participant *you;

	ae_store64_relaxed(&plane->header->joins,
			   stamp + AETHER_HOLDER_STAMP_MASK);
	you = rig_join(plane);
	need(you->slot == 1 && you->stamp != stamp &&
	     ae_low_stamp(you->stamp) == ae_low_stamp(stamp));
	return you;
}

static void outlived(const char *how, uint64_t (*goes)(void))
{
	struct aether_participant *you;
	uint32_t epoch;
	uint64_t word;

	begin();
	you = double_of(goes());
	word = ae_load64_relaxed(&pingpong_record(plane, TWO)->writer);
	ok(!AETHER_HOLDER_HELD(word) && AETHER_HOLDER_GONE(word),
	   "%s: its word names nobody", how);
	epoch = pingpong_epoch(plane, THREE);
	for (uint32_t pair = TWO; pair <= THREE; pair++) {
		is_int(aether_pingpong_begin(me, pair, 0, &w), 0,
		       "a newcomer is not taken for it");
		is_int(w.recovered, 1, "and the next writer is told");
		need(aether_pingpong_abandon(me, pair) == 0);
		need(aether_pingpong_begin(me, pair, 0, &w) == 0);
		is_int(w.recovered, 0, "once");
	}
	is_int(pingpong_epoch(plane, THREE), epoch + 1,
	       "what it may have owed is signalled");
	need(aether_pingpong_resign(me, TWO) == 0);
	is_int(aether_pingpong_begin(you, TWO, 0, &w), 0, "who resigns");
	is_int(w.recovered, 0, "is nobody to be told of");
	aether_participant_leave(you);
	end();
}

/* Who reaps at the same moment, but late, ends no word of another's. */
static void late(void)
{
	uint64_t word;

	begin();
	one_dies();
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	need(w.recovered == 1);
	need(aether_reap(me, NULL) == 0);
	word = ae_load64_relaxed(&pingpong_record(plane, TWO)->writer);
	ok(ae_holder_is(me, word), "a reap leaves the word of the living");
	is_int(aether_pingpong_commit(me, TWO, 0), 0, "who goes on");
	end();
}

/* Signals of the pair THREE are refused, or not. */
static void refuse(int how)
{
	plane->epoch_may[small_pairs[THREE].epoch] = how ? AE_EPOCH_SET
							 : AE_EPOCH_SIGNAL;
}

/* By who committed, or by the next one, if it resigns or leaves. */
static void owed(const char *who, void (*next)(struct aether_participant *))
{
	uint32_t epoch;

	begin();
	need(aether_pingpong_begin(me, THREE, 0, &w) == 0);
	epoch = pingpong_epoch(plane, THREE);
	refuse(1);
	is_int(aether_pingpong_commit(me, THREE, 1), AETHER_EKIND,
	       "%s: a commit cannot signal", who);
	next(me);
	refuse(0);
	is_int(aether_pingpong_begin(me, THREE, 0, &w), 0, "the next begin");
	is_int(pingpong_epoch(plane, THREE), epoch + 1, "makes it good");
	need(aether_pingpong_abandon(me, THREE) == 0);
	need(aether_pingpong_begin(me, THREE, 0, &w) == 0);
	is_int(pingpong_epoch(plane, THREE), epoch + 1, "once");
	end();
}

static void stays(struct aether_participant *unused)
{
	(void)unused;
}

static void tries(struct aether_participant *writer)
{
	is_int(aether_pingpong_begin(writer, THREE, 0, &w), AETHER_EKIND,
	       "nor can a begin");
}

static void resigns(struct aether_participant *writer)
{
	need(aether_pingpong_resign(writer, THREE) == 0);
}

static void leaves(struct aether_participant *writer)
{
	aether_participant_leave(writer);
	me = rig_join(plane);
}

/* A takeover that fails has told nothing and made nothing good. */
static void failed_takeover(void)
{
	uint32_t epoch;

	begin();
	one_dies();
	epoch = pingpong_epoch(plane, THREE);
	refuse(1);
	is_int(aether_pingpong_begin(me, THREE, 0, &w), AETHER_EKIND,
	       "who takes over cannot signal");
	refuse(0);
	is_int(aether_pingpong_begin(me, THREE, 0, &w), 0, "then it can");
	ok(w.recovered && pingpong_epoch(plane, THREE) == epoch + 1,
	   "is told, and makes it good");
	end();
}

static void tests(void)
{
	outlived("its slot is taken over", one_is_followed);
	outlived("it is reaped", one_is_reaped);
	outlived("it left", one_leaves);
	late();
	owed("the same", stays);
	owed("the same, twice", tries);
	owed("it resigns", resigns);
	owed("it leaves", leaves);
	failed_takeover();
}

int main(void)
{
	return rig_run(tests);
}
