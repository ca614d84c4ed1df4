/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata: bytes of a lean plane of 1024 strides that are not data, against
 * the size of the plane. Read from a plane that was made.
 */
#include "bench.h"

int bench_metadata(struct bench_row *row)
{
	struct aether_plane_options options = { .strides = 1024 };
	struct aether_plane_info info;
	struct aether_plane *plane;
	int err = aether_plane_create(NULL, &options, NULL, &plane);

	if (err < 0)
		return bench_fail("cannot create a plane", err);
	aether_plane_look(plane, &info);
	aether_plane_detach(plane);
	row->value = (double)info.geometry.data_offset;
	row->baseline_value = (double)info.geometry.plane_size;
	row->ratio = row->value / row->baseline_value;
	return 0;
}
