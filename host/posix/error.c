/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns what the operating system says into the library's codes, in one
 * place, and keeps its words in the error's text. What to do about a right
 * that is missing depends on how one came to the plane, so it is said here.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include "posix.h"

int ae_posix_code(int os)
{
	switch (os) {
	case EACCES:
	case EPERM:
	case EROFS:
		return AETHER_EACCES;
	case ENOENT:
	case ENOTDIR:
		return AETHER_ENOENT;
	case EEXIST:
		return AETHER_EEXIST;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return AETHER_ENOSPC;
	case ENOMEM:
		return AETHER_ENOMEM;
	case EINTR:
		return AETHER_EINTR;
	case EMFILE:
	case ENFILE:
		return AETHER_EFILES;
	default:
		return AETHER_ESYS;
	}
}

/* The limit that was met, by its name and value. */
static void name_limit(int os, char *text, size_t size)
{
	struct rlimit files;

	if (os == EMFILE && getrlimit(RLIMIT_NOFILE, &files) == 0)
		snprintf(text, size,
			 " (this process may have %llu open: ulimit -n)",
			 (unsigned long long)files.rlim_cur);
	else if (os == ENFILE)
		snprintf(text, size,
			 " (the limit of the machine: sysctl fs.file-max)");
}

int aether_error_vfill(struct aether_error *error, int code, int os,
		       const char *what, va_list list)
{
	size_t length = strlen(what);
	size_t size, at;
	char words[64];

	if (!error)
		return code;
	size = sizeof(error->text);
	error->code = code;
	error->os = os;
	vsnprintf(error->text, size, what, list);
	at = strlen(error->text);
	if (os)
		snprintf(error->text + at, size - at, ": %s",
			 strerror_r(os, words, sizeof(words)));
	at = strlen(error->text);
	name_limit(os, error->text + at, size - at);
	at = strlen(error->text);
	if (!length || what[length - 1] != '.')
		snprintf(error->text + at, size - at, "; %s",
			 aether_error_remedy(code));
	return code;
}

int aether_error_fill(struct aether_error *error, int code, int os,
		      const char *what, ...)
{
	va_list list;

	va_start(list, what);
	aether_error_vfill(error, code, os, what, list);
	va_end(list);
	return code;
}

int aether_segment_refuse(const struct aether_plane *plane, uint32_t right,
			  struct aether_error *error, const char *what, ...)
{
	const struct ae_posix_plane *p = plane->host;
	const char *name = aether_segment_right_name(right);
	char text[AETHER_ERROR_TEXT_SIZE];
	va_list list;

	va_start(list, what);
	vsnprintf(text, sizeof(text), what, list);
	va_end(list);
	/* modes do not matter to one who came over a socket */
	if (p && p->line && name)
		return aether_error_fill(error, AETHER_EACCES, 0,
					 "%s; %sask the plane's owner for "
					 "aether grant SOCKET %u %s.",
					 text,
					 p->asked_less
						 ? "attach without read_only, "
						   "no_data and hidden, or "
						 : "",
					 p->user, name);
	return aether_error_fill(error, AETHER_EACCES, 0, "%s", text);
}
