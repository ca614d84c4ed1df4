/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: small negative numbers, the same in every language, made with their
 * texts from the schema (`aether strerror CODE` prints them). Full, empty and
 * lost races (AETHER_EFULL, AETHER_EEMPTY, AETHER_EAGAIN) are ordinary
 * answers. After any error the state is as before the call, unless the call's
 * description says otherwise.
 *
 * May be called by anybody at any time.
 */
#ifndef AETHER_ERROR_H
#define AETHER_ERROR_H

#include <stdarg.h>
#include <aether/api.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AETHER_ERROR_TEXT_SIZE 400

/*
 * More about a failure than its code: filled by the calls that take one, and
 * only when they fail. May be NULL where a call takes it.
 */
struct aether_error {
	int code; /* AETHER_E..., as returned */
	int os;   /* the operating system's number, or 0 */
	char text[AETHER_ERROR_TEXT_SIZE]; /* what, about what, what to do */
};

/* "AETHER_EFULL"; "AETHER_OK" for 0 and more; NULL for an unknown code. */
AETHER_API const char *aether_error_name(int code);

/* What is wrong, one line; a text also for an unknown code. Never NULL. */
AETHER_API const char *aether_error_message(int code);

/* What to do about it, one line. Never NULL. */
AETHER_API const char *aether_error_remedy(int code);

/*
 * Fills `error`, which may be NULL, for calls and stages of one's own that
 * fail as the library's do; returns `code`. `what` says what and about what. If
 * `os` is not 0 the operating system's words for it are added; if `what` does
 * not end with a full stop, the remedy of the code is.
 */
AETHER_API int aether_error_fill(struct aether_error *error, int code, int os,
				 const char *what, ...)
	__attribute__((format(printf, 4, 5)));
AETHER_API int aether_error_vfill(struct aether_error *error, int code, int os,
				  const char *what, va_list list)
	__attribute__((format(printf, 4, 0)));

#ifdef __cplusplus
}
#endif

#endif
