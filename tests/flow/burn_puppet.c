/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A burn that does as it is told, for tests: WHEN,HOW[,WHERE] in its arguments,
 * such as "burn,crash,5000": at the piece with byte 5000 of the stream. HOW is
 * crash, exit (status 7), leave (status 0), hang, text, a number to return,
 * stick (return 3, and hang when it is closed), or =PATH: crash, but only once:
 * the file shows that it has. Macros spoil its table. Tests compile it.
 */
#include <aether/aether.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION AETHER_BURN_VERSION
#endif
#ifndef SIZE
#define SIZE sizeof(struct aether_burn_module)
#endif
#ifndef NAME
#define NAME "puppet"
#endif
#ifndef FORMATS
#define FORMATS 0
#endif
#ifndef ZERO
#define ZERO 0
#endif
#ifndef STEP /* what is added to each byte; 0: each bit is flipped */
#define STEP 0
#endif
#ifndef BEYOND
#define BEYOND NULL
#endif
#ifndef OPEN
#define OPEN puppet_open
#endif
#ifndef BURN
#define BURN puppet_burn
#endif
#ifndef UNDO
#define UNDO puppet_undo
#endif
#ifndef TABLE
#define TABLE aether_burn_module
#endif

struct puppet {
	char when[8];
	char how[200];
	long where; /* below zero: anywhere */
	int stuck;  /* its close does not return */
};

int puppet_open(const char *args, struct aether_error *error, void **state);
int puppet_burn(void *state, const struct aether_piece *piece);
int puppet_undo(void *state, const struct aether_piece *piece);

static int act(struct puppet *p)
{
	if (strcmp(p->how, "crash") == 0 ||
	    (p->how[0] == '=' && open(p->how + 1, O_CREAT | O_EXCL, 0600) >= 0))
		raise(SIGSEGV);
	if (strcmp(p->how, "exit") == 0)
		exit(7);
	if (strcmp(p->how, "leave") == 0)
		exit(0);
	while (strcmp(p->how, "hang") == 0)
		pause();
	p->stuck = strcmp(p->how, "stick") == 0;
	if (p->stuck)
		return 3;
	return atoi(p->how);
}

/* Is it to be done now? */
static int is_now(const struct puppet *p, const char *when,
		  const struct aether_piece *piece)
{
	uint64_t where = p ? (uint64_t)p->where : 0;

	return p && strcmp(p->when, when) == 0 &&
	       (p->where < 0 || !piece ||
		(where >= piece->offset &&
		 where - piece->offset < piece->length));
}

int puppet_open(const char *args, struct aether_error *error, void **state)
{
	struct puppet *p = calloc(1, sizeof(*p));
	char copy[300] = "", *how, *where;
	int rc = 0;

	if (!p || (args && strlen(args) >= sizeof(p->how)))
		abort();
	p->where = -1;
	strcpy(copy, args ? args : "");
	how = strchr(copy, ',');
	where = how ? strchr(how + 1, ',') : NULL;
	if (where) {
		*where = '\0';
		p->where = atol(where + 1);
	}
	if (how) {
		*how = '\0';
		strcpy(p->how, how + 1);
	}
	strncpy(p->when, copy, sizeof(p->when) - 1);
	if (is_now(p, "open", NULL) && strcmp(p->how, "text") == 0) {
		memset(error->text, 'x', sizeof(error->text));
		rc = AETHER_EBURN;
	} else if (is_now(p, "open", NULL)) {
		rc = act(p);
	}
	if (rc)
		free(p);
	else
		*state = p;
	return rc;
}

static int change(const struct aether_piece *piece, int step)
{
	uint8_t *bytes = piece->bytes;

	for (size_t i = 0; i < piece->length; i++)
		bytes[i] = STEP ? (uint8_t)(bytes[i] + step)
				: (uint8_t)~bytes[i];
	return 0;
}

int puppet_burn(void *state, const struct aether_piece *piece)
{
	int rc = is_now(state, "burn", piece) ? act(state) : 0;

	return rc ? rc : change(piece, STEP);
}

int puppet_undo(void *state, const struct aether_piece *piece)
{
	int rc = is_now(state, "undo", piece) ? act(state) : 0;

	return rc ? rc : change(piece, -STEP);
}

static void puppet_close(void *state)
{
	struct puppet *p = state;

	if (is_now(p, "close", NULL))
		act(p);
	while (p && p->stuck)
		pause();
	free(state);
}

/* The table as a later release would have it. */
struct longer {
	struct aether_burn_module table;
	void *more;
};

extern const struct longer TABLE;
__attribute__((visibility("default"))) const struct longer TABLE = {
	.table = { .version = VERSION,
		   .size = SIZE,
		   .name = NAME,
		   .formats = FORMATS,
		   .zero = ZERO,
		   .open = OPEN,
		   .burn = BURN,
		   .undo = UNDO,
		   .close = puppet_close },
	.more = BEYOND,
};
