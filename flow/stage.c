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

/* Wakes are owed for so many strides of the usual size: few enough not to be
 * noticed. A stage makes so many calls a stride that can wake others. */
#define BATCH 8
#define CALLS 2

/* So many strides of the usual size, or more smaller ones: what a hand-over
 * costs does not depend on the size. */
static uint64_t as_bytes(const struct aether_geometry *g, uint32_t strides)
{
	if (g->stride_size >= AETHER_STRIDE_SIZE_DEFAULT)
		return strides;
	return strides * (AETHER_STRIDE_SIZE_DEFAULT / g->stride_size);
}

/* A quarter of all strides at most, so that those who are parked never run out
 * of work. */
static uint32_t batch_of(const struct aether_plane *plane)
{
	struct aether_plane_info info;
	uint64_t batch;

	aether_plane_look(plane, &info);
	batch = as_bytes(&info.geometry, BATCH);
	return batch < info.geometry.strides / 4 ? (uint32_t)batch
						 : info.geometry.strides / 4;
}

uint32_t ae_stage_depth(const struct ae_stage *stage, uint32_t asked,
			uint32_t usual)
{
	struct aether_plane_info info;
	uint64_t depth;

	if (asked)
		return asked == AETHER_FLOW_DEPTH_NONE ? 0 : asked;
	aether_plane_look(stage->plane, &info);
	depth = as_bytes(&info.geometry, usual);
	if (depth > info.geometry.strides / 4)
		depth = info.geometry.strides / 4;
	return depth > usual ? (uint32_t)depth : usual;
}

uint64_t ae_stage_round(void)
{
	return ROUND_NS;
}

void ae_stage_init(struct ae_stage *stage, struct aether_participant *me,
		   uint32_t role, struct aether_error *error,
		   struct aether_flow_report *report)
{
	memset(stage, 0, sizeof(*stage));
	memset(report, 0, sizeof(*report));
	stage->me = me;
	stage->plane = aether_participant_plane(me);
	stage->error = error;
	stage->report = report;
	stage->role = role;
	aether_wake_defer(me, CALLS * batch_of(stage->plane));
}

void ae_stage_end(struct ae_stage *stage)
{
	aether_wake_defer(stage->me, 0);
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
	uint32_t right = ae_stage_right(stage->role);

	if (code == AETHER_EACCES)
		return aether_segment_refuse(stage->plane, right, stage->error,
					     "%s: %s, the right %s is needed",
					     what, aether_error_message(code),
					     aether_segment_right_name(right));
	return ae_stage_fail(stage, code, 0, "%s: %s", what,
			     aether_error_message(code));
}

static const char *role_of(const struct ae_stage *stage, uint64_t tenancy)
{
	const char *role = "next stage";

	for (uint32_t i = 0; i < stage->peers; i++)
		if (stage->peer[i].tenancy == tenancy)
			role = stage->peer[i].role;
	return role;
}

/* The peer has left, or has died. */
static int lost(struct ae_stage *stage, uint64_t tenancy, const char *how)
{
	return ae_stage_fail(stage, AETHER_ESTAGE, 0,
			     "the %s in slot %u %s before the stream ended; "
			     "see what it said, and run all stages again.",
			     role_of(stage, tenancy),
			     (unsigned int)AETHER_TENANCY_SLOT(tenancy), how);
}

int ae_stage_not_routed(struct ae_stage *stage, int code, uint64_t handle,
			uint64_t to)
{
	uint32_t segment = 0;

	if (code != AETHER_EACCES)
		return ae_stage_refused(stage, code, "routing a stride");
	/* how it came to the plane is not known here */
	aether_segment_of(stage->plane, (uint32_t)AETHER_HANDLE_STRIDE(handle),
			  &segment);
	return ae_stage_fail(stage, code, 0,
			     "the %s in slot %u does not see segment %u, where "
			     "the stream lies; give its user the right write "
			     "there, by aether grant or by the modes of its "
			     "files.",
			     role_of(stage, to),
			     (unsigned int)AETHER_TENANCY_SLOT(to), segment);
}

/* Does the tenancy sit there, alive or dead? */
static int look(const struct ae_stage *stage, uint64_t tenancy,
		struct aether_participant_info *info)
{
	uint32_t slot = (uint32_t)AETHER_TENANCY_SLOT(tenancy);

	return aether_participant_look(stage->plane, slot, info) == 0 &&
	       info->tenancy == tenancy;
}

int ae_stage_is_there(const struct ae_stage *stage, uint64_t tenancy)
{
	struct aether_participant_info info;

	return look(stage, tenancy, &info) && info.alive;
}

static int watch_peer(struct ae_stage *stage, const struct ae_peer *peer)
{
	struct aether_participant_info info;

	if (!look(stage, peer->tenancy, &info))
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

int ae_stage_interrupted(struct ae_stage *stage, const char *what)
{
	if (stage->stopped && !stage->stopped())
		return 0;
	return ae_stage_refused(stage, AETHER_EINTR, what);
}

/* What an answer other than 0 means for who waits: AETHER_EAGAIN: wait on. */
static int judge(struct ae_stage *stage, int rc, const char *what)
{
	switch (rc) {
	case AETHER_EAGAIN:
		return rc;
	case AETHER_EINTR:
		rc = ae_stage_interrupted(stage, what);
		return rc < 0 ? rc : AETHER_EAGAIN;
	case AETHER_ETIMEDOUT:
		rc = ae_stage_watch(stage);
		return rc < 0 ? rc : AETHER_EAGAIN;
	default:
		return ae_stage_refused(stage, rc, what);
	}
}

int ae_stage_reserve_within(struct ae_stage *stage, uint64_t ns,
			    uint64_t *handle)
{
	int rc = aether_stride_reserve_until(stage->me, aether_clock_after(ns),
					     handle);

	return rc < 0 ? judge(stage, rc, "reserving a stride") : 0;
}

int ae_stage_reserve(struct ae_stage *stage, uint64_t *handle)
{
	int rc;

	do
		rc = ae_stage_reserve_within(stage, ROUND_NS, handle);
	while (rc == AETHER_EAGAIN);
	return rc;
}

int ae_stage_route(struct ae_stage *stage, uint64_t handle, uint64_t to)
{
	int rc;

	do {
		rc = aether_route_until(stage->me, handle, to,
					aether_clock_after(ROUND_NS));
		if (rc == AETHER_EGONE)
			return ae_stage_lost(stage, to);
		if (rc == AETHER_EACCES)
			return ae_stage_not_routed(stage, rc, handle, to);
		if (rc < 0)
			rc = judge(stage, rc, "routing a stride");
	} while (rc == AETHER_EAGAIN);
	return rc;
}

static int are_all_there(const struct ae_stage *stage)
{
	uint32_t i = 0;

	while (i < stage->peers &&
	       ae_stage_is_there(stage, stage->peer[i].tenancy))
		i++;
	return i == stage->peers;
}

int ae_stage_missing(struct ae_stage *stage, uint64_t *handle)
{
	const struct aether_flow_patience *patience = &stage->patience;
	int rc;

	if (!are_all_there(stage)) {
		int told = stage->teller &&
			   ae_stage_is_there(stage, stage->teller);

		/* who is not may have routed something before */
		rc = aether_route_take(stage->me, handle);
		if (rc == 0)
			return 0;
		/* the stream may be out, and nobody has told me yet */
		return told ? AETHER_EAGAIN : ae_stage_watch(stage);
	}
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
	if (rc == 0)
		return 0;
	if (rc != AETHER_EEMPTY)
		return ae_stage_refused(stage, rc, "taking a stride");
	return ae_stage_fail(stage, AETHER_ESTAGE, 0,
			     "the stages before this one have left before the "
			     "stream ended; see what they said, and run all "
			     "stages again.");
}

int ae_stage_take_within(struct ae_stage *stage, uint64_t ns, uint64_t *handle)
{
	int rc = aether_route_take_until(stage->me, aether_clock_after(ns),
					 handle);

	if (rc == 0 || rc == AETHER_ETIMEDOUT)
		return rc == 0 ? 0 : AETHER_EAGAIN;
	return judge(stage, rc, "taking a stride");
}

/* A round, or less if the time for the first stride ends before. */
static uint64_t round_of(const struct ae_stage *stage)
{
	uint64_t now, first = stage->patience.first;

	if (stage->begun || !first)
		return ROUND_NS;
	now = aether_clock_now();
	if (first <= now)
		return 0;
	return first - now < ROUND_NS ? first - now : ROUND_NS;
}

int ae_stage_take(struct ae_stage *stage, uint64_t *handle)
{
	int rc;

	do {
		rc = ae_stage_take_within(stage, round_of(stage), handle);
		if (rc == AETHER_EAGAIN)
			rc = ae_stage_missing(stage, handle);
	} while (rc == AETHER_EAGAIN);
	if (rc == 0)
		stage->begun = 1;
	return rc;
}
