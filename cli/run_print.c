/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run says: a progress bar while it lasts, on a terminal only, and at
 * the end one line for people or one object for programs.
 */
#include "run.h"

#include <sys/wait.h>
#include <unistd.h>

#define FIRST_NS 200000000u /* a short run needs no bar */

static int shown;

void run_progress(const struct run *run)
{
	const struct run_seat *last = &run->shared->seats[run->stages - 1];
	uint64_t now = aether_clock_now(), done = last->report.bytes_out;
	uint64_t size = 0;

	if (!run->began || now - run->began < FIRST_NS ||
	    !isatty(STDERR_FILENO) || (run->streams && isatty(STDOUT_FILENO)))
		return;
	if (S_ISREG(run->input.stat.st_mode))
		size = (uint64_t)run->input.stat.st_size;
	fputs("\r  ", stderr);
	cli_show_size(stderr, done);
	if (size) {
		fputs(" of ", stderr);
		cli_show_size(stderr, size);
		fprintf(stderr, "  %3.0f %%",
			done < size ? 100.0 * (double)done / (double)size
				    : 100.0);
	}
	fprintf(stderr, "  %.2f GB/s\033[K",
		(double)done / (double)(now - run->began));
	fflush(stderr);
	shown = 1;
}

void run_progress_end(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = 0;
}

static uint64_t sum_routed(const struct run *run)
{
	uint64_t sum = run->past.strides;

	/* the egress takes and routes no more */
	for (uint32_t i = 0; i < run->stages - 1; i++)
		sum += run->shared->seats[i].report.strides;
	return sum;
}

static uint64_t sum_copied(const struct run *run)
{
	uint64_t sum = run->past.copied;

	for (uint32_t i = 0; i < run->stages; i++)
		sum += run->shared->seats[i].report.copied;
	return sum;
}

static double gbps(const struct run *run)
{
	double bytes = (double)run->shared->seats[RUN_INGRESS].report.bytes_in;

	return run->seconds > 0 ? bytes / run->seconds / 1e9 : 0;
}

/* As a shell has it: the exit status, or 128 and the signal. */
static int shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static json_t *stages(const struct run *run)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < run->stages; i++) {
		json_t *one = json_object();

		cli_set(one, "role", cli_text(run_role(run, i), SIZE_MAX));
		cli_set(one, "pid", json_integer(run->pids[i]));
		cli_set(one, "status",
			json_integer(shell_status(run->statuses[i])));
		cli_add(all, one);
	}
	return all;
}

/* What happened, whether well or not. */
static void add_facts(const struct run *run, const char *verified,
		      json_t *object)
{
	const struct run_seat *seats = run->shared->seats;
	uint32_t last = run->stages - 1;

	cli_set(object, "bytes_in",
		json_integer((json_int_t)seats[RUN_INGRESS].report.bytes_in));
	cli_set(object, "bytes_out",
		json_integer((json_int_t)seats[last].report.bytes_out));
	cli_set(object, "seconds", json_real(run->seconds));
	cli_set(object, "gbps", json_real(gbps(run)));
	cli_set(object, "strides_routed",
		json_integer((json_int_t)sum_routed(run)));
	cli_set(object, "bytes_copied",
		json_integer((json_int_t)sum_copied(run)));
	cli_set(object, "verify",
		verified ? json_string(verified) : json_null());
	cli_set(object, "stages", stages(run));
	cli_set(object, "respawned", json_integer(run->respawned));
}

void run_print(const struct run *run)
{
	const struct run_seat *seats = run->shared->seats;
	FILE *stream = run->streams ? stderr : stdout;
	json_t *object;

	if (run->options.common.json) {
		object = cli_object(&run->options.common);
		add_facts(run, run->options.verify ? "ok" : NULL, object);
		cli_print(object);
		return;
	}
	fprintf(stream,
		"%llu bytes in %.3f s (%.2f GB/s), %llu strides, handed on "
		"%llu times, %llu bytes copied%s",
		(unsigned long long)seats[RUN_INGRESS].report.bytes_in,
		run->seconds, gbps(run),
		(unsigned long long)seats[RUN_INGRESS].report.strides,
		(unsigned long long)sum_routed(run),
		(unsigned long long)sum_copied(run),
		run->options.verify ? ", verified" : "");
	if (run->respawned)
		fprintf(stream, ", %u respawned", run->respawned);
	putc('\n', stream);
}

int run_print_failure(const struct run *run, const struct aether_error *error)
{
	struct cli_common people = run->options.common;
	const char *verified = NULL;
	json_t *object;
	int status;

	people.json = 0;
	status = cli_fail_error(&people, error);
	if (!run->options.common.json)
		return status;
	if (error->code == AETHER_EVERIFY)
		verified = "failed";
	object = cli_object(&run->options.common);
	cli_set(object, "ok", json_false());
	cli_set(object, "code",
		cli_text(aether_error_name(error->code), SIZE_MAX));
	cli_set(object, "message", cli_text(error->text, SIZE_MAX));
	add_facts(run, verified, object);
	cli_print(object);
	return status;
}
