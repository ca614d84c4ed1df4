/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creating a plane: in files without names (or under temporary ones where there
 * are no such files), their memory reserved first, the header written last,
 * then named in one step that fails if the name exists. The files of a divided
 * plane's segments have their names before that, and locks that say that their
 * creator is at work (files.c). Whatever goes wrong, nothing is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "posix.h"

/* What is being made. */
struct making {
	const char *name; /* NULL: anonymous */
	struct aether_plane_options options;
	struct aether_geometry geometry;
	struct aether_plane_objects objects;
	struct ae_birth birth;
	uint64_t id; /* of control's file, in the names of the others */
	char path[AE_POSIX_PATH];
	uint32_t salt;  /* of temporary names; 0: the files have none */
	uint32_t named; /* so many have their own name: the last ones */
};

static int refuse_geometry(const struct making *m, struct aether_error *error)
{
	const struct aether_geometry *g = &m->geometry;

	if (!g->strides)
		return aether_error_fill(error, AETHER_EGEOMETRY, 0,
					 "a plane needs at least one stride");
	if (g->segments && (g->segments - 1) * g->segment_strides >= g->strides)
		return aether_error_fill(
			error, AETHER_EGEOMETRY, 0,
			"%u strides in segments of a multiple of %d are "
			"%u segments of %u, and not %u; ask for fewer segments "
			"or more strides.",
			g->strides, AETHER_REGISTER_BITS,
			(g->strides + g->segment_strides - 1) /
				g->segment_strides,
			g->segment_strides, g->segments);
	return aether_error_fill(
		error, AETHER_EGEOMETRY, 0,
		"%u strides of %llu bytes for %u participants need %llu bytes "
		"of tables, %.1f %% of the plane's %llu; at most %d %% are "
		"allowed",
		g->strides, (unsigned long long)g->stride_size, g->participants,
		(unsigned long long)g->tables_end,
		100.0 * (double)g->tables_end / (double)g->plane_size,
		(unsigned long long)g->plane_size, AETHER_TABLES_PERCENT_MAX);
}

#define NAME(id, text, hash, tables, doc) " " text
#define NAMES AETHER_LAYOUT_LIST(NAME)

static int plan(struct making *m, struct aether_error *error)
{
	struct aether_plane_options *o = &m->options;
	const char *name = o->layout ? o->layout : "lean";
	uint32_t layout, strides;
	int err = aether_geometry_layout(name, &layout);

	if (err < 0)
		return aether_error_fill(error, err, 0,
					 "there is no layout '%s'; layouts "
					 "are:" NAMES,
					 name);
	if (o->flags &
	    ~(uint32_t)(AETHER_FLAG_HUGE | AETHER_FLAG_LOCK | AETHER_FLAG_ZERO))
		return aether_error_fill(error, AETHER_EINVAL, 0,
					 "there are no flags %#x", o->flags);
	if (!o->stride_size)
		o->stride_size = AETHER_STRIDE_SIZE_DEFAULT;
	err = ae_geometry_tier(layout, o->tier, o->stride_size, o->participants,
			       o->segments, &strides);
	if (err < 0)
		return aether_error_fill(error, AETHER_EINVAL, 0,
					 "there is no tier %u", o->tier);
	if (!o->strides)
		o->strides = strides;
	err = aether_geometry_divide(layout, o->strides, o->stride_size,
				     o->participants, o->segments,
				     &m->geometry);
	if (err == AETHER_EGEOMETRY)
		return refuse_geometry(m, error);
	if (err < 0)
		return aether_error_fill(
			error, err, 0,
			"%u strides of %llu bytes, %u participants, %u "
			"segments; give at most %d strides of a power of two "
			"from %d to %d bytes, at most %d participants and at "
			"most %d segments.",
			o->strides, (unsigned long long)o->stride_size,
			o->participants, o->segments, AETHER_STRIDES_MAX,
			AETHER_STRIDE_SIZE_MIN, AETHER_STRIDE_SIZE_MAX,
			AETHER_PARTICIPANTS_MAX, AETHER_SEGMENTS_MAX);
	return 0;
}

static int refuse_named(const struct making *m, int os,
			struct aether_error *error)
{
	if (os == EEXIST)
		return aether_error_fill(error, AETHER_EEXIST, 0,
					 "plane '%s' exists", m->name);
	if (os == ENOENT || os == ENOTDIR)
		return aether_error_fill(error, AETHER_ENOENT, 0,
					 "there is no directory %s for plane "
					 "'%s'; see AETHER_DIR.",
					 ae_posix_directory(), m->name);
	return aether_error_fill(error, ae_posix_code(os), os,
				 "cannot create plane '%s' in %s", m->name,
				 ae_posix_directory());
}

/* For file systems that have no files without a name. No plane's name begins
 * with a dot, so no list shows it. */
static void temporary(const struct making *m, uint32_t number,
		      char path[AE_POSIX_FILE])
{
	snprintf(path, AE_POSIX_FILE, "%s/" AE_POSIX_PREFIX ".%08x.%d.%u",
		 ae_posix_directory(), m->salt, (int)getpid(), number);
}

static int open_temporary(struct making *m, uint32_t number)
{
	char path[AE_POSIX_FILE];

	if (!m->salt &&
	    getrandom(&m->salt, sizeof(m->salt), 0) != sizeof(m->salt))
		return -1;
	m->salt += !m->salt;
	temporary(m, number, path);
	return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

/* A file without a name, if possible: killed before it has one, it is gone. */
static int open_file(struct making *m, uint32_t number)
{
	int fd = -1;

	if (!m->salt)
		fd = open(ae_posix_directory(), O_TMPFILE | O_RDWR | O_CLOEXEC,
			  0600);
	if (m->salt || (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)))
		fd = open_temporary(m, number);
	return fd;
}

static int open_anonymous(void)
{
	int fd = memfd_create("aether", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && fchmod(fd, 0600) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int prepare_name(struct making *m, struct aether_error *error)
{
	int err = ae_posix_path(m->name, m->path, error);

	if (err < 0)
		return err;
	if (access(m->path, F_OK) == 0)
		return refuse_named(m, EEXIST, error);
	ae_posix_files_sweep(m->name, 0);
	return 0;
}

static int open_memory(struct making *m, struct aether_error *error)
{
	int err = m->name ? prepare_name(m, error) : 0;
	struct stat st;

	if (err < 0)
		return err;
	m->objects.segments = m->geometry.segments;
	for (uint32_t i = 0; i < ae_posix_object_count(&m->geometry); i++) {
		struct ae_posix_object o = ae_posix_object(&m->geometry,
							   &m->objects, i);

		*o.fd = m->name ? open_file(m, i) : open_anonymous();
		if (*o.fd < 0 && m->name)
			return refuse_named(m, errno, error);
		if (*o.fd < 0)
			return aether_error_fill(
				error, ae_posix_code(errno), errno,
				"cannot create an anonymous plane");
	}
	if (fstat(m->objects.control, &st) < 0)
		return aether_error_fill(error, AETHER_ESYS, errno,
					 "cannot look at the plane's file");
	m->id = st.st_ino;
	return 0;
}

static int reserve_part(int fd, uint64_t from, uint64_t to)
{
	int os = 0;

	while (!os && fallocate(fd, 0, (off_t)from, (off_t)(to - from)) < 0)
		os = errno == EINTR ? 0 : errno;
	return os;
}

/* All memory now: want of it is an error here and no signal later. The
 * padding before the data stays a hole. */
static int reserve_memory(struct making *m, struct aether_error *error)
{
	const struct aether_geometry *g = &m->geometry;
	int os = 0;

	for (uint32_t i = 0; i < ae_posix_object_count(g) && !os; i++) {
		struct ae_posix_object o = ae_posix_object(g, &m->objects, i);

		if (ftruncate(*o.fd, (off_t)o.size) < 0)
			os = errno;
		else if (g->segments)
			os = reserve_part(*o.fd, 0, o.size);
		else
			os = reserve_part(*o.fd, 0, g->tables_end);
		if (!os && !g->segments)
			os = reserve_part(*o.fd, g->data_offset, o.size);
	}
	if (os)
		return aether_error_fill(
			error, ae_posix_code(os), os,
			"cannot reserve %llu bytes for the plane",
			(unsigned long long)g->plane_size);
	return 0;
}

/* Tags differ between planes made one after the other, by one process or by
 * several, so that a foreign handle is told. */
static uint32_t next_tag(void)
{
	static struct aether_word32 made;
	/* relaxed: only its number matters. */
	uint32_t count = ae_add32_relaxed(&made, 1);

	return ((uint32_t)getpid() * 7 + count) % AETHER_HANDLE_TAG_MASK + 1;
}

static int prepare_birth(struct making *m, struct aether_error *error)
{
	struct timespec now;

	m->birth = (struct ae_birth) { .flags = m->options.flags,
				       .pid = (uint32_t)getpid(),
				       .tag = next_tag() };
	if (getrandom(m->birth.id, sizeof(m->birth.id), 0) !=
	    sizeof(m->birth.id))
		return aether_error_fill(error, AETHER_ESYS, errno,
					 "getrandom");
	clock_gettime(CLOCK_REALTIME, &now);
	m->birth.created = (uint64_t)now.tv_sec * UINT64_C(1000000000) +
			   (uint64_t)now.tv_nsec;
	if (!m->name)
		m->birth.flags |= AETHER_FLAG_ANONYMOUS;
	return 0;
}

/* The name that the object is to have. */
static void final(const struct making *m, const struct ae_posix_object *o,
		  char path[AE_POSIX_FILE])
{
	if (o->kind == AE_POSIX_CONTROL)
		strcpy(path, m->path);
	else
		ae_posix_segment_path(m->name, m->id, o, path);
}

/* One step, which fails if the name exists. */
static int give_name(const struct making *m, uint32_t number,
		     const struct ae_posix_object *o)
{
	char from[AE_POSIX_FILE], path[AE_POSIX_FILE];

	final(m, o, path);
	if (m->salt) {
		temporary(m, number, from);
		return renameat2(AT_FDCWD, from, AT_FDCWD, path,
				 RENAME_NOREPLACE);
	}
	snprintf(from, sizeof(from), "/proc/self/fd/%d", *o->fd);
	return linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

static int set_rights(const struct making *m, int fd,
		      struct aether_error *error)
{
	uint32_t mode = m->options.mode ? m->options.mode : 0600;

	if (m->options.group &&
	    fchown(fd, (uid_t)-1, (gid_t)m->options.group) < 0)
		return aether_error_fill(error, ae_posix_code(errno), errno,
					 "cannot give plane '%s' to group %u",
					 m->name, m->options.group);
	if (fchmod(fd, mode & 0777) < 0)
		return aether_error_fill(error, ae_posix_code(errno), errno,
					 "cannot set mode %o of plane '%s'",
					 mode, m->name);
	return 0;
}

static int seal(int fd, struct aether_error *error)
{
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) <
	    0)
		return aether_error_fill(error, AETHER_ESYS, errno,
					 "cannot seal the plane");
	return 0;
}

/* Somebody put a file where one of a segment belongs. */
static int refuse_taken(const struct making *m, const struct ae_posix_object *o,
			struct aether_error *error)
{
	char path[AE_POSIX_FILE];

	final(m, o, path);
	return aether_error_fill(error, AETHER_EEXIST, 0,
				 "there is a file %s, which plane '%s' would "
				 "have",
				 path, m->name);
}

/* From its name on others can see it; control, which has the plane's, comes
 * last. */
static int publish_one(struct making *m, uint32_t number,
		       struct aether_error *error)
{
	struct ae_posix_object o = ae_posix_object(&m->geometry, &m->objects,
						   number);
	int err;

	if (!m->name)
		return seal(*o.fd, error);
	/* before others may open it, who could lock it first */
	if (number && flock(*o.fd, LOCK_EX) < 0)
		return refuse_named(m, errno, error);
	err = set_rights(m, *o.fd, error);
	if (err < 0)
		return err;
	if (give_name(m, number, &o) < 0)
		return number && errno == EEXIST
			       ? refuse_taken(m, &o, error)
			       : refuse_named(m, errno, error);
	m->named++;
	return 0;
}

static int publish(struct making *m, struct aether_error *error)
{
	uint32_t count = ae_posix_object_count(&m->geometry);
	int err = 0;

	for (uint32_t i = count; i > 0 && err == 0; i--)
		err = publish_one(m, i - 1, error);
	for (uint32_t i = 1; i < count && err == 0; i++) {
		struct ae_posix_object o = ae_posix_object(&m->geometry,
							   &m->objects, i);

		flock(*o.fd, LOCK_UN);
	}
	return err;
}

/* What was not made whole: names of segments' files, and temporary ones. */
static void remove_names(struct making *m)
{
	uint32_t count = ae_posix_object_count(&m->geometry);
	char path[AE_POSIX_FILE];

	for (uint32_t i = 0; m->name && i < count; i++) {
		struct ae_posix_object o = ae_posix_object(&m->geometry,
							   &m->objects, i);

		if (i >= count - m->named)
			final(m, &o, path);
		else if (m->salt)
			temporary(m, i, path);
		else
			continue;
		unlink(path);
	}
}

/* Memory for all of it, mapped, with a header. */
static int make(struct making *m, struct aether_error *error,
		struct aether_plane **made)
{
	uint8_t rights[AETHER_SEGMENTS_MAX];
	int err = prepare_birth(m, error);

	memset(rights, AETHER_RIGHT_WRITE, sizeof(rights));
	if (err == 0)
		err = open_memory(m, error);
	if (err == 0)
		err = ae_posix_space(m->geometry.plane_size,
				     m->name ? m->objects.control : -1, error);
	if (err == 0)
		err = reserve_memory(m, error);
	if (err == 0)
		err = ae_posix_map(&m->objects, &m->geometry, rights, 0, error,
				   made);
	if (err == 0)
		ae_plane_format(*made, &m->birth);
	return err;
}

int aether_plane_create(const char *name,
			const struct aether_plane_options *options,
			struct aether_error *error, struct aether_plane **plane)
{
	struct making m = { .name = name };
	struct aether_plane *made = NULL;
	int err;

	if (options)
		m.options = *options;
	ae_posix_objects_none(&m.objects, 0);
	err = plan(&m, error);
	if (err == 0)
		err = make(&m, error, &made);
	if (err == 0)
		err = publish(&m, error);
	if (err < 0)
		goto done;
	ae_posix_grant(made, m.options.flags);
	*plane = made;
	return 0;
done:
	remove_names(&m);
	if (made)
		aether_plane_detach(made); /* the descriptors are its own */
	else
		ae_posix_objects_close(&m.objects);
	return err;
}
