/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input as memory: on a tmpfs with huge pages, mounted for the test alone,
 * the ingress slices out of the mapping, and what comes out is right for sizes
 * and places around the borders of strides and pages. Whether it was mapped is
 * told by where the tap is shown the bytes: farther apart than a plane is long.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "flow_trial.h"
#include "mapped.h"

#define MIB ((size_t)1 << 20)
#define STRIDE 65536
#define PLANE (16 * STRIDE) /* what the trial's strides hold */
#define ROOM (7 * MIB)
#define KEY 0x5A

static uint8_t input[ROOM], expected[ROOM];
static char place[] = "/tmp/aether-mapped-XXXXXX";
static char small_pages[sizeof(place) + 6];

/* What the worker saw. */
struct seen {
	int mapped;
	int pieces;
	void (*then)(int file); /* once, at the first piece */
	int file;
};

/* Is a file of ours mapped into this process? */
static int is_mapped(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	int found = 0;

	while (maps && !found && fgets(line, sizeof(line), maps))
		found = strstr(line, place) != NULL;
	if (maps)
		fclose(maps);
	return found;
}

static int burn(void *state, const struct aether_piece *piece)
{
	uint8_t *bytes = piece->bytes;
	struct seen *seen = state;

	if (seen->pieces++ == 0) {
		seen->mapped = is_mapped();
		if (seen->then)
			seen->then(seen->file);
	}
	for (size_t i = 0; i < piece->length; i++)
		bytes[i] = (uint8_t)(piece->format == AETHER_FORMAT_RAW
					     ? bytes[i] ^ KEY
					     : ~bytes[i]);
	return 0;
}

/* A file with the beginning of the input, at this place of the stream. */
static int file_of(const char *directory, size_t length, size_t start)
{
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, input, length) != (ssize_t)length ||
	    lseek(fd, (off_t)start, SEEK_SET) < 0)
		abort();
	return fd;
}

/* Streams `length` bytes of the file from `start` on; closes it. */
static void stream(struct trial *t, int fd, size_t start, size_t length,
		   struct seen *seen, const char *what)
{
	struct aether_burn burns = { .name = "test",
				     .burn = burn,
				     .state = seen };
	int good = 1;

	t->workers = 1;
	t->stride_size = STRIDE;
	t->ingress.fd = fd;
	t->egress.fd = trial_file("", 0);
	t->worker[0].burns = &burns;
	t->worker[0].count = 1;
	if (!ok(trial_open(t) == 0, "%s: a plane", what))
		return;
	trial_go(t);
	for (int i = 0; i < WORKER + 1; i++)
		good &= t->stage[i].result == 0;
	for (size_t i = 0; i < length; i++)
		expected[i] = input[start + i] ^
			      (t->ingress.format == AETHER_FORMAT_RAW ? KEY
								      : 0xFF);
	ok(good, "%s: all stages are content", what);
	ok(trial_holds(t->egress.fd, expected, length), "%s: it is right",
	   what);
	is_int(lseek(fd, 0, SEEK_CUR), start + length,
	       "%s: the file is read to its end", what);
	ok(trial_close(t), "%s: all free", what);
	close(t->egress.fd);
	close(fd);
}

/* Can it be mapped? That the machine has had huge pages for one file does not
 * say that it has them for the next. */
static int has_huge(int fd)
{
	struct ae_mapped m;
	int mapped;

	ae_mapped_open(&m, fd);
	mapped = m.bytes != NULL;
	ae_mapped_close(&m);
	return mapped;
}

/*
 * The mapping ends with its last whole stride. What fits into the plane may be
 * sliced to its end before the worker looks, so there nothing is asked; longer
 * input waits for the worker.
 */
static void mapped(size_t size, size_t start)
{
	struct trial t = { .ingress = { .format = AETHER_FORMAT_SLICED,
					.map = 1 } };
	struct seen seen = { .mapped = 0 };
	int fd = file_of(place, size, start), huge = has_huge(fd);
	char what[80];

	snprintf(what, sizeof(what), "%zu bytes from %zu on", size, start);
	stream(&t, fd, start, size - start, &seen, what);
	if (size < 4 * MIB || size - start < STRIDE)
		ok(!seen.mapped, "%s: too short to be mapped", what);
	else if (!huge)
		skip("%s: no huge pages just now", what);
	else if (size - start > PLANE)
		ok(seen.mapped, "%s: mapped", what);
}

static void sizes(void)
{
	static const size_t all[] = {
		2 * MIB - 1,
		2 * MIB,
		2 * MIB + 1,
		4 * MIB - 1,
		4 * MIB,
		4 * MIB + 1,
		4 * MIB + STRIDE,
		4 * MIB + STRIDE - 1,
		4 * MIB + STRIDE + 1,
		6 * MIB,
		6 * MIB + 77777,
		7 * MIB,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		mapped(all[i], 0);
	mapped(5 * MIB, 5);
	mapped(5 * MIB + 3, STRIDE - 1);
	mapped(6 * MIB, 2 * MIB + 1);
	mapped(5 * MIB, 5 * MIB);
	mapped(5 * MIB, 5 * MIB - 1);
	mapped(5 * MIB, 5 * MIB - STRIDE);
}

static void ignore(void *user, const void *bytes, size_t length)
{
	(void)user;
	(void)bytes;
	(void)length;
}

/* What is not sliced, is to be copied or to be shown, was not asked for or lies
 * in small pages is read. */
static void not_mapped(void)
{
	struct trial raw = { .ingress = { .map = 1 } };
	struct trial copied = { .ingress = { .format = AETHER_FORMAT_SLICED,
					     .map = 1,
					     .copy = 1 } };
	struct trial unasked = { .ingress = {
					 .format = AETHER_FORMAT_SLICED } };
	struct trial small = { .ingress = { .format = AETHER_FORMAT_SLICED,
					    .map = 1 } };
	struct trial tapped = { .ingress = { .format = AETHER_FORMAT_SLICED,
					     .map = 1,
					     .tap = { .bytes = ignore } } };
	struct seen seen[5] = { { .mapped = 0 } };

	stream(&raw, file_of(place, ROOM, 0), 0, ROOM, &seen[0], "raw");
	stream(&copied, file_of(place, ROOM, 0), 0, ROOM, &seen[1], "copy");
	stream(&unasked, file_of(place, ROOM, 0), 0, ROOM, &seen[2],
	       "not asked for");
	stream(&small, file_of(small_pages, ROOM, 0), 0, ROOM, &seen[3],
	       "small pages");
	stream(&tapped, file_of(place, ROOM, 0), 0, ROOM, &seen[4], "a tap");
	for (int i = 0; i < 5; i++)
		ok(!seen[i].mapped, "it is not mapped (%d)", i);
	is_int(copied.stage[INGRESS].report.copied, ROOM, "it is copied");
}

/* The end is where the file has it by then. */
static void grow(int file)
{
	size_t half = ROOM - MIB - 3;

	if (pwrite(file, input + half, ROOM - half, (off_t)half) !=
	    (ssize_t)(ROOM - half))
		abort();
}

static void growing(void)
{
	struct trial t = { .ingress = { .format = AETHER_FORMAT_SLICED,
					.map = 1 } };
	struct seen seen = { .then = grow };
	int huge;

	seen.file = file_of(place, ROOM - MIB - 3, 0);
	huge = has_huge(seen.file);
	stream(&t, seen.file, 0, ROOM, &seen, "growing");
	if (huge)
		ok(seen.mapped, "growing: mapped");
	else
		skip("growing: no huge pages just now");
}

/* A mapping that is not wanted leaves nothing. */
static void refused(void)
{
	struct ae_mapped m = { .size = 1 };
	int ends[2];

	ae_mapped_open(&m, open("/dev/zero", O_RDONLY | O_CLOEXEC));
	ok(!m.bytes && !m.size, "a device is not mapped");
	if (pipe2(ends, O_CLOEXEC) == 0) {
		ae_mapped_open(&m, ends[0]);
		ok(!m.bytes && !m.size, "a pipe is not mapped");
	}
	ae_mapped_open(&m, -1);
	ok(!m.bytes && !m.size, "nothing is not mapped");
	ae_mapped_close(&m);
	ok(!m.bytes, "and can be closed");
}

/* The mounts are ours alone, and end with us. */
static void unmount(void)
{
	umount2(place, MNT_DETACH);
	rmdir(place);
}

static int mount_both(void)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    !mkdtemp(place))
		return 0;
	snprintf(small_pages, sizeof(small_pages), "%s/small", place);
	return mount("none", place, "tmpfs", 0, "huge=always,size=64m") == 0 &&
	       mkdir(small_pages, 0700) == 0 &&
	       mount("none", small_pages, "tmpfs", 0, "huge=never,size=64m") ==
		       0;
}

/* Does the machine have huge pages to give? */
static int gives_huge(void)
{
	int fd = file_of(place, ROOM, 0), mapped = has_huge(fd);

	close(fd);
	return mapped;
}

int main(void)
{
	for (size_t i = 0; i < ROOM; i++)
		input[i] = (uint8_t)(i * 31 + i / 253 + i / 65537);
	refused();
	if (mount_both() && gives_huge()) {
		sizes();
		not_mapped();
		growing();
	} else {
		skip("no tmpfs with huge pages can be mounted here");
	}
	unmount();
	return tap_end();
}
