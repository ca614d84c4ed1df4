/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching to a plane that exists: by name or by descriptor. The header is
 * read into private memory and checked whole before a byte is mapped.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
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
	int err = aether_geometry_make(layout_of(h), h->strides, h->stride_size,
				       h->participants, &g);
	const struct difference all[] = {
		{ "tag", h->tag, h->tag & AETHER_HANDLE_TAG_MASK },
		{ "segments", h->segments, 1 },
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
		return (struct difference) { "strides, strideSize or "
					     "participants",
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
			"strides of %llu bytes, %u participants, tag %u, flags "
			"%#x)",
			name, d.field, h->strides, ULL(h->stride_size),
			h->participants, h->tag, h->flags);
	return aether_error_fill(error, AETHER_ECORRUPT, 0,
				 "the header of plane '%s' contradicts "
				 "itself: %s is %llu and should be %llu",
				 name, d.field, ULL(d.is), ULL(d.should));
}

/* Names what differs. */
static int refuse(int code, const char *name, const struct aether_header_seg *h,
		  uint64_t size, struct aether_error *error)
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
			name, ULL(h->plane_size), ULL(size));
	return refuse_corrupt(name, h, error);
}

/* A private copy: what was checked cannot change afterwards. */
static int read_header(int fd, const char *name,
		       struct aether_header_seg *header,
		       struct aether_geometry *geometry,
		       struct aether_error *error)
{
	uint64_t size;
	struct stat st;
	ssize_t n;
	int err;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return aether_error_fill(
			error, AETHER_EPLANE, 0,
			"'%s' is not a plane: not a regular file", name);
	size = (uint64_t)st.st_size;
	n = pread(fd, header, sizeof(*header), AETHER_OFFSET_PLANE_HEADER);
	if (n < 0)
		return aether_error_fill(error, AETHER_ESYS, errno,
					 "cannot read the header of '%s'",
					 name);
	if (n < (ssize_t)sizeof(*header))
		return aether_error_fill(error, AETHER_ETRUNC, 0,
					 "'%s' is too short for a plane (%llu "
					 "bytes)",
					 name, ULL(size));
	err = ae_plane_check(header, size, geometry);
	return err < 0 ? refuse(err, name, header, size, error) : 0;
}

/* Takes the descriptor over if it succeeds. */
static int attach(int fd, const char *name, uint32_t flags,
		  struct aether_error *error, struct aether_plane **plane)
{
	struct aether_header_seg header = { .magic = 0 };
	struct aether_geometry geometry;
	struct aether_plane *made;
	int err = read_header(fd, name, &header, &geometry, error);

	if (err < 0)
		return err;
	err = ae_posix_map(fd, &geometry, flags, error, &made);
	if (err < 0)
		return err;
	made->tag = header.tag;
	made->flags = header.flags;
	if (!made->observer)
		ae_posix_grant(made, header.flags);
	*plane = made;
	return 0;
}

int aether_plane_attach(const char *name, uint32_t flags,
			struct aether_error *error, struct aether_plane **plane)
{
	int mode = flags & AETHER_ATTACH_OBSERVE ? O_RDONLY : O_RDWR;
	char path[AE_POSIX_PATH];
	int err = ae_posix_path(name, path, error);
	int fd;

	if (err < 0)
		return err;
	fd = open(path, mode | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return aether_error_fill(error, AETHER_ENOENT, 0,
					 "there is no plane '%s' in %s", name,
					 ae_posix_directory());
	if (fd < 0)
		return aether_error_fill(error, ae_posix_code(errno), errno,
					 "cannot open plane '%s'", name);
	err = attach(fd, name, flags, error, plane);
	if (err < 0)
		close(fd);
	return err;
}

int aether_plane_attach_fd(int fd, uint32_t flags, struct aether_error *error,
			   struct aether_plane **plane)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int err;

	if (own < 0)
		return aether_error_fill(error,
					 errno == EBADF ? AETHER_EINVAL
							: ae_posix_code(errno),
					 errno, "descriptor %d", fd);
	err = attach(own, "(by descriptor)", flags, error, plane);
	if (err < 0)
		close(own);
	return err;
}
