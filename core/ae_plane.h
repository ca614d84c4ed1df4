/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a plane, between the core that writes and checks it (plane.c)
 * and whoever creates or attaches.
 */
#ifndef AE_PLANE_H
#define AE_PLANE_H

#include "ae_base.h"

struct ae_birth {
	uint64_t id[2];
	uint64_t created;
	uint32_t flags;
	uint32_t pid;
	uint32_t tag;
};
void ae_plane_bind(struct aether_plane *plane, unsigned char *base,
		   const struct aether_geometry *geometry);
void ae_plane_note(struct aether_plane *plane,
		   const struct aether_header_seg *header);
void ae_plane_format(struct aether_plane *plane, const struct ae_birth *birth);
int ae_plane_check(const struct aether_header_seg *header, uint64_t size,
		   struct aether_geometry *geometry);

#endif
