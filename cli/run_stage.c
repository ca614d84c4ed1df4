/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stage of aether run, in a process of its own: attaches to the plane
 * anew, joins, waits until all have joined, does its work, leaves. One that
 * takes a dead one's place waits for nobody, and tells the orchestrator that
 * it is there. It ends with its parent, whatever happens to that. What it has
 * to say goes into the shared page; it never writes to a terminal.
 */
#include "run.h"
#include "stop.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <xxhash.h>

/* Four or more processes share the processors: spinning long takes time from
 * those who have work. */
#define SPIN_NS 2000

static void sum_bytes(void *user, const void *bytes, size_t length)
{
	XXH3_128bits_update(user, bytes, length);
}

/* A tap that adds up, if the run is to be verified. */
static int open_tap(const struct run *run, struct aether_error *error,
		    struct aether_flow_tap *tap)
{
	XXH3_state_t *state;

	if (!run->options.verify)
		return 0;
	state = XXH3_createState();
	if (!state || XXH3_128bits_reset(state) == XXH_ERROR)
		return cli_error(error, AETHER_ENOMEM, 0,
				 "no memory for a checksum");
	tap->bytes = sum_bytes;
	tap->user = state;
	return 0;
}

static void close_tap(const struct aether_flow_tap *tap, struct run_sum *sum)
{
	XXH128_hash_t hash;

	if (!tap->user)
		return;
	hash = XXH3_128bits_digest(tap->user);
	sum->low = hash.low64;
	sum->high = hash.high64;
	XXH3_freeState(tap->user);
}

static int ingress(struct run *run, struct aether_participant *me,
		   struct run_seat *seat)
{
	struct aether_flow_ingress options = {
		.fd = run->input.fd,
		.to = run->shared->seats[RUN_ORCHESTRATOR].tenancy,
		.format = run->options.unsliced ? AETHER_FORMAT_RAW
						: AETHER_FORMAT_SLICED,
		.tile = run->options.tile,
		.copy = run->options.copy,
		.map = 1,
		.stopped = cli_stop_signal,
	};
	int rc = open_tap(run, &seat->error, &options.tap);

	if (rc < 0)
		return rc;
	rc = aether_flow_ingress(me, &options, &seat->error, &seat->report);
	close_tap(&options.tap, &run->shared->in);
	if (rc < 0 && seat->error.os)
		cli_error(&seat->error, rc, seat->error.os, "cannot read %s",
			  run->input.path);
	return rc;
}

/* Those who have come to take a place, by place; 0: nobody. */
struct newcomers {
	int fd;
	uint64_t tenancies[AETHER_FLOW_WORKERS_MAX];
};

static int replace(void *user, uint32_t index, uint64_t *tenancy)
{
	struct newcomers *all = user;
	struct run_newcomer one;

	while (read(all->fd, &one, sizeof(one)) == sizeof(one))
		if (one.place < AETHER_FLOW_WORKERS_MAX)
			all->tenancies[one.place] = one.tenancy;
	if (!all->tenancies[index])
		return AETHER_EAGAIN;
	*tenancy = all->tenancies[index];
	all->tenancies[index] = 0;
	return 0;
}

static int orchestrator(struct run *run, struct aether_participant *me,
			struct run_seat *seat)
{
	struct run_seat *seats = run->shared->seats;
	struct newcomers newcomers = { .fd = run->fresh[0] };
	struct aether_flow_orchestrator options = {
		.count = run->options.workers,
		.egress = seats[run->stages - 1].tenancy,
		.replace = replace,
		.user = &newcomers,
		.stopped = cli_stop_signal,
	};

	for (uint32_t i = 0; i < options.count; i++)
		options.workers[i] = seats[RUN_APPLIANCE + i].tenancy;
	return aether_flow_orchestrate(me, &options, &seat->error,
				       &seat->report);
}

static int appliance(struct run *run, struct aether_participant *me,
		     struct run_seat *seat)
{
	struct aether_flow_appliance options = {
		.burns = run->burns,
		.count = run->options.burns,
		.depth = run->options.buffers ? AETHER_FLOW_DEPTH_NONE : 0,
		.stopped = cli_stop_signal,
	};

	return aether_flow_work(me, &options, &seat->error, &seat->report);
}

static int egress(struct run *run, struct aether_participant *me,
		  struct run_seat *seat)
{
	struct aether_flow_egress options = {
		.fd = run->output.fd,
		.burns = run->burns,
		.count = run->options.burns,
		.copy = run->options.copy,
		.expected = S_ISREG(run->input.stat.st_mode)
				    ? (uint64_t)run->input.stat.st_size
				    : 0,
		.stopped = cli_stop_signal,
	};
	int rc = open_tap(run, &seat->error, &options.tap);

	if (rc < 0)
		return rc;
	rc = aether_flow_egress(me, &options, &seat->error, &seat->report);
	close_tap(&options.tap, &run->shared->out);
	if (rc < 0 && seat->error.os)
		cli_error(&seat->error, rc, seat->error.os, "cannot write %s",
			  run->output.path);
	return rc;
}

static int say(int fd, const void *bytes, size_t length,
	       struct aether_error *error)
{
	if (write(fd, bytes, length) == (ssize_t)length)
		return 0;
	return cli_error(error, AETHER_ESYS, errno,
			 "cannot reach the other stages");
}

/* Says that it is there, and waits for all others. */
static int meet(struct run *run, uint32_t stage, struct run_seat *seat)
{
	struct run_newcomer me = { .tenancy = seat->tenancy,
				   .place = stage - RUN_APPLIANCE };
	char byte = (char)stage;
	ssize_t n;
	int rc = 0;

	if (run->respawned)
		rc = say(run->fresh[1], &me, sizeof(me), &seat->error);
	if (run->began || rc < 0)
		return rc;
	rc = say(run->ready[1], &byte, 1, &seat->error);
	if (rc < 0)
		return rc;
	do
		n = read(run->go[0], &byte, 1);
	while (n < 0 && errno == EINTR && !cli_stop_signal());
	if (n == 1)
		return 0;
	return cli_error(&seat->error, n ? AETHER_EINTR : AETHER_ESTAGE, 0,
			 "stopped before the stream began");
}

/* The egress needs burns only to undo them. */
static int load_burns(struct run *run, uint32_t stage, struct run_seat *seat)
{
	if (stage < RUN_APPLIANCE ||
	    (stage == run->stages - 1 && !run->options.verify))
		return 0;
	return run_burns_load(run, seat);
}

/* The orchestrator has no data: it hands leases on. */
static int join(const struct run *run, uint32_t stage, struct run_seat *seat,
		struct aether_plane **plane, struct aether_participant **me)
{
	int routes = stage == RUN_ORCHESTRATOR;
	struct aether_participant_options who = { .spin = SPIN_NS,
						  .no_data = (uint32_t)routes };
	struct aether_attach_options less = { .flags = 0 };
	int rc;

	if (routes)
		less = cli_without_data(run->plane);
	aether_participant_role(run_role(run, stage), &who.role);
	rc = aether_plane_reattach(run->plane, &less, &seat->error, plane);
	if (rc == 0)
		rc = aether_participant_join(*plane, &who, &seat->error, me);
	if (rc == 0)
		seat->tenancy = aether_participant_tenancy(*me);
	return rc;
}

static int work(struct run *run, uint32_t stage, struct run_seat *seat)
{
	struct aether_participant *me = NULL;
	struct aether_plane *plane = NULL;
	int rc = load_burns(run, stage, seat);

	if (rc == 0)
		rc = join(run, stage, seat, &plane, &me);
	if (rc < 0)
		goto done;
	if (run->options.pin)
		rc = run_pin(run, stage, &seat->error);
	if (rc < 0)
		goto done;
	rc = meet(run, stage, seat);
	if (rc < 0)
		goto done;
	if (stage == RUN_INGRESS)
		rc = ingress(run, me, seat);
	else if (stage == RUN_ORCHESTRATOR)
		rc = orchestrator(run, me, seat);
	else if (stage == run->stages - 1)
		rc = egress(run, me, seat);
	else
		rc = appliance(run, me, seat);
done:
	aether_participant_leave(me);
	aether_plane_detach(plane);
	run_burns_close(run);
	return rc;
}

void run_stage(struct run *run, uint32_t stage, pid_t parent)
{
	static const int stops[] = { SIGTERM, 0 };
	int rc;

	/* The keyboard's signals are the supervisor's business. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	cli_stop_on(stops);
	sigprocmask(SIG_SETMASK, &run->before, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(CLI_FAILED);
	close(run->ready[0]);
	close(run->go[1]);
	close(run->signals);
	rc = work(run, stage, &run->shared->seats[stage]);
	run->shared->seats[stage].over = 1;
	cli_stop_die();
	_exit(rc < 0 ? CLI_FAILED : CLI_OK);
}
