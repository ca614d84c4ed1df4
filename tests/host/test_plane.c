/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planes: create, attach, detach, destroy; named, anonymous, by descriptor;
 * names; modes; observers; what is granted; what is left behind.
 */
#include <grp.h>
#include "../core/rig.h"

#define SIZE 131072

static struct aether_plane_options small = { .strides = 8,
					     .stride_size = SIZE };

static int create(const char *name, struct aether_plane **plane)
{
	struct aether_error error = { .code = 1 };
	int err = aether_plane_create(name, &small, &error, plane);

	if (err < 0 && (error.code != err || strlen(error.text) < 10))
		return 1; /* every failure has its text */
	return err;
}

static int attach(const char *name, struct aether_plane **plane)
{
	struct aether_error error = { .code = 1 };
	int err = aether_plane_attach(name, 0, &error, plane);

	if (err < 0 && (error.code != err || strlen(error.text) < 10))
		return 1;
	return err;
}

static const char *path_of(const char *name)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/aether.%s", rig_directory, name);
	return path;
}

static int files(void)
{
	char command[100];
	FILE *pipe;
	int n = -1;

	snprintf(command, sizeof(command), "ls -A %s | wc -l", rig_directory);
	pipe = popen(command, "r");
	need(pipe && fscanf(pipe, "%d", &n) == 1);
	pclose(pipe);
	return n;
}

static void named(void)
{
	struct aether_plane *one = NULL, *two = NULL, *none = NULL;
	struct aether_plane_info a, b;
	unsigned char *x, *y;

	is_int(attach("rose", &none), AETHER_ENOENT, "not there");
	is_int(aether_plane_destroy("rose", NULL), AETHER_ENOENT, "nor to end");
	is_int(create("rose", &one), 0, "created");
	is_int(create("rose", &none), AETHER_EEXIST, "exists");
	is_int(attach("rose", &two), 0, "attached");
	aether_plane_look(one, &a);
	aether_plane_look(two, &b);
	ok(!memcmp(&a, &b, sizeof(a)), "both know the same of it");
	ok(a.geometry.strides == 8 && a.tag && (a.id[0] || a.id[1]) &&
		   !strcmp(a.layout, "lean") && a.created > 0,
	   "and it is what was asked for");
	ok(aether_plane_base(one) != aether_plane_base(two), "two mappings");
	x = (unsigned char *)aether_plane_base(one) + a.geometry.data_offset;
	y = (unsigned char *)aether_plane_base(two) + a.geometry.data_offset;
	x[5] = 55;
	is_int(y[5], 55, "of one memory");
	is_int(aether_plane_destroy("rose", NULL), 0, "destroyed");
	is_int(attach("rose", &none), AETHER_ENOENT, "its name is gone");
	x[5] = 56;
	is_int(y[5], 56, "its memory is not");
	aether_participant_leave(rig_join(two));
	ok(1, "it can still be joined");
	is_int(aether_plane_detach(one) | aether_plane_detach(two), 0,
	       "detached");
	is_int(aether_plane_detach(NULL), 0, "NULL is allowed");
	is_int(files(), 0, "nothing is left");
	ok(none == NULL, "no failure made anything");
}

static void anonymous(void)
{
	struct aether_plane *one = NULL, *two = NULL;
	struct aether_plane_info info;
	struct stat st;
	int fd;

	is_int(create(NULL, &one), 0, "created without a name");
	is_int(files(), 0, "no file");
	fd = aether_plane_fd(one);
	aether_plane_look(one, &info);
	ok(info.flags & AETHER_FLAG_ANONYMOUS, "says that it is anonymous");
	need(fstat(fd, &st) == 0);
	is_int(st.st_mode & 0777, 0600, "mode 0600");
	ok(ftruncate(fd, 4096) < 0 && ftruncate(fd, st.st_size * 2) < 0,
	   "sealed: neither shorter nor longer");
	ok(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0, "no further seals");
	ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "closed on exec");
	is_int(aether_plane_attach_fd(fd, 0, NULL, &two), 0, "attached by it");
	is_int(fcntl(fd, F_GETFD) < 0, 0, "the descriptor stays ours");
	is_int(aether_plane_detach(one), 0, "the first is detached");
	aether_participant_leave(rig_join(two));
	ok(1, "the second lives on");
	is_int(aether_plane_detach(two), 0, "and is detached");
	is_int(aether_plane_attach_fd(-1, 0, NULL, &two), AETHER_EINVAL,
	       "no descriptor");
}

/* What has a slash is the path of a socket to who attaches; here is none. */
static void bad_name(const char *name, const char *why)
{
	struct aether_plane *none = NULL;
	int expected = AETHER_ENAME;

	if (strchr(name, '/'))
		expected = strcmp(name, "/") ? AETHER_ENOENT : AETHER_EPLANE;
	is_int(create(name, &none), AETHER_ENAME, "create, %s", why);
	is_int(attach(name, &none), expected, "attach, %s", why);
	is_int(aether_plane_destroy(name, NULL), AETHER_ENAME, "destroy, %s",
	       why);
	ok(!none, "nothing is made, %s", why);
}

static void names(void)
{
	char name[302];
	struct aether_plane *plane = NULL;
	struct aether_error error;

	bad_name("", "empty");
	bad_name("a/b", "a slash");
	bad_name("/", "nothing but a slash");
	bad_name("..", "the parent");
	bad_name(".x", "a leading dot");
	bad_name("-x", "a leading dash");
	bad_name("a b", "a space");
	bad_name("a\nb", "a newline");
	bad_name("\033[2Jx", "an escape");
	bad_name("\x80", "a high byte");
	bad_name("a%sb", "a percent sign");
	memset(name, 'n', 301);
	name[300] = 0;
	bad_name(name, "300 characters");
	name[201] = 0;
	bad_name(name, "201 characters");
	aether_plane_create("a\033[2Jb\n", &small, &error, &plane);
	ok(!strchr(error.text, '\033') && !strchr(error.text, '\n'),
	   "no control characters in the text");
	name[200] = 0;
	is_int(create(name, &plane), 0, "200 characters");
	is_int(aether_plane_detach(plane), 0, "detached");
	is_int(aether_plane_destroy(name, NULL), 0, "destroyed");
	is_int(create("Az_0.9-x", &plane), 0, "all that is allowed");
	aether_plane_detach(plane);
	aether_plane_destroy("Az_0.9-x", NULL);
	is_int(files(), 0, "nothing is left");
}

static void options(void)
{
	static const struct {
		struct aether_plane_options o;
		int code;
		const char *why;
	} bad[] = {
		{ { .layout = "inos?" }, AETHER_ELAYOUT, "an unknown layout" },
		{ { .tier = 4 }, AETHER_EINVAL, "an unknown tier" },
		{ { .tier = UINT32_MAX }, AETHER_EINVAL, "tier 2^32 - 1" },
		{ { .strides = 65537 }, AETHER_EINVAL, "65537 strides" },
		{ { .stride_size = 1 }, AETHER_EINVAL, "strides of a byte" },
		{ { .stride_size = UINT64_C(1) << 40 },
		  AETHER_EINVAL,
		  "strides of a TiB" },
		{ { .stride_size = UINT64_MAX }, AETHER_EINVAL, "2^64 - 1" },
		{ { .participants = 65 }, AETHER_EINVAL, "65 participants" },
		{ { .strides = 1, .stride_size = 4096 },
		  AETHER_EGEOMETRY,
		  "a plane of one small stride" },
		{ { .flags = 0x80000000u },
		  AETHER_EINVAL,
		  "CONTRACT plane.h: a flag that is not" },
	};
	struct aether_plane *plane = NULL;
	struct aether_error error;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error.text[0] = 0;
		is_int(aether_plane_create("bad", &bad[i].o, &error, &plane),
		       bad[i].code, "%s", bad[i].why);
		ok(strlen(error.text) > 10 || plane, "has a text: %s",
		   error.text);
		if (plane) {
			aether_plane_detach(plane);
			aether_plane_destroy("bad", NULL);
		}
		plane = NULL;
	}
	is_int(files(), 0, "nothing is left");
}

static void tiers(void)
{
	static const uint32_t strides[] = { 256, 512, 1024, 2048 };
	struct aether_plane *plane = NULL;
	struct aether_plane_info info;

	for (uint32_t tier = 0; tier < 4; tier++) {
		struct aether_plane_options o = { .tier = tier };

		is_int(aether_plane_create(NULL, tier ? &o : NULL, NULL,
					   &plane),
		       0, "tier %u", tier);
		aether_plane_look(plane, &info);
		ok(info.geometry.strides == strides[tier] &&
			   info.geometry.stride_size == SIZE &&
			   info.geometry.participants == 64,
		   "tier %u: %u strides", tier, info.geometry.strides);
		aether_plane_detach(plane);
	}
}

static void mode_is(const char *name, uint32_t asked, mode_t wanted)
{
	struct aether_plane_options o = small;
	struct aether_plane *plane = NULL;
	struct stat st;

	o.mode = asked;
	need(aether_plane_create(name, &o, NULL, &plane) == 0);
	need(stat(path_of(name), &st) == 0);
	is_int(st.st_mode & 07777, wanted, "mode %o, asked for %o", wanted,
	       asked);
	aether_plane_detach(plane);
	aether_plane_destroy(name, NULL);
}

static void modes(void)
{
	mode_t before = umask(0077);

	mode_is("m", 0, 0600);
	mode_is("m", 0666, 0666);
	mode_is("m", 0640, 0640);
	umask(0777);
	mode_is("m", 0660, 0660);
	umask(0);
	mode_is("m", 0, 0600);
	umask(before);
}

static int as_nobody(void *unused)
{
	struct aether_plane *plane = NULL;

	(void)unused;
	if (chmod(rig_directory, 0777) < 0 || setgroups(0, NULL) < 0 ||
	    setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	if (attach("private", &plane) != AETHER_EACCES)
		return 2;
	if (attach("readable", &plane) != AETHER_EACCES)
		return 3;
	if (aether_plane_attach("readable", AETHER_ATTACH_OBSERVE, NULL,
				&plane) < 0)
		return 4;
	return 0;
}

static void rights(void)
{
	struct aether_plane_options o = small;
	struct aether_plane *a, *b;

	if (geteuid() != 0) {
		skip("rights of others: needs root to become nobody");
		return;
	}
	need(create("private", &a) == 0);
	o.mode = 0644;
	need(aether_plane_create("readable", &o, NULL, &b) == 0);
	is_int(rig_wait(rig_fork(as_nobody, NULL)), 0,
	       "another user: EACCES; reads what it may read");
	aether_plane_detach(a);
	aether_plane_detach(b);
	aether_plane_destroy("private", NULL);
	aether_plane_destroy("readable", NULL);
}

static int write_to(void *at)
{
	rig_expect_fault();
	rig_touch(at, 1);
	return 0;
}

/* In a child of its own, for a mapping is not inherited. */
static int observe(void *how)
{
	struct aether_plane *plane = NULL;

	if (aether_plane_attach("o", AETHER_ATTACH_OBSERVE, NULL, &plane) < 0)
		return 1;
	return write_to((char *)aether_plane_base(plane) + *(uint64_t *)how);
}

static int read_only_fd(void *unused)
{
	struct aether_plane *plane = NULL;
	int fd = open(path_of("o"), O_RDONLY);

	(void)unused;
	if (aether_plane_attach_fd(fd, 0, NULL, &plane) != AETHER_EACCES)
		return 1;
	return aether_plane_attach_fd(fd, AETHER_ATTACH_OBSERVE, NULL,
				      &plane) != 0;
}

static void observers(void)
{
	struct aether_plane *plane = NULL;
	struct aether_plane_info info;

	need(create("o", &plane) == 0);
	aether_plane_look(plane, &info);
	is_int(rig_wait(rig_fork(observe, &(uint64_t) { 0 })), FAULT,
	       "an observer that writes to an epoch: a fault");
	is_int(rig_wait(rig_fork(observe, &info.geometry.leases_offset)), FAULT,
	       "to a lease: a fault");
	is_int(rig_wait(rig_fork(observe, &info.geometry.data_offset)), FAULT,
	       "to data: a fault");
	is_int(rig_wait(rig_fork(read_only_fd, NULL)), 0,
	       "a descriptor for reading: observers only");
	aether_plane_detach(plane);
	aether_plane_destroy("o", NULL);
}

static void grants(void)
{
	struct aether_plane_options o = { .strides = 32,
					  .stride_size = SIZE,
					  .flags = AETHER_FLAG_HUGE |
						   AETHER_FLAG_LOCK };
	struct aether_plane *plane = NULL;
	struct aether_plane_info info;

	is_int(aether_plane_create(NULL, &o, NULL, &plane), 0,
	       "huge and locked: asked for, no condition");
	aether_plane_look(plane, &info);
	ok(info.flags & AETHER_FLAG_HUGE && info.flags & AETHER_FLAG_LOCK,
	   "what was asked for is noted");
	ok(info.huge_bytes <= info.geometry.plane_size &&
		   info.huge_bytes % AETHER_HUGE_PAGE_SIZE == 0,
	   "huge pages granted: %llu bytes",
	   (unsigned long long)info.huge_bytes);
	ok(info.locked_bytes == 0 ||
		   (info.locked_bytes >= 32 * SIZE &&
		    info.locked_bytes <= info.geometry.plane_size),
	   "locked: %llu bytes", (unsigned long long)info.locked_bytes);
	aether_plane_detach(plane);
}

static int note(const char *name, void *user)
{
	char *all = user;

	strcat(strcat(all, name), " ");
	return strcmp(name, "stop") == 0 ? 7 : 0;
}

static void lists(void)
{
	struct aether_plane *a, *b;
	char all[200] = "";
	int fd;

	is_int(aether_plane_list(note, all), 0, "no plane");
	ok(!all[0], "no name");
	need(create("one", &a) == 0 && create("two", &b) == 0);
	snprintf(all + 100, 100, "%s/other", rig_directory);
	need((fd = open(all + 100, O_CREAT | O_WRONLY, 0600)) >= 0);
	close(fd);
	is_int(aether_plane_list(note, all), 0, "two planes");
	unlink(all + 100);
	ok(strstr(all, "one ") && strstr(all, "two ") && strlen(all) == 8,
	   "two names: %s", all);
	aether_plane_detach(a);
	aether_plane_detach(b);
	aether_plane_destroy("one", NULL);
	aether_plane_destroy("two", NULL);
	need(create("stop", &a) == 0);
	is_int(aether_plane_list(note, all), 7, "stops when told to");
	aether_plane_detach(a);
	aether_plane_destroy("stop", NULL);
}

static void tests(void)
{
	int before = rig_descriptors();

	named();
	anonymous();
	names();
	options();
	tiers();
	modes();
	rights();
	observers();
	grants();
	lists();
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
