/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a plane is mapped while other threads map as well: one that comes to
 * lie in the space that was found keeps what it has, and the plane is whole.
 * The call that maps is replaced by one that lets somebody come in between.
 */
#include <stdint.h>
#include <sys/syscall.h>
#include "segments.h"

static struct {
	int puts;    /* objects and gaps that were to be put so far */
	int intrude; /* before this one; 0: never */
	int old;     /* as Linux before 4.17, which knows no such flag */
	char *found; /* what the intruder has */
	size_t size;
} between;

static void *call(void *at, size_t size, int rights, int flags, int fd,
		  off_t offset)
{
	return (void *)syscall(SYS_mmap, at, size, rights, flags, fd, offset);
}

static void intrude(void *at, size_t size)
{
	between.size = size;
	between.found = call(at, size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				     MAP_FIXED_NOREPLACE,
			     -1, 0);
	need(between.found == at);
	between.found[0] = 42;
}

void *mmap(void *at, size_t size, int rights, int flags, int fd, off_t offset)
{
	if (flags & MAP_FIXED_NOREPLACE) {
		if (++between.puts == between.intrude)
			intrude(at, size);
		if (between.old) {
			flags &= ~MAP_FIXED_NOREPLACE;
			at = between.puts > between.old ? NULL : at;
		}
	}
	return call(at, size, rights, flags, fd, offset);
}

/* Is something mapped on each page of it? Else another mapping could come to
 * lie there. */
static int is_whole(const struct aether_plane *plane)
{
	static unsigned char pages[1 << 16];
	size_t size = (size_t)plane->geometry.plane_size;

	need(size / 4096 < sizeof(pages));
	return mincore(plane->base, size, pages) == 0;
}

/* Each segment's memory is the plane's, as far as it was granted. */
static int works(struct aether_plane *plane, const struct aether_plane *first)
{
	struct aether_participant *me = rig_join(plane);
	uint64_t handle;
	void *bytes;
	int n = 0;

	for (uint32_t i = 0; i < SEGMENTS; i++) {
		if (aether_stride_reserve_in(me, i, &handle) < 0)
			continue;
		need(aether_stride_bytes(me, handle, NULL, &bytes) == 0);
		*(char *)bytes = (char)(7 + i);
		n += first->base[(unsigned char *)bytes - plane->base] == 7 + i;
		need(aether_stride_release(me, handle) == 0);
	}
	aether_participant_leave(me);
	return n;
}

/* 1: it was attached, and all is as it should be. */
static int attach_between(const struct aether_plane *first,
			  const struct aether_attach_options *o, int segments)
{
	uint64_t align = AETHER_HUGE_PAGE_SIZE;
	struct aether_plane *plane = NULL;
	int good;

	between.puts = 0;
	between.found = NULL;
	need(aether_plane_reattach(first, o, NULL, &plane) == 0);
	good = is_whole(plane) && works(plane, first) == segments &&
	       (uintptr_t)plane->base % align == 0;
	need(aether_plane_detach(plane) == 0);
	if (between.found) {
		good &= between.found[0] == 42;
		munmap(between.found, between.size);
	}
	return good && !between.found == !between.intrude;
}

static void come_between(const struct aether_plane *first)
{
	struct aether_attach_options less = { .hidden = 6 };
	int all, some;

	ok(attach_between(first, NULL, 4), "nobody comes in between");
	all = between.puts;
	is_int(all, OBJECTS, "each object is put once");
	ok(attach_between(first, &less, 2), "two segments are hidden");
	some = between.puts;
	for (between.intrude = 1; between.intrude <= all; between.intrude++)
		ok(attach_between(first, NULL, 4), "another thread, before %d",
		   between.intrude);
	for (between.intrude = 1; between.intrude <= some; between.intrude++)
		ok(attach_between(first, &less, 2),
		   "another thread, before %d, two segments hidden",
		   between.intrude);
	between.intrude = 0;
	for (between.old = 1; between.old < 4; between.old++)
		ok(attach_between(first, NULL, 4),
		   "a kernel that puts object %d where it likes", between.old);
	between.old = 0;
}

static void tests(void)
{
	struct aether_plane *plane = create(NULL);

	come_between(plane);
	need(aether_plane_detach(plane) == 0);
}

int main(void)
{
	return rig_run(tests);
}
