/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether chaos: participants that do everything and are killed for it, on a
 * plane of their own, and what was found. Ends with status 3 if anything was.
 */
#include "chaos.h"
#include "stop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SECONDS 10
#define RATE 20
#define PARTICIPANTS 8
#define SECONDS_MAX 86400
#define RATE_MAX 10000
#define SEED_BITS 48 /* whole in every reader of JSON */
#define ROUND (2 * CHAOS_SECOND)
#define PROGRESS (CHAOS_SECOND / 5)
#define ULL(number) ((unsigned long long)(number))

enum {
	KEY_SECONDS = 1,
	KEY_RATE,
	KEY_PARTICIPANTS,
	KEY_STRIDES,
	KEY_SEGMENTS,
	KEY_SEED,
	KEY_ZERO,
	KEY_SCRIBBLE
};

static const struct argp_option options[] = {
	{ .name = "seconds",
	  .key = KEY_SECONDS,
	  .arg = "N",
	  .doc = "How long (10)" },
	{ .name = "kill-rate",
	  .key = KEY_RATE,
	  .arg = "N",
	  .doc = "Kills a second, 0 to 10000 (20)" },
	{ .name = "participants",
	  .key = KEY_PARTICIPANTS,
	  .arg = "N",
	  .doc = "How many at once, 2 to 64 (8)" },
	{ .name = "strides",
	  .key = KEY_STRIDES,
	  .arg = "N",
	  .doc = "Strides of the plane, 8 to 4096 (256)" },
	{ .name = "segments",
	  .key = KEY_SEGMENTS,
	  .arg = "N",
	  .doc = "Parts with rights of their own, 1 to 64 (undivided)" },
	{ .name = "seed",
	  .key = KEY_SEED,
	  .arg = "S",
	  .doc = "The random choices of an earlier run, as it printed them" },
	{ .name = "zero",
	  .key = KEY_ZERO,
	  .doc = "On a plane that zeroes strides when their lease ends" },
	{ .name = "scribble",
	  .key = KEY_SCRIBBLE,
	  .doc = "Somebody writes over the plane, too: look only who crashes "
		 "or hangs" },
	{ 0 },
};

/* A number within its limits. */
static uint64_t number(const struct chaos *c, const char *option,
		       const char *text, uint64_t least, uint64_t most)
{
	uint64_t value = 0;

	if (cli_number(text, least, most, &value) < 0)
		cli_usage(&c->common,
			  "--%s is '%s'; give a number from %llu "
			  "to %llu",
			  option, text, ULL(least), ULL(most));
	return value;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct chaos *c = state->input;

	switch (key) {
	case KEY_SECONDS:
		c->seconds = number(c, "seconds", arg, 1, SECONDS_MAX);
		return 0;
	case KEY_RATE:
		c->rate = number(c, "kill-rate", arg, 0, RATE_MAX);
		return 0;
	case KEY_PARTICIPANTS:
		c->participants = (uint32_t)number(c, "participants", arg, 2,
						   AETHER_PARTICIPANTS_MAX);
		return 0;
	case KEY_STRIDES:
		c->strides = (uint32_t)number(c, "strides", arg, 8,
					      CHAOS_STRIDES_MAX);
		return 0;
	case KEY_SEGMENTS:
		c->segments = (uint32_t)number(c, "segments", arg, 1,
					       AETHER_SEGMENTS_MAX);
		return 0;
	case KEY_SEED:
		c->seed = number(c, "seed", arg, 0, INT64_MAX);
		return 0;
	case KEY_ZERO:
		c->flags |= AETHER_FLAG_ZERO;
		return 0;
	case KEY_SCRIBBLE:
		c->layout = "inos"; /* has everything */
		return 0;
	case ARGP_KEY_END:
		if (c->layout && c->segments)
			cli_usage(&c->common,
				  "--scribble writes over one object: leave "
				  "--segments out");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The smallest strides whose tables are allowed: what is in them is read and
 * written whole all the time. */
int chaos_make_plane(struct chaos *c, struct aether_error *error)
{
	struct aether_plane_options plane = {
		.strides = c->strides,
		.participants = c->participants,
		.stride_size = AETHER_STRIDE_SIZE_MIN,
		.segments = c->segments,
		.flags = c->flags,
		.layout = c->layout
	};
	struct aether_geometry geometry;
	uint32_t layout = 0;

	if (c->layout)
		aether_geometry_layout(c->layout, &layout);
	while (aether_geometry_divide(layout, c->strides, plane.stride_size,
				      c->participants, c->segments,
				      &geometry) == AETHER_EGEOMETRY &&
	       plane.stride_size < AETHER_STRIDE_SIZE_MAX)
		plane.stride_size *= 2;
	return aether_plane_create(NULL, &plane, error, &c->plane);
}

static int prepare(struct chaos *c, struct aether_error *error)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction old;
	sigset_t set;

	c->shared = mmap(NULL, sizeof(*c->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c->shared == MAP_FAILED)
		return cli_error(error, AETHER_ENOMEM, errno,
				 "no room for what participants report");
	c->shared->supervisor = getpid();
	signal(SIGCHLD, SIG_DFL);
	signal(SIGUSR1, SIG_IGN); /* until a newborn can use it */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (sigaction(ends[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaddset(&set, ends[i]);
	sigprocmask(SIG_BLOCK, &set, &c->before);
	c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (c->signals < 0)
		return cli_error(error, AETHER_ESYS, errno,
				 "cannot watch for signals");
	c->shared->scribbled = c->layout != NULL;
	return c->layout ? 0 : chaos_make_plane(c, error);
}

static uint64_t sum(const struct chaos *c, enum chaos_kind kind)
{
	uint64_t all = c->found[kind];

	for (uint32_t i = 0; i < c->participants; i++)
		all += c->shared->records[i].found[kind];
	return all;
}

static uint64_t sum_all(const struct chaos *c)
{
	uint64_t all = 0;

	for (int kind = 0; kind < CHAOS_KIND_COUNT; kind++)
		all += sum(c, (enum chaos_kind)kind);
	return all;
}

static double seconds(const struct chaos *c)
{
	return (double)(aether_clock_now() - c->began) / 1e9;
}

static void progress(struct chaos *c)
{
	static uint64_t next;
	uint64_t now = aether_clock_now();

	if (now < next || !isatty(STDERR_FILENO))
		return;
	next = now + PROGRESS;
	fprintf(stderr,
		"\r  %.0f of %llu s  %llu kills  lost %llu  double "
		"%llu  hung %llu\033[K",
		seconds(c), ULL(c->seconds), ULL(c->kills),
		ULL(sum(c, CHAOS_LOST)), ULL(sum(c, CHAOS_DOUBLE)),
		ULL(sum(c, CHAOS_HUNG)));
	fflush(stderr);
}

/* Rounds until the time is over or somebody ends us. */
static int work(struct chaos *c, struct aether_error *error)
{
	uint64_t end = c->seconds * CHAOS_SECOND, round = ROUND, next;
	int err = 0;

	if (round > end / 2)
		round = end / 2; /* there are always two: leaving and killing */
	end += c->began;
	while (!err && !c->signal && aether_clock_now() < end) {
		next = aether_clock_after(round);
		c->shared->phase = CHAOS_WORK;
		while (!err && !c->signal && aether_clock_now() < next) {
			err = chaos_herd_fill(c, error);
			if (!err)
				err = chaos_herd_tick(c, error);
			chaos_kill_due(c);
			progress(c);
		}
		if (!err)
			err = chaos_round_end(c, error);
	}
	chaos_round_kill(c);
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	return err;
}

/* X(key, value): what was found comes last. */
#define VALUES(X) \
	X("seed", c->seed) \
	X("participants", c->participants) \
	X("strides", c->strides) \
	X("segments", c->segments) \
	X("rounds", c->rounds) \
	X("stops", c->stops) \
	X("deaths", info.deaths) \
	X("stale", c->stale)

static json_t *findings_json(const struct chaos *c)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < c->findings; i++)
		cli_add(list, cli_text(c->text[i], CHAOS_TEXT));
	return list;
}

static void set_number(json_t *object, const char *key, uint64_t value)
{
	cli_set(object, key, json_integer((json_int_t)value));
}

static void print_json(const struct chaos *c)
{
	json_t *object = cli_object(&c->common);
	struct aether_plane_info info;
	uint64_t value;

	aether_plane_look(c->plane, &info);
	cli_set(object, "ok", json_boolean(!sum_all(c)));
#define SET(key, value) set_number(object, key, value);
	VALUES(SET)
#undef SET
#define SET(name) \
	value = 0; \
	for (uint32_t i = 0; i < c->participants; i++) \
		value += c->shared->records[i].name; \
	set_number(object, #name, value);
	CHAOS_COUNTS(SET)
#undef SET
	cli_set(object, "findings", findings_json(c));
	set_number(object, "kills", c->kills);
#define SET(name, text) set_number(object, text, sum(c, CHAOS_##name));
	CHAOS_KINDS(SET)
#undef SET
	cli_set(object, "seconds", json_real(seconds(c)));
	cli_print(object);
}

static void print_text(const struct chaos *c)
{
	struct aether_plane_info info;
	uint64_t value;

	aether_plane_look(c->plane, &info);
#define SHOW(key, value) printf("%-12s %llu\n", key, ULL(value));
	VALUES(SHOW)
#undef SHOW
#define SHOW(name) \
	value = 0; \
	for (uint32_t i = 0; i < c->participants; i++) \
		value += c->shared->records[i].name; \
	printf("%-12s %llu\n", #name, ULL(value));
	CHAOS_COUNTS(SHOW)
#undef SHOW
	printf("kills %llu", ULL(c->kills));
#define SHOW(name, text) printf("  %s %llu", text, ULL(sum(c, CHAOS_##name)));
	CHAOS_KINDS(SHOW)
#undef SHOW
	printf("  seconds %.1f\n", seconds(c));
}

int cli_chaos(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Let participants that do everything at random be "
		       "killed at random, on a plane of their own, and look "
		       "whether a stride is lost, has two owners, or somebody "
		       "hangs. Status 3: something of that was found."
	};
	static struct chaos c = { .seconds = SECONDS,
				  .rate = RATE,
				  .participants = PARTICIPANTS,
				  .strides = CHAOS_STRIDES,
				  .signals = -1 };
	struct aether_error error = { .code = 0 };
	int err;

	if (getrandom(&c.seed, sizeof(c.seed), 0) < 0)
		c.seed = aether_clock_now();
	c.seed >>= 64 - SEED_BITS;
	cli_parse(&argp, "chaos", argc, argv, &c);
	err = prepare(&c, &error);
	c.dice = chaos_mix(~c.seed);
	c.began = c.ticked = aether_clock_now();
	if (err == 0)
		err = c.layout ? chaos_scribble(&c, &error) : work(&c, &error);
	if (err < 0)
		return cli_fail_error(&c.common, &error);
	if (c.layout)
		chaos_scribble_print(&c);
	else if (c.common.json)
		print_json(&c);
	else
		print_text(&c);
	aether_plane_detach(c.plane);
	if (c.signal)
		cli_die_by(c.signal);
	return sum_all(&c) ? CLI_WRONG : CLI_OK;
}
