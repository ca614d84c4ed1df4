/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of segments' memory objects share: a plane of four segments,
 * the files of the directory, rights as digits.
 */
#ifndef HOST_SEGMENTS_H
#define HOST_SEGMENTS_H

#include <dirent.h>
#include "../core/rig.h"

#define SIZE 8192
#define SEGMENTS 4
#define EACH 32
#define NOBODY 65534
#define OBJECTS (1 + 2 * SEGMENTS)

static const struct aether_plane_options options = {
	.strides = SEGMENTS * EACH,
	.stride_size = SIZE,
	.participants = 4,
	.segments = SEGMENTS,
};

static inline struct aether_plane *create(const char *name)
{
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;

	if (aether_plane_create(name, &options, &error, &plane) < 0)
		printf("# %s\n", error.text);
	need(plane);
	return plane;
}

/* Files of the directory, all of them; the last one that has `part`. */
static inline int files(const char *part, char last[300])
{
	DIR *directory = opendir(rig_directory);
	struct dirent *entry;
	int n = 0;

	need(directory);
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.' &&
		    (!part || strstr(entry->d_name, part))) {
			n++;
			if (last)
				snprintf(last, 300, "%s/%s", rig_directory,
					 entry->d_name);
		}
	closedir(directory);
	return n;
}

/* Rights to segments 0 to 3, as digits. */
static inline int digits(const struct aether_plane *plane)
{
	struct aether_segment_info is;
	int n = 0;

	for (uint32_t i = 0; i < SEGMENTS; i++) {
		need(aether_segment_look(plane, i, &is) == 0);
		n = 10 * n + (int)is.right;
	}
	return n;
}

#endif
