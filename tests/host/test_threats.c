/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks of docs/threats.md that no test of a single noun makes: by one who may
 * only look, by one who has control and no segment, by one who prepared files.
 */
#include <grp.h>
#include <sched.h>
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
	need(aether_plane_attach("full", 0, NULL, &two) == 0);
	aether_plane_look(plane, &info);
	if (info.locked_bytes) {
		aether_plane_look(two, &info);
		ok(info.locked_bytes >= 64 << 16,
		   "one that is reserved is locked by whoever attaches");
	} else {
		skip("locking: not granted here");
	}
	aether_plane_detach(two);
	aether_plane_detach(plane);
	aether_plane_destroy("full", NULL);
	aether_plane_destroy("hole", NULL);
}

/* What was checked at attach is what counts, and what is told. */
static void header(void)
{
	struct aether_plane *plane = create("head");
	struct aether_plane_info before, after;
	struct aether_participant *me = rig_join(plane);
	struct aether_header_seg kept = *plane->header;
	uint64_t handle;
	void *bytes;

	aether_plane_look(plane, &before);
	memset(plane->header, 0xee, offsetof(struct aether_header_seg, joins));
	aether_plane_look(plane, &after);
	ok(before.id[0] == after.id[0] && before.id[1] == after.id[1] &&
		   before.created == after.created &&
		   before.flags == after.flags && before.tag == after.tag,
	   "an overwritten header: ID, flags and tag are as they were");
	ok(!strcmp(after.layout, "lean"), "the layout, too");
	handle = rig_reserve(me);
	is_int(aether_stride_bytes(me, handle, NULL, &bytes), 0, "resolved");
	rig_touch(bytes, 1);
	is_int(aether_stride_release(me, handle), 0, "released");
	memcpy(plane->header, &kept, offsetof(struct aether_header_seg, joins));
	aether_participant_leave(me);
	ok(rig_all_free(plane), "all are free");
	aether_plane_detach(plane);
	aether_plane_destroy("head", NULL);
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

/* With control alone: another ID, and files of mine that have it. */
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

/* A newcomer would write what is not for the attacker into his files. */
static void led_away(int (*attack)(void *), const char *how)
{
	struct aether_plane *plane = create("lured"), *two = NULL;
	uint64_t id = plane->header->id[0];
	struct aether_error error = { .code = 0 };
	char path[AE_POSIX_FILE];

	need(chmod(rig_directory, 01777) == 0);
	set_up("aether.lured", 0666);
	if (attack == crosses) {
		set_up("leases.1", 0666);
		set_up("data.1", 0666);
	}
	is_int(rig_wait(rig_fork(attack, &id)), 0, "%s", how);
	is_int(aether_plane_attach("lured", 0, &error, &two), AETHER_ECORRUPT,
	       "newcomers are not led there: %s", error.text);
	for (uint32_t i = 1; i < OBJECTS; i++) {
		lured_path(FORGED, i, path);
		need(unlink(path) == 0);
	}
	plane->header->id[0] = id;
	is_int(aether_plane_attach("lured", 0, NULL, &two), 0,
	       "put right: attached");
	is_int(digits(two), 3333, "with all rights");
	aether_plane_detach(two);
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

/* Somebody with control and nothing else: an attachment with no segment. */
static struct aether_plane *control_of(const struct aether_plane *plane)
{
	const struct aether_attach_options nothing = { .hidden = ~UINT64_C(0) };
	struct aether_plane *one = NULL;

	need(aether_plane_reattach(plane, &nothing, NULL, &one) == 0);
	need(digits(one) == 0);
	return one;
}

/*
 * He can make the living seem dead, so that their leases end while they are at
 * work: that is in control, and said. It is an error for them, no more.
 */
static void declared_dead(void)
{
	struct aether_plane *plane = create(NULL);
	struct aether_plane *his = control_of(plane);
	struct aether_participant *me = rig_join(plane), *other = rig_join(plane);
	uint64_t handle = rig_reserve(me), next;
	struct aether_reap_report report;
	void *bytes;

	is_int(aether_stride_bytes(me, handle, NULL, &bytes), 0, "at work");
	ae_store64_release(&his->seats[me->slot].seat,
			   AETHER_SEAT_MAKE(AETHER_SEAT_DEAD, me->stamp));
	is_int(aether_reap(other, &report), 0, "another one reaps");
	is_int(report.freed, 1, "and believes it");
	ok(aether_stride_bytes(me, handle, NULL, &bytes) < 0,
	   "I am told at the next call");
	ok(aether_stride_release(me, handle) < 0, "and at the one after");
	next = rig_reserve(other);
	ok(next != handle, "who has the stride next has another handle");
	aether_stride_release(other, next);
	aether_participant_leave(other);
	aether_participant_leave(me);
	aether_plane_detach(his);
	aether_plane_detach(plane);
}

static int joins_and_dies(void *plane)
{
	rig_reserve(rig_join(rig_again(plane)));
	return 0;
}

/* A dead one's record that names segments which there are not: nobody could
 * ever settle those, and its slot would be taken for ever. */
static void no_such_segment(void)
{
	const struct aether_participant_options alone = { .unwatched = 1 };
	struct aether_plane *plane = create(NULL);
	struct aether_plane *his = control_of(plane);
	struct aether_participant *me = rig_join_with(plane, &alone);
	struct aether_participant_seg *dead = &his->seats[me->slot + 1];
	struct aether_reap_report report;

	is_int(rig_wait(rig_fork(joins_and_dies, plane)), 0, "one has died");
	for (int i = 0; i < 2; i++)
		ae_store64_relaxed(&dead->sight[i],
				   ae_load64_relaxed(&dead->sight[i]) |
					   AETHER_SIGHT_MAKE(~UINT64_C(0), 0));
	is_int(aether_reap(me, &report), 0, "said to have seen 64 segments");
	is_int(report.dead, 1, "its slot is free again");
	is_int(report.unseen, 0, "nothing is left to others");
	ok(rig_all_free(plane), "all are free");
	aether_participant_leave(me);
	aether_plane_detach(his);
	aether_plane_detach(plane);
}

struct spoiled {
	struct aether_plane *plane;
	struct aether_word64 turns, done, taken;
};

/* Some word of control at each turn of those who work, at any moment of it. */
static int forges(void *argument)
{
	struct spoiled *s = argument;
	struct aether_plane *his = control_of(s->plane);
	const struct aether_geometry *g = &his->geometry;
	uint64_t seed = 5;

	for (uint64_t turn = 1;; turn++) {
		/* seldom what is before the tables; no panic and no boot: while
		 * one lasts nobody works */
		uint64_t from = turn % 8 ? g->participants_offset
					 : 4 * AETHER_EPOCHS_LOW;
		uint64_t at = from +
			      rig_random(&seed) % (g->leases_offset - from);
		struct aether_word64 *word = (void *)(his->base + at / 8 * 8);
		uint64_t what = rig_random(&seed);

		while (rig_told(&s->turns) < turn)
			sched_yield();
		if (what % 4 == 0)
			what = 0;
		else if (what % 4 == 1)
			what = ae_load64_relaxed(word) ^ UINT64_C(1)
							     << what / 4 % 64;
		ae_store64_relaxed(word, what);
		rig_tell(&s->done, turn);
	}
	return 0;
}

static int forget(const struct aether_finding *finding, void *unused)
{
	(void)finding;
	(void)unused;
	return 0;
}

/* One turn of work: nothing is waited for. Returns what is wrong. */
static int turn(struct spoiled *s, struct aether_participant *a,
		struct aether_participant *b)
{
	unsigned char *bytes;
	uint64_t handle;
	size_t size;

	if (aether_stride_reserve(a, &handle) < 0)
		return 0;
	if (aether_stride_bytes(a, handle, &size, (void **)&bytes) == 0) {
		if (size != SIZE)
			return 1;
		bytes[0] = bytes[SIZE - 1] = 1;
	}
	if (aether_route(a, handle, aether_participant_tenancy(b)) < 0)
		aether_stride_release(a, handle);
	if (aether_route_take(b, &handle) < 0)
		return 0;
	ae_add64_relaxed(&s->taken, 1);
	aether_stride_release(b, handle);
	aether_reap(b, NULL);
	return 0;
}

static int works(void *argument)
{
	const struct aether_participant_options alone = { .unwatched = 1 };
	struct spoiled *s = argument;
	struct aether_plane *plane = rig_again(s->plane);
	struct aether_participant *a = NULL, *b = NULL;
	int wrong = 0;

	for (int i = 1; i < 10000 && !wrong; i++) {
		if (!a && aether_participant_join(plane, &alone, NULL, &a) < 0)
			a = NULL;
		rig_tell(&s->turns, (uint64_t)i);
		while (rig_told(&s->done) + 1 < (uint64_t)i)
			sched_yield();
		if (!b && aether_participant_join(plane, &alone, NULL, &b) < 0)
			b = NULL;
		if (a && b)
			wrong = turn(s, a, b);
		if (i % 16 == 0) {
			aether_participant_leave(a);
			a = NULL;
		}
		if (i % 64 == 0) {
			if (b)
				aether_doctor_repair(b, forget, NULL);
			aether_participant_leave(b);
			b = NULL;
		}
	}
	return wrong;
}

static void forged(void)
{
	struct spoiled *s = rig_shared(sizeof(*s));
	struct aether_plane *plane = s->plane = create(NULL);
	pid_t pid = rig_fork(forges, s);

	is_int(rig_wait(rig_fork(works, s)), 0,
	       "control is written over: who works there ends well");
	printf("# %llu strides went round meanwhile\n",
	       (unsigned long long)rig_told(&s->taken));
	kill(pid, SIGKILL);
	rig_wait(pid);
	aether_plane_detach(plane);
}

static void tests(void)
{
	int before = rig_descriptors();

	holes();
	header();
	locked_bytes();
	declared_dead();
	no_such_segment();
	forged();
	if (geteuid() == 0) {
		led_away(lures, "files of his own, under another ID");
		led_away(crosses, "files of his segment, as all the others'");
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
