/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the caller would have of a plane's segments if it took part: by the
 * modes of the files, through descriptors that only look. And how numbers are
 * said where not all was seen.
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

/* Came over a socket, from another user: what it allows is what there is. */
static int cannot_ask(int fd)
{
	char path[40];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY | O_CLOEXEC);
	if (again >= 0)
		close(again);
	return again < 0;
}

uint32_t cli_right(const struct aether_plane *plane, uint32_t segment)
{
	struct aether_plane_objects objects;
	struct aether_segment_info is;
	int leases, data;

	aether_plane_objects(plane, &objects);
	if (cannot_ask(objects.control))
		return aether_segment_look(plane, segment, &is) == 0
			       ? is.right
			       : AETHER_RIGHT_NONE;
	leases = objects.segments ? objects.leases[segment] : objects.control;
	data = objects.segments ? objects.data[segment] : objects.control;
	if (!may(objects.control, R_OK | W_OK) || !may(leases, R_OK | W_OK))
		return AETHER_RIGHT_NONE;
	if (!may(data, R_OK))
		return AETHER_RIGHT_ROUTE;
	return may(data, W_OK) ? AETHER_RIGHT_WRITE : AETHER_RIGHT_READ;
}

const char *cli_counted_text(uint32_t number, uint32_t unseen, uint32_t strides,
			     char text[CLI_COUNTED_MAX])
{
	if (unseen && unseen == strides)
		return "?";
	snprintf(text, CLI_COUNTED_MAX, "%u%s", number, unseen ? "+?" : "");
	return text;
}

json_t *cli_counted(uint32_t number, uint32_t unseen, uint32_t strides)
{
	return unseen && unseen == strides ? json_null() : json_integer(number);
}
