/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a header that was refused: in which field it differs from
 * what a plane has, or this release knows, or its other fields demand.
 */
#include "posix.h"

#define ULL(number) ((unsigned long long)(number))

/* The layouts that are known, and their hashes: a format and its arguments. */
#define NAME(id, text, hash, tables, doc) " " text " %016llx"
#define KNOWN AETHER_LAYOUT_LIST(NAME)
#define HASH(id, text, hash, tables, doc) , ULL(hash)

/* One field of a header that contradicts the others. */
struct difference {
	const char *field;
	uint64_t is;
	uint64_t should;
};

/* The layout of that hash; the header was refused for something else. */
static uint32_t layout_of(const struct aether_header_seg *h)
{
	const struct aether_layout *l;
	uint32_t layout = 0;

	while ((l = aether_layout_get(layout)) && l->hash != h->layout_hash)
		layout++;
	return layout;
}

/* The first field that is not what the numbers before it demand. */
static struct difference find_difference(const struct aether_header_seg *h)
{
	struct aether_geometry g = { .strides = 0 };
	int err = aether_geometry_divide(layout_of(h), h->strides,
					 h->stride_size, h->participants,
					 h->segments, &g);
	const struct difference all[] = {
		{ "tag", h->tag, h->tag & AETHER_HANDLE_TAG_MASK },
		{ "segmentStrides", h->segment_strides, g.segment_strides },
		{ "participants", h->participants, g.participants },
		{ "planeSize", h->plane_size, g.plane_size },
		{ "places", h->places, g.places },
		{ "registers", h->registers, g.registers },
		{ "participantsOffset", h->participants_offset,
		  g.participants_offset },
		{ "mailboxesOffset", h->mailboxes_offset, g.mailboxes_offset },
		{ "registersOffset", h->registers_offset, g.registers_offset },
		{ "leasesOffset", h->leases_offset, g.leases_offset },
		{ "dataOffset", h->data_offset, g.data_offset },
	};

	if (err < 0)
		return (struct difference) { "strides, strideSize, "
					     "participants or segments",
					     h->strides, 0 };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].is != all[i].should)
			return all[i];
	return (struct difference) { "tag, flags or layoutName", h->flags, 0 };
}

static int refuse_corrupt(const char *name, const struct aether_header_seg *h,
			  struct aether_error *error)
{
	struct difference d = find_difference(h);

	if (!d.should)
		return aether_error_fill(
			error, AETHER_ECORRUPT, 0,
			"the header of plane '%s' cannot be: its %s (%u "
			"strides of %llu bytes, %u participants, %u segments, "
			"tag %u, flags %#x)",
			name, d.field, h->strides, ULL(h->stride_size),
			h->participants, h->segments, h->tag, h->flags);
	return aether_error_fill(error, AETHER_ECORRUPT, 0,
				 "the header of plane '%s' contradicts "
				 "itself: %s is %llu and should be %llu",
				 name, d.field, ULL(d.is), ULL(d.should));
}

int ae_posix_header_refuse(int code, const char *name,
			   const struct aether_header_seg *h,
			   const struct aether_geometry *g, uint64_t size,
			   struct aether_error *error)
{
	if (code == AETHER_EPLANE)
		return aether_error_fill(
			error, code, 0,
			"'%s' is not a plane: it begins otherwise (magic "
			"%016llx, a plane has %016llx)",
			name, ULL(h->magic), ULL(AETHER_MAGIC));
	if (code == AETHER_EFORMAT && h->endian != AETHER_ENDIAN)
		return aether_error_fill(error, code, 0,
					 "plane '%s' has another byte order "
					 "(%08x, this machine %08x)",
					 name, h->endian, AETHER_ENDIAN);
	if (code == AETHER_EFORMAT)
		return aether_error_fill(
			error, code, 0,
			"plane '%s' has format %u, this release "
			"reads %d",
			name, h->format, AETHER_FORMAT);
	if (code == AETHER_ELAYOUT)
		return aether_error_fill(
			error, code, 0,
			"plane '%s' has layout hash %016llx, "
			"which this release does not know (it knows" KNOWN ")",
			name, ULL(h->layout_hash) AETHER_LAYOUT_LIST(HASH));
	if (code == AETHER_ETRUNC)
		return aether_error_fill(
			error, code, 0,
			"plane '%s' should have %llu bytes, its "
			"file has %llu",
			name, ULL(ae_segment_control_size(g)), ULL(size));
	return refuse_corrupt(name, h, error);
}
