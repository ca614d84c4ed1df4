/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the simulator share. One execution at a time, all in one
 * thread, so there is one state; what belongs to an execution is thrown away
 * or set back before the next.
 */
#ifndef AE_SIM_STATE_H
#define AE_SIM_STATE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include "ae_base.h"
#include "ae_host.h"
#include "sim.h"
#include "step.h"

#define AE_SIM_MONITOR AE_SIM_ACTORS
#define AE_SIM_ALL (AE_SIM_ACTORS + 1)
#define AE_SIM_STAMPS 32 /* tenancies of one execution, by their stamps */
#define AE_SIM_STACK 65536
#define AE_SIM_STEPS 60000 /* an execution that is longer does not end */
#define AE_SIM_DEPTH 20000

/* How far each actor had come: a vector clock. */
struct ae_sim_clock {
	uint16_t at[8];
};

enum ae_sim_life {
	AE_SIM_ABSENT,
	AE_SIM_READY,
	AE_SIM_PARKED,
	AE_SIM_ENDED,
	AE_SIM_KILLED,
};

struct ae_sim_runner {
	enum ae_sim_life life;
	uint32_t number;
	uint32_t process; /* the actor that dies with it, and it with that */
	int mortal;
	struct aether_participant *me;
	int joined;
	int leaving;        /* within ae_sim_leave */
	int probed;         /* woken for no reason, to see whether it had one */
	const void *parked; /* on this word */
	uint64_t deadline;
	int answer;     /* of its park */
	uint32_t asked; /* how often anybody's life was asked for, when it was
			   preempted */
	const char *function; /* the step that it is at, or was */
	int line;
	struct ae_sim_site *site; /* the same, while it is before it */
	struct ae_sim_clock clock;
	uint64_t old; /* the word, before the access */
	const void *word;
	int width;
};

/* One choice of an execution. */
struct ae_sim_way {
	uint8_t taken;
	uint8_t of;
};

struct ae_sim_state {
	const struct ae_sim_scene *scene;
	struct aether_plane plane;
	struct ae_sim_runner runners[AE_SIM_ALL];
	uint32_t current;
	uint32_t ready;         /* a bit each */
	int calm;               /* no choices: before and after */
	int preemptions, kills; /* left */
	int deaths;
	uint32_t jumps; /* of time, left */
	uint32_t asked;
	uint32_t steps;
	uint64_t now;
	uint32_t locks[AE_SIM_ALL + 2]; /* by slot: 1 + the process; 0: none */
	struct ae_sim_clock unlocked[AE_SIM_ALL + 2];
	uint32_t run; /* number of the execution: what is older is empty */
	int tracing;
	int failed;
	char failure[512];
	const char *function;
	int line;
	struct ae_sim_way ways[AE_SIM_DEPTH];
	uint32_t depth, known;
	uint64_t seed; /* of a walk; 0: the search */
	uint32_t rate; /* on a walk, not the first alternative once in so many
			  times */
	ucontext_t escape;
	struct ae_sim_result *result;
};

extern struct ae_sim_state ae_sim;

static inline struct ae_sim_runner *ae_sim_runner(void)
{
	return &ae_sim.runners[ae_sim.current];
}

/* sched.c */
void ae_sim_point(int loud);
void ae_sim_park(const void *word, uint64_t deadline);
void ae_sim_wake(const void *word);
void ae_sim_unpark(struct ae_sim_runner *runner, int answer);
void ae_sim_mortality(uint32_t slot);
void ae_sim_rest(void);
void ae_sim_run(void);
void ae_sim_clear_sites(void);
void ae_sim_start(void);

/* order.c: what happens before what. */
void ae_sim_order(const void *word, int kind, int order, int done);
void ae_sim_join_clock(struct ae_sim_clock *to,
		       const struct ae_sim_clock *from);
void ae_sim_order_clear(void);
void ae_sim_order_payload(uint32_t stride, int write, int before);

/* ghost.c: who has what, as far as the steps tell. */
struct ae_sim_tenant {
	uint32_t slot;
	uint32_t process;
	int sits; /* 1: active, 2: leaving, 0: not, or not any more */
	int alive;
	uint32_t heir;  /* stamp; 0: none */
	uint32_t heirs; /* stamps that it ever was, a bit each */
};

struct ae_sim_lease {
	uint32_t holder;   /* stamp; 0: none */
	uint32_t senders;  /* stamps that have routed it, a bit each */
	uint32_t meant;    /* stamps that it is shared with */
	uint32_t readers;  /* stamps that believe to read it */
	uint32_t believer; /* stamp that was told that it is its own */
	uint32_t head;     /* of its run, if it is a tail */
	uint64_t of;       /* generation of that head */
	uint64_t issued;   /* 1 + the last generation that was handed out */
	uint64_t content;
	uint32_t serial; /* from its sender to its addressee */
	uint32_t from;
	uint32_t borrowed; /* stamp whose mail another has taken from its way */
	uint32_t back;     /* stamp to which it was on its way when its holder
			      took it back; 0: it did not */
};

struct ae_sim_ghost {
	struct ae_sim_tenant tenants[AE_SIM_STAMPS];
	struct ae_sim_lease leases[AE_SIM_STRIDES];
	uint32_t sent[AE_SIM_STAMPS][AE_SIM_STAMPS];
	uint32_t seen[AE_SIM_STAMPS][AE_SIM_STAMPS];
};

extern struct ae_sim_ghost ae_sim_ghost;

void ae_sim_changed(const void *word, uint64_t old, uint64_t now);
uint32_t ae_sim_stamp(void);
void ae_sim_named(void);

/* A word as it stands, without a step. */
static inline uint64_t ae_sim_peek(const void *word, int width)
{
	uint64_t value = 0;

	memcpy(&value, word, (size_t)width / 8);
	return value;
}

/* trace.c */
void ae_sim_trace(int kind, int order, int done, uint64_t now);
void ae_sim_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *ae_sim_name(uint32_t actor);
const char *ae_sim_word(const void *word, uint64_t value);

/* cover.c: which lines of core were tried. */
void ae_sim_came(struct ae_sim_site *site);

/* act.c: does that tenant see the stride? Is one of the run to be cleared
 * still? */
int ae_sim_sees(uint32_t stamp, uint32_t index);
int ae_sim_uncleared(uint32_t head);

/* check.c: after an execution. */
void ae_sim_check(void);

#endif
