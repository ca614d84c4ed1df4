/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Space for the output, asked for ahead: what a file has got is seen by its
 * blocks. In steps, never more than expected, given back in the end, whatever
 * happens to the stream; nothing where it does not pay or cannot be. Files
 * without a name on ext4, wherever there is one, and on a small one that the
 * test mounts for itself alone.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include "ahead.h"
#include "flow_trial.h"

#define MIB ((uint64_t)1 << 20)
#define STEP (64 * MIB)
#define SLACK (256 * 1024) /* what a file system needs for itself */
#define LENGTH (3 * 65536 + 77)

static uint8_t input[LENGTH];
static char place[PATH_MAX]; /* a directory on ext4 */

static int open_here(const char *directory, int flags)
{
	return open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC | flags, 0600);
}

static int is_good(const char *directory)
{
	struct statvfs room;
	struct statfs fs;
	int fd = open_here(directory, 0);

	if (fd < 0)
		return 0;
	close(fd);
	return statfs(directory, &fs) == 0 && fs.f_type == EXT4_SUPER_MAGIC &&
	       statvfs(directory, &room) == 0 &&
	       (uint64_t)room.f_bavail * room.f_frsize > 1024 * MIB;
}

static int find_place(void)
{
	const char *const where[] = { getenv("O"), ".", "/tmp", "/var/tmp" };

	for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++)
		if (where[i] && is_good(where[i])) {
			snprintf(place, sizeof(place), "%s", where[i]);
			return 1;
		}
	return 0;
}

static uint64_t blocks(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : (uint64_t)st.st_blocks * 512;
}

static uint64_t size(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? UINT64_MAX : (uint64_t)st.st_size;
}

static int about(uint64_t got, uint64_t wanted)
{
	return got >= wanted && got <= wanted + SLACK;
}

static void steps(void)
{
	struct ae_ahead ahead;
	int fd = open_here(place, 0);

	ae_ahead_open(&ahead, fd, 2 * STEP + 5 * MIB);
	is_int(blocks(fd), 0, "nothing is asked for before it begins");
	ae_ahead_ask(&ahead, 0);
	ok(about(blocks(fd), STEP), "the first step: %llu bytes",
	   (unsigned long long)blocks(fd));
	ok(write(fd, input, 5) == 5, "five bytes are written");
	ae_ahead_ask(&ahead, 5);
	ae_ahead_ask(&ahead, STEP - 1);
	ok(about(blocks(fd), STEP), "no second step before the first is full");
	ae_ahead_ask(&ahead, STEP);
	ok(about(blocks(fd), 2 * STEP), "the second step: %llu bytes",
	   (unsigned long long)blocks(fd));
	ae_ahead_ask(&ahead, 2 * STEP);
	ok(about(blocks(fd), 2 * STEP + 5 * MIB), "no more than is expected");
	ae_ahead_ask(&ahead, 3 * STEP);
	ok(about(blocks(fd), 2 * STEP + 5 * MIB), "nor when more comes");
	is_int(size(fd), 5, "the file is as long as what was written");
	ae_ahead_close(&ahead);
	ok(blocks(fd) <= SLACK, "what was not used is given back: %llu left",
	   (unsigned long long)blocks(fd));
	is_int(size(fd), 5, "and the file is as long as before");
	close(fd);
}

/* Nothing is asked for, and the file is not touched. */
static void nothing(int fd, uint64_t expected, const char *what)
{
	struct ae_ahead ahead;
	uint64_t before = blocks(fd), long_ago = size(fd);

	ae_ahead_open(&ahead, fd, expected);
	ae_ahead_ask(&ahead, 0);
	is_int(blocks(fd), before, "%s: nothing is asked for", what);
	ae_ahead_close(&ahead);
	is_int(size(fd), long_ago, "%s: the file is not touched", what);
	close(fd);
}

static void elsewhere(void)
{
	int ends[2], fd;

	nothing(open_here(place, 0), 0, "not known how much");
	nothing(open_here(place, 0), UINT64_MAX, "more than can be");
	fd = open_here(place, 0);
	fcntl(fd, F_SETFL, O_APPEND);
	nothing(fd, MIB, "appending");
	nothing(trial_file("abc", 3), MIB, "another file system");
	nothing(open("/dev/null", O_WRONLY | O_CLOEXEC), MIB, "a device");
	if (pipe2(ends, O_CLOEXEC) == 0) {
		nothing(ends[1], MIB, "a pipe");
		close(ends[0]);
	}
}

/* A place in the middle of a file that was there before. */
static void in_the_middle(void)
{
	struct ae_ahead ahead;
	int fd = open_here(place, 0);

	ok(pwrite(fd, input, LENGTH, 10 * MIB) == LENGTH, "an old file");
	lseek(fd, 1000, SEEK_SET);
	ae_ahead_open(&ahead, fd, MIB);
	ae_ahead_ask(&ahead, 0);
	ok(about(blocks(fd), MIB + LENGTH), "asked for from its place on");
	ae_ahead_close(&ahead);
	is_int(size(fd), 10 * MIB + LENGTH, "it is as long as before");
	close(fd);
}

static int fails_late(void *state, const struct aether_piece *piece)
{
	(void)state;
	return piece->offset >= 2 * 65536 ? -5 : 0;
}

/* Meanwhile the file has what was asked for. */
struct seen {
	int fd;
	uint64_t most;
};

static void look(void *user, const void *bytes, size_t length)
{
	struct seen *seen = user;

	(void)bytes;
	(void)length;
	if (blocks(seen->fd) > seen->most)
		seen->most = blocks(seen->fd);
}

/* A stream of LENGTH bytes, though more were expected. */
static void stream(int breaks)
{
	struct aether_burn burn = { .name = "late", .burn = fails_late };
	struct trial t = { .workers = 1 };
	struct seen seen = { .most = 0 };
	const char *what = breaks ? "broken off" : "shorter than expected";

	t.ingress.fd = trial_file(input, LENGTH);
	t.ingress.format = AETHER_FORMAT_SLICED;
	t.egress.fd = open_here(place, 0);
	t.egress.expected = 100 * MIB;
	t.egress.tap = (struct aether_flow_tap) { look, &seen };
	seen.fd = t.egress.fd;
	t.worker[0].burns = &burn;
	t.worker[0].count = (uint32_t)breaks;
	if (!ok(trial_open(&t) == 0, "%s: a plane", what))
		return;
	trial_go(&t);
	is_int(t.stage[EGRESS].result, breaks ? AETHER_ESTAGE : 0,
	       "%s: how it ends", what);
	ok(about(seen.most, STEP), "%s: meanwhile it had a step", what);
	if (!breaks)
		ok(trial_holds(t.egress.fd, input, LENGTH), "%s: it is right",
		   what);
	ok(blocks(t.egress.fd) <= LENGTH + SLACK, "%s: %llu bytes are used",
	   what, (unsigned long long)blocks(t.egress.fd));
	ok(size(t.egress.fd) <= LENGTH, "%s: its size", what);
	trial_close(&t);
	close(t.ingress.fd);
	close(t.egress.fd);
}

/* ---- a small file system of our own */

static char small[] = "/tmp/aether-ahead-XXXXXX";

static int mount_small(void)
{
	char command[400];

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    !mkdtemp(small) || mount("none", small, "tmpfs", 0, NULL) < 0)
		return 0;
	snprintf(command, sizeof(command),
		 "exec >/dev/null 2>&1; cd %s && truncate -s 40M image && "
		 "mkfs.ext4 -q -F -m 0 image && mkdir fs && "
		 "mount -o loop image fs",
		 small);
	return system(command) == 0;
}

/* More is expected than there is: it is no reason to fail, and what was got in
 * vain does not stay the file's. */
static void on_a_full_one(void)
{
	struct ae_ahead ahead;
	char path[100];
	uint64_t before;
	int fd;

	snprintf(path, sizeof(path), "%s/fs", small);
	fd = open_here(path, 0);
	ok(fd >= 0, "a file on a small file system");
	ok(write(fd, input, 5) == 5 && fsync(fd) == 0, "with five bytes");
	before = blocks(fd);
	ae_ahead_open(&ahead, fd, STEP);
	ae_ahead_ask(&ahead, 0);
	printf("# of %llu bytes it got %llu\n", (unsigned long long)STEP,
	       (unsigned long long)blocks(fd));
	ok(write(fd, input, LENGTH) == LENGTH,
	   "it can be written all the same");
	ae_ahead_close(&ahead);
	ok(about(blocks(fd), before) || blocks(fd) <= LENGTH + SLACK,
	   "it keeps %llu bytes", (unsigned long long)blocks(fd));
	is_int(size(fd), LENGTH + 5, "its size is right");
	close(fd);
}

/* Nothing is left: the mounts are ours alone, and go with us. */
static void end_small(void)
{
	umount2(small, MNT_DETACH);
	rmdir(small);
}

int main(void)
{
	for (size_t i = 0; i < LENGTH; i++)
		input[i] = (uint8_t)(i * 7 + i / 251);
	if (find_place()) {
		steps();
		elsewhere();
		in_the_middle();
		stream(0);
		stream(1);
	} else {
		skip("no ext4 with 1 GiB free was found");
	}
	if (mount_small())
		on_a_full_one();
	else
		skip("a small ext4 cannot be mounted here");
	end_small();
	return tap_end();
}
