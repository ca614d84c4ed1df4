/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals that end a stage. A signal may come between a look at it and the
 * wait that it should interrupt; so a timer repeats the interruption until the
 * process has ended. Handlers do nothing but remember and start that timer.
 */
#include "stop.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define AGAIN_US 50000

static volatile sig_atomic_t came;

static void again(int number)
{
	(void)number;
}

static void remember(int number)
{
	static const struct itimerval timer = { { 0, AGAIN_US },
						{ 0, AGAIN_US } };

	if (!came)
		came = number;
	setitimer(ITIMER_REAL, &timer, NULL); /* one system call on Linux */
}

void cli_stop_on(const int *signals)
{
	struct sigaction action, old;

	memset(&action, 0, sizeof(action)); /* and no SA_RESTART */
	action.sa_handler = again;
	sigaction(SIGALRM, &action, NULL);
	action.sa_handler = remember;
	for (; *signals; signals++)
		if (sigaction(*signals, NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaction(*signals, &action, NULL);
}

int cli_stop_signal(void)
{
	return came;
}

void cli_die_by(int number)
{
	sigset_t set;

	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(number);
	_Exit(128 + number);
}

void cli_stop_die(void)
{
	if (came)
		cli_die_by(came);
}
