/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor and what pairs keep: nothing is wrong while writers grow, shrink
 * and succeed each other, whenever one looks; a run that its pair does not name
 * is found and freed, but not under who has a pointer to it. Also words that
 * say what is withdrawn, and holder words that say `gone`.
 */
#include "ae_host.h"
#include "pingpong_two.h"

#define FIT (131072 / WORD) /* items of a small pair in a stride */
#define WORKERS 3
#define LOOKS (RIG_SLOW ? 100 : 1500)

struct shared {
	struct aether_word64 over;
	struct aether_word64 turns[WORKERS];
	struct aether_word64 kept; /* turns in which there was a run */
};

struct heard {
	int calls;
	int wrong;
	int repairable;
	int repaired;
	int of[AETHER_FINDINGS];
};

static struct shared *shared;
static struct heard h;

static int hear(const struct aether_finding *f, void *user)
{
	struct heard *heard = user;

	heard->calls++;
	heard->wrong += f->wrong;
	heard->repairable += f->repairable;
	heard->repaired += f->repaired;
	heard->of[f->what]++;
	printf("# %s at %u: %llx, slot %d\n", aether_doctor_name(f->what),
	       f->index, (unsigned long long)f->found, (int)f->slot);
	return 0;
}

/* How many were found. */
static int look(void)
{
	h = (struct heard) { .calls = 0 };
	need(aether_doctor_look(plane, hear, &h) == 0);
	return h.calls;
}

static int repair(void)
{
	h = (struct heard) { .calls = 0 };
	need(aether_doctor_repair(you, hear, &h) == 0);
	return h.repaired;
}

/* That alone was found. */
static int only(uint32_t what)
{
	return look() == 1 && h.of[what] == 1;
}

/* To a few strides, to none, to more; or the next one's turn. */
static int turn(struct aether_participant *own, uint64_t *seed)
{
	uint32_t pair = (uint32_t)(rig_random(seed) % 2);
	uint32_t most = (uint32_t)(rig_random(seed) % 4) * FIT + 1;
	struct aether_pingpong_write w;
	int err = aether_pingpong_begin(own, pair, 0, &w);

	if (err < 0)
		return err != AETHER_ETAKEN && err != AETHER_ETIMEDOUT &&
		       err != AETHER_EEMPTY && err != AETHER_EAGAIN;
	for (int i = 0; i < 3; i++) {
		err = aether_pingpong_room(own, pair, i % 2 ? 1 : most, &w);
		if (err < 0 && err != AETHER_EFULL && err != AETHER_EAGAIN)
			return 1;
	}
	ae_add64_relaxed(&shared->kept, w.capacity > WORDS);
	if (rig_random(seed) % 4 == 0)
		err = aether_pingpong_abandon(own, pair);
	else
		err = aether_pingpong_commit(own, pair, 1);
	if (err == 0 && rig_random(seed) % 4 == 0)
		err = aether_pingpong_resign(own, pair);
	return err < 0;
}

static int work(void *argument)
{
	int self = *(int *)argument, bad = 0;
	struct aether_plane *again = rig_again(plane);
	struct aether_layout own_layout;
	struct aether_participant *own;
	uint64_t seed = (uint64_t)self + 11;

	pingpong_small(again, &own_layout);
	own = rig_join(again);
	while (!bad && !rig_told(&shared->over)) {
		bad = turn(own, &seed);
		ae_add64_relaxed(&shared->turns[self], 1);
	}
	aether_participant_leave(own);
	return bad || aether_plane_detach(again) < 0;
}

/* Notes of what somebody was stopped in the middle of may come; of these none
 * does. */
static void at_work(void)
{
	struct heard all = { .calls = 0 };
	int numbers[WORKERS];
	pid_t pids[WORKERS];

	two_begin();
	for (int i = 0; i < WORKERS; i++) {
		numbers[i] = i;
		pids[i] = rig_fork(work, &numbers[i]);
	}
	for (int i = 0; i < WORKERS; i++)
		rig_await(&shared->turns[i], 100);
	for (int i = 0; i < LOOKS; i++)
		need(aether_doctor_look(plane, hear, &all) == 0);
	rig_tell(&shared->over, 1);
	for (int i = 0; i < WORKERS; i++)
		is_int(rig_wait(pids[i]), 0, "worker %d", i);
	is_int(all.wrong, 0, "nothing is wrong while pairs grow and shrink");
	is_int(all.of[AETHER_FINDING_COUNTERS], 0, "nor said of counters");
	ok(rig_told(&shared->kept) > 10, "%llu runs were kept",
	   (unsigned long long)rig_told(&shared->kept));
	look(); /* a register may be wrong still, which is a note */
	is_int(h.wrong, 0, "nor in the end");
	two_end();
}

static struct aether_word64 *name_of(uint32_t pair, uint32_t buffer)
{
	return &pingpong_pins(plane, pair)->runs[buffer];
}

/* Of the buffer that was committed last. */
static struct aether_word64 *name_of_active(uint32_t pair)
{
	uint64_t state = ae_load64_relaxed(
		&pingpong_record(plane, pair)->state);

	return name_of(pair, (uint32_t)AETHER_PAIR_STATE_ACTIVE(state));
}

static struct aether_lease_seg *run_of_active(uint32_t pair)
{
	uint64_t name = ae_load64_relaxed(name_of_active(pair));

	return &plane->leases[AETHER_HANDLE_STRIDE(name)];
}

static uint32_t used(void)
{
	return plane->geometry.strides - rig_count(plane, AETHER_STATE_DORMANT);
}

static void kept(void)
{
	uint64_t name;

	two_begin();
	need(pingpong_fill_room(me, TWO, 3 * FIT, 1) == 0);
	need(pingpong_fill_room(me, TWO, 2 * FIT, 2) == 0);
	is_int(look(), 0, "runs, and tails of a kept head, are right");
	name = ae_load64_relaxed(name_of(TWO, 1));
	need(name && pingpong_fill_room(me, TWO, 1, 3) == 0);
	ok(!ae_load64_relaxed(name_of(TWO, 1)) && used() == 2,
	   "no name is left over");
	ae_store64_relaxed(name_of(TWO, 1), name);
	is_int(look(), 0, "one that a death leaves is stale, not wrong");
	need(pingpong_fill_room(me, TWO, 1, 4) == 0);
	is_int(look(), 0, "of both");
	aether_participant_leave(me);
	is_int(look(), 0, "without a writer");
	me = rig_join(plane);
	need(pingpong_fill_room(me, THREE, 2 * FIT, 1) == 0);
	aether_participant_leave(me);
	is_int(look(), 0, "a run outlives its writer");
	me = rig_join(plane);
	two_end();
}

/* Names that are not the run's. */
static void unnamed(void)
{
	two_begin();
	for (uint32_t i = 0; i < 4; i++) {
		struct aether_lease_seg *lease;
		uint64_t name, word;

		need(pingpong_fill_room(me, TWO, 3 * FIT, 1) == 0);
		lease = run_of_active(TWO);
		word = ae_load64_relaxed(&lease->word);
		name = ae_load64_relaxed(name_of_active(TWO));
		name = (uint64_t[]) { 0, name + 1, name ^ 1 << 16,
				      name + (1 << 24) }[i];
		ae_store64_relaxed(name_of_active(TWO), name);
		ok(only(AETHER_FINDING_KEPT_UNNAMED) && h.wrong == 1 &&
			   h.repairable == 1,
		   "name %u: nobody would ever free it", i);
		is_int(repair(), 1, "it is freed");
		is_int(look(), 0, "and that is all");
		ok(AETHER_LEASE_GENERATION(ae_load64_relaxed(&lease->word)) ==
			   AETHER_LEASE_GENERATION(word) + 2,
		   "its lease has ended as any does");
		is_int(used(), 0, "tails and all");
	}
	need(pingpong_fill_room(me, TWO, 3 * FIT, 9) == 0);
	is_int(look(), 0, "the pair goes on");
	two_end();
}

/* Not under who may have a pointer to it. */
static void in_use(void)
{
	struct aether_pingpong_write w;
	struct aether_pingpong_reading r;
	int mended;

	two_begin();
	need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
	need(aether_pingpong_room(me, TWO, 2 * FIT, &w) == 0);
	ae_store64_relaxed(name_of(TWO, 1), 0);
	ok(only(AETHER_FINDING_KEPT_UNNAMED), "its writer writes there");
	is_int(repair(), 0, "so it is left");
	need(aether_pingpong_abandon(me, TWO) == 0);
	is_int(repair(), 1, "until it does not any more");
	need(pingpong_fill_room(me, TWO, 2 * FIT, 5) == 0);
	need(aether_pingpong_read_pinned(me, TWO, AETHER_PIN_TERM_MAX, &r) ==
	     0);
	ae_store64_relaxed(name_of(TWO, r.buffer), 0);
	mended = repair();
	ok(!mended || ae_host_now() >= r.until, "a reader has pinned it");
	aether_pingpong_read_end(&r);
	is_int(mended + repair(), 1, "until it ends, or its term does");
	is_int(look(), 0, "nothing else");
	two_end();
}

static void forged(void)
{
	uint64_t six = AETHER_KEPT_MAKE(AETHER_STATE_KEPT, 6, 0, 5);
	uint64_t third = AETHER_KEPT_MAKE(AETHER_STATE_KEPT, TWO, 2, 5);
	uint64_t tail = AETHER_CONT_MAKE(AETHER_STATE_CONT, 1, 5);

	two_begin();
	ae_store64_relaxed(&plane->leases[3].word, six);
	ae_store64_relaxed(&plane->leases[4].word, tail);
	ae_store64_relaxed(&plane->leases[7].word, third);
	look();
	is_int(h.of[AETHER_FINDING_KEPT_PAIR], 2, "no such pair, or buffer");
	is_int(h.wrong, 2, "its tail is not wrong");
	repair();
	is_int(h.of[AETHER_FINDING_KEPT_PAIR], 2, "told");
	ok(look() == 0 && used() == 0, "and freed, tails and all");
	two_end();
}

static void lengths(void)
{
	struct aether_word32 *said;
	struct aether_pingpong_write w;

	two_begin();
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t forged[] = { 2, 0, 70000 };

		need(pingpong_fill_room(me, TWO, 3 * FIT, 1) == 0);
		said = &run_of_active(TWO)->run;
		ae_store32_relaxed(said, forged[i]);
		look();
		ok(h.of[AETHER_FINDING_KEPT_RUN] == 1 && h.wrong == 1 &&
			   !h.repairable,
		   "length %u", forged[i]);
		is_int(repair(), 0, "is its next writer's to mend");
		need(pingpong_fill_room(me, TWO, 1, 1) == 0);
		need(aether_pingpong_begin(me, TWO, 0, &w) == 0);
		need(aether_pingpong_abandon(me, TWO) == 0);
		ok(look() == 0 && used() == 0, "who does");
	}
	two_end();
}

static void withdrawals(void)
{
	struct aether_word64 *said = &me->seat->withdrawal;
	uint64_t stamp = me->stamp;
	uint64_t fine = AETHER_WITHDRAWAL_MAKE(1, 3, 5, 9, stamp);
	uint64_t odd[] = { AETHER_WITHDRAWAL_MAKE(1, 60000, 5, 9, stamp),
			   AETHER_WITHDRAWAL_MAKE(1, 3, 60, 9, stamp),
			   AETHER_WITHDRAWAL_MAKE(0, 3, 5, 9, stamp),
			   fine | UINT64_C(1) << 63 };

	for (uint32_t i = 0; i < 4; i++) {
		ae_store64_relaxed(said, odd[i]);
		ok(only(AETHER_FINDING_WITHDRAWAL) && !h.wrong, "forged: %u",
		   i);
		is_int(repair(), 1, "cleared");
		ok(!ae_load64_relaxed(said) && look() == 0, "and well");
	}
	ae_store64_relaxed(said, fine);
	is_int(look(), 0, "one that can be");
	ae_store64_relaxed(said,
			   AETHER_WITHDRAWAL_MAKE(1, 60000, 60, 9, stamp + 1));
	is_int(look(), 0, "of another tenancy");
	ae_store64_relaxed(said, 0);
}

/* `gone` and odd bits in a holder word; `may`: gone alone is right there. */
static void holders(struct aether_word64 *word, uint32_t what, int may)
{
	uint64_t before = ae_load64_relaxed(word);
	uint64_t mine = ae_holder_make(me, 6);
	uint64_t gone = AETHER_HOLDER_MAKE(0, 0, 0, 6, 1);
	const char *name = aether_doctor_name(what);

	ae_store64_relaxed(word, gone);
	is_int(may ? look() == 0 : only(what), 1, "%s: gone", name);
	is_int(may ? 1 : repair(), 1, "%s: is cleared", name);
	ok(look() == 0, "%s: well", name);
	ae_store64_relaxed(word, gone | AETHER_HOLDER_MAKE(0, 3, 5, 0, 0));
	ok(only(what) && h.wrong == 1, "%s: nobody, with a name", name);
	is_int(repair(), 1, "%s: is nobody", name);
	ok(look() == 0, "%s: well", name);
	is_int((int64_t)AETHER_HOLDER_GONE(ae_load64_relaxed(word)), may,
	       "%s: what a pair's said stays", name);
	ae_store64_relaxed(word, mine);
	is_int(look(), 0, "%s: held", name);
	ae_store64_relaxed(word, mine | AETHER_HOLDER_MAKE(0, 0, 0, 0, 1));
	ok(only(what) && h.wrong == 1 && !h.repairable, "%s: held and gone",
	   name);
	is_int(repair(), 0, "%s: is its holder's", name);
	ae_store64_relaxed(word, before);
}

static void words(void)
{
	const struct aether_layout_records *r;
	struct aether_guard_seg *guards;
	uint32_t single = 0, pool = AETHER_IDX_SUPERVISOR_POOL;
	uint64_t epoch;

	two_begin();
	withdrawals();
	r = &plane->layout->guard_records;
	guards = (void *)(plane->base + r->offset);
	while (plane->layout->guards[single].mode != AETHER_GUARD_MODE_SINGLE)
		single++;
	need(aether_epoch_allocate(me, &epoch) == 0);
	need(aether_epoch_free(me, epoch) == 0);
	holders(&guards[single].writer, AETHER_FINDING_GUARD_BITS, 1);
	holders(&plane->epochs[pool].owner, AETHER_FINDING_EPOCH_BITS, 0);
	holders(&pingpong_record(plane, TWO)->writer, AETHER_FINDING_PAIR_BITS,
		1);
	two_end();
}

static void tests(void)
{
	shared = rig_shared(sizeof(*shared));
	at_work();
	kept();
	unnamed();
	in_use();
	forged();
	lengths();
	words();
}

int main(void)
{
	return rig_run(tests);
}
