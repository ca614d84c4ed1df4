/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workers of a job: appliances, each a process that is forked, joins the
 * plane, makes the orchestrator its heir, says that it is there, and does
 * stripes until it is ended. What one of them had when it was killed comes back
 * to the orchestrator, and another is started in its place.
 */
#include "run.h"
#include "shards.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* As stages of a run: the processors are shared. */
#define SPIN_NS 2000

/* Deaths in a row, without a stripe done, after which starting others makes no
 * sense. */
#define IDLE_MAX 32

uint32_t shards_crew_default(void)
{
	int count = run_processors(NULL);

	return count < SHARDS_WORKERS_MAX ? (uint32_t)count
					  : SHARDS_WORKERS_MAX;
}

/* Joins; from here on what I have is the orchestrator's if I die. */
static int join(const struct aether_plane *parents, uint64_t boss,
		struct aether_participant **me)
{
	struct aether_participant_options who = {
		.spin = SPIN_NS, .unwatched = 1, .role = AETHER_ROLE_APPLIANCE
	};
	struct aether_plane *plane;
	int rc = aether_plane_reattach(parents, NULL, NULL, &plane);

	if (rc == 0)
		rc = aether_participant_join(plane, &who, NULL, me);
	if (rc == 0)
		rc = aether_participant_heir(*me, boss);
	return rc;
}

static int say_hello(struct aether_participant *me, uint32_t place,
		     uint64_t boss)
{
	struct shards_parcel parcel = {
		.what = SHARDS_HELLO,
		.place = place,
		.tenancy = aether_participant_tenancy(me),
	};
	uint64_t handle;
	void *user;
	int rc = aether_stride_reserve_until(me, AETHER_FOREVER, &handle);

	if (rc == 0)
		rc = aether_stride_user(me, handle, &user);
	if (rc < 0)
		return rc;
	memcpy(user, &parcel, sizeof(parcel));
	return aether_route(me, handle, boss);
}

/* One stripe, there and back. */
static int do_one(struct shards_work *work, struct aether_participant *me,
		  uint64_t boss)
{
	struct shards_parcel parcel;
	void *user, *bytes;
	uint64_t handle;
	size_t size;
	int rc = aether_route_take_until(me, AETHER_FOREVER, &handle);

	if (rc == AETHER_EINTR)
		return 0;
	if (rc == 0)
		rc = aether_stride_user(me, handle, &user);
	if (rc == 0)
		rc = aether_stride_bytes(me, handle, &size, &bytes);
	if (rc == 0 && size < shards_run_size(work->job))
		rc = AETHER_ECORRUPT;
	if (rc < 0)
		return rc;
	memcpy(&parcel, user, sizeof(parcel));
	parcel.what = shards_work_stripe(work, &parcel, bytes);
	memcpy(user, &parcel, sizeof(parcel));
	return aether_route(me, handle, boss);
}

/* The life of a worker's process. The keyboard's signals are the
 * orchestrator's business. */
static void live(const struct shards_job *job, uint32_t place, uint64_t boss,
		 const struct aether_plane *parents)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGHUP };
	struct shards_work work = { .job = job };
	struct aether_participant *me;
	int rc;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	rc = join(parents, boss, &me);
	if (rc == 0)
		rc = say_hello(me, place, boss);
	while (rc == 0)
		rc = do_one(&work, me, boss);
	_exit(-rc & 0x7f);
}

int shards_crew_start(struct shards_crew *crew, uint32_t place,
		      const struct shards_job *job,
		      struct aether_participant *boss,
		      struct aether_error *error)
{
	uint64_t tenancy = aether_participant_tenancy(boss);
	const struct aether_plane *plane = aether_participant_plane(boss);
	pid_t parent = getpid(), pid;

	crew->tenancies[place] = 0;
	crew->out[place] = 0;
	pid = fork();
	if (pid < 0)
		return cli_error(error, AETHER_ESYS, errno,
				 "cannot start a worker");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(CLI_FAILED);
		live(job, place, tenancy, plane);
	}
	crew->pids[place] = pid;
	return 0;
}

/* It ended by itself: the plane refused it something. */
static int explain(pid_t pid, int status, struct aether_error *error)
{
	int code = -WEXITSTATUS(status);

	return cli_error(error, AETHER_ESTAGE, 0,
			 "a worker (pid %ld) ended with status %d (%s); %s, "
			 "and run it again.",
			 (long)pid, WEXITSTATUS(status),
			 aether_error_message(code), aether_error_remedy(code));
}

static int bury(struct shards_crew *crew, uint32_t place, int status,
		struct aether_error *error)
{
	pid_t pid = crew->pids[place];

	crew->pids[place] = 0;
	if (!WIFSIGNALED(status))
		return explain(pid, status, error);
	if (crew->idle++ < IDLE_MAX)
		return 0;
	return cli_error(error, AETHER_ESTAGE, 0,
			 "%u workers were killed and no stripe was done, the "
			 "last one (pid %ld) by signal %d (%s); see what kills "
			 "them.",
			 crew->idle, (long)pid, WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
}

int shards_crew_look(struct shards_crew *crew, struct shards_job *job,
		     struct aether_participant *boss,
		     struct aether_error *error)
{
	int status, rc = 0;

	for (uint32_t i = 0; rc == 0 && i < crew->count; i++) {
		if (crew->pids[i] <= 0 ||
		    waitpid(crew->pids[i], &status, WNOHANG) != crew->pids[i])
			continue;
		rc = bury(crew, i, status, error);
		if (rc < 0)
			break;
		aether_reap(boss, NULL);
		rc = shards_crew_start(crew, i, job, boss, error);
		job->respawned += rc == 0;
	}
	return rc;
}

void shards_crew_end(struct shards_crew *crew)
{
	for (uint32_t i = 0; i < crew->count; i++)
		if (crew->pids[i] > 0)
			kill(crew->pids[i], SIGKILL);
	for (uint32_t i = 0; i < crew->count; i++)
		while (crew->pids[i] > 0 &&
		       waitpid(crew->pids[i], NULL, 0) < 0 && errno == EINTR)
			;
	crew->count = 0;
}
