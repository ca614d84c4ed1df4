/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow carries a stream through a plane without copying it:
 *
 *	ingress (L2)       reads into a stride, slices it there, routes it
 *	orchestrator (L3)  gives each stride a worker; touches no data
 *	appliance (L0)     burns the stride in place
 *	egress (L4)        un-slices it there, puts the stream in order, writes
 *
 * Each is a function that a program calls with a participant of its own, and
 * that returns when the stream has ended. A slow stage holds back a fast one:
 * each route has a depth. Nothing is allocated while the stream runs.
 *
 * What the stages tell each other travels in the lease's user data (struct
 * aether_parcel_seg). The orchestrator ends the workers: after the last stride
 * of the stream each gets one without content that says so. One stride is
 * enough for a flow; more let its stages work at once.
 *
 * A stage that gives up tells those after it; those before it learn of it when
 * its participant leaves the plane. So leave after a failure.
 *
 * At once: each stage by one thread or process with its own participant.
 */
#ifndef AETHER_FLOW_H
#define AETHER_FLOW_H

#include <aether/api.h>
#include <aether/burn.h>
#include <aether/error.h>
#include <aether/participant.h>

#define AETHER_FLOW_WORKERS_MAX 32
#define AETHER_FLOW_BURNS_MAX 16

/* What a depth of 0 asks for. Few strides on their way stay in cache. */
#define AETHER_FLOW_DEPTH_INGRESS 8
#define AETHER_FLOW_DEPTH_WORKER 4

/* What a stage did; written by the stage as it goes, so that a progress bar
 * may read it from another process. */
struct aether_flow_report {
	uint64_t bytes_in;  /* read from outside, or taken in strides */
	uint64_t bytes_out; /* written to outside, or routed on */
	uint64_t strides;   /* of the stream: routed on (egress: taken) */
	uint64_t copied;    /* bytes that went through the copy wrapper */
};

/* Sees every piece of content as bytes, in order; for checksums. */
struct aether_flow_tap {
	void (*bytes)(void *user, const void *bytes, size_t length);
	void *user;
};

/*
 * How long a stage waits for those that feed it. All zero: for ever, which is
 * right where somebody else watches over the stages.
 */
struct aether_flow_patience {
	uint64_t first;   /* deadline for the first stride; 0: none */
	uint32_t feeders; /* roles, a bit (1 << role) each: once the stream has
			     begun, give up when none of them lives; 0: never */
};

struct aether_flow_ingress {
	int fd;          /* to read from, to its end */
	uint64_t to;     /* tenancy of the orchestrator */
	uint32_t depth;  /* strides on their way; 0: ..._DEPTH_INGRESS */
	uint32_t format; /* enum aether_format */
	uint32_t tile;   /* bytes, if sliced; 0: AETHER_TILE; at most
			      AETHER_SLICE_INPLACE_MAX */
	int copy;        /* 1: read elsewhere and copy, to show the counter */
	struct aether_flow_tap tap; /* sees the input; may be zero */
};

struct aether_flow_orchestrator {
	uint64_t workers[AETHER_FLOW_WORKERS_MAX]; /* tenancies */
	uint32_t count;  /* 0: all goes straight to the egress */
	uint64_t egress; /* tenancy */
	uint32_t depth;  /* strides on their way to each worker; 0:
			    ..._DEPTH_WORKER */
	struct aether_flow_patience patience;
};

struct aether_flow_appliance {
	const struct aether_burn *burns; /* applied in this order */
	uint32_t count;
	uint32_t depth; /* strides on their way to the egress; 0: no limit */
	struct aether_flow_patience patience;
};

struct aether_flow_egress {
	int fd;                          /* to write to */
	const struct aether_burn *burns; /* undone for the tap, last first */
	uint32_t count;                  /* 0: the tap sees what is written */
	int copy;                        /* 1: copy and write from elsewhere */
	struct aether_flow_tap tap; /* sees the un-burned output; may be zero */
	struct aether_flow_patience patience;
};

/*
 * The stages. Each fills `*report` as it goes. Errors: those of route.h and
 * stride.h; AETHER_EINVAL (an option); AETHER_EIO, AETHER_ENOSPC (the text
 * names the reason); AETHER_ESTAGE (another stage gave up, has left or died);
 * AETHER_EBURN (a burn failed, or cannot be undone); AETHER_ECORRUPT (a stride
 * holds what no stage writes); AETHER_ETIMEDOUT (no first stride in time);
 * AETHER_EINTR (a signal: the stage has stopped). A reader of the output that
 * went away is AETHER_EIO, never a SIGPIPE.
 */
AETHER_API int aether_flow_ingress(struct aether_participant *me,
				   const struct aether_flow_ingress *options,
				   struct aether_error *error,
				   struct aether_flow_report *report);
AETHER_API int
aether_flow_orchestrate(struct aether_participant *me,
			const struct aether_flow_orchestrator *options,
			struct aether_error *error,
			struct aether_flow_report *report);
AETHER_API int aether_flow_work(struct aether_participant *me,
				const struct aether_flow_appliance *options,
				struct aether_error *error,
				struct aether_flow_report *report);
AETHER_API int aether_flow_egress(struct aether_participant *me,
				  const struct aether_flow_egress *options,
				  struct aether_error *error,
				  struct aether_flow_report *report);

#endif
