/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The appliance's worker: takes a stride, burns it where it lies, routes it to
 * where the orchestrator said. First it makes that one its heir, so that
 * nothing is lost with it. It trusts nothing that it reads: a piece that
 * reaches a burn lies within its stride and is in whole tiles.
 */
#include "stage.h"

struct bench {
	const struct aether_flow_appliance *options;
	struct ae_stage stage;
	uint64_t next; /* where the last stride went */
	int slow;      /* the last burn was */
};

/* A burn of so many ns is slow: what a wake costs, and more. */
#define SLOW_NS 20000

static int burn(struct bench *b, const struct ae_cargo *cargo)
{
	struct aether_piece piece = { .bytes = cargo->bytes,
				      .length = cargo->padded,
				      .offset = cargo->parcel.position,
				      .format = cargo->format,
				      .tile = cargo->tile };
	const struct aether_burn *burns = b->options->burns;
	int rc;

	for (uint32_t i = 0; i < b->options->count; i++) {
		rc = aether_burn_takes(&burns[i], piece.format, b->stage.error);
		if (rc < 0)
			return rc;
		rc = burns[i].burn(burns[i].state, &piece);
		if (rc != 0)
			return ae_stage_fail(
				&b->stage, AETHER_EBURN, 0,
				"the burn %s failed with %d at byte %llu of "
				"the stream; see what it computes there.",
				burns[i].name, rc,
				(unsigned long long)piece.offset);
	}
	return 0;
}

/* The first stride names the egress; later ones usually the same. */
static int set_next(struct bench *b, uint64_t handle, uint64_t next)
{
	uint32_t depth = ae_stage_depth(&b->stage, b->options->depth,
					AETHER_FLOW_DEPTH_EGRESS);
	int rc;

	if (b->stage.peers && next == b->next)
		return 0;
	/* it would go round here for ever, and nobody could end that */
	if (next == aether_participant_tenancy(b->stage.me))
		return ae_cargo_wrong(&b->stage, handle,
				      "its own worker as the next stage");
	b->next = next;
	b->stage.peers = 0;
	ae_stage_peer(&b->stage, next, "egress");
	rc = aether_route_set(b->stage.me, next, depth, AETHER_POLICY_BLOCK);
	if (rc == AETHER_EGONE)
		return ae_stage_lost(&b->stage, next);
	return rc < 0 ? ae_stage_refused(&b->stage, rc,
					 "the route to the egress")
		      : 0;
}

/* Who gives me work gets it back if I die; the stride says that I know it. If
 * that one has gone, its last mail to me says why. */
static int begin(struct bench *b, uint64_t *held, uint64_t next)
{
	int rc = aether_participant_heir(b->stage.me, next);

	b->stage.teller = next;
	if (rc == 0)
		rc = aether_route(b->stage.me, *held, next);
	if (rc == AETHER_EGONE)
		rc = aether_stride_release(b->stage.me, *held);
	if (rc < 0)
		return ae_stage_refused(&b->stage, rc,
					"answering the orchestrator");
	*held = 0;
	return 0;
}

/* The egress must not wait for my next burn, if that takes as long as waking
 * it: then what is owed is paid at once. */
static int burn_timed(struct bench *b, const struct ae_cargo *cargo)
{
	uint64_t start = aether_clock_now();
	int rc = burn(b, cargo);

	b->slow = aether_clock_now() - start > SLOW_NS;
	return rc;
}

/* One stride. 1: the stream has ended. */
static int work(struct bench *b, uint64_t *held)
{
	struct aether_flow_report *report = b->stage.report;
	struct ae_cargo cargo;
	int rc = ae_stage_take(&b->stage, held);

	if (rc == 0)
		rc = ae_cargo_look(&b->stage, *held, &cargo);
	if (rc != 0)
		return rc;
	if (cargo.parcel.flags & AETHER_PARCEL_END) {
		aether_stride_release(b->stage.me, *held);
		*held = 0;
		return 1;
	}
	if (cargo.parcel.flags & AETHER_PARCEL_BEGIN)
		return begin(b, held, cargo.parcel.next);
	report->bytes_in += cargo.length;
	rc = set_next(b, *held, cargo.parcel.next);
	if (rc == 0)
		rc = ae_cargo_writable(&b->stage, &cargo, "burned");
	if (rc == 0)
		rc = burn_timed(b, &cargo);
	if (rc == 0)
		rc = ae_stage_route(&b->stage, *held, cargo.parcel.next);
	if (rc < 0)
		return rc;
	if (b->slow)
		aether_wake_pay(b->stage.me);
	*held = 0;
	report->strides++;
	report->bytes_out += cargo.length;
	return 0;
}

int aether_flow_work(struct aether_participant *me,
		     const struct aether_flow_appliance *options,
		     struct aether_error *error,
		     struct aether_flow_report *report)
{
	struct bench b = { .options = options };
	uint64_t held = 0;
	int rc;

	ae_stage_init(&b.stage, me, AETHER_ROLE_APPLIANCE, error, report);
	b.stage.patience = options->patience;
	b.stage.stopped = options->stopped;
	rc = ae_stage_check(&b.stage);
	while (rc == 0)
		rc = work(&b, &held);
	if (rc < 0)
		ae_parcel_abort(&b.stage, held);
	ae_stage_end(&b.stage);
	return rc < 0 ? rc : 0;
}
