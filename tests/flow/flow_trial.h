/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole flow within the test: every stage a thread with a participant of its
 * own on one plane, input and output in memory files or pipes.
 */
#ifndef FLOW_TRIAL_H
#define FLOW_TRIAL_H

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <aether/aether.h>
#include "../tap.h"

enum {
	INGRESS,
	DESK,
	EGRESS,
	WORKER,
	STAGES = WORKER + 8
};

struct trial_stage {
	pthread_t thread;
	struct aether_participant *me;
	struct aether_flow_report report;
	struct aether_error error;
	int result;
	struct trial *trial;
	int index;
};

/* What to try; zeros are defaults. */
struct trial {
	uint32_t strides;      /* 0: 16 */
	uint64_t stride_size;  /* 0: 65536 */
	uint32_t participants; /* 0: as many as there are stages */
	uint32_t segments;     /* 0: undivided */
	uint32_t workers;
	struct aether_flow_ingress ingress;
	struct aether_flow_orchestrator desk;
	struct aether_flow_appliance worker[8];
	struct aether_flow_egress egress;
	/* made by the trial */
	struct aether_plane *plane;
	struct trial_stage stage[STAGES];
};

static void *trial_ingress(void *user)
{
	struct trial_stage *s = user;

	s->result = aether_flow_ingress(s->me, &s->trial->ingress, &s->error,
					&s->report);
	aether_participant_leave(s->me);
	return NULL;
}

static void *trial_desk(void *user)
{
	struct trial_stage *s = user;

	s->result = aether_flow_orchestrate(s->me, &s->trial->desk, &s->error,
					    &s->report);
	aether_participant_leave(s->me);
	return NULL;
}

static void *trial_worker(void *user)
{
	struct trial_stage *s = user;

	s->result = aether_flow_work(s->me,
				     &s->trial->worker[s->index - WORKER],
				     &s->error, &s->report);
	aether_participant_leave(s->me);
	return NULL;
}

static void *trial_egress(void *user)
{
	struct trial_stage *s = user;

	s->result = aether_flow_egress(s->me, &s->trial->egress, &s->error,
				       &s->report);
	aether_participant_leave(s->me);
	return NULL;
}

static inline uint32_t trial_role(int index)
{
	switch (index) {
	case INGRESS:
		return AETHER_ROLE_INGRESS;
	case DESK:
		return AETHER_ROLE_ORCHESTRATOR;
	case EGRESS:
		return AETHER_ROLE_EGRESS;
	default:
		return AETHER_ROLE_APPLIANCE;
	}
}

/* The plane and its participants. 0, or the library's refusal. */
static inline int trial_open(struct trial *t)
{
	struct aether_plane_options options = {
		.strides = t->strides ? t->strides : 16,
		.stride_size = t->stride_size ? t->stride_size : 65536,
		.participants = t->participants ? t->participants : STAGES,
		.segments = t->segments,
	};
	struct aether_error error;
	int rc = aether_plane_create(NULL, &options, &error, &t->plane);

	if (rc < 0)
		printf("# %s\n", error.text);
	for (int i = 0; rc == 0 && i < WORKER + (int)t->workers; i++) {
		struct aether_participant_options who = {
			.role = trial_role(i),
		};

		rc = aether_participant_join(t->plane, &who, &error,
					     &t->stage[i].me);
		t->stage[i].trial = t;
		t->stage[i].index = i;
	}
	return rc;
}

static inline uint64_t trial_tenancy(const struct trial *t, int index)
{
	return aether_participant_tenancy(t->stage[index].me);
}

/* Starts all stages and waits for their end. */
static inline void trial_go(struct trial *t)
{
	static void *(*const body[])(void *) = { trial_ingress, trial_desk,
						 trial_egress };
	int stages = WORKER + (int)t->workers;

	t->ingress.to = trial_tenancy(t, DESK);
	t->desk.egress = trial_tenancy(t, EGRESS);
	t->desk.count = t->workers;
	for (int i = WORKER; i < stages; i++)
		t->desk.workers[i - WORKER] = trial_tenancy(t, i);
	for (int i = 0; i < stages; i++)
		pthread_create(&t->stage[i].thread, NULL,
			       i < WORKER ? body[i] : trial_worker,
			       &t->stage[i]);
	for (int i = 0; i < stages; i++)
		pthread_join(t->stage[i].thread, NULL);
}

/* All leases have ended, and nobody is left. */
static inline int trial_close(struct trial *t)
{
	struct aether_registry_counts counts;
	struct aether_plane_info info;
	uint32_t dormant;

	aether_plane_look(t->plane, &info);
	aether_registry_count(t->plane, &counts);
	dormant = counts.states[AETHER_STATE_DORMANT];
	return aether_plane_detach(t->plane) == 0 &&
	       dormant == info.geometry.strides;
}

/* A file in memory that holds these bytes, read from the start. */
static inline int trial_file(const void *bytes, size_t length)
{
	int fd = memfd_create("trial", MFD_CLOEXEC);

	if (fd >= 0 && length && write(fd, bytes, length) != (ssize_t)length)
		abort();
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Does the file hold exactly these bytes? */
static inline int trial_holds(int fd, const void *bytes, size_t length)
{
	uint8_t *got = malloc(length + 1);
	int same = got && pread(fd, got, length + 1, 0) == (ssize_t)length &&
		   memcmp(got, bytes, length) == 0;

	free(got);
	return same;
}

#endif
