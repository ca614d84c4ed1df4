/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory objects of a divided plane: what is not granted faults, and each
 * descriptor is checked before it is believed.
 */
#include "segments.h"

/* ---- the MMU */

struct access {
	const struct aether_plane *plane;
	struct aether_attach_options options;
	uint64_t at;
	int write;
};

/* In a child of its own, for a mapping is not inherited. */
static int touch(void *argument)
{
	struct access *a = argument;
	struct aether_plane_objects objects;
	struct aether_plane *plane = NULL;

	aether_plane_objects(a->plane, &objects);
	if (aether_plane_attach_objects(&objects, &a->options, NULL, &plane) <
	    0)
		return 1;
	rig_expect_fault();
	rig_touch(plane->base + a->at, a->write);
	return 0;
}

static int faults(const struct access *a, int write)
{
	struct access copy = *a;

	copy.write = write;
	return rig_wait(rig_fork(touch, &copy)) == FAULT;
}

/* 1: it can be read; 2: and written. */
static int can(const struct access *a)
{
	return 2 - faults(a, 0) - faults(a, 1);
}

static void mapped(void)
{
	struct aether_plane *plane = create(NULL);
	struct aether_segment_info is;
	struct access a = { .plane = plane };
	/* write, read, route, none: control, leases, data */
	static const int may[2][SEGMENTS][3] = {
		{ { 2, 2, 2 }, { 2, 2, 1 }, { 2, 2, 0 }, { 2, 0, 0 } },
		{ { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 0 }, { 1, 0, 0 } },
	};

	for (int observes = 0; observes < 2; observes++)
		for (uint32_t i = 0; i < SEGMENTS; i++) {
			a.options = (struct aether_attach_options) {
				.flags = observes ? AETHER_ATTACH_OBSERVE : 0,
				.hidden = 8,
				.no_data = 4,
				.read_only = 2,
			};
			need(aether_segment_look(plane, i, &is) == 0);
			a.at = 0;
			is_int(can(&a), may[observes][i][0], "%s: control",
			       observes ? "observer" : "participant");
			a.at = is.leases_offset + is.leases_size - 1;
			is_int(can(&a), may[observes][i][1],
			       "leases of segment %u", i);
			a.at = is.data_offset;
			is_int(can(&a), may[observes][i][2],
			       "data of segment %u, first byte", i);
			a.at = is.data_offset + is.data_size - 1;
			is_int(can(&a), may[observes][i][2],
			       "data of segment %u, last byte", i);
		}
	aether_plane_detach(plane);
}

/* Of a plane that is not divided data can be kept back, if not from others. */
static void undivided(void)
{
	struct aether_plane *plane = rig_plane(64, SIZE, 4);
	struct access a = { .plane = plane, .options = { .read_only = 1 } };
	struct aether_attach_options hidden = { .hidden = 1 };
	struct aether_plane_objects objects;
	struct aether_plane *none = NULL;

	a.at = plane->geometry.data_offset;
	is_int(can(&a), 1, "undivided, data for reading");
	a.options = (struct aether_attach_options) { .no_data = 1 };
	is_int(can(&a), 0, "undivided, no data");
	a.at = plane->geometry.tables_end - 1;
	is_int(can(&a), 2, "undivided, its tables");
	aether_plane_objects(plane, &objects);
	is_int(objects.segments, 0, "it has one descriptor");
	is_int(aether_plane_attach_objects(&objects, &hidden, NULL, &none),
	       AETHER_EINVAL, "it cannot be hidden");
	aether_plane_detach(plane);
}

/* ---- descriptors */

static int attach(const struct aether_plane_objects *objects, uint32_t flags,
		  struct aether_plane **plane)
{
	struct aether_attach_options o = { .flags = flags };
	struct aether_error error = { .code = 0 };
	int err = aether_plane_attach_objects(objects, &o, &error, plane);

	printf("# %s\n", err < 0 ? error.text : "attached");
	return err < 0 && (error.code != err || !error.text[0]) ? 1 : err;
}

static int rights_of(const struct aether_plane_objects *objects, uint32_t flags)
{
	struct aether_plane *plane = NULL;
	int n = attach(objects, flags, &plane);

	if (n == 0)
		n = digits(plane);
	aether_plane_detach(plane);
	return n;
}

static int reopen(int fd, int mode)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, mode | O_CLOEXEC);
	need(fd >= 0);
	return fd;
}

static int memory(off_t size, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	need(fd >= 0 && ftruncate(fd, size) == 0);
	need(!seals || fcntl(fd, F_ADD_SEALS, seals) == 0);
	return fd;
}

static void sealed(const struct aether_plane_objects *o)
{
	int wrong = 0;

	for (int i = 0; i < OBJECTS; i++) {
		int fd = !i      ? o->control
			 : i % 2 ? o->leases[i / 2]
				 : o->data[i / 2 - 1];
		struct stat st;

		need(fstat(fd, &st) == 0);
		wrong += (st.st_mode & 0777) != 0600;
		wrong += ftruncate(fd, st.st_size - 1) == 0 ||
			 ftruncate(fd, st.st_size * 2) == 0;
		wrong += fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0;
		wrong += !(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	is_int(wrong, 0, "%d objects: 0600, sealed, closed on exec", OBJECTS);
}

/* What one descriptor is exchanged for, and what then comes of it. */
static void exchanged(struct aether_plane_objects *o, int *which, int fd,
		      int wanted, const char *what)
{
	int own = *which;

	*which = fd;
	is_int(rights_of(o, 0), wanted, "%s", what);
	if (fd >= 0)
		close(fd);
	*which = own;
}

static void less(const struct aether_plane *plane)
{
	struct aether_plane_objects o;

	aether_plane_objects(plane, &o);
	is_int(rights_of(&o, 0), 3333, "all descriptors, all rights");
	is_int(rights_of(&o, AETHER_ATTACH_OBSERVE), 2222, "an observer reads");
	exchanged(&o, &o.data[1], -1, 3133, "one without data: it routes");
	exchanged(&o, &o.leases[2], -1, 3303, "one without leases: nothing");
	exchanged(&o, &o.data[3], reopen(o.data[3], O_RDONLY), 3332,
		  "data for reading: it reads");
	exchanged(&o, &o.data[3], reopen(o.data[3], O_WRONLY), 3331,
		  "data for writing only cannot be mapped");
	exchanged(&o, &o.leases[0], reopen(o.leases[0], O_RDONLY), 333,
		  "leases for reading are none, for a participant");
	exchanged(&o, &o.control, reopen(o.control, O_RDONLY), AETHER_EACCES,
		  "control for reading: only for observers");
}

static void forged(const struct aether_plane *plane)
{
	const int both = F_SEAL_SHRINK | F_SEAL_GROW;
	struct aether_plane_objects o;
	off_t leases = EACH * 128, data = EACH * SIZE;
	struct aether_plane *none = NULL;

	aether_plane_objects(plane, &o);
	exchanged(&o, &o.data[0], memory(data, both), 3333,
		  "sealed memory of that size may be it");
	exchanged(&o, &o.data[0], memory(data - 1, both), AETHER_ETRUNC,
		  "a byte short");
	exchanged(&o, &o.data[0], memory(data * 2, both), AETHER_ETRUNC,
		  "long");
	exchanged(&o, &o.data[0], memory(data, F_SEAL_GROW), AETHER_EPLANE,
		  "memory that can be cut off");
	exchanged(&o, &o.data[0], memory(data, 0), AETHER_EPLANE, "not sealed");
	exchanged(&o, &o.leases[3], memory(leases, 0), AETHER_EPLANE,
		  "leases that are not sealed");
	exchanged(&o, &o.leases[3], open("/dev/zero", O_RDWR), AETHER_EPLANE,
		  "a device");
	exchanged(&o, &o.leases[3], 1000, AETHER_EINVAL, "no descriptor");
	o.segments = SEGMENTS - 1;
	is_int(attach(&o, 0, &none), AETHER_EINVAL, "too few segments");
	o.segments = UINT32_MAX;
	is_int(attach(&o, 0, &none), AETHER_EINVAL, "or too many");
	o.segments = 0;
	is_int(rights_of(&o, 0), 0, "none at all: nothing is granted");
	is_int(aether_plane_attach_fd(o.control, 0, NULL, &none), 0,
	       "as by the descriptor of control alone");
	is_int(digits(none), 0, "which grants no segment");
	aether_plane_detach(none);
}

static void descriptors(void)
{
	struct aether_plane *plane = create(NULL);
	struct aether_plane_objects o;
	int before = rig_descriptors();

	aether_plane_objects(plane, &o);
	is_int(o.segments, SEGMENTS, "it has descriptors of its segments");
	is_int(files(NULL, NULL), 0, "and no files");
	sealed(&o);
	less(plane);
	forged(plane);
	is_int(rig_descriptors(), before, "no descriptor is left open");
	aether_plane_detach(plane);
}

static void tests(void)
{
	int before = rig_descriptors();

	mapped();
	undivided();
	descriptors();
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
