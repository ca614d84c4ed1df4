/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the measurements share. Method (DESIGN.md section 6): batches of at
 * most 10 ms of the thing and of its baseline alternate; a ratio is that of
 * adjacent batches, and the median of these ratios is reported; the first pass
 * is dropped. The machine flips between speeds, so nothing is compared with a
 * figure from another run.
 */
#ifndef BENCH_H
#define BENCH_H

#include <aether/aether.h>

#define BENCH_ROUNDS 150

struct bench_row {
	const char *name;
	const char *unit;
	const char *better; /* "lower" or "higher" */
	const char *baseline;
	double value;          /* median */
	double p50, p99, p999; /* below 0: does not apply */
	double baseline_value;
	double baseline_p99; /* where the p99 of both are compared */
	double ratio;
};

/* A measurement: fills the row, or says on standard error why it cannot and
 * returns an error. */
struct bench {
	const char *name;
	const char *doc;
	double wanted; /* the ratio wanted; 0: none, the row is for comparing */
	double p99;    /* the p99 wanted; 0: none */
	double more;   /* how much the p99 may be more than the baseline's */
	int (*run)(struct bench_row *row);
};

int bench_handoff(struct bench_row *row);
int bench_handoff_floor(struct bench_row *row);
int bench_reserve(struct bench_row *row);
int bench_reserve_2(struct bench_row *row);
int bench_metadata(struct bench_row *row);
int bench_reap(struct bench_row *row);
int bench_parked(struct bench_row *row);

/* Pins the caller to the n-th processor that it may use. Negative: there is
 * none. */
int bench_pin(int n);

/* Nanoseconds of a steady clock. */
double bench_now(void);

/* The value below which `part` (0 to 1) of the values lie; sorts them. */
double bench_quantile(double *values, size_t count, double part);

/* Fills value, baseline_value and ratio from the rounds of both; the first
 * round is dropped. */
void bench_compare(struct bench_row *row, const double *values,
		   const double *baselines, size_t count);

/* Says what call failed and why; returns the code. */
int bench_fail(const char *what, int code);

#endif
