/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether run, between its files: run.c is the verb, run_options.c its command
 * line, run_burn.c its burns, run_plane.c the plane and the page it shares with
 * its stages, run_stage.c what a stage's process does, run_pin.c on which
 * processor, run_start.c starts it, and starts another in its place,
 * run_stall.c sees when nothing moves any more,
 * run_watch.c the supervisor, run_print.c what is said.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli.h"

#include <signal.h>
#include <sys/types.h>

#define RUN_STAGES_MAX (AETHER_FLOW_WORKERS_MAX + 3)

/* Stages by index: the ingress, the orchestrator, the appliances, the egress
 * last. */
#define RUN_INGRESS 0u
#define RUN_ORCHESTRATOR 1u
#define RUN_APPLIANCE 2u

struct run_options {
	struct cli_common common;
	const char *specs[AETHER_FLOW_BURNS_MAX];
	uint32_t burns;
	uint32_t workers;
	uint32_t tile;
	const char *name; /* of the plane; NULL: anonymous */
	struct aether_plane_options plane;
	int any_workers; /* their number was not given */
	int buffers;     /* the plane's size was: all of it is a buffer */
	int tier;        /* was given */
	int unsliced;    /* --raw */
	int verify;
	int copy;
	int pin;
	const char *in;
	const char *out;
};

/* Streams' checksums, by whose tap saw them. */
struct run_sum {
	uint64_t low;
	uint64_t high;
};

#define RUN_RUNNING (-1) /* no wait status yet */

/* An appliance that took the place of a dead one says so to the orchestrator,
 * through a pipe: the page has no order of its own. */
struct run_newcomer {
	uint64_t tenancy;
	uint64_t place; /* which appliance it is, from 0 */
};

/* What a process does with a burn of the user's, for who finds it dead. */
enum {
	RUN_BURN_NOTHING,
	RUN_BURN_OPENING,
	RUN_BURN_BURNING,
	RUN_BURN_UNDOING,
	RUN_BURN_CLOSING
};

struct run_note {
	uint32_t doing;
	uint32_t burn;   /* by index of its description */
	uint64_t offset; /* of the piece in the stream */
};

/* What a stage tells the supervisor, in the shared page. */
struct run_seat {
	uint64_t tenancy;
	int over; /* its process came to its end, well or not */
	struct run_note note;
	struct aether_flow_report report;
	struct aether_error error;
};

struct run_shared {
	struct run_seat seats[RUN_STAGES_MAX];
	struct run_sum in;
	struct run_sum out;
};

/* What a stage had done when it was looked at. */
struct run_mark {
	int runs;
	uint64_t tenancy;
	uint64_t moved; /* strides, in any way */
	uint64_t waits;
	uint64_t full;
};

struct run {
	struct run_options options;
	struct cli_input input;
	struct cli_output output;
	int streams; /* the output is standard output */
	struct aether_burn burns[AETHER_FLOW_BURNS_MAX];
	struct aether_plane *plane;
	int made; /* the named plane is mine to destroy */
	struct run_shared *shared;
	uint32_t stages;
	pid_t pids[RUN_STAGES_MAX];
	int statuses[RUN_STAGES_MAX];   /* of waitpid */
	uint32_t ended;                 /* how many */
	uint32_t respawned;             /* appliances started for dead ones */
	uint32_t idle;                  /* of these, since bytes moved last */
	uint64_t moved;                 /* bytes that the egress had by then */
	struct aether_flow_report past; /* what the dead had done */
	char death[300];                /* the last one that was survived */
	int stopping;                   /* nobody is started any more */
	int culprit;                    /* first stage that failed; -1: none */
	int signal;                     /* that ends the run; 0: none */
	int signals;     /* descriptor; signals are read from it */
	sigset_t before; /* signal mask of the caller */
	int ready[2];    /* stages say that they have joined */
	int go[2];       /* and are told that all have */
	int fresh[2];    /* struct run_newcomer */
	uint64_t joined; /* stages that have, a bit each */
	struct run_mark marks[RUN_STAGES_MAX]; /* when something moved last */
	uint64_t marked;                       /* when that was; 0: never */
	int others; /* somebody else lived in the plane then */
	int still;  /* nothing moves any more */
	uint64_t began;
	double seconds;
};

/* run_options.c: fills the options, or exits. */
void run_parse(int argc, char **argv, struct run_options *options);

/* run_pin.c: how many processors this process may use, at least 1; their
 * numbers go to `numbers`, of RUN_PROCESSORS_MAX, unless it is NULL. */
#define RUN_PROCESSORS_MAX 1024
int run_processors(int *numbers);

/* Keeps the calling stage on a processor. */
int run_pin(const struct run *run, uint32_t stage, struct aether_error *error);

/* run_burn.c: opens the shipped burns, and tries the user's own. */
int run_burns_open(struct run *run, struct aether_error *error);

/* Opens the user's own in a stage's process. */
int run_burns_load(struct run *run, struct run_seat *seat);

/* Closes what this process has opened. */
void run_burns_close(struct run *run);

/* " in the burn ./x.so, at byte 5 of the stream", or nothing. */
void run_burns_blame(const struct run *run, const struct run_note *note,
		     char *text, size_t size);

/* run_plane.c */
int run_plane_open(struct run *run, struct aether_error *error);
void run_plane_close(struct run *run);

/* "ingress", "orchestrator", "appliance" or "egress". */
const char *run_role(const struct run *run, uint32_t stage);

/* "appliance 2" where there are several. */
void run_describe(const struct run *run, uint32_t stage, char *text,
		  size_t size);

/* run_start.c: all stages, and the pipes between them and me. */
int run_start(struct run *run, struct aether_error *error);
void run_start_close(struct run *run);

/*
 * A stage has ended with `status`: starts another one in its place if it was
 * killed, and can be replaced. 0: it could not; 1: another one runs.
 */
int run_replace(struct run *run, uint32_t stage, int status);

/* run_stage.c: the life of a stage's process. */
void run_stage(struct run *run, uint32_t stage, pid_t parent)
	__attribute__((noreturn));

/*
 * run_watch.c: starts the stages and sees to their end. 0: all have done their
 * work. AETHER_EINTR: run->signal came. AETHER_ESTAGE or the code of the stage
 * that failed: the error says which and how. No stage is left in any case.
 */
int run_signals_hold(struct run *run, struct aether_error *error);
int run_watch(struct run *run, struct aether_error *error);

/* run_stall.c: does every stage that runs wait for another? Asked now and then
 * while all is well. */
int run_stands_still(struct run *run);

/* What is wrong then, as far as the doctor sees it. Returns the code. */
int run_stall_explain(const struct run *run, struct aether_error *error);

/* run_print.c */
void run_progress(const struct run *run);
void run_progress_end(void);
void run_print(const struct run *run);
int run_print_failure(const struct run *run, const struct aether_error *error);

#endif
