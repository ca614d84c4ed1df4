/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creating a plane: in a file without a name (or under a temporary one where
 * there are no such files), its memory reserved first, the header written last,
 * then named in one step that fails if the name exists. Whatever goes wrong,
 * nothing is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	char path[AE_POSIX_PATH];
	char temporary[AE_POSIX_PATH + 16];
	int fd;
};

static int refuse_geometry(const struct making *m, struct aether_error *error)
{
	const struct aether_geometry *g = &m->geometry;

	if (!g->strides)
		return aether_error_fill(error, AETHER_EGEOMETRY, 0,
					 "a plane needs at least one stride");
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
	err = aether_geometry_tier(layout, o->tier, o->stride_size,
				   o->participants, &strides);
	if (err < 0)
		return aether_error_fill(error, AETHER_EINVAL, 0,
					 "there is no tier %u", o->tier);
	if (!o->strides)
		o->strides = strides;
	err = aether_geometry_make(layout, o->strides, o->stride_size,
				   o->participants, &m->geometry);
	if (err == AETHER_EGEOMETRY)
		return refuse_geometry(m, error);
	if (err < 0)
		return aether_error_fill(
			error, err, 0,
			"%u strides of %llu bytes, %u participants; give at "
			"most %d strides of a power of two from %d to %d bytes "
			"and at most %d participants.",
			o->strides, (unsigned long long)o->stride_size,
			o->participants, AETHER_STRIDES_MAX,
			AETHER_STRIDE_SIZE_MIN, AETHER_STRIDE_SIZE_MAX,
			AETHER_PARTICIPANTS_MAX);
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

/* For file systems that have no files without a name. */
static int open_temporary(struct making *m, struct aether_error *error)
{
	uint32_t salt;

	if (getrandom(&salt, sizeof(salt), 0) != sizeof(salt))
		return aether_error_fill(error, AETHER_ESYS, errno,
					 "getrandom");
	/* no plane's name begins with a dot, so no list shows it */
	snprintf(m->temporary, sizeof(m->temporary),
		 "%s/" AE_POSIX_PREFIX ".%08x.%d", ae_posix_directory(), salt,
		 (int)getpid());
	m->fd = open(m->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (m->fd < 0) {
		m->temporary[0] = 0;
		return refuse_named(m, errno, error);
	}
	return 0;
}

/* A file without a name, if possible: killed before it has one, it is gone. */
static int open_named(struct making *m, struct aether_error *error)
{
	int err = ae_posix_path(m->name, m->path, error);

	if (err < 0)
		return err;
	if (access(m->path, F_OK) == 0)
		return refuse_named(m, EEXIST, error);
	m->fd = open(ae_posix_directory(), O_TMPFILE | O_RDWR | O_CLOEXEC,
		     0600);
	if (m->fd >= 0)
		return 0;
	if (errno == EOPNOTSUPP || errno == EISDIR)
		return open_temporary(m, error);
	return refuse_named(m, errno, error);
}

static int open_memory(struct making *m, struct aether_error *error)
{
	if (m->name)
		return open_named(m, error);
	m->fd = memfd_create("aether", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (m->fd < 0 || fchmod(m->fd, 0600) < 0)
		return aether_error_fill(error, ae_posix_code(errno), errno,
					 "cannot create an anonymous plane");
	return 0;
}

/* All memory now: want of it is an error here and no signal later. The
 * padding before the data stays a hole. */
static int reserve_memory(const struct making *m, struct aether_error *error)
{
	const struct aether_geometry *g = &m->geometry;
	uint64_t data = g->plane_size - g->data_offset;
	int os = 0;

	if (ftruncate(m->fd, (off_t)g->plane_size) < 0)
		os = errno;
	while (!os && fallocate(m->fd, 0, 0, (off_t)g->tables_end) < 0)
		os = errno == EINTR ? 0 : errno;
	while (!os &&
	       fallocate(m->fd, 0, (off_t)g->data_offset, (off_t)data) < 0)
		os = errno == EINTR ? 0 : errno;
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

static int write_header(struct making *m, struct aether_plane *plane,
			struct aether_error *error)
{
	struct ae_birth birth = { .flags = m->options.flags,
				  .pid = (uint32_t)getpid(),
				  .tag = next_tag() };
	struct timespec now;

	if (getrandom(birth.id, sizeof(birth.id), 0) != sizeof(birth.id))
		return aether_error_fill(error, AETHER_ESYS, errno,
					 "getrandom");
	clock_gettime(CLOCK_REALTIME, &now);
	birth.created = (uint64_t)now.tv_sec * UINT64_C(1000000000) +
			(uint64_t)now.tv_nsec;
	if (!m->name)
		birth.flags |= AETHER_FLAG_ANONYMOUS;
	ae_plane_format(plane, &birth);
	return 0;
}

/* One step, which fails if the name exists. */
static int give_name(const struct making *m)
{
	char self[64];

	if (m->temporary[0])
		return renameat2(AT_FDCWD, m->temporary, AT_FDCWD, m->path,
				 RENAME_NOREPLACE);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", m->fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, m->path, AT_SYMLINK_FOLLOW);
}

/* From here on others can see it. */
static int publish(struct making *m, struct aether_error *error)
{
	uint32_t mode = m->options.mode ? m->options.mode : 0600;

	if (!m->name) {
		if (fcntl(m->fd, F_ADD_SEALS,
			  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
			return aether_error_fill(error, AETHER_ESYS, errno,
						 "cannot seal the plane");
		return 0;
	}
	if (m->options.group &&
	    fchown(m->fd, (uid_t)-1, (gid_t)m->options.group) < 0)
		return aether_error_fill(error, ae_posix_code(errno), errno,
					 "cannot give plane '%s' to group %u",
					 m->name, m->options.group);
	if (fchmod(m->fd, mode & 0777) < 0)
		return aether_error_fill(error, ae_posix_code(errno), errno,
					 "cannot set mode %o of plane '%s'",
					 mode, m->name);
	if (give_name(m) < 0)
		return refuse_named(m, errno, error);
	m->temporary[0] = 0;
	return 0;
}

int aether_plane_create(const char *name,
			const struct aether_plane_options *options,
			struct aether_error *error, struct aether_plane **plane)
{
	struct making m = { .name = name, .fd = -1 };
	struct aether_plane *made = NULL;
	int err;

	if (options)
		m.options = *options;
	err = plan(&m, error);
	if (err == 0)
		err = open_memory(&m, error);
	if (err == 0)
		err = ae_posix_space(m.geometry.plane_size, m.name ? m.fd : -1,
				     error);
	if (err == 0)
		err = reserve_memory(&m, error);
	if (err == 0)
		err = ae_posix_map(m.fd, &m.geometry, 0, error, &made);
	if (err == 0) {
		m.fd = -1; /* the plane's now */
		err = write_header(&m, made, error);
	}
	if (err == 0) {
		m.fd = aether_plane_fd(made);
		err = publish(&m, error);
		m.fd = -1;
	}
	if (err < 0)
		goto done;
	ae_posix_grant(made, m.options.flags);
	*plane = made;
	made = NULL;
done:
	aether_plane_detach(made);
	if (m.temporary[0])
		unlink(m.temporary);
	if (m.fd >= 0)
		close(m.fd);
	return err;
}
