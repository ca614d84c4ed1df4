/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verbs ingress, appliance and egress share: a stage alone, started
 * from a shell, that finds the others by their roles on a named plane.
 */
#ifndef CLI_STAGE_H
#define CLI_STAGE_H

#include "cli.h"

#define STAGE_WAIT_MAX 86400u /* seconds */

struct stage {
	struct cli_common common;
	const char *name; /* of the plane */
	const char *path; /* input or output */
	const char *specs[AETHER_FLOW_BURNS_MAX];
	uint32_t burns;
	uint32_t workers; /* appliances to wait for */
	uint32_t tile;
	int unsliced; /* --raw */
	int copy;
	int waits;     /* --wait was given */
	uint64_t wait; /* ns */
	uint32_t role; /* enum aether_role, once it has joined */
	struct aether_plane *plane;
	struct aether_participant *me;
	struct aether_error error;
	struct aether_flow_report report;
	uint64_t routed; /* strides handed on */
	uint64_t began;
	struct stage_show *show; /* while it is joined, on a terminal */
};

/* argp keys of the options that these verbs have. */
enum {
	STAGE_BURN = 1,
	STAGE_WAIT,
	STAGE_WORKERS,
	STAGE_TILE,
	STAGE_RAW,
	STAGE_COPY,
	STAGE_DIRECT
};

/* Parses one of them, or NAME and the path (needed if `wants_path`). */
error_t stage_parse(struct stage *stage, int key, char *arg,
		    struct argp_state *state, int wants_path);

/* Attaches to the plane; signals interrupt from here on. */
int stage_attach(struct stage *stage);

/* Joins it. Not before a fork: the child must not inherit a participant. */
int stage_join(struct stage *stage, const char *role);

/*
 * Shows on a terminal what it waits for and how far it is, from after joining
 * until before leaving, in a thread of its own. stage_join begins it and
 * stage_leave ends it.
 */
void stage_show(struct stage *stage);
void stage_show_end(struct stage *stage);

/* Leaves the plane. May be repeated. */
void stage_leave(struct stage *stage);

/*
 * Says how it went, on standard error if the stream took standard output, and
 * returns the exit status. If a signal came and the work was not done, ends
 * the process by it.
 */
int stage_end(struct stage *stage, int rc, int streams);

#endif
