/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the measurements share. Method (docs/performance.md): batches of at
 * most 10 ms of the thing and of its baseline alternate; a ratio is that of
 * adjacent batches, and the median of these ratios is reported; the first pass
 * is dropped. The machine flips between speeds, so nothing is compared with a
 * figure from another run.
 *
 * Each row is measured in a process of its own (child.c), which may pin itself,
 * leak and be killed; so nothing that a row does outlives it.
 */
#ifndef BENCH_H
#define BENCH_H

#include <aether/aether.h>
#include <sys/types.h>

#define BENCH_ROUNDS 150 /* at most; see bench_rounds */
#define BENCH_SECONDS 40 /* a row ends itself after so many */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define BENCH_SECONDS_KILLED 500 /* figures mean nothing there */
#else
#define BENCH_SECONDS_KILLED 50 /* and is killed after so many */
#endif
#define BENCH_ROWS_MAX 64
#define BENCH_WHY_MAX AETHER_ERROR_TEXT_SIZE

/* What a row's function answers if it cannot be measured here. */
#define BENCH_SKIPPED 1

/* What a row's function fills; goes through a pipe, so there is nothing in it
 * that points elsewhere but the name. */
struct bench_row {
	const char *name;
	double value;          /* median */
	double p50, p99, p999; /* below 0: does not apply */
	double baseline_value;
	double baseline_p99; /* where the p99 of both are compared */
	double ratio;
	int failed;              /* an error; 0: it did not */
	char why[BENCH_WHY_MAX]; /* it was skipped, or failed */
};

/*
 * A row. Its function fills what it is given and returns 0, or BENCH_SKIPPED
 * with the reason in `why`, or says on standard error what is wrong and returns
 * an error.
 */
struct bench {
	const char *name;
	const char *doc;
	const char *unit;
	const char *better; /* "lower" or "higher" */
	const char *baseline;
	double wanted; /* ratio, at most or at least by `better`; 0: none */
	double least;  /* value wanted as well; 0: none */
	double p99;    /* the p99 wanted; 0: none */
	double more;   /* how much the p99 may be more than the baseline's */
	int (*run)(struct bench_row *row);
	const char *isa; /* AETHER_ISA for the row; NULL: the best */
	int files;       /* needs the folder of place.h */
	int against;     /* a peer: by --against, or if it is named */
};

/* All rows in their order, ended by one with name NULL (table.c). */
extern const struct bench bench_table[];

/* --quick: is everything there and does it work; figures are coarse. */
extern int bench_quick;

int bench_handoff(struct bench_row *row);
int bench_handoff_floor(struct bench_row *row);
int bench_handoff_segments(struct bench_row *row);
int bench_reserve(struct bench_row *row);
int bench_reserve_2(struct bench_row *row);
int bench_metadata(struct bench_row *row);
int bench_reap(struct bench_row *row);
int bench_parked(struct bench_row *row);
int bench_attach_socket(struct bench_row *row);
int bench_attach_segments(struct bench_row *row);

int bench_signal(struct bench_row *row);
int bench_wake(struct bench_row *row);
int bench_wake_spin(struct bench_row *row);
int bench_fanout(struct bench_row *row);

int bench_slice(struct bench_row *row);
int bench_unslice(struct bench_row *row);
int bench_slice_stream(struct bench_row *row);
int bench_unslice_stream(struct bench_row *row);
int bench_slice_hot(struct bench_row *row);
int bench_unslice_hot(struct bench_row *row);
int bench_slice_inplace(struct bench_row *row);
int bench_unslice_inplace(struct bench_row *row);
int bench_slice_scalar_hot(struct bench_row *row);

int bench_burn_rs(struct bench_row *row);
int bench_burn_rs_hot(struct bench_row *row);
int bench_burn_rs_avx2(struct bench_row *row);
int bench_burn_rs_avx2_hot(struct bench_row *row);
int bench_burn_rs_scalar(struct bench_row *row);
int bench_decode_rs(struct bench_row *row);

int bench_pingpong(struct bench_row *row);
int bench_pingpong_commit(struct bench_row *row);

int bench_pipeline(struct bench_row *row);
int bench_pipeline_raw(struct bench_row *row);
int bench_pipeline_loop(struct bench_row *row);
int bench_pipeline_small(struct bench_row *row);
int bench_encode(struct bench_row *row);
int bench_decode(struct bench_row *row);

/* These serve several rows: the end of the row's name says which. */
int bench_flat_strides(struct bench_row *row);
int bench_flat_participants(struct bench_row *row);
int bench_flat_file(struct bench_row *row);
int bench_file_in(struct bench_row *row);
int bench_file_out(struct bench_row *row);

int bench_peer_ucx(struct bench_row *row);
int bench_peer_iceoryx(struct bench_row *row);

/* The n-th processor that the caller may use. Negative: there is none. */
int bench_cpu(int n);

/* Pins the caller to it. */
int bench_pin(int n);

/* Nanoseconds of a steady clock. */
double bench_now(void);

/* How many rounds to measure: BENCH_ROUNDS, or fewer with --quick. */
int bench_rounds(void);

/* The value below which `part` (0 to 1) of the values lie; sorts them. */
double bench_quantile(double *values, size_t count, double part);

/* Fills value, baseline_value and ratio from the rounds of both; the first
 * round is dropped. */
void bench_compare(struct bench_row *row, const double *values,
		   const double *baselines, size_t count);

/* Says on standard error what is wrong and what to do, and keeps it: the
 * object of --json says the same. Return the code. bench_fail: of a call. */
int bench_complain(int code, const char *what, ...)
	__attribute__((format(printf, 2, 3)));
int bench_fail(const char *what, int code);

/* What this process complained of last; "": of nothing. */
const char *bench_complaint(void);

/* What was of another row is forgotten. */
void bench_no_complaint(void);

/*
 * A second process and a page of `size` bytes, zeroed, that both share
 * (meet.c). bench_meet returns 1 in the child, which must end by _exit; 0; or
 * an error, which it has said, and the plane is detached. bench_part ends all
 * of it: if `err` is an error the child is killed, else it must end well. Says
 * what went wrong; returns 0 or the error.
 */
struct bench_meeting {
	struct aether_plane *plane; /* detached by bench_part */
	void *page;
	size_t size;
	pid_t child;
};
int bench_meet(struct aether_plane *plane, size_t size,
	       struct bench_meeting *meeting);
int bench_part(struct bench_meeting *meeting, int err, struct bench_row *row);

/* If one of so many children ends badly from here on, this process says so and
 * ends: what they do together would never be done. `count` 0: not any more.
 * bench_meet and bench_part do so themselves. */
void bench_heed(const pid_t *children, int count);

/* Says why the row cannot be measured here; returns BENCH_SKIPPED. */
int bench_skip(struct bench_row *row, const char *why, ...)
	__attribute__((format(printf, 2, 3)));

#endif
