/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing into a pipe that nobody reads raises SIGPIPE, which would end a
 * program that has done nothing wrong. The egress holds it off for its own
 * thread while it runs, and takes back the one that its writes have raised; a
 * program's own handling of SIGPIPE is not touched.
 */
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include "stage.h"

static void only_sigpipe(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGPIPE);
}

void ae_sigpipe_hold(struct ae_sigpipe *hold)
{
	sigset_t set, before;

	sigpending(&set);
	hold->pending = sigismember(&set, SIGPIPE) == 1;
	only_sigpipe(&set);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	hold->blocked = sigismember(&before, SIGPIPE) == 1;
}

void ae_sigpipe_let(const struct ae_sigpipe *hold)
{
	static const struct timespec now;
	sigset_t set;

	only_sigpipe(&set);
	if (!hold->pending)
		while (sigtimedwait(&set, NULL, &now) == SIGPIPE)
			;
	if (!hold->blocked)
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
