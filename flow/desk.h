/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The orchestrator, between its files: orchestrator.c takes mail and says what
 * becomes of it, workers.c knows who is there and hands out, again.c brings
 * back what the dead had.
 *
 * What it has given out it knows from a table of its own, by stride: what comes
 * back from the dead may hold anything.
 */
#ifndef AE_DESK_H
#define AE_DESK_H

#include "stage.h"

#define AE_NOWHERE UINT32_MAX

/* A piece of the stream, whichever stride it lies in. */
struct ae_piece {
	uint64_t sequence;
	uint64_t position;
	uint64_t length;
	uint32_t flags;  /* of its parcel */
	uint32_t deaths; /* workers that died at it */
	uint32_t given;  /* times given to a worker */
};

/* What a stride of the table was sent for. */
enum ae_errand {
	AE_WORK,  /* content for a worker, or waiting for one */
	AE_CALL,  /* BEGIN, nothing else */
	AE_RIDE,  /* BEGIN, on a stride with content: there was no other */
	AE_AGAIN, /* the ingress is to bring the piece again */
};

struct ae_entry {
	uint64_t handle; /* 0: nothing is known of this stride */
	uint64_t to;     /* tenancy that has it, or has it coming */
	struct ae_piece piece;
	uint32_t errand;
	uint32_t next; /* in the queue */
	int queued;
};

/* window.c: setup, not data path. One entry for each stride of the plane. */
struct ae_table {
	struct ae_entry *entries;
	uint32_t size;
};
int ae_table_open(struct ae_table *table, uint32_t size);
void ae_table_close(struct ae_table *table);

/* A worker's place. Only who is ready gets content: its heir is me. */
enum ae_place {
	AE_NOBODY,
	AE_NEWCOMER,
	AE_CALLED,
	AE_READY,
};

struct ae_worker {
	uint64_t tenancy;
	uint32_t place;
};

struct ae_desk {
	const struct aether_flow_orchestrator *options;
	struct ae_stage stage;
	struct ae_table table;
	struct ae_worker workers[AETHER_FLOW_WORKERS_MAX];
	uint32_t ready; /* how many of them are */
	uint32_t turn;  /* the one to try first */
	uint32_t first; /* queue: what waits for a worker */
	uint32_t last;
	uint64_t ingress;     /* tenancy; 0: not known yet */
	uint64_t held;        /* a stride between mailbox and queue */
	uint64_t gone;        /* the worker lost last */
	uint64_t alone;       /* deadline for the first worker to be there */
	uint64_t look;        /* when to look for workers again */
	uint64_t moment;      /* ns to wait next time */
	uint64_t waited;      /* ns since the stages were looked at */
	struct ae_entry ride; /* a copy of the one AE_RIDE there may be */
	uint32_t losses;      /* pieces that no stride holds any more */
	struct ae_piece lost[AETHER_FLOW_DEATHS_MAX];
	int ended; /* the last stride has come */
};

/* orchestrator.c */

/* What is known of the lease; NULL: nothing. */
struct ae_entry *ae_desk_find(const struct ae_desk *desk, uint64_t handle);

/* An entry for a stride of mine, in the place of what was there. */
struct ae_entry *ae_desk_enter(struct ae_desk *desk, uint64_t handle,
			       uint32_t errand);

/* Do I hold a lease of that stride, for somebody? Another lease of it then is
 * somebody's who writes over lease words. */
int ae_desk_is_queued(const struct ae_desk *desk, uint64_t handle);

/* A free stride, if there is one at once. */
int ae_desk_reserve(struct ae_desk *desk, uint64_t *handle);

void ae_desk_queue(struct ae_desk *desk, struct ae_entry *entry, int first);
struct ae_entry *ae_desk_unqueue(struct ae_desk *desk);

/* A moment of waiting that grows until something happens. */
uint64_t ae_desk_moment(struct ae_desk *desk);

/* So long nothing happened: after a round, looks who is still there, and takes
 * what those that are not had to say. */
int ae_desk_waited(struct ae_desk *desk, uint64_t ns);

/* workers.c */

/* Fills the places: asks for replacements, calls newcomers, sees who has
 * answered. Fails when nobody is there and nobody can come. */
int ae_desk_staff(struct ae_desk *desk);

/* Whose place this was has gone. */
void ae_desk_lose(struct ae_desk *desk, uint64_t tenancy);

/* Those that have gone lose their places. */
void ae_desk_check_workers(struct ae_desk *desk);

/* Gives out what is queued, as long as there is a worker. */
int ae_desk_hand_out(struct ae_desk *desk);

/* again.c */

/* Content that I had given to a worker is mine again. */
int ae_desk_come_back(struct ae_desk *desk, struct ae_entry *entry,
		      int suspect);

/* Has a ride ended with its worker? A piece that was lost so is brought again
 * as soon as there is a stride for it. */
int ae_desk_check_ride(struct ae_desk *desk);

/* Is any content at a worker, at the ingress or here? */
int ae_desk_is_out(struct ae_desk *desk);

#endif
