/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting and failing, for all stages. A stage waits in rounds: after each it
 * looks whether the stages that it needs still live, so that none waits for
 * ever for one that was killed. Those it routes to are known by tenancy; those
 * that feed it only by role, and only if asked for.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "stage.h"

/* A round: long enough to cost nothing, short enough for people. */
#define ROUND_NS UINT64_C(200000000)

uint64_t ae_stage_round(void)
{
	return ROUND_NS;
}

void ae_stage_init(struct ae_stage *stage, struct aether_participant *me,
		   struct aether_error *error,
		   struct aether_flow_report *report)
{
	memset(stage, 0, sizeof(*stage));
	memset(report, 0, sizeof(*report));
	stage->me = me;
	stage->plane = aether_participant_plane(me);
	stage->error = error;
	stage->report = report;
}

void ae_stage_peer(struct ae_stage *stage, uint64_t tenancy, const char *role)
{
	struct ae_peer *peer = &stage->peer[stage->peers++];

	peer->tenancy = tenancy;
	peer->role = role;
}

int ae_stage_fail(struct ae_stage *stage, int code, int os, const char *what,
		  ...)
{
	va_list list;

	va_start(list, what);
	aether_error_vfill(stage->error, code, os, what, list);
	va_end(list);
	return code;
}

int ae_stage_refused(struct ae_stage *stage, int code, const char *what)
{
	return ae_stage_fail(stage, code, 0, "%s: %s", what,
			     aether_error_message(code));
}

/* The peer has left, or has died. */
static int lost(struct ae_stage *stage, uint64_t tenancy, const char *how)
{
	const char *role = "next stage";

	for (uint32_t i = 0; i < stage->peers; i++)
		if (stage->peer[i].tenancy == tenancy)
			role = stage->peer[i].role;
	return ae_stage_fail(stage, AETHER_ESTAGE, 0,
			     "the %s in slot %u %s before the stream ended; "
			     "see what it said, and run all stages again.",
			     role, (unsigned int)AETHER_TENANCY_SLOT(tenancy),
			     how);
}

static int watch_peer(struct ae_stage *stage, const struct ae_peer *peer)
{
	struct aether_participant_info info;
	uint32_t slot = (uint32_t)AETHER_TENANCY_SLOT(peer->tenancy);

	if (aether_participant_look(stage->plane, slot, &info) < 0 ||
	    info.tenancy != peer->tenancy)
		return lost(stage, peer->tenancy, "has left");
	if (!info.alive)
		return lost(stage, peer->tenancy, "died");
	return 0;
}

/* Does anybody live in one of these roles? */
static int is_fed(const struct ae_stage *stage)
{
	uint64_t mine = aether_participant_tenancy(stage->me);
	struct aether_participant_info info;

	for (uint32_t slot = 0; slot < AETHER_PARTICIPANTS_MAX; slot++) {
		if (aether_participant_look(stage->plane, slot, &info) < 0)
			break;
		if (info.tenancy && info.tenancy != mine && info.alive &&
		    info.role < 32 && stage->patience.feeders >> info.role & 1)
			return 1;
	}
	return 0;
}

int ae_stage_lost(struct ae_stage *stage, uint64_t tenancy)
{
	return lost(stage, tenancy, "has left");
}

int ae_stage_watch(struct ae_stage *stage)
{
	int rc;

	for (uint32_t i = 0; i < stage->peers; i++) {
		rc = watch_peer(stage, &stage->peer[i]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int ae_stage_reserve(struct ae_stage *stage, uint64_t *handle)
{
	int rc;

	do {
		rc = aether_stride_reserve_until(
			stage->me, aether_clock_after(ROUND_NS), handle);
		if (rc == 0 || rc == AETHER_EAGAIN)
			continue;
		if (rc != AETHER_ETIMEDOUT)
			return ae_stage_refused(stage, rc,
						"reserving a stride");
		rc = ae_stage_watch(stage);
		if (rc == 0)
			rc = ae_stage_starved(stage);
		if (rc < 0)
			return rc;
		rc = AETHER_ETIMEDOUT;
	} while (rc < 0);
	return 0;
}

int ae_stage_route(struct ae_stage *stage, uint64_t handle, uint64_t to)
{
	int rc;

	do {
		rc = aether_route_until(stage->me, handle, to,
					aether_clock_after(ROUND_NS));
		if (rc == 0 || rc == AETHER_EAGAIN)
			continue;
		if (rc == AETHER_EGONE)
			return ae_stage_lost(stage, to);
		if (rc != AETHER_ETIMEDOUT)
			return ae_stage_refused(stage, rc, "routing a stride");
		rc = ae_stage_watch(stage);
		if (rc < 0)
			return rc;
		rc = AETHER_ETIMEDOUT;
	} while (rc < 0);
	return 0;
}

/* Nothing came for a round. */
static int missing(struct ae_stage *stage, uint64_t *handle)
{
	const struct aether_flow_patience *patience = &stage->patience;
	int rc = ae_stage_watch(stage);

	if (rc < 0)
		return rc;
	if (!stage->begun) {
		if (!patience->first || aether_clock_now() < patience->first)
			return AETHER_EAGAIN;
		return ae_stage_fail(stage, AETHER_ETIMEDOUT, 0,
				     "no stream came in the time given; start "
				     "an ingress on this plane.");
	}
	if (!patience->feeders || is_fed(stage))
		return AETHER_EAGAIN;
	/* The last of them may have routed something and then left. */
	rc = aether_route_take(stage->me, handle);
	if (rc != AETHER_EEMPTY)
		return rc;
	return ae_stage_fail(stage, AETHER_ESTAGE, 0,
			     "the stages before this one have left before the "
			     "stream ended; see what they said, and run all "
			     "stages again.");
}

int ae_stage_take(struct ae_stage *stage, uint64_t *handle)
{
	uint64_t deadline;
	int rc;

	do {
		deadline = aether_clock_after(ROUND_NS);
		if (!stage->begun && stage->patience.first &&
		    stage->patience.first < deadline)
			deadline = stage->patience.first;
		rc = aether_route_take_until(stage->me, deadline, handle);
		if (rc == AETHER_ETIMEDOUT) {
			rc = missing(stage, handle);
			if (rc == AETHER_ETIMEDOUT || rc == AETHER_ESTAGE)
				return rc;
		}
	} while (rc == AETHER_EAGAIN);
	if (rc < 0)
		return ae_stage_refused(stage, rc, "taking a stride");
	stage->begun = 1;
	return 0;
}
