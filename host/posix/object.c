/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory objects of a plane: control and, if it is divided, the leases and
 * the data of each segment. Where each is mapped and how large it is follows
 * from the geometry.
 */
#include <stdio.h>
#include <unistd.h>
#include "posix.h"

uint32_t ae_posix_object_count(const struct aether_geometry *geometry)
{
	return 1 + 2 * geometry->segments;
}

struct ae_posix_object ae_posix_object(const struct aether_geometry *geometry,
				       struct aether_plane_objects *objects,
				       uint32_t number)
{
	const struct aether_geometry *g = geometry;
	struct ae_posix_object o = { .kind = AE_POSIX_CONTROL,
				     .size = ae_segment_control_size(g),
				     .fd = &objects->control };
	uint32_t first, end;

	if (!number)
		return o;
	o.segment = (number - 1) / 2;
	first = ae_segment_first(g, o.segment);
	end = ae_segment_first(g, o.segment + 1);
	if (number % 2) {
		o.kind = AE_POSIX_LEASES;
		o.at = g->leases_offset +
		       (uint64_t)first * AETHER_RECORD_LEASE_SIZE;
		o.size = ae_segment_bytes(g, o.segment);
		o.fd = &objects->leases[o.segment];
	} else {
		o.kind = AE_POSIX_DATA;
		o.at = g->data_offset + first * g->stride_size;
		o.size = (end - first) * g->stride_size;
		o.fd = &objects->data[o.segment];
	}
	return o;
}

void ae_posix_objects_none(struct aether_plane_objects *objects,
			   uint32_t segments)
{
	objects->control = -1;
	objects->segments = segments;
	for (uint32_t i = 0; i < AETHER_SEGMENTS_MAX; i++)
		objects->leases[i] = objects->data[i] = -1;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void ae_posix_objects_close(struct aether_plane_objects *objects)
{
	close_one(&objects->control);
	for (uint32_t i = 0; i < objects->segments; i++) {
		close_one(&objects->leases[i]);
		close_one(&objects->data[i]);
	}
}

const char *ae_posix_object_text(const struct ae_posix_object *object,
				 char text[40])
{
	static const char *const kinds[] = { "control", "leases", "data" };

	if (object->kind == AE_POSIX_CONTROL)
		snprintf(text, 40, "%s", kinds[object->kind]);
	else
		snprintf(text, 40, "%s of segment %u", kinds[object->kind],
			 object->segment);
	return text;
}
