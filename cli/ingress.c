/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether ingress: brings a stream onto a plane. Beside it runs a second
 * process, the orchestrator, which finds the other stages by their roles and
 * hands out the strides; it is a process of its own because it needs no data,
 * and it ends with the ingress whatever happens to that. Appliances that are
 * started later take the places of those that died.
 */
#include "stage.h"
#include "stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_NS UINT64_C(10000000000) /* for the others to join */
#define LOOK_NS 10000000              /* between two looks */
#define CALM_NS UINT64_C(400000000)   /* for the orchestrator to end */

static const struct argp_option options[] = {
	{ .name = "raw",
	  .key = STAGE_RAW,
	  .doc = "Leave the bytes as they are instead of slicing them into "
		 "bit-planes" },
	{ .name = "tile",
	  .key = STAGE_TILE,
	  .arg = "N",
	  .doc = "Tile of the bit-planes in bytes, a power of two from 8 to "
		 "512 (64)" },
	{ .name = "workers",
	  .key = STAGE_WORKERS,
	  .arg = "N",
	  .doc = "Appliances to wait for before the stream begins (1); all "
		 "that are there then get work" },
	{ .name = "direct",
	  .key = STAGE_DIRECT,
	  .doc = "Use no appliance: all goes straight to the egress" },
	{ .name = "wait",
	  .key = STAGE_WAIT,
	  .arg = "SECONDS",
	  .doc = "How long to wait for the other stages (10)" },
	{ .name = "copy",
	  .key = STAGE_COPY,
	  .doc = "Copy on the way in, to show that it is counted" },
	{ 0 },
};

/* What the orchestrator's process has to say; shared with it. */
struct desk {
	struct aether_error error;
	struct aether_flow_report report;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	return stage_parse(state->input, key, arg, state, 1);
}

static void pause_for(long ns)
{
	struct timespec time = { 0, ns };

	nanosleep(&time, NULL);
}

/* Who is there now. */
static void look(const struct stage *stage,
		 struct aether_flow_orchestrator *work)
{
	struct aether_participant_info info;
	uint32_t slot;

	work->count = 0;
	work->egress = 0;
	for (slot = 0; slot < AETHER_PARTICIPANTS_MAX; slot++) {
		if (aether_participant_look(stage->plane, slot, &info) < 0)
			break;
		if (!info.tenancy || info.state != AETHER_SEAT_ACTIVE ||
		    !info.alive)
			continue;
		if (info.role == AETHER_ROLE_EGRESS && !work->egress)
			work->egress = info.tenancy;
		if (info.role == AETHER_ROLE_APPLIANCE && stage->workers &&
		    work->count < AETHER_FLOW_WORKERS_MAX)
			work->workers[work->count++] = info.tenancy;
	}
}

/* Those who have a place; for who comes later. */
struct staff {
	const struct stage *stage;
	const struct aether_flow_orchestrator *work;
	uint64_t tenancies[AETHER_FLOW_WORKERS_MAX];
};

static int has_place(const struct staff *staff, uint64_t tenancy)
{
	for (uint32_t i = 0; i < staff->work->count; i++)
		if (staff->tenancies[i] == tenancy)
			return 1;
	return 0;
}

/* An appliance that nobody knew of, in the place of one that has gone. */
static int replace(void *user, uint32_t index, uint64_t *tenancy)
{
	struct aether_flow_orchestrator now = { .count = 0 };
	struct staff *staff = user;

	staff->tenancies[index] = 0;
	look(staff->stage, &now);
	for (uint32_t i = 0; i < now.count; i++) {
		if (has_place(staff, now.workers[i]))
			continue;
		*tenancy = staff->tenancies[index] = now.workers[i];
		return 0;
	}
	return AETHER_EAGAIN;
}

static uint64_t patience(const struct stage *stage)
{
	return stage->waits ? stage->wait : WAIT_NS;
}

/* Waits until everybody is there. */
static int gather(const struct stage *stage, struct aether_error *error,
		  struct aether_flow_orchestrator *work)
{
	uint64_t deadline = aether_clock_after(patience(stage));

	for (;;) {
		look(stage, work);
		if (work->egress && work->count >= stage->workers)
			return 0;
		if (cli_stop_signal())
			return cli_error(error, AETHER_EINTR, 0,
					 "stopped while waiting for the other "
					 "stages");
		if (aether_clock_now() >= deadline)
			break;
		pause_for(LOOK_NS);
	}
	if (!work->egress)
		return cli_error(error, AETHER_ETIMEDOUT, 0,
				 "no egress has joined the plane %s; start "
				 "one: aether egress %s OUT.",
				 stage->name, stage->name);
	return cli_error(error, AETHER_ETIMEDOUT, 0,
			 "%u of %u appliances have joined the plane %s; start "
			 "more: aether appliance %s --burn SPEC.",
			 work->count, stage->workers, stage->name, stage->name);
}

static int orchestrate(struct stage *stage, struct desk *desk, int tell)
{
	struct aether_participant_options who = {
		.role = AETHER_ROLE_ORCHESTRATOR, .no_data = 1
	};
	struct aether_attach_options less = cli_without_data(stage->plane);
	struct aether_flow_orchestrator work = {
		.replace = replace,
		.stay = patience(stage) + 1, /* 0 would be the default */
		.stopped = cli_stop_signal,
	};
	struct staff staff = { .stage = stage, .work = &work };
	uint64_t me;
	/* the mapping is not mine */
	int rc = aether_plane_reattach(stage->plane, &less, &desk->error,
				       &stage->plane);

	if (rc < 0)
		return rc;
	rc = aether_participant_join(stage->plane, &who, &desk->error,
				     &stage->me);
	if (rc == 0)
		rc = gather(stage, &desk->error, &work);
	if (rc < 0)
		return rc;
	me = aether_participant_tenancy(stage->me);
	if (write(tell, &me, sizeof(me)) != sizeof(me))
		return cli_error(&desk->error, AETHER_ESYS, errno,
				 "cannot reach the ingress");
	work.user = &staff;
	memcpy(staff.tenancies, work.workers, sizeof(staff.tenancies));
	return aether_flow_orchestrate(stage->me, &work, &desk->error,
				       &desk->report);
}

/* The orchestrator's process. */
__attribute__((noreturn)) static void
run_desk(struct stage *stage, struct desk *desk, int tell, pid_t parent)
{
	int rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(CLI_FAILED);
	stage->me = NULL; /* the parent's */
	rc = orchestrate(stage, desk, tell);
	aether_participant_leave(stage->me);
	_exit(rc < 0 ? CLI_FAILED : CLI_OK);
}

/* Reads the orchestrator's tenancy. It says nothing if it has failed. */
static int meet(struct stage *stage, int hear, uint64_t *tenancy)
{
	ssize_t n = read(hear, tenancy, sizeof(*tenancy));

	if (n == sizeof(*tenancy))
		return 0;
	if (n < 0)
		return cli_error(&stage->error, AETHER_EINTR, 0,
				 "stopped while waiting for the other stages");
	return cli_error(&stage->error, AETHER_ESTAGE, 0,
			 "the orchestrator ended before the stream began");
}

static int bring(struct stage *stage, const struct cli_input *input,
		 uint64_t to)
{
	struct aether_flow_ingress work = {
		.fd = input->fd,
		.to = to,
		.format = stage->unsliced ? AETHER_FORMAT_RAW
					  : AETHER_FORMAT_SLICED,
		.tile = stage->tile,
		.copy = stage->copy,
		.stopped = cli_stop_signal,
	};
	int rc = aether_flow_ingress(stage->me, &work, &stage->error,
				     &stage->report);

	if (rc < 0 && stage->error.os)
		cli_error(&stage->error, rc, stage->error.os, "cannot read %s",
			  input->path);
	return rc;
}

/*
 * Waits for the orchestrator's end. It has its own work to finish, or to tell
 * the others that there will be none; if I failed it gets a moment for that.
 */
static int wait_desk(pid_t pid, int hurry)
{
	uint64_t deadline = hurry ? aether_clock_after(CALM_NS)
				  : AETHER_FOREVER;
	int number = SIGTERM, status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (cli_stop_signal() && deadline == AETHER_FOREVER)
			deadline = aether_clock_after(CALM_NS);
		if (aether_clock_now() >= deadline) {
			kill(pid, number);
			number = SIGKILL;
			deadline = aether_clock_after(CALM_NS);
		}
		pause_for(LOOK_NS / 10);
	}
	return status;
}

/* The stream, with the orchestrator beside it. */
static int stream(struct stage *stage, const struct cli_input *input,
		  struct desk *desk)
{
	pid_t parent = getpid(), pid;
	uint64_t to;
	int ends[2], status, rc;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return cli_error(&stage->error, AETHER_ESYS, errno,
				 "cannot make a pipe to the orchestrator");
	signal(SIGCHLD,
	       SIG_DFL); /* if it is ignored, nobody can be waited for */
	pid = fork();
	if (pid < 0)
		return cli_error(&stage->error, AETHER_ESYS, errno,
				 "cannot start the orchestrator");
	if (pid == 0)
		run_desk(stage, desk, ends[1], parent);
	close(ends[1]);
	rc = stage_join(stage, "ingress");
	if (rc == 0)
		rc = meet(stage, ends[0], &to);
	if (rc == 0)
		rc = bring(stage, input, to);
	close(ends[0]);
	stage_leave(stage);
	status = wait_desk(pid, rc < 0);
	/* it knows better why a stage has gone */
	if ((rc == 0 || rc == AETHER_ESTAGE) && desk->error.code < 0) {
		stage->error = desk->error;
		rc = desk->error.code;
	}
	if (rc == 0 && status != 0)
		rc = cli_error(&stage->error, AETHER_ESTAGE, 0,
			       "the orchestrator (pid %ld) was killed before "
			       "it was done",
			       (long)pid);
	stage->routed = stage->report.strides + desk->report.strides;
	return rc;
}

int cli_ingress(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "NAME IN",
		.doc = "Bring the file IN (- is standard input) onto the plane "
		       "NAME, slice it into bit-planes and hand it to the "
		       "appliances that are there. The egress and the "
		       "appliances may be started before or after it."
	};
	struct stage stage = { .workers = 1 };
	struct cli_input input = { .fd = -1 };
	struct desk *desk = MAP_FAILED;
	int rc;

	cli_parse(&argp, "ingress", argc, argv, &stage);
	rc = cli_input_open(stage.path, &stage.error, &input);
	if (rc == 0)
		rc = stage_attach(&stage);
	/* the orchestrator waits for the others first */
	if (rc == 0)
		rc = aether_flow_check(stage.plane, AETHER_ROLE_INGRESS,
				       &stage.error);
	if (rc < 0)
		goto done;
	desk = mmap(NULL, sizeof(*desk), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (desk == MAP_FAILED)
		rc = cli_error(&stage.error, AETHER_ENOMEM, errno,
			       "cannot make a page to share with the "
			       "orchestrator");
	else
		rc = stream(&stage, &input, desk);
done:
	if (desk != MAP_FAILED)
		munmap(desk, sizeof(*desk));
	cli_input_close(&input);
	return stage_end(&stage, rc, 0);
}
