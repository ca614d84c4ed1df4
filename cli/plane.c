/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planes by name. Where there is no directory of planes there is no plane of
 * any name, and advice about names helps nobody: so after a failure it is
 * looked whether the directory is there.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT "/dev/shm"
#define SHOWN 100 /* characters of a directory; the advice must fit behind */

/* As the library finds it (host/posix/name.c). */
const char *cli_directory(void)
{
	const char *directory = secure_getenv("AETHER_DIR");

	return directory && *directory ? directory : DEFAULT;
}

int cli_explain(int err, struct aether_error *error)
{
	const char *directory = cli_directory();
	struct stat found;
	int there;

	if (err != AETHER_ENOENT)
		return err;
	there = stat(directory, &found) == 0;
	if (there && S_ISDIR(found.st_mode))
		return err;
	if (there)
		return cli_error(error, err, 0,
				 "%.*s, where AETHER_DIR says that planes are, "
				 "is no directory; name one in AETHER_DIR, or "
				 "unset it.",
				 SHOWN, directory);
	return cli_error(error, err, 0,
			 "there is no directory %.*s, where %s planes are; "
			 "make it, or %s.",
			 SHOWN, directory,
			 secure_getenv("AETHER_DIR") ? "AETHER_DIR says that"
						     : "without AETHER_DIR",
			 secure_getenv("AETHER_DIR")
				 ? "unset AETHER_DIR"
				 : "name one in AETHER_DIR");
}

int cli_attach(const char *name, uint32_t flags, struct aether_error *error,
	       struct aether_plane **plane)
{
	int err = aether_plane_attach(name, flags, error, plane);

	struct stat found;

	/* a socket lies where it lies */
	if (strchr(name, '/'))
		return err;
	if (err == AETHER_ENOENT && stat(name, &found) == 0 &&
	    S_ISSOCK(found.st_mode))
		return cli_error(error, err, 0,
				 "there is no plane '%s'; the socket of that "
				 "name here is ./%s.",
				 name, name);
	return cli_explain(err, error);
}

struct aether_attach_options cli_without_data(const struct aether_plane *plane)
{
	struct aether_attach_options less = { .no_data = UINT64_MAX };
	struct aether_segment_info is;

	/* in a child nothing of it is mapped: not to be looked at as a whole */
	for (uint32_t i = 0; aether_segment_look(plane, i, &is) == 0; i++)
		if (is.right < AETHER_RIGHT_WRITE)
			less.hidden |= UINT64_C(1) << i;
	return less;
}
