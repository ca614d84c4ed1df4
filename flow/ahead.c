/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Space for the output, asked for before it is written. On ext4 a write into
 * space that the file already has costs half of one that has to find it, for
 * the file system decides on extents at once and not page by page. Elsewhere
 * it was never faster, on tmpfs slower (docs/performance.md), so nothing is
 * asked for. It is no promise: what is refused is written all the same.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "ahead.h"

/* At once: few calls, and an interrupted stream leaves little behind. */
#define PIECE ((uint64_t)64 << 20)

void ae_ahead_open(struct ae_ahead *ahead, int fd, uint64_t expected)
{
	struct stat st;
	struct statfs fs;
	off_t start = lseek(fd, 0, SEEK_CUR);
	int flags = fcntl(fd, F_GETFL);

	ahead->fd = fd;
	ahead->next = ahead->end = 0;
	if (start < 0 || flags < 0 || flags & O_APPEND || fstat(fd, &st) < 0 ||
	    !S_ISREG(st.st_mode) || fstatfs(fd, &fs) < 0 ||
	    fs.f_type != EXT4_SUPER_MAGIC)
		return;
	ahead->next = ahead->start = (uint64_t)start;
	if (expected <= INT64_MAX - ahead->start)
		ahead->end = ahead->start + expected;
}

void ae_ahead_ask(struct ae_ahead *ahead, uint64_t written)
{
	uint64_t length;

	if (ahead->next >= ahead->end || ahead->start + written < ahead->next)
		return;
	length = ahead->end - ahead->next;
	if (length > PIECE)
		length = PIECE;
	if (fallocate(ahead->fd, FALLOC_FL_KEEP_SIZE, (off_t)ahead->next,
		      (off_t)length) < 0)
		ahead->end = 0; /* a part of it may be the file's by now */
	ahead->next += length;
}

void ae_ahead_close(struct ae_ahead *ahead)
{
	struct stat st;

	/* the file's size is not changed; what lies behind it is given back */
	if (ahead->next > ahead->start && fstat(ahead->fd, &st) == 0 &&
	    (uint64_t)st.st_size < ahead->next &&
	    ftruncate(ahead->fd, st.st_size) < 0)
		ahead->end = 0; /* the space stays the file's */
}
