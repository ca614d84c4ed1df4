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
#include "line.h"
#include "posix.h"
#include "socket.h"

#define BLOCK 512 /* what stat counts in */
#define ULL(number) ((unsigned long long)(number))

/* What is being attached to. */
struct attaching {
	const char *name;
	const uint8_t *granted; /* by the server that sent the descriptors */
	struct aether_attach_options options;
	struct aether_plane_objects objects;
	struct stat control; /* as it was when its header was read */
	int seals;           /* and just before that */
	struct aether_header_seg header;
	struct aether_geometry geometry;
	uint8_t rights[AETHER_SEGMENTS_MAX];
};

/* A private copy: what was checked cannot change afterwards. */
static int read_header(struct attaching *a, struct aether_error *error)
{
	const char *name = a->name;
	struct stat *st = &a->control;
	uint64_t size;
	ssize_t n;
	int err;

	/* before the size, which is to be that of what is sealed */
	a->seals = fcntl(a->objects.control, F_GET_SEALS);
	if (fstat(a->objects.control, st) < 0 || !S_ISREG(st->st_mode))
		return aether_error_fill(
			error, AETHER_EPLANE, 0,
			"'%s' is not a plane: not a regular file", name);
	size = (uint64_t)st->st_size;
	n = pread(a->objects.control, &a->header, sizeof(a->header),
		  AETHER_OFFSET_PLANE_HEADER);
	if (n < 0)
		return aether_error_fill(error, AETHER_ESYS, errno,
					 "cannot read the header of '%s'",
					 name);
	if (n < (ssize_t)sizeof(a->header))
		return aether_error_fill(error, AETHER_ETRUNC, 0,
					 "'%s' is too short for a plane (%llu "
					 "bytes)",
					 name, ULL(size));
	err = ae_plane_check(&a->header, size, &a->geometry);
	return err < 0 ? ae_posix_header_refuse(err, name, &a->header,
						&a->geometry, size, error)
		       : 0;
}

static int refuse_object(const struct attaching *a,
			 const struct ae_posix_object *o, const struct stat *st,
			 struct aether_error *error)
{
	char text[40];

	ae_posix_object_text(o, text);
	if (!S_ISREG(st->st_mode))
		return aether_error_fill(error, AETHER_EPLANE, 0,
					 "the %s of plane '%s' is not a "
					 "regular file",
					 text, a->name);
	if ((uint64_t)st->st_size != o->size)
		return aether_error_fill(error, AETHER_ETRUNC, 0,
					 "the %s of plane '%s' should have "
					 "%llu bytes, the file has %llu",
					 text, a->name, ULL(o->size),
					 ULL(st->st_size));
	return aether_error_fill(error, AETHER_EPLANE, 0,
				 "the %s of plane '%s' is not sealed: "
				 "somebody could cut it off",
				 text, a->name);
}

/* A file of just that size; of an anonymous plane, one that stays so. Control
 * was asked about with its header. */
static int check_object(const struct attaching *a,
			const struct ae_posix_object *o,
			struct aether_error *error)
{
	const int sealed = F_SEAL_SHRINK | F_SEAL_GROW;
	struct stat st = a->control;
	int seals = a->seals;

	if (o->kind != AE_POSIX_CONTROL &&
	    a->header.flags & AETHER_FLAG_ANONYMOUS)
		seals = fcntl(*o->fd, F_GET_SEALS);
	if ((o->kind != AE_POSIX_CONTROL && fstat(*o->fd, &st) < 0) ||
	    !S_ISREG(st.st_mode) || (uint64_t)st.st_size != o->size)
		return refuse_object(a, o, &st, error);
	if (a->header.flags & AETHER_FLAG_ANONYMOUS &&
	    (seals < 0 || (seals & sealed) != sealed))
		return refuse_object(a, o, &st, error);
	return 0;
}

/* How it was opened; -1: it is not there. */
static int mode_of(int fd)
{
	int mode = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	return mode < 0 ? -1 : mode & O_ACCMODE;
}

static int allows(int mode, int write)
{
	return write ? mode == O_RDWR : mode == O_RDWR || mode == O_RDONLY;
}

/* Both are mapped for reading and writing, which fails where the descriptors
 * do not allow it: no other call need ask. */
static int is_asked_by_mapping(const struct attaching *a, uint32_t segment)
{
	const struct aether_attach_options *o = &a->options;
	uint64_t less = o->hidden | o->no_data | o->read_only;

	return a->granted && a->granted[segment] == AETHER_RIGHT_WRITE &&
	       !(o->flags & AETHER_ATTACH_OBSERVE) && !(less >> segment & 1);
}

/* What the descriptors allow and the options ask for. */
static uint32_t right_to(const struct attaching *a, uint32_t segment)
{
	const struct aether_attach_options *o = &a->options;
	uint64_t bit = UINT64_C(1) << segment;
	int leases = a->objects.leases[segment];
	int data = a->objects.data[segment];
	int observes = (o->flags & AETHER_ATTACH_OBSERVE) != 0;
	int mode;

	if (!a->geometry.segments)
		leases = data = a->objects.control;
	if (is_asked_by_mapping(a, segment))
		return AETHER_RIGHT_WRITE;
	if (o->hidden & bit || !allows(mode_of(leases), !observes))
		return AETHER_RIGHT_NONE;
	mode = o->no_data & bit ? -1 : mode_of(data);
	if (!allows(mode, 0))
		return AETHER_RIGHT_ROUTE;
	if (observes || o->read_only & bit || !allows(mode, 1))
		return AETHER_RIGHT_READ;
	return AETHER_RIGHT_WRITE;
}

static int check_objects(struct attaching *a, struct aether_error *error)
{
	int err = 0;

	if (!a->geometry.segments && a->options.hidden & 1)
		return aether_error_fill(error, AETHER_EINVAL, 0,
					 "plane '%s' is not divided, so its "
					 "segment 0 cannot be hidden",
					 a->name);
	if (!a->granted && !allows(mode_of(a->objects.control),
				   !(a->options.flags & AETHER_ATTACH_OBSERVE)))
		return aether_error_fill(error, AETHER_EACCES, 0,
					 "plane '%s' is opened for less than "
					 "is asked for",
					 a->name);
	for (uint32_t i = 0;
	     i < ae_posix_object_count(&a->geometry) && err == 0; i++) {
		struct ae_posix_object o = ae_posix_object(&a->geometry,
							   &a->objects, i);

		if (*o.fd >= 0)
			err = check_object(a, &o, error);
	}
	for (uint32_t i = 0; i < ae_segment_count(&a->geometry); i++)
		a->rights[i] = (uint8_t)right_to(a, i);
	return err;
}

/*
 * Did the creator reserve the memory that is attached to? Huge pages and locks
 * are asked for in its header; where its files are holes that would reserve it
 * now, by whoever attaches. The padding before the data is a hole always.
 */
static int is_reserved(const struct attaching *a)
{
	const struct aether_geometry *g = &a->geometry;
	struct aether_plane_objects objects = a->objects;
	uint64_t hole = g->segments ? 0 : g->data_offset - g->tables_end;
	struct stat st;

	if (!(a->header.flags & (AETHER_FLAG_HUGE | AETHER_FLAG_LOCK)))
		return 0; /* nor is it asked for */
	for (uint32_t i = 0; i < ae_posix_object_count(g); i++) {
		struct ae_posix_object o = ae_posix_object(g, &objects, i);

		if (*o.fd >= 0 &&
		    (fstat(*o.fd, &st) < 0 ||
		     (uint64_t)st.st_blocks * BLOCK < o.size - hole))
			return 0;
	}
	return 1;
}

/* Checks the objects, maps them, and takes them over if it succeeds. */
static int attach(struct attaching *a, struct aether_error *error,
		  struct aether_plane **plane)
{
	struct aether_plane *made;
	int err = check_objects(a, error);

	if (err == 0)
		err = ae_posix_map(&a->objects, &a->geometry, a->rights,
				   a->options.flags, error, &made);
	if (err < 0)
		return err;
	ae_plane_note(made, &a->header);
	if (!made->observer && is_reserved(a))
		ae_posix_grant(made, a->header.flags);
	*plane = made;
	return 0;
}

/* By name: control, then the files that belong to it. */
static int open_all(struct attaching *a, struct aether_error *error)
{
	int observes = (a->options.flags & AETHER_ATTACH_OBSERVE) != 0;
	char path[AE_POSIX_PATH];
	int err = ae_posix_path(a->name, path, error);

	if (err < 0)
		return err;
	a->objects.control = open(path, (observes ? O_RDONLY : O_RDWR) |
						O_CLOEXEC | O_NOFOLLOW |
						O_NONBLOCK);
	if (a->objects.control < 0 && errno == ENOENT)
		return aether_error_fill(error, AETHER_ENOENT, 0,
					 "there is no plane '%s' in %s",
					 a->name, ae_posix_directory());
	if (a->objects.control < 0)
		return aether_error_fill(error, ae_posix_code(errno), errno,
					 "cannot open plane '%s'", a->name);
	err = read_header(a, error);
	if (err < 0)
		return err;
	a->objects.segments = a->geometry.segments;
	return ae_posix_files_open(a->name, &a->geometry, &a->options,
				   &a->objects, error);
}

int aether_plane_attach_with(const char *name,
			     const struct aether_attach_options *options,
			     struct aether_error *error,
			     struct aether_plane **plane)
{
	struct attaching a = { .name = name };
	int err;

	if (ae_socket_is_path(name))
		return ae_line_attach(name, options, error, plane);
	if (options)
		a.options = *options;
	ae_posix_objects_none(&a.objects, 0);
	err = open_all(&a, error);
	if (err == 0)
		err = attach(&a, error, plane);
	if (err < 0)
		ae_posix_objects_close(&a.objects);
	return err;
}

int aether_plane_attach(const char *name, uint32_t flags,
			struct aether_error *error, struct aether_plane **plane)
{
	struct aether_attach_options options = { .flags = flags };

	return aether_plane_attach_with(name, &options, error, plane);
}

static int duplicate(int fd, int *own, struct aether_error *error)
{
	*own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (*own < 0)
		return aether_error_fill(error,
					 errno == EBADF ? AETHER_EINVAL
							: ae_posix_code(errno),
					 errno, "descriptor %d", fd);
	return 0;
}

/* Own copies of what was given; what was not is not there. */
static int duplicate_all(struct attaching *a,
			 const struct aether_plane_objects *given,
			 struct aether_error *error)
{
	struct aether_plane_objects from = *given;
	int err = 0;

	if (given->segments && given->segments != a->geometry.segments)
		return aether_error_fill(error, AETHER_EINVAL, 0,
					 "descriptors of %u segments, the "
					 "plane has %u",
					 given->segments, a->geometry.segments);
	a->objects.segments = a->geometry.segments;
	for (uint32_t i = 1;
	     given->segments && i < ae_posix_object_count(&a->geometry) &&
	     err == 0;
	     i++) {
		struct ae_posix_object own = ae_posix_object(&a->geometry,
							     &a->objects, i);
		struct ae_posix_object o = ae_posix_object(&a->geometry, &from,
							   i);

		if (*o.fd >= 0)
			err = duplicate(*o.fd, own.fd, error);
	}
	return err;
}

int aether_plane_attach_objects(const struct aether_plane_objects *objects,
				const struct aether_attach_options *options,
				struct aether_error *error,
				struct aether_plane **plane)
{
	struct attaching a = { .name = "(by descriptor)" };
	int err;

	if (options)
		a.options = *options;
	ae_posix_objects_none(&a.objects, 0);
	err = duplicate(objects->control, &a.objects.control, error);
	if (err == 0)
		err = read_header(&a, error);
	if (err == 0)
		err = duplicate_all(&a, objects, error);
	if (err == 0)
		err = attach(&a, error, plane);
	if (err < 0)
		ae_posix_objects_close(&a.objects);
	return err;
}

int ae_posix_attach_own(const char *name, struct ae_posix_came *came,
			const struct aether_attach_options *options,
			struct aether_error *error, struct aether_plane **plane)
{
	struct attaching a = { .name = name,
			       .granted = came->rights,
			       .options = *options,
			       .objects = came->objects };
	int err = read_header(&a, error);

	a.options.flags |= AE_POSIX_ASK_BY_CONTROL;
	came->device = a.control.st_dev;
	came->inode = a.control.st_ino;
	if (err == 0 && a.objects.segments != a.geometry.segments)
		err = aether_error_fill(error, AETHER_EPLANE, 0,
					"descriptors of %u segments came over "
					"'%s', the plane has %u",
					a.objects.segments, name,
					a.geometry.segments);
	return err < 0 ? err : attach(&a, error, plane);
}

int aether_plane_reattach(const struct aether_plane *other,
			  const struct aether_attach_options *options,
			  struct aether_error *error,
			  struct aether_plane **plane)
{
	struct aether_plane_objects objects;
	int err = ae_line_attach_again(other, options, error, plane);

	if (err <= 0)
		return err;
	aether_plane_objects(other, &objects);
	return aether_plane_attach_objects(&objects, options, error, plane);
}

int aether_plane_attach_fd(int fd, uint32_t flags, struct aether_error *error,
			   struct aether_plane **plane)
{
	struct aether_attach_options options = { .flags = flags };
	struct aether_plane_objects objects;

	ae_posix_objects_none(&objects, 0);
	objects.control = fd;
	return aether_plane_attach_objects(&objects, &options, error, plane);
}
