/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching to a file that may be anything, over the real port: a valid plane
 * whose header, tables and length the input changes. What attaches is looked
 * at, joined, used and left.
 */
#include <sys/mman.h>
#include <unistd.h>
#include "fuzz.h"

#define SIZE_MAX_HERE (UINT64_C(24) << 20) /* of a file */

static const char *const layouts[] = { "lean", "inos" };
#define DIVIDED 2 /* after those, lean in two segments */

static int files[3];
static struct aether_header_seg fresh[3];
static uint64_t tables_end[3];
static uint64_t sizes[3];

/* A plane of that layout, in a file that may change its length. */
static void make(uint32_t which)
{
	struct aether_plane_options options = { .layout = layouts[which],
						.strides = 64,
						.participants = 3 };
	struct aether_plane_info info;
	struct aether_plane *plane;

	if (aether_plane_create(NULL, &options, NULL, &plane) < 0)
		fuzz_fail("create", layouts[which]);
	aether_plane_look(plane, &info);
	memcpy(&fresh[which], plane->header, sizeof(fresh[which]));
	files[which] = memfd_create("fuzz", MFD_CLOEXEC);
	tables_end[which] = info.geometry.tables_end;
	sizes[which] = info.geometry.plane_size;
	aether_plane_detach(plane);
}

static void write_at(int fd, const void *bytes, size_t size, uint64_t at)
{
	if (pwrite(fd, bytes, size, (off_t)at) != (ssize_t)size)
		fuzz_fail("file", "cannot be written");
}

/* The header, some words of it changed. */
static void change_header(struct aether_header_seg *header)
{
	unsigned char *bytes = (unsigned char *)header;

	for (uint32_t n = fuzz_byte() % 8; n; n--) {
		uint32_t at = fuzz_byte() % 39 * 4;
		size_t width = at % 8 || fuzz_byte() & 1 ? 4 : 8;
		uint64_t value = 0;
		uint32_t how = fuzz_byte();

		memcpy(&value, bytes + at, width);
		if (how < 64)
			value = fuzz_number(8);
		else if (how < 128)
			value ^= UINT64_C(1) << how % 64;
		else
			value += how - 192;
		memcpy(bytes + at, &value, width);
	}
}

/* As the header says, as the plane was, or otherwise. */
static uint64_t length(const struct aether_header_seg *header, uint64_t was)
{
	uint32_t how = fuzz_byte();
	uint64_t size = was;

	if (how < 64)
		size = header->plane_size;
	else if (how < 80)
		size = was - 1 - (how - 64) * UINT64_C(4096);
	else if (how < 96)
		size = fuzz_number(3);
	return size < SIZE_MAX_HERE ? size : was;
}

static int prepare(uint32_t which)
{
	static const unsigned char zeros[4096];
	struct aether_header_seg header = fresh[which];
	int fd = files[which];

	change_header(&header);
	/* huge pages and locks cost time, and say nothing */
	header.flags &= ~(uint32_t)(AETHER_FLAG_HUGE | AETHER_FLAG_LOCK);
	if (ftruncate(fd, (off_t)sizes[which]) < 0)
		fuzz_fail("file", "cannot be made as long as it was");
	for (uint64_t at = tables_end[which] & ~UINT64_C(4095);
	     at > tables_end[which] - 12288; at -= 4096)
		write_at(fd, zeros, sizeof(zeros), at);
	write_at(fd, zeros, sizeof(zeros), 0);
	write_at(fd, &header, sizeof(header), AETHER_OFFSET_PLANE_HEADER);
	for (uint32_t n = fuzz_byte() % 16; n; n--) {
		uint64_t at = tables_end[which] - 8 - fuzz_number(2) % 12000;
		uint64_t value = fuzz_number(8);

		write_at(fd, &value, sizeof(value), at);
	}
	if (ftruncate(fd, (off_t)length(&header, sizes[which])) < 0)
		fuzz_fail("file", "cannot be cut");
	return fd;
}

static void look(const struct aether_plane *plane)
{
	struct aether_registry_counts counts;
	struct aether_participant_info who;
	struct aether_pingpong_info pair;
	struct aether_plane_info info;
	struct aether_guard_info guard;
	struct aether_stride_info stride;

	aether_plane_look(plane, &info);
	aether_registry_count(plane, &counts);
	for (uint32_t i = 0; i < info.geometry.strides; i++)
		aether_registry_look(plane, i, &stride);
	for (uint32_t i = 0; i < info.geometry.participants; i++)
		aether_participant_look(plane, i, &who);
	for (uint32_t i = 0; aether_guard_look(plane, i, &guard) == 0; i++)
		;
	for (uint32_t i = 0; i < 2; i++)
		aether_pingpong_look(plane, i, &pair);
}

static void use(struct aether_plane *plane)
{
	struct aether_participant_options options = { .unwatched = 1 };
	struct aether_participant *me;
	struct aether_error error = { .code = 0 };
	uint64_t handle;
	size_t size;
	void *bytes;

	if (aether_participant_join(plane, &options, &error, &me) < 0)
		return;
	while (aether_route_take(me, &handle) == 0)
		aether_stride_release(me, handle);
	if (aether_stride_reserve(me, &handle) == 0 &&
	    aether_stride_bytes(me, handle, &size, &bytes) == 0)
		memset((unsigned char *)bytes + size - 1, 1, 1);
	aether_reap(me, NULL);
	aether_participant_leave(me);
}

/* A divided plane: control is file 2, and its objects have files of their own,
 * of which some may be missing, too short or not sealed. */
static struct aether_plane_objects divided;

static void make_divided(void)
{
	struct aether_plane_options options = { .strides = 64,
						.stride_size = 8192,
						.participants = 3,
						.segments = 2 };
	struct aether_error error = { .code = 0 };
	struct aether_plane_info info;
	struct aether_plane *plane;

	if (aether_plane_create(NULL, &options, &error, &plane) < 0)
		fuzz_fail("create", error.text);
	aether_plane_look(plane, &info);
	memcpy(&fresh[DIVIDED], plane->header, sizeof(fresh[DIVIDED]));
	/* not sealed, and not asked to be */
	fresh[DIVIDED].flags &= ~(uint32_t)AETHER_FLAG_ANONYMOUS;
	tables_end[DIVIDED] = sizes[DIVIDED] = info.geometry.leases_offset;
	divided.segments = 2;
	for (uint32_t i = 0; i < 2; i++) {
		divided.leases[i] = memfd_create("fuzz", MFD_CLOEXEC);
		divided.data[i] = memfd_create("fuzz", MFD_CLOEXEC);
	}
	divided.control = files[DIVIDED] = memfd_create("fuzz", MFD_CLOEXEC);
	aether_plane_detach(plane);
}

/* As long as it should be, or not; or it is not given. */
static int object(int fd, uint64_t size)
{
	uint32_t how = fuzz_byte();

	if (how >= 240)
		return -1;
	if (how >= 224)
		size = (how - 224) * UINT64_C(4096);
	if (ftruncate(fd, (off_t)size) < 0)
		fuzz_fail("file", "cannot be cut");
	return fd;
}

static int attach_divided(uint32_t how, uint64_t errors,
			  struct aether_error *error,
			  struct aether_plane **plane)
{
	struct aether_attach_options options = {
		.flags = how & 2 ? AETHER_ATTACH_OBSERVE : 0
	};
	struct aether_plane_objects given = divided;
	uint32_t less;

	prepare(DIVIDED);
	for (uint32_t i = 0; i < 2; i++) {
		given.leases[i] = object(divided.leases[i],
					 32 * AETHER_RECORD_LEASE_SIZE);
		given.data[i] = object(divided.data[i], 32 * UINT64_C(8192));
	}
	less = fuzz_byte();
	options.hidden = less & 3;
	options.no_data = less >> 2 & 3;
	options.read_only = less >> 4 & 3;
	given.segments = less >> 6 == 3 ? fuzz_byte() % 4 : 2;
	return FUZZ_CALL(errors | FUZZ_MAY(EINVAL) | FUZZ_MAY(EACCES),
			 aether_plane_attach_objects(&given, &options, error,
						     plane));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint64_t errors = FUZZ_MAY(EPLANE) | FUZZ_MAY(EFORMAT) |
				FUZZ_MAY(ELAYOUT) | FUZZ_MAY(ETRUNC) |
				FUZZ_MAY(ECORRUPT);
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane;
	uint32_t how, which;
	int fd, rc;

	if (!sizes[0]) {
		make(0);
		make(1);
		make_divided();
	}
	fuzz.in.at = data;
	fuzz.in.left = size;
	how = fuzz_byte();
	which = how & 1;
	if (how < 240) {
		fd = prepare(which);
		rc = FUZZ_CALL(errors,
			       aether_plane_attach_fd(
				       fd, how & 2 ? AETHER_ATTACH_OBSERVE : 0,
				       &error, &plane));
	} else {
		rc = attach_divided(how, errors, &error, &plane);
	}
	if (rc < 0) {
		if (error.code != rc || !error.text[0])
			fuzz_fail("attach", "fails without a text");
		return 0;
	}
	look(plane);
	if (how & 4)
		use(plane);
	aether_plane_detach(plane);
	return 0;
}
