/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as text and as JSON, and the page: the command, the machine, the table.
 */
#include "print.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define CELL 40
#define LINE 512

static json_t *number(double value)
{
	return value < 0 ? json_null() : json_real(value);
}

void bench_print_json(FILE *out, const struct bench *bench,
		      const struct bench_row *row)
{
	json_t *o = json_pack("{s:s,s:o,s:s,s:s,s:o,s:o,s:o,s:s,s:o,s:o}",
			      "name", row->name, "value", number(row->value),
			      "unit", bench->unit, "better", bench->better,
			      "p50", number(row->p50), "p99", number(row->p99),
			      "p999", number(row->p999), "baseline",
			      bench->baseline, "baseline_value",
			      number(row->baseline_value), "ratio",
			      number(row->ratio));

	json_dumpf(o, out, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putc('\n', out);
	json_decref(o);
}

void bench_print_failure(FILE *out, const char *name, int code,
			 const char *text)
{
	json_t *o = json_pack("{s:s,s:b,s:s,s:s}", "verb", "bench", "ok", 0,
			      "code", aether_error_name(code), "message", text);

	if (name)
		json_object_set_new(o, "name", json_string(name));
	json_dumpf(o, out, JSON_COMPACT);
	putc('\n', out);
	json_decref(o);
}

/* Three digits are more than any run repeats; whole numbers stay whole. */
static const char *figure(char cell[CELL], double value)
{
	if (value < 0)
		strcpy(cell, "-");
	else
		snprintf(cell, CELL, value >= 1000 ? "%.0f" : "%.3g", value);
	return cell;
}

/* What is wanted of the row, and whether it is had; 0 if nothing is. */
static int wanted(const struct bench *bench, const struct bench_row *row,
		  char text[CELL])
{
	double more = row->p99 - row->baseline_p99;
	int lower = !strcmp(bench->better, "lower");
	int had = lower ? row->ratio <= bench->wanted
			: row->ratio >= bench->wanted;

	if (bench->p99 > 0) {
		snprintf(text, CELL, "p99 <= %g, +%g", bench->p99, bench->more);
		return row->p99 <= bench->p99 && more <= bench->more ? 1 : -1;
	}
	if (bench->wanted <= 0) {
		strcpy(text, "");
		return 0;
	}
	snprintf(text, CELL, "%s %g", lower ? "<=" : ">=", bench->wanted);
	if (bench->least > 0) {
		size_t length = strlen(text);

		snprintf(text + length, CELL - length, ", value > %g",
			 bench->least);
		had = had && row->value > bench->least;
	}
	return had ? 1 : -1;
}

void bench_print_head(FILE *out)
{
	fprintf(out,
		"| %-20s | %16s | %7s | %7s | %-21s | %9s | %8s | %-18s | %-3s "
		"|\n",
		"row", "value", "p99", "p99.9", "baseline", "its value",
		"ratio", "wanted", "had");
	fprintf(out, "|----------------------|-----------------:|--------:|"
		     "--------:|-----------------------|----------:|---------:|"
		     "--------------------|-----|\n");
}

void bench_print_row(FILE *out, const struct bench *bench,
		     const struct bench_row *row)
{
	char value[CELL], p99[CELL], p999[CELL], base[CELL], ratio[CELL];
	char text[CELL], with_unit[CELL + 16];
	int had = wanted(bench, row, text);

	if (bench_quick) /* too coarse to say */
		had = 0;
	snprintf(with_unit, sizeof(with_unit), "%s %s",
		 figure(value, row->value), bench->unit);
	fprintf(out,
		"| %-20s | %16s | %7s | %7s | %-21s | %9s | %8s | %-18s | %-3s "
		"|\n",
		row->name, with_unit, figure(p99, row->p99),
		figure(p999, row->p999), bench->baseline,
		figure(base, row->baseline_value), figure(ratio, row->ratio),
		text,
		had > 0   ? "yes"
		: had < 0 ? "NO"
			  : "");
}

/* The rest of the first line that begins with `key`, after ": ". */
static void line_of(const char *path, const char *key, char *text, size_t size)
{
	FILE *file = fopen(path, "r");
	char line[LINE];

	while (file && fgets(line, sizeof(line), file)) {
		const char *colon = strchr(line, ':');

		if (strncmp(line, key, strlen(key)) != 0 || !colon)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(text, size, "%s", colon + 1 + (colon[1] == ' '));
		break;
	}
	if (file)
		fclose(file);
}

static const char *compiler(void)
{
#ifdef __clang__
	return __VERSION__;
#else
	return "gcc " __VERSION__;
#endif
}

void bench_print_machine(FILE *out, int argc, char **argv)
{
	char processor[128] = "unknown", date[32];
	time_t now = time(NULL);
	struct utsname kernel;
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	uname(&kernel);
	line_of("/proc/cpuinfo", "model name", processor, sizeof(processor));
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", gmtime(&now));
	fprintf(out, "# Measurements of Aether " AETHER_VERSION_TEXT "\n\n");
	fprintf(out, "    aether bench");
	for (int i = 1; i < argc; i++)
		fprintf(out, " %s", argv[i]);
	fprintf(out, "\n\n- Date: %s\n", date);
	fprintf(out,
		"- Machine: %s, %s; %d processors of %ld may be used; "
		"instruction set in use: %s\n",
		processor, kernel.machine, CPU_COUNT(&set),
		sysconf(_SC_NPROCESSORS_ONLN), aether_isa_name(aether_isa()));
	fprintf(out, "- Kernel: %s %s; compiler of Aether: %s\n",
		kernel.sysname, kernel.release, compiler());
	fprintf(out, "\nEach value stands beside a baseline of the same run; "
		     "only ratios can be compared with\nother runs. What each "
		     "row is: docs/performance.md.\n\n");
}

int bench_print_can_page(const char *path)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s", path);
	if (strlen(path) < sizeof(folder) &&
	    access(dirname(folder), W_OK | X_OK) == 0)
		return 0;
	return bench_complain(AETHER_ESYS, "cannot write %s: %s; name another",
			      path, strerror(errno));
}

int bench_print_page(const char *path, const char *text)
{
	char part[PATH_MAX];
	size_t size = strlen(text);
	mode_t mask = umask(0);
	int fd, os;

	umask(mask);
	if (snprintf(part, sizeof(part), "%s.XXXXXX", path) >=
	    (int)sizeof(part))
		part[0] = '\0'; /* mkostemp refuses it */
	fd = mkostemp(part, O_CLOEXEC);
	if (fd >= 0 && fchmod(fd, 0666 & ~mask) == 0 &&
	    write(fd, text, size) == (ssize_t)size && rename(part, path) == 0) {
		close(fd);
		return 0;
	}
	os = errno;
	if (fd >= 0) {
		unlink(part);
		close(fd);
	}
	return bench_complain(AETHER_ESYS, "cannot write %s: %s; name another",
			      path, strerror(os));
}
