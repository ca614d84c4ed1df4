/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run that stands still. Stages of a sound plane never all wait for each
 * other; where somebody wrote over the plane a stride may be lost, and then all
 * wait for it, for ever. Seen from outside: each stage that runs has waited
 * anew, in rounds, as its counter in the plane says, and none has moved a
 * stride, as its report says, which is out of reach of whoever writes over the
 * plane. A slow burn, an input that is silent, an output that is full, a stage
 * that is stopped: those wait in no round. Who waits for space in a plane that
 * others use as well may be right to, whoever made it.
 */
#include "run.h"

#include <string.h>

#define STILL_NS UINT64_C(3000000000)
#define ROUNDS_LEAST 3

/* What the counters of a stage said. 1: it can be asked. */
static int look(const struct run *run, uint32_t stage, struct run_mark *mark)
{
	uint64_t tenancy = run->shared->seats[stage].tenancy;
	const struct aether_flow_report *r = &run->shared->seats[stage].report;
	struct aether_participant_info info;

	memset(mark, 0, sizeof(*mark));
	mark->runs = run->pids[stage] > 0 &&
		     run->statuses[stage] == RUN_RUNNING;
	if (!mark->runs ||
	    aether_participant_look(run->plane,
				    (uint32_t)AETHER_TENANCY_SLOT(tenancy),
				    &info) < 0 ||
	    info.tenancy != tenancy)
		return !mark->runs;
	mark->tenancy = tenancy;
	mark->moved = r->strides + r->bytes_in + r->bytes_out + r->again;
	mark->waits = info.counts.waits;
	mark->full = info.counts.full;
	return 1;
}

static int has_moved(const struct run_mark *before, const struct run_mark *now)
{
	return before->runs != now->runs || before->tenancy != now->tenancy ||
	       before->moved != now->moved;
}

static int is_mine(const struct run *run, uint64_t tenancy)
{
	uint32_t i = 0;

	while (i < run->stages && run->shared->seats[i].tenancy != tenancy)
		i++;
	return i < run->stages;
}

/* Does anybody else live in the plane, who may have the strides? The kernel
 * says so, and no word that can be written over. */
static int has_others(const struct run *run)
{
	struct aether_participant_info info;

	for (uint32_t i = 0; aether_participant_look(run->plane, i, &info) == 0;
	     i++)
		if (info.alive && !is_mine(run, info.tenancy))
			return 1;
	return 0;
}

/* Nothing has moved since the marks were made: is that because all wait? */
static int all_wait(const struct run *run, const struct run_mark *now)
{
	int alone = !run->others && !has_others(run);
	int running = 0;

	for (uint32_t i = 0; i < run->stages; i++) {
		const struct run_mark *before = &run->marks[i];

		running |= now[i].runs;
		if (now[i].runs &&
		    (now[i].waits - before->waits < ROUNDS_LEAST ||
		     (!alone && now[i].full != before->full)))
			return 0;
	}
	return running;
}

int run_stands_still(struct run *run)
{
	struct run_mark now[RUN_STAGES_MAX];
	uint64_t time = aether_clock_now();
	int moves = !run->began || !run->marked;

	for (uint32_t i = 0; i < run->stages; i++)
		moves |= !look(run, i, &now[i]) ||
			 has_moved(&run->marks[i], &now[i]);
	if (!moves && time - run->marked < STILL_NS)
		return 0;
	if (!moves && all_wait(run, now))
		return 1;
	memcpy(run->marks, now, sizeof(now));
	run->others = has_others(run);
	run->marked = time;
	return 0;
}

/* Notes are told more slowly than faults, and nobody waits for thousands. */
#define NOTES_MAX 1024

struct first {
	struct aether_finding finding; /* the first that is wrong */
	uint32_t notes;                /* before it */
};

static int find(const struct aether_finding *finding, void *user)
{
	struct first *first = user;

	if (!finding->wrong)
		return ++first->notes > NOTES_MAX;
	first->finding = *finding;
	return 1;
}

int run_stall_explain(const struct run *run, struct aether_error *error)
{
	struct first first = { .notes = 0 };

	aether_doctor_look(run->plane, find, &first);
	if (!first.finding.wrong)
		return cli_error(error, AETHER_ECORRUPT, 0,
				 "every stage waits for another, and nothing "
				 "moves: a stride was lost, for somebody wrote "
				 "over the plane; there is no output, run it "
				 "again.");
	return cli_error(error, AETHER_ECORRUPT, 0,
			 "every stage waits for another, and nothing moves: "
			 "somebody wrote over the plane (%s, %u: %s); there is "
			 "no output, run it again.",
			 aether_doctor_name(first.finding.what),
			 first.finding.index,
			 aether_doctor_why(first.finding.what));
}
