/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Test Anything Protocol, as little of it as our tests need: each check
 * prints one line, the plan comes last, the exit status is the verdict. `prove`
 * reads it. Not for several threads at once.
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int tap_run, tap_failed;

/* One check; returns whether it passed. */
#define ok(cond, ...) tap_ok(!!(cond), #cond, __FILE__, __LINE__, __VA_ARGS__)

/* The same for whole numbers: a failure shows both. */
#define is_int(got, want, ...) \
	tap_is((long long)(got), (long long)(want), #got, __FILE__, __LINE__, \
	       __VA_ARGS__)

__attribute__((format(printf, 5, 6))) static inline int
tap_ok(int pass, const char *what, const char *file, int line, const char *name,
       ...)
{
	va_list args;

	printf("%sok %d - ", pass ? "" : "not ", ++tap_run);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\n");
	if (!pass) {
		tap_failed++;
		fprintf(stderr, "# %s:%d: not ok: %s\n", file, line, what);
	}
	fflush(stdout);
	return pass;
}

__attribute__((format(printf, 6, 7))) static inline int
tap_is(long long got, long long want, const char *what, const char *file,
       int line, const char *name, ...)
{
	char text[200];
	va_list args;

	va_start(args, name);
	vsnprintf(text, sizeof(text), name, args);
	va_end(args);
	if (tap_ok(got == want, what, file, line, "%s", text))
		return 1;
	fprintf(stderr, "#   got %lld, wanted %lld\n", got, want);
	return 0;
}

/* A check that cannot be made here. */
__attribute__((format(printf, 1, 2))) static inline void skip(const char *why,
							      ...)
{
	va_list args;

	printf("ok %d # SKIP ", ++tap_run);
	va_start(args, why);
	vprintf(why, args);
	va_end(args);
	printf("\n");
}

/* Ends the test: return it from main. */
static inline int tap_end(void)
{
	printf("1..%d\n", tap_run);
	return tap_failed ? 1 : 0;
}

#endif
