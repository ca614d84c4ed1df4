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
 * aether_parcel_seg). The orchestrator ends the workers and the ingress: when
 * all content has left the workers, each gets a stride without content that
 * says so. One stride is enough for a flow; more let its stages work at once.
 *
 * A flow survives its workers: each names the orchestrator its heir (reap.h)
 * before it gets content. When one dies, what it had not touched goes to
 * another; what it was working on is brought again by the ingress, which for
 * that stays until the end. An input that cannot be read a second time (only
 * regular files and block devices can) ends the flow then. The death of any
 * other stage ends it.
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

#ifdef __cplusplus
extern "C" {
#endif

#define AETHER_FLOW_WORKERS_MAX 32
#define AETHER_FLOW_BURNS_MAX 16

/* What a depth of 0 asks for, where strides are not smaller than the default;
 * of smaller ones as many bytes, but a quarter of all strides at most. Few
 * strides on their way stay in cache. */
#define AETHER_FLOW_DEPTH_INGRESS 8
#define AETHER_FLOW_DEPTH_WORKER 4
#define AETHER_FLOW_DEPTH_EGRESS 8

/* No limit: the whole plane is a buffer. */
#define AETHER_FLOW_DEPTH_NONE UINT32_MAX

/* How long (ns) a flow goes on without any worker, unless said otherwise. */
#define AETHER_FLOW_STAY UINT64_C(10000000000)

/* So many workers in a row may die at the same piece of the stream. */
#define AETHER_FLOW_DEATHS_MAX 8

/* What a stage did; written by the stage as it goes, so that a progress bar
 * may read it from another process. */
struct aether_flow_report {
	uint64_t bytes_in;  /* read from outside, or taken in strides */
	uint64_t bytes_out; /* written to outside, or routed on */
	uint64_t strides;   /* of the stream: routed on (egress: taken) */
	uint64_t copied;    /* bytes that went through the copy wrapper */
	uint64_t again;     /* ingress: strides brought again; orchestrator:
			       strides that came back from dead workers. No
			       other number counts those twice */
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

/*
 * In each of the options `stopped`, which may be NULL, is asked after a signal
 * has interrupted the stage: 0: it goes on; else, and without it, it ends with
 * AETHER_EINTR.
 */
struct aether_flow_ingress {
	int fd;          /* to read from, to its end */
	uint64_t to;     /* tenancy of the orchestrator */
	uint32_t depth;  /* strides on their way; 0: ..._DEPTH_INGRESS */
	uint32_t format; /* enum aether_format */
	uint32_t tile;   /* bytes, if sliced; 0: AETHER_TILE; at most
			      AETHER_SLICE_INPLACE_MAX */
	int copy;        /* 1: read elsewhere and copy, to show the counter */
	int map;         /* 1: slice out of a mapping of the file where that
			    saves a copy (huge pages; not with a tap). A file
			    that is truncated meanwhile then ends the process
			    with SIGBUS */
	struct aether_flow_tap tap; /* sees the input; may be zero */
	int (*stopped)(void);       /* see above */
};

struct aether_flow_orchestrator {
	uint64_t workers[AETHER_FLOW_WORKERS_MAX]; /* tenancies */
	uint32_t count;  /* 0: all goes straight to the egress */
	uint64_t egress; /* tenancy */
	uint32_t depth;  /* strides on their way to each worker; 0:
			    ..._DEPTH_WORKER */
	/*
	 * Asked now and then for somebody in the place of workers[index], who
	 * died or left: 0: `*tenancy` is; AETHER_EAGAIN: nobody yet; else the
	 * stage ends with that. NULL: the others do the work, and the stage
	 * ends with the last of them.
	 */
	int (*replace)(void *user, uint32_t index, uint64_t *tenancy);
	void *user;
	uint64_t stay; /* ns to wait without any worker; 0: ..._STAY */
	struct aether_flow_patience patience;
	int (*stopped)(void);
};

struct aether_flow_appliance {
	const struct aether_burn *burns; /* applied in this order */
	uint32_t count;
	uint32_t depth; /* strides on their way to the egress; 0:
			   ..._DEPTH_EGRESS */
	struct aether_flow_patience patience;
	int (*stopped)(void);
};

struct aether_flow_egress {
	int fd;                          /* to write to */
	const struct aether_burn *burns; /* undone for the tap, last first */
	uint32_t count;                  /* 0: the tap sees what is written */
	int copy;                        /* 1: copy and write from elsewhere */
	uint64_t expected; /* bytes that will probably come; 0: not known.
			      Space for them is asked for where that pays */
	struct aether_flow_tap tap; /* sees the un-burned output; may be zero */
	struct aether_flow_patience patience;
	int (*stopped)(void);
};

/*
 * Does this attachment have what a stage of that role (enum aether_role) needs,
 * in some segment at least? An ingress and an appliance need `write`; an egress
 * `read`, and `write` where the stream is sliced; an orchestrator `route`.
 * 0, or AETHER_EACCES with a text that says what is missing. The stages begin
 * with it; it is here for who would wait for others before. Does not wait.
 */
AETHER_API int aether_flow_check(const struct aether_plane *plane,
				 uint32_t role, struct aether_error *error);

/*
 * The stages. Each fills `*report` as it goes. Errors: those of
 * aether_flow_check, route.h and stride.h; AETHER_EINVAL (an option);
 * AETHER_EIO, AETHER_ENOSPC (the text names the reason); AETHER_ESTAGE (another
 * stage gave up, has left or died);
 * AETHER_EBURN (a burn failed, does not take this format, cannot be undone, or
 * killed those who tried it); AETHER_ECORRUPT (a stride holds what no stage
 * writes); AETHER_ESUSPECT (a worker died at its work, and the input cannot be
 * read again);
 * AETHER_ETIMEDOUT (no first stride in time, or no worker); AETHER_EINTR (a
 * signal: the stage has stopped). A reader of the output that went away is
 * AETHER_EIO, never a SIGPIPE.
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

#ifdef __cplusplus
}
#endif

#endif
