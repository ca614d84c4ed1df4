/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is killed while it withdraws (drop-oldest) has not withdrawn: the mail is
 * on its way again, as it was, be it the dead one's or somebody else's that had
 * gone round. The words are set up by hand as a withdrawer leaves them; also as
 * nobody leaves them.
 */
#include "victim.h"

#define SIZE 65536
#define STRIDES 8

static struct aether_plane *plane;
static struct aether_participant *me, *you; /* the dead one's heir; addressee */
static struct aether_reap_report report;
static struct victim v;
static uint64_t mail;

static void send_mail(struct victim *victim)
{
	victim->told->handles[0] = rig_reserve(victim->me);
	need(aether_route(victim->me, victim->told->handles[0],
			  victim->to[0]) == 0);
}

/* One has sent you its mail, and I am its heir. */
static void begin(void)
{
	plane = victim_quiet(STRIDES, SIZE, 8);
	me = rig_join(plane);
	you = rig_join(plane);
	v = (struct victim) { .act = send_mail, .plane = plane };
	v.heir = aether_participant_tenancy(me);
	v.to[0] = aether_participant_tenancy(you);
	victim_ready(&v);
	mail = v.told->handles[0];
}

static struct aether_word64 *mail_word(void)
{
	return &plane->leases[victim_stride(mail)].word;
}

static uint64_t withdrawal_of_mail(void)
{
	uint64_t word = ae_load64_relaxed(mail_word());

	return AETHER_WITHDRAWAL_MAKE(1, victim_stride(mail),
				      AETHER_LEASE_SEAT(word),
				      AETHER_LEASE_STAMP(word),
				      AETHER_TENANCY_STAMP(v.tenancy));
}

/* Steps W0 and W1 of the victim, by hand; then it is killed. */
static void die_withdrawing(uint64_t withdrawal)
{
	uint64_t word = ae_load64_relaxed(mail_word());
	uint64_t busy = AETHER_LEASE_MAKE(AETHER_STATE_BUSY, victim_slot(&v),
					  AETHER_TENANCY_STAMP(v.tenancy), 0,
					  0) |
			(word & ~AE_NAMED);

	ae_store64_relaxed(&plane->seats[victim_slot(&v)].withdrawal,
			   withdrawal);
	need(ae_cas64_seq_cst(mail_word(), word, busy) == word);
	victim_kill(&v);
}

static void end(const char *what)
{
	aether_participant_leave(you);
	aether_participant_leave(me);
	ok(rig_all_free(plane), "%s: all free in the end", what);
	need(aether_plane_detach(plane) == 0);
}

static int reports(uint32_t freed, uint32_t inherited, uint32_t suspect)
{
	memset(&report, 0xFF, sizeof(report));
	need(aether_reap(me, &report) == 0);
	if (report.dead == 1 && report.freed == freed &&
	    report.inherited == inherited && report.suspect == suspect &&
	    !report.pending)
		return 1;
	printf("# dead %u freed %u inherited %u suspect %u pending %u\n",
	       report.dead, report.freed, report.inherited, report.suspect,
	       report.pending);
	return 0;
}

static int take(struct aether_participant *who)
{
	uint64_t handle = 0;
	int err = aether_route_take(who, &handle);

	return err ? err : handle == mail ? 0 : AETHER_ESTALE;
}

/* Whoever took it may use it at once: it is not suspect. */
static int is_whole(struct aether_participant *who)
{
	return aether_stride_bytes(who, mail, NULL, &(void *) { NULL }) == 0;
}

static void ones_own(void)
{
	begin();
	die_withdrawing(withdrawal_of_mail());
	ok(reports(0, 0, 0), "withdrawn from you, and killed: nothing ends");
	is_int(take(me), AETHER_EEMPTY, "the heir does not get it");
	is_int(take(you), 0, "it is your mail again");
	ok(is_whole(you), "and whole");
	end("one's own");
}

/* You had taken it, and sent it to yourself: it is your mail from you. It was
 * looked at while it was the dead one's, and is known to come. */
static void went_round(int early)
{
	uint64_t word;

	begin();
	word = ae_load64_relaxed(mail_word());
	need(take(you) == 0);
	need(aether_route(you, mail, aether_participant_tenancy(you)) == 0);
	ok(ae_load64_relaxed(mail_word()) == word, "the word is the same");
	die_withdrawing(withdrawal_of_mail());
	if (early)
		is_int(take(you), AETHER_EEMPTY, "it is not there yet");
	ok(reports(0, 0, 0), "it went round, and its first sender is killed");
	is_int(take(me), AETHER_EEMPTY, "the heir does not get it");
	is_int(take(you), 0, "your mail comes");
	ok(is_whole(you), "whole");
	end("went round");
}

static void suspect(void)
{
	uint64_t word;

	begin();
	word = ae_load64_relaxed(mail_word());
	need(ae_cas64_seq_cst(mail_word(), word, word | AE_SUSPECT) == word);
	die_withdrawing(withdrawal_of_mail());
	ok(reports(0, 0, 0), "what was suspect, and withdrawn");
	is_int(take(you), 0, "is on its way");
	ok(!is_whole(you), "as suspect as it was");
	is_int(aether_stride_accept(you, mail), 0, "and can be accepted");
	end("suspect");
}

/* The addressee leaves while it is withdrawn: it does not see it. */
static void addressee_left(int heir)
{
	struct aether_participant *third;
	uint64_t withdrawal;

	begin();
	third = rig_join(plane);
	if (heir)
		need(aether_participant_heir(
			     you, aether_participant_tenancy(third)) == 0);
	withdrawal = withdrawal_of_mail();
	die_withdrawing(withdrawal);
	aether_participant_leave(you);
	you = third;
	if (heir)
		ok(reports(0, 1, 0), "to one who has left: its heir's");
	else
		ok(reports(1, 0, 0), "to one who has left no heir: it ends");
	is_int(take(me), AETHER_EEMPTY, "the withdrawer's heir gets nothing");
	is_int(take(you), heir ? 0 : AETHER_EEMPTY, "the addressee's does");
	ok(!heir || is_whole(you), "and it is whole");
	end("left");
}

/* It died at work on that stride, for all that the record says. */
static void at_work(uint64_t withdrawal, const char *why)
{
	die_withdrawing(withdrawal);
	ok(reports(0, 1, 1), "%s: it was at work", why);
	is_int(take(you), AETHER_EEMPTY, "%s: not yours", why);
	is_int(take(me), 0, "%s: its heir's", why);
	ok(!is_whole(me), "%s: suspect", why);
	end(why);
}

static uint64_t changed(uint64_t stride, uint64_t slot, uint64_t of,
			uint64_t named)
{
	uint64_t w = withdrawal_of_mail();

	return AETHER_WITHDRAWAL_MAKE(named,
				      AETHER_WITHDRAWAL_STRIDE(w) + stride,
				      AETHER_WITHDRAWAL_SLOT(w) + slot,
				      AETHER_WITHDRAWAL_STAMP(w),
				      AETHER_WITHDRAWAL_OF(w) + of);
}

static void others(void)
{
	begin();
	at_work(0, "nothing withdrawn");
	begin();
	at_work(changed(0, 0, 0, 0), "not named");
	begin();
	at_work(changed(1, 0, 0, 1), "another stride");
	begin();
	at_work(changed(0, 0, 1, 1), "another's");
	begin();
	at_work(changed(0, 7, 0, 1), "a slot that is not there");
	begin();
	at_work(UINT64_MAX, "all bits set");
}

/* To a tenancy that never was: nobody's. */
static void forged(void)
{
	uint64_t w;

	begin();
	w = withdrawal_of_mail();
	w += UINT64_C(77) << AETHER_WITHDRAWAL_STAMP_SHIFT;
	die_withdrawing(w);
	ok(reports(1, 0, 0), "to a tenancy that never was: it ends");
	end("forged");
}

static uint64_t said(uint32_t slot)
{
	return ae_load64_relaxed(&plane->seats[slot].withdrawal);
}

/* Who lives says nothing for longer than it does it. */
static void alive(void)
{
	uint64_t to, first;
	uint32_t slot;

	begin();
	slot = me->slot;
	to = aether_participant_tenancy(you);
	need(aether_route_set(me, to, 1, AETHER_POLICY_DROP_OLDEST) == 0);
	first = rig_reserve(me);
	need(aether_route(me, first, to) == 0);
	need(aether_route(me, rig_reserve(me), to) == 0);
	is_int(me->counts.dropped, 1, "one is withdrawn");
	ok(!said(slot), "and no longer said to be");
	victim_kill(&v);
	ok(reports(0, 0, 0), "another dies");
	aether_participant_leave(me);
	ok(!said(slot), "nothing is left behind");
	me = rig_join(plane);
	end("alive");
}

static void tests(void)
{
	ones_own();
	went_round(0);
	went_round(1);
	suspect();
	addressee_left(1);
	addressee_left(0);
	others();
	forged();
	alive();
}

int main(void)
{
	return rig_run(tests);
}
