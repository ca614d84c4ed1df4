/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row in a process of its own: what it fills comes back through a pipe. The
 * parent waits with a limit, so that no row can hang the bench, and on every
 * way out ends the group of the child first, by SIGTERM, so that programs of
 * that group tidy up, and then by SIGKILL.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TIDY_SECONDS 5 /* from SIGTERM to SIGKILL */
#define NO_PROGRAM 127

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	stopped = number;
}

void bench_stop_on(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
				       SIGPIPE };
	struct sigaction action = { .sa_handler = stop }, before;

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], NULL, &before);
		if (before.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

int bench_stopped(void)
{
	return stopped;
}

static void signals_as_usual(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
}

/* With what it said, if it failed. */
__attribute__((noreturn)) static void give(int fd, struct bench_row *row,
					   int result)
{
	if (result < 0) {
		if (!*bench_complaint())
			bench_fail(row->name, result);
		row->failed = result;
		snprintf(row->why, sizeof(row->why), "%s", bench_complaint());
	}
	if (write(fd, row, sizeof(*row)) != sizeof(*row))
		result = AETHER_ESYS;
	_exit(result < 0);
}

void bench_child_here(const struct bench *bench, int fd)
{
	struct aether_error error;
	struct bench_row row = {
		.name = bench->name, .p50 = -1, .p99 = -1, .p999 = -1
	};
	int result;

	bench_no_complaint();
	if (aether_isa_check(&error) < 0)
		result = bench_skip(&row, "%s", error.text);
	else
		result = bench->run(&row);
	give(fd, &row, result);
}

static void execute_anew(const struct bench *bench, int fd)
{
	struct bench_row row = { .name = bench->name };
	char number[16];
	const char *argv[] = { "aether-bench",
			       "--row-to",
			       number,
			       bench->name,
			       bench_quick ? "--quick" : NULL,
			       NULL };

	snprintf(number, sizeof(number), "%d", fd);
	if (setenv("AETHER_ISA", bench->isa, 1) == 0 &&
	    fcntl(fd, F_SETFD, 0) == 0)
		execv("/proc/self/exe", (char *const *)argv);
	give(fd, &row,
	     bench_fail("cannot execute this program anew; is /proc mounted?",
			AETHER_ESYS));
}

static pid_t start(const struct bench *bench, int fd)
{
	pid_t parent = getpid(), child = fork();

	if (child != 0)
		return child;
	signals_as_usual();
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	if (bench->isa)
		execute_anew(bench, fd);
	bench_child_here(bench, fd);
}

/* Whether the row came in time. What was not written whole is an error. */
static int await(int fd, struct bench_row *row)
{
	double end = bench_now() + BENCH_SECONDS_KILLED * 1e9;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	const char *name = row->name;
	ssize_t got = 0;
	int left;

	do {
		left = (int)((end - bench_now()) / 1e6);
		if (left <= 0 || stopped)
			return AETHER_ETIMEDOUT;
		/* a signal may come before poll: look again now and then */
		if (poll(&ready, 1, left < 200 ? left : 200) > 0)
			got = read(fd, row, sizeof(*row));
	} while (!ready.revents);
	row->name = name;
	row->why[BENCH_WHY_MAX - 1] = '\0';
	return got == sizeof(*row) ? 0 : AETHER_ESTAGE;
}

static void end_group(pid_t child)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	double end = bench_now() + TIDY_SECONDS * 1e9;

	kill(-child, SIGTERM);
	while (waitpid(child, NULL, WNOHANG) == 0 && bench_now() < end)
		nanosleep(&pause, NULL);
	/* its programs may be tidying up still */
	while (kill(-child, 0) == 0 && bench_now() < end)
		nanosleep(&pause, NULL);
	kill(-child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* Of what the row itself cannot say. */
static void complain(struct bench_row *row, int err)
{
	if (err == AETHER_ETIMEDOUT)
		bench_complain(
			err,
			"%s: took more than %d s and was ended; see what "
			"else the machine does",
			row->name, BENCH_SECONDS_KILLED);
	else if (err == AETHER_ESTAGE)
		bench_complain(
			err,
			"%s: its process ended before its work was done; "
			"see what else was said, and try again",
			row->name);
	else
		bench_fail(row->name, err);
	snprintf(row->why, sizeof(row->why), "%s", bench_complaint());
}

int bench_child(const struct bench *bench, struct bench_row *row)
{
	int ends[2], err;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		complain(row, AETHER_ESYS);
		return AETHER_ESYS;
	}
	fflush(NULL);
	child = start(bench, ends[1]);
	close(ends[1]);
	if (child > 0)
		setpgid(child, child); /* whoever comes first */
	row->name = bench->name;
	err = child < 0 ? AETHER_ESYS : await(ends[0], row);
	close(ends[0]);
	if (child > 0)
		end_group(child);
	if (err < 0 && !stopped)
		complain(row, err);
	if (err == 0)
		err = row->failed;
	if (err < 0)
		return err;
	return row->why[0] ? BENCH_SKIPPED : 0;
}

pid_t bench_start(const char *const *argv, int out, int talks)
{
	pid_t child = fork();
	int nowhere;

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(out < 0 ? nowhere : out, STDOUT_FILENO);
	if (talks)
		dup2(nowhere, STDERR_FILENO);
	execvp(argv[0], (char *const *)argv);
	_exit(NO_PROGRAM);
}

int bench_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return NO_PROGRAM;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int bench_has(const char *program)
{
	const char *from = getenv("PATH");
	char path[PATH_MAX];

	while (from && *from) {
		size_t length = strcspn(from, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)length, from,
			 program);
		if (access(path, X_OK) == 0)
			return 1;
		from += length + (from[length] == ':');
	}
	return 0;
}

int bench_beside(char *path, size_t size, const char *program)
{
	static const char *const places[] = { "", "../../bin/" };
	char own[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	if (length < 0)
		return AETHER_ESYS;
	own[length] = '\0';
	slash = strrchr(own, '/');
	if (!slash)
		return AETHER_ENOENT;
	slash[1] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, size, "%s%s%s", own, places[i], program);
		if (access(path, X_OK) == 0)
			return 0;
	}
	return AETHER_ENOENT;
}
