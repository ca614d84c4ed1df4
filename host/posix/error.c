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

int ae_posix_fail(struct aether_error *error, int code, int os,
		  const char *what, ...)
{
	size_t size = sizeof(error->text);
	size_t at;
	char words[64];
	va_list list;

	if (!error)
		return code;
	error->code = code;
	error->os = os;
	va_start(list, what);
	vsnprintf(error->text, size, what, list);
	va_end(list);
	at = strlen(error->text);
	if (os)
		snprintf(error->text + at, size - at, ": %s",
			 strerror_r(os, words, sizeof(words)));
	at = strlen(error->text);
	snprintf(error->text + at, size - at, "; %s",
		 aether_error_remedy(code));
	return code;
}
