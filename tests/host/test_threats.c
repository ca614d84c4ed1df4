/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks of docs/threats.md that are about files and descriptors: prepared
 * ones, locked ones, those of another user.
 */
#include <grp.h>
#include <sys/file.h>
#include "posix.h"
#include "segments.h"

#define CREATOR 65533 /* a user beside NOBODY */
#define FORGED UINT64_C(0x0123456789abcdef)

static int become(uid_t user)
{
	return setgroups(0, NULL) < 0 || setgid(user) < 0 || setuid(user) < 0;
}

static void path_of(const char *name, char path[300])
{
	snprintf(path, 300, "%s/aether.%s", rig_directory, name);
}

static uint64_t blocks(const char *path)
{
	struct stat st;

	need(stat(path, &st) == 0);
	return (uint64_t)st.st_blocks * 512;
}

/* A file with the header of a plane, and else a hole as large as the plane. */
static void make_hole(const struct aether_plane *plane, const char *path)
{
	int fd = open(path, O_CREAT | O_RDWR, 0600);

	need(fd >= 0);
	need(ftruncate(fd, (off_t)plane->geometry.plane_size) == 0);
	need(pwrite(fd, plane->header, AETHER_SIZE_PLANE_HEADER,
		    AETHER_OFFSET_PLANE_HEADER) == AETHER_SIZE_PLANE_HEADER);
	close(fd);
}

/* Its header asks for huge pages and locks: who attaches does not pay. */
static void holes(void)
{
	struct aether_plane_options o = { .strides = 64,
					  .stride_size = 1 << 16,
					  .flags = AETHER_FLAG_HUGE |
						   AETHER_FLAG_LOCK };
	struct aether_plane *plane = NULL, *two = NULL;
	struct aether_plane_info info;
	char path[300];

	need(aether_plane_create("full", &o, NULL, &plane) == 0);
	path_of("hole", path);
	make_hole(plane, path);
	is_int(aether_plane_attach("hole", 0, NULL, &two), 0,
	       "a plane whose file is a hole is attached");
	ok(blocks(path) < 1 << 20, "and nothing of it is filled: %llu bytes",
	   (unsigned long long)blocks(path));
	aether_plane_look(two, &info);
	ok(!info.locked_bytes && !info.huge_bytes, "nor locked");
	aether_plane_detach(two);
	aether_plane_look(plane, &info);
	aether_plane_detach(plane); /* one may lock only so much at once */
	if (info.locked_bytes >= 64 << 16) {
		need(aether_plane_attach("full", 0, NULL, &two) == 0);
		aether_plane_look(two, &info);
		ok(info.locked_bytes >= 64 << 16,
		   "one that is reserved is locked by whoever attaches");
		aether_plane_detach(two);
	} else {
		skip("locking: not granted here");
	}
	aether_plane_destroy("full", NULL);
	aether_plane_destroy("hole", NULL);
}

/* Bytes from that slot's on, locked for reading: no right to write is needed.
 */
static int lock_from(const char *path, uint32_t slot)
{
	struct flock lock = { .l_type = F_RDLCK,
			      .l_whence = SEEK_SET,
			      .l_start = (off_t)slot };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	need(fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0);
	return fd;
}

static int holds_one(void *said)
{
	struct aether_plane *plane = NULL;

	need(aether_plane_attach("locked", 0, NULL, &plane) == 0);
	rig_reserve(rig_join(plane));
	rig_tell(said, 1);
	for (;;)
		pause();
	return 0;
}

/* Whoever may read the file keeps nobody alive. He can keep newcomers out while
 * he is there; they are told, and those who have joined do not notice. */
static void locked_bytes(void)
{
	const struct aether_participant_options alone = { .unwatched = 1 };
	struct aether_word64 *said = rig_shared(sizeof(*said));
	struct aether_plane *plane = create("locked");
	struct aether_participant *me = rig_join_with(plane, &alone);
	struct aether_participant *late = NULL;
	struct aether_participant_info info;
	struct aether_reap_report report;
	struct aether_error error;
	pid_t pid = rig_fork(holds_one, said);
	char path[300];
	int fd;

	rig_await(said, 1);
	kill(pid, SIGKILL);
	rig_wait(pid);
	path_of("locked", path);
	fd = lock_from(path, me->slot + 1);
	need(aether_participant_look(plane, me->slot + 1, &info) == 0);
	is_int(info.alive, 0, "a dead one, whose byte a reader locks: dead");
	is_int(aether_reap(me, &report), 0, "looked for the dead");
	is_int(report.dead, 1, "it is reaped");
	ok(rig_all_free(plane), "and what it had is free");
	is_int(aether_participant_join(plane, NULL, &error, &late),
	       AETHER_ESEATS, "newcomers find no slot: %s", error.text);
	is_int(aether_stride_release(me, rig_reserve(me)), 0,
	       "who is there does not notice");
	close(fd);
	is_int(aether_participant_join(plane, NULL, NULL, &late), 0,
	       "when the reader is gone they find one");
	aether_participant_leave(late);
	aether_participant_leave(me);
	aether_plane_detach(plane);
	aether_plane_destroy("locked", NULL);
}

/* The path of an object of the plane "lured", under an ID. */
static void lured_path(uint64_t id, uint32_t number, char path[AE_POSIX_FILE])
{
	struct aether_plane_objects none;
	struct aether_geometry g;
	struct ae_posix_object o;

	need(aether_geometry_divide(0, SEGMENTS * EACH, SIZE, 4, SEGMENTS,
				    &g) == 0);
	o = ae_posix_object(&g, &none, number);
	ae_posix_segment_path("lured", id, &o, path);
}

/* With control alone: another ID in the header, and files of mine that have it.
 */
static int lures(void *argument)
{
	uint64_t id = *(uint64_t *)argument;
	struct aether_plane *plane = NULL;
	char path[AE_POSIX_FILE];
	struct stat st;

	if (become(NOBODY) ||
	    aether_plane_attach("lured", 0, NULL, &plane) < 0 ||
	    digits(plane) != 0)
		return 1;
	for (uint32_t i = 1; i < OBJECTS; i++) {
		int fd;

		lured_path(id, i, path);
		if (stat(path, &st) < 0)
			return 2;
		lured_path(FORGED, i, path);
		fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0666);
		if (fd < 0 || fchmod(fd, 0666) < 0 ||
		    ftruncate(fd, st.st_size) < 0)
			return 3;
	}
	plane->header->id[0] = FORGED;
	return 0;
}

/* With one segment: its files, once more, as those of all. */
static int crosses(void *argument)
{
	uint64_t id = *(uint64_t *)argument;
	struct aether_plane *plane = NULL;
	char from[AE_POSIX_FILE], to[AE_POSIX_FILE];

	if (become(NOBODY) ||
	    aether_plane_attach("lured", 0, NULL, &plane) < 0 ||
	    digits(plane) != 300)
		return 1;
	for (uint32_t i = 1; i < OBJECTS; i++) {
		lured_path(id, i % 2 ? 3 : 4, from);
		lured_path(FORGED, i, to);
		if (link(from, to) < 0)
			return 2;
	}
	plane->header->id[0] = FORGED;
	return 0;
}

static void set_up(const char *part, mode_t mode)
{
	char path[300];

	need(files(part, path) == 1 && chmod(path, mode) == 0);
}

static uint64_t inode_of(const struct aether_plane *plane)
{
	struct stat st;

	need(fstat(aether_plane_fd(plane), &st) == 0);
	return st.st_ino;
}

/* By name: is it the same memory, all of it? Else a newcomer would write what
 * is not for the attacker into his files. */
static void attach_to(const struct aether_plane *plane)
{
	struct aether_segment_info is;
	struct aether_plane *two = NULL;
	int wrong = 0;

	is_int(aether_plane_attach("lured", 0, NULL, &two), 0, "attached");
	is_int(digits(two), 3333, "with all rights");
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		need(aether_segment_look(plane, i, &is) == 0);
		two->base[is.data_offset] = 42;
		two->leases[is.first].user[0] = 42;
		wrong += plane->base[is.data_offset] != 42 ||
			 plane->leases[is.first].user[0] != 42;
	}
	is_int(wrong, 0, "to the plane's own files, whatever its header says");
	aether_plane_detach(two);
}

static void led_away(int (*attack)(void *), const char *how)
{
	struct aether_plane *plane = create("lured");
	uint64_t id = inode_of(plane);

	need(chmod(rig_directory, 01777) == 0);
	set_up("aether.lured", 0666);
	if (attack == crosses) {
		set_up("leases.1", 0666);
		set_up("data.1", 0666);
	}
	is_int(rig_wait(rig_fork(attack, &id)), 0, "%s", how);
	attach_to(plane);
	aether_plane_detach(plane);
	aether_plane_destroy("lured", NULL);
	is_int(files(NULL, NULL), 0, "no file is left");
}

struct kept {
	uint64_t id;
	struct aether_word64 locked, again, forged;
};

/* With rights to a plane that is destroyed then: its files by other names,
 * locked, so that nobody removes them; the next plane's header names them. */
static int keeps(void *argument)
{
	struct kept *k = argument;
	struct aether_plane *plane = NULL;
	char from[AE_POSIX_FILE], to[AE_POSIX_FILE];

	for (uint32_t i = 1; i < OBJECTS; i++) {
		int fd;

		lured_path(k->id, i, from);
		lured_path(FORGED, i, to);
		if ((i == 1 && become(NOBODY)) || link(from, to) < 0)
			return 1;
		fd = open(to, O_RDONLY);
		if (fd < 0 || flock(fd, LOCK_SH) < 0)
			return 2;
	}
	rig_tell(&k->locked, 1);
	rig_await(&k->again, 1);
	if (aether_plane_attach("lured", 0, NULL, &plane) < 0 ||
	    digits(plane) != 0)
		return 3;
	plane->header->id[0] = FORGED;
	rig_tell(&k->forged, 1);
	pause();
	return 0;
}

/* "To take a right back, create the plane anew": that must help. */
static void led_back(void)
{
	struct kept *k = rig_shared(sizeof(*k));
	struct aether_plane_options all = options;
	struct aether_plane *plane = NULL;
	pid_t pid;

	need(chmod(rig_directory, 01777) == 0);
	all.mode = 0666;
	need(aether_plane_create("lured", &all, NULL, &plane) == 0);
	k->id = inode_of(plane);
	pid = rig_fork(keeps, k);
	rig_await(&k->locked, 1);
	aether_plane_destroy("lured", NULL);
	aether_plane_detach(plane);
	is_int(files("leases.1", NULL), 1,
	       "of a plane that was destroyed only other names are left");
	plane = create("lured");
	set_up("aether.lured", 0666);
	rig_tell(&k->again, 1);
	rig_await(&k->forged, 1);
	attach_to(plane);
	kill(pid, SIGKILL);
	rig_wait(pid);
	aether_plane_detach(plane);
	aether_plane_destroy("lured", NULL);
	is_int(files(NULL, NULL), 0, "no file is left");
}

static int squats(void *unused)
{
	struct aether_plane_options o = options;
	struct aether_plane *plane = NULL;

	(void)unused;
	o.segments = 0;
	o.mode = 0666;
	return become(NOBODY) ||
	       aether_plane_create("taken", &o, NULL, &plane) < 0;
}

/* Who has the name first has it. The owner of the file says who that is. */
static int meets(void *unused)
{
	struct aether_plane *plane = NULL;
	struct stat st;

	(void)unused;
	if (become(CREATOR))
		return 1;
	if (aether_plane_create("taken", &options, NULL, &plane) !=
	    AETHER_EEXIST)
		return 2;
	if (aether_plane_destroy("taken", NULL) >= 0)
		return 3;
	if (aether_plane_attach("taken", 0, NULL, &plane) < 0)
		return 4;
	if (fstat(aether_plane_fd(plane), &st) < 0 || st.st_uid != NOBODY)
		return 5;
	return aether_plane_detach(plane);
}

static void squatted(void)
{
	need(chmod(rig_directory, 01777) == 0);
	is_int(rig_wait(rig_fork(squats, NULL)), 0, "another user's plane");
	is_int(rig_wait(rig_fork(meets, NULL)), 0,
	       "has the name: no create, no destroy; attached, its "
	       "descriptor says whose it is");
	aether_plane_destroy("taken", NULL);
	is_int(files(NULL, NULL), 0, "no file is left");
}

/* Descriptors for reading that somebody was given. */
struct given {
	int named, anonymous;
};

static int widens(void *argument)
{
	const struct given *given = argument;
	const int fds[] = { given->named, given->anonymous };
	char path[40];

	if (become(NOBODY))
		return 1;
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[i]);
		if (open(path, O_RDWR) >= 0 || errno != EACCES)
			return 2 + i;
		if (mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fds[i], 0) !=
		    MAP_FAILED)
			return 4 + i;
		if (fchmod(fds[i], 0666) == 0)
			return 6 + i;
	}
	return 0;
}

static void widened(void)
{
	struct aether_plane *named = create("wide"), *anonymous = create(NULL);
	struct given given = {
		.named = aether_plane_fd(named),
		.anonymous = aether_plane_fd(anonymous),
	};
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", given.named);
	need((given.named = open(path, O_RDONLY)) >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", given.anonymous);
	need((given.anonymous = open(path, O_RDONLY)) >= 0);
	is_int(rig_wait(rig_fork(widens, &given)), 0,
	       "another user makes no more of a descriptor for reading");
	close(given.named);
	close(given.anonymous);
	aether_plane_detach(named);
	aether_plane_detach(anonymous);
	aether_plane_destroy("wide", NULL);
}

static void tests(void)
{
	int before = rig_descriptors();

	holes();
	locked_bytes();
	if (geteuid() == 0) {
		led_away(lures, "files of his own, under another ID");
		led_away(crosses, "files of his segment, as all the others'");
		led_back();
		squatted();
		widened();
	} else {
		skip("what a second user does: needs root to become nobody");
	}
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
