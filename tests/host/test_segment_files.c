/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a named plane's segments: modes and groups are rights, also of a
 * second user; they come and go with their plane, whoever is killed.
 */
#include <grp.h>
#include <sys/file.h>
#include "posix.h"
#include "segments.h"

static int note(const char *name, void *user)
{
	strcat(strcat(user, name), " ");
	return 0;
}

static void named(void)
{
	struct aether_plane *one = create("rose"), *two = NULL;
	struct aether_participant *me;
	char all[200] = "";
	uint64_t handle;
	void *bytes;

	is_int(files(NULL, NULL), OBJECTS, "one file, and two a segment");
	is_int(files(".rose@", NULL), OBJECTS - 1, "which have its name");
	is_int(aether_plane_list(note, all), 0, "listed");
	ok(!strcmp(all, "rose "), "is the plane alone: %s", all);
	is_int(aether_plane_attach("rose", 0, NULL, &two), 0, "attached");
	is_int(digits(two), 3333, "with all rights");
	me = rig_join(two);
	need(aether_stride_reserve_in(me, 3, &handle) == 0);
	need(aether_stride_bytes(me, handle, NULL, &bytes) == 0);
	*(char *)bytes = 77;
	is_int(one->base[(unsigned char *)bytes - two->base], 77,
	       "of one memory");
	is_int(aether_plane_destroy("rose", NULL), 0, "destroyed");
	is_int(files(NULL, NULL), 0, "no file is left");
	*(char *)bytes = 78;
	aether_participant_leave(me);
	ok(rig_all_free(one), "its memory is there still");
	aether_plane_detach(one);
	aether_plane_detach(two);
}

static void set_mode(const char *part, mode_t mode)
{
	char path[300];

	need(files(part, path) == 1);
	need(chmod(path, mode) == 0);
}

struct user {
	uint64_t tenancy; /* of one that sends to it */
	struct aether_word64 joined, sent;
};

/* What is tried in a child. */
struct attempt {
	uint64_t at;
	int write;
};

/* A store, tried in a child that has the same rights as this process. */
static int store(void *argument)
{
	struct attempt *a = argument;
	struct aether_plane *plane = NULL;

	if (aether_plane_attach("shared", 0, NULL, &plane) < 0)
		return 1;
	rig_expect_fault();
	rig_touch(plane->base + a->at, a->write);
	return 0;
}

/* Is what the plane's own descriptor refuses refused through /proc as well? */
static int cannot_reopen(const struct aether_plane *plane)
{
	struct aether_plane_objects o;
	char path[40];

	aether_plane_objects(plane, &o);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", o.data[1]);
	return open(path, O_RDWR) < 0 && errno == EACCES;
}

static int use(struct aether_participant *me, struct user *user)
{
	struct aether_plane *plane = aether_participant_plane(me);
	uint64_t handle, taken;
	void *bytes;

	if (aether_stride_reserve_in(me, 0, &handle) < 0 ||
	    aether_stride_bytes(me, handle, NULL, &bytes) < 0)
		return 10;
	*(char *)bytes = 1;
	for (uint32_t i = 1; i < SEGMENTS; i++)
		if (aether_stride_reserve_in(me, i, &taken) != AETHER_EACCES)
			return 11;
	if (aether_route(me, handle, user->tenancy) < 0)
		return 12;
	rig_tell(&user->joined, aether_participant_tenancy(me));
	rig_await(&user->sent, 1);
	if (aether_route_take_until(me, AETHER_FOREVER, &taken) < 0 ||
	    aether_stride_bytes(me, taken, NULL, &bytes) < 0)
		return 13;
	if (*(char *)bytes != 42)
		return 14;
	if (aether_stride_release(me, taken) < 0)
		return 15;
	return cannot_reopen(plane) ? 0 : 16;
}

static int as_nobody(void *argument)
{
	struct aether_plane *plane = NULL;
	struct aether_participant *me = NULL;
	struct aether_segment_info is;
	struct attempt a = { .write = 1 };
	gid_t group = NOBODY;
	int err;

	if (setgroups(1, &group) < 0 || setgid(NOBODY) < 0 ||
	    setuid(NOBODY) < 0)
		return 1;
	if (aether_plane_attach("shared", 0, NULL, &plane) < 0)
		return 2;
	if (digits(plane) != 3210)
		return 3;
	need(aether_segment_look(plane, 1, &is) == 0);
	a.at = is.data_offset;
	if (rig_wait(rig_fork(store, &a)) != FAULT)
		return 4;
	a.write = 0;
	if (rig_wait(rig_fork(store, &a)) != 0)
		return 5;
	if (aether_participant_join(plane, NULL, NULL, &me) < 0)
		return 6;
	err = use(me, argument);
	aether_participant_leave(me);
	aether_plane_detach(plane);
	return err;
}

/* What an administrator sets, by mode and by group, is what a user has. */
static void second_user(void)
{
	struct aether_plane *plane;
	struct user *user;
	struct aether_participant *me;
	uint64_t handle, taken, to;
	char path[300];
	void *bytes;
	pid_t pid;

	if (geteuid() != 0) {
		skip("rights of a second user: needs root to become nobody");
		return;
	}
	plane = create("shared");
	user = rig_shared(sizeof(*user));
	me = rig_join(plane);
	user->tenancy = aether_participant_tenancy(me);
	need(chmod(rig_directory, 0755) == 0);
	snprintf(path, sizeof(path), "%s/aether.shared", rig_directory);
	need(chmod(path, 0666) == 0);
	set_mode("leases.0", 0660);
	set_mode("data.0", 0660);
	need(files("leases.0", path) == 1 && chown(path, 0, NOBODY) == 0);
	need(files("data.0", path) == 1 && chown(path, 0, NOBODY) == 0);
	set_mode("leases.1", 0666);
	set_mode("data.1", 0644);
	set_mode("leases.2", 0666);
	set_mode("leases.3", 0640);
	set_mode("data.3", 0666);
	pid = rig_fork(as_nobody, user);
	while (!(to = rig_told(&user->joined)) &&
	       waitpid(pid, NULL, WNOHANG) == 0)
		rig_sleep(MS);
	need(aether_stride_reserve_in(me, 1, &handle) == 0);
	need(aether_stride_bytes(me, handle, NULL, &bytes) == 0);
	*(char *)bytes = 42;
	is_int(aether_route(me, handle, to), 0, "routed to a second user");
	rig_tell(&user->sent, 1);
	is_int(rig_wait(pid), 0,
	       "who has write, read, route, none; and a "
	       "fault, really trying to write");
	is_int(aether_route_take(me, &taken), 0, "its own was routed back");
	need(aether_stride_reserve_in(me, 3, &handle) == 0);
	aether_participant_leave(me);
	ok(rig_all_free(plane), "all are free");
	aether_plane_detach(plane);
	aether_plane_destroy("shared", NULL);
	is_int(files(NULL, NULL), 0, "no file is left");
}

/* Files of a plane that are missing, cut off, or another's. */
static void damaged(void)
{
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = create("torn"), *none = NULL;
	char path[300], away[320];

	aether_plane_detach(plane);
	need(files("data.2", path) == 1);
	need(truncate(path, EACH * SIZE - 1) == 0);
	is_int(aether_plane_attach("torn", 0, &error, &none), AETHER_ETRUNC,
	       "a byte short: %s", error.text);
	need(truncate(path, EACH * SIZE) == 0);
	snprintf(away, sizeof(away), "%s/away", rig_directory);
	need(rename(path, away) == 0);
	is_int(aether_plane_attach("torn", 0, &error, &none), AETHER_ECORRUPT,
	       "missing: %s", error.text);
	need(symlink(away, path) == 0);
	ok(aether_plane_attach("torn", 0, &error, &none) < 0,
	   "a symbolic link: %s", error.text);
	need(unlink(path) == 0 && mkfifo(path, 0600) == 0);
	is_int(aether_plane_attach("torn", 0, &error, &none), AETHER_EPLANE,
	       "a fifo: %s", error.text);
	need(unlink(path) == 0 && rename(away, path) == 0);
	is_int(aether_plane_attach("torn", 0, &error, &plane), 0, "mended");
	aether_plane_detach(plane);
	is_int(aether_plane_destroy("torn", NULL), 0, "destroyed");
	is_int(files(NULL, NULL), 0, "no file is left");
	ok(!none, "no failure made anything");
}

static int put(const char *file)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", rig_directory, file);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	need(fd >= 0);
	return fd;
}

/* What a killed creator left goes with the next plane of that name; what one
 * that lives makes, and what only looks like it, stays. */
static void left_over(void)
{
	static const char *const others[] = {
		"aether..ab@0123456789abcdef.data.0",
		"aether..b@0123456789abcdef.data.0",
		"aether..a@0123456789abcde.data.0",
		"aether..a.data.0",
	};
	struct aether_plane *plane;
	int fd;

	for (int i = 0; i < 4; i++)
		close(put(others[i]));
	close(put("aether..a@0123456789abcdef.leases.0"));
	close(put("aether..a@fedcba9876543210.data.3"));
	fd = put("aether..a@00000000deadbeef.data.0");
	need(flock(fd, LOCK_EX) == 0);
	plane = create("a");
	is_int(files("..a@", NULL), OBJECTS - 1 + 2,
	       "what the killed left is gone, what is locked is not");
	is_int(files("deadbeef", NULL), 1, "that is its maker's");
	is_int(aether_plane_destroy("a", NULL), 0, "destroyed");
	aether_plane_detach(plane);
	close(fd);
	is_int(files("..a@", NULL), 2, "its maker has ended");
	is_int(aether_plane_destroy("a", NULL), AETHER_ENOENT,
	       "there is no plane to destroy");
	is_int(files("..a@", NULL), 1, "but something to remove");
	is_int(files(NULL, NULL), 4, "what only looks like it stays");
	need(system("rm -f \"$AETHER_DIR\"/aether..*") == 0);
}

static int creates(void *unused)
{
	struct aether_plane_options o = options;
	struct aether_plane *plane;

	(void)unused;
	o.stride_size = 1 << 20;
	return aether_plane_create("killed", &o, NULL, &plane) != 0;
}

static void killed(void)
{
	int half = 0, whole = 0, before = 0, left = 0;

	for (int i = 0; i < 30; i++) {
		struct aether_plane *plane = NULL;
		pid_t pid = rig_fork(creates, NULL);
		int err;

		rig_sleep((uint64_t)i * 2 * MS);
		kill(pid, SIGKILL);
		rig_wait(pid);
		err = aether_plane_attach("killed", 0, NULL, &plane);
		half += err != 0 && err != AETHER_ENOENT;
		whole += err == 0;
		before += err == AETHER_ENOENT;
		aether_plane_detach(plane);
		aether_plane_destroy("killed", NULL);
		left += files(NULL, NULL) != 0;
	}
	is_int(half, 0, "killed while creating: no plane (%d), or whole (%d)",
	       before, whole);
	is_int(left, 0, "and destroy removes whatever is left");
}

static int sweeps(void *done)
{
	while (!rig_told(done))
		ae_posix_files_sweep("swept", 0);
	return 0;
}

/* Who removes what is left over leaves alone what is being made. */
static void swept_meanwhile(void)
{
	struct aether_word64 *done = rig_shared(sizeof(*done));
	struct aether_plane_options o = { .strides = 64 * EACH,
					  .stride_size = 2 * SIZE,
					  .participants = 4,
					  .segments = 64 };
	pid_t pid = rig_fork(sweeps, done);
	int torn = 0;

	for (int i = 0; i < 20; i++) {
		struct aether_plane *plane = NULL, *two = NULL;

		need(aether_plane_create("swept", &o, NULL, &plane) == 0);
		torn += aether_plane_attach("swept", 0, NULL, &two) != 0;
		aether_plane_detach(two);
		aether_plane_detach(plane);
		need(aether_plane_destroy("swept", NULL) == 0);
	}
	rig_tell(done, 1);
	is_int(rig_wait(pid), 0, "one removes what is left over, all the time");
	is_int(torn, 0, "20 planes of 129 files are made, and whole");
	is_int(files(NULL, NULL), 0, "nothing is left");
}

/* Several create, destroy and attach at once: each plane is whole. */
struct race {
	struct aether_word64 made, met;
	uint64_t end;
};

static int goes_on(const struct race *race)
{
	uint64_t now = aether_clock_now();

	return now < race->end &&
	       (rig_told(&race->made) < 100 || rig_told(&race->met) < 20);
}

static int creates_and_destroys(void *argument)
{
	struct race *race = argument;
	struct aether_plane *plane = NULL;

	while (goes_on(race)) {
		int err = aether_plane_create("race", &options, NULL, &plane);

		if (err == AETHER_EEXIST)
			continue;
		if (err < 0)
			return 1;
		err = aether_plane_destroy("race", NULL);
		aether_plane_detach(plane);
		if (err < 0)
			return 2;
		ae_add64_relaxed(&race->made, 1);
	}
	return 0;
}

static int attaches(void *argument)
{
	struct race *race = argument;

	while (goes_on(race)) {
		struct aether_plane *plane = NULL;
		struct aether_error error;
		int err = aether_plane_attach("race", 0, &error, &plane);

		if (err == AETHER_ENOENT)
			continue;
		if (err < 0) {
			printf("# %s\n", error.text);
			fflush(stdout);
			return 1;
		}
		if (digits(plane) != 3333 || !rig_all_free(plane))
			return 2;
		aether_plane_detach(plane);
		ae_add64_relaxed(&race->met, 1);
	}
	return 0;
}

static void never_half(void)
{
	struct race *race = rig_shared(sizeof(*race));
	pid_t pids[4];
	int status = 0;

	race->end = aether_clock_after(RIG_HANG);
	for (int i = 0; i < 4; i++)
		pids[i] = rig_fork(i < 2 ? creates_and_destroys : attaches,
				   race);
	for (int i = 0; i < 4; i++)
		status |= rig_wait(pids[i]);
	is_int(status, 0, "two create and destroy, two attach");
	ok(rig_told(&race->made) >= 100 && rig_told(&race->met) >= 20,
	   "%llu planes, met %llu times: whole, or none",
	   (unsigned long long)rig_told(&race->made),
	   (unsigned long long)rig_told(&race->met));
	is_int(files(NULL, NULL), 0, "nothing is left");
}

static void tests(void)
{
	int before = rig_descriptors();

	named();
	second_user();
	damaged();
	left_over();
	killed();
	swept_meanwhile();
	never_half();
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
