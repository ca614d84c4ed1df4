/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the caller would have of a plane's segments if it took part: by the
 * modes of the files, through descriptors that only look.
 */
#include "cli.h"

#include <fcntl.h>
#include <unistd.h>

static int may(int fd, int how)
{
	char path[40];

	if (fd < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return faccessat(AT_FDCWD, path, how, AT_EACCESS) == 0;
}

uint32_t cli_right(const struct aether_plane *plane, uint32_t segment)
{
	struct aether_plane_objects objects;
	int leases, data;

	aether_plane_objects(plane, &objects);
	leases = objects.segments ? objects.leases[segment] : objects.control;
	data = objects.segments ? objects.data[segment] : objects.control;
	if (!may(objects.control, R_OK | W_OK) || !may(leases, R_OK | W_OK))
		return AETHER_RIGHT_NONE;
	if (!may(data, R_OK))
		return AETHER_RIGHT_ROUTE;
	return may(data, W_OK) ? AETHER_RIGHT_WRITE : AETHER_RIGHT_READ;
}
