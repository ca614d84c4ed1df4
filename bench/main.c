/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether-bench: runs the rows that are named, or all, and prints a line for
 * each: a table for people, JSON for programs. `aether bench` runs it.
 */
#include <argp.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench.h"

static const struct bench benches[] = {
	{ "handoff", "one way: reserve, write, route, take by a spinner", 2.75,
	  0, 0, bench_handoff },
	{ "handoff-floor", "the same, bare protocol without the library", 0, 0,
	  0, bench_handoff_floor },
	{ "reserve", "reserve and release, one process", 3.2, 0, 0,
	  bench_reserve },
	{ "reserve-2", "the same, two processes at once", 3.5, 0, 0,
	  bench_reserve_2 },
	{ "metadata", "bytes that are not data, 1024 strides", 0.01, 0, 0,
	  bench_metadata },
	{ "reap", "from SIGKILL until 128 MiB of strides are usable", 0, 12, 2,
	  bench_reap },
	{ "parked", "processor time of one who waits, and of its watch", 0.001,
	  0, 0, bench_parked },
};
#define BENCHES (sizeof(benches) / sizeof(benches[0]))

static const struct bench_row rows[BENCHES] = {
	{ .unit = "ns", .better = "lower", .baseline = "bare cache line" },
	{ .unit = "ns", .better = "lower", .baseline = "bare cache line" },
	{ .unit = "ns",
	  .better = "lower",
	  .baseline = "two compare-and-swaps" },
	{ .unit = "ns",
	  .better = "lower",
	  .baseline = "two compare-and-swaps" },
	{ .unit = "bytes", .better = "lower", .baseline = "plane size" },
	{ .unit = "ms", .better = "lower", .baseline = "dropping a bare lock" },
	{ .unit = "%", .better = "lower", .baseline = "one processor" },
};

struct options {
	int json;
	int list;
	char chosen[BENCHES];
	int named;
};

static const struct argp_option argp_options[] = {
	{ "json", 'j', NULL, 0, "Print one JSON object a line", 0 },
	{ "list", 'l', NULL, 0, "List the rows and end", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	if (key == 'j') {
		o->json = 1;
	} else if (key == 'l') {
		o->list = 1;
	} else if (key == ARGP_KEY_ARG) {
		size_t i = 0;

		while (i < BENCHES && strcmp(benches[i].name, arg) != 0)
			i++;
		if (i == BENCHES)
			argp_error(state,
				   "there is no row '%s'; --list shows them",
				   arg);
		o->chosen[i] = 1;
		o->named++;
	} else {
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static json_t *number(double value)
{
	return value < 0 ? json_null() : json_real(value);
}

static void print_json(const struct bench_row *row)
{
	json_t *o = json_pack("{s:s,s:o,s:s,s:s,s:o,s:o,s:o,s:s,s:o,s:o}",
			      "name", row->name, "value", number(row->value),
			      "unit", row->unit, "better", row->better, "p50",
			      number(row->p50), "p99", number(row->p99), "p999",
			      number(row->p999), "baseline", row->baseline,
			      "baseline_value", number(row->baseline_value),
			      "ratio", number(row->ratio));

	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(o);
}

static void cell(double value)
{
	if (value < 0)
		printf(" %9s |", "-");
	else
		printf(" %9.1f |", value);
}

static void print_text(const struct bench *bench, const struct bench_row *row)
{
	double more = row->p99 - row->baseline_p99;

	printf("| %-13s |", row->name);
	cell(row->value);
	printf(" %-5s |", row->unit);
	cell(row->p50);
	cell(row->p99);
	cell(row->p999);
	printf(" %-21s |", row->baseline);
	cell(row->baseline_value);
	printf(" %6.4g |", row->ratio);
	if (bench->wanted > 0)
		printf(" <= %-5g %s |\n", bench->wanted,
		       row->ratio <= bench->wanted ? "   " : "NOT");
	else if (bench->p99 > 0)
		printf(" p99 <= %g %s, %.1f more than its (<= %g %s) |\n",
		       bench->p99, row->p99 <= bench->p99 ? "   " : "NOT", more,
		       bench->more, more <= bench->more ? "   " : "NOT");
	else
		printf("              |\n");
}

static void print_head(void)
{
	printf("| row           |     value | unit  |       p50 |       p99 |"
	       "     p99.9 | baseline              |  its value |  ratio |"
	       " wanted       |\n"
	       "|---|---|---|---|---|---|---|---|---|---|\n");
}

/* Work of others on the machine since it started, in clock ticks. */
static unsigned long long busy_ticks(void)
{
	unsigned long long user = 0, nice = 0, system = 0;
	FILE *stat = fopen("/proc/stat", "r");

	if (stat &&
	    fscanf(stat, "cpu %llu %llu %llu", &user, &nice, &system) != 3)
		user = nice = system = 0;
	if (stat)
		fclose(stat);
	return user + nice + system;
}

/* A busy neighbour makes spinning pairs many times slower: say so. */
static void check_quiet(void)
{
	unsigned long long before = busy_ticks();

	usleep(200000);
	if (busy_ticks() - before > 4)
		fprintf(stderr, "aether bench: not quiet: other work is "
				"running; ratios may be worse than they are\n");
}

static int two_cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 &&
	       CPU_COUNT(&set) >= 2;
}

static int run(const struct options *o)
{
	int failed = 0;

	for (size_t i = 0; i < BENCHES; i++) {
		struct bench_row row = rows[i];
		cpu_set_t before;

		if (o->named && !o->chosen[i])
			continue;
		row.name = benches[i].name;
		row.p50 = row.p99 = row.p999 = -1;
		sched_getaffinity(0, sizeof(before), &before);
		if (benches[i].run(&row) < 0)
			failed = 1;
		else if (o->json)
			print_json(&row);
		else
			print_text(&benches[i], &row);
		sched_setaffinity(0, sizeof(before), &before);
		fflush(stdout);
	}
	return failed;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		argp_options,
		parse,
		"[NAME...]",
		"Measures the rows NAME, or all, each as a ratio to a "
		"baseline in the same run.",
		NULL,
		NULL,
		NULL
	};
	struct options o = { 0 };

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	for (size_t i = 0; o.list && i < BENCHES; i++)
		printf("%-13s %s\n", benches[i].name, benches[i].doc);
	if (o.list)
		return 0;
	if (!two_cores()) {
		fprintf(stderr, "aether bench: fewer than two processors may "
				"be used; give it two\n");
		return 1;
	}
	check_quiet();
	if (!o.json)
		print_head();
	return run(&o);
}
