/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor where it does not see all leases: it says nothing of those that it
 * does not see and touches none; who sees them finds what is wrong there. And
 * what a dead withdrawer had in hand waits for somebody who sees it.
 */
#include "segments.h"
#include "victim.h"

struct heard {
	uint32_t wrong;
	uint32_t repairable;
	uint32_t repaired;
	uint32_t of[AETHER_FINDINGS];
};

static struct heard heard;

static int hear(const struct aether_finding *f, void *user)
{
	struct heard *h = user;

	h->wrong += f->wrong != 0;
	h->repairable += f->wrong && f->repairable;
	h->repaired += f->wrong && f->repaired;
	h->of[f->what]++;
	return 0;
}

static uint32_t look(const struct aether_plane *plane)
{
	heard = (struct heard) { .wrong = 0 };
	need(aether_doctor_look(plane, hear, &heard) == 0);
	return heard.wrong;
}

static uint32_t repair(struct aether_participant *me)
{
	heard = (struct heard) { .wrong = 0 };
	need(aether_doctor_repair(me, hear, &heard) == 0);
	return heard.wrong;
}

static struct aether_word64 *word_of(const struct aether_plane *plane,
				     uint32_t index)
{
	return &plane->leases[index].word;
}

/* Leases of all kinds in each segment, and mail. */
static void at_work(void)
{
	struct aether_plane *plane = divided(STRIDES, SEGMENTS, 0);
	struct aether_plane *part = again(plane, 12, 0, 0);
	struct aether_participant *me = rig_join(plane), *you = rig_join(plane);
	uint64_t to = aether_participant_tenancy(you), run;

	for (uint32_t i = 0; i < SEGMENTS; i++) {
		need(aether_route(me, reserve_in(me, i), to) == 0);
		need(aether_share(me, reserve_in(me, i), &to, 1, NULL) == 0);
		need(aether_stride_reserve_run_in(me, i, 3, &run) == 0);
		reserve_in(me, i);
	}
	is_int(look(plane), 0, "nothing is wrong in a plane at work");
	is_int(look(part), 0, "nor for one who sees two segments");
	is_int(heard.of[AETHER_FINDING_PLACE_ENTRY], 0,
	       "mail that it cannot look at is mail");
	/* a tail whose head is in another segment; a state that is none */
	ae_store64_relaxed(word_of(plane, 2 * EACH),
			   AETHER_CONT_MAKE(AETHER_STATE_CONT, 1, 0));
	ae_store64_relaxed(word_of(plane, 3 * EACH + 9), AETHER_STATE_SUSPECT);
	is_int(look(part), 0, "what it does not see it says nothing of");
	is_int(look(plane), 2, "who sees it does");
	is_int(heard.of[AETHER_FINDING_TAIL], 1, "a run from another segment");
	is_int(heard.of[AETHER_FINDING_LEASE_STATE], 1, "and no state");
	aether_participant_leave(me);
	aether_participant_leave(you);
	me = rig_join(plane);
	repair(me);
	ok(heard.wrong == 2 && heard.repaired == 2, "all of it is repaired");
	aether_participant_leave(me);
	ok(rig_all_free(plane), "all are free");
	aether_plane_detach(part);
	aether_plane_detach(plane);
}

static void holds_one(struct victim *v)
{
	reserve_in(v->me, 1);
}

/* One half of what that slot says that it sees is this instead; what is found
 * of it. */
static uint32_t forged(const struct aether_plane *plane,
		       struct aether_participant *of, uint32_t half,
		       uint64_t set, uint64_t stamp)
{
	uint32_t slot = (uint32_t)AETHER_TENANCY_SLOT(
		aether_participant_tenancy(of));
	struct aether_word64 *sight = &plane->seats[slot].sight[half];
	uint64_t good = ae_load64_relaxed(sight);

	ae_store64_relaxed(sight, good ^ AETHER_SIGHT_MAKE(set, stamp));
	look(plane);
	ae_store64_relaxed(sight, good);
	return heard.of[AETHER_FINDING_SIGHT];
}

/* What somebody sees, as his record says. */
static void sights(void)
{
	struct aether_plane *plane = divided(STRIDES, SEGMENTS, 0);
	struct aether_plane *part = again(plane, 12, 0, 0);
	struct aether_participant *me = rig_join(plane), *you = rig_join(part);
	uint64_t handle = reserve_in(you, 1);

	is_int(look(plane), 0, "both see what they say");
	is_int(forged(plane, you, 0, 0, 1), 1, "of another tenancy");
	ok(heard.wrong == 1 && !heard.repairable,
	   "which only its tenant could mend");
	is_int(forged(plane, you, 1, 0, 1), 1, "the other half, too");
	is_int(forged(plane, you, 0, 16, 0), 1, "a fifth segment of four");
	is_int(forged(plane, you, 1, 1, 0), 1, "and a 33rd");
	is_int(forged(plane, you, 0, 2, 0), 1, "not where it has a lease");
	is_int(forged(plane, you, 0, 1, 0), 0, "it may be, where it has none");
	need(aether_route(you, handle, aether_participant_tenancy(me)) == 0);
	is_int(forged(plane, me, 0, 2, 0), 1, "not where mail comes");
	is_int(forged(part, me, 0, 2, 0), 1, "also for one who sees less");
	is_int(forged(part, me, 0, 8, 0), 0, "not of what that one sees not");
	ae_store64_relaxed(&plane->seats[0].sight[0], 0);
	is_int(repair(me), 1, "my own");
	ok(heard.of[AETHER_FINDING_SIGHT] && heard.repaired == 1,
	   "I can mend, whatever it is");
	is_int(look(plane), 0, "and have");
	aether_participant_leave(you);
	aether_participant_leave(me);
	aether_plane_detach(part);
	aether_plane_detach(plane);
	plane = divided(STRIDES, 0, 0);
	me = rig_join(plane);
	is_int(forged(plane, me, 0, 1, 1), 0,
	       "undivided planes have no sights");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

/* A segment that there is not keeps nobody's slot. */
static void dead_sight(void)
{
	struct aether_plane *plane = divided(STRIDES, SEGMENTS, 0);
	struct aether_participant *me;
	struct victim v = { .act = holds_one, .plane = plane };
	struct aether_reap_report r;

	ae_posix_watch_free(plane);
	me = rig_join(plane);
	victim_ready(&v);
	for (int i = 0; i < AE_SIGHT_HALVES; i++) {
		struct aether_word64 *sight =
			&plane->seats[victim_slot(&v)].sight[i];

		ae_store64_relaxed(
			sight, ae_load64_relaxed(sight) |
				       AETHER_SIGHT_MAKE(UINT64_C(1) << 31, 0));
	}
	victim_kill(&v);
	aether_reap(me, &r);
	ok(r.dead == 1 && !r.unseen && rig_all_free(plane),
	   "who sees all there is settles a dead one of more");
	aether_participant_leave(me);
	aether_plane_detach(plane);
}

/* Header fields of segments. */
static void headers(void)
{
	struct aether_plane *plane = divided(STRIDES, SEGMENTS, 0);

	plane->header->segments = 2;
	plane->header->segment_strides = 2 * EACH;
	look(plane);
	is_int(heard.of[AETHER_FINDING_HEADER], 1, "divided otherwise");
	plane->header->segments = SEGMENTS;
	plane->header->segment_strides = EACH;
	is_int(look(plane), 0, "well again");
	aether_plane_detach(plane);
}

static void sends_mail(struct victim *v)
{
	uint64_t handle = reserve_in(v->me, 2);

	v->told->handles[0] = handle;
	need(aether_route(v->me, handle, v->to[0]) == 0);
}

/* Steps W0 and W1 by hand, as the victim would; then it is killed. */
static void die_withdrawing(struct victim *v, uint64_t said)
{
	struct aether_word64 *word = word_of(
		v->plane, victim_stride(v->told->handles[0]));
	uint64_t mail = ae_load64_relaxed(word);

	ae_store64_relaxed(&v->plane->seats[victim_slot(v)].withdrawal, said);
	ae_store64_relaxed(word,
			   AETHER_LEASE_MAKE(AETHER_STATE_BUSY, victim_slot(v),
					     AETHER_TENANCY_STAMP(v->tenancy),
					     0, 0) |
				   (mail & ~AE_NAMED));
	victim_kill(v);
}

/* It was killed between W1 and W2, in a segment that not all see. */
static void withdrawing(void)
{
	struct aether_plane *plane = divided(STRIDES, SEGMENTS, 0), *part;
	struct aether_participant *me, *you, *all;
	struct victim v = { .act = sends_mail, .plane = plane };
	struct aether_reap_report r;
	struct aether_word64 *word;
	uint64_t mail, said, taken = 0;

	ae_posix_watch_free(plane);
	part = again(plane, 12, 0, 0);
	ae_posix_watch_free(part);
	me = rig_join(part);
	you = rig_join(plane);
	v.to[0] = aether_participant_tenancy(you);
	victim_ready(&v);
	word = word_of(plane, victim_stride(v.told->handles[0]));
	mail = ae_load64_relaxed(word);
	said = AETHER_WITHDRAWAL_MAKE(1, victim_stride(v.told->handles[0]),
				      AETHER_LEASE_SEAT(mail),
				      AETHER_LEASE_STAMP(mail),
				      AETHER_TENANCY_STAMP(v.tenancy));
	die_withdrawing(&v, said);
	aether_reap(me, &r);
	ok(r.unseen == 1 && !r.dead && !r.freed,
	   "who does not see it leaves it");
	ok(ae_load64_relaxed(word) != mail &&
		   ae_load64_relaxed(
			   &plane->seats[victim_slot(&v)].withdrawal) == said,
	   "and what was said of it");
	look(part);
	ok(heard.of[AETHER_FINDING_SEAT_DEAD] == 1 && !heard.repairable,
	   "the doctor who does not see it says that others must");
	look(plane);
	is_int(heard.of[AETHER_FINDING_LEASE_GONE], 1, "who does finds it");
	is_int(heard.repairable, heard.wrong, "and can repair it");
	all = rig_join(plane);
	is_int(repair(all), 0, "a reap does, before it looks");
	is_int(aether_route_take(you, &taken), 0, "it is your mail again");
	ok(taken == v.told->handles[0], "the same");
	is_int(victim_deaths(plane), 1, "one death was counted");
	aether_participant_leave(all);
	aether_participant_leave(you);
	aether_participant_leave(me);
	ok(rig_all_free(plane), "all are free");
	aether_plane_detach(part);
	aether_plane_detach(plane);
}

/* The same, and somebody wrote over the name of the addressee. */
static void sent_to_the_blind(void)
{
	struct aether_plane *plane = divided(STRIDES, SEGMENTS, 0), *part;
	struct aether_participant *me, *you;
	struct victim v = { .act = sends_mail, .plane = plane };
	struct aether_reap_report r;
	uint64_t blind;

	ae_posix_watch_free(plane);
	part = again(plane, 12, 0, 0);
	ae_posix_watch_free(part);
	me = rig_join(part);
	you = rig_join(plane);
	v.to[0] = aether_participant_tenancy(you);
	victim_ready(&v);
	blind = aether_participant_tenancy(me);
	die_withdrawing(
		&v, AETHER_WITHDRAWAL_MAKE(1, victim_stride(v.told->handles[0]),
					   AETHER_TENANCY_SLOT(blind),
					   AETHER_TENANCY_STAMP(blind),
					   AETHER_TENANCY_STAMP(v.tenancy)));
	aether_reap(you, &r);
	ok(r.dead == 1 && r.freed == 1,
	   "nobody is sent what he does not see: it ends");
	aether_participant_leave(you);
	aether_participant_leave(me);
	ok(rig_all_free(plane), "all are free");
	aether_plane_detach(part);
	aether_plane_detach(plane);
}

static void tests(void)
{
	at_work();
	sights();
	dead_sight();
	headers();
	withdrawing();
	sent_to_the_blind();
}

int main(void)
{
	return rig_run(tests);
}
