/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mapping a plane, and what the mapping is granted: huge pages, locking. The
 * base is aligned so that huge pages are possible. A mapping is not inherited
 * by fork() and not written into core dumps.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "life.h"
#include "bell.h"
#include "fault.h"
#include "line.h"
#include "watch.h"

/* Where objects are being put. */
struct space {
	unsigned char *base;
	void *mapping; /* with what aligning added */
	size_t mapped;
	uint64_t page;
	int how;      /* MAP_FIXED: over a reservation, of which the rest stays;
			 MAP_FIXED_NOREPLACE: where nothing is, gaps as well */
	uint64_t end; /* MAP_FIXED_NOREPLACE: up to there it is ours */
};

/* Address space for `size` bytes whose start is aligned to a huge page. */
static int reserve(struct space *s, size_t size)
{
	const size_t align = AETHER_HUGE_PAGE_SIZE;
	uintptr_t start;

	*s = (struct space) { .mapped = size + align,
			      .page = (uint64_t)sysconf(_SC_PAGESIZE),
			      .how = MAP_FIXED };
	s->mapping = mmap(NULL, s->mapped, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->mapping == MAP_FAILED)
		return errno;
	start = ((uintptr_t)s->mapping + align - 1) & ~(uintptr_t)(align - 1);
	s->base = (unsigned char *)start;
	return 0;
}

int ae_posix_protection(enum ae_posix_kind kind, uint32_t right, int observer)
{
	const int both = observer ? PROT_READ : PROT_READ | PROT_WRITE;

	if (kind == AE_POSIX_CONTROL)
		return both;
	if (kind == AE_POSIX_LEASES)
		return right < AETHER_RIGHT_ROUTE ? PROT_NONE : both;
	if (right < AETHER_RIGHT_READ)
		return PROT_NONE;
	return right < AETHER_RIGHT_WRITE ? PROT_READ : both;
}

static int put(struct space *s, uint64_t at, uint64_t size, int rights,
	       int flags, int fd)
{
	void *to = s->base + at;
	void *is = mmap(to, (size_t)size, rights, s->how | flags, fd, 0);

	if (is == MAP_FAILED)
		return errno;
	if (is != to) { /* Linux before 4.17 */
		munmap(is, (size_t)size);
		return EEXIST;
	}
	s->end = (at + size + s->page - 1) & ~(s->page - 1);
	return 0;
}

/* Nobody else's mapping shall come to lie in the plane. */
static int put_gap(struct space *s, uint64_t to)
{
	if (s->how == MAP_FIXED || s->end >= to)
		return 0;
	return put(s, s->end, to - s->end, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

/* Objects by their addresses: control, all leases, all data. */
static uint32_t in_order(const struct aether_geometry *g, uint32_t i)
{
	if (i <= g->segments)
		return i ? 2 * i - 1 : 0;
	return 2 * (i - g->segments);
}

static int put_all(struct space *s, struct ae_posix_plane *p,
		   const struct aether_geometry *g, const uint8_t *rights,
		   int observer)
{
	int os = 0;

	for (uint32_t i = 0; i < ae_posix_object_count(g) && !os; i++) {
		struct ae_posix_object o = ae_posix_object(g, &p->objects,
							   in_order(g, i));
		int may = ae_posix_protection(o.kind, rights[o.segment],
					      observer);

		if (may == PROT_NONE)
			continue;
		os = put_gap(s, o.at);
		if (!os)
			os = put(s, o.at, o.size, may, MAP_SHARED, *o.fd);
	}
	return os ? os : put_gap(s, p->size);
}

/* One object holds all of an undivided plane: its data are a part of it. */
static int restrict_data(unsigned char *base, const struct aether_geometry *g,
			 int how)
{
	return mprotect(base + g->data_offset,
			(size_t)(g->plane_size - g->data_offset), how) < 0
		       ? errno
		       : 0;
}

/*
 * Over a reservation the kernel splits what is there at each object, which
 * takes as long as half of the mapping. So it is given back, and each object
 * put where then nothing is; where another thread has come in between, it is
 * reserved anew, and kept.
 */
static int map_objects(struct space *s, struct ae_posix_plane *p,
		       const struct aether_geometry *g, const uint8_t *rights,
		       int observer)
{
	int os = reserve(s, p->size);

	if (os)
		return os;
	munmap(s->mapping, s->mapped);
	s->mapping = s->base;
	s->mapped = p->size;
	s->how = MAP_FIXED_NOREPLACE;
	os = put_all(s, p, g, rights, observer);
	if (!os)
		return 0;
	if (s->end)
		munmap(s->base, (size_t)s->end);
	if (os != EEXIST)
		return os;
	os = reserve(s, p->size);
	if (os)
		return os;
	os = put_all(s, p, g, rights, observer);
	if (os)
		munmap(s->mapping, s->mapped);
	return os;
}

static int map_memory(struct ae_posix_plane *p, const struct aether_geometry *g,
		      const uint8_t *rights, int observer, void **base)
{
	struct space s;
	int os = map_objects(&s, p, g, rights, observer);

	if (os)
		return os;
	p->mapping = s.mapping;
	p->mapped = s.mapped;
	*base = s.base;
	if (!g->segments && rights[0] < AETHER_RIGHT_WRITE)
		os = restrict_data(*base, g,
				   ae_posix_protection(AE_POSIX_DATA, rights[0],
						       observer));
	if (os) {
		munmap(p->mapping, p->mapped);
		return os;
	}
	madvise(*base, p->size, MADV_DONTFORK);
	madvise(*base, p->size, MADV_DONTDUMP);
	return 0;
}

static void bind(struct aether_plane *made, void *base,
		 const struct aether_geometry *geometry, const uint8_t *rights)
{
	struct ae_posix_plane *p = made->host;

	ae_plane_bind(made, base, geometry);
	for (uint32_t i = 0; i < ae_segment_count(geometry); i++)
		ae_segment_grant(made, i, rights[i]);
	ae_posix_fault_add(made);
	if (made->observer)
		return;
	p->watch = ae_posix_watch_make(made);
	p->trap = ae_posix_trap_make();
	p->bell = ae_posix_bell_make(made);
}

static int open_test(int control, uint32_t flags)
{
	return flags & AE_POSIX_ASK_BY_CONTROL
		       ? control
		       : ae_posix_reopen(control, O_RDONLY);
}

int ae_posix_map(const struct aether_plane_objects *objects,
		 const struct aether_geometry *geometry, const uint8_t *rights,
		 uint32_t flags, struct aether_error *error,
		 struct aether_plane **plane)
{
	struct aether_plane *made = calloc(1, sizeof(*made));
	struct ae_posix_plane *p = calloc(1, sizeof(*p));
	void *base;
	int os;

	if (!made || !p) {
		free(made);
		free(p);
		return aether_error_fill(error, AETHER_ENOMEM, 0,
					 "cannot attach to the plane");
	}
	made->host = p;
	made->observer = (flags & AETHER_ATTACH_OBSERVE) != 0;
	p->objects = *objects;
	p->size = (size_t)geometry->plane_size;
	os = map_memory(p, geometry, rights, made->observer, &base);
	p->test = os ? -1 : open_test(objects->control, flags);
	if (!os && p->test < 0 && ae_posix_code(errno) == AETHER_EFILES) {
		os = errno;
		munmap(p->mapping, p->mapped);
	}
	if (os) {
		free(made);
		free(p);
		return aether_error_fill(
			error, ae_posix_code(os), os,
			"cannot map %llu bytes of the plane",
			(unsigned long long)geometry->plane_size);
	}
	bind(made, base, geometry, rights);
	*plane = made;
	return 0;
}

/* Bytes of the mapping that lie in huge pages, as the kernel counts them. */
static uint64_t huge_bytes(const struct aether_plane *plane)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	uint64_t from = (uint64_t)(uintptr_t)plane->base;
	uint64_t kib = 0;
	int inside = 0;
	char line[256];

	if (!maps)
		return 0;
	while (fgets(line, sizeof(line), maps)) {
		unsigned long long start, end, n;

		if (sscanf(line, "%llx-%llx ", &start, &end) == 2)
			inside = start >= from &&
				 end <= from + plane->geometry.plane_size;
		else if (inside &&
			 sscanf(line, "ShmemPmdMapped: %llu", &n) == 1)
			kib += n;
	}
	fclose(maps);
	return kib * 1024;
}

/* Asks for one part of the mapping; returns the bytes that were locked. What is
 * not mapped, or for reading only, is not asked for its pages. */
static uint64_t grant(const struct aether_plane *plane, uint64_t from,
		      uint64_t to, uint32_t flags)
{
	void *start = plane->base + from;
	size_t size = (size_t)(to - from);

	if (flags & AETHER_FLAG_HUGE) {
		madvise(start, size, MADV_HUGEPAGE);
		madvise(start, size, MADV_POPULATE_WRITE);
	}
	return flags & AETHER_FLAG_LOCK && mlock(start, size) == 0 ? size : 0;
}

/* The tables and the data; the padding between them stays a hole. */
void ae_posix_grant(struct aether_plane *plane, uint32_t flags)
{
	const struct aether_geometry *g = &plane->geometry;
	struct ae_posix_plane *p = plane->host;

	if (!(flags & (AETHER_FLAG_HUGE | AETHER_FLAG_LOCK)))
		return;
	p->locked = grant(plane, 0,
			  g->segments ? g->leases_offset : g->tables_end,
			  flags);
	for (uint32_t i = 0; i < ae_segment_count(g); i++) {
		struct aether_segment_info is;

		aether_segment_look(plane, i, &is);
		if (g->segments && is.right >= AETHER_RIGHT_ROUTE)
			p->locked += grant(plane, is.leases_offset,
					   is.leases_offset + is.leases_size,
					   flags);
		if (is.right >= AETHER_RIGHT_READ)
			p->locked += grant(plane, is.data_offset,
					   is.data_offset + is.data_size,
					   flags);
	}
	if (flags & AETHER_FLAG_HUGE)
		p->huge = huge_bytes(plane);
}

int aether_plane_detach(struct aether_plane *plane)
{
	struct ae_posix_plane *p;

	if (!plane)
		return 0;
	p = plane->host;
	/* relaxed: nobody else uses the attachment any more. */
	if (ae_load32_relaxed(&p->joined))
		return AETHER_EBUSY;
	ae_posix_watch_free(plane);
	ae_posix_trap_free(p->trap);
	ae_posix_bell_free(plane);
	ae_posix_fault_drop(plane);
	munmap(p->mapping, p->mapped);
	if (p->test >= 0 && p->test != p->objects.control)
		close(p->test);
	ae_posix_objects_close(&p->objects);
	ae_line_close(p->line);
	free(p);
	free(plane);
	return 0;
}

int aether_plane_fd(const struct aether_plane *plane)
{
	const struct ae_posix_plane *p = plane->host;

	return p->objects.control;
}

int aether_plane_objects(const struct aether_plane *plane,
			 struct aether_plane_objects *objects)
{
	const struct ae_posix_plane *p = plane->host;

	*objects = p->objects;
	return 0;
}

void *aether_plane_base(const struct aether_plane *plane)
{
	return plane->base;
}

int aether_plane_look(const struct aether_plane *plane,
		      struct aether_plane_info *info)
{
	const struct ae_posix_plane *p = plane->host;
	/* relaxed: a counter. */
	uint64_t deaths = ae_load64_relaxed(&plane->header->deaths);

	*info = (struct aether_plane_info) { .geometry = plane->geometry,
					     .id = { plane->id[0],
						     plane->id[1] },
					     .created = plane->created,
					     .flags = plane->flags,
					     .tag = plane->tag,
					     .deaths = deaths,
					     .huge_bytes = p->huge,
					     .locked_bytes = p->locked };
	strncpy(info->layout, plane->layout->name, sizeof(info->layout) - 1);
	return 0;
}
