/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people and programs get to see of rows.
 */
#ifndef BENCH_PRINT_H
#define BENCH_PRINT_H

#include <stdio.h>
#include "bench.h"

/* Lines of a Markdown table that can be read in a terminal too. */
void bench_print_head(FILE *out);
void bench_print_row(FILE *out, const struct bench *bench,
		     const struct bench_row *row);

/* One JSON object, a line. */
void bench_print_json(FILE *out, const struct bench *bench,
		      const struct bench_row *row);

/* The same of a failure, as every verb says it: of the row `name`, or NULL. */
void bench_print_failure(FILE *out, const char *name, int code,
			 const char *text);

/* What a page says before its table: the command, the date, the machine. */
void bench_print_machine(FILE *out, int argc, char **argv);

/* Is there a folder to write it to? Asked before minutes of measuring. */
int bench_print_can_page(const char *path);

/* Puts the text into the file as a whole, or leaves the file alone and says
 * why. */
int bench_print_page(const char *path, const char *text);

#endif
