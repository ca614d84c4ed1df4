/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor goes through a plane, thing by thing. A check looks at one thing
 * once and tells what it suspects; what is suspected is looked at twice more,
 * later, and counts if it is still the same, so that nobody's steps in between
 * are taken for a fault. It needs no memory but a list of some suspicions.
 */
#include "ae_doctor.h"
#include "ae_host.h"

#define LOOKS 2                       /* after the first */
#define PAUSE UINT64_C(60000000)      /* ns between two */
#define PAUSES UINT64_C(2000000000)   /* ns of them all; after that: */
#define SHORT_PAUSE UINT64_C(1000000) /* where so much is wrong */

#define ENTRY(ID, name, wrong, why) { name, why, wrong },
static const struct {
	const char *name;
	const char *why;
	int wrong;
} texts[] = { AETHER_FINDING_LIST(ENTRY) };
#undef ENTRY

const char *aether_doctor_name(uint32_t what)
{
	return what < AETHER_FINDINGS ? texts[what].name : NULL;
}

const char *aether_doctor_why(uint32_t what)
{
	return what < AETHER_FINDINGS ? texts[what].why
				      : "nothing that is known";
}

void ae_doctor_suspect(struct ae_doctor *d, const struct aether_finding *f)
{
	const struct aether_finding *first;

	if (d->again) {
		first = &d->again->finding;
		d->same |= first->what == f->what && first->where == f->where &&
			   first->index == f->index && first->slot == f->slot &&
			   first->found == f->found &&
			   first->repairable == f->repairable;
		return;
	}
	if (d->count == AE_SUSPICIONS)
		return;
	d->list[d->count] = (struct ae_suspicion) { .finding = *f,
						    .at = d->at,
						    .check = d->check };
	d->list[d->count++].finding.wrong = texts[f->what].wrong;
}

/* Lets those who live go on for a while. */
static void pause_a_while(struct ae_doctor *d)
{
	uint64_t ns = d->pause >= PAUSE ? PAUSE : SHORT_PAUSE;
	uint64_t until = ae_host_now() + ns;
	struct aether_word32 word = { 0 };

	if (!d->alive)
		return;
	d->pause -= d->pause >= PAUSE ? PAUSE : 0;
	while (ae_host_now() < until)
		ae_host_park(&word, 0, until);
}

/* Drops what is not as it was. */
static void look_again(struct ae_doctor *d)
{
	uint32_t kept = 0;

	d->box = 0; /* of many places of one box it is asked once */
	for (uint32_t i = 0; i < d->count; i++) {
		struct ae_suspicion one = d->list[i];

		d->again = &one;
		d->same = 0;
		one.check(d, one.at);
		if (d->same)
			d->list[kept++] = one;
	}
	d->again = NULL;
	d->box = 0;
	d->count = kept;
}

/* Who lives, as far as the kernel says. Of myself it says nothing. */
static void ask_who_lives(struct ae_doctor *d)
{
	d->alive = 0;
	for (uint32_t i = 0; i < d->plane->geometry.participants; i++)
		if (ae_host_life_test(d->plane, i) != 0)
			d->alive |= UINT64_C(1) << i;
	if (d->me)
		d->alive &= ~(UINT64_C(1) << d->me->slot);
}

/* What has stood all looks is told; and repaired, if that is wanted. */
static void judge(struct ae_doctor *d)
{
	if (d->count)
		ask_who_lives(d); /* somebody may have come meanwhile */
	for (int i = 0; i < LOOKS && d->count; i++) {
		pause_a_while(d);
		look_again(d);
	}
	for (uint32_t i = 0; i < d->count && !d->result; i++) {
		struct aether_finding *f = &d->list[i].finding;

		if (d->me && f->repairable)
			f->repaired = ae_doctor_mend(d, f);
		d->result = d->each(f, d->user);
	}
	d->count = 0;
}

static void check_all(struct ae_doctor *d,
		      void (*check)(struct ae_doctor *doctor, uint32_t index),
		      uint32_t count)
{
	d->check = check;
	for (uint32_t i = 0; i < count && !d->result; i++) {
		d->at = i;
		check(d, i);
		if (d->count > AE_SUSPICIONS - AE_SUSPICIONS_EACH)
			judge(d);
	}
}

static int examine_all(struct ae_doctor *d)
{
	const struct aether_layout *l = d->plane->layout;
	const struct aether_geometry *g = &d->plane->geometry;

	d->pause = PAUSES;
	ask_who_lives(d);
	check_all(d, ae_doctor_header, 1);
	check_all(d, ae_doctor_seat, g->participants);
	check_all(d, ae_doctor_box, g->participants);
	check_all(d, ae_doctor_place, g->participants * g->places);
	check_all(d, ae_doctor_lease, g->strides);
	check_all(d, ae_doctor_kept, g->strides);
	check_all(d, ae_doctor_route, g->strides);
	check_all(d, ae_doctor_register, g->strides);
	check_all(d, ae_doctor_epoch, AETHER_EPOCHS);
	check_all(d, ae_doctor_guard, l->guard_count);
	check_all(d, ae_doctor_pair, l->pair_count);
	check_all(d, ae_doctor_pin, l->pair_count * g->participants);
	if (ae_plane_lost(d->plane)) /* meanwhile: that is what is wrong */
		check_all(d, ae_doctor_header, 1);
	judge(d);
	return d->result;
}

/* `me` repairs; NULL: nobody does. */
static int
examine(const struct aether_plane *plane, struct aether_participant *me,
	int (*each)(const struct aether_finding *finding, void *user),
	void *user)
{
	struct ae_doctor doctor; /* large: only what is looked at is set */

	doctor.plane = plane;
	doctor.me = me;
	doctor.each = each;
	doctor.user = user;
	doctor.result = 0;
	doctor.count = doctor.box = 0;
	doctor.again = NULL;
	return examine_all(&doctor);
}

int aether_doctor_look(const struct aether_plane *plane,
		       int (*each)(const struct aether_finding *finding,
				   void *user),
		       void *user)
{
	return examine(plane, NULL, each, user);
}

int aether_doctor_repair(struct aether_participant *me,
			 int (*each)(const struct aether_finding *finding,
				     void *user),
			 void *user)
{
	ae_reap_all(me);
	return examine(me->plane, me, each, user);
}
