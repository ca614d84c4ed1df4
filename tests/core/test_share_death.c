/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shares and death: readers that die at any time, all at once, the sharer, and
 * slots that change hands meanwhile. Readers of other processes check that the
 * bytes do not change while they read.
 */
#include "victim.h"

#define SIZE 65536
#define STRIDES 64
#define MANY 7

static struct aether_plane *plane;
static struct aether_participant *me, *you;
static struct aether_reap_report report;
static uint64_t yours;

static void begin(void)
{
	plane = victim_quiet(STRIDES, SIZE, 16);
	me = rig_join(plane);
	you = rig_join(plane);
	yours = aether_participant_tenancy(you);
}

static void end(const char *what)
{
	aether_participant_leave(you);
	aether_participant_leave(me);
	ok(rig_all_free(plane), "%s: all free in the end", what);
	need(aether_plane_detach(plane) == 0);
}

static int reaps(uint32_t dead, uint32_t readers, uint32_t freed)
{
	memset(&report, 0xFF, sizeof(report));
	need(aether_reap(me, &report) == 0);
	if (report.dead == dead && report.readers == readers &&
	    report.freed == freed && !report.inherited && !report.pending)
		return 1;
	printf("# dead %u readers %u freed %u\n", report.dead, report.readers,
	       report.freed);
	return 0;
}

/* Readers on even and odd slots; some take, some have not, some released. */
static void reads_some(struct victim *v)
{
	uint64_t handle;

	for (uint32_t i = 0; i < v->count; i++) {
		need(aether_route_take_until(v->me, AETHER_FOREVER, &handle) ==
		     0);
		if (i == 1)
			need(aether_stride_release(v->me, handle) == 0);
	}
}

static void all_at_once(void)
{
	struct victim v[MANY];
	uint64_t to[MANY + 1], handles[3];
	uint32_t taken = 0;

	begin();
	for (int i = 0; i < MANY; i++) {
		v[i] = (struct victim) { .act = reads_some, .plane = plane };
		v[i].heir = yours;
		v[i].count = (uint32_t)i % 4;
		victim_start(&v[i]);
		to[i] = v[i].tenancy;
		taken += v[i].count > 1;
	}
	to[MANY] = yours;
	for (int i = 0; i < 3; i++) {
		handles[i] = rig_reserve(me);
		need(aether_share(me, handles[i], to, i == 1 ? MANY + 1 : MANY,
				  NULL) == 0);
	}
	for (int i = 0; i < MANY; i++)
		rig_await(&v[i].told->ready, 1);
	for (int i = 0; i < MANY; i++)
		victim_kill(&v[i]);
	ok(reaps(MANY, 3 * MANY - taken, 2),
	   "%d readers die: struck off; two leases end, heirs get none", MANY);
	need(victim_take(you) == handles[1]);
	is_int(aether_stride_release(me, handles[0]), AETHER_ESTALE, "over");
	is_int(aether_stride_release(you, handles[1]), 0,
	       "the one who lives ends the third");
	is_int(rig_count(plane, AETHER_STATE_DORMANT), STRIDES, "all free");
	end("all at once");
}

static void shares_and_more(struct victim *v)
{
	uint64_t handle = rig_reserve(v->me);
	void *at;

	need(aether_stride_bytes(v->me, handle, NULL, &at) == 0);
	memset(at, 'x', SIZE);
	need(aether_share(v->me, handle, v->to, 2, NULL) == 0);
	v->told->handles[0] = handle;
}

static void sharer(void)
{
	struct victim reader = { .act = NULL }, v = { .act = shares_and_more };
	unsigned char *at;
	void *bytes = NULL;
	uint64_t handle;

	begin();
	reader.plane = plane;
	v.plane = plane;
	victim_ready(&reader);
	v.to[0] = yours;
	v.to[1] = reader.tenancy;
	v.heir = aether_participant_tenancy(me);
	victim_ready(&v);
	victim_kill(&v);
	ok(reaps(1, 0, 0), "the sharer dies: its readers have it");
	handle = victim_take(you);
	need(aether_stride_bytes(you, handle, NULL, &bytes) == 0);
	at = bytes;
	ok(at[0] == 'x' && at[SIZE - 1] == 'x', "intact");
	need(aether_stride_release(you, handle) == 0);
	is_int(victim_state(plane, victim_stride(handle)), AETHER_STATE_SHARED,
	       "there is one more");
	victim_kill(&reader);
	ok(reaps(1, 1, 1), "who dies as well");
	end("sharer");
}

/* As if it had died between the commit and the look at its readers' seats:
 * the other reader has gone before. */
static void shares_and_stops(struct victim *v)
{
	uint64_t handle = rig_reserve(v->me);
	uint32_t i = victim_stride(handle);
	struct aether_lease_seg *lease = &v->plane->leases[i];
	uint64_t generation = AETHER_HANDLE_GENERATION(handle);
	uint32_t slot = (uint32_t)AETHER_TENANCY_SLOT(v->to[0]);
	uint64_t even = slot % 2 ? 0 : UINT64_C(1) << slot / 2;
	uint64_t odd = slot % 2 ? UINT64_C(1) << slot / 2 : 0;
	uint64_t mine = ae_load64_relaxed(&lease->word);
	uint64_t word = AETHER_STATE_SHARED | ae_word_generation(generation);
	uint64_t cursor = 0;

	ae_store64_relaxed(&lease->sigma, v->me->stamp);
	ae_store64_relaxed(&lease->readers_even,
			   AETHER_READERS_MAKE(even, generation));
	ae_store64_relaxed(&lease->readers_odd,
			   AETHER_READERS_MAKE(odd, generation));
	need(ae_mailbox_enter(v->plane, slot, handle, &cursor) == 0);
	need(ae_cas64_seq_cst(&lease->word, mine, word) == mine);
	v->told->handles[0] = handle;
}

static void between(int later)
{
	struct victim v = { .act = shares_and_stops };
	struct aether_participant *third = NULL;
	uint64_t handle;

	begin();
	v.plane = plane;
	v.to[0] = AETHER_TENANCY_MAKE(3, 1);
	victim_ready(&v);
	if (later) {
		third = rig_join(plane);
		need(third->slot == 3);
		is_int(aether_route_take(third, &handle), AETHER_EEMPTY,
		       "the next tenant of a reader's slot is not meant");
	}
	victim_kill(&v);
	handle = v.told->handles[0];
	ok(reaps(1, 1, 1), "shared with one that had gone, then killed");
	is_int(aether_stride_release(me, handle), AETHER_ESTALE, "over");
	aether_participant_leave(third);
	end("between");
}

/* A reaper that is late by one lease: what it judged is over. */
static void late_reaper(void)
{
	uint64_t handle, old, word;
	uint32_t i;

	begin();
	handle = rig_reserve(me);
	i = victim_stride(handle);
	need(aether_share(me, handle, &yours, 1, NULL) == 0);
	old = ae_load64_relaxed(&plane->leases[i].word);
	need(victim_take(you) == handle);
	need(aether_stride_release(you, handle) == 0);
	handle = rig_reserve(me);
	need(victim_stride(handle) == i);
	need(aether_share(me, handle, &yours, 1, NULL) == 0);
	word = ae_load64_relaxed(&plane->leases[i].word);
	is_int(ae_share_strike(plane, i, old, you->slot), 0,
	       "a reader of the next lease is not struck off");
	is_int(ae_share_last_out(plane, i, old, me->ending), 0,
	       "nor is it ended");
	ok(ae_load64_relaxed(&plane->leases[i].word) == word, "it goes on");
	need(victim_take(you) == handle);
	is_int(aether_stride_release(you, handle), 0, "until it is released");
	end("late reaper");
}

/* A reader for ever: whatever it reads must not change. */
static void reads_on(struct victim *v)
{
	uint64_t handle;

	while (aether_route_take_until(v->me, AETHER_FOREVER, &handle) == 0) {
		const uint64_t *at;
		void *bytes;
		uint64_t first;

		need(aether_stride_bytes(v->me, handle, NULL, &bytes) == 0);
		at = bytes;
		first = at[0];
		for (int n = 0; n < 3; n++) {
			for (int i = 0; i < SIZE / 8; i += 64)
				v->told->handles[0] += at[i] != first;
			__asm__ volatile("" ::: "memory"); /* read anew */
		}
		v->told->handles[1]++;
		need(aether_stride_release(v->me, handle) == 0);
	}
}

static void fill(uint64_t handle, uint64_t number)
{
	void *bytes = NULL;
	uint64_t *at;

	need(aether_stride_bytes(me, handle, NULL, &bytes) == 0);
	at = bytes;
	for (int i = 0; i < SIZE / 8; i++)
		at[i] = number;
}

#define SHARES (RIG_SLOW ? 20 : 200)

/* Readers are killed and started anew while I share. */
static void killing(void)
{
	struct victim v[3];
	uint64_t seed = 11, torn = 0, number = 0;
	uint64_t stop = aether_clock_after(1500 * MS);
	uint64_t limit = aether_clock_after(RIG_HANG);
	int kills = 0;

	begin();
	for (int i = 0; i < 3; i++) {
		v[i] = (struct victim) { .act = reads_on, .plane = plane };
		victim_start(&v[i]);
	}
	while (aether_clock_now() < stop ||
	       ((number <= SHARES || !kills) && aether_clock_now() < limit)) {
		uint64_t to[3], handle, r = rig_random(&seed);

		if (r % 50 == 0) {
			struct victim *dead = &v[r / 50 % 3];

			victim_kill(dead);
			kills++;
			torn += dead->told->handles[0];
			munmap(dead->told, sizeof(*dead->told));
			victim_start(dead);
		}
		for (int i = 0; i < 3; i++)
			to[i] = v[i].tenancy;
		if (aether_stride_reserve(me, &handle) < 0)
			continue;
		fill(handle, ++number);
		if (aether_share(me, handle, to, 3, NULL) < 0)
			need(aether_stride_release(me, handle) == 0);
	}
	for (int i = 0; i < 3; i++) {
		victim_kill(&v[i]);
		torn += v[i].told->handles[0];
	}
	ok(number > SHARES && kills > 0, "%llu shares, %d readers killed",
	   (unsigned long long)number, kills);
	is_int(torn, 0, "no reader saw bytes change");
	aether_reap(me, NULL);
	is_int(victim_count(plane, AETHER_STATE_DORMANT), STRIDES,
	       "no stride is lost");
	end("killing");
}

static void tests(void)
{
	all_at_once();
	sharer();
	between(0);
	between(1);
	late_reaper();
	killing();
}

int main(void)
{
	return rig_run(tests);
}
