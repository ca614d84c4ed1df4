/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creating, against others and against want of space: a name never shows half
 * a plane, one creator wins, nothing is left behind by those that fail.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include "../core/rig.h"

#define SIZE 65536

static struct aether_plane_options small = { .strides = 8,
					     .stride_size = SIZE };

/* Files in the directory of planes, temporaries too. */
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

/* What those who make and those who attach tell each other. */
struct race {
	uint64_t end, limit;
	struct aether_word64 made, met[2];
};

static struct race *race;

static int met_enough(void)
{
	return rig_told(&race->made) > 50 && rig_told(&race->met[0]) &&
	       rig_told(&race->met[1]);
}

/* For a while, and until they have met. */
static int goes_on(void)
{
	uint64_t now = aether_clock_now();

	return now < race->end || (!met_enough() && now < race->limit);
}

static int creates_and_destroys(void *unused)
{
	struct aether_plane *plane;

	(void)unused;
	while (goes_on()) {
		if (aether_plane_create("half", &small, NULL, &plane) < 0)
			return 1;
		if (aether_plane_destroy("half", NULL) < 0)
			return 2;
		aether_plane_detach(plane);
		ae_add64_relaxed(&race->made, 1);
	}
	return met_enough() ? 0 : 3;
}

/* Only ENOENT, or a whole plane that can be used. */
static int attaches(void *met)
{
	while (goes_on()) {
		struct aether_plane *plane = NULL;
		struct aether_error error;
		int err = aether_plane_attach("half", 0, &error, &plane);

		if (err == AETHER_ENOENT)
			continue;
		if (err < 0) {
			printf("# %s\n", error.text);
			fflush(stdout);
			return 1;
		}
		if (plane->geometry.strides != 8 || !rig_all_free(plane))
			return 2;
		aether_plane_detach(plane);
		rig_tell(met, 1);
	}
	return rig_told(met) ? 0 : 3;
}

static void never_half(void)
{
	pid_t maker, a, b;

	race = rig_shared(sizeof(*race));
	race->end = aether_clock_after(SECOND);
	race->limit = aether_clock_after(RIG_HANG);
	maker = rig_fork(creates_and_destroys, NULL);
	a = rig_fork(attaches, &race->met[0]);
	b = rig_fork(attaches, &race->met[1]);
	is_int(rig_wait(maker), 0, "one creates and destroys for a second");
	is_int(rig_wait(a) | rig_wait(b), 0,
	       "two attach: there is no plane, or a whole one");
	is_int(files(), 0, "nothing is left");
}

static int one_of_many(void *argument)
{
	struct aether_plane *plane;
	int err;

	while (!rig_told(argument))
		sched_yield();
	err = aether_plane_create("one", &small, NULL, &plane);
	return err == 0 ? 0 : err == AETHER_EEXIST ? 1 : 2;
}

static void one_wins(void)
{
	struct aether_word64 *go = rig_shared(64);
	int won = 0, told = 0;

	for (int round = 0; round < 40; round++) {
		pid_t pids[4];

		rig_tell(go, 0);
		for (int i = 0; i < 4; i++)
			pids[i] = rig_fork(one_of_many, go);
		rig_sleep(2 * MS);
		rig_tell(go, 1);
		for (int i = 0; i < 4; i++) {
			int status = rig_wait(pids[i]);

			won += status == 0;
			told += status == 1;
		}
		need(aether_plane_destroy("one", NULL) == 0);
	}
	is_int(won, 40, "four create at once, 40 times: one wins");
	is_int(told, 120, "the others are told EEXIST");
	is_int(files(), 0, "nothing is left");
}

/* Killed while creating: no plane under the name, and the next one can. */
static int creates_large(void *unused)
{
	struct aether_plane_options o = { .tier = AETHER_TIER_DEDICATED };
	struct aether_plane *plane;

	(void)unused;
	return aether_plane_create("killed", &o, NULL, &plane) != 0;
}

static void killed(void)
{
	int half = 0;

	for (int i = 0; i < 20; i++) {
		struct aether_plane *plane = NULL;
		pid_t pid = rig_fork(creates_large, NULL);
		int err;

		rig_sleep((uint64_t)i * 3 * MS);
		kill(pid, SIGKILL);
		rig_wait(pid);
		err = aether_plane_attach("killed", 0, NULL, &plane);
		half += err != 0 && err != AETHER_ENOENT;
		aether_plane_detach(plane);
		aether_plane_destroy("killed", NULL);
	}
	is_int(half, 0, "killed while creating: no plane, or a whole one");
	is_int(files(), 0, "and nothing of the killed is left (O_TMPFILE)");
	is_int(system("rm -f \"$AETHER_DIR\"/aether..*"), 0, "cleaned");
}

/* In a mount namespace of its own: a file system of `size`. */
static int mount_small(const char *size)
{
	char options[40];

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	snprintf(options, sizeof(options), "size=%s", size);
	return mount("tmpfs", rig_directory, "tmpfs", 0, options);
}

static int on_full(void *argument)
{
	struct aether_plane_options o = { .strides = 64, .stride_size = SIZE };
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;
	int before = rig_descriptors();
	int err;

	if (mount_small(argument) < 0)
		return 50;
	err = aether_plane_create("full", &o, &error, &plane);
	printf("# %s\n", error.text);
	fflush(stdout);
	if (err != AETHER_ENOSPC || plane)
		return 1;
	if (files() != 0)
		return 2;
	if (rig_descriptors() != before)
		return 3;
	if (aether_plane_create("fits", &small, NULL, &plane) < 0)
		return 4;
	return 0;
}

/* A tmpfs without a limit says that it has 0 blocks of which 0 are free. */
static int without_limit(void *unused)
{
	struct aether_plane *plane = NULL;

	(void)unused;
	if (mount_small("0") < 0)
		return 50;
	return aether_plane_create("x", &small, NULL, &plane) != 0;
}

static void want_of_space(void)
{
	int status = rig_wait(rig_fork(on_full, "2m"));

	if (status == 50) {
		skip("a full file system: cannot mount here");
		return;
	}
	is_int(status, 0, "a full file system: ENOSPC, nothing is left");
	is_int(rig_wait(rig_fork(without_limit, NULL)), 0,
	       "a tmpfs without a limit (size=0) has space");
}

/* A TiB of memory that has no file system's limit: told at once, not found
 * out page by page until somebody is killed for it. */
static int tebibyte(void *name)
{
	struct aether_plane_options o = { .strides = 65536,
					  .stride_size = 16777216 };
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;
	int err;

	err = aether_plane_create(name, &o, &error, &plane);
	printf("# %s\n", error.text);
	fflush(stdout);
	return err == AETHER_ENOSPC || err == AETHER_ENOMEM ? 0 : 1;
}

/* The processor's time that a child has used; what takes memory takes that. */
static uint64_t used_by(pid_t pid)
{
	struct timespec t = { .tv_sec = 0 };
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) == 0)
		clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void too_large(const char *name, const char *what)
{
	pid_t pid = rig_fork(tebibyte, (void *)name);
	uint64_t limit = used_by(pid) + (RIG_SLOW ? SECOND : 200 * MS);
	int status = -1;

	while (used_by(pid) < limit && status < 0) {
		int raw;

		if (waitpid(pid, &raw, WNOHANG) == pid)
			status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128;
		rig_sleep(MS);
	}
	if (status < 0) { /* it is eating the machine's memory: stop it */
		kill(pid, SIGKILL);
		status = rig_wait(pid);
	}
	is_int(status, 0, "%s of 1 TiB is refused at once", what);
}

static void no_descriptors(void)
{
	struct rlimit limit, none;
	struct aether_plane *plane = NULL;
	struct aether_error error = { .code = 0 };
	int before = rig_descriptors();
	int err;

	need(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (rlim_t more = 0; more < 4; more++) {
		none = limit;
		none.rlim_cur = (rlim_t)before + more;
		need(setrlimit(RLIMIT_NOFILE, &none) == 0);
		err = aether_plane_create("fds", &small, &error, &plane);
		need(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		ok(err == 0 || (err < 0 && error.text[0]),
		   "%d more descriptors: %s", (int)more,
		   err ? error.text : "created");
		if (err == 0) {
			aether_plane_detach(plane);
			aether_plane_destroy("fds", NULL);
		}
	}
	is_int(rig_descriptors(), before, "none is left open");
	is_int(files(), 0, "no file is left");
}

static void no_directory(void)
{
	struct aether_error error = { .code = 0 };
	struct aether_plane *plane = NULL;
	int before = rig_descriptors();
	int err;

	setenv("AETHER_DIR", "/dev/shm/no/such", 1);
	err = aether_plane_create("x", &small, &error, &plane);
	ok(err < 0 && error.text[0], "no directory, create: %s", error.text);
	err = aether_plane_attach("x", 0, &error, &plane);
	is_int(err, AETHER_ENOENT, "no directory, attach");
	ok(aether_plane_list(NULL, NULL) < 0, "no directory, list");
	setenv("AETHER_DIR", rig_directory, 1);
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

static void tags(void)
{
	struct aether_plane *a, *b;
	int same = 0;

	for (int i = 0; i < 300; i++) {
		need(aether_plane_create(NULL, &small, NULL, &a) == 0);
		need(aether_plane_create(NULL, &small, NULL, &b) == 0);
		same += a->tag == b->tag || !a->tag || a->tag > 255;
		aether_plane_detach(a);
		aether_plane_detach(b);
	}
	is_int(same, 0, "planes made one after the other differ in their tag");
}

static void tests(void)
{
	int before = rig_descriptors();

	never_half();
	one_wins();
	killed();
	want_of_space();
	too_large("tebi", "a named plane");
	too_large(NULL, "an anonymous plane");
	no_descriptors();
	no_directory();
	tags();
	is_int(rig_descriptors(), before, "no descriptor is left open");
}

int main(void)
{
	return rig_run(tests);
}
