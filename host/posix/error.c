/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns what the operating system says into the library's codes, in one
 * place, and keeps its words in the error's text.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
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
	default:
		return AETHER_ESYS;
	}
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
