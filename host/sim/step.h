/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step: what core tells the simulator about an access to a shared word.
 */
#ifndef AE_SIM_STEP_H
#define AE_SIM_STEP_H

enum ae_sim_kind {
	AE_SIM_LOAD,
	AE_SIM_STORE,
	AE_SIM_FETCH, /* a read-modify-write that cannot fail */
	AE_SIM_CAS,
};

/* A place where an operation stands, and what the actors of all scenes did at
 * it: host/sim/cover.c. */
struct ae_sim_site {
	const char *file;
	const char *function;
	int line;
	int listed;
	unsigned long long came;   /* how often any actor came by */
	unsigned long long killed; /* of those, where it was */
	struct ae_sim_site *next;
};

/* The next operation stands here. */
void ae_sim_at(struct ae_sim_site *site);

void ae_sim_before(const void *word, int width);

/* `done`: 0 for a compare-and-swap that failed. */
void ae_sim_after(int kind, int order, int done);

#endif
