/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a plane: written once before anybody can see the plane,
 * checked at each attach before anything else is believed. The check computes
 * the geometry anew from the few numbers that define it and demands that every
 * offset is the same, so no offset of a header is ever trusted.
 */
#include "ae_plane.h"

#define FLAG(id, number, name, doc) | AETHER_FLAG_##id
#define FLAGS ((uint32_t)(0 AETHER_FLAG_LIST(FLAG)))

void ae_plane_bind(struct aether_plane *plane, unsigned char *base,
		   const struct aether_geometry *geometry)
{
	const struct aether_geometry *g = geometry;

	plane->base = base;
	plane->geometry = *g;
	plane->header = (void *)(base + AETHER_OFFSET_PLANE_HEADER);
	plane->seats = (void *)(base + g->participants_offset);
	plane->places = (void *)(base + g->mailboxes_offset);
	plane->registers = (void *)(base + g->registers_offset);
	plane->leases = (void *)(base + g->leases_offset);
	plane->layout = aether_layout_get(g->layout);
	plane->epochs = (void *)(base + plane->layout->epoch_records.offset);
	ae_segment_init(plane);
	ae_epoch_kinds(plane);
	plane->lap_shift = 0;
	while (1u << plane->lap_shift < g->places)
		plane->lap_shift++;
}

static void copy_name(uint8_t *to, size_t size, const char *from)
{
	size_t i = 0;

	for (; i + 1 < size && from[i]; i++)
		to[i] = (uint8_t)from[i];
	for (; i < size; i++)
		to[i] = 0;
}

/* Bits of the last register that stand for no stride: occupied for ever. */
static void close_registers(struct aether_plane *plane)
{
	uint32_t strides = plane->geometry.strides;

	if (strides % AETHER_REGISTER_BITS == 0)
		return;
	/* relaxed: nobody else sees the plane yet. */
	ae_store32_relaxed(ae_register(plane, strides), ~(ae_bit(strides) - 1));
}

/* What a header that was checked says, once and for all. */
void ae_plane_note(struct aether_plane *plane,
		   const struct aether_header_seg *header)
{
	plane->tag = header->tag;
	plane->flags = header->flags;
	plane->id[0] = header->id[0];
	plane->id[1] = header->id[1];
	plane->created = header->created;
}

void ae_plane_format(struct aether_plane *plane, const struct ae_birth *birth)
{
	const struct aether_geometry *g = &plane->geometry;
	struct aether_header_seg *h = plane->header;

	h->magic = AETHER_MAGIC;
	h->format = AETHER_FORMAT;
	h->endian = AETHER_ENDIAN;
	h->layout_hash = plane->layout->hash;
	h->plane_size = g->plane_size;
	h->stride_size = g->stride_size;
	h->strides = g->strides;
	h->participants = g->participants;
	h->places = g->places;
	h->registers = g->registers;
	h->tile = AETHER_TILE;
	h->participants_offset = g->participants_offset;
	h->mailboxes_offset = g->mailboxes_offset;
	h->registers_offset = g->registers_offset;
	h->leases_offset = g->leases_offset;
	h->data_offset = g->data_offset;
	h->created = birth->created;
	h->id[0] = birth->id[0];
	h->id[1] = birth->id[1];
	h->flags = birth->flags;
	h->creator_pid = birth->pid;
	h->segments = g->segments;
	h->segment_strides = g->segment_strides;
	h->tag = birth->tag;
	ae_plane_note(plane, h);
	copy_name(h->layout_name, sizeof(h->layout_name), plane->layout->name);
	close_registers(plane);
}

static int same_name(const uint8_t *a, size_t size, const char *name)
{
	size_t i = 0;

	while (i + 1 < size && name[i] && a[i] == (uint8_t)name[i])
		i++;
	return a[i] == (uint8_t)name[i];
}

static int same_geometry(const struct aether_header_seg *h,
			 const struct aether_geometry *g)
{
	return h->plane_size == g->plane_size && h->places == g->places &&
	       h->registers == g->registers &&
	       h->segment_strides == g->segment_strides &&
	       h->participants == g->participants &&
	       h->participants_offset == g->participants_offset &&
	       h->mailboxes_offset == g->mailboxes_offset &&
	       h->registers_offset == g->registers_offset &&
	       h->leases_offset == g->leases_offset &&
	       h->data_offset == g->data_offset;
}

/* `header` is a private copy: what was checked cannot change afterwards.
 * AETHER_ETRUNC fills `*geometry`, which says what size it should be. */
int ae_plane_check(const struct aether_header_seg *header, uint64_t size,
		   struct aether_geometry *geometry)
{
	const struct aether_header_seg *h = header;
	const struct aether_layout *l;
	uint32_t layout = 0;
	struct aether_geometry g;

	if (h->magic != AETHER_MAGIC)
		return AETHER_EPLANE;
	if (h->format != AETHER_FORMAT || h->endian != AETHER_ENDIAN)
		return AETHER_EFORMAT;
	while ((l = aether_layout_get(layout)) && l->hash != h->layout_hash)
		layout++;
	if (!l)
		return AETHER_ELAYOUT;
	if (!h->participants ||
	    aether_geometry_divide(layout, h->strides, h->stride_size,
				   h->participants, h->segments, &g) < 0)
		return AETHER_ECORRUPT;
	if (h->tag == 0 || h->tag > AETHER_HANDLE_TAG_MASK ||
	    h->flags & ~FLAGS || !same_geometry(h, &g) ||
	    !same_name(h->layout_name, sizeof(h->layout_name), l->name))
		return AETHER_ECORRUPT;
	*geometry = g;
	return size == ae_segment_control_size(&g) ? 0 : AETHER_ETRUNC;
}
