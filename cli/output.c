/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that verbs write. For one promise: an output appears under its name
 * only when it is whole, and a failure leaves nothing behind. It must never
 * truncate or remove a file that it did not make itself.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define LINKS_MAX 40  /* symbolic links followed, as the kernel does */
#define NAMES_MAX 100 /* hidden names tried */

/* What the signal handler removes: see cli_output_guard. */
static char guarded[PATH_MAX];
static pid_t guardian;

/* 1 if writing this file would write what is being read. */
static int is_input(const struct cli_input *input, const struct stat *output)
{
	mode_t mode = output->st_mode;

	if (!input || !(S_ISREG(mode) || S_ISBLK(mode) || S_ISFIFO(mode)))
		return 0;
	return input->stat.st_dev == output->st_dev &&
	       input->stat.st_ino == output->st_ino;
}

static int refuse_input(const char *path, struct aether_error *error)
{
	return cli_error(error, AETHER_EINVAL, 0,
			 "the output %s is the input; name another file.",
			 path);
}

/* "dir/name" from the directory of `path`, which ends before `slash`, or
 * from the current one if that is NULL; made by malloc. */
static char *beside(const char *path, const char *slash, const char *name)
{
	size_t directory = slash ? (size_t)(slash - path) + 1 : 0;
	char *joined = malloc(directory + strlen(name) + 1);

	if (!joined)
		return NULL;
	memcpy(joined, path, directory);
	memcpy(joined + directory, name, strlen(name) + 1);
	return joined;
}

/* One step along a symbolic link: a new path, or NULL with errno. */
static char *follow(const char *path)
{
	char link[PATH_MAX];
	ssize_t length = readlink(path, link, sizeof(link) - 1);
	char *next;

	if (length < 0)
		return NULL;
	link[length] = '\0';
	next = link[0] == '/' ? strdup(link)
			      : beside(path, strrchr(path, '/'), link);
	if (!next)
		errno = ENOMEM;
	return next;
}

/*
 * Where a file that is written at `path` really goes, by malloc: links are
 * followed also if the last one leads to nothing yet. NULL with errno.
 */
static char *real_target(const char *path)
{
	char *at = strdup(path), *next;
	int links, os;

	for (links = 0; at && links < LINKS_MAX; links++) {
		next = follow(at);
		if (!next && (errno == EINVAL || errno == ENOENT))
			return at; /* no link, or nothing there yet */
		os = errno;
		free(at);
		at = next;
		errno = os;
	}
	if (at)
		errno = ELOOP;
	free(at);
	return NULL;
}

/* The hidden name to try next, by malloc, or NULL with errno. */
static char *hidden_name(const char *target)
{
	char name[48];
	uint64_t random;
	char *joined;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = aether_clock_now();
	snprintf(name, sizeof(name), ".aether-%ld-%016llx", (long)getpid(),
		 (unsigned long long)random);
	joined = beside(target, strrchr(target, '/'), name);
	if (!joined)
		errno = ENOMEM;
	return joined;
}

/* A file under a hidden name, for file systems that know no others. */
static int open_hidden(struct cli_output *output, mode_t mode)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
	int tries, fd = -1;

	for (tries = 0; fd < 0 && tries < NAMES_MAX; tries++) {
		free(output->temporary);
		output->temporary = hidden_name(output->target);
		if (!output->temporary)
			return -1;
		fd = open(output->temporary, flags, mode);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0) {
		free(output->temporary);
		output->temporary = NULL;
	}
	return fd;
}

/* A file without a name, in the directory where it will get one. */
static int open_nameless(struct cli_output *output, mode_t mode)
{
	char *directory = beside(output->target, strrchr(output->target, '/'),
				 ".");
	int fd = -1;

	errno = ENOMEM;
	if (directory)
		fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
	free(directory);
	return fd;
}

static int is_same(const char *path, const struct stat *other)
{
	struct stat found;

	return !stat(path, &found) && found.st_dev == other->st_dev &&
	       found.st_ino == other->st_ino;
}

/* A regular file that is built beside its name. */
static int open_built(struct cli_output *output, struct aether_error *error)
{
	mode_t mode = output->exists ? 0600 : 0666;
	const char *slash;

	output->target = real_target(output->path);
	if (!output->target)
		return cli_error_os(error, "cannot write the output",
				    output->path);
	/* what is open but has no name any more cannot be replaced */
	if (output->exists && !is_same(output->target, &output->stat))
		return cli_error(error, AETHER_ENOENT, 0,
				 "the output %s leads to a file without a "
				 "name; name another.",
				 output->path);
	slash = strrchr(output->target, '/');
	if (!(slash ? slash[1] : output->target[0]))
		return cli_error(error, AETHER_ENOENT, ENOENT,
				 "cannot write the output '%s'", output->path);
	output->fd = open_nameless(output, mode);
	/* what file systems and kernels without O_TMPFILE answer */
	if (output->fd < 0 &&
	    (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		output->fd = open_hidden(output, mode);
	if (output->fd < 0)
		return cli_error_os(error,
				    "cannot make a file beside the output",
				    output->path);
	return 0;
}

/* FIFOs and devices. */
static int open_direct(struct cli_output *output, struct aether_error *error)
{
	output->direct = 1;
	output->fd = open(output->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return output->fd < 0 ? cli_error_os(error, "cannot open the output",
					     output->path)
			      : 0;
}

static int open_standard(const struct cli_input *input,
			 struct aether_error *error, struct cli_output *output)
{
	output->path = "standard output";
	output->fd = STDOUT_FILENO;
	output->direct = 1;
	cli_print_to(stderr);
	if (fstat(STDOUT_FILENO, &output->stat) < 0)
		return cli_error_os(error, "cannot write", output->path);
	return is_input(input, &output->stat)
		       ? refuse_input(output->path, error)
		       : 0;
}

static int open_named(const struct cli_input *input, struct aether_error *error,
		      struct cli_output *output)
{
	mode_t mode;

	output->exists = !stat(output->path, &output->stat);
	if (!output->exists && errno != ENOENT)
		return cli_error_os(error, "cannot write the output",
				    output->path);
	if (!output->exists)
		return open_built(output, error);
	mode = output->stat.st_mode;
	if (S_ISDIR(mode))
		return cli_error(error, AETHER_EIO, EISDIR,
				 "cannot write the output %s", output->path);
	if (is_input(input, &output->stat))
		return refuse_input(output->path, error);
	if (!S_ISREG(mode))
		return open_direct(output, error);
	if (faccessat(AT_FDCWD, output->path, W_OK, AT_EACCESS) < 0)
		return cli_error_os(error, "cannot write the output",
				    output->path);
	return open_built(output, error);
}

int cli_output_open(const char *path, const struct cli_input *input,
		    struct aether_error *error, struct cli_output *output)
{
	int err;

	memset(output, 0, sizeof(*output));
	output->fd = -1;
	output->path = path;
	output->owner = getpid();
	if (!strcmp(path, "-") || !strcmp(path, "/dev/stdout"))
		err = open_standard(input, error, output);
	else
		err = open_named(input, error, output);
	if (err)
		cli_output_abort(output);
	return err;
}

/* Gives a nameless file its hidden name. */
static int link_hidden(struct cli_output *output, const char *self)
{
	int tries, result = -1;

	for (tries = 0; result < 0 && tries < NAMES_MAX; tries++) {
		free(output->temporary);
		output->temporary = hidden_name(output->target);
		if (!output->temporary)
			return -1;
		result = linkat(AT_FDCWD, self, AT_FDCWD, output->temporary,
				AT_SYMLINK_FOLLOW);
		if (result < 0 && errno != EEXIST)
			break;
	}
	if (result < 0) {
		free(output->temporary);
		output->temporary = NULL;
	}
	return result;
}

/* The last step: 0, or -1 with errno. A new name needs one call; replacing
 * takes a hidden name first, because only rename() replaces. */
static int give_name(struct cli_output *output)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", output->fd);
	if (!output->temporary && !output->exists) {
		if (!linkat(AT_FDCWD, self, AT_FDCWD, output->target,
			    AT_SYMLINK_FOLLOW))
			return 0;
		if (errno != EEXIST)
			return -1;
	}
	if (!output->temporary && link_hidden(output, self) < 0)
		return -1;
	if (rename(output->temporary, output->target) < 0)
		return -1;
	free(output->temporary);
	output->temporary = NULL;
	return 0;
}

/* What replaces a file looks like it. */
static int keep_mode(struct cli_output *output)
{
	const struct stat *old = &output->stat;

	if (!output->exists)
		return 0;
	/* the owner first: changing it clears bits of the mode. Only root can
	 * give a file away; others own what they wrote */
	if (fchown(output->fd, old->st_uid, old->st_gid) < 0 && errno != EPERM)
		return -1;
	return fchmod(output->fd, old->st_mode & 0777);
}

/* Some file systems (NFS) tell only at close that there was no room. A file
 * without a name would be gone by that; it is on none of those. */
static int close_hidden(struct cli_output *output)
{
	int fd = output->fd;

	if (!output->temporary)
		return 0;
	output->fd = -1;
	return close(fd);
}

int cli_output_commit(struct cli_output *output, struct aether_error *error)
{
	sigset_t all, before;
	int err = 0;

	if (output->direct)
		goto done;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	if (keep_mode(output) < 0 || close_hidden(output) < 0 ||
	    give_name(output) < 0)
		err = cli_error_os(error, "cannot finish the output",
				   output->path);
	cli_output_abort(output);
	sigprocmask(SIG_SETMASK, &before, NULL);
done:
	cli_output_abort(output);
	return err;
}

void cli_output_abort(struct cli_output *output)
{
	if (output->fd > STDERR_FILENO)
		close(output->fd);
	output->fd = -1;
	if (output->temporary && output->owner == getpid())
		unlink(output->temporary);
	free(output->temporary);
	free(output->target);
	output->temporary = output->target = NULL;
}

static void on_signal(int number)
{
	if (guarded[0] && guardian == getpid())
		unlink(guarded);
	raise(number); /* SA_RESETHAND: now it ends the process */
}

void cli_output_guard(const struct cli_output *output)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal }, old;
	size_t i;

	if (!output->temporary)
		return;
	snprintf(guarded, sizeof(guarded), "%s", output->temporary);
	guardian = output->owner;
	action.sa_flags = (int)SA_RESETHAND;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!sigaction(numbers[i], NULL, &old) &&
		    old.sa_handler == SIG_DFL)
			sigaction(numbers[i], &action, NULL);
}
