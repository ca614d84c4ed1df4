/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plane of a run: the user's own, which is left as it was, or one made for
 * the run, which is gone after it. Beside it, a page that the supervisor shares
 * with its stages; it is not part of any plane.
 */
#include "run.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* Uses the named plane, or makes it. */
static int open_named(struct run *run, struct aether_error *error)
{
	const char *name = run->options.name;
	int rc = aether_plane_attach(name, 0, error, &run->plane);

	if (rc != AETHER_ENOENT || strchr(name, '/'))
		return rc; /* a socket is not made here */
	rc = aether_plane_create(name, &run->options.plane, error, &run->plane);
	run->made = rc == 0;
	if (rc == AETHER_EEXIST) /* somebody made it meanwhile */
		rc = aether_plane_attach(name, 0, error, &run->plane);
	return cli_explain(rc, error);
}

static int open_shared(struct run *run, struct aether_error *error)
{
	void *page = mmap(NULL, sizeof(*run->shared), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return cli_error(error, AETHER_ENOMEM, errno,
				 "cannot make a page to share with the stages");
	run->shared = page;
	return 0;
}

/* Slots in which nobody lives, as of now. */
static uint32_t free_slots(const struct aether_plane *plane)
{
	struct aether_participant_info info;
	uint32_t count = 0;

	for (uint32_t i = 0; aether_participant_look(plane, i, &info) == 0; i++)
		count += !info.tenancy || !info.alive;
	return count;
}

/* A number that nobody asked for is no reason to refuse a plane. */
static void lower_workers(struct run *run)
{
	uint32_t slots = free_slots(run->plane);

	if (run->options.any_workers && slots < run->stages) {
		run->options.workers = slots > 4 ? slots - 3 : 1;
		run->stages = run->options.workers + 3;
	}
}

int run_plane_open(struct run *run, struct aether_error *error)
{
	struct aether_plane_info info;
	int rc;

	if (run->options.name)
		rc = open_named(run, error);
	else
		rc = aether_plane_create(NULL, &run->options.plane, error,
					 &run->plane);
	/* of all stages the ingress needs most */
	if (rc == 0)
		rc = aether_flow_check(run->plane, AETHER_ROLE_INGRESS, error);
	if (rc < 0)
		return rc;
	lower_workers(run);
	aether_plane_look(run->plane, &info);
	if (info.geometry.participants < run->stages)
		return cli_error(
			error, AETHER_ESEATS, 0,
			"the plane has slots for %u participants, and "
			"this run has %u stages; give fewer --workers, "
			"or a plane with more --participants.",
			info.geometry.participants, run->stages);
	return open_shared(run, error);
}

/* A plane that stays must not keep what the dead had: whoever joins settles
 * that. If all slots are taken by the living, one of them does. */
static void settle(struct run *run)
{
	struct aether_participant *me;

	if (aether_participant_join(run->plane, NULL, NULL, &me) == 0)
		aether_participant_leave(me);
}

void run_plane_close(struct run *run)
{
	if (run->shared && run->options.name && !run->made)
		settle(run);
	if (run->shared)
		munmap(run->shared, sizeof(*run->shared));
	run->shared = NULL;
	aether_plane_detach(run->plane);
	run->plane = NULL;
	if (run->made)
		aether_plane_destroy(run->options.name, NULL);
	run->made = 0;
}

const char *run_role(const struct run *run, uint32_t stage)
{
	if (stage == RUN_INGRESS)
		return "ingress";
	if (stage == RUN_ORCHESTRATOR)
		return "orchestrator";
	return stage == run->stages - 1 ? "egress" : "appliance";
}

void run_describe(const struct run *run, uint32_t stage, char *text,
		  size_t size)
{
	const char *role = run_role(run, stage);

	if (run->options.workers > 1 && strcmp(role, "appliance") == 0)
		snprintf(text, size, "%s %u", role, stage - RUN_APPLIANCE + 1);
	else
		snprintf(text, size, "%s", role);
}
