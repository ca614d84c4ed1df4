/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting the stages of a run: all of them at first, and later another
 * appliance in the place of one that was killed. The supervisor forks them
 * all, so that each is its child and has the files and burns that were opened
 * before.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Deaths in a row, without a byte of the stream moving between them, after
 * which starting others makes no sense. More than kill one stride's workers:
 * the orchestrator says that better (flow.h). */
#define IDLE_MAX 64

static int pipes(struct run *run, struct aether_error *error)
{
	run->ready[0] = run->ready[1] = run->go[0] = run->go[1] = -1;
	run->fresh[0] = run->fresh[1] = -1;
	if (pipe2(run->ready, O_CLOEXEC) < 0 || pipe2(run->go, O_CLOEXEC) < 0 ||
	    pipe2(run->fresh, O_CLOEXEC | O_NONBLOCK) < 0)
		return cli_error(error, AETHER_ESYS, errno,
				 "cannot make pipes for the stages");
	return 0;
}

void run_start_close(struct run *run)
{
	for (int i = 0; i < 2; i++) {
		close(run->ready[i]);
		close(run->go[i]);
		close(run->fresh[i]);
	}
}

/* The pid; 0 or less: none. */
static pid_t start_stage(struct run *run, uint32_t stage)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0)
		run_stage(run, stage, parent);
	if (pid > 0) {
		run->pids[stage] = pid;
		run->statuses[stage] = RUN_RUNNING;
	}
	return pid;
}

int run_start(struct run *run, struct aether_error *error)
{
	if (pipes(run, error) < 0)
		return AETHER_ESYS;
	for (uint32_t i = 0; i < run->stages; i++)
		if (start_stage(run, i) < 0)
			return cli_error(error, AETHER_ESYS, errno,
					 "cannot start the %s",
					 run_role(run, i));
	return 0;
}

/* It was killed, and not after it had failed by itself or was told to stop. */
static int can_be_replaced(const struct run *run, uint32_t stage, int status)
{
	return strcmp(run_role(run, stage), "appliance") == 0 &&
	       WIFSIGNALED(status) && run->shared->seats[stage].error.code == 0;
}

/* Do bytes still move between the deaths? */
static int makes_sense(struct run *run)
{
	uint64_t now = run->shared->seats[run->stages - 1].report.bytes_in;

	if (now != run->moved)
		run->idle = 0;
	run->moved = now;
	return run->idle++ < IDLE_MAX;
}

static void bury(struct run *run, uint32_t stage, int status)
{
	struct run_seat *seat = &run->shared->seats[stage];
	struct aether_flow_report *report = &seat->report;
	char who[32], where[200];

	run_describe(run, stage, who, sizeof(who));
	run_burns_blame(run, &seat->note, where, sizeof(where));
	snprintf(run->death, sizeof(run->death),
		 "%s (pid %ld) was killed by signal %d (%s)%s", who,
		 (long)run->pids[stage], WTERMSIG(status),
		 strsignal(WTERMSIG(status)), where);
	run->past.strides += report->strides;
	run->past.copied += report->copied;
	memset(&run->shared->seats[stage], 0, sizeof(run->shared->seats[0]));
}

int run_replace(struct run *run, uint32_t stage, int status)
{
	if (run->stopping || run->culprit >= 0 || run->signal ||
	    run->statuses[RUN_ORCHESTRATOR] != RUN_RUNNING ||
	    !can_be_replaced(run, stage, status) || !makes_sense(run))
		return 0;
	bury(run, stage, status);
	run->respawned++; /* before: it tells a newcomer that it is one */
	if (start_stage(run, stage) > 0)
		return 1;
	run->respawned--;
	return 0;
}
