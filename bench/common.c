/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks, processors, quantiles, and how rows say that they failed.
 */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "bench.h"

#define QUICK_ROUNDS 16

int bench_quick;

static char complaint[BENCH_WHY_MAX];

int bench_rounds(void)
{
	return bench_quick ? QUICK_ROUNDS : BENCH_ROUNDS;
}

int bench_cpu(int n)
{
	cpu_set_t all;

	if (sched_getaffinity(0, sizeof(all), &all) < 0)
		return AETHER_ESYS;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &all) && n-- == 0)
			return cpu;
	}
	return AETHER_ERANGE;
}

int bench_pin(int n)
{
	int cpu = bench_cpu(n);
	cpu_set_t one;

	if (cpu < 0)
		return cpu;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) < 0 ? AETHER_ESYS : 0;
}

double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_quantile(double *values, size_t count, double part)
{
	size_t at = (size_t)((double)count * part);

	qsort(values, count, sizeof(*values), by_value);
	return values[at < count ? at : count - 1];
}

void bench_compare(struct bench_row *row, const double *values,
		   const double *baselines, size_t count)
{
	static double a[BENCH_ROUNDS], b[BENCH_ROUNDS], r[BENCH_ROUNDS];
	size_t n = 0;

	for (size_t i = 1; i < count && n < BENCH_ROUNDS; i++, n++) {
		a[n] = values[i];
		b[n] = baselines[i];
		r[n] = values[i] / baselines[i];
	}
	row->value = bench_quantile(a, n, 0.5);
	row->baseline_value = bench_quantile(b, n, 0.5);
	row->ratio = bench_quantile(r, n, 0.5);
}

int bench_complain(int code, const char *what, ...)
{
	va_list args;

	va_start(args, what);
	vsnprintf(complaint, sizeof(complaint), what, args);
	va_end(args);
	/* it may quote what somebody typed */
	for (char *c = complaint; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	fprintf(stderr, "aether bench: %s\n", complaint);
	return code;
}

void bench_no_complaint(void)
{
	*complaint = 0;
}

const char *bench_complaint(void)
{
	return complaint;
}

int bench_fail(const char *what, int code)
{
	return bench_complain(code, "%s: %s; %s", what,
			      aether_error_message(code),
			      aether_error_remedy(code));
}

int bench_skip(struct bench_row *row, const char *why, ...)
{
	va_list args;

	va_start(args, why);
	vsnprintf(row->why, sizeof(row->why), why, args);
	va_end(args);
	return BENCH_SKIPPED;
}
