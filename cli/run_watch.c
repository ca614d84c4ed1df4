/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor of a run: brings the stages together, starts another appliance
 * when one is killed, notices when a stage fails, ends the others, and says
 * which one it was. It touches no data and holds no lease. Signals are read
 * from a descriptor, so nothing can be interrupted half way.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 100            /* of the progress bar */
#define GRACE_NS 300000000u    /* for the others to fail by themselves */
#define REST_NS 1000000000u    /* for appliances, after all others */
#define FAREWELL_NS 600000000u /* for leaving a plane that is not mine */
#define ECHO_MS 50             /* a signal to all of us reaches me, too */

int run_signals_hold(struct run *run, struct aether_error *error)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction old;
	sigset_t set;

	signal(SIGCHLD,
	       SIG_DFL); /* if it is ignored, nobody can be waited for */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (sigaction(ends[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaddset(&set, ends[i]);
	sigprocmask(SIG_BLOCK, &set, &run->before);
	run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (run->signals < 0)
		return cli_error(error, AETHER_ESYS, errno,
				 "cannot watch for signals");
	return 0;
}

/* Reads what signals have come. The first that ends us is remembered. */
static void read_signals(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD && !run->signal)
			run->signal = (int)info.ssi_signo;
}

/* It did not come to its end: by a signal, or because a burn called exit(). */
static int was_killed(const struct run *run, uint32_t stage)
{
	int status = run->statuses[stage];

	return status != RUN_RUNNING &&
	       (WIFSIGNALED(status) || !run->shared->seats[stage].over);
}

/* It says why the death of another one is the end. */
static int names_death(const struct run *run, uint32_t stage)
{
	int code = run->shared->seats[stage].error.code;

	return code == AETHER_ESUSPECT ||
	       (code == AETHER_EBURN && stage == RUN_ORCHESTRATOR);
}

/*
 * How much a stage explains: 4, it says why another's death is the end; 3, it
 * was killed; 2, it failed by itself; 1, it failed because of others; 0, it did
 * not fail. It may still be busy telling the others.
 */
static int weight(const struct run *run, int stage)
{
	int status = stage < 0 ? 0 : run->statuses[stage], code;

	if (stage >= 0 && was_killed(run, (uint32_t)stage))
		return 3;
	if (status == 0)
		return 0;
	code = run->shared->seats[stage].error.code;
	if (status == RUN_RUNNING && code == 0)
		return 0;
	if (names_death(run, (uint32_t)stage))
		return 4;
	return code == AETHER_ESTAGE || code == 0 ? 1 : 2;
}

static void judge(struct run *run, uint32_t stage)
{
	if (weight(run, (int)stage) > weight(run, run->culprit))
		run->culprit = (int)stage;
}

/* Once the orchestrator is done no appliance has anything any more: however
 * one ends, the run is none the worse for it. */
static int matters(const struct run *run, uint32_t stage)
{
	return run->statuses[RUN_ORCHESTRATOR] != 0 ||
	       strcmp(run_role(run, stage), "appliance") != 0;
}

/* Looks who has ended; the orchestrator before the appliances. */
static void reap(struct run *run)
{
	int status;

	for (uint32_t i = 0; i < run->stages; i++) {
		if (run->pids[i] <= 0 || run->statuses[i] != RUN_RUNNING ||
		    waitpid(run->pids[i], &status, WNOHANG) != run->pids[i] ||
		    run_replace(run, i, status))
			continue;
		run->statuses[i] = status;
		run->ended++;
		if (matters(run, i))
			judge(run, i);
	}
}

/* Waits for events, at most until the deadline and for one tick. */
static void watch_once(struct run *run, uint64_t deadline)
{
	struct pollfd fds[] = { { .fd = run->signals, .events = POLLIN },
				{ .fd = run->ready[0], .events = POLLIN } };
	uint64_t now = aether_clock_now();
	int wait = TICK_MS;

	if (deadline < now)
		wait = 0;
	else if (deadline - now < TICK_MS * UINT64_C(1000000))
		wait = (int)((deadline - now) / 1000000) + 1;
	poll(fds, run->ready[0] < 0 ? 1 : 2, wait);
	read_signals(run);
	reap(run);
}

static void send_all(const struct run *run, int number)
{
	for (uint32_t i = 0; i < run->stages; i++)
		if (run->pids[i] > 0 && run->statuses[i] == RUN_RUNNING)
			kill(run->pids[i], number);
}

/*
 * Ends whoever still runs. On a plane of the user's they may leave first, so
 * that it is as it was before; a plane of mine ends with me. What this does to
 * a culprit that was slow to end is not what it failed of.
 */
static void stop(struct run *run)
{
	uint64_t deadline = aether_clock_after(FAREWELL_NS);
	int culprit = run->culprit, signal = run->signal;

	run->stopping = 1;
	run->blamed = culprit < 0 ? 0 : run->statuses[culprit];
	if (run->options.name && !run->made) {
		send_all(run, SIGTERM);
		while (run->ended < run->stages &&
		       aether_clock_now() < deadline)
			watch_once(run, deadline);
	}
	send_all(run, SIGKILL);
	while (run->ended < run->stages) {
		for (uint32_t i = 0; i < run->stages; i++)
			if (run->pids[i] <= 0 &&
			    run->statuses[i] == RUN_RUNNING) {
				run->statuses[i] = 0; /* never started */
				run->ended++;
			}
		watch_once(run, AETHER_FOREVER);
	}
	run->culprit = culprit;
	run->signal = signal;
}

/* All stages must have joined before any can be told whom to route to. */
static void meet(struct run *run)
{
	char bytes[RUN_STAGES_MAX] = { 0 };
	uint64_t all = (UINT64_C(1) << run->stages) - 1;
	ssize_t n = read(run->ready[0], bytes, sizeof(bytes));

	for (ssize_t i = 0; i < n; i++)
		run->joined |= UINT64_C(1) << bytes[i];
	if (run->began || run->joined != all)
		return;
	run->began = aether_clock_now();
	if (write(run->go[1], bytes, run->stages) != (ssize_t)run->stages)
		run->culprit = RUN_INGRESS; /* cannot be: the pipe is empty */
}

/* The stream is out: only appliances are left, who have nothing to do. */
static int is_over(const struct run *run)
{
	return run->statuses[RUN_INGRESS] == 0 &&
	       run->statuses[RUN_ORCHESTRATOR] == 0 &&
	       run->statuses[run->stages - 1] == 0;
}

/* Until all have ended, or waiting for them makes no more sense. */
static void watch(struct run *run)
{
	uint64_t deadline = AETHER_FOREVER;

	fcntl(run->ready[0], F_SETFL, O_NONBLOCK);
	while (run->ended < run->stages && !run->signal &&
	       aether_clock_now() < deadline) {
		watch_once(run, deadline);
		meet(run);
		if (weight(run, run->culprit) == 3)
			break;
		if (run->culprit >= 0 && deadline == AETHER_FOREVER)
			deadline = aether_clock_after(GRACE_NS);
		if (is_over(run) && deadline == AETHER_FOREVER)
			deadline = aether_clock_after(REST_NS);
		run->still = run->culprit < 0 && run_stands_still(run);
		if (run->still)
			break;
		run_progress(run);
	}
	for (uint32_t i = 0; run->culprit >= 0 && i < run->stages; i++)
		judge(run, i);
	if (run->began)
		run->seconds = (double)(aether_clock_now() - run->began) / 1e9;
	run_progress_end();
}

/* The ingress reads what is mapped: a page that cannot be had any more ends it
 * with SIGBUS. */
static int lost_its_input(const struct run *run)
{
	int status = run->blamed;

	return run->culprit == RUN_INGRESS && status != RUN_RUNNING &&
	       WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS;
}

static int explain_input(const struct run *run, struct aether_error *error)
{
	struct stat st;

	if (fstat(run->input.fd, &st) == 0 &&
	    st.st_size < run->input.stat.st_size)
		return cli_error(error, AETHER_EIO, 0,
				 "the input %s became shorter while it was "
				 "read; there is no output, run it again, and "
				 "leave the input alone.",
				 run->input.path);
	return cli_error(error, AETHER_EIO, 0,
			 "the ingress was killed by signal 7 (Bus error): a "
			 "part of the input %s could not be read, for its file "
			 "system failed; there is no output, try cat IN | "
			 "aether run - OUT.",
			 run->input.path);
}

/* What went wrong, in words. */
static int explain(const struct run *run, struct aether_error *error)
{
	uint32_t stage = (uint32_t)run->culprit;
	const struct aether_error *said = &run->shared->seats[stage].error;
	int status = run->blamed, number = WTERMSIG(status);
	char who[32], where[200];

	if (lost_its_input(run))
		return explain_input(run, error);
	run_describe(run, stage, who, sizeof(who));
	run_burns_blame(run, &run->shared->seats[stage].note, where,
			sizeof(where));
	if (status != RUN_RUNNING && WIFSIGNALED(status))
		return cli_error(error, AETHER_ESTAGE, 0,
				 "the %s (pid %ld) was killed by signal %d "
				 "(%s)%s; there is no output, run it again.",
				 who, (long)run->pids[stage], number,
				 strsignal(number), where);
	if (said->code >= 0)
		return cli_error(error, AETHER_ESTAGE, 0,
				 "the %s (pid %ld) ended with status %d%s; "
				 "there is no output, run it again.",
				 who, (long)run->pids[stage],
				 WEXITSTATUS(status), where);
	if (names_death(run, stage) && run->death[0])
		return cli_error(error, said->code, 0, "%s: the %s: %s",
				 run->death, who, said->text);
	return cli_error(error, said->code, 0, "the %s: %s", who, said->text);
}

int run_watch(struct run *run, struct aether_error *error)
{
	struct pollfd echo = { .fd = run->signals, .events = POLLIN };
	int rc;

	for (uint32_t i = 0; i < run->stages; i++)
		run->statuses[i] = RUN_RUNNING;
	run->culprit = -1;
	rc = run_start(run, error);
	if (rc == 0)
		watch(run);
	if (weight(run, run->culprit) == 3 && !run->signal &&
	    poll(&echo, 1, ECHO_MS) > 0)
		read_signals(run);
	if (rc == 0 && run->still)
		rc = run_stall_explain(run, error);
	stop(run);
	run_start_close(run);
	if (run->signal)
		return AETHER_EINTR;
	if (rc == 0 && run->culprit >= 0)
		rc = explain(run, error);
	return rc;
}
