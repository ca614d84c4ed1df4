/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plane that somebody writes over while others work: bits, words, whole
 * records and pages, of tables more than of data. What they make of it may be
 * wrong in any way; but nobody crashes, and nobody hangs. Each round has a
 * plane of its own, for a header that was written over lets nobody in. In the
 * end the doctor looks at it, and repairs it, and must survive that, too.
 */
#include "chaos.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUND (2 * CHAOS_SECOND)
#define PAGE 4096u
#define DOCTOR_MOST (3 * CHAOS_PATIENCE)
#define NAP_LEAST 30000 /* ns between two bursts, at most, of a wild round */
#define NAP_DOUBLINGS 10
#define BURST 4

/* A part of the plane, and how often it is chosen. */
struct part {
	uint64_t from;
	uint64_t to;
	uint64_t weight;
};

struct scribbler {
	struct chaos_shared *shared;
	unsigned char *base;
	const struct aether_geometry *g;
	uint64_t seed;
};

static void put(struct scribbler *s, uint64_t at, uint64_t word, size_t size)
{
	memcpy(s->base + at, &word, size);
	s->shared->flips++;
}

/* A word that could be one of the plane's: a state, a slot, a low stamp. */
static uint64_t likely(struct scribbler *s)
{
	uint64_t state = chaos_below(&s->seed, 8);

	return state | chaos_below(&s->seed, s->g->participants + 2) << 3 |
	       chaos_below(&s->seed, 64) << 9 | chaos_below(&s->seed, 8) << 23 |
	       (chaos_below(&s->seed, 8) == 0 ? UINT64_C(1) << 63 : 0);
}

/* A page is torn: a part of it is of another time, or of nothing. */
static void tear(struct scribbler *s, uint64_t at)
{
	uint64_t page = at & ~(uint64_t)(PAGE - 1), from = 0;
	uint64_t size = 64u << chaos_below(&s->seed, 7);
	uint64_t random = chaos_below(&s->seed, 3);

	if (random == 1)
		from = chaos_below(&s->seed, s->g->plane_size / PAGE) * PAGE;
	if (size < PAGE)
		page += chaos_below(&s->seed, PAGE / size) * size;
	for (uint64_t i = 0; i + 8 <= size; i += 8) {
		uint64_t word = random == 2 ? chaos_random(&s->seed) : 0;

		if (random == 1)
			memcpy(&word, s->base + from + i % PAGE, 8);
		memcpy(s->base + page + i, &word, 8);
	}
	s->shared->flips++;
}

static void scribble(struct scribbler *s, const struct part *part)
{
	uint64_t at = part->from + chaos_below(&s->seed, part->to - part->from);
	uint64_t aligned = at & ~UINT64_C(7);

	switch (chaos_below(&s->seed, 16)) {
	case 0:
		tear(s, at);
		return;
	case 1:
		put(s, aligned, 0, 8);
		return;
	case 2:
		put(s, aligned, UINT64_MAX, 8);
		return;
	case 3:
	case 4:
		put(s, aligned, chaos_random(&s->seed), 8);
		return;
	case 5:
	case 6:
	case 7:
		put(s, aligned, likely(s), 8);
		return;
	case 8:
		put(s, aligned & ~UINT64_C(63), likely(s), 8);
		return;
	case 9:
		put(s, at & ~UINT64_C(3), chaos_random(&s->seed), 4);
		return;
	default:
		put(s, at,
		    s->base[at] ^ UINT64_C(1) << chaos_below(&s->seed, 8), 1);
	}
}

/* Panic and boot: while they last, nobody waits or works. */
static void calm(struct scribbler *s)
{
	memset(s->base + 4 * AETHER_IDX_PANIC_STATE, 0, 4);
	memset(s->base + 4 * AETHER_IDX_CONTEXT_ID_HASH, 0, 4);
}

void chaos_scribbler(struct chaos_shared *shared, int fd,
		     const struct aether_geometry *g, uint64_t seed)
{
	const struct part parts[] = {
		{ 0, AETHER_OFFSET_PLANE_HEADER, 4 },
		{ AETHER_OFFSET_PLANE_HEADER,
		  AETHER_OFFSET_PLANE_HEADER + AETHER_SIZE_PLANE_HEADER, 2 },
		{ 8192, g->participants_offset, 8 },
		{ g->participants_offset, g->mailboxes_offset, 12 },
		{ g->mailboxes_offset, g->registers_offset, 20 },
		{ g->registers_offset, g->leases_offset, 4 },
		{ g->leases_offset, g->tables_end, 40 },
		{ g->data_offset, g->plane_size, 10 },
	};
	struct scribbler s = { .shared = shared, .g = g, .seed = seed };
	struct timespec nap = { .tv_sec = 0 };
	uint64_t weight = 100, chance, burst, nap_most;
	size_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	s.base = mmap(NULL, g->plane_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, 0);
	if (s.base == MAP_FAILED || getppid() != shared->supervisor)
		_exit(1);
	nap_most = (uint64_t)NAP_LEAST << chaos_below(&s.seed, NAP_DOUBLINGS);
	for (;;) {
		burst = 1 + chaos_below(&s.seed, BURST);
		while (burst--) {
			chance = chaos_below(&s.seed, weight);
			for (i = 0; chance >= parts[i].weight; i++)
				chance -= parts[i].weight;
			scribble(&s, &parts[i]);
		}
		if (chaos_below(&s.seed, 4))
			calm(&s);
		nap.tv_nsec = (long)chaos_below(&s.seed, nap_most);
		nanosleep(&nap, NULL);
	}
}

static int count_wrong(const struct aether_finding *finding, void *user)
{
	uint64_t *noticed = user;

	*noticed += finding->wrong != 0;
	return 0;
}

/* The doctor's own process: looks, repairs, looks. */
static void examine(struct chaos_shared *shared, int fd)
{
	struct aether_participant_options o = { .role = AETHER_ROLE_SYSTEM };
	uint64_t *noticed = &shared->records[0].noticed;
	struct aether_participant *me;
	struct aether_plane *plane;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != shared->supervisor)
		_exit(1);
	if (aether_plane_attach_fd(fd, 0, NULL, &plane) < 0) {
		++*noticed;
		_exit(0);
	}
	aether_doctor_look(plane, count_wrong, noticed);
	if (aether_participant_join(plane, &o, NULL, &me) == 0) {
		aether_doctor_repair(me, count_wrong, noticed);
		aether_participant_leave(me);
	}
	aether_doctor_look(plane, count_wrong, noticed);
	aether_plane_detach(plane);
	_exit(0);
}

static int start_doctor(struct chaos *c, struct aether_error *error)
{
	uint64_t end = aether_clock_after(DOCTOR_MOST);
	const struct timespec nap = { .tv_nsec = CHAOS_MS };
	pid_t pid = fork(), done;
	int status = 0;

	if (pid == 0)
		examine(c->shared, aether_plane_fd(c->plane));
	if (pid < 0)
		return cli_error(error, AETHER_ESYS, errno,
				 "cannot start the doctor");
	while (!(done = waitpid(pid, &status, WNOHANG)) &&
	       aether_clock_now() < end)
		nanosleep(&nap, NULL);
	if (!done) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		chaos_note(c, CHAOS_HUNG, "the doctor does not end");
	} else if (WIFSIGNALED(status)) {
		c->crashes++;
		chaos_note(c, CHAOS_LOST, "the doctor died of signal %d",
			   WTERMSIG(status));
	}
	return 0;
}

/* All leave. Whoever does not hangs, and is found as such by the herd. */
static int let_leave(struct chaos *c, struct aether_error *error)
{
	c->shared->phase = CHAOS_END;
	while (!c->signal && chaos_herd_count(c)) {
		for (uint32_t i = 0; i < c->participants; i++)
			if (c->members[i].pid)
				kill(c->members[i].pid, SIGUSR1);
		if (chaos_herd_tick(c, error) < 0)
			return error->code;
		chaos_kill_rest(c, 1);
	}
	return 0;
}

static int work(struct chaos *c, uint64_t until, struct aether_error *error)
{
	int err = 0;

	c->shared->phase = CHAOS_WORK;
	while (!err && !c->signal && aether_clock_now() < until) {
		err = chaos_herd_fill(c, error);
		if (!err)
			err = chaos_herd_tick(c, error);
		chaos_kill_due(c);
	}
	return err;
}

static int play_round(struct chaos *c, uint64_t until,
		      struct aether_error *error)
{
	struct aether_plane_info info;
	pid_t pid;
	int err = chaos_make_plane(c, error);

	if (err < 0)
		return err;
	aether_plane_look(c->plane, &info);
	pid = fork();
	if (pid == 0)
		chaos_scribbler(c->shared, aether_plane_fd(c->plane),
				&info.geometry, chaos_random(&c->dice));
	err = pid < 0 ? cli_error(error, AETHER_ESYS, errno,
				  "cannot start the scribbler")
		      : work(c, until, error);
	if (pid > 0 && chaos_below(&c->dice, 2)) {
		kill(pid, SIGKILL); /* else it scribbles while all leave */
		pid = 0;
	}
	if (err == 0)
		err = let_leave(c, error);
	chaos_round_kill(c);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	if (err == 0 && !c->signal)
		err = start_doctor(c, error);
	aether_plane_detach(c->plane);
	c->plane = NULL;
	return err;
}

int chaos_scribble(struct chaos *c, struct aether_error *error)
{
	uint64_t end = c->began + c->seconds * CHAOS_SECOND, until;
	int err = 0;

	while (err == 0 && !c->signal && aether_clock_now() < end) {
		until = aether_clock_after(ROUND);
		err = play_round(c, until < end ? until : end, error);
		c->rounds++;
	}
	return err;
}

void chaos_scribble_print(const struct chaos *c)
{
	uint64_t operations = 0, noticed = 0, hangs = c->found[CHAOS_HUNG];
	json_t *object = cli_object(&c->common), *list = json_array();

	for (uint32_t i = 0; i < c->participants; i++) {
		operations += c->shared->records[i].operations;
		noticed += c->shared->records[i].noticed;
		hangs += c->shared->records[i].found[CHAOS_HUNG];
	}
	const struct {
		const char *key;
		uint64_t value;
	} all[] = {
		{ "seed", c->seed },           { "rounds", c->rounds },
		{ "kills", c->kills },         { "operations", operations },
		{ "flips", c->shared->flips }, { "noticed", noticed },
		{ "crashes", c->crashes },     { "hangs", hangs },
	};
	for (uint32_t i = 0; i < c->findings; i++)
		cli_add(list, cli_text(c->text[i], CHAOS_TEXT));
	cli_set(object, "ok", json_boolean(!c->crashes && !hangs));
	cli_set(object, "findings", list);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		cli_set(object, all[i].key,
			json_integer((json_int_t)all[i].value));
		if (!c->common.json)
			printf("%s%s %llu", i ? "  " : "", all[i].key,
			       (unsigned long long)all[i].value);
	}
	cli_set(object, "seconds",
		json_real((double)(aether_clock_now() - c->began) / 1e9));
	if (c->common.json) {
		cli_print(object);
	} else {
		putchar('\n');
		json_decref(object);
	}
}
