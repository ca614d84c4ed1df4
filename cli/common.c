/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verbs say: failures in words and in JSON, objects, text that came from
 * others. Nothing that a user or a plane made up reaches a terminal as it is:
 * control characters are escaped.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAILURE_MAX 1024 /* longest text of a failure */
#define ROLES 32         /* bits of a mask */

static FILE *reports; /* NULL: standard output */

void cli_print_to(FILE *stream)
{
	reports = stream;
}

static void out_of_memory(void)
{
	static const char text[] = "aether: no private memory left; free "
				   "memory or raise the limit\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(CLI_FAILED);
	_exit(CLI_FAILED);
}

/* Bytes of the well-formed, printable UTF-8 character at `text`; 0: none. */
static size_t character(const unsigned char *text, size_t size)
{
	static const uint32_t least[] = { 0, 0, 0xA0, 0x800, 0x10000 };
	size_t length, i;
	uint32_t code;

	if (text[0] < 0x80)
		return text[0] >= 0x20 && text[0] != 0x7F;
	length = text[0] >= 0xF0 ? 4 : text[0] >= 0xE0 ? 3 : 2;
	if (text[0] < 0xC2 || text[0] > 0xF4 || length > size)
		return 0;
	code = text[0] & (0x7Fu >> length);
	for (i = 1; i < length; i++) {
		if ((text[i] & 0xC0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3F);
	}
	if (code < least[length] || code > 0x10FFFF ||
	    (code >= 0xD800 && code <= 0xDFFF))
		return 0;
	/* line and paragraph separators, and what turns the writing round */
	if ((code >= 0x2028 && code <= 0x202E) ||
	    (code >= 0x2066 && code <= 0x2069))
		return 0;
	return length;
}

/* A printable copy by malloc. */
static char *printable(const char *text, size_t size)
{
	size_t length = strnlen(text, size), at = 0, step;
	char *copy = malloc(4 * length + 1), *to = copy;

	if (!copy)
		out_of_memory();
	while (at < length) {
		step = character((const unsigned char *)text + at, length - at);
		if (step)
			memcpy(to, text + at, step);
		else
			sprintf(to, "\\x%02X", (unsigned char)text[at]);
		to += step ? step : 4;
		at += step ? step : 1;
	}
	*to = '\0';
	return copy;
}

void cli_show(FILE *stream, const char *text, size_t size)
{
	char *copy = printable(text, size);

	fputs(copy, stream);
	free(copy);
}

void cli_show_size(FILE *stream, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double size = (double)bytes;
	int unit = 0;

	while (size >= 1024 && unit < 4) {
		size /= 1024;
		unit++;
	}
	fprintf(stream, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

json_t *cli_text(const char *text, size_t size)
{
	char *copy = printable(text, size);
	json_t *value = json_string(copy);

	free(copy);
	return value;
}

void cli_set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		out_of_memory();
}

void cli_add(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		out_of_memory();
}

json_t *cli_roles(uint32_t mask)
{
	json_t *list = json_array();

	for (uint32_t role = 0; role < ROLES; role++) {
		const char *name = aether_participant_role_name(role);

		if (name && (mask >> role & 1))
			cli_add(list, json_string(name));
	}
	return list;
}

void cli_roles_text(uint32_t mask, char text[CLI_ROLES_MAX])
{
	size_t at = 0, size = CLI_ROLES_MAX;

	snprintf(text, size, "%s", mask == UINT32_MAX ? "all" : "nobody");
	for (uint32_t role = 0; mask != UINT32_MAX && role < ROLES; role++) {
		const char *name = aether_participant_role_name(role);

		if (!name || !(mask >> role & 1) || at >= size)
			continue;
		at += (size_t)snprintf(text + at, size - at, "%s%s",
				       at ? "," : "", name);
	}
}

static json_t *new_object(const char *verb, int ok)
{
	json_t *object = json_object();

	if (!object)
		out_of_memory();
	cli_set(object, "verb", cli_text(verb, SIZE_MAX));
	cli_set(object, "ok", json_boolean(ok));
	return object;
}

json_t *cli_object(const struct cli_common *common)
{
	return new_object(common->verb, 1);
}

void cli_print(json_t *object)
{
	FILE *stream = reports ? reports : stdout;

	if (json_dumpf(object, stream, JSON_COMPACT) < 0 && !ferror(stream))
		out_of_memory();
	putc('\n', stream);
	fflush(stream); /* errors are found again at the end, by main */
	json_decref(object);
}

static int exit_status(int code)
{
	switch (code) {
	case AETHER_EUSAGE:
		return CLI_USAGE;
	case AETHER_EVERIFY:
		return CLI_WRONG;
	default:
		return CLI_FAILED;
	}
}

void cli_failed(const char *verb, int json, int code, const char *text)
{
	const char *name = aether_error_name(code);
	json_t *object;

	fputs("aether ", stderr);
	cli_show(stderr, verb, SIZE_MAX);
	fputs(": ", stderr);
	cli_show(stderr, text, SIZE_MAX);
	putc('\n', stderr);
	if (!json)
		return;
	object = new_object(verb, 0);
	cli_set(object, "code",
		cli_text(name ? name : "AETHER_ESYS", SIZE_MAX));
	cli_set(object, "message", cli_text(text, SIZE_MAX));
	cli_print(object);
}

/* The text, and the remedy of the code unless it ends with a full stop. */
static void say(char *text, const char *what, va_list list, int code)
{
	size_t length;

	vsnprintf(text, FAILURE_MAX, what, list);
	length = strlen(text);
	if (length && text[length - 1] != '.')
		snprintf(text + length, FAILURE_MAX - length, "; %s",
			 aether_error_remedy(code));
}

int cli_fail(const struct cli_common *common, int code, const char *what, ...)
{
	char text[FAILURE_MAX];
	va_list list;

	va_start(list, what);
	say(text, what, list, code);
	va_end(list);
	cli_failed(common->verb, common->json, code, text);
	return exit_status(code);
}

int cli_fail_error(const struct cli_common *common,
		   const struct aether_error *error)
{
	size_t size = sizeof(error->text);

	if (!strnlen(error->text, size))
		return cli_fail(common, error->code, "%s",
				aether_error_message(error->code));
	cli_failed(common->verb, common->json, error->code, error->text);
	return exit_status(error->code);
}
