/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor of a run: starts the stages, brings them together, notices
 * when one fails or is killed, ends the others, and says which one it was. It
 * touches no data and holds no lease. Signals are read from a descriptor, so
 * nothing can be interrupted half way.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUNNING (-1)           /* no wait status yet */
#define TICK_MS 100            /* of the progress bar */
#define GRACE_NS 300000000u    /* for the others to fail by themselves */
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

/*
 * How much a stage explains: 3, it was killed; 2, it failed by itself; 1, it
 * failed because of others; 0, it did not fail. It may still be busy telling
 * the others.
 */
static int weight(const struct run *run, int stage)
{
	int status = stage < 0 ? 0 : run->statuses[stage], code;

	if (status == 0)
		return 0;
	if (status != RUNNING && WIFSIGNALED(status))
		return 3;
	code = run->shared->seats[stage].error.code;
	if (status == RUNNING && code == 0)
		return 0;
	return code == AETHER_ESTAGE || code == 0 ? 1 : 2;
}

static void judge(struct run *run, uint32_t stage)
{
	if (weight(run, (int)stage) > weight(run, run->culprit))
		run->culprit = (int)stage;
}

/* Looks who has ended. */
static void reap(struct run *run)
{
	int status;

	for (uint32_t i = 0; i < run->stages; i++) {
		if (run->pids[i] <= 0 || run->statuses[i] != RUNNING ||
		    waitpid(run->pids[i], &status, WNOHANG) != run->pids[i])
			continue;
		run->statuses[i] = status;
		run->ended++;
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
		if (run->pids[i] > 0 && run->statuses[i] == RUNNING)
			kill(run->pids[i], number);
}

/*
 * Ends whoever still runs. On a plane of the user's they may leave first, so
 * that it is as it was before; a plane of mine ends with me.
 */
static void stop(struct run *run)
{
	uint64_t deadline = aether_clock_after(FAREWELL_NS);
	int culprit = run->culprit, signal = run->signal;

	if (run->options.name && !run->made) {
		send_all(run, SIGTERM);
		while (run->ended < run->stages &&
		       aether_clock_now() < deadline)
			watch_once(run, deadline);
	}
	send_all(run, SIGKILL);
	while (run->ended < run->stages) {
		for (uint32_t i = 0; i < run->stages; i++)
			if (run->pids[i] <= 0 && run->statuses[i] == RUNNING) {
				run->statuses[i] = 0; /* never started */
				run->ended++;
			}
		watch_once(run, AETHER_FOREVER);
	}
	run->culprit = culprit;
	run->signal = signal;
}

static int pipes(struct run *run, struct aether_error *error)
{
	run->ready[0] = run->ready[1] = run->go[0] = run->go[1] = -1;
	if (pipe2(run->ready, O_CLOEXEC) < 0 || pipe2(run->go, O_CLOEXEC) < 0)
		return cli_error(error, AETHER_ESYS, errno,
				 "cannot make pipes for the stages");
	return 0;
}

static int start(struct run *run, struct aether_error *error)
{
	pid_t parent = getpid(), pid;

	if (pipes(run, error) < 0)
		return AETHER_ESYS;
	for (uint32_t i = 0; i < run->stages; i++) {
		pid = fork();
		if (pid < 0)
			return cli_error(error, AETHER_ESYS, errno,
					 "cannot start the %s",
					 run_role(run, i));
		if (pid == 0)
			run_stage(run, i, parent);
		run->pids[i] = pid;
	}
	return 0;
}

/* All stages must have joined before any can be told whom to route to. */
static void meet(struct run *run, uint32_t *joined)
{
	char bytes[RUN_STAGES_MAX] = { 0 };
	ssize_t n;

	if (*joined == run->stages)
		return;
	n = read(run->ready[0], bytes, run->stages - *joined);
	if (n > 0)
		*joined += (uint32_t)n;
	if (*joined < run->stages)
		return;
	run->began = aether_clock_now();
	if (write(run->go[1], bytes, run->stages) != (ssize_t)run->stages)
		run->culprit = RUN_INGRESS; /* cannot be: the pipe is empty */
}

/* Until all have ended, or waiting for them makes no more sense. */
static void watch(struct run *run)
{
	uint64_t deadline = AETHER_FOREVER;
	uint32_t joined = 0;

	fcntl(run->ready[0], F_SETFL, O_NONBLOCK);
	while (run->ended < run->stages && !run->signal &&
	       aether_clock_now() < deadline) {
		watch_once(run, deadline);
		meet(run, &joined);
		if (weight(run, run->culprit) == 3)
			break;
		if (run->culprit >= 0 && deadline == AETHER_FOREVER)
			deadline = aether_clock_after(GRACE_NS);
		run_progress(run);
	}
	for (uint32_t i = 0; run->culprit >= 0 && i < run->stages; i++)
		judge(run, i);
	run->seconds = (double)(aether_clock_now() - run->began) / 1e9;
	run_progress_end();
}

/* "appliance 2" where there are several. */
static void describe(const struct run *run, uint32_t stage, char *text,
		     size_t size)
{
	const char *role = run_role(run, stage);

	if (run->options.workers > 1 && strcmp(role, "appliance") == 0)
		snprintf(text, size, "%s %u", role, stage - RUN_APPLIANCE + 1);
	else
		snprintf(text, size, "%s", role);
}

/* What went wrong, in words. */
static int explain(const struct run *run, struct aether_error *error)
{
	uint32_t stage = (uint32_t)run->culprit;
	const struct aether_error *said = &run->shared->seats[stage].error;
	int status = run->statuses[stage], number = WTERMSIG(status);
	char who[32];

	describe(run, stage, who, sizeof(who));
	if (status != RUNNING && WIFSIGNALED(status))
		return cli_error(error, AETHER_ESTAGE, 0,
				 "the %s (pid %ld) was killed by signal %d "
				 "(%s); there is no output, run it again.",
				 who, (long)run->pids[stage], number,
				 strsignal(number));
	if (said->code >= 0)
		return cli_error(error, AETHER_ESTAGE, 0,
				 "the %s (pid %ld) ended with status %d; there "
				 "is no output, run it again.",
				 who, (long)run->pids[stage],
				 WEXITSTATUS(status));
	return cli_error(error, said->code, 0, "the %s: %s", who, said->text);
}

int run_watch(struct run *run, struct aether_error *error)
{
	struct pollfd echo = { .fd = run->signals, .events = POLLIN };
	int rc;

	for (uint32_t i = 0; i < run->stages; i++)
		run->statuses[i] = RUNNING;
	run->culprit = -1;
	rc = start(run, error);
	if (rc == 0)
		watch(run);
	if (weight(run, run->culprit) == 3 && !run->signal &&
	    poll(&echo, 1, ECHO_MS) > 0)
		read_signals(run);
	stop(run);
	close(run->ready[0]);
	close(run->ready[1]);
	close(run->go[0]);
	close(run->go[1]);
	if (run->signal)
		return AETHER_EINTR;
	if (rc == 0 && run->culprit >= 0)
		rc = explain(run, error);
	return rc;
}
