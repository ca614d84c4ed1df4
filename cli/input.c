/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that verbs read, reading and writing whole pieces, and what is said
 * when the system refuses: the file, the reason, what to do.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int cli_error_code(int os)
{
	switch (os) {
	case ENOENT:
	case ENOTDIR:
		return AETHER_ENOENT;
	case EACCES:
	case EPERM:
	case EROFS:
		return AETHER_EACCES;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return AETHER_ENOSPC;
	case ENOMEM:
		return AETHER_ENOMEM;
	case EMFILE:
	case ENFILE:
		return AETHER_EFILES;
	default:
		return AETHER_EIO;
	}
}

/* What to do about it. */
static const char *hint(int os)
{
	switch (cli_error_code(os)) {
	case AETHER_EFILES:
		return "; close some, or raise the limit (ulimit -n)";
	case AETHER_ENOENT:
		return "; check the path";
	case AETHER_EACCES:
		return "; check who may do that, or name another place";
	case AETHER_ENOSPC:
		return "; make room there, or name another place";
	default:
		return os == EISDIR ? "; name a file" : "";
	}
}

int cli_error(struct aether_error *error, int code, int os, const char *what,
	      ...)
{
	size_t size = sizeof(error->text), length;
	va_list list;

	if (!error)
		return code;
	error->code = code;
	error->os = os;
	va_start(list, what);
	vsnprintf(error->text, size, what, list);
	va_end(list);
	length = strlen(error->text);
	if (os)
		snprintf(error->text + length, size - length, ": %s%s",
			 strerror(os), hint(os));
	return code;
}

int cli_error_os(struct aether_error *error, const char *what, const char *path)
{
	int os = errno;

	return cli_error(error, cli_error_code(os), os, "%s %s", what, path);
}

ssize_t cli_read(int fd, void *bytes, size_t length, const char *path,
		 struct aether_error *error)
{
	size_t done = 0;
	ssize_t count;

	while (done < length) {
		count = read(fd, (char *)bytes + done, length - done);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return cli_error_os(error, "cannot read", path);
		if (!count)
			break;
		done += (size_t)count;
	}
	return (ssize_t)done;
}

int cli_write(int fd, const void *bytes, size_t length, const char *path,
	      struct aether_error *error)
{
	const char *from = bytes;
	ssize_t count;

	while (length) {
		count = write(fd, from, length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return cli_error_os(error, "cannot write", path);
		from += count;
		length -= (size_t)count;
	}
	return 0;
}

int cli_input_open(const char *path, struct aether_error *error,
		   struct cli_input *input)
{
	int standard = !strcmp(path, "-");
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return cli_error_os(error, "cannot open the input", path);
	input->fd = fd;
	input->path = standard ? "standard input" : path;
	if (fstat(fd, &input->stat) < 0)
		err = cli_error_os(error, "cannot look at the input",
				   input->path);
	else if (S_ISDIR(input->stat.st_mode))
		err = cli_error(error, AETHER_EIO, EISDIR,
				"cannot read the input %s", input->path);
	if (err)
		cli_input_close(input);
	return err;
}

void cli_input_close(struct cli_input *input)
{
	if (input->fd > STDERR_FILENO)
		close(input->fd);
	input->fd = -1;
}
