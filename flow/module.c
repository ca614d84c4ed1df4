/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Burns of the user's own, in shared objects. Loading one runs its code here:
 * nothing can be done against a hostile one, and nothing is tried. What is
 * checked is what goes wrong by accident, such as a table of another version.
 * After a failure nothing stays loaded.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <aether/aether.h>
#include "module.h"

#define TABLE "aether_burn_module"

/* A table has `burn` at least. What says that it is longer than any that makes
 * sense is not read to its end. */
#define LEAST offsetof(struct aether_burn_module, undo)
#define MOST ((size_t)1024)

/* How much of a path and of a reason a text has room for. */
#define SHOWN ((size_t)120)

#define KNOWN_FORMATS (AETHER_BURN_RAW | AETHER_BURN_SLICED)

#define REBUILD "rebuild it against this library's headers"

/* A shared object on its way to a burn. */
struct module {
	char path[PATH_MAX];
	const char *shown; /* the path, or its end */
	void *object;
	struct aether_burn_module table; /* my copy */
};

static int take_path(struct module *m, const char *spec,
		     struct aether_error *error)
{
	size_t length = strcspn(spec, ":");

	if (length >= sizeof(m->path))
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"the path of the burn has %zu bytes; use one of at "
			"most %zu.",
			length, sizeof(m->path) - 1);
	memcpy(m->path, spec, length);
	m->path[length] = '\0';
	m->shown = length > SHOWN ? m->path + length - SHOWN : m->path;
	return 0;
}

/* Opening a FIFO or a device to see what it is would wait, or do things. */
static int check_kind(const struct module *m, struct aether_error *error)
{
	struct stat stat_of;

	if (stat(m->path, &stat_of) < 0 || S_ISREG(stat_of.st_mode))
		return 0; /* dlopen says why it cannot be read */
	return aether_error_fill(
		error, AETHER_EBURN, 0,
		"the burn %s cannot be loaded: it is a %s; name a shared "
		"object.",
		m->shown,
		S_ISDIR(stat_of.st_mode) ? "directory" : "pipe or device");
}

static int load(struct module *m, struct aether_error *error)
{
	size_t length = strlen(m->path);
	const char *why;

	m->object = dlopen(m->path, RTLD_NOW | RTLD_LOCAL);
	if (m->object)
		return 0;
	why = dlerror();
	if (!why)
		why = "no reason given";
	if (strncmp(why, m->path, length) == 0 && why[length] == ':')
		why += length + 2;
	return aether_error_fill(
		error, AETHER_EBURN, 0,
		"the burn %s cannot be loaded: %.120s; it must be a shared "
		"object (-shared -fPIC) for this machine, readable, with all "
		"that it needs.",
		m->shown, why);
}

/* Of a later release: may it be used as if it were of this one? */
static int is_known(const unsigned char *table, uint32_t size)
{
	for (size_t i = sizeof(struct aether_burn_module); i < size; i++)
		if (table[i])
			return 0;
	return 1;
}

/* Copies the table, of which nothing is known before its version and size. */
static int read_table(struct module *m, struct aether_error *error)
{
	const unsigned char *table = dlsym(m->object, TABLE);
	size_t mine = sizeof(m->table);
	uint32_t head[2];

	if (!table)
		return aether_error_fill(error, AETHER_EBURN, 0,
					 "the burn %s has no symbol " TABLE
					 "; begin its table "
					 "with AETHER_BURN_MODULE.",
					 m->shown);
	memcpy(head, table, sizeof(head));
	if (head[0] != AETHER_BURN_VERSION)
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"the burn %s has version %u, this library %u; " REBUILD
			".",
			m->shown, head[0], AETHER_BURN_VERSION);
	if (head[1] < LEAST || head[1] > MOST || head[1] % sizeof(void *))
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"the burn %s has a table of %u bytes, this library "
			"one of %zu; " REBUILD ".",
			m->shown, head[1], mine);
	if (!is_known(table, head[1]))
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"the burn %s has a table of %u bytes and uses what is "
			"beyond the %zu of this library; " REBUILD ".",
			m->shown, head[1], mine);
	memset(&m->table, 0, mine);
	memcpy(&m->table, table, head[1] < mine ? head[1] : mine);
	return 0;
}

static int is_name(const char *name)
{
	size_t length = name ? strnlen(name, AETHER_BURN_NAME_SIZE) : 0;

	if (length == 0 || length == AETHER_BURN_NAME_SIZE)
		return 0;
	for (size_t i = 0; i < length; i++)
		if (name[i] < ' ' || name[i] > '~')
			return 0;
	return 1;
}

static int check_table(const struct module *m, struct aether_error *error)
{
	const struct aether_burn_module *table = &m->table;

	if (!is_name(table->name))
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"the burn %s has no name of 1 to %d printable "
			"characters in its table; give it one.",
			m->shown, AETHER_BURN_NAME_SIZE - 1);
	if (!table->burn)
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"the burn %s has no function burn in its table; give "
			"it one.",
			m->shown);
	if (table->formats & ~KNOWN_FORMATS || table->zero)
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"the burn %s has 0x%X as formats and %u as zero in its "
			"table; formats are AETHER_BURN_RAW and _SLICED (0: "
			"all), zero is 0.",
			m->shown, table->formats, table->zero);
	return 0;
}

/* What open() said, in words that name the burn. `said` is what it filled. */
static int refused(const struct module *m, int rc, struct aether_error *said,
		   struct aether_error *error)
{
	if (rc > 0 || !aether_error_name(rc))
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"the burn %s gave %d when it was opened, which is "
			"neither 0 nor an error of this library; mend it.",
			m->shown, rc);
	said->text[sizeof(said->text) - 1] = '\0';
	if (!said->text[0] && rc == AETHER_EBURN)
		return aether_error_fill(
			error, rc, 0,
			"the burn %s refuses its arguments; see what it wants.",
			m->shown);
	if (!said->text[0])
		return aether_error_fill(error, rc, 0,
					 "the burn %s cannot be opened: %s",
					 m->shown, aether_error_message(rc));
	if (!error)
		return rc;
	error->code = rc;
	error->os = said->os;
	snprintf(error->text, sizeof(error->text), "the burn %s: %.250s",
		 m->shown, said->text);
	return rc;
}

static int call_open(const struct module *m, const char *args,
		     struct aether_error *error, void **state)
{
	struct aether_error said;
	int rc;

	if (!m->table.open && args)
		return aether_error_fill(
			error, AETHER_EBURN, 0,
			"the burn %s takes no arguments; leave away the colon "
			"and what follows.",
			m->shown);
	if (!m->table.open)
		return 0;
	memset(&said, 0, sizeof(said));
	rc = m->table.open(args, &said, state);
	return rc == 0 ? 0 : refused(m, rc, &said, error);
}

int ae_module_open(const char *spec, struct aether_error *error,
		   struct aether_burn *burn)
{
	struct module m = { .object = NULL };
	const char *colon = strchr(spec, ':');
	void *state = NULL;
	int rc = take_path(&m, spec, error);

	if (rc == 0)
		rc = check_kind(&m, error);
	if (rc == 0)
		rc = load(&m, error);
	if (rc == 0)
		rc = read_table(&m, error);
	if (rc == 0)
		rc = check_table(&m, error);
	if (rc == 0)
		rc = call_open(&m, colon ? colon + 1 : NULL, error, &state);
	if (rc < 0) {
		if (m.object)
			dlclose(m.object);
		return rc;
	}
	burn->name = m.table.name;
	burn->state = state;
	burn->burn = m.table.burn;
	burn->undo = m.table.undo;
	burn->close = m.table.close;
	burn->formats = m.table.formats;
	burn->module = m.object;
	return 0;
}

void ae_module_close(void *module)
{
	dlclose(module);
}
