/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The burns of a run. Shipped ones are opened once, before anything else: a key
 * file may be a pipe. A user's own is code that may do anything, so it is never
 * loaded into the supervisor: a process that does nothing else tries it first,
 * so that what is wrong with it is said before there is an output, and then
 * each stage that needs it loads it for itself. Around its calls the stage
 * notes in the shared page what it is doing: all that is left of it if it dies.
 */
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* How much of a path a text has room for. */
#define SHOWN 80

/* What the trying process says, in a page that it shares. */
struct trial {
	struct run_note note;
	int over; /* it came to its end */
	int rc;
	struct aether_error error;
};

/* A user's burn, in a stage. */
struct noted {
	struct aether_burn burn;
	struct run_note *note;
	uint32_t index;
};

static struct noted noted[AETHER_FLOW_BURNS_MAX]; /* of a stage's process */

/* The path alone: what follows may be a secret. */
static void show_path(const struct run *run, uint32_t index, char *text)
{
	const char *spec = run->options.specs[index];
	size_t length = strcspn(spec, ":");

	if (length >= SHOWN) {
		spec += length - (SHOWN - 1);
		length = SHOWN - 1;
	}
	memcpy(text, spec, length);
	text[length] = '\0';
}

void run_burns_blame(const struct run *run, const struct run_note *note,
		     char *text, size_t size)
{
	static const char *const doing[] = {
		[RUN_BURN_OPENING] = "while it opened the burn",
		[RUN_BURN_BURNING] = "in the burn",
		[RUN_BURN_UNDOING] = "while it undid the burn",
		[RUN_BURN_CLOSING] = "while it closed the burn",
	};
	char path[SHOWN];
	int length;

	text[0] = '\0';
	if (note->doing == RUN_BURN_NOTHING)
		return;
	show_path(run, note->burn, path);
	length = snprintf(text, size, " %s %s", doing[note->doing], path);
	if (note->doing == RUN_BURN_BURNING || note->doing == RUN_BURN_UNDOING)
		snprintf(text + length, size - (size_t)length,
			 ", at byte %llu of the stream",
			 (unsigned long long)note->offset);
}

/* What can be known to be wrong before the stream begins. */
static int check(const struct run_options *o, const struct aether_burn *burn,
		 struct aether_error *error)
{
	int rc = aether_burn_takes(
		burn, o->unsliced ? AETHER_FORMAT_RAW : AETHER_FORMAT_SLICED,
		error);

	if (rc < 0)
		return error->code = AETHER_EUSAGE;
	if (o->verify && !burn->undo)
		return cli_error(error, AETHER_EUSAGE, 0,
				 "the burn %s cannot be undone, so the output "
				 "cannot be compared; leave --verify away.",
				 burn->name);
	return 0;
}

/* Opens and closes all modules. */
static int try(const struct run *run, struct trial *trial)
{
	struct run_note *note = &trial->note;
	struct aether_burn burn;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < run->options.burns; i++) {
		if (!aether_burn_is_module(run->options.specs[i]))
			continue;
		note->burn = i;
		note->doing = RUN_BURN_OPENING;
		rc = aether_burn_open(run->options.specs[i], &trial->error,
				      &burn);
		if (rc < 0)
			break;
		rc = check(&run->options, &burn, &trial->error);
		note->doing = RUN_BURN_CLOSING;
		aether_burn_close(&burn);
		note->doing = RUN_BURN_NOTHING;
	}
	return rc;
}

/* It ended without saying how: it is the burn that ended it. */
static int explain(const struct run *run, const struct trial *trial, int status,
		   struct aether_error *error)
{
	const char *what = trial->note.doing == RUN_BURN_CLOSING ? "closed"
								 : "opened";
	char path[SHOWN];

	show_path(run, trial->note.burn, path);
	if (WIFSIGNALED(status))
		return cli_error(error, AETHER_EBURN, 0,
				 "the burn %s crashed while it was %s: signal "
				 "%d (%s); see where in a debugger.",
				 path, what, WTERMSIG(status),
				 strsignal(WTERMSIG(status)));
	return cli_error(error, AETHER_EBURN, 0,
			 "the burn %s ended its process while it was %s, with "
			 "status %d; it must return.",
			 path, what, WEXITSTATUS(status));
}

/* Waits as long as the burn takes: who has enough of it interrupts us, and the
 * other process dies with us. */
static int try_apart(const struct run *run, struct trial *trial,
		     struct aether_error *error)
{
	pid_t parent = getpid(), pid;
	int status;

	signal(SIGCHLD, SIG_DFL); /* if ignored, nobody can be waited for */
	pid = fork();
	if (pid < 0)
		return cli_error(error, AETHER_ESYS, errno,
				 "cannot start a process to try the burns");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent) {
			trial->rc = try(run, trial);
			trial->over = 1;
		}
		_exit(CLI_OK);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cli_error(error, AETHER_ESYS, errno,
					 "cannot wait for the burns");
	if (!trial->over)
		return explain(run, trial, status, error);
	if (trial->rc < 0)
		*error = trial->error;
	return trial->rc;
}

static int try_modules(const struct run *run, struct aether_error *error)
{
	struct trial *trial = mmap(NULL, sizeof(*trial), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int rc;

	if (trial == MAP_FAILED)
		return cli_error(error, AETHER_ENOMEM, errno,
				 "cannot make a page to try the burns");
	rc = try_apart(run, trial, error);
	munmap(trial, sizeof(*trial));
	return rc;
}

int run_burns_open(struct run *run, struct aether_error *error)
{
	int modules = 0, rc = 0;

	for (uint32_t i = 0; rc == 0 && i < run->options.burns; i++) {
		if (aether_burn_is_module(run->options.specs[i])) {
			modules = 1;
			continue;
		}
		rc = aether_burn_open(run->options.specs[i], error,
				      &run->burns[i]);
		if (rc == 0)
			rc = check(&run->options, &run->burns[i], error);
	}
	return rc == 0 && modules ? try_modules(run, error) : rc;
}

static void note(const struct noted *n, uint32_t doing, uint64_t offset)
{
	n->note->burn = n->index;
	n->note->offset = offset;
	n->note->doing = doing;
}

static int noted_burn(void *state, const struct aether_piece *piece)
{
	const struct noted *n = state;
	int rc;

	note(n, RUN_BURN_BURNING, piece->offset);
	rc = n->burn.burn(n->burn.state, piece);
	n->note->doing = RUN_BURN_NOTHING;
	return rc;
}

static int noted_undo(void *state, const struct aether_piece *piece)
{
	const struct noted *n = state;
	int rc;

	note(n, RUN_BURN_UNDOING, piece->offset);
	rc = n->burn.undo(n->burn.state, piece);
	n->note->doing = RUN_BURN_NOTHING;
	return rc;
}

static void noted_close(void *state)
{
	struct noted *n = state;

	note(n, RUN_BURN_CLOSING, 0);
	aether_burn_close(&n->burn);
	n->note->doing = RUN_BURN_NOTHING;
}

int run_burns_load(struct run *run, struct run_seat *seat)
{
	int rc;

	for (uint32_t i = 0; i < run->options.burns; i++) {
		struct noted *n = &noted[i];

		if (!aether_burn_is_module(run->options.specs[i]))
			continue;
		n->note = &seat->note;
		n->index = i;
		note(n, RUN_BURN_OPENING, 0);
		rc = aether_burn_open(run->options.specs[i], &seat->error,
				      &n->burn);
		n->note->doing = RUN_BURN_NOTHING;
		if (rc < 0)
			return rc;
		run->burns[i] = n->burn;
		run->burns[i].state = n;
		run->burns[i].burn = noted_burn;
		run->burns[i].undo = n->burn.undo ? noted_undo : NULL;
		run->burns[i].close = noted_close;
		run->burns[i].module = NULL; /* noted_close unloads it */
	}
	return 0;
}

void run_burns_close(struct run *run)
{
	for (uint32_t i = 0; i < run->options.burns; i++)
		aether_burn_close(&run->burns[i]);
}
