/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aether-bench: measures the rows that are named, or all, and prints a line for
 * each: a table for people, JSON for programs, a page for later. `aether bench`
 * runs it.
 */
#include <argp.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
#include "child.h"
#include "place.h"
#include "print.h"

enum {
	KEY_ROW_TO = 0x1000
};

struct options {
	int json;
	int list;
	int against;
	int row_to; /* 0: not; see bench_child_here */
	const char *output;
	char chosen[BENCH_ROWS_MAX];
	int named;
};

/* What becomes of a run: what the page will say. */
struct report {
	FILE *table; /* NULL: no page is wanted */
	FILE *notes;
	FILE *noisy; /* names of rows that were not measured in quiet */
	char *table_text, *notes_text, *noisy_text;
	size_t table_size, notes_size, noisy_size;
	int done;
	int noise;
};

static const struct argp_option argp_options[] = {
	{ "against", 'a', NULL, 0,
	  "With all rows, measure peers too that are installed", 0 },
	{ "json", 'j', NULL, 0, "Print one JSON object a line", 0 },
	{ "list", 'l', NULL, 0, "List the rows and end", 0 },
	{ "output", 'o', "FILE", 0,
	  "Write a page into FILE as well: the command, the machine, the table",
	  0 },
	{ "quick", 'q', NULL, 0,
	  "Few rounds and small files: shows that all rows work, figures are "
	  "coarse",
	  0 },
	{ "row-to", KEY_ROW_TO, "FD", OPTION_HIDDEN, "", 0 },
	{ 0 },
};

/* After a complaint that is of no row. Returns the exit status. */
static int failed(const struct options *o, int code)
{
	if (o->json)
		bench_print_failure(stdout, NULL, code, bench_complaint());
	return code == AETHER_EUSAGE ? 2 : 1;
}

static error_t choose(struct options *o, const char *name)
{
	size_t i = 0;

	while (bench_table[i].name && strcmp(bench_table[i].name, name) != 0)
		i++;
	if (!bench_table[i].name)
		exit(failed(o, bench_complain(AETHER_EUSAGE,
					      "there is no row '%.100s'; "
					      "aether bench --list shows all",
					      name)));
	o->chosen[i] = 1;
	o->named++;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'j':
		o->json = 1;
		return 0;
	case 'l':
		o->list = 1;
		return 0;
	case 'a':
		o->against = 1;
		return 0;
	case 'q':
		bench_quick = 1;
		return 0;
	case 'o':
		o->output = arg;
		return 0;
	case KEY_ROW_TO:
		o->row_to = atoi(arg);
		if (o->row_to <= STDERR_FILENO ||
		    fcntl(o->row_to, F_SETFD, FD_CLOEXEC) < 0)
			argp_error(state, "--row-to is for the program itself");
		return 0;
	case ARGP_KEY_ARG:
		return choose(o, arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int is_wanted(const struct options *o, size_t i)
{
	if (o->named)
		return o->chosen[i];
	return !bench_table[i].against || o->against;
}

/* Ticks that the processors spent at work, or another machine took. */
static unsigned long long busy_ticks(void)
{
	unsigned long long n[8] = { 0 }; /* user nice system idle iowait irq
					    softirq steal */
	FILE *stat = fopen("/proc/stat", "r");

	if (stat &&
	    fscanf(stat, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &n[0],
		   &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7]) != 8)
		memset(n, 0, sizeof(n));
	if (stat)
		fclose(stat);
	return n[0] + n[1] + n[2] + n[5] + n[6] + n[7];
}

/* A busy neighbour makes spinning pairs many times slower: say so. */
static void check_quiet(struct report *report, const char *name)
{
	unsigned long long before = busy_ticks();

	usleep(100000);
	if (busy_ticks() - before <= 2)
		return;
	fprintf(stderr, "aether bench: %s: not quiet%s\n", name,
		report->noise++ ? ""
				: ": other work is running; the ratio may be "
				  "worse than it is");
	if (report->noisy)
		fprintf(report->noisy, "%s%s", report->noise > 1 ? ", " : "",
			name);
}

static void progress(const struct options *o, const char *name, int done)
{
	int all = 0;

	for (size_t i = 0; bench_table[i].name; i++)
		all += is_wanted(o, i);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%d of %d: %s \r", done + 1, all, name);
}

static void clear_progress(void)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\033[K");
}

/* Measures one row and tells of it. Negative: it failed. */
static int tell(const struct options *o, const struct bench *bench,
		struct report *report)
{
	struct bench_row row = { .name = bench->name };
	int result;

	progress(o, bench->name, report->done++);
	check_quiet(report, bench->name);
	if (bench->files)
		bench_place_open();
	result = bench_child(bench, &row);
	clear_progress();
	if (result == BENCH_SKIPPED)
		fprintf(stderr, "aether bench: %s: skipped: %s\n", bench->name,
			row.why);
	else if (result == 0 && o->json)
		bench_print_json(stdout, bench, &row);
	else if (result < 0 && o->json && !bench_stopped())
		bench_print_failure(stdout, bench->name, result, row.why);
	else if (result == 0)
		bench_print_row(stdout, bench, &row);
	fflush(stdout);
	if (result == 0 && report->table)
		bench_print_row(report->table, bench, &row);
	else if (report->notes)
		fprintf(report->notes, "- %s: %s%s\n", bench->name,
			result < 0 ? "failed: " : "skipped: ", row.why);
	return result < 0 ? result : 0;
}

static int write_page(const struct options *o, struct report *report)
{
	char *text = NULL;
	int err;

	fclose(report->table);
	fclose(report->notes);
	fclose(report->noisy);
	if (asprintf(&text, "%s%s%s\n%s%s.\n", report->table_text,
		     report->notes_size ? "\n" : "", report->notes_text,
		     report->noise
			     ? "Other work was running when these began: "
			     : "The machine was quiet when each row began",
		     report->noisy_text) >= 0)
		err = bench_print_page(o->output, text);
	else
		err = bench_fail("a page", AETHER_ENOMEM);
	free(text);
	free(report->table_text);
	free(report->notes_text);
	free(report->noisy_text);
	return err;
}

static int begin_page(struct report *r, int argc, char **argv)
{
	r->table = open_memstream(&r->table_text, &r->table_size);
	r->notes = open_memstream(&r->notes_text, &r->notes_size);
	r->noisy = open_memstream(&r->noisy_text, &r->noisy_size);
	if (!r->table || !r->notes || !r->noisy)
		return bench_fail("a page", AETHER_ENOMEM);
	bench_print_machine(r->table, argc, argv);
	bench_print_head(r->table);
	return 0;
}

static int run(const struct options *o, int argc, char **argv)
{
	struct report report = { 0 };
	int err = 0, status = 0;

	if (o->output)
		err = bench_print_can_page(o->output);
	if (o->output && err == 0)
		err = begin_page(&report, argc, argv);
	if (err < 0)
		return failed(o, err);
	if (!o->json)
		bench_print_head(stdout);
	for (size_t i = 0; bench_table[i].name && !bench_stopped(); i++) {
		if (is_wanted(o, i) && tell(o, &bench_table[i], &report) < 0)
			status = 1;
	}
	bench_place_close();
	if (bench_stopped()) {
		signal(bench_stopped(), SIG_DFL);
		raise(bench_stopped());
	}
	if (o->output)
		err = write_page(o, &report);
	if (err < 0)
		status = failed(o, err);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		bench_complain(AETHER_EIO,
			       "cannot write the rows: %s; use --output FILE",
			       strerror(errno));
		status = 1;
	}
	return status;
}

static void list(void)
{
	for (size_t i = 0; bench_table[i].name; i++)
		printf("%-20s  %s%s\n", bench_table[i].name, bench_table[i].doc,
		       bench_table[i].against ? " (--against)" : "");
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = argp_options,
		.parser = parse,
		.args_doc = "[NAME...]",
		.doc = "Measures the rows NAME, or all, each as a ratio to a "
		       "baseline in the same run."
	};
	struct options o = { 0 };
	cpu_set_t set;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	for (size_t i = 0; o.row_to && bench_table[i].name; i++) {
		if (o.chosen[i])
			bench_child_here(&bench_table[i], o.row_to);
	}
	if (o.list) {
		list();
		return 0;
	}
	if (sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) < 2)
		return failed(&o, bench_complain(AETHER_ESYS,
						 "fewer than two processors "
						 "may be used; give it two"));
	bench_stop_on();
	return run(&o, argc, argv);
}
