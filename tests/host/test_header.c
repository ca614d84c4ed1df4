/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching to what is no plane, or no longer one: every byte of the header
 * flipped, sizes that differ, files that are not regular. The answer is an
 * error that names it, or a plane of the very same geometry.
 */
#include "../core/rig.h"

#define SIZE 131072

static char path[400];
static struct aether_geometry good;
static struct aether_header_seg header;

static void put(uint64_t at, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY);

	need(fd >= 0);
	need(pwrite(fd, bytes, length, (off_t)at) == (ssize_t)length);
	close(fd);
}

static void put_header(const struct aether_header_seg *h)
{
	put(AETHER_OFFSET_PLANE_HEADER, h, sizeof(*h));
}

/* Attaches; a plane that comes of it must work and be the same. */
static int attach(struct aether_error *error)
{
	struct aether_plane_info info;
	struct aether_plane *plane = NULL;
	int err;

	error->text[0] = 0;
	err = aether_plane_attach("x", 0, error, &plane);
	if (err < 0)
		return plane || error->code != err ? 1 : err;
	aether_plane_look(plane, &info);
	err = memcmp(&info.geometry, &good, sizeof(good)) ? 2 : 0;
	if (!err) {
		struct aether_participant *me = rig_join(plane);

		err = aether_stride_release(me, rig_reserve(me)) < 0 ? 3 : 0;
		aether_participant_leave(me);
	}
	aether_plane_detach(plane);
	return err;
}

static void setup(void)
{
	struct aether_plane_options o = { .strides = 8, .stride_size = SIZE };
	struct aether_plane *plane = NULL;
	struct aether_plane_info info;

	snprintf(path, sizeof(path), "%s/aether.x", rig_directory);
	need(aether_plane_create("x", &o, NULL, &plane) == 0);
	aether_plane_look(plane, &info);
	good = info.geometry;
	header = *plane->header;
	aether_plane_detach(plane);
}

static void flip_bytes(void)
{
	struct aether_error error;
	int refused = 0, same = 0, strange = 0;

	for (uint32_t i = 0; i < sizeof(header); i++)
		for (int bit = 0; bit < 9; bit++) {
			struct aether_header_seg h = header;
			int err;

			((unsigned char *)&h)[i] ^= bit < 8 ? 1 << bit : 0xFF;
			put_header(&h);
			err = attach(&error);
			refused += err < 0;
			same += err == 0;
			strange += err > 0 || (err < 0 && !error.text[0]);
		}
	is_int(strange, 0,
	       "every bit and byte of the header flipped: %d "
	       "refused with a text, %d the same plane",
	       refused, same);
	ok(refused > 600, "most are refused");
	put_header(&header);
	is_int(attach(&error), 0, "mended, it is a plane again");
}

#define FIELD(member, what, code) \
	{ \
		struct aether_header_seg h = header; \
		struct aether_error error; \
		h.member = what; \
		put_header(&h); \
		is_int(attach(&error), code, #member " = " #what ": %s", \
		       error.text); \
	}

static void fields(void)
{
	FIELD(magic, 0, AETHER_EPLANE);
	FIELD(magic, AETHER_MAGIC + 1, AETHER_EPLANE);
	FIELD(format, 0, AETHER_EFORMAT);
	FIELD(format, AETHER_FORMAT + 1, AETHER_EFORMAT);
	FIELD(endian, UINT32_C(0x04030201), AETHER_EFORMAT);
	FIELD(layout_hash, 0, AETHER_ELAYOUT);
	FIELD(layout_hash, header.layout_hash + 1, AETHER_ELAYOUT);
	FIELD(strides, 0, AETHER_ECORRUPT);
	FIELD(strides, 7, AETHER_ECORRUPT);
	FIELD(strides, 65536, AETHER_ECORRUPT);
	FIELD(strides, UINT32_MAX, AETHER_ECORRUPT);
	FIELD(stride_size, 0, AETHER_ECORRUPT);
	FIELD(stride_size, 3, AETHER_ECORRUPT);
	FIELD(stride_size, 4096, AETHER_ECORRUPT);
	FIELD(stride_size, UINT64_MAX, AETHER_ECORRUPT);
	FIELD(participants, 0, AETHER_ECORRUPT);
	FIELD(participants, 65, AETHER_ECORRUPT);
	FIELD(participants, UINT32_MAX, AETHER_ECORRUPT);
	FIELD(places, 4, AETHER_ECORRUPT);
	FIELD(places, 0, AETHER_ECORRUPT);
	FIELD(registers, 0, AETHER_ECORRUPT);
	FIELD(tag, 0, AETHER_ECORRUPT);
	FIELD(tag, 256, AETHER_ECORRUPT);
	FIELD(participants_offset, 0, AETHER_ECORRUPT);
	FIELD(mailboxes_offset, UINT64_MAX, AETHER_ECORRUPT);
	FIELD(registers_offset, 1, AETHER_ECORRUPT);
	FIELD(leases_offset, good.leases_offset + 64, AETHER_ECORRUPT);
	FIELD(data_offset, good.plane_size, AETHER_ECORRUPT);
	FIELD(plane_size, 0, AETHER_ECORRUPT);
	FIELD(plane_size, good.plane_size * 2, AETHER_ECORRUPT);
	FIELD(segments, 2, AETHER_ECORRUPT);
	FIELD(segments, 65, AETHER_ECORRUPT);
	FIELD(segment_strides, 0, AETHER_ECORRUPT);
	put_header(&header);
}

/* What people read of a header ends, and holds nothing a terminal acts on. */
static void layout_name(void)
{
	struct aether_header_seg h = header;
	struct aether_plane_info info;
	struct aether_plane *plane = NULL;
	int err;

	memset(h.layout_name, '\033', sizeof(h.layout_name));
	put_header(&h);
	err = aether_plane_attach("x", 0, NULL, &plane);
	if (plane)
		aether_plane_look(plane, &info);
	ok(err < 0 || memchr(info.layout, 0, sizeof(info.layout)),
	   "the layout's name ends");
	ok(err < 0 || !memchr(info.layout, '\033', sizeof(info.layout)),
	   "CONTRACT plane.h: \"checked before it is believed\": a layout's "
	   "name of escapes");
	aether_plane_detach(plane);
	put_header(&header);
}

static int answer(const char *what, int wanted, int or_else)
{
	struct aether_error error;
	int err = attach(&error);

	return ok(err == wanted || (or_else && err == or_else), "%s: %s (%s)",
		  what, aether_error_name(err), error.text);
}

static void sizes(void)
{
	const off_t size = (off_t)good.plane_size;

	need(truncate(path, size - 1) == 0);
	answer("a byte short", AETHER_ETRUNC, 0);
	need(truncate(path, size + 1) == 0);
	answer("a byte long", AETHER_ETRUNC, 0);
	need(truncate(path, 2 * size) == 0);
	answer("twice as long", AETHER_ETRUNC, 0);
	need(truncate(path, 8192) == 0);
	answer("a header alone", AETHER_ETRUNC, 0);
	need(truncate(path, 8191) == 0);
	answer("not even that", AETHER_ETRUNC, 0);
	need(truncate(path, 1) == 0);
	answer("one byte", AETHER_ETRUNC, AETHER_EPLANE);
	need(truncate(path, 0) == 0);
	answer("an empty file", AETHER_ETRUNC, AETHER_EPLANE);
	is_int(aether_plane_destroy("x", NULL), 0,
	       "a damaged one is destroyed");
}

static void other_things(void)
{
	struct aether_plane *plane = NULL;
	struct aether_error error;
	char bytes[16384];
	int fd;

	memset(bytes, 'a', sizeof(bytes));
	need((fd = open(path, O_CREAT | O_WRONLY, 0600)) >= 0);
	need(write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes));
	close(fd);
	answer("a text", AETHER_EPLANE, 0);
	unlink(path);
	need(mkdir(path, 0700) == 0);
	answer("a directory", AETHER_EPLANE, AETHER_ESYS);
	is_int(aether_plane_create("x", NULL, &error, &plane), AETHER_EEXIST,
	       "create over a directory");
	rmdir(path);
	need(mkfifo(path, 0600) == 0);
	answer("a fifo, without waiting", AETHER_EPLANE, 0);
	is_int(aether_plane_attach("x", AETHER_ATTACH_OBSERVE, NULL, &plane),
	       AETHER_EPLANE, "a fifo, observing, without waiting");
	unlink(path);
	need(symlink("/dev/zero", path) == 0);
	answer("a symbolic link", AETHER_EPLANE, AETHER_ESYS);
	is_int(aether_plane_create("x", NULL, &error, &plane), AETHER_EEXIST,
	       "create over a symbolic link");
	unlink(path);
	need(symlink("nowhere", path) == 0);
	is_int(aether_plane_create("x", NULL, &error, &plane), AETHER_EEXIST,
	       "create over one that leads nowhere");
	unlink(path);
	need((fd = open("/dev/null", O_RDWR)) >= 0);
	is_int(aether_plane_attach_fd(fd, 0, NULL, &plane), AETHER_EPLANE,
	       "the descriptor of a device");
	close(fd);
	ok(plane == NULL, "no failure made anything");
}

static void random_headers(void)
{
	struct aether_error error;
	uint64_t seed = 21;
	int strange = 0;

	setup();
	for (int i = 0; i < 3000; i++) {
		struct aether_header_seg h = header;

		for (int n = 0; n < 4; n++) {
			size_t at = 16 + rig_random(&seed) % 88;

			((unsigned char *)&h)[at] = (unsigned char)rig_random(
				&seed);
		}
		put_header(&h);
		strange += attach(&error) > 0;
	}
	is_int(strange, 0, "3000 random headers: refused, or the same plane");
	put_header(&header);
	aether_plane_destroy("x", NULL);
}

static void tests(void)
{
	int before = rig_descriptors();

	setup();
	flip_bytes();
	fields();
	layout_name();
	sizes();
	other_things();
	random_headers();
	is_int(rig_descriptors(), before,
	       "no failure has left a descriptor open");
}

int main(void)
{
	return rig_run(tests);
}
