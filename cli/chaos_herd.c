/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The herd of chaos: starts the participants, notices who has ended and how,
 * and who makes no progress though nobody stopped it. The supervisor joins
 * nothing: it has one thread, forks freely and only looks at the plane.
 */
#include "chaos.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 2

const char *chaos_op_name(uint64_t op)
{
	static const char *const names[] = {
#define NAME(name, text, weight) text,
		CHAOS_OPS(NAME)
#undef NAME
	};

	return names[op % CHAOS_OP_COUNT];
}

static void keep(struct chaos *c, const char *text)
{
	fprintf(stderr, "%saether chaos: %s\n",
		isatty(STDERR_FILENO) ? "\r\033[K" : "", text);
	if (c->findings < CHAOS_FINDINGS)
		snprintf(c->text[c->findings++], CHAOS_TEXT, "%s", text);
}

void chaos_note(struct chaos *c, enum chaos_kind kind, const char *what, ...)
{
	char text[CHAOS_TEXT];
	va_list list;

	va_start(list, what);
	vsnprintf(text, sizeof(text), what, list);
	va_end(list);
	c->found[kind]++;
	keep(c, text);
}

int chaos_herd_start(struct chaos *c, uint32_t i, int settles,
		     struct aether_error *error)
{
	struct chaos_member *m = &c->members[i];
	struct chaos_record *r = &c->shared->records[i];
	uint64_t seed = chaos_mix(c->seed ^ chaos_mix(i << 20 ^ m->lives));
	uint64_t lives = m->lives + 1;

	memset(m, 0, sizeof(*m));
	m->lives = lives;
	memset(&c->shared->orders[i], 0, sizeof(c->shared->orders[i]));
	r->tenancy = r->rested = 0;
	r->op = CHAOS_REST;
	r->until = aether_clock_after(CHAOS_PATIENCE);
	m->pid = fork();
	if (m->pid == 0 && settles)
		chaos_settle(c->shared, c->plane);
	if (m->pid == 0)
		chaos_live(c->shared, i, c->plane, seed);
	if (m->pid > 0)
		return 0;
	m->pid = 0;
	return cli_error(error, AETHER_ESYS, errno,
			 "cannot start participant %u", i);
}

int chaos_herd_fill(struct chaos *c, struct aether_error *error)
{
	for (uint32_t i = 0; i < c->participants; i++)
		if (!c->members[i].pid && chaos_herd_start(c, i, 0, error) < 0)
			return AETHER_ESYS;
	return 0;
}

uint32_t chaos_herd_count(const struct chaos *c)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < c->participants; i++)
		count += c->members[i].pid != 0;
	return count;
}

/* It said why, with the remedy. */
static int cannot(const struct chaos_record *r, struct aether_error *error)
{
	memset(error, 0, sizeof(*error));
	error->code = (int)r->code;
	snprintf(error->text, sizeof(error->text), "%s", r->error);
	return error->code;
}

/* What its end means. */
static int judge(struct chaos *c, uint32_t i, int status,
		 struct aether_error *error)
{
	const struct chaos_record *r = &c->shared->records[i];
	const char *op = chaos_op_name(r->op);

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		c->kills++;
	else if (WIFSIGNALED(status) && ++c->crashes)
		chaos_note(c, CHAOS_LOST,
			   "participant %u died by itself of "
			   "signal %d, at: %s",
			   i, WTERMSIG(status), op);
	else if (r->code < 0)
		return cannot(r, error);
	else if (WEXITSTATUS(status))
		chaos_note(c, CHAOS_LOST,
			   "participant %u ended by itself "
			   "with status %d, at: %s",
			   i, WEXITSTATUS(status), op);
	return 0;
}

static int collect(struct chaos *c, struct aether_error *error)
{
	int status, err = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		uint32_t i = 0;

		while (i < c->participants && c->members[i].pid != pid)
			i++;
		if (i == c->participants)
			continue;
		if (WIFSTOPPED(status)) {
			chaos_kill_stopped(c, i);
			continue;
		}
		c->members[i].pid = 0;
		if (judge(c, i, status, error) < 0)
			err = error->code;
	}
	return err;
}

/* What the participants themselves have found. */
static void listen(struct chaos *c)
{
	for (uint32_t i = 0; i < c->participants; i++) {
		const struct chaos_record *r = &c->shared->records[i];
		char text[CHAOS_TEXT];

		if (r->texts == c->texts[i])
			continue;
		c->texts[i] = r->texts;
		memcpy(text, r->text, sizeof(text));
		text[CHAOS_TEXT - 1] = '\0';
		keep(c, text);
	}
}

/* Whoever has begun nothing for too long is a finding, and ends. */
static void look_who_hangs(struct chaos *c, uint64_t now)
{
	for (uint32_t i = 0; i < c->participants; i++) {
		struct chaos_member *m = &c->members[i];
		const struct chaos_record *r = &c->shared->records[i];
		uint64_t beat = m->beat;

		m->beat = r->beat;
		if (!m->pid || m->doomed || m->stopped || beat != r->beat ||
		    now < r->until || now < m->excused)
			continue;
		chaos_note(c, CHAOS_HUNG,
			   "participant %u (pid %ld, tenancy %llx) makes no "
			   "progress for %llu ms; it began to: %s",
			   i, (long)m->pid, (unsigned long long)r->tenancy,
			   (unsigned long long)((now - r->began) / CHAOS_MS),
			   chaos_op_name(r->op));
		chaos_kill_one(c, i);
	}
}

int chaos_herd_tick(struct chaos *c, struct aether_error *error)
{
	struct pollfd fd = { .fd = c->signals, .events = POLLIN };
	struct signalfd_siginfo info;
	uint64_t now;
	int err;

	poll(&fd, 1, TICK_MS);
	while (read(c->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD && !c->signal)
			c->signal = (int)info.ssi_signo;
	now = aether_clock_now();
	for (uint32_t i = 0;
	     now - c->ticked > CHAOS_LATE && i < c->participants; i++) {
		c->members[i].excused = now + CHAOS_PATIENCE;
		c->members[i].sleeps = 0;
	}
	c->ticked = now;
	err = collect(c, error);
	listen(c);
	look_who_hangs(c, now);
	chaos_kill_rest(c, 0);
	return err;
}
