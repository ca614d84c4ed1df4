/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stage alone shows while it goes on, on a terminal only: what it waits
 * for, a line each time that changes, and then how far it is, in place. It is
 * seen from outside, by a thread that looks at the plane as anybody may; so
 * neither the stage nor the library is any slower for it, and a stage whose
 * standard error is no terminal has no such thread.
 */
#include "stage.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_NS \
	300000000u /* between two looks; what is shorter shows nothing */
#define LINE 512

struct stage_show {
	const struct stage *stage;
	uint64_t me;
	pthread_t thread;
	pthread_mutex_t lock; /* of `over` */
	pthread_cond_t change;
	int over;
	/* the thread's own */
	char said[LINE];
	int drawn; /* 1: a line is to be wiped */
};

/* Who is on the plane, and how far I am. */
struct sight {
	uint32_t appliances;
	int egress;
	int orchestrator;
	uint64_t strides; /* routed on; of an egress: taken */
};

static void look(const struct stage_show *show, struct sight *is)
{
	struct aether_participant_info info;
	uint32_t slot;

	memset(is, 0, sizeof(*is));
	for (slot = 0; slot < AETHER_PARTICIPANTS_MAX; slot++) {
		if (aether_participant_look(show->stage->plane, slot, &info) <
		    0)
			break;
		if (!info.tenancy || !info.alive)
			continue;
		is->egress |= info.role == AETHER_ROLE_EGRESS;
		is->orchestrator |= info.role == AETHER_ROLE_ORCHESTRATOR;
		is->appliances += info.role == AETHER_ROLE_APPLIANCE;
		if (info.tenancy == show->me)
			is->strides = info.role == AETHER_ROLE_EGRESS
					      ? info.counts.taken
					      : info.counts.routed;
	}
}

static int brings(const struct stage *stage)
{
	return stage->role == AETHER_ROLE_INGRESS;
}

/* What it waits for before the first stride, and what would help. */
static void reason(const struct stage *stage, const struct sight *is,
		   char text[LINE])
{
	if (!brings(stage) && !is->orchestrator)
		snprintf(text, LINE,
			 "waits for an ingress; start one: "
			 "aether ingress %s IN",
			 stage->name);
	else if (!brings(stage))
		snprintf(text, LINE, "waits for the stream to begin");
	else if (!is->egress)
		snprintf(text, LINE,
			 "waits for an egress; start one: "
			 "aether egress %s OUT",
			 stage->name);
	else if (is->appliances < stage->workers)
		snprintf(text, LINE,
			 "waits for appliances, %u of %u are there; start "
			 "more: aether appliance %s --burn SPEC",
			 is->appliances, stage->workers, stage->name);
	else
		snprintf(text, LINE, "waits for input");
}

/* In one call, so that the lines of several stages do not mix; not at all where
 * the terminal is held, for the stage must not wait for that. */
static void print(const char *text)
{
	struct pollfd terminal = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&terminal, 1, 0) == 1 && terminal.revents == POLLOUT &&
	    write(STDERR_FILENO, text, strlen(text)) < 0)
		return; /* it is only a picture */
}

/*
 * Whether a line may be drawn again and again: the terminal must be ours, not
 * the shell's, and must not show the stream, or be where it is typed.
 */
static int may_draw(const struct stage *stage)
{
	int fd = brings(stage) ? STDIN_FILENO : STDOUT_FILENO;

	if (tcgetpgrp(STDERR_FILENO) != getpgrp())
		return 0;
	return !stage->path || strcmp(stage->path, "-") != 0 || !isatty(fd);
}

static void show_once(struct stage_show *show)
{
	const struct stage *stage = show->stage;
	char text[LINE], line[2 * LINE];
	struct sight is;

	look(show, &is);
	if (is.strides)
		snprintf(text, LINE, "%llu stride%s",
			 (unsigned long long)is.strides,
			 is.strides == 1 ? "" : "s");
	else
		reason(stage, &is, text);
	if (strcmp(text, show->said) == 0 || (is.strides && !may_draw(stage)))
		return;
	strcpy(show->said, text);
	show->drawn |= is.strides != 0;
	snprintf(line, sizeof(line),
		 is.strides ? "\r%s %s: %s\033[K" : "%s %s: %s\n",
		 stage->common.verb, stage->name, text);
	print(line);
}

static void *run(void *user)
{
	struct stage_show *show = user;
	struct timespec time;

	pthread_mutex_lock(&show->lock);
	while (!show->over) {
		/* not since the last one: who was stopped looks once */
		uint64_t next = aether_clock_now() + LOOK_NS;

		time.tv_sec = (time_t)(next / 1000000000);
		time.tv_nsec = (long)(next % 1000000000);
		while (!show->over &&
		       pthread_cond_timedwait(&show->change, &show->lock,
					      &time) == 0)
			;
		if (!show->over)
			show_once(show);
	}
	pthread_mutex_unlock(&show->lock);
	return NULL;
}

/* With all signals held: those that stop the stage are to interrupt it. Not
 * that of its own looks at a plane that got shorter, see fault.h. */
static int start(struct stage_show *show)
{
	pthread_condattr_t clock;
	sigset_t all, before;
	int err;

	pthread_mutex_init(&show->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&show->change, &clock);
	pthread_condattr_destroy(&clock);
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&show->thread, NULL, run, show);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

void stage_show(struct stage *stage)
{
	struct stage_show *show;

	if (!isatty(STDERR_FILENO))
		return;
	show = calloc(1, sizeof(*show));
	if (!show)
		return;
	show->stage = stage;
	show->me = aether_participant_tenancy(stage->me);
	if (start(show) == 0)
		stage->show = show;
	else
		free(show);
}

void stage_show_end(struct stage *stage)
{
	struct stage_show *show = stage->show;

	if (!show)
		return;
	stage->show = NULL;
	pthread_mutex_lock(&show->lock);
	show->over = 1;
	pthread_cond_signal(&show->change);
	pthread_mutex_unlock(&show->lock);
	pthread_join(show->thread, NULL);
	if (show->drawn)
		print("\r\033[K");
	pthread_cond_destroy(&show->change);
	pthread_mutex_destroy(&show->lock);
	free(show);
}
